"""Markdown as `rich` prints it, but with nothing of a table left out.

`rich` cuts the cells of a table that is too wide, and prints one with more columns than
the terminal has room for as empty lines. Here cells are folded, and columns that do not
fit side by side follow below, beside the first one again, as pandas does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich import box
from rich.markdown import Markdown, MarkdownElement, TableElement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from nemotron_magic.markdown.tokens import terminal_tokens
from nemotron_magic.notebook.side_by_side import column_groups, least_width

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions

    from nemotron_magic.markdown import Block

__all__ = ["Piece", "WholeMarkdown", "whole_markdown"]

_GAP_CHARS = 2
"""What the box puts between two columns."""


class _WholeTable(TableElement):
    """A table whose cells are all shown."""

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[Table]:
        """Give as many tables as it takes."""
        header, *rows = self._rows()
        columns = list(zip(header, *rows, strict=True))
        least = [least_width(cell.plain for cell in cells) for cells in columns]
        for group in column_groups(least, options.max_width - 2, _GAP_CHARS):
            yield _table([columns[at] for at in group])

    def _rows(self) -> list[list[Text]]:
        """Give the cells of the header and of each row, as many in all of them."""
        head = self.header.row if self.header else None
        body = self.body.rows if self.body else []
        return [[cell.content for cell in row.cells] for row in [head, *body] if row]


class WholeMarkdown(Markdown):
    """Markdown with such tables."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "table_open": _WholeTable,
    }


class Piece:
    """A piece of a growing reply, as far from the piece before as if both were one.

    Parameters
    ----------
    needs_gap : bool
        Whether the piece before ended in text, with no empty line after it.

    Attributes
    ----------
    ends_in_text : bool
        The same of this one, once it was printed.
    """

    def __init__(self, block: Block, needs_gap: bool) -> None:
        self._block = block
        self._needs_gap = needs_gap
        self.ends_in_text = True

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[Segment]:
        """Give the lines."""
        markdown = whole_markdown(self._block.markdown)
        lines = console.render_lines(markdown, options, pad=False)
        classes = self._block.classes.split()
        if "nm-joined" in classes:
            del lines[: _empty(lines[:1])]
        elif self._needs_gap and lines and not _empty(lines[:1]):
            lines.insert(0, [])
        if "nm-open" in classes and _empty(lines[-1:]):
            del lines[-1]
        for line in lines:
            yield from line
            yield Segment.line()
        self.ends_in_text = bool(lines) and not _empty(lines[-1:])


def _empty(lines: Sequence[Sequence[Segment]]) -> int:
    """Count the lines without a letter."""
    return sum(not "".join(part.text for part in line).strip() for line in lines)


def whole_markdown(text: str) -> WholeMarkdown:
    """Give a text as what `rich` can print."""
    made = WholeMarkdown("", hyperlinks=False)
    made.parsed = terminal_tokens(text)
    return made


def _table(columns: Sequence[Sequence[Text]]) -> Table:
    table = Table(
        box=box.SIMPLE,
        pad_edge=False,
        style="markdown.table.border",
        collapse_padding=True,
    )
    for heading, *_ in columns:
        styled = heading.copy()
        styled.stylize("markdown.table.header")
        table.add_column(styled, overflow="fold")
    for row in zip(*(cells for _, *cells in columns), strict=True):
        table.add_row(*row)
    return table
