"""Choosing how a reply is painted, by the front end and by its place in the cell."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TextIO

from nemotron_magic.events import Event
from nemotron_magic.notebook.execution import execution_of, request_of, source_of
from nemotron_magic.notebook.html import document
from nemotron_magic.notebook.pace import Ticker
from nemotron_magic.notebook.page import PagePainter, bundle
from nemotron_magic.notebook.place import place_of
from nemotron_magic.notebook.publisher import (
    Display,
    Publisher,
    ShellPublisher,
    is_captured,
)
from nemotron_magic.notebook.terminal import (
    print_footer,
    print_markdown,
    print_reply,
    text_painter,
)
from nemotron_magic.reply import Reply

__all__ = ["Canvas", "FrontEnd", "Once", "Painter", "Silent", "front_end"]

FrontEnd = Literal["terminal", "console", "page", "headless"]


class Painter(Protocol):
    """Shows one reply while it grows."""

    def watch(self, event: Event) -> None:
        """Show what `event` changes."""

    def finish(self, reply: Reply) -> None:
        """Show the reply as it stays."""

    def fail(self) -> None:
        """Show that there is none."""


class Silent:
    """Paints nothing, for `--quiet`."""

    def watch(self, event: Event) -> None:
        """Do nothing."""

    def finish(self, reply: Reply) -> None:
        """Do nothing."""

    def fail(self) -> None:
        """Do nothing."""


class Once:
    """Publishes a reply when it is whole, for runs that nobody watches."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def watch(self, event: Event) -> None:
        """Wait for the end."""

    def finish(self, reply: Reply) -> None:
        """Publish the reply."""
        self._publisher.show(Display(_new_id(), *bundle(reply)))

    def fail(self) -> None:
        """Publish nothing."""


def front_end(shell: Any, environ: Mapping[str, str]) -> FrontEnd:
    """Tell what shows the outputs of the cell that runs now.

    `page` shows HTML and lets displays be painted again: JupyterLab, Notebook, VS Code
    and Colab, which name the cell or are known otherwise. `headless` runs save a
    notebook and can ask nobody for input. A kernel whose client can ask but names no
    cell is a `console` that shows text, such as `jupyter console`. Without a kernel it
    is a `terminal`.
    """
    if getattr(shell, "kernel", None) is None:
        return "terminal"
    request = request_of(shell)
    is_served = "JPY_SESSION_NAME" in environ
    is_colab = type(shell).__module__.startswith("google.colab")
    if "cellId" in request.get("metadata", {}) or is_served or is_colab:
        return "page"
    can_ask = request.get("content", {}).get("allow_stdin")
    return "console" if can_ask else "headless"


class Canvas:
    """Everything that is shown in one shell.

    Parameters
    ----------
    shell : InteractiveShell
        Where to show it.
    environ : mapping
        The process's environment.

    Attributes
    ----------
    ticker : Ticker
        Lets what was held back be painted.
    """

    def __init__(
        self,
        shell: Any,
        environ: Mapping[str, str],
        publisher: Publisher | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shell = shell
        self._environ = environ
        self._publisher = publisher or ShellPublisher(shell)
        self._clock_s = clock_s
        self.ticker = Ticker()
        self._painted: tuple[object, Reply | None] = (None, None)
        self._bare: Painter | None = None
        self._owes_footer = False

    @property
    def front_end(self) -> FrontEnd:
        """What shows the output of the cell that runs now."""
        return front_end(self._shell, self._environ)

    @property
    def _shows_html(self) -> bool:
        return self.front_end in ("page", "headless")

    def painter(self) -> Painter:
        """Give a painter for a reply in the cell that runs now."""
        marker, place = execution_of(self._shell), place_of(source_of(self._shell))
        front = self.front_end
        if front == "headless" or (front == "page" and is_captured(self._shell)):
            return Once(self._publisher)
        if front == "page":
            alone = place.is_first and self._painted[0] != marker
            self._painted = (marker, None)
            return PagePainter(self._publisher, alone, self._clock_s, self.ticker)
        is_console = front == "console"
        is_bare = not is_console and place.is_shown and place.is_only
        painter = text_painter(_stdout(), is_console, with_footer=not is_bare)
        self._bare = painter if is_bare else None
        return painter

    def painted(self, reply: Reply, painter: Painter) -> None:
        """Note that `painter` has shown `reply` in the cell that runs now."""
        is_quiet = isinstance(painter, Silent)
        if is_quiet and place_of(source_of(self._shell)).is_named:
            return  # its cell may show it yet
        self._painted = (execution_of(self._shell), reply)
        self._owes_footer = painter is self._bare

    def show_value(self, reply: Reply) -> None:
        """Show a reply that is the value of a cell, unless this cell has painted it."""
        marker, painted = self._painted
        if painted is reply and marker == execution_of(self._shell):
            # A terminal has written "Out[3]: " by now.
            if self._owes_footer:
                print_footer(reply, _stdout(), _stdout().isatty())
        elif self._shows_html:
            self._publisher.show(Display(_new_id(), *bundle(reply)))
        else:
            print_reply(reply, _stdout(), self.front_end == "console")

    def show_markdown(self, markdown: str) -> None:
        """Show a text of our own."""
        if self._shows_html:
            from nemotron_magic.markdown import to_html

            html = document(to_html(markdown))
            self._publisher.show(Display(_new_id(), html, markdown))
        else:
            print_markdown(markdown, _stdout(), self.front_end == "console")


def _stdout() -> TextIO:
    return sys.stdout


def _new_id() -> str:
    return uuid.uuid4().hex
