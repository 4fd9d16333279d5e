"""Work that must not keep the kernel waiting."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from threading import Thread

__all__ = ["in_thread"]


def in_thread(work: Callable[[], None]) -> None:
    """Do `work` in a thread of its own.

    In the context of the caller, because ipykernel 7 keeps there to which cell belongs
    what is sent.
    """
    run = copy_context().run
    Thread(target=run, args=(work,), name="nemotron-panel", daemon=True).start()
