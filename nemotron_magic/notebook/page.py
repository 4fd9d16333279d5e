"""Painting a reply into a notebook page while it grows.

A display takes the finished blocks and the growing tail, until it holds enough to be
left alone; then a new one begins. At the end the displays give way to one output, the
one that is saved. How often the growing display is painted follows from how many bytes
that takes: a page, and a notebook server, must carry them all.
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
from nemotron_magic.markdown import Blocks
from nemotron_magic.notebook.html import (
    block_html,
    document,
    interim_html,
    reply_html,
    reply_text,
    status_html,
)
from nemotron_magic.reply import Reply
from nemotron_magic.summary import metadata

__all__ = ["PagePainter", "Publisher", "ShellPublisher", "bundle"]

_LEAST_INTERVAL_S = 0.1
"""More often, VS Code flickers (microsoft/vscode-jupyter#7351) and nobody reads."""

_DISPLAY_CHARS = 1_200
"""A display is left alone from here on: shorter ones cost the page, longer the wire."""

_MESSAGE_BYTES = 900
"""A message without its content: four JSON headers and a signature."""

# What the paints of a reply may take together: enough to begin with, and then as much
# as its length or the time allows. Without a bound, 16,000 tokens take 500 MB.
_BYTES_AT_START = 12_000
_BYTES_PER_CHAR = 28
_BYTES_PER_S = 10_000


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
        self._bytes = 0
        self._thought_chars = 0
        self._notices: list[str] = []
        self._begin()

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
        if self._alone:
            self._publisher.clear()
            self._display_id = ""
        self._paint(*bundle(reply))

    def fail(self) -> None:
        """Take back what was painted, because nothing of a reply has arrived."""
        if self._alone:
            self._publisher.clear()
        elif self._display_id:
            self._paint(status_html("no reply"), "no reply")

    def _begin(self) -> None:
        """Have nothing painted."""
        self._display_id = ""
        self._painted_s = float("-inf")
        self._chars = 0
        self._blocks = Blocks()
        self._head = "" if self._alone else document("")
        self._finished: list[str] = []
        self._finished_chars = 0

    def _status(self, text: str) -> None:
        self._paint(document(status_html(" · ".join([*self._notices, text]))))

    def _think(self, text: str) -> None:
        self._thought_chars += len(text)
        if self._is_due(0):
            self._status(f"thinking … {self._thought_chars:,} characters")

    def _take(self, text: str) -> None:
        if self._alone and not self._chars:
            # The style sheet stays in a display of its own: it is sent only once.
            self._paint(document(""))
            self._display_id = ""
            self._painted_s = float("-inf")
        self._chars += len(text)
        for block in self._blocks.feed(text):
            self._finished.append(block_html(block) if block.source.strip() else "")
            self._finished_chars += len(block.source)
        if self._alone and self._finished_chars >= _DISPLAY_CHARS:
            self._leave()
        if self._is_due(3 * (self._finished_chars + len(self._blocks.tail.source))):
            self._paint(self._head + interim_html(self._finished, self._blocks.tail))

    def _leave(self) -> None:
        """Paint the display a last time, and begin another."""
        self._paint("".join(self._finished))
        self._display_id = ""
        self._finished.clear()
        self._finished_chars = 0
        self._painted_s = float("-inf")

    def _is_due(self, size: int) -> bool:
        """Tell whether enough time has passed and the bytes are to be had."""
        now_s = self._clock_s()
        if now_s - self._painted_s < _LEAST_INTERVAL_S:
            return False
        by_text = _BYTES_PER_CHAR * self._chars
        by_time = int(_BYTES_PER_S * (now_s - self._started_s))
        allowed = _BYTES_AT_START + max(by_text, by_time)
        return self._bytes + size + _MESSAGE_BYTES <= allowed

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
        again = bool(self._display_id)
        self._display_id = self._display_id or uuid.uuid4().hex
        self._publisher.show(self._display_id, html, text, about, again=again)
        self._bytes += len(html) + len(text) + _MESSAGE_BYTES
        self._painted_s = self._clock_s()
