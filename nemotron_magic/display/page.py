"""Stream a reply into a notebook page, repainted within a budget.

Ten renders a second of all there is would be 100 MB for a reply of 16,000 tokens; the
budget grows with the text and with the time. A display takes the finished blocks and
the growing tail, until it holds enough to be left alone; then a new one begins. At the
end they give way to one output, the one that is saved; those of a long reply stay,
because to replace them all at once would stop the page for a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from threading import Event as ThreadEvent
from threading import Lock, RLock, Thread
from typing import Any, Protocol
from uuid import uuid4

from nemotron_magic.core import events
from nemotron_magic.display import reply as shown
from nemotron_magic.display.insert import ReplyCode
from nemotron_magic.markdown.latex import to_latex
from nemotron_magic.markdown.streaming import Block, Blocks, close_open_marks
from nemotron_magic.session.reply import Reply

CodeOf = Callable[[Reply], ReplyCode | None]  # what a page shows of the code

_LATE_S = 0.1  # what was held back is rendered then, though nothing else has come
_PATIENCE_S = 0.03  # what is over sooner is rendered once: that takes as long
_LEAST_INTERVAL_S = 0.1  # VS Code flickers otherwise: microsoft/vscode-jupyter#7351
_MESSAGE_BYTES = 900  # one without its content: four JSON headers and a signature
_BYTES_AT_START = 8_000  # to spend before any are earned; no more can be saved up

# What the time since the last render has earned, whichever is more: so much for each
# character that has come in it, or so much for each second, less the faster the text
# comes. Together: 35 kB a second, nearly ten renders, while a model is slow; 12 kB, or
# 31 bytes a character, at 100 tokens a second; and never less than that a character.
_BYTES_PER_CHAR = 31
_BYTES_PER_S = 35_000
_BYTES_LESS_PER_CHAR = 57

# A display of 1,200 is left alone: shorter ones cost the page, longer the wire. Later
# ones hold a share of all before: JupyterLab shows no more than 50 outputs of a cell.
_DISPLAY_CHARS = 1_200
_DISPLAY_SHARE = 1 / 12
_ONE_OUTPUT_CHARS = 12_000  # to replace them all takes JupyterLab some 40 ms
_STATUS_BYTES = 200
_STATUS_INTERVAL_S = 0.5
_TOLD_FROM_S = 2  # a shorter wait needs no clock, nor does one that says how long it is
_THINKING = "thinking …"
_THOUGHT_CHARS = 120  # the end of a thought, to see that it goes on
_IDLE_TICKS = round(10 / _LATE_S)  # so long idle, none are needed


def waiting_line(what: str, waited_s: float) -> str:
    """Return what is waited for and, from two seconds on, for how long."""
    is_told = waited_s >= _TOLD_FROM_S and not what.endswith(" s …")
    return f"{what} {int(waited_s)} s" if is_told else what


class RepaintBudget:
    """Keeps account of what renders cost and what may be spent."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._counted_s = clock_s()
        self._rendered_s = self._counted_s - _LEAST_INTERVAL_S + _PATIENCE_S
        self._chars = 0
        self._saved = _BYTES_AT_START

    def arrived(self, chars: int) -> None:
        """Note how many characters have come."""
        self._chars += chars

    def allows(self, size: int) -> bool:
        """Return whether a render of about that many bytes may be now."""
        now_s = self._clock_s()
        is_due = now_s - self._rendered_s >= _LEAST_INTERVAL_S
        return is_due and self._left(now_s, size) >= 0

    def rendered(self, size: int) -> None:
        """Note a render of that many bytes, whether it was allowed or had to be."""
        now_s = self._clock_s()
        self._saved = min(self._left(now_s, size), _BYTES_AT_START)
        self._rendered_s = self._counted_s = now_s
        self._chars = 0

    def _left(self, now_s: float, size: int) -> int:
        by_time = _BYTES_PER_S * (now_s - self._counted_s)
        slow = by_time - _BYTES_LESS_PER_CHAR * self._chars
        earned = int(max(_BYTES_PER_CHAR * self._chars, slow))
        return self._saved + earned - size - _MESSAGE_BYTES


class Ticker:
    """Calls functions every so often until they return False.

    In one thread, because each opens a socket in the kernel; it stays for a while when
    there is nothing to call, because to start one takes longer than many a call.
    """

    def __init__(self, interval_s: float = _LATE_S, idle_s: float = 1.0) -> None:
        self._interval_s = interval_s
        self._idle_ticks = idle_s / interval_s
        self._calls: list[Callable[[], bool]] = []
        self._lock = Lock()
        self._is_closed = ThreadEvent()
        self._thread: Thread | None = None

    def close(self) -> None:
        """Call nothing any more, and let the thread end at once."""
        self._is_closed.set()

    def __call__(self, call: Callable[[], bool]) -> None:
        """Call `call` from now on, in the caller's context: it says in which cell."""
        if self._is_closed.is_set():
            return
        with self._lock:
            self._calls.append(partial(copy_context().run, call))
            # After a fork no thread runs, whatever the variable says.
            if self._thread is None or not self._thread.is_alive():
                name = "nemotron-render"
                self._thread = Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        idle_ticks = 0
        while not self._is_closed.wait(self._interval_s):
            with self._lock:
                calls, self._calls = self._calls, []
                idle_ticks = 0 if calls else idle_ticks + 1
                if idle_ticks > self._idle_ticks:
                    self._thread = None
                    return
            wanted = [call for call in calls if call()]
            with self._lock:
                self._calls += wanted


@dataclass(frozen=True, slots=True)
class Display:
    """One display of a cell, made or rendered again by its id."""

    id: str
    html: str
    text: str = ""
    about: Mapping[str, Any] | None = None

    def message(self) -> dict[str, Any]:
        """Return what stands in it, and what is saved beside it under our name."""
        data = {"text/html": self.html}
        if self.text:  # the LaTeX is for PDFs, which would show it as it was written
            data |= {"text/plain": self.text, "text/latex": to_latex(self.text)}
        about = {"nemotron": dict(self.about)} if self.about else {}
        return {"data": data, "metadata": about}


class Publisher(Protocol):
    """Where displays go."""

    def show(self, display: Display, *, again: bool = False) -> None:
        """Make a display, or render the one of that id `again`."""

    def clear(self) -> None:
        """Let the cell's outputs go when the next one comes."""


class Renderer:
    """Shows one reply while it grows; this one shows nothing, for `--quiet`."""

    def watch(self, event: events.Event) -> None:
        """Show what `event` changes."""

    def finish(self, reply: Reply) -> None:
        """Show the reply as it stays."""

    def fail(self) -> None:
        """Show that no reply came."""


@dataclass(slots=True)
class _Part:
    """What one display holds of a reply that is spread over several."""

    blocks: list[Block] = field(default_factory=list)
    html: str = ""  # as it is rendered
    display_id: str = ""


@dataclass(eq=False)
class NotebookRenderer(Renderer):
    """Paint one reply.

    A cell that has no other output (`alone`) may be cleared at the end. If not, the
    whole reply is one display from the beginning, rendered less often as it grows.
    What was held back to save bytes comes in sight by `every` when the stream stalls.
    """

    publisher: Publisher
    alone: bool
    clock_s: Callable[[], float]
    every: Callable[[Callable[[], bool]], None]
    code_of: CodeOf = lambda reply: None

    def __post_init__(self) -> None:
        self._pace = RepaintBudget(self.clock_s)
        self._html_of = lru_cache(maxsize=256)(shown.block_html)
        self._lock = RLock()
        self._idle_ticks = _IDLE_TICKS
        self._has_rendered = self._has_ended = False
        self._waiting_for = self._thought = self._status = ""
        self._asked_s: float | None = None
        self._status_s = 0.0
        self._notices: list[str] = []
        self._display_id = ""  # of the display that grows
        self._begin()

    def watch(self, event: events.Event) -> None:
        """Paint what `event` changes."""
        with self._lock:
            if not self._has_ended:
                self._handle(event)

    def finish(self, reply: Reply) -> None:
        """Show the whole reply, in the place of its parts unless it is long."""
        with self._lock:
            self._has_ended = True
            # Of several, those are rendered again that change: with code, or the first.
            *htmls, last = self.htmls(reply)
            if not htmls:
                self._clear()
            for part, html in zip(self._parts, htmls, strict=False):
                self._settle(part, html)
            # The last has the text for all that do not show HTML.
            self._render(last, shown.reply_text(reply), shown.metadata(reply))

    def htmls(self, reply: Reply, unread: str = "") -> list[str]:
        """Return what the displays of a reply show at its end: one, or those of a long.

        `unread` is what came in no event.
        """
        self._unread.append(unread)
        self._take()
        sources = [block.source for part in self._parts for block in part.blocks]
        taken = "".join([*sources, self._blocks.tail.source])
        is_long = self.alone and len(reply) > _ONE_OUTPUT_CHARS
        if not is_long or shown.shown_texts(reply) != [taken]:
            return [shown.reply_html(reply, self.code_of(reply))]
        code, folded = self.code_of(reply), reply.metadata.inserted
        below, tail = code.below if code else None, self._blocks.tail
        if reply.is_cut_off:
            tail = replace(tail, markdown=close_open_marks(tail.markdown))
        self._parts[-1].blocks.append(tail)
        _, *htmls, last = (
            "".join(shown.block_html(block, folded, below) for block in part.blocks)
            for part in self._parts
        )
        last += shown.element(shown.end_html(reply, code))
        rest = "".join([*htmls, last])
        first = shown.document(shown.reasoning_html(reply), below=rest)
        return [first, *htmls, last]

    def fail(self) -> None:
        """Take back what was rendered, because nothing of a reply has arrived."""
        with self._lock:
            if not self._has_ended:
                self._has_ended = True
                self._clear()
                if self._display_id:
                    self._render(shown.status_html("no reply"), "no reply")

    def _begin(self) -> None:
        """Have no text of a reply."""
        self._is_behind = False
        self._blocks = Blocks()
        self._unread: list[str] = []
        self._parted_chars = 0
        style = shown.document("", below=None)
        # The style sheet stays in a display of its own: it is sent only once.
        self._parts = [_Part(html=style), _Part()] if self.alone else [_Part()]
        self._head = "" if self.alone else style
        self._below = ""
        self._bytes = len(self._head)  # about as many as the growing display takes

    def _clear(self) -> None:
        if self.alone:
            self._display_id = ""
            if self._has_rendered:
                self.publisher.clear()

    def _handle(self, event: events.Event) -> None:
        match event:
            case events.Text(text, 0):
                self._waiting_for = ""
                self._pace.arrived(len(text))
                self._unread.append(text)
                self._bytes += 4 * len(text)
                self._paint_soon()
            case events.Reasoning(text, 0):
                self._thought = (self._thought + text)[-_THOUGHT_CHARS:]
                if self._waiting_for != _THINKING:
                    self._wait_for(_THINKING)
            case events.TextWasReasoning(reasoning, 0):  # it is taken back
                self._thought = reasoning[-_THOUGHT_CHARS:]
                self._begin()
                self._clear()
            case events.Sent(_, model):
                self._wait_for(f"asking {model} …")
            case events.Retry() as retry:
                self._wait_for(retry.words)
            case events.Notice(text):
                self._notices.append(text)
            case events.Trying() as trying:
                self._waiting_for, self._below = "", shown.status_html(trying.words)
                self._paint_soon()

    def _wait_for(self, text: str) -> None:
        """Show what is waited for, and from then on for how long."""
        self._waiting_for = text
        if self._asked_s is None:
            self._asked_s = self.clock_s()
        self._paint_soon()
        self._tick_on()

    def _status_html(self) -> str:
        line = waiting_line(self._waiting_for, self.clock_s() - (self._asked_s or 0.0))
        thought = self._thought.strip().rpartition("\n")[2]
        return shown.status_html(" · ".join([*self._notices, line]), thought)

    def _paint_soon(self) -> None:
        """Paint now, or once the pace allows it, or when nothing else comes."""
        if self._pace.allows(_STATUS_BYTES if self._waiting_for else self._bytes):
            self._paint()
        else:
            self._is_behind = True
            self._tick_on()

    def _paint(self) -> None:
        """Paint what is waited for, or the displays that hold enough and the last."""
        if self._waiting_for:
            self._status, self._status_s = self._status_html(), self.clock_s()
            self._render(self._status)
            return
        self._take()
        *parts, last = self._parts
        for part in parts:
            self._settle(part, part.html)
        written, tail = [*map(self._html_of, last.blocks)], self._blocks.tail
        self._render(self._head + shown.interim_html(written, tail) + self._below)
        self._bytes = len(self._head) + sum(map(len, written)) + 4 * len(tail.source)

    def _settle(self, part: _Part, html: str) -> None:
        """Render a part as it stays: in the display that grows if it has none yet."""
        if part.display_id and part.html == html:
            return
        growing_id = self._display_id if part.display_id else ""
        self._display_id = part.display_id or self._display_id
        self._render(html)
        part.display_id, self._display_id = self._display_id, growing_id

    def _take(self) -> None:
        """Part what has come since the last render into displays."""
        text, self._unread = "".join(self._unread), []
        for block in self._blocks.feed(text):
            part = self._parts[-1]
            part.blocks.append(block)
            size = sum(len(block.source) for block in part.blocks)
            enough = max(_DISPLAY_CHARS, self._parted_chars * _DISPLAY_SHARE)
            if self.alone and size >= enough:
                part.html = "".join(map(self._html_of, part.blocks))
                self._parted_chars += size
                self._parts.append(_Part())

    def _tick_on(self) -> None:
        is_ticking, self._idle_ticks = self._idle_ticks < _IDLE_TICKS, 0
        if not is_ticking:
            self.every(self._tick)

    def _tick(self) -> bool:
        """Paint what was held back; return whether to come again. In another thread."""
        with self._lock:
            if self._has_ended:
                return False
            is_due = self.clock_s() - self._status_s >= _STATUS_INTERVAL_S
            if self._is_behind:
                self._paint_soon()
            elif self._waiting_for and is_due and self._status_html() != self._status:
                self._paint()
            self._idle_ticks += not self._waiting_for
            return self._idle_ticks < _IDLE_TICKS

    def _render(
        self, html: str, text: str = "", about: Mapping[str, Any] | None = None
    ) -> None:
        display_id = self._display_id or uuid4().hex
        self._has_rendered = True
        display = Display(display_id, html, text, about)
        self.publisher.show(display, again=bool(self._display_id))
        # Not before: were it interrupted in between, nothing could be rendered again.
        self._display_id = display_id
        self._is_behind = False
        self._pace.rendered(len(html) + len(text))
