"""Secrets in tables, Series, markup and colored or wrapped text."""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from nemotron_magic.context.secrets import pattern, rows, values
from nemotron_magic.context.secrets.expressions import strings
from nemotron_magic.context.secrets.values import Passage, Place, Span, Telling

_HEAD = re.compile(values.KEYWORD)
_MARKS = ("|", "│", "\t", ",", ";")
_RULE = re.compile(r"[\s\-+|:=…\u2500-\u257f]*")
_NAME = re.compile(r"[a-z][\w .-]{0,40}")
_CELL = re.compile(r"[^\s]+(?: [^\s]+)*")
_CODE = re.compile(r"[()\[\]{}]|[^\W\d]\w*\.[^\W\d]")
_NUMBER = re.compile(r"[-+\d.,%:e ]*")
_LONGEST_HEAD = 2000


class _Table(NamedTuple):
    """The head of a table: how its cells are parted, and which hold secrets."""

    mark: str | None  # None if they are parted by blanks
    columns: int
    named: dict[int, tuple[Place, Telling]]

    def secrets(self, line: str, at: int) -> list[Span] | None:
        """Return the secrets in a row, which begins `at`; None if it is no row."""
        if _RULE.fullmatch(line):
            return [] if line.strip() else None
        places = _places(line, self.mark)
        if len(places) != self.columns if self.mark else len(places) < 2:
            return None
        starts, ends = dict(places), {end: start for start, end in places}
        found: list[Span] = []
        is_row = bool(self.mark)
        for number, ((start, end), telling) in self.named.items():
            if self.mark:
                start, end = places[number]
            elif end in ends:
                start = ends[end]
            else:
                end = starts.get(start, start)
            is_row |= start < end
            plain = line[start:end].strip("\"'")
            is_code = self.mark == "," and _CODE.search(plain)
            if not (is_code or _NUMBER.fullmatch(plain)) and telling.announces(plain):
                start = at + line.find(plain, start)
                found.append(Span(start, start + len(plain), telling.kind))
        return found if is_row else None


def column_secrets(passage: Passage) -> Iterator[Span]:
    """Yield the values in columns whose head names a secret."""
    table: _Table | None = None
    at, names = 0, passage.names
    lines = zip(passage.text.split("\n"), passage.masked.split("\n"), strict=True)
    for line, lowered in lines if names else ():
        found = table.secrets(line, at) if table else None
        if found is None:
            is_named = bisect_left(names, at) < bisect_left(names, at + len(line))
            is_head = is_named and len(line) <= _LONGEST_HEAD
            table = _read_head(lowered) if is_head else None
        yield from found or ()
        at += len(line) + 1


def _read_head(line: str) -> _Table | None:
    mark = next((one for one in _MARKS if one in line), None)
    places = _places(line, mark)
    if mark == "," and re.search(r"[()\[\]{}]|,\s*$", line):
        return None  # arguments of a call
    named = {}
    for number, (start, end) in enumerate(places):
        name = line[start:end].strip("\"'")
        is_name = _HEAD.search(name) and _NAME.fullmatch(name) and name != "pass"
        telling = values.told_by(re.sub(r"[-. ]+", "_", name)) if is_name else None
        if telling:
            named[number] = (start, end), telling
    # Above an index a frame of pandas has nothing.
    is_head = len(places) > 1 or (not mark and line[:1] == " ")
    return _Table(mark, len(places), named) if named and is_head else None


def _places(line: str, mark: str | None) -> list[Place]:
    if not mark:
        return [found.span() for found in _CELL.finditer(line)]
    places, at = [], 0
    for part in line.replace("┆", "│").split(mark):
        start = at + len(part) - len(part.lstrip())
        places.append((start, start + len(part.strip())))
        at += len(part) + len(mark)
    return places


# The name stands below the values, as pandas has it, above or beside them.
_BELOW, _ABOVE, _BESIDE = (re.compile(form) for _, form in rows("series", 2))
_LAST_CELL = re.compile(r"[^ ]+(?: [^ ]+)*$")
_MOST_CHARS = 8000


def series_secrets(passage: Passage) -> Iterator[Span]:
    """Yield the values of each Series or index whose name is telling."""
    text = passage.text
    if passage.grams.isdisjoint(("me:", ": '", "me=")):
        return
    for form in (_BELOW, _ABOVE, _BESIDE):
        for found in form.finditer(text):
            telling = values.told_by(found["name"])
            for start, end in _series_cells(text, found) if telling else ():
                if telling and telling.announces(text[start:end]):
                    yield Span(start, end, telling.kind)


def _series_cells(text: str, name: re.Match[str]) -> Iterator[Place]:
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


_MARKUP, _ONE_TAG, _HEADS, _OPENS_CELL, _ENDS_LINE = (
    re.compile(form, re.IGNORECASE) for _, form in rows("markup", 2)
)
_APART = re.compile(r"</\w+>\s+<\w")
_READ: dict[str, Callable[[str], str]] = {
    "&": html.unescape,
    "%": unquote,
    "\\": lambda written: chr(int(written[2:], 16)),
    "\x1b": lambda _: "",
}

# What frames, quotes and programs put around a line break.
_BEFORE_BREAK = " \t\r│|\\\"'"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+/=.~%-"
_NEAR = 200
_SHORTEST = 8
_CHANGED = frozenset("\x1b<&%\\\n")
_AFTER_BREAK, _REST_OF_RANDOM = pattern("after_break"), pattern("rest_of_random")


def as_read(passage: Passage) -> Passage | None:
    """Return a passage as a reader sees it; None if that is as it is written."""
    if _CHANGED.isdisjoint(passage.grams):
        return None
    found = _MARKUP.finditer(passage.text)
    markup = [(*one.span(), _READ.get(one[0][0], _layout)(one[0])) for one in found]
    plain = passage.edited(markup) if markup else passage
    breaks = [*_breaks(plain.text)]
    whole = plain.edited(breaks) if breaks else plain
    return None if whole.text == passage.text else whole


def _layout(tags: str) -> str:
    """Return what separates two texts with tags between them: a tab for each cell."""
    cells = len(_OPENS_CELL.findall(tags))
    if _ENDS_LINE.search(tags):
        return "\n" + "\t" * (cells - 1)
    cells += "</label" in tags.lower()
    if not cells and _APART.search(tags):
        cells = 1
    # Behind a head stands no value but another head.
    head = "\v" * bool(_HEADS.search(tags))
    return "\t" * cells + head if cells else _ONE_TAG.sub("", tags)


def _breaks(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the line breaks, with what frames them, within what looks random."""
    goes_on = False
    for at in (one.start() for one in re.finditer("\n", text)):
        near = max(0, at - _NEAR)
        start = max(text.rfind("\n", near, at) + 1, near)
        line = text[start:at].rstrip(_BEFORE_BREAK)
        before = line.rstrip(_LETTERS)
        last = line[len(before) :]
        is_within = goes_on or before.strip(_BEFORE_BREAK) or re.search("[=-]", last)
        goes_on = False
        if is_within and len(last) >= _SHORTEST:
            frame = _AFTER_BREAK.match(text, at + 1)
            after = frame.end() if frame else at + 1
            more = _REST_OF_RANDOM.match(text, after, after + _NEAR)
            is_random = values.looks_random(last.rpartition("=")[2], _SHORTEST)
            goes_on = is_random and more is not None
            if goes_on:
                yield start + len(line), after, ""
