"""Secrets in columns: tables as they are printed, and separated values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nemotron_magic.context.secrets.named import kind_of
from nemotron_magic.context.secrets.spans import Span
from nemotron_magic.context.secrets.telling import KEYWORD, strength_of
from nemotron_magic.context.secrets.values import Strength, is_secret

__all__ = ["column_secrets"]

_HEAD = re.compile(KEYWORD)
_MARKS = ("|", "│", "\t", ",", ";")
_RULE = re.compile(r"[\s\-+|:=…\u2500-\u257f]*")
_NAME = re.compile(r"[a-z][\w .-]{0,40}")
_CELL = re.compile(r"[^\s]+(?: [^\s]+)*")
_CODE = re.compile(r"[()\[\]{}]|[^\W\d]\w*\.[^\W\d]")
_NUMBER = re.compile(r"[-+\d.,%:e ]*")
_LONGEST_HEAD = 2000

_Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Table:
    """The head of a table: how its cells are parted, and which hold secrets."""

    mark: str | None  # None if they are parted by blanks
    columns: int
    named: dict[int, tuple[_Place, str, Strength]]

    def cells(self, line: str) -> list[_Place | None] | None:
        """Give the cells of the named columns; None if the line is no row."""
        if self.mark:
            parts = _parted(line, self.mark)
            return (
                [parts[number] for number in self.named]
                if len(parts) == self.columns
                else None
            )
        places = _spaced(line)
        starts, ends = {one[0]: one for one in places}, {one[1]: one for one in places}
        found = [
            ends.get(head[1]) or starts.get(head[0])
            for head, _, _ in self.named.values()
        ]
        return found if len(places) > 1 and any(found) else None


def column_secrets(text: str, lowered: str) -> Iterator[Span]:
    """Give the values in columns whose head names a secret."""
    at = 0
    while head := _HEAD.search(lowered, at):
        start = lowered.rfind("\n", at, head.start()) + 1 or at
        at = _line_end(lowered, head.end()) + 1
        if at - start > _LONGEST_HEAD:
            continue
        table = _read_head(lowered[start : at - 1])
        while table and at < len(text):
            end = _line_end(text, at)
            row = _read_row(text[at:end], table)
            if row is None:
                break
            yield from (
                one._replace(start=at + one.start, end=at + one.end) for one in row
            )
            at = end + 1


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _read_head(line: str) -> _Table | None:
    mark = next((one for one in _MARKS if one in line), None)
    places = _parted(line, mark) if mark else _spaced(line)
    if mark == "," and any(start == end for start, end in places):
        return None  # arguments of a call, one a line
    if mark == "," and any(line.count(a) != line.count(b) for a, b in ("()", "[]")):
        return None
    named = {}
    for number, (start, end) in enumerate(places):
        name = line[start:end].strip("\"'")
        if _HEAD.search(name) and _NAME.fullmatch(name) and name != "pass":
            name = re.sub(r"[-. ]+", "_", name)
            strength = strength_of(name)
            if strength:
                named[number] = (start, end), kind_of(name), strength
    return _Table(mark, len(places), named) if named and len(places) > 1 else None


def _read_row(line: str, table: _Table) -> list[Span] | None:
    """Give the secrets in a row; None if the line is none of the table's."""
    if _RULE.fullmatch(line):
        return [] if line.strip() else None
    cells = table.cells(line)
    if cells is None:
        return None
    found = []
    for cell, (_, kind, strength) in zip(cells, table.named.values(), strict=True):
        value = line[cell[0] : cell[1]] if cell else ""
        plain = value.strip("\"'")
        if _NUMBER.fullmatch(plain) or (table.mark == "," and _CODE.search(plain)):
            continue
        if cell and is_secret(plain, strength, bare=False, code=False):
            start = cell[0] + value.find(plain)
            found.append(Span(start, start + len(plain), kind))
    return found


def _parted(line: str, mark: str) -> list[_Place]:
    places, at = [], 0
    for part in line.replace("┆", "│").split(mark):
        inner = part.strip()
        start = at + (part.find(inner) if inner else 0)
        places.append((start, start + len(inner)))
        at += len(part) + len(mark)
    return places


def _spaced(line: str) -> list[_Place]:
    return [found.span() for found in _CELL.finditer(line)]
