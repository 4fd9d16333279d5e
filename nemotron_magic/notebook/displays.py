"""What cells displayed, which a kernel sends off and keeps no note of."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["Displays", "shown"]

_MOST_DISPLAYS = 20
_MOST_CHARS = 4_000
_LOOKED_AT_CHARS = 10_000
_BEGINNINGS = (
    *("shape: (", "pyarrow.", "array(", "masked_array(", "Index(", "MultiIndex("),
    *("DatetimeIndex(", "CategoricalIndex(", "PeriodIndex(", "TimedeltaIndex("),
    *("IntervalIndex(", "<xarray.", "<pyarrow."),
)
_END_CHARS = 500
_END = re.compile(
    r"\bdtype: \S.*$|\[\d+ rows x \d+ columns\]$|\nCategories \(\d.*$", re.DOTALL
)


class Displays:
    """Listens to the displays of a kernel's cells.

    Attributes
    ----------
    heard : dict of int to list of str
        What each cell displayed, as text, by its number.
    """

    def __init__(self, shell: Any) -> None:
        self.heard: dict[int, list[str]] = {}
        self._shell = shell
        shell.display_pub.register_hook(self._hear)

    def close(self) -> None:
        """Stop listening."""
        self._shell.display_pub.unregister_hook(self._hear)

    def _hear(self, message: Any) -> Any:
        """Note a message on its way to the front end; give it, to be sent."""
        if message["header"]["msg_type"] == "display_data":
            # Here and not above: loading the extension is to stay light.
            from nemotron_magic.notebook.execution import cell_number

            number = cell_number(self._shell)
            noted = self.heard.setdefault(number, [])
            if len(noted) < _MOST_DISPLAYS:
                noted.append(shown(message["content"]["data"]))
        return message


def shown(bundle: dict[str, Any]) -> str:
    """Give a displayed object as text; a table's rows are values, and stay here."""
    text = str(bundle.get("text/plain", ""))
    if "<table" in str(bundle.get("text/html", ""))[:5000] or _is_table(text):
        return "[a table was displayed]"
    images = [kind for kind in bundle if kind.startswith("image/")]
    text = text[:_MOST_CHARS]
    return f"{text} [{images[0]}]" if images else text


def _is_table(text: str) -> bool:
    """Tell whether a text is a table or an array as its library writes it.

    A terminal asks for no HTML, and a Series or an array has none anywhere. A frame of
    pandas has lines of one length, as its columns end at the same places.
    """
    if "\n" not in text and "(" not in text:
        return False
    head = text[:_LOOKED_AT_CHARS].split("\n")
    lines = head[:-1] if len(text) > _LOOKED_AT_CHARS else head
    is_aligned = len(lines) > 1 and len({*map(len, lines)}) == 1 and "  " in lines[0]
    begins = text.startswith(_BEGINNINGS)
    return is_aligned or begins or _END.search(text[-_END_CHARS:]) is not None
