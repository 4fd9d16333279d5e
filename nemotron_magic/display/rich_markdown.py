"""Markdown in a terminal, rendered with rich.

What `rich` does itself would drop `List<String>`, hide where a link leads, take the
backslashes of formulas for escapes, cut wide tables and break lines of code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, TextIO, cast

from markdown_it.token import Token
from rich import box
from rich import markdown as md
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.console import RenderResult as Result
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from nemotron_magic.core.text import visible
from nemotron_magic.markdown.highlight import colored
from nemotron_magic.markdown.parser import NESTED_AT_MOST, as_block, language_of, parser
from nemotron_magic.markdown.sanitize import place_to_show
from nemotron_magic.markdown.streaming import close_open_marks

_GAP_CHARS = 2  # between two columns
_LONG_CHARS = 12  # a longer word is broken to make room for other columns
_Line = list[Segment]

_THEME = Theme(
    {
        "markdown.code": "bold cyan",
        "markdown.h6": "italic",
        "markdown.table.border": "cyan",
        "markdown.table.header": "bold",
    }
)
"""No background, which suits a dark or a light terminal alone; dim lines are ours."""

_CODE_STYLES = {
    "k": "green", "a": "cyan", "s": "red", "m": "cyan", "c": "italic", "d": "magenta",
    "f": "bold", "b": "", "t": "green",
}  # fmt: skip
"""Colors that the terminal chooses itself, legible on its background."""


def markdown_console(stream: TextIO, **options: Any) -> Console:
    """Return a console whose colors are legible on any background."""
    return Console(
        file=stream, force_jupyter=False, highlight=False, theme=_THEME, **options
    )


# Each without a box, with no line of code broken and no cell of a table cut.


class _Code(md.CodeBlock):
    @classmethod
    def create(cls, markdown: md.Markdown, token: Token) -> _Code:
        return cls(language_of(token.info or ""), markdown.code_theme)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Result:
        for name, text in colored(f"{self.text}".removesuffix("\n"), self.lexer_name):
            yield Segment(text, console.get_style(_CODE_STYLES.get(name, "")))
        yield Segment.line()


class _Heading(md.Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Result:
        yield self.text


class _Quote(md.BlockQuote):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Result:
        return _beside(("▌ ", "▌ "), self.style, self, console, options)


class _List(md.ListElement):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Result:
        is_numbered = self.list_type == "ordered_list_open"
        start, kind = self.list_start or 0, "number" if is_numbered else "bullet"
        chars = len(f"{start + len(self.items)}") + 1
        for at, item in enumerate(self.items, start):
            mark = f"{at:{chars}} " if is_numbered else " • "
            marks, style = (mark, " " * len(mark)), f"markdown.item.{kind}"
            yield from _beside(marks, style, item, console, options)


class _Table(md.TableElement):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Result:
        head, body = self.header, self.body
        lines = [head and head.row, *(body.rows if body else ())]
        headings, *rows = [[c.content for c in row.cells] for row in lines if row]
        columns = zip(headings, *rows, strict=True)
        texts = [[cell.plain for cell in cells] for cells in columns]
        widths = _column_widths(texts, options.max_width)
        if not widths:
            for at, row in enumerate(rows):
                yield from [Text()] if at else []
                for heading, cell in zip(headings, row, strict=True):
                    name = f"{heading.plain}: " if heading else ""
                    yield Text.assemble((name, "markdown.table.header"), cell)
            return
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.style, table.collapse_padding = "markdown.table.border", True
        for heading, width in zip(headings, widths, strict=True):
            table.add_column(heading, overflow="fold", width=width)
        for row in rows:
            table.add_row(*row)
        yield table


class TerminalMarkdown(md.Markdown):
    """A text as `rich` can print it."""

    elements: ClassVar[dict[str, type[md.MarkdownElement]]] = {
        **md.Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
        "blockquote_open": _Quote,
        "bullet_list_open": _List,
        "ordered_list_open": _List,
        "table_open": _Table,
    }

    def __init__(
        self, markdown: str, has_gap: bool = False, is_growing: bool = False
    ) -> None:
        super().__init__("", justify="default", hyperlinks=False)
        self._source, self._has_gap, self._is_growing = markdown, has_gap, is_growing
        self.is_seen = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Result:
        """Yield its lines, without the empty ones around them."""
        # Not before: what grows comes more often than it is rendered.
        source = self._source
        if self._is_growing:  # a tab has no width that could be counted
            source = close_open_marks(source).expandtabs()
        self.parsed = _tokens(source)
        made = cast("Iterable[Segment]", super().__rich_console__(console, options))
        lines = [_without_blanks(line) for line in Segment.split_lines(made)]
        seen = [at for at, line in enumerate(lines) if line]
        self.is_seen = bool(seen)
        gap: list[_Line] = [[]] if self._has_gap else []
        lines = [*gap, *lines[seen[0] : seen[-1] + 1]] if seen else []
        if self._is_growing:
            shown, cut = lines[1 - console.height :], Segment.adjust_line_length
            lines = [cut(line, options.max_width, pad=False) for line in shown]
        for line in lines:
            yield from [*line, Segment.line()]


def _tokens(text: str) -> list[Token]:
    """Read a text; what is nested too deep is a block of code."""
    tokens = parser().parse(text)
    if any(token.level >= NESTED_AT_MOST - 2 for token in tokens):
        tokens = parser().parse(as_block(text, ""))
    for token in tokens:
        if token.type == "math_block":
            token.type, token.tag = "code_block", "code"
        elif token.type == "long_text":
            token.type = "text"
        token.content = visible(token.content)
        _write_out(token.children or [])
    return tokens


def _write_out(children: list[Token]) -> None:
    """Write out where links lead, where images lie, and formulas."""
    url = said = ""
    for token in children:
        match token.type:
            case "link_open":
                url, said = str(token.attrGet("href") or ""), ""
            case "link_close":
                token.content = "" if said.strip() == url else f" ({url})"
            case "image":
                alt = f"{token.content} " if token.content else ""
                place = place_to_show(str(token.attrGet("src") or ""))
                token.content = f"{alt}[image not loaded: {place}]"
            case "math_inline":
                token.content = f"{token.markup}{token.content}{token.info}"
            case "task":
                token.content += " "
        if token.type in ("link_open", "link_close", "image", "math_inline", "task"):
            token.type, token.tag, token.children = "text", "", None
        token.content = visible(token.content)
        said += token.content


def _beside(
    marks: tuple[str, str],
    style: Any,
    parent: md.BlockQuote | md.ListItem,
    console: Console,
    options: ConsoleOptions,
) -> Iterator[Segment]:
    """Yield what is in a quote or an item, behind one mark first and then another."""
    inner = options.update(width=max(options.max_width - len(marks[0]), 1))
    lines: list[_Line] = []
    is_paragraph = False
    for element in cast("Iterator[RenderableType]", parent.elements):
        if lines and not (is_paragraph and isinstance(element, _List)):
            lines.append([])
        lines += Segment.split_lines(console.render(element, inner))
        is_paragraph = isinstance(element, md.Paragraph)
    for at, line in enumerate(lines or [[]]):
        yield Segment(marks[at > 0], console.get_style(style))
        yield from [*line, Segment.line()]


def _column_widths(columns: Sequence[Sequence[str]], room_chars: int) -> list[int]:
    """Return the widths of columns side by side; none if there is no room for them."""
    room_chars -= _GAP_CHARS * (len(columns) - 1)
    widths, least = [*map(_widest, columns)], [*map(_least, columns)]
    while sum(widths) > room_chars:
        spare = [at for at, width in enumerate(widths) if width > least[at]]
        if not spare:
            return []
        widths[max(spare, key=widths.__getitem__)] -= 1
    return widths


def _least(cells: Sequence[str]) -> int:
    """Return the width in which only headings and long cells are broken."""
    short = _widest(cell for cell in cells[1:] if cell_len(cell) <= _LONG_CHARS)
    return max(short, min(_widest(" ".join(cells).split()), _LONG_CHARS))


def _widest(texts: Iterable[str]) -> int:
    return max(map(cell_len, texts), default=0)


def _without_blanks(line: _Line) -> _Line:
    while line and not line[-1].text.strip():
        line.pop()
    return [*line[:-1], *(Segment(one.text.rstrip(), one.style) for one in line[-1:])]
