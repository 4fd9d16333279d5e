"""Text from elsewhere made fit to be shown, stored and sent."""

from __future__ import annotations

import re

__all__ = ["LongText", "one_line", "well_formed", "without_controls"]

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -~]?)"
    r"|\x9b[0-?]*[ -/]*[@-~]|[\x90\x98\x9d-\x9f][^\x07\x9c]*[\x07\x9c]?"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


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


def without_controls(text: str) -> str:
    r"""Give `text` without what would steer a terminal: all but newline and tab.

    Whole escape sequences go (colours, links, titles, clipboard), then every other
    control character and the signs that reverse the direction of writing.

    Examples
    --------
    >>> without_controls("a\x1b[31mb\x1b]52;c;eA==\x07c")
    'abc'
    """
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


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
