"""A reply's blocks in a terminal, one below the other, so that they read as one text.

They are printed one by one while the reply streams. What was cut inside of a list, a
table or a block of code is joined again; between all others is one empty line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.segment import Segment

from nemotron_magic.notebook.rich_markdown import Columns, whole_markdown

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions

    from nemotron_magic.markdown import Block

__all__ = ["Piece"]

_Line = list[Segment]

_DEPTH = re.compile(r"nm-in-(\d)")
_INDENT_CHARS = 3
"""How far `rich` indents what is inside of an item."""


class Piece:
    """One block as it is printed below another.

    Parameters
    ----------
    block : Block
        What to print.
    is_first : bool
        Whether nothing of the reply is above it.
    columns : Columns, optional
        Of the last table above it.
    goes_on : bool
        Whether the next block goes on in the middle of its table or its code.

    Attributes
    ----------
    is_seen : bool
        Whether it took a line, once it has been printed.
    """

    def __init__(
        self,
        block: Block,
        is_first: bool = True,
        columns: Columns | None = None,
        goes_on: bool = False,
    ) -> None:
        self._block = block
        self._has_gap = not is_first and "nm-joined" not in block.classes
        self._goes_on = goes_on
        self.is_seen = False
        above = columns if block.is_inside else None
        self._made = whole_markdown(block.markdown, above)

    @property
    def columns(self) -> Columns | None:
        """Those of its last table, once it has been printed."""
        return self._made.below

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[Segment]:
        """Give its lines, without the empty ones around them."""
        found = _DEPTH.search(self._block.classes)
        indent = _INDENT_CHARS * int(found[1]) if found else 0
        inner = options.update(width=max(options.max_width - indent, 1))
        lines = self._joined(console.render_lines(self._made, inner, pad=False))
        self.is_seen = bool(lines)
        if lines and (self._has_gap or self._made.is_apart):
            yield Segment.line()
        for line in lines:
            yield Segment(" " * indent)
            yield from line
            yield Segment.line()

    def _joined(self, lines: list[_Line]) -> list[_Line]:
        """Take off what would part it from what it belongs to."""
        lines = _stripped(lines)
        if self._block.is_inside and lines and _is_edge(lines[0]):
            lines = lines[1:]
        # An empty line at its end was cut off, and the edge stands for that.
        ends_blank = self._block.source.endswith("\n\n")
        if self._goes_on and not ends_blank and lines and _is_edge(lines[-1]):
            lines = lines[:-1]
        return lines


def _stripped(lines: list[_Line]) -> list[_Line]:
    shown = [at for at, line in enumerate(lines) if not _is_empty(line)]
    return lines[shown[0] : shown[-1] + 1] if shown else []


def _is_blank(line: _Line) -> bool:
    return not "".join(segment.text for segment in line).strip()


def _is_edge(line: _Line) -> bool:
    """Tell the coloured line that code has above and below it."""
    return _is_blank(line) and any(s.style and s.style.bgcolor for s in line)


def _is_empty(line: _Line) -> bool:
    return _is_blank(line) and not _is_edge(line)
