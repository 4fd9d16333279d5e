"""Painting a reply into a notebook page while it grows.

A display takes the finished blocks and the growing tail, until it holds enough to be
left alone; then a new one begins. At the end the displays give way to one output, the
one that is saved. How often the growing display is painted follows from how many bytes
that takes: a page, and a notebook server, must carry them all.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextvars import copy_context
from threading import RLock, Timer
from typing import Any, Protocol

from nemotron_magic.events import (
    Event,
    Notice,
    Reasoning,
    Reclassified,
    Retry,
    Sent,
    Text,
)
from nemotron_magic.markdown import Blocks
from nemotron_magic.notebook.html import (
    block_html,
    document,
    interim_html,
    reply_html,
    reply_text,
    status_html,
)
from nemotron_magic.notebook.pace import Pace
from nemotron_magic.reply import Reply
from nemotron_magic.summary import metadata

__all__ = ["PagePainter", "Publisher", "ShellPublisher", "bundle"]

_DISPLAY_CHARS = 1_200
"""A display is left alone from here on: shorter ones cost the page, longer the wire."""

_STATUS_BYTES = 4_000
"""A line of our own with its style sheet."""

_LATER_S = 0.2
"""How long to wait for more, before what was held back is painted without it."""

Later = Callable[[float, Callable[[], None]], Callable[[], None]]
"""Calls a function after some seconds; gives what calls that off."""


class Publisher(Protocol):
    """Where displays go."""

    def show(
        self,
        display_id: str,
        html: str,
        text: str = "",
        about: Mapping[str, Any] | None = None,
        *,
        again: bool = False,
    ) -> None:
        """Make a display, or paint the one of that id `again`."""

    def clear(self) -> None:
        """Let the cell's outputs go when the next one comes."""


class ShellPublisher:
    """Displays of a running shell."""

    def __init__(self, shell: Any) -> None:
        self._publisher = shell.display_pub

    def show(
        self,
        display_id: str,
        html: str,
        text: str = "",
        about: Mapping[str, Any] | None = None,
        *,
        again: bool = False,
    ) -> None:
        """Make a display, or paint the one of that id `again`."""
        self._publisher.publish(
            data={"text/html": html, **({"text/plain": text} if text else {})},
            metadata={"nemotron": dict(about)} if about else {},
            transient={"display_id": display_id},
            update=again,
        )

    def clear(self) -> None:
        """Let the cell's outputs go when the next one comes."""
        self._publisher.clear_output(wait=True)


def bundle(reply: Reply) -> tuple[str, str, dict[str, Any]]:
    """Give what is saved of a reply: HTML, Markdown source, metadata."""
    return reply_html(reply), reply_text(reply), metadata(reply)


def in_thread(delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
    """Call a function after `delay_s` in a thread; give what calls that off.

    In the context of the caller: ipykernel 7 keeps there which cell is written to.
    """
    timer = Timer(delay_s, copy_context().run, (call,))
    timer.daemon = True
    timer.start()
    return timer.cancel


class PagePainter:
    """Paint one reply.

    Parameters
    ----------
    alone : bool
        Whether the cell has no other output, so that it may be cleared at the end. If
        not, the whole reply is one display from the beginning, painted less often as
        it grows.
    clock_s : callable
        A monotonic clock.
    later : callable
        Calls a function when nothing has come for a while: what was held back to save
        bytes must not stay out of sight when the stream stalls.
    """

    def __init__(
        self,
        publisher: Publisher,
        alone: bool,
        clock_s: Callable[[], float],
        later: Later = in_thread,
    ) -> None:
        self._publisher = publisher
        self._alone = alone
        self._pace = Pace(clock_s)
        self._later = later
        self._call_off: Callable[[], None] | None = None
        self._lock = RLock()
        self._thought_chars = 0
        self._notices: list[str] = []
        self._begin()

    def watch(self, event: Event) -> None:
        """Paint what `event` changes."""
        with self._lock:
            self._note(event)

    def finish(self, reply: Reply) -> None:
        """Put the whole reply in the place of its parts."""
        with self._lock:
            self._end()
            if self._alone:
                self._publisher.clear()
                self._display_id = ""
            self._paint(*bundle(reply))

    def fail(self) -> None:
        """Take back what was painted, because nothing of a reply has arrived."""
        with self._lock:
            self._end()
            if self._alone:
                self._publisher.clear()
            elif self._display_id:
                self._paint(status_html("no reply"), "no reply")

    def _begin(self) -> None:
        """Have nothing painted."""
        self._held_back: tuple[Callable[[], None], int] | None = None
        self._display_id = ""
        self._is_answering = False
        self._blocks = Blocks()
        self._head = "" if self._alone else document("")
        self._begin_display()

    def _begin_display(self) -> None:
        self._finished: list[str] = []
        self._finished_chars = 0

    def _end(self) -> None:
        """Paint nothing more by itself."""
        self._held_back = None
        if self._call_off is not None:
            self._call_off()

    def _note(self, event: Event) -> None:
        match event:
            case Text(text, 0):
                self._take(text)
            case Reasoning(text, 0):
                self._think(text)
            case Reclassified(reasoning, 0):
                self._start_over(reasoning)
            case Sent(_, model):
                self._status(f"asking {model} …")
            case Retry(why, delay_s):
                self._status(f"{why}; trying again in {delay_s:.0f} s …")
            case Notice(text):
                self._notices.append(text)

    def _status(self, text: str) -> None:
        self._paint(document(status_html(" · ".join([*self._notices, text]))))

    def _think(self, text: str) -> None:
        self._thought_chars += len(text)
        self._paint_soon(self._show_thinking, _STATUS_BYTES)

    def _show_thinking(self) -> None:
        self._status(f"thinking … {self._thought_chars:,} characters")

    def _take(self, text: str) -> None:
        if not self._is_answering:
            self._begin_answer()
        self._pace.arrived(len(text))
        has_left = False
        for block in self._blocks.feed(text):
            self._finished.append(block_html(block) if block.source.strip() else "")
            self._finished_chars += len(block.source)
            if self._alone and self._finished_chars >= _DISPLAY_CHARS:
                self._leave()
                has_left = True
        if has_left:
            # At once: a moment ago it stood at the end of the display that was left.
            self._show_growing()
        else:
            self._paint_soon(self._show_growing, self._growing_bytes())

    def _begin_answer(self) -> None:
        self._is_answering = True
        if self._alone:
            # The style sheet stays in a display of its own: it is sent only once.
            self._paint(document(""))
            self._display_id = ""

    def _leave(self) -> None:
        """Paint the display a last time, and begin another."""
        self._paint("".join(self._finished))
        self._display_id = ""
        self._begin_display()

    def _show_growing(self) -> None:
        self._paint(self._head + interim_html(self._finished, self._blocks.tail))

    def _growing_bytes(self) -> int:
        tail = len(self._blocks.tail.source)
        return len(self._head) + sum(map(len, self._finished)) + 3 * tail

    def _paint_soon(self, show: Callable[[], None], size: int) -> None:
        """Paint now, or once the pace allows it, or when nothing else comes."""
        if self._pace.allows(size):
            show()
            return
        self._held_back = (show, size)
        if self._call_off is None:
            self._call_off = self._later(_LATER_S, self._paint_late)

    def _paint_late(self) -> None:
        """Paint what was held back, if it still is; runs in another thread."""
        with self._lock:
            self._call_off = None
            if self._held_back:
                self._paint_soon(*self._held_back)

    def _start_over(self, reasoning: str) -> None:
        """Take back the text: it has turned out to be reasoning."""
        self._thought_chars += len(reasoning)
        display_id = self._display_id
        self._begin()
        if self._alone:
            self._publisher.clear()
        else:
            self._display_id = display_id

    def _paint(
        self, html: str, text: str = "", about: Mapping[str, Any] | None = None
    ) -> None:
        display_id = self._display_id or uuid.uuid4().hex
        again = bool(self._display_id)
        self._publisher.show(display_id, html, text, about, again=again)
        # Not before: were it interrupted in between, nothing could be painted again.
        self._display_id = display_id
        self._held_back = None
        self._pace.painted(len(html) + len(text))
