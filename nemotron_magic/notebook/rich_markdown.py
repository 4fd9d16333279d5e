"""Markdown as `rich` prints it, but with nothing of a table left out.

`rich` cuts the cells of a table that is too wide, and prints one with more columns than
the terminal has room for as empty lines. Here cells are folded, and columns that do not
fit side by side follow below, beside the first one again, as pandas does it. A table of
which the beginning is printed already goes on below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from rich import box
from rich.markdown import CodeBlock, Markdown, MarkdownElement, TableElement
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from nemotron_magic.markdown.code import language_of
from nemotron_magic.markdown.highlight import BoundedLexer
from nemotron_magic.markdown.tokens import terminal_tokens
from nemotron_magic.notebook.side_by_side import (
    column_groups,
    fitting_widths,
    least_width,
    width_of,
)

if TYPE_CHECKING:
    from markdown_it.token import Token
    from rich.console import Console, ConsoleOptions

__all__ = ["Columns", "WholeMarkdown", "whole_markdown"]

_GAP_CHARS = 2
"""What the box puts between two columns."""

_EDGES_CHARS = 2
"""What it puts around all of them."""

_Row = Sequence[Text]


@dataclass(frozen=True, slots=True)
class Columns:
    """What a table looks like, for the rest of it to look the same."""

    headings: tuple[Text, ...]
    widths_chars: tuple[int, ...]


class _WholeTable(TableElement):
    """A table whose cells are all shown."""

    _markdown: WholeMarkdown

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> _WholeTable:
        """Make one that knows what it stands in."""
        made = cls()
        made._markdown = cast("WholeMarkdown", markdown)
        return made

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[Table]:
        """Give as many tables as it takes."""
        headings, *rows = self._rows()
        above = self._above(headings)
        headings = above.headings if above else headings
        columns = [_texts(cells) for cells in zip(headings, *rows, strict=True)]
        widths = [max(map(width_of, cells)) for cells in columns]
        if above:
            widths = [*map(max, widths, above.widths_chars)]
        self._markdown.below = Columns(tuple(headings), tuple(widths))
        room = options.max_width - _EDGES_CHARS
        if sum(widths) + _GAP_CHARS * (len(widths) - 1) <= room:
            yield _table(headings, rows, widths, with_headings=not above)
            return
        self._markdown.is_apart = above is not None
        for group in column_groups([*map(least_width, columns)], room, _GAP_CHARS):
            shown, *below = ([row[at] for at in group] for row in (headings, *rows))
            left = room - _GAP_CHARS * (len(group) - 1)
            widths = fitting_widths([columns[at] for at in group], left)
            yield _table(shown, below, widths)

    def _above(self, headings: _Row) -> Columns | None:
        """Give what is above, if this is the rest of a table: that has no headings."""
        above = self._markdown.above
        is_rest = above and len(above.headings) == len(headings)
        is_bare = not any(heading.plain.strip() for heading in headings)
        return above if is_rest and is_bare else None

    def _rows(self) -> list[_Row]:
        """Give the cells of the header and of each row, as many in all of them."""
        head = self.header.row if self.header else None
        body = self.body.rows if self.body else []
        return [[cell.content for cell in row.cells] for row in [head, *body] if row]


class _BoundedCode(CodeBlock):
    """A block of code in the colours, and the bounds, of one on a page."""

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> _BoundedCode:
        """Make one for a fence or an indented block."""
        return cls(language_of(token.info or ""), markdown.code_theme)

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[Syntax]:
        """Give the code as `rich` does, by our own lexer."""
        code, lexer = str(self.text).rstrip(), BoundedLexer(self.lexer_name)
        yield Syntax(code, lexer, theme=self.theme, word_wrap=True, padding=1)


class WholeMarkdown(Markdown):
    """Markdown with such tables, and such code.

    Attributes
    ----------
    above : Columns or None
        Of the table that it begins in the middle of.
    below : Columns or None
        Of the last table in it, once it has been printed.
    is_apart : bool
        Whether the table that it begins in was printed with its headings again.
    """

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "table_open": _WholeTable,
        "code_block": _BoundedCode,
        "fence": _BoundedCode,
    }
    above: Columns | None = None
    below: Columns | None = None
    is_apart: bool = False


def whole_markdown(text: str, above: Columns | None = None) -> WholeMarkdown:
    """Give a text as what `rich` can print.

    Parameters
    ----------
    above : Columns, optional
        Of the table that the text begins in the middle of.
    """
    made = WholeMarkdown("", hyperlinks=False)
    made.parsed = terminal_tokens(text)
    made.above = above
    return made


def _table(
    headings: _Row,
    rows: Sequence[_Row],
    widths_chars: Sequence[int],
    with_headings: bool = True,
) -> Table:
    table = Table(
        box=box.SIMPLE,
        pad_edge=False,
        style="markdown.table.border",
        collapse_padding=True,
        show_header=with_headings,
    )
    for heading, width in zip(headings, widths_chars, strict=True):
        styled = heading.copy()
        styled.stylize("markdown.table.header")
        table.add_column(styled, overflow="fold", width=width)
    for row in rows:
        table.add_row(*row)
    return table


def _texts(cells: Iterable[Text]) -> list[str]:
    return [cell.plain for cell in cells]
