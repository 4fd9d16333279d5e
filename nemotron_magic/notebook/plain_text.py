"""Our own Markdown as plain text: tables aligned, lines broken between words.

For a terminal without `rich`. What stands in a fence stays as it is, to the letter.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from nemotron_magic.notebook.side_by_side import (
    column_groups,
    fitting_widths,
    least_width,
    width_of,
)

__all__ = ["plain_text"]

_GAP = "  "
_RULE = re.compile(r"\|(?: *:?-+:? *\|)+")
_FENCE = re.compile(r"`{3,}|~{3,}")
_CELLS = re.compile(r"(?<!\\)\|")
_BARE = "```text"
"""A fence that is there for a page alone."""


def plain_text(markdown: str, width_chars: int) -> str:
    r"""Give a text of our own as it is best read in a terminal of this width.

    Examples
    --------
    >>> print(plain_text("| Model | $ |\n|:--|--:|\n| `nano` | 0.11 |", 40))
    Model     $
    ─────  ────
    nano   0.11
    """
    return "\n".join(_lines(markdown.split("\n"), width_chars))


def _lines(lines: Sequence[str], width: int) -> Iterator[str]:
    at, fence, is_bare = 0, "", False
    while at < len(lines):
        line = lines[at]
        mark = _FENCE.match(line)
        if fence or mark:
            begins, ends = not fence, fence and line == fence
            if begins and mark:
                fence, is_bare = mark[0], line == _BARE
            if not (is_bare and (begins or ends)):
                yield line
            if ends:
                fence = ""
        elif line.startswith("|") and _RULE.fullmatch("".join(lines[at + 1 : at + 2])):
            table = _table_at(lines, at)
            yield from _aligned(table, width)
            at += len(table) - 1
        else:
            yield _broken(line, width)
        at += 1


def _table_at(lines: Sequence[str], start: int) -> Sequence[str]:
    end = start
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    return lines[start:end]


def _broken(line: str, width: int) -> str:
    return textwrap.fill(
        line,
        width,
        subsequent_indent="  " if line.startswith("- ") else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _aligned(table: Sequence[str], width: int) -> Iterator[str]:
    head, rule, *rows = map(_cells, table)
    columns = list(zip_longest(head, *rows, fillvalue=""))[: len(head)]
    least = [*map(least_width, columns)]
    to_right = [mark.endswith(":") and not mark.startswith(":") for mark in rule]
    for number, group in enumerate(column_groups(least, width, len(_GAP))):
        if number:
            yield ""
        room = width - len(_GAP) * (len(group) - 1)
        widths = fitting_widths([columns[at] for at in group], room)
        sides = [to_right[at] for at in group]
        heading, *body = zip(*(columns[at] for at in group), strict=True)
        yield from _row(heading, widths, sides)
        yield _GAP.join("─" * one for one in widths)
        for row in body:
            yield from _row(row, widths, sides)


def _cells(row: str) -> list[str]:
    cells = _CELLS.split(row.strip().removeprefix("|").removesuffix("|"))
    return [cell.strip().replace("`", "") for cell in cells]


def _row(
    cells: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]
) -> Iterator[str]:
    folded = [
        textwrap.wrap(cell, width, break_on_hyphens=False) if width else []
        for cell, width in zip(cells, widths, strict=True)
    ]
    for parts in zip_longest(*folded, fillvalue=""):
        padded = map(_padded, parts, widths, to_right)
        yield _GAP.join(padded).rstrip()


def _padded(text: str, width: int, is_to_right: bool) -> str:
    blank = " " * (width - width_of(text))
    return f"{blank}{text}" if is_to_right else f"{text}{blank}"
