"""Painting a reply into a notebook page while it grows.

A display takes the finished blocks and the growing tail, until it holds enough to be
left alone; then a new one begins. At the end the displays give way to one output, the
one that is saved. How often the growing display is painted follows from how many bytes
that takes: a page, and a notebook server, must carry them all.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from threading import RLock
from typing import Any

from nemotron_magic.events import (
    Event,
    Notice,
    Reasoning,
    Reclassified,
    Retry,
    Sent,
    Text,
)
from nemotron_magic.markdown import Block, Blocks
from nemotron_magic.notebook.html import (
    block_html,
    document,
    interim_html,
    reply_html,
    reply_text,
    status_html,
)
from nemotron_magic.notebook.pace import LATE_S, Every, Pace
from nemotron_magic.notebook.publisher import Display, Publisher
from nemotron_magic.reply import Reply
from nemotron_magic.summary import metadata

__all__ = ["PagePainter", "bundle"]

_DISPLAY_CHARS = 1_200
"""A display is left alone from here on: shorter ones cost the page, longer the wire."""

_STATUS_BYTES = 200
"""A line of our own."""

_IDLE_TICKS = round(10 / LATE_S)
"""What has had nothing to paint for so long needs no more ticks."""


def bundle(reply: Reply) -> tuple[str, str, dict[str, Any]]:
    """Give what is saved of a reply: HTML, Markdown source, metadata."""
    return reply_html(reply), reply_text(reply), metadata(reply)


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
    every : callable
        Calls a function again and again: what was held back to save bytes must not stay
        out of sight when the stream stalls.
    """

    def __init__(
        self,
        publisher: Publisher,
        alone: bool,
        clock_s: Callable[[], float],
        every: Every,
    ) -> None:
        self._publisher = publisher
        self._alone = alone
        self._pace = Pace(clock_s)
        self._every = every
        self._html_of = lru_cache(maxsize=256)(_html_of)
        self._lock = RLock()
        self._idle_ticks = 0
        self._is_ticking = self._has_painted = self._has_ended = False
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
                self._clear()
                self._display_id = ""
            self._paint(*bundle(reply))

    def fail(self) -> None:
        """Take back what was painted, because nothing of a reply has arrived."""
        with self._lock:
            self._end()
            if self._alone:
                self._clear()
            elif self._display_id:
                self._paint(status_html("no reply"), "no reply")

    def _begin(self) -> None:
        """Have nothing painted."""
        self._held_back: tuple[Callable[[], None], int] | None = None
        self._blocks = Blocks()
        self._finished: list[Block] = []
        self._left: list[list[Block]] = []
        self._unread: list[str] = []
        self._unread_chars = self._written_bytes = 0
        self._head = "" if self._alone else document("")
        self._is_styled = not self._alone
        self._display_id = ""

    def _clear(self) -> None:
        if self._has_painted:
            self._publisher.clear()

    def _end(self) -> None:
        """Paint nothing more by itself."""
        self._held_back = None
        self._has_ended = True

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
            case Retry() as retry:
                self._status(retry.words)
            case Notice(text):
                self._notices.append(text)

    def _status(self, text: str) -> None:
        self._waiting_for = text
        self._paint_soon(self._show_status, _STATUS_BYTES)

    def _show_status(self) -> None:
        self._paint(status_html(" · ".join([*self._notices, self._waiting_for])))

    def _think(self, text: str) -> None:
        self._thought_chars += len(text)
        self._paint_soon(self._show_thinking, _STATUS_BYTES)

    def _show_thinking(self) -> None:
        self._waiting_for = f"thinking … {self._thought_chars:,} characters"
        self._show_status()

    def _take(self, text: str) -> None:
        self._pace.arrived(len(text))
        self._unread.append(text)
        self._unread_chars += len(text)
        self._paint_soon(self._show_growing, self._growing_bytes())

    def _read(self) -> None:
        """Part what has come since the last paint into blocks, and these by display."""
        text = "".join(self._unread)
        self._unread.clear()
        for block in self._blocks.feed(text):
            self._finished.append(block)
            if self._alone and _chars(self._finished) >= _DISPLAY_CHARS:
                self._left.append(self._finished)
                self._finished = []

    def _show_growing(self) -> None:
        self._read()
        if not self._is_styled:
            # The style sheet stays in a display of its own: it is sent only once.
            self._paint(document(""))
            self._display_id, self._is_styled = "", True
        while self._left:
            self._paint("".join(map(self._html_of, self._left[0])))
            del self._left[0]
            self._display_id = ""
        written, tail = [*map(self._html_of, self._finished)], self._blocks.tail
        self._paint(self._head + interim_html(written, tail))
        self._written_bytes = sum(map(len, written))
        self._unread_chars = len(tail.source)

    def _growing_bytes(self) -> int:
        return len(self._head) + self._written_bytes + 4 * self._unread_chars

    def _paint_soon(self, show: Callable[[], None], size: int) -> None:
        """Paint now, or once the pace allows it, or when nothing else comes."""
        if self._pace.allows(size):
            show()
            return
        self._held_back = (show, size)
        self._idle_ticks = 0
        if not self._is_ticking:
            self._is_ticking = True
            self._every(self._tick)

    def _tick(self) -> bool:
        """Paint what was held back; tell whether to come again. In another thread."""
        with self._lock:
            self._idle_ticks += 1
            if self._held_back:
                self._paint_soon(*self._held_back)
            self._is_ticking = not self._has_ended and self._idle_ticks < _IDLE_TICKS
            return self._is_ticking

    def _start_over(self, reasoning: str) -> None:
        """Take back the text: it has turned out to be reasoning."""
        self._thought_chars += len(reasoning)
        display_id = self._display_id
        self._begin()
        if self._alone:
            self._clear()
        else:
            self._display_id = display_id

    def _paint(
        self, html: str, text: str = "", about: Mapping[str, Any] | None = None
    ) -> None:
        display_id = self._display_id or uuid.uuid4().hex
        again = bool(self._display_id)
        self._has_painted = True
        self._publisher.show(Display(display_id, html, text, about), again=again)
        # Not before: were it interrupted in between, nothing could be painted again.
        self._display_id = display_id
        self._held_back = None
        self._pace.painted(len(html) + len(text))


def _chars(blocks: Iterable[Block]) -> int:
    return sum(len(block.source) for block in blocks)


def _html_of(block: Block) -> str:
    return block_html(block) if block.source.strip() else ""
