"""A connection that is kept for a moment, in case it is wanted again.

To open a file takes 1.3 ms, and to close it several more on a busy disk, since whoever
closes a file last also tidies it up. A question needs it twice. But a file that stays
open is not whole by itself, so that nobody could copy it or put another in its place.
"""

from __future__ import annotations

import _thread
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from nemotron_magic.storage.aside import identity

__all__ = ["KeptConnection"]


class _Open:
    """A file that is open until it is closed, or its owner is gone."""

    def __init__(
        self,
        owner: KeptConnection,
        identity: tuple[int, int] | None,
        connection: sqlite3.Connection,
    ) -> None:
        self.identity = identity
        self.connection = connection
        self.close = weakref.finalize(owner, connection.close)


class KeptConnection:
    """The connection to one file, as long as it is the same file and process.

    Parameters
    ----------
    idle_s : float
        How long to keep it after its last use.

    Attributes
    ----------
    lock : Lock
        To be held while the connection is used.
    """

    def __init__(self, idle_s: float = 0.5) -> None:
        self.lock = threading.Lock()
        self._idle_s = idle_s
        self._open: _Open | None = None
        self._of_parent: list[_Open] = []
        self._pid = os.getpid()
        self._used_s = 0.0
        self._is_wanted: threading.Event | None = None

    def notice_fork(self) -> None:
        """Leave to the parent what is its own: connection, lock and thread."""
        if self._pid != os.getpid():
            self._of_parent += [self._open] if self._open else []
            self._open = self._is_wanted = None
            self._pid, self.lock = os.getpid(), threading.Lock()

    def connection(
        self, path: Path, connect: Callable[[Path], sqlite3.Connection]
    ) -> sqlite3.Connection:
        """Give the connection to `path`, opened by `connect`; the lock is held."""
        seen = identity(path)
        if self._open is None or self._open.identity != seen:
            self.let_go()
            connection = connect(path)
            self._open = _Open(self, identity(path), connection)
        return self._open.connection

    def let_go(self) -> None:
        """Close it now; the lock is held."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def rest(self) -> None:
        """Close it soon, unless it is used again; the lock is held."""
        self._used_s = time.monotonic()
        if self._is_wanted is None:
            is_over = threading.Event()
            # No `Thread`: to start one waits for it, and an interrupt breaks that.
            _thread.start_new_thread(
                _close_when_idle, (weakref.ref(self), is_over, self._idle_s)
            )
            # Not before: an interrupt in between would leave nobody to close it.
            self._is_wanted = is_over

    def close(self) -> None:
        """Close it now."""
        self.notice_fork()
        with self.lock:
            self.let_go()
            self._end_waiting()

    def close_if_idle(self) -> bool:
        """Close it if it has not been used for long enough; tell whether it is."""
        with self.lock:
            if time.monotonic() - self._used_s < self._idle_s:
                return False
            self.let_go()
            self._end_waiting()
            return True

    def _end_waiting(self) -> None:
        if self._is_wanted is not None:
            self._is_wanted.set()
            self._is_wanted = None


def _close_when_idle(
    kept: weakref.ref[KeptConnection], is_over: threading.Event, idle_s: float
) -> None:
    while not is_over.wait(idle_s):
        here = kept()
        if here is None or here.close_if_idle():
            return
        del here
