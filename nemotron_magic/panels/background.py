"""Work that must not keep the kernel waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import copy_context
from threading import Thread

__all__ = ["in_thread", "later"]


def in_thread(work: Callable[[], None]) -> None:
    """Do `work` in a thread of its own.

    In the context of the caller, because ipykernel 7 keeps there to which cell belongs
    what is sent.
    """
    run = copy_context().run
    Thread(target=run, args=(work,), name="nemotron-panel", daemon=True).start()


def later(wait_s: float, work: Callable[[], None]) -> None:
    """Do `work` after so many seconds, in a thread of its own."""

    def run() -> None:
        time.sleep(wait_s)
        work()

    in_thread(run)
