"""When to paint a reply that grows: as often as its bytes allow.

A page, and the notebook server before it, must carry every paint. Ten a second of all
that is there would be 100 MB for a reply of 16,000 tokens; a budget that grows with the
text and with the time keeps the whole in proportion to the reply, however long it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import copy_context
from threading import Thread

__all__ = ["Every", "Pace", "every_in_thread"]

Every = Callable[[float, Callable[[], bool]], None]
"""Calls a function every so many seconds until it gives False."""

_LEAST_INTERVAL_S = 0.1
"""More often, VS Code flickers (microsoft/vscode-jupyter#7351) and nobody reads."""

_MESSAGE_BYTES = 900
"""A message without its content: four JSON headers and a signature."""

_BYTES_AT_START = 8_000
"""What may be spent before anything is earned; also the most that may be saved up."""

# What the time since the last paint has earned, whichever is more: so much for each
# character that has come in it, or so much for each second, less the faster the text
# comes. Together: 35 kB a second, nearly ten paints, while a model is slow; 13 kB, or
# 32 bytes a character, at 100 tokens a second; and never less than that a character.
_BYTES_PER_CHAR = 32
_BYTES_PER_S = 35_000
_BYTES_LESS_PER_CHAR = 55


class Pace:
    """Keeps account of what paints cost and what may be spent.

    Parameters
    ----------
    clock_s : callable
        A monotonic clock.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._painted_s = float("-inf")
        self._counted_s = clock_s()
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


def every_in_thread(interval_s: float, call: Callable[[], bool]) -> None:
    """Call a function every `interval_s`, in one thread, until it gives False.

    One, because each thread that writes to a page opens a socket in the kernel. In the
    context of the caller, because ipykernel 7 keeps there which cell is written to.
    """

    def run() -> None:
        time.sleep(interval_s)
        while call():
            time.sleep(interval_s)

    Thread(target=copy_context().run, args=(run,), daemon=True).start()
