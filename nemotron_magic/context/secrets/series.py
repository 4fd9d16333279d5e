"""Secrets in a Series or an index as it is printed, which has its name aside."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nemotron_magic.context.secrets.expressions import strings
from nemotron_magic.context.secrets.named import kind_of
from nemotron_magic.context.secrets.spans import Span
from nemotron_magic.context.secrets.telling import strength_of
from nemotron_magic.context.secrets.values import is_secret

__all__ = ["series_secrets"]

_NAME = r"(?P<name>[\w .-]{1,60})"
# Below the values, as pandas has it.
_BELOW = re.compile(
    rf"(?m)^(?:Freq: [\w-]{{1,20}}, )?Name: {_NAME}, (?:Length: \d{{1,12}}, )?dtype: "
)
_ABOVE = re.compile(rf"\bSeries: '{_NAME}' \[\w{{1,20}}\]\n(?=\[)")
_BESIDE = re.compile(rf"\][^()\[\]\n]{{0,60}}\bname=['\"]{_NAME}['\"]")
_CELL = re.compile(r"[^ ]+(?: [^ ]+)*$")
_MOST_CHARS = 8000


def series_secrets(text: str) -> Iterator[Span]:
    """Yield the values of each Series or index whose name is telling."""
    for found in _BELOW.finditer(text):
        yield from _values(text, _lines_above(text, found.start()), found["name"])
    for found in _ABOVE.finditer(text):
        yield from _values(text, _strings(text, found.end()), found["name"])
    for found in _BESIDE.finditer(text):
        start = text.rfind("[", max(0, found.start() - _MOST_CHARS), found.start())
        if start >= 0:
            yield from _values(text, _strings(text, start), found["name"])


def _values(text: str, places: Iterator[tuple[int, int]], name: str) -> Iterator[Span]:
    strength = strength_of(name)
    if strength:
        for start, end in places:
            value = text[start:end]
            if is_secret(value, strength, bare=False, code=False):
                yield Span(start, end, kind_of(name))


def _strings(text: str, at: int) -> Iterator[tuple[int, int]]:
    for joined in strings(text, at):
        yield from (piece.span("value") for piece in joined.pieces)


def _lines_above(text: str, end: int) -> Iterator[tuple[int, int]]:
    """Yield the last cell of each line above, up to one that is empty."""
    first = max(0, end - _MOST_CHARS)
    while end > first:
        start = text.rfind("\n", first, end - 1) + 1 or first
        line = text[start : end - 1].rstrip()
        if not line or "dtype: " in line:
            return
        cell = _CELL.search(line, max(0, len(line) - 400))
        if cell and cell.start() and cell[0][0] != ".":
            yield start + cell.start(), start + cell.end()
        end = start
