"""Show a reply as text: terminal IPython, `jupyter console`, a log.

Finished blocks are rendered in color; on a real terminal the growing tail is shown,
too. Into a file the Markdown is written as it comes. Lines of our own are dim, which no
text of a reply can be, where it steers nothing.

What `rich` does itself would drop `List<String>`, hide where a link leads, take the
backslashes of formulas for escapes, cut wide tables and break lines of code.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, ClassVar, TextIO, cast

from markdown_it.token import Token
from rich import box
from rich import markdown as md
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.console import RenderResult as Result
from rich.live import Live
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from nemotron_magic.core import events
from nemotron_magic.core.text import GrowingText, one_line, visible
from nemotron_magic.display.insert import COMMAND
from nemotron_magic.display.page import Renderer, waiting_line
from nemotron_magic.display.reply import footer, lines_below, notices, shown_texts
from nemotron_magic.markdown.highlight import colored
from nemotron_magic.markdown.parser import NESTED_AT_MOST, as_block, language_of, parser
from nemotron_magic.markdown.sanitize import place_to_show
from nemotron_magic.markdown.streaming import Blocks, close_open_marks
from nemotron_magic.session.reply import Reply

_LONGEST_LINE = 2_000
_LONGEST_BLOCK = 1_000_000  # it gets whole blocks, and shows the end of what grows
_WAS_REASONING = "— the text above was the model's reasoning —"
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


class PlainRenderer(Renderer):
    """Write a reply as it comes."""

    _is_live = False  # what is shown can be taken back

    def __init__(self, stream: TextIO, with_footer: bool = True) -> None:
        self._stream = stream
        self._with_footer = with_footer
        self._text = GrowingText()
        self._is_thinking = False
        self._ends_line = True

    def watch(self, event: events.Event) -> None:
        """Show what `event` tells."""
        match event:
            case events.Text(text, 0):
                self._is_thinking = False
                self._add(self._text.add(text))
            case events.Reasoning(_, 0) if not self._is_thinking:
                self._is_thinking = True
                show = self._wait if self._is_live else self._print_note
                show("thinking …")
            case events.TextWasReasoning():
                self._end_text()
                self._print_note(_WAS_REASONING)
            case events.Sent(_, model):
                self._wait(f"asking {model} …")
            case events.Retry() as retry:
                self._print_note(retry.words)
            case events.Trying(elapsed_s) if elapsed_s < 0.5:
                self._add(self._text.end())
                self._wait("trying …")

    def finish(self, reply: Reply) -> None:
        """End the reply: what was not streamed, remarks, and the footer."""
        self._end_text(reply.is_cut_off)
        is_shown_again = reply.metadata.choices or reply.metadata.shown or not reply
        texts = shown_texts(reply) if is_shown_again else []
        texts.append(reply.metadata.appended)
        self._add(visible("\n\n".join(filter(None, texts))))
        self._end_text(reply.is_cut_off)
        above, line, more = lines_below(reply)
        for one in above:
            self._print_note(one)
        if self._with_footer or reply.metadata.ending not in ("complete", "damaged"):
            self._print_note(" · ".join([line, *_where(reply), *more]))
        elif notices(reply):  # there may be no footer: of one that is sent back, say
            self._print_note(" · ".join(notices(reply)))

    def fail(self) -> None:
        """End without a reply."""
        self._end_text()

    def _end_text(self, is_cut_off: bool = False) -> None:
        self._add(self._text.end())
        self._text = GrowingText()
        self._end_block(is_cut_off)

    def _add(self, text: str) -> None:
        if text:
            self._stream.write(text)
            self._stream.flush()
            self._ends_line = text.endswith("\n")

    def _end_block(self, is_cut_off: bool = False) -> None:
        self._add("" if self._ends_line else "\n")

    def _print_note(self, line: str) -> None:
        self._end_block()
        self._add(f"{one_line(line, _LONGEST_LINE)}\n")

    def _wait(self, line: str) -> None:
        """Show what is waited for, where it can be taken back."""


class RichRenderer(PlainRenderer):
    """Render a reply in color, block by block."""

    def __init__(self, stream: TextIO, is_live: bool, with_footer: bool = True) -> None:
        super().__init__(stream, with_footer)
        self._console = markdown_console(
            stream, force_terminal=True, force_interactive=is_live
        )
        self._is_live = is_live
        self._live: Live | None = None
        self._blocks = Blocks(_LONGEST_BLOCK)
        self._has_printed = False

    def _add(self, text: str) -> None:
        for block in self._blocks.feed(text):
            self._stop()  # what is printed while rich renders again may be lost
            self._print(block.markdown)
        tail = self._blocks.tail.markdown
        if text and tail.strip():
            self._show(TerminalMarkdown(tail, self._has_printed, is_growing=True))

    def _end_block(self, is_cut_off: bool = False) -> None:
        self._stop()
        tail = self._blocks.tail.markdown
        self._print(close_open_marks(tail) if is_cut_off else tail)
        self._blocks = Blocks(_LONGEST_BLOCK)

    def _print_note(self, line: str) -> None:
        self._stop()
        self._console.print(_dim(line))

    def _wait(self, line: str) -> None:
        self._show(_Waiting(line))

    def _print(self, markdown: str) -> None:
        made = TerminalMarkdown(markdown, self._has_printed)
        self._console.print(made, end="", crop=False)
        self._has_printed |= made.is_seen

    def _show(self, tail: RenderableType) -> None:
        if not self._is_live:
            return
        if self._live is None:
            self._live = Live(tail, console=self._console, transient=True)
            self._live.start(refresh=True)
        self._live.update(tail)

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.update("")  # the last frame is rendered at any height
            with suppress(IndexError):  # of one whose start was interrupted
                live.stop()


class _Waiting:
    """A line that tells, from two seconds on, for how long something is waited for."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._begun_s = time.monotonic()

    def __rich__(self) -> RenderableType:
        return _dim(waiting_line(self._line, time.monotonic() - self._begun_s))


def _dim(text: str) -> Text:
    return Text(one_line(text, _LONGEST_LINE), style="dim")


def _where(reply: Reply) -> list[str]:
    return [COMMAND] if reply.code and not reply.metadata.inserted else []


def text_renderer(
    stream: TextIO, is_console: bool, with_footer: bool = True, is_live: bool = True
) -> PlainRenderer:
    """Return a renderer for a terminal, a file in its place, or a console."""
    if is_console or stream.isatty():
        return RichRenderer(stream, is_live and not is_console, with_footer)
    return PlainRenderer(stream, with_footer)


def print_reply(reply: Reply, stream: TextIO, is_console: bool = False) -> None:
    """Print a whole reply again, as it is rendered on this stream."""
    renderer = text_renderer(stream, is_console, is_live=False)
    renderer.watch(events.Text("" if reply.metadata.shown else str(reply)))
    renderer.finish(reply)


def print_footer(reply: Reply, stream: TextIO, is_console: bool = False) -> None:
    """Print the footer alone, for a reply that was rendered without it."""
    line = " · ".join([footer(reply), *_where(reply)])
    text_renderer(stream, is_console, is_live=False)._print_note(line)


def print_markdown(markdown: str, stream: TextIO, is_console: bool = False) -> None:
    """Print a text of our own, rendered for who reads it; into a file as it is."""
    if is_console or stream.isatty():
        console = markdown_console(stream, force_terminal=is_console or None)
        console.print(TerminalMarkdown(markdown), end="", crop=False)
    else:
        stream.write(f"{visible(markdown)}\n")


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
