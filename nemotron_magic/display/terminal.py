"""Show a reply as text: terminal IPython, `jupyter console`, a log.

With `rich`, finished blocks are rendered in colour; on a real terminal the growing tail
is shown, too. Without it the Markdown is written as it comes, wrapped between words.

A model can write a line that reads like one of ours. So ours are dim where the stream
shows that, which no text of a reply can be: it steers nothing here.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from shutil import get_terminal_size
from typing import TYPE_CHECKING, TextIO

from nemotron_magic.core.events import (
    Event,
    Reasoning,
    Retry,
    Sent,
    Text,
    TextWasReasoning,
    Trying,
)
from nemotron_magic.core.text import GrowingText, one_line, visible
from nemotron_magic.display.insert import COMMAND
from nemotron_magic.display.plain_text import WordWrap, plain_text, wrapped
from nemotron_magic.display.reply import footer, notices, reply_text
from nemotron_magic.markdown.streaming import Blocks
from nemotron_magic.session.reply import Reply

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from nemotron_magic.display.rich_markdown import TerminalMarkdown

__all__ = [
    "PlainRenderer",
    "RichRenderer",
    "has_rich",
    "print_footer",
    "print_markdown",
    "print_reply",
    "text_painter",
]


_LONGEST_LINE = 500
_LONGEST_BLOCK = 1_000_000
"""A terminal is given whole blocks, and shows the end of the one that grows."""

_WAS_REASONING = "— the text above was the model's reasoning —"


class _TextPainter:
    """What painters of text have in common: what is shown of each event."""

    def __init__(self, stream: TextIO, with_footer: bool) -> None:
        self._stream = stream
        self._with_footer = with_footer
        self._text = GrowingText()
        self._is_thinking = False

    def watch(self, event: Event) -> None:
        """Show what `event` tells."""
        match event:
            case Text(text, 0):
                self._is_thinking = False
                self._add(self._text.add(text))
            case Reasoning(_, 0) if not self._is_thinking:
                self._is_thinking = True
                self._think("thinking …")
            case TextWasReasoning():
                self._end_text()
                self._print_note(_WAS_REASONING)
            case Sent(_, model):
                self._wait(f"asking {model} …")
            case Retry() as retry:
                self._print_note(retry.words)
            case Trying(elapsed_s) if elapsed_s < 0.5:
                self._add(self._text.end())
                self._wait("trying …")

    def finish(self, reply: Reply) -> None:
        """End the reply: what was not streamed, remarks, and the footer."""
        self._add(self._text.end())
        self._end_text()
        is_shown_anew = reply.metadata.choices or reply.metadata.shown or not reply
        self._add(
            visible(reply_text(reply) if is_shown_anew else reply.metadata.appended)
        )
        self._end_text()
        for line in notices(reply) if reply else ():
            self._print_note(line)
        if self._with_footer:
            self._print_note(_footer(reply))

    def fail(self) -> None:
        """End without a reply."""
        self._end_text()

    def _end_text(self) -> None:
        self._add(self._text.end())
        self._text = GrowingText()
        self._end_block()

    def _add(self, text: str) -> None:
        """Show the next text of the reply."""
        raise NotImplementedError

    def _end_block(self) -> None:
        """Show what was held back, and end the line."""
        raise NotImplementedError

    def _print_note(self, line: str) -> None:
        """Show a line of our own."""
        raise NotImplementedError

    def _wait(self, line: str) -> None:
        """Show what is waited for, where it can be taken back."""

    def _think(self, line: str) -> None:
        """Show that the model thinks."""
        self._print_note(line)


class PlainRenderer(_TextPainter):
    """Write a reply as it comes."""

    def __init__(
        self, stream: TextIO, with_footer: bool = True, is_styled: bool = False
    ) -> None:
        super().__init__(stream, with_footer)
        self._is_styled = is_styled
        self._wrap = WordWrap(get_terminal_size().columns if is_styled else 0)
        self._ends_line = True

    def _add(self, text: str) -> None:
        self._write(self._wrap.add(text))

    def _end_block(self) -> None:
        self._write(self._wrap.end())
        self._write("" if self._ends_line else self._wrap.add("\n"))

    def _print_note(self, line: str) -> None:
        self._end_block()
        self._write(_ours(line, self._is_styled))

    def _write(self, text: str) -> None:
        if text:
            self._stream.write(text)
            self._stream.flush()
            self._ends_line = text.endswith("\n")


class RichRenderer(_TextPainter):
    """Render a reply in colour, block by block."""

    def __init__(self, stream: TextIO, is_live: bool, with_footer: bool = True) -> None:
        from nemotron_magic.display.rich_markdown import markdown_console

        super().__init__(stream, with_footer)
        self._console = markdown_console(
            stream, force_terminal=True, force_interactive=is_live
        )
        self._is_live = is_live
        self._live: Live | None = None
        self._blocks = Blocks(_LONGEST_BLOCK)
        self._has_printed = False

    def _add(self, text: str) -> None:
        finished = self._blocks.feed(text)
        if finished:
            self._stop()  # what is printed while rich paints again may be painted over
        for block in finished:
            self._print(block.markdown)
        tail = self._blocks.tail.markdown
        if text and tail.strip():
            self._show(self._rendered(tail, is_growing=True))

    def _end_block(self) -> None:
        self._stop()
        self._print(self._blocks.tail.markdown)
        self._blocks = Blocks(_LONGEST_BLOCK)

    def _print_note(self, line: str) -> None:
        self._stop()
        self._console.print(_dim(line))

    def _wait(self, line: str) -> None:
        self._show(_Waiting(line))

    def _think(self, line: str) -> None:
        if self._is_live:
            self._wait(line)
        else:
            self._print_note(line)

    def _print(self, markdown: str) -> None:
        """Print a block that stays, its lines as long as they are."""
        made = self._rendered(markdown)
        self._console.print(made, end="", crop=False)
        self._has_printed |= made.is_seen

    def _rendered(self, markdown: str, is_growing: bool = False) -> TerminalMarkdown:
        from nemotron_magic.display.rich_markdown import TerminalMarkdown

        return TerminalMarkdown(markdown, self._has_printed, is_growing)

    def _show(self, tail: RenderableType) -> None:
        """Show the tail, on a terminal that lets it be painted again."""
        if not self._is_live:
            return
        if self._live is None:
            from rich.live import Live

            self._live = Live(tail, console=self._console, transient=True)
            self._live.start(refresh=True)
        self._live.update(tail)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.update("")  # the last frame is painted at any height
            self._live.stop()
            self._live = None


class _Waiting:
    """A line that tells, from two seconds on, for how long something is waited for."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._begun_s = time.monotonic()

    def __rich__(self) -> RenderableType:
        waited_s = int(time.monotonic() - self._begun_s)
        return _dim(f"{self._line} {waited_s} s" if waited_s >= 2 else self._line)


def text_painter(
    stream: TextIO, is_console: bool, with_footer: bool = True, is_live: bool = True
) -> PlainRenderer | RichRenderer:
    """Return a painter for a terminal, a file in its place, or a console."""
    is_read = is_console or stream.isatty()
    if is_read and has_rich():
        return RichRenderer(stream, is_live and not is_console, with_footer)
    return PlainRenderer(stream, with_footer, is_read)


def print_reply(reply: Reply, stream: TextIO, is_console: bool = False) -> None:
    """Print a whole reply again, as it is painted on this stream."""
    painter = text_painter(stream, is_console, is_live=False)
    painter.watch(Text("" if reply.metadata.shown else str(reply)))
    painter.finish(reply)


def print_footer(reply: Reply, stream: TextIO, is_styled: bool) -> None:
    """Print the footer alone, for a reply that was painted without it."""
    stream.write(_ours(_footer(reply), is_styled))


def print_markdown(markdown: str, stream: TextIO, is_console: bool = False) -> None:
    """Print a text of our own, rendered for who reads it; into a file as it is."""
    if not is_console and not stream.isatty():
        stream.write(f"{visible(markdown)}\n")
    elif has_rich():
        from nemotron_magic.display.rich_markdown import (
            TerminalMarkdown,
            markdown_console,
        )

        console = markdown_console(stream, force_terminal=is_console or None)
        console.print(TerminalMarkdown(markdown), end="", crop=False)
    else:
        width_chars = get_terminal_size().columns
        stream.write(f"{plain_text(visible(markdown), width_chars)}\n")


def has_rich() -> bool:
    """Return whether `rich` is installed."""
    return find_spec("rich") is not None


def _footer(reply: Reply) -> str:
    has_code = reply.code and not reply.metadata.inserted
    return f"{footer(reply)} · {COMMAND}" if has_code else footer(reply)


def _ours(text: str, is_styled: bool) -> str:
    line = one_line(text, _LONGEST_LINE)
    if not is_styled:
        return f"{line}\n"
    return f"\x1b[2m{wrapped(line, get_terminal_size().columns)}\x1b[0m\n"


def _dim(text: str) -> RenderableType:
    from rich.text import Text as Styled

    return Styled(one_line(text, _LONGEST_LINE), style="dim")
