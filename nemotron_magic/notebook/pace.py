"""When to paint a reply that grows: as often as its bytes allow.

A page, and the notebook server before it, must carry every paint. Ten a second of all
that is there would be 100 MB for a reply of 16,000 tokens; a budget that grows with the
text and with the time keeps the whole in proportion to the reply, however long it is.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from threading import Event, Lock, Thread

__all__ = ["LATE_S", "Every", "Pace", "Ticker"]

Every = Callable[[Callable[[], bool]], None]
"""Calls a function again and again until it gives False."""

LATE_S = 0.1
"""After so long, what was held back is painted even if nothing else has come."""

_LEAST_INTERVAL_S = 0.1
"""More often, VS Code flickers (microsoft/vscode-jupyter#7351) and nobody reads."""

_PATIENCE_S = 0.03
"""What is over sooner is painted once: a paint takes as long as a short call."""

_MESSAGE_BYTES = 900
"""A message without its content: four JSON headers and a signature."""

_BYTES_AT_START = 8_000
"""What may be spent before anything is earned; also the most that may be saved up."""

# What the time since the last paint has earned, whichever is more: so much for each
# character that has come in it, or so much for each second, less the faster the text
# comes. Together: 35 kB a second, nearly ten paints, while a model is slow; 12 kB, or
# 31 bytes a character, at 100 tokens a second; and never less than that a character.
_BYTES_PER_CHAR = 31
_BYTES_PER_S = 35_000
_BYTES_LESS_PER_CHAR = 57


class Pace:
    """Keeps account of what paints cost and what may be spent.

    Parameters
    ----------
    clock_s : callable
        A monotonic clock.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._counted_s = clock_s()
        self._painted_s = self._counted_s - _LEAST_INTERVAL_S + _PATIENCE_S
        self._chars = 0
        self._saved = _BYTES_AT_START

    def arrived(self, chars: int) -> None:
        """Note that so many characters have come."""
        self._chars += chars

    def allows(self, size: int) -> bool:
        """Tell whether a paint of about so many bytes may be now."""
        now_s = self._clock_s()
        if now_s - self._painted_s < _LEAST_INTERVAL_S:
            return False
        return size + _MESSAGE_BYTES <= self._saved + self._earned(now_s)

    def painted(self, size: int) -> None:
        """Note a paint of so many bytes, whether it was allowed or had to be."""
        now_s = self._clock_s()
        left = self._saved + self._earned(now_s) - size - _MESSAGE_BYTES
        self._saved = min(left, _BYTES_AT_START)
        self._painted_s = self._counted_s = now_s
        self._chars = 0

    def _earned(self, now_s: float) -> int:
        by_time = _BYTES_PER_S * (now_s - self._counted_s)
        slow = by_time - _BYTES_LESS_PER_CHAR * self._chars
        return int(max(_BYTES_PER_CHAR * self._chars, slow))


class Ticker:
    """Calls functions every so often until they give False.

    In one thread, because each thread that writes to a page opens a socket in the
    kernel; it stays for a while when there is nothing to call, because to start one
    takes longer than many a call.
    """

    def __init__(self, interval_s: float = LATE_S, idle_s: float = 1.0) -> None:
        self._interval_s = interval_s
        self._idle_ticks = idle_s / interval_s
        self._calls: list[Callable[[], bool]] = []
        self._lock = Lock()
        self._is_closed = Event()
        self._thread: Thread | None = None

    def close(self) -> None:
        """Call nothing any more, and let the thread end at once."""
        self._is_closed.set()

    def __call__(self, call: Callable[[], bool]) -> None:
        """Call `call` from now on, in the context of the caller.

        ipykernel 7 keeps there which cell is written to.
        """
        if self._is_closed.is_set():
            return
        context = copy_context()
        with self._lock:
            self._calls.append(lambda: context.run(call))
            # After a fork there is none, whatever the variable says.
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(
                    target=self._run, name="nemotron-paint", daemon=True
                )
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
