"""Painting a reply into a notebook page while it grows.

Finished blocks are painted once, each into a display of its own; only the tail is
painted again. At the end the displays give way to one output, the one that is saved.
How often the tail is painted follows from how many bytes that takes: a page, and a
notebook server, must carry them all.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
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
from nemotron_magic.markdown import Block, Blocks
from nemotron_magic.notebook.html import (
    block_html,
    document,
    reply_html,
    reply_text,
    status_html,
)
from nemotron_magic.reply import Reply
from nemotron_magic.summary import metadata

__all__ = ["PagePainter", "Publisher", "ShellPublisher", "bundle"]

_LEAST_INTERVAL_S = 0.1
_BYTES_PER_MESSAGE = 900
_BYTES_AT_START = 12_000
_BYTES_PER_CHAR = 24
_BYTES_PER_S = 8_000


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
            data={"text/html": html, "text/plain": text},
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
    """

    def __init__(
        self, publisher: Publisher, alone: bool, clock_s: Callable[[], float]
    ) -> None:
        self._publisher = publisher
        self._alone = alone
        self._clock_s = clock_s
        self._started_s = clock_s()
        self._painted_s = float("-inf")
        self._bytes = 0
        self._chars = 0
        self._thought_chars = 0
        self._blocks = Blocks() if alone else Blocks(soft_limit=2**31)
        self._whole: list[str] = []
        self._head = _Display(self._paint)
        self._tail = _Display(self._paint)
        self._notices: list[str] = []

    def watch(self, event: Event) -> None:
        """Paint what `event` changes."""
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

    def finish(self, reply: Reply) -> None:
        """Put the whole reply in the place of its parts."""
        html, text, about = bundle(reply)
        if self._alone:
            self._publisher.clear()
            self._publisher.show(uuid.uuid4().hex, html, text, about)
        else:
            self._head.show(html, text, about)

    def fail(self) -> None:
        """Take back what was painted, because nothing of a reply has arrived."""
        if self._alone:
            self._publisher.clear()
        elif self._head.is_shown:
            self._head.show(status_html("no reply"), "no reply")

    def _status(self, text: str) -> None:
        line = "\n".join([*self._notices, text])
        self._head.show(document(status_html(line)), text)

    def _think(self, text: str) -> None:
        self._thought_chars += len(text)
        if self._is_due(0):
            self._status(f"thinking … {self._thought_chars:,} characters")

    def _take(self, text: str) -> None:
        if not self._chars and self._alone:
            self._head.show(document(""))
        self._chars += len(text)
        if not self._alone:
            self._whole.append(text)
            self._paint_whole()
            return
        for block in self._blocks.feed(text):
            self._settle(block)
        self._paint_tail()

    def _settle(self, block: Block) -> None:
        self._tail.show(block_html(block), block.source)
        self._tail = _Display(self._paint)

    def _paint_tail(self) -> None:
        tail = self._blocks.tail
        if self._is_due(3 * len(tail.source)) and tail.source.strip():
            self._tail.show(block_html(tail), tail.source)
            self._painted_s = self._clock_s()

    def _paint_whole(self) -> None:
        if self._is_due(3 * self._chars):
            text = "".join(self._whole)
            block = Block(text, text)
            self._head.show(document(block_html(block)), text)
            self._painted_s = self._clock_s()

    def _is_due(self, size: int) -> bool:
        """Tell whether enough time has passed and the bytes are to be had."""
        now_s = self._clock_s()
        if now_s - self._painted_s < _LEAST_INTERVAL_S:
            return False
        by_text = _BYTES_PER_CHAR * self._chars
        by_time = int(_BYTES_PER_S * (now_s - self._started_s))
        allowed = _BYTES_AT_START + max(by_text, by_time)
        return self._bytes + size + _BYTES_PER_MESSAGE <= allowed

    def _start_over(self, reasoning: str) -> None:
        """Take back the text: it has turned out to be reasoning."""
        self._thought_chars += len(reasoning)
        self._chars = 0
        self._whole.clear()
        if self._alone:
            self._publisher.clear()
            self._blocks = Blocks()
            self._head, self._tail = _Display(self._paint), _Display(self._paint)

    def _paint(
        self,
        display_id: str,
        html: str,
        text: str,
        about: Mapping[str, Any] | None,
        again: bool,
    ) -> None:
        self._bytes += len(html) + len(text) + _BYTES_PER_MESSAGE
        self._publisher.show(display_id, html, text, about, again=again)


class _Display:
    """One display: made when first shown, painted again after that."""

    def __init__(self, paint: Callable[..., None]) -> None:
        self._paint = paint
        self._id = uuid.uuid4().hex
        self.is_shown = False

    def show(
        self, html: str, text: str = "", about: Mapping[str, Any] | None = None
    ) -> None:
        self._paint(self._id, html, text, about, self.is_shown)
        self.is_shown = True
