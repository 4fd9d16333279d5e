"""One SQLite file: read and changed as a whole, mended when it is corrupt.

What goes wrong with the file is never the user's trouble. A corrupt one of ours is
moved aside and begun anew. Where nothing can be kept (no room, no right, a network's
file system, a file that is not ours), all goes on in memory; `trouble` says why.
"""

from __future__ import annotations

import sqlite3
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from nemotron_magic.storage.aside import beginning, identity, move_aside
from nemotron_magic.storage.connection import KeptConnection
from nemotron_magic.storage.folders import is_networked, mount_table
from nemotron_magic.storage.own import Foreign, check_place, tighten
from nemotron_magic.storage.schema import (
    Schema,
    begins_as_ours,
    is_ours,
    make_file,
    prepare,
    transacted,
)

__all__ = ["Storage"]

_Result = TypeVar("_Result")
_Work = Callable[[sqlite3.Connection], _Result]

_WAIT_S = 0.2
"""SQLite itself waits only so long for a lock: meanwhile no interrupt is noticed."""

_PATIENCE_S = 10.0
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_NOT_OURS = "nemotron_magic did not make it"
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Storage:
    """A file of tables, kept open for a moment after each use.

    Nothing is carried over a fork, and nothing goes stale when another process moves or
    deletes the file.

    Parameters
    ----------
    path : Path or None
        None for memory.
    schema : Schema
        What is in it.
    is_default : bool
        Whether we chose the place, so that what lies there under this name is ours.
    clock_s, now_s : callable
        A monotonic clock, and the time since 1970.
    mounts : callable
        Gives the mounted file systems as Linux lists them.

    Attributes
    ----------
    path : Path or None
        None for memory, also when the file could not be used.
    trouble : str
        Why it could not, or what became of it; empty as long as all is well.
    """

    def __init__(
        self,
        path: Path | None,
        schema: Schema,
        *,
        is_default: bool = False,
        clock_s: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
        mounts: Callable[[], str] = mount_table,
    ) -> None:
        self.path = path
        self.trouble = ""
        self._schema = schema
        self._is_default = is_default
        self._clock_s = clock_s
        self._now_s = now_s
        self._mounts = mounts
        self._is_looked_at = False
        self._memory: sqlite3.Connection | None = None
        self._kept = KeptConnection()

    def write(self, work: _Work[_Result], patience_s: float = _PATIENCE_S) -> _Result:
        """Do `work` as one change: all of it happens, or nothing.

        Parameters
        ----------
        work : callable
            Given a connection; may be called again.
        patience_s : float
            How long to wait for others who write.
        """
        return self._done(work, "BEGIN IMMEDIATE", patience_s)

    def read(self, work: _Work[_Result]) -> _Result:
        """Do `work` on what there is at one moment."""
        return self._done(work, "BEGIN", _PATIENCE_S)

    def shrink(self) -> None:
        """Give back the room of what was deleted, so that nothing of it is left."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        with suppress(sqlite3.Error, OSError, ValueError, Foreign):
            self._used(work)

    def close(self) -> None:
        """Let go of the file, and of what is in memory."""
        self._kept.close()
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _done(self, work: _Work[_Result], begin: str, patience_s: float) -> _Result:
        was_mended = False
        while self.path is not None:
            seen = identity(self.path)
            try:
                return self._patiently(work, begin, patience_s)
            except (sqlite3.Error, OSError, ValueError, Foreign) as error:
                if _code(error) not in _CORRUPT or was_mended:
                    self._go_to_memory(error)
                elif not self._was_ours(self.path):
                    self._go_to_memory(Foreign(_NOT_OURS))
                else:
                    was_mended = True
                    self._mend(self.path, seen)
        return self._patiently(work, begin, patience_s)

    def _patiently(
        self, work: _Work[_Result], begin: str, patience_s: float
    ) -> _Result:
        until_s = self._clock_s() + patience_s
        while True:
            try:
                return self._used(lambda c: transacted(c, work, begin))
            except sqlite3.OperationalError as error:
                if _code(error) not in _BUSY or self._clock_s() > until_s:
                    raise
            # SQLite refuses some locks without waiting.
            time.sleep(0.002)

    def _used(self, use: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Use the connection, alone.

        No generator holds the lock: an interrupt just before its `with` would leave it
        locked for as long as anyone keeps the traceback, as a shell does.
        """
        self._kept.notice_fork()
        with self._kept.lock:
            if self.path is None:
                return use(self._in_memory())
            try:
                result = use(self._kept.connection(self.path, self._opened))
                self._kept.rest()
            except BaseException:
                # Whatever it was, the next one begins with a fresh connection.
                self._kept.let_go()
                raise
            return result

    def _opened(self, path: Path) -> sqlite3.Connection:
        self._look_at(path)
        make_file(path, self._schema, self._is_default)
        tighten(path)
        connection = _connect(str(path))
        try:
            prepare(connection, self._schema)
        except BaseException:
            connection.close()
            raise
        return connection

    def _in_memory(self) -> sqlite3.Connection:
        if self._memory is None:
            self._memory = _connect(":memory:")
            # Nobody need close what is only in memory.
            weakref.finalize(self, self._memory.close)
            self._memory.executescript(self._schema.script)
        return self._memory

    def _look_at(self, path: Path) -> None:
        """Keep off network file systems, asked once, and off what is not ours."""
        if not self._is_looked_at and is_networked(path, self._mounts()):
            raise Foreign("it would lie on a network file system")
        self._is_looked_at = True
        found = check_place(path)
        if found is None or self._is_default:
            return
        if not found.st_size or not is_ours(path, self._schema):
            raise Foreign(_NOT_OURS)

    def _was_ours(self, path: Path) -> bool:
        """Return whether a corrupt file may be moved."""
        if self._is_default:
            return True
        with suppress(OSError):
            return begins_as_ours(beginning(path, 100), self._schema)
        return False

    def _mend(self, path: Path, seen: tuple[int, int] | None) -> None:
        with suppress(OSError):
            moved = move_aside(path, seen, self._now_s())
            if moved:
                self.trouble = f"{path} was corrupt; it is {moved.name} now"

    def _go_to_memory(self, error: Exception) -> None:
        self.trouble = f"{self.path} cannot be used ({_reason(error)})"
        self.path = None


def _connect(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
    )
    # A flipped bit in a name must not be an error of its own.
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


def _code(error: Exception) -> int:
    if isinstance(error, UnicodeDecodeError):
        # SQLite quotes a broken table in its message, and Python cannot read that.
        return sqlite3.SQLITE_CORRUPT
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or "it cannot be opened").lower()
    return str(error)
