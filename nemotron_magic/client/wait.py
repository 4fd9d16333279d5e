"""Waiting so that an interrupt always ends it.

A signal may arrive in another thread, or in the moment before the wait begins. Then it
is noted, but wakes nobody: so no wait of ours is longer than a blink.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

__all__ = ["pause", "wait_for"]

_BLINK_S = 0.1


def pause(wait_s: float) -> None:
    """Wait for so many seconds."""
    end_s = time.monotonic() + wait_s
    while (left_s := end_s - time.monotonic()) > 0:
        time.sleep(min(left_s, _BLINK_S))


def wait_for(
    event: Event, timeout_s: float, check: Callable[[], None] | None = None
) -> bool:
    """Wait until `event` is set; tell whether it was in time.

    Parameters
    ----------
    check : callable, optional
        Called again and again; may raise, to end the wait.
    """
    end_s = time.monotonic() + timeout_s
    while not event.wait(_BLINK_S):
        if check is not None:
            check()
        if time.monotonic() >= end_s:
            return event.is_set()
    return True
