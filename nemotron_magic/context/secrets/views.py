"""Secrets in tables, Series, markup and colored or wrapped text."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from nemotron_magic.context.secrets import pattern
from nemotron_magic.context.secrets.named import strings
from nemotron_magic.context.secrets.values import (
    KEYWORD,
    Passage,
    Span,
    Telling,
    is_written_secret,
    looks_random,
    told_by,
)

__all__ = ["as_read", "column_secrets", "series_secrets"]


_HEAD = re.compile(KEYWORD)
_MARKS = ("|", "│", "\t", ",", ";")
_RULE = re.compile(r"[\s\-+|:=…\u2500-\u257f]*")
_NAME = re.compile(r"[a-z][\w .-]{0,40}")
_CELL = re.compile(r"[^\s]+(?: [^\s]+)*")
_CODE = re.compile(r"[()\[\]{}]|[^\W\d]\w*\.[^\W\d]")
_NUMBER = re.compile(r"[-+\d.,%:e ]*")
_LONGEST_HEAD = 2000

_Place = tuple[int, int]


class _Table(NamedTuple):
    """The head of a table: how its cells are parted, and which hold secrets."""

    mark: str | None  # None if they are parted by blanks
    columns: int
    named: dict[int, tuple[_Place, Telling]]

    def cells(self, line: str) -> list[_Place]:
        """Return the places of those cells in a row; none if it is no row of it."""
        places = _places(line, self.mark)
        if self.mark:
            is_row = len(places) == self.columns
            return [places[number] for number in self.named] if is_row else []
        starts, ends = dict(places), {end: start for start, end in places}
        cells = [
            (ends[end], end) if end in ends else (start, starts.get(start, start))
            for (start, end), _ in self.named.values()
        ]
        is_row = len(places) > 1 and any(start < end for start, end in cells)
        return cells if is_row else []


def column_secrets(passage: Passage) -> Iterator[Span]:
    """Yield the values in columns whose head names a secret."""
    text, lowered, at = passage.text, passage.masked, 0
    for place in passage.names:
        if place < at:
            continue
        start = lowered.rfind("\n", at, place) + 1 or at
        at = _line_end(lowered, place) + 1
        is_head = at - start <= _LONGEST_HEAD
        table = _read_head(lowered[start : at - 1]) if is_head else None
        while table and at < len(text):
            line = text[at : _line_end(text, at)]
            is_rule = line.strip() and _RULE.fullmatch(line)
            cells = [] if is_rule else table.cells(line)
            if not cells and not is_rule:
                break
            told = (telling for _, telling in table.named.values())
            for (start, end), telling in zip(cells, told, strict=False):
                plain = line[start:end].strip("\"'")
                is_code = table.mark == "," and _CODE.search(plain)
                is_one = not is_code and not _NUMBER.fullmatch(plain)
                if is_one and is_written_secret(plain, telling):
                    first = at + line.find(plain, start)
                    yield Span(first, first + len(plain), telling.kind)
            at += len(line) + 1


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _read_head(line: str) -> _Table | None:
    mark = next((one for one in _MARKS if one in line), None)
    places = _places(line, mark)
    if mark == "," and re.search(r"[()\[\]{}]|,\s*$", line):
        return None  # arguments of a call
    named = {}
    for number, (start, end) in enumerate(places):
        name = line[start:end].strip("\"'")
        is_name = _HEAD.search(name) and _NAME.fullmatch(name) and name != "pass"
        telling = told_by(re.sub(r"[-. ]+", "_", name)) if is_name else None
        if telling:
            named[number] = (start, end), telling
    # Above an index a frame of pandas has nothing.
    is_head = len(places) > 1 or (not mark and line[:1] == " ")
    return _Table(mark, len(places), named) if named and is_head else None


def _places(line: str, mark: str | None) -> list[_Place]:
    if not mark:
        return [found.span() for found in _CELL.finditer(line)]
    places, at = [], 0
    for part in line.replace("┆", "│").split(mark):
        start = at + len(part) - len(part.lstrip())
        places.append((start, start + len(part.strip())))
        at += len(part) + len(mark)
    return places


_SERIES_NAME = r"(?P<name>[\w .-]{1,60})"
# The name stands below the values, as pandas has it, above or beside them.
_BELOW = re.compile(
    rf"(?m)^(?:Freq: [\w-]{{1,20}}, )?Name: {_SERIES_NAME}, "
    r"(?:Length: \d{1,12}, )?dtype: "
)
_ABOVE = re.compile(rf"\bSeries: '{_SERIES_NAME}' \[\w{{1,20}}\]\n(?=\[)")
_BESIDE = re.compile(rf"\][^()\[\]\n]{{0,60}}\bname=['\"]{_SERIES_NAME}['\"]")
_LAST_CELL = re.compile(r"[^ ]+(?: [^ ]+)*$")
_MOST_CHARS = 8000


def series_secrets(passage: Passage) -> Iterator[Span]:
    """Yield the values of each Series or index whose name is telling."""
    text = passage.text
    if passage.grams.isdisjoint(("ame", "ser")):
        return
    for form in (_BELOW, _ABOVE, _BESIDE):
        for found in form.finditer(text):
            telling = told_by(found["name"])
            for start, end in _series_cells(text, found) if telling else ():
                if telling and is_written_secret(text[start:end], telling):
                    yield Span(start, end, telling.kind)


def _series_cells(text: str, name: re.Match[str]) -> Iterator[_Place]:
    start, end = name.span()
    first = max(0, start - _MOST_CHARS)
    if name.re is not _BELOW:
        at = end if name.re is _ABOVE else text.rfind("[", first, start)
        for joined in strings(text, at) if at >= 0 else ():
            yield from (piece.span("value") for piece in joined.pieces)
        return
    while start > first:  # the last cell of each line above, up to one that is empty
        end, start = start, text.rfind("\n", first, start - 1) + 1 or first
        line = text[start : end - 1].rstrip()
        if not line or "dtype: " in line:
            return
        cell = _LAST_CELL.search(line, max(0, len(line) - 400))
        if cell and cell.start() and cell[0][0] != ".":
            yield start + cell.start(), start + cell.end()


_COLOUR = r"\x1b\[[0-9;:?]{0,40}[A-Za-z]|\x1b\][^\x07\x1b\n]{0,400}(?:\x07|\x1b\\)"
_CELL_TAGS = "td|th|dd"
_LINE = "tr|table|thead|tbody|dl|ul|ol|li|p|div|pre|br|hr|h[1-6]"
_WITHIN = "b|i|u|s|em|strong|code|kbd|samp|tt|var|mark|span|small|font|label|a|button"
_TAG = rf"</?(?:{_CELL_TAGS}|dt|{_LINE}|{_WITHIN})(?:\s[^<>]{{0,400}})?/?>"
_MARKUP = re.compile(
    rf"{_COLOUR}|(?<!\s)\s*{_TAG}(?:\s*{_TAG})*\s*"
    r"|&(?:quot|amp|lt|gt|apos|nbsp|#\d{1,5}|#x[0-9a-f]{1,4});"
    r"|%(?:2[26c]|3[abd]|5[bd]|7[bd])|\\u00(?:2[267]|3[abcde])",
    re.IGNORECASE,
)
_ONE_TAG = re.compile(_TAG, re.IGNORECASE)
_APART = re.compile(r"</\w+>\s+<\w")
_HEADS = re.compile(r"</th>\s*<th\b", re.IGNORECASE)
_OPENS_CELL = re.compile(rf"<(?:{_CELL_TAGS})\b", re.IGNORECASE)
_ENDS_LINE = re.compile(rf"<dt\b|</?(?:{_LINE})\b", re.IGNORECASE)

_READ: dict[str, Callable[[str], str]] = {
    "&": html.unescape,
    "%": unquote,
    "\\": lambda written: chr(int(written[2:], 16)),
    "\x1b": lambda _: "",
}

# What frames, quotes and programs put around a line break.
_BEFORE_BREAK = " \t\r│|\\\"'"
_AFTER_BREAK = pattern("after_break")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+/=.~%-"
_REST = pattern("rest_of_random")
_NEAR = 200
_SHORTEST = 8

_Edit = tuple[int, int, str]
_CHANGED = frozenset("\x1b<&%\\\n")


def as_read(passage: Passage) -> Passage | None:
    """Return a passage as it reads, or None if that is as it is written.

    Lines are joined where a break parts something that looks random.
    """
    if _CHANGED.isdisjoint(passage.grams):
        return None
    plain = passage.edited(_markup(passage.text))
    whole = plain.edited(_breaks(plain.text))
    return None if whole.text == passage.text else whole


def _markup(text: str) -> Iterator[_Edit]:
    for found in _MARKUP.finditer(text):
        read = _READ.get(found[0][0], _layout)
        yield found.start(), found.end(), read(found[0])


def _layout(tags: str) -> str:
    """Return what parts two texts with these tags between: a tab stands for a cell."""
    cells = len(_OPENS_CELL.findall(tags))
    if _ENDS_LINE.search(tags):
        return "\n" + "\t" * (cells - 1)
    cells += "</label" in tags.lower()
    if not cells and _APART.search(tags):
        cells = 1
    # Behind a head stands no value but another head.
    head = "\v" * bool(_HEADS.search(tags))
    return "\t" * cells + head if cells else _ONE_TAG.sub("", tags)


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
