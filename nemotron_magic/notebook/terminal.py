"""Painting a reply as text: in terminal IPython, `jupyter console`, a log.

With `rich`, finished blocks are rendered in colour; on a real terminal the growing tail
is shown, too. Without it the Markdown is written as it comes.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TextIO

from nemotron_magic.events import Event, Reasoning, Reclassified, Retry, Sent, Text
from nemotron_magic.markdown import Blocks
from nemotron_magic.notebook.html import reply_text
from nemotron_magic.reply import Reply
from nemotron_magic.summary import footer, remarks
from nemotron_magic.text import without_controls

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

__all__ = ["PlainPainter", "RichPainter", "has_rich", "print_markdown", "print_reply"]


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
    """

    def __init__(self, stream: TextIO, with_footer: bool = True) -> None:
        self._stream = stream
        self._with_footer = with_footer
        self._is_thinking = False
        self._ends_line = True

    def watch(self, event: Event) -> None:
        """Write what `event` tells."""
        match event:
            case Text(text, 0):
                self._is_thinking = False
                self._write(without_controls(text))
            case Reasoning(_, 0) if not self._is_thinking:
                self._is_thinking = True
                self._line("thinking …")
            case Reclassified():
                self._line("— the text above was the model's reasoning —\n")
            case Retry(why, delay_s):
                self._line(f"{why}; trying again in {delay_s:.0f} s …")

    def finish(self, reply: Reply) -> None:
        """End the reply: what was not streamed, remarks, and the footer."""
        if reply.details.choices or not reply:
            self._line(without_controls(reply_text(reply)))
        for line in remarks(reply) if reply else ():
            self._line(line)
        if self._with_footer:
            self._line(footer(reply))

    def fail(self) -> None:
        """End without a reply."""
        self._line("")

    def _line(self, text: str) -> None:
        self._write(("" if self._ends_line else "\n") + (f"{text}\n" if text else ""))

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
        self._blocks = Blocks()
        self._is_thinking = False

    def watch(self, event: Event) -> None:
        """Render what `event` finishes, and show what it begins."""
        match event:
            case Text(text, 0):
                finished = self._blocks.feed(without_controls(text))
                # The tail first: printing above it draws it again as it then is.
                self._show(self._blocks.tail.markdown)
                for block in finished:
                    _print_markdown(self._console, block.markdown)
            case Reasoning(_, 0) if not self._is_thinking:
                self._is_thinking = True
                self._dim("thinking …")
            case Reclassified():
                self._blocks = Blocks()
                self._dim("— the text above was the model's reasoning —")
            case Sent(_, model):
                self._show(f"*asking {model} …*")
            case Retry(why, delay_s):
                self._dim(f"{why}; trying again in {delay_s:.0f} s …")

    def finish(self, reply: Reply) -> None:
        """Render what is left, remarks, and the footer."""
        self._stop()
        if reply.details.choices or not reply:
            _print_markdown(self._console, without_controls(reply_text(reply)))
        else:
            _print_markdown(self._console, self._blocks.tail.markdown)
        for line in remarks(reply) if reply else ():
            self._dim(line)
        if self._with_footer:
            self._dim(footer(reply))

    def fail(self) -> None:
        """End without a reply."""
        self._stop()

    def _show(self, markdown: str) -> None:
        """Show the tail, on a terminal that lets it be painted again."""
        if not self._is_live:
            return
        from rich.live import Live
        from rich.markdown import Markdown

        if self._live is None:
            self._live = Live(console=self._console, transient=True)
            self._live.start()
        self._live.update(Markdown(markdown))

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _dim(self, text: str) -> None:
        self._console.print(text, style="dim", markup=False)


def print_reply(reply: Reply, stream: TextIO) -> None:
    """Print a whole reply again, rendered where `rich` is there."""
    painter: Any = RichPainter(stream, False) if has_rich() else PlainPainter(stream)
    painter.watch(Text(str(reply)))
    painter.finish(reply)


def print_markdown(markdown: str, stream: TextIO) -> None:
    """Print a text of our own, rendered where `rich` is there."""
    if has_rich() and stream.isatty():
        from rich.console import Console

        _print_markdown(
            Console(file=stream, force_jupyter=False, highlight=False), markdown
        )
    else:
        stream.write(f"{markdown}\n")


def _print_markdown(console: Console, markdown: str) -> None:
    from rich.markdown import Markdown

    if markdown.strip():
        console.print(Markdown(markdown))
