"""Painting a reply as text: in terminal IPython, `jupyter console`, a log.

With `rich`, finished blocks are rendered in colour; on a real terminal the growing tail
is shown, too. Without it the Markdown is written as it comes.

A model can write a line that reads like one of ours. So ours are dim where the stream
shows that, which no text of a reply can be: it steers nothing here.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TextIO

from nemotron_magic.events import Event, Reasoning, Reclassified, Retry, Sent, Text
from nemotron_magic.markdown import Block, Blocks
from nemotron_magic.notebook.html import reply_text
from nemotron_magic.reply import Reply
from nemotron_magic.summary import footer, remarks
from nemotron_magic.text import GrowingText, one_line, visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from nemotron_magic.notebook.rich_blocks import Piece
    from nemotron_magic.notebook.rich_markdown import Columns

__all__ = [
    "PlainPainter",
    "RichPainter",
    "has_rich",
    "print_footer",
    "print_markdown",
    "print_reply",
]

_LONGEST_LINE = 500
_WAS_REASONING = "— the text above was the model's reasoning —"


def has_rich() -> bool:
    """Tell whether `rich` is installed."""
    return find_spec("rich") is not None


class PlainPainter:
    """Write a reply as it comes.

    Parameters
    ----------
    stream : TextIO
        Where to write.
    with_footer : bool
        Whether to end with the footer.
    is_styled : bool
        Whether what reads the stream shows dim text.
    """

    def __init__(
        self, stream: TextIO, with_footer: bool = True, is_styled: bool = False
    ) -> None:
        self._stream = stream
        self._with_footer = with_footer
        self._is_styled = is_styled
        self._text = GrowingText()
        self._is_thinking = False
        self._ends_line = True

    def watch(self, event: Event) -> None:
        """Write what `event` tells."""
        match event:
            case Text(text, 0):
                self._is_thinking = False
                self._write(self._text.add(text))
            case Reasoning(_, 0) if not self._is_thinking:
                self._is_thinking = True
                self._line("thinking …")
            case Reclassified():
                self._write(self._text.end())
                self._line(_WAS_REASONING)
                self._write("\n")
            case Retry() as retry:
                self._line(retry.words)

    def finish(self, reply: Reply) -> None:
        """End the reply: what was not streamed, remarks, and the footer."""
        self._write(self._text.end())
        if more := _not_streamed(reply):
            self._end_line()
            self._write(f"{visible(more)}\n")
        for line in remarks(reply) if reply else ():
            self._line(line)
        if self._with_footer:
            self._line(footer(reply))
        self._end_line()

    def fail(self) -> None:
        """End without a reply."""
        self._end_line()

    def _line(self, text: str) -> None:
        """Write a line of our own."""
        self._end_line()
        self._write(_ours(text, self._is_styled))

    def _end_line(self) -> None:
        self._write("" if self._ends_line else "\n")

    def _write(self, text: str) -> None:
        if text:
            self._stream.write(text)
            self._stream.flush()
            self._ends_line = text.endswith("\n")


class RichPainter:
    """Render a reply in colour, block by block.

    Parameters
    ----------
    stream : TextIO
        Where to write.
    is_live : bool
        Whether the stream is a terminal whose last lines can be painted again.
    with_footer : bool
        Whether to end with the footer.
    """

    def __init__(self, stream: TextIO, is_live: bool, with_footer: bool = True) -> None:
        from rich.console import Console

        self._console = Console(
            file=stream,
            force_terminal=True,
            force_jupyter=False,
            force_interactive=is_live,
            highlight=False,
        )
        self._is_live = is_live
        self._with_footer = with_footer
        self._live: Live | None = None
        self._begin()
        self._is_thinking = False

    def _begin(self) -> None:
        self._blocks, self._text = Blocks(), GrowingText()
        self._is_first = True
        self._columns: Columns | None = None

    def watch(self, event: Event) -> None:
        """Render what `event` finishes, and show what it begins."""
        match event:
            case Text(text, 0):
                self._take(self._text.add(text))
            case Reasoning(_, 0) if not self._is_thinking:
                self._is_thinking = True
                self._dim("thinking …")
            case Reclassified():
                self._begin()
                self._dim(_WAS_REASONING)
            case Sent(_, model):
                self._show(_dim(f"asking {model} …"))
            case Retry() as retry:
                self._dim(retry.words)

    def finish(self, reply: Reply) -> None:
        """Render what is left, remarks, and the footer."""
        self._take(self._text.end())
        self._stop()
        self._is_live = False  # what follows is not painted again
        if reply.details.choices or not reply:
            self._begin()
            self._take(visible(reply_text(reply)))
        self._print(self._blocks.tail)
        if reply and not reply.details.choices:
            appended = visible(reply.details.appended)
            self._print(Block(appended, appended))
        for line in remarks(reply) if reply else ():
            self._dim(line)
        if self._with_footer:
            self._dim(footer(reply))

    def fail(self) -> None:
        """End without a reply."""
        self._stop()

    def _take(self, text: str) -> None:
        finished = self._blocks.feed(text)
        if finished:
            self._stop()  # what is printed while rich paints again may be painted over
        tail = self._blocks.tail
        for block, below in pairwise((*finished, tail)):
            self._print(block, below)
        if text and tail.markdown.strip():
            self._show(self._piece(tail))

    def _print(self, block: Block, below: Block | None = None) -> None:
        """Print a block that stays; what is `below` may go on in the middle of it."""
        piece = self._piece(block, goes_on=below is not None and below.is_inside)
        self._console.print(piece, end="")
        self._is_first = self._is_first and not piece.is_seen
        self._columns = piece.columns

    def _piece(self, block: Block, goes_on: bool = False) -> Piece:
        from nemotron_magic.notebook.rich_blocks import Piece

        return Piece(block, self._is_first, self._columns, goes_on)

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

    def _dim(self, text: str) -> None:
        self._stop()
        self._console.print(_dim(text))


def _not_streamed(reply: Reply) -> str:
    """Give what is shown of a reply once it is whole: further answers, a diff."""
    is_shown_anew = reply.details.choices or not reply
    return reply_text(reply) if is_shown_anew else reply.details.appended


def print_reply(reply: Reply, stream: TextIO) -> None:
    """Print a whole reply again, rendered where `rich` is there."""
    painter: Any = RichPainter(stream, False) if has_rich() else PlainPainter(stream)
    painter.watch(Text(str(reply)))
    painter.finish(reply)


def print_footer(reply: Reply, stream: TextIO, is_styled: bool) -> None:
    """Print the footer alone, for a reply that was painted without it."""
    stream.write(_ours(footer(reply), is_styled))


def print_markdown(markdown: str, stream: TextIO, is_read: bool = False) -> None:
    """Print a text of our own, rendered for who reads it; into a file as it is.

    Parameters
    ----------
    is_read : bool
        Whether somebody reads the stream though it is no terminal itself.
    """
    if not is_read and not stream.isatty():
        stream.write(f"{visible(markdown)}\n")
    elif has_rich():
        from rich.console import Console

        from nemotron_magic.notebook.rich_markdown import whole_markdown

        console = Console(
            file=stream,
            force_terminal=is_read or None,
            force_jupyter=False,
            highlight=False,
        )
        console.print(whole_markdown(markdown))
    else:
        from nemotron_magic.notebook.plain_text import plain_text

        width = get_terminal_size().columns
        stream.write(f"{plain_text(visible(markdown), width)}\n")


def _ours(text: str, is_styled: bool) -> str:
    line = one_line(text, _LONGEST_LINE)
    return f"\x1b[2m{line}\x1b[0m\n" if is_styled else f"{line}\n"


def _dim(text: str) -> RenderableType:
    from rich.text import Text as Styled

    return Styled(one_line(text, _LONGEST_LINE), style="dim")
