"""A text as its reader sees it: without colours and tags, and with no word broken."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from nemotron_magic.context.secrets.spans import Span
from nemotron_magic.context.secrets.values import looks_random

__all__ = ["View", "as_read"]

_COLOUR = r"\x1b\[[0-9;:?]{0,40}[A-Za-z]|\x1b\][^\x07\x1b\n]{0,400}(?:\x07|\x1b\\)"
_CELL = "td|th|dd"
_LINE = "tr|dt|table|thead|tbody|dl|ul|ol|li|p|div|pre|br|hr|h[1-6]"
_WITHIN = "b|i|u|s|em|strong|code|kbd|samp|tt|var|mark|span|small|font|label|a|button"
_TAG = rf"</?(?:{_CELL}|{_LINE}|{_WITHIN})(?:\s[^<>]{{0,400}})?/?>"
_MARKUP = re.compile(
    rf"{_COLOUR}|(?<!\s)\s*{_TAG}(?:\s*{_TAG})*\s*"
    r"|&(?:quot|amp|lt|gt|apos|nbsp|#\d{1,5}|#x[0-9a-f]{1,4});",
    re.IGNORECASE,
)
_ONE_TAG = re.compile(_TAG, re.IGNORECASE)
_OPENS_CELL = re.compile(rf"<(?:{_CELL})\b", re.IGNORECASE)
_ENDS_LINE = re.compile(rf"</?(?:{_LINE})\b", re.IGNORECASE)

# What frames, quotes and programs put around a line break.
_BEFORE_BREAK = " \t\r│|\\\"'"
_AFTER_BREAK = re.compile(r"""[ \t]{0,200}[│|>]?[ \t]{0,200}[│|]?[ \t]{0,200}["']?""")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+/=.~%-"
_REST = re.compile(
    r"(?=[\w+/.~%-]*\d)(?=[\w+/.~%-]*[A-Za-z])[\w+/.~%-]{3,}={0,2}"
    r"(?=[\s\"'│|,.;)}\]&]|$)",
    re.ASCII,
)
_NEAR = 200
_SHORTEST = 8
_REACH = 500

_Edit = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class View:
    """A text made of pieces of another, and the places that they had there.

    Parameters
    ----------
    starts, places : list of int
        Where each piece begins in this text, and where in the other.
    beneath : View or None
        The other text, if it is made of pieces itself.
    """

    text: str
    starts: list[int]
    places: list[int]
    beneath: View | None = None

    def back(self, span: Span) -> Span:
        """Return a span of this text as one of the text that it was made of."""
        start, end = self._back(span.start), self._back(span.end - 1) + 1
        placed = span._replace(start=start, end=end)
        return self.beneath.back(placed) if self.beneath else placed

    def forth(self, at: int) -> int:
        """Return where a place of the other text is in this one."""
        piece = bisect_right(self.places, at) - 1
        return self.starts[piece] + at - self.places[piece]

    def _back(self, at: int) -> int:
        piece = bisect_right(self.starts, at) - 1
        return self.places[piece] + at - self.starts[piece]


def as_read(text: str) -> View | None:
    """Return `text` as it reads, or None if that is as it is written.

    Lines are joined where a break parts something that looks random. What stands far
    from every change is left out, as it reads no otherwise.
    """
    plain = _edited(text, _markup(text), None)
    whole = _edited(plain.text, _breaks(plain.text), plain)
    if whole.text == text:
        return None
    changes = sorted({*whole.starts, *map(whole.forth, plain.starts), len(whole.text)})
    return _edited(whole.text, _far(changes), whole)


def _edited(text: str, edits: Iterable[_Edit], beneath: View | None) -> View:
    pieces: list[str] = []
    starts, places = [0], [0]
    length = at = 0

    def add(piece: str, place: int) -> None:
        nonlocal length
        if piece:
            starts.append(length)
            places.append(place)
            pieces.append(piece)
            length += len(piece)

    for start, end, instead in edits:
        add(text[at:start], at)
        add(instead, start)
        at = end
    add(text[at:], at)
    return View("".join(pieces), starts, places, beneath)


def _far(changes: list[int]) -> Iterator[_Edit]:
    for one, other in pairwise(changes):
        if other - one > 2 * _REACH:
            yield one + _REACH, other - _REACH, "\n\n"


def _markup(text: str) -> Iterator[_Edit]:
    if not any(mark in text for mark in ("\x1b", "<", "&")):
        return
    for found in _MARKUP.finditer(text):
        written = found[0]
        if written[0] == "&":
            instead = html.unescape(written)
        elif written[0] == "\x1b":
            instead = ""
        else:
            instead = _layout(written)
        yield found.start(), found.end(), instead


def _layout(tags: str) -> str:
    """Return what parts two texts with these tags between: a tab stands for a cell."""
    cells = len(_OPENS_CELL.findall(tags))
    if _ENDS_LINE.search(tags):
        return "\n" + "\t" * (cells - 1)
    if "</label" in tags.lower():
        cells += 1
    return "\t" * cells if cells else _ONE_TAG.sub("", tags)


def _breaks(text: str) -> Iterator[_Edit]:
    """Yield the line breaks, with what frames them, within what looks random."""
    goes_on = False
    at = text.find("\n")
    while at >= 0:
        near = max(0, at - _NEAR)
        start = max(text.rfind("\n", near, at) + 1, near)
        line = text[start:at].rstrip(_BEFORE_BREAK)
        before = line.rstrip(_LETTERS)
        goes_on = len(line) - len(before) >= _SHORTEST and (
            goes_on
            or bool(before.strip(_BEFORE_BREAK))
            or bool(re.search("[=-]", line[len(before) :]))
        )
        if goes_on and looks_random(line[len(before) :].rpartition("=")[2], _SHORTEST):
            frame = _AFTER_BREAK.match(text, at + 1)
            after = frame.end() if frame else at + 1
            goes_on = bool(_REST.match(text, after, after + _NEAR))
            if goes_on:
                yield start + len(line), after, ""
        else:
            goes_on = False
        at = text.find("\n", at + 1)
