"""What cells displayed, which a kernel sends off and keeps no note of."""

from __future__ import annotations

from typing import Any

__all__ = ["Displays", "shown"]

_MOST_DISPLAYS = 20
_MOST_CHARS = 4_000
_HIDDEN = "[what was displayed looks personal]"


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
    """Return a displayed object as text; values that may be people's stay here."""
    from nemotron_magic.context.describers.texts import is_open, is_printed_table

    text = str(bundle.get("text/plain", ""))
    if "<table" in str(bundle.get("text/html", ""))[:5000] or is_printed_table(text):
        return "[a table was displayed]"
    images = [kind for kind in bundle if kind.startswith("image/")]
    text = text[:_MOST_CHARS] if is_open(text) else _HIDDEN
    return f"{text} [{images[0]}]" if images else text
