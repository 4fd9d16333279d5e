"""Text from elsewhere made fit to be shown, stored and sent.

Text that looks empty can carry orders to a model, marks of writing direction can make
code read as something it is not (https://trojansource.codes, CVE-2021-42574), and a
terminal obeys what it prints.
"""

from __future__ import annotations

import math
import re
from itertools import count

__all__ = [
    "GrowingText",
    "LongText",
    "as_name",
    "one_line",
    "visible",
    "well_formed",
    "with_hidden_shown",
    "with_smuggled_shown",
    "without_controls",
    "without_hidden",
    "without_smuggled",
]

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -~]?)"
    r"|\x9b[0-?]*[ -/]*[@-~]|[\x90\x98\x9d-\x9f][^\x07\x9c\n]*[\x07\x9c]?"
)
_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b"
    "\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001d173-\U0001d17a"
)
# Tags have no look at all and carry text of their own; so do selectors of a variation,
# but for one after a character.
_SMUGGLERS = re.compile(
    "[\U000e0000-\U000e0fff]+"
    rf"|(?<![^{_UNSEEN}\u200c\u200d\ufe00-\ufe0f\U000e0000-\U000e0fff])[\ufe00-\ufe0f]+"
)
# Joiners are letters' business in emoji and in Persian; beside all else they only hide.
_LETTER = rf"[^\x00-\xa0{_UNSEEN}\u200c\u200d]"
_HIDDEN = re.compile(
    rf"([{_UNSEEN}]|(?<!{_LETTER})[\u200c\u200d]|[\u200c\u200d](?!{_LETTER}))\1*"
)
# Nearly no text has any, and one set of characters is looked for five times as fast.
_MAY_HIDE = re.compile(rf"[{_UNSEEN}\u200c\u200d]")
_HIDDEN_AT_END = re.compile(
    rf"[{_UNSEEN}\u200c\u200d\ufe00-\ufe0f\U000e0000-\U000e0fff\ud800-\udfff]+\Z"
)


class LongText:
    """A text that grows by pieces and takes the memory of its characters alone.

    A list of the pieces of a reply takes ten times that, and so does `io.StringIO`,
    which keeps such a list.
    """

    __slots__ = ("_encoded",)

    def __init__(self) -> None:
        self._encoded = bytearray()

    def add(self, piece: str) -> None:
        """Put `piece` at the end."""
        # A piece may end in half an emoji, see `well_formed`.
        self._encoded += piece.encode("utf-8", "surrogatepass")

    def __bool__(self) -> bool:
        return bool(self._encoded)

    def __str__(self) -> str:
        return self._encoded.decode("utf-8", "surrogatepass")


def one_line(text: str, longest: int = 300) -> str:
    """Give `text` as one line of at most `longest` characters, none a control."""
    line = " ".join(without_controls(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def as_name(text: str, longest: int = 200) -> str:
    """Give what a service calls something: one line that fits in a cell of a table.

    >>> as_name("a` | b")
    'a b'
    """
    return one_line(text.replace("`", "").replace("|", ""), longest)


def without_controls(text: str) -> str:
    r"""Give `text` without what cannot be seen or would steer a terminal.

    Whole escape sequences go (colours, links, titles, clipboard), then every other
    character without a look of its own; newline and tab stay.

    Examples
    --------
    >>> without_controls("a\x1b[31mb\x1b]52;c;eA==\x07c")
    'abc'
    """
    return without_hidden(_ESCAPES.sub("", text.replace("\r\n", "\n")))


def without_smuggled(text: str) -> str:
    """Give `text` without what only carries hidden text, and well formed."""
    return text if text.isascii() else _SMUGGLERS.sub("", well_formed(text))


def with_smuggled_shown(text: str) -> str:
    r"""Give `text` with a sign in place of what only carries hidden text.

    Examples
    --------
    >>> with_smuggled_shown("why\U000e0041\U000e0042?")
    'why[U+E0041 and 1 more]?'
    """

    def sign(match: re.Match[str]) -> str:
        more = f" and {len(match[0]) - 1:,} more" if len(match[0]) > 1 else ""
        return f"[U+{ord(match[0][0]):04X}{more}]"

    return text if text.isascii() else _SMUGGLERS.sub(sign, text)


def without_hidden(text: str) -> str:
    """Give `text` without what cannot be seen, for where no sign of it can stand."""
    text = without_smuggled(text)
    return _HIDDEN.sub("", text) if _MAY_HIDE.search(text) else text


def with_hidden_shown(text: str, frame: str = "{}", most: float = math.inf) -> str:
    r"""Give `text` with a sign in place of each character that cannot be seen.

    Parameters
    ----------
    frame : str
        What the sign stands in, at `{}`.
    most : float
        How many are told by their number; U+FFFD stands for every one after them.

    Examples
    --------
    >>> with_hidden_shown("a\u202eb\x1b[1m\x00\x00")
    'a[U+202E]b[U+001B][1m[U+0000 ×2]'
    """
    numbers = count()

    def sign(match: re.Match[str]) -> str:
        if next(numbers) >= most:
            return "\ufffd"
        times = f" ×{len(match[0])}" if len(match[0]) > 1 else ""
        return frame.replace("{}", f"[U+{ord(match[1]):04X}{times}]")

    text = text if text.isascii() else _SMUGGLERS.sub("", text)
    return _HIDDEN.sub(sign, text) if _MAY_HIDE.search(text) else text


def visible(text: str) -> str:
    """Give `text` for a terminal: nothing in it steers, hides or is lost."""
    return with_hidden_shown(well_formed(text).replace("\r\n", "\n"))


class GrowingText:
    """Makes a text `visible` that comes by pieces, the same however it is cut.

    What cannot be seen is held back at the end of a piece until it is known what
    follows.
    """

    __slots__ = ("_before", "_held")

    def __init__(self) -> None:
        self._before = self._held = ""

    def add(self, piece: str) -> str:
        """Give what can be shown now."""
        text = self._held + piece
        hidden = _HIDDEN_AT_END.search(text)
        end = hidden.start() if hidden else len(text)
        self._held = text[end:]
        return self._shown(text[:end])

    def end(self) -> str:
        """Give what was held back."""
        held, self._held = self._held, ""
        return self._shown(held)

    def _shown(self, text: str) -> str:
        shown = visible(self._before + text)[len(self._before) :]
        # What a joiner after it is depends on it.
        self._before = text[-1:] or self._before
        return shown


def well_formed(text: str) -> str:
    """Give `text` so that it can be encoded.

    JSON may cut an emoji's two surrogates into two chunks: halves that stand side by
    side become one character. A half that stays alone becomes U+FFFD.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
