"""Show a reply as text: terminal IPython, `jupyter console`, a log.

Finished blocks are rendered in color; on a real terminal the growing tail is shown,
too. Into a file the Markdown is written as it comes. Lines of our own are dim, which no
text of a reply can be, where it steers nothing.
"""

from __future__ import annotations

import time
from typing import TextIO

from rich.console import RenderableType
from rich.live import Live
from rich.text import Text as StyledText

from nemotron_magic.core import events
from nemotron_magic.core.text import GrowingText, one_line, visible
from nemotron_magic.display.insert import COMMAND
from nemotron_magic.display.page import Renderer, waiting_line
from nemotron_magic.display.reply import footer, lines_below, notices, shown_texts
from nemotron_magic.display.rich_markdown import TerminalMarkdown, markdown_console
from nemotron_magic.markdown.streaming import Blocks
from nemotron_magic.session.reply import Reply

_LONGEST_LINE = 2_000
_LONGEST_BLOCK = 1_000_000  # it gets whole blocks, and shows the end of what grows
_WAS_REASONING = "— the text above was the model's reasoning —"


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
        self._end_text()
        is_shown_again = reply.metadata.choices or reply.metadata.shown or not reply
        texts = shown_texts(reply) if is_shown_again else []
        texts.append(reply.metadata.appended)
        self._add(visible("\n\n".join(filter(None, texts))))
        self._end_text()
        above, line, more = lines_below(reply)
        for one in above:
            self._print_note(one)
        if self._with_footer:
            self._print_note(" · ".join([line, *_where(reply), *more]))
        elif notices(reply):  # there may be no footer: of one that is sent back, say
            self._print_note(" · ".join(notices(reply)))

    def fail(self) -> None:
        """End without a reply."""
        self._end_text()

    def _end_text(self) -> None:
        self._add(self._text.end())
        self._text = GrowingText()
        self._end_block()

    def _add(self, text: str) -> None:
        if text:
            self._stream.write(text)
            self._stream.flush()
            self._ends_line = text.endswith("\n")

    def _end_block(self) -> None:
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

    def _end_block(self) -> None:
        self._stop()
        self._print(self._blocks.tail.markdown)
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
        if self._live is not None:
            self._live.update("")  # the last frame is rendered at any height
            self._live.stop()
            self._live = None


class _Waiting:
    """A line that tells, from two seconds on, for how long something is waited for."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._begun_s = time.monotonic()

    def __rich__(self) -> RenderableType:
        return _dim(waiting_line(self._line, time.monotonic() - self._begun_s))


def _dim(text: str) -> StyledText:
    return StyledText(one_line(text, _LONGEST_LINE), style="dim")


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
