"""Open, check, repair and lock one SQLite file.

To open a file takes 1.3 ms, and to close it several more on a busy disk, since whoever
closes a file last also tidies it up. A question needs it twice. But a file that stays
open is not whole by itself, so that nobody could copy it or put another in its place.

What goes wrong with the file is never the user's trouble. A corrupt one of ours is
moved aside and begun anew. Where nothing can be kept (no room, no right, a network's
file system, a file that is not ours), all goes on in memory; `trouble` says why.
"""

from __future__ import annotations

import _thread
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import mkstemp
from typing import TypeVar

from nemotron_magic.storage.files import (
    Foreign,
    beginning,
    beside,
    check_place,
    identity,
    is_networked,
    mount_table,
    quarantine,
    tighten,
)

__all__ = [
    "KeptConnection",
    "Schema",
    "Storage",
    "begins_as_ours",
    "in_transaction",
    "is_ours",
    "make_file",
    "prepare",
]


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
        """Return the connection to `path`, opened by `connect`; the lock is held."""
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
        """Close it if it has not been used for long enough; return whether it is."""
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


_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Schema:
    """What a file holds.

    Parameters
    ----------
    application_id : int
        Tells our files of one kind from all others.
    version : int
        Of the tables; a file with a later one is left alone.
    script : str
        Makes the tables, each if it is not there.
    added : tuple of (str, str)
        Columns that files of this version may lack: table and column.
    """

    application_id: int
    version: int
    script: str
    added: tuple[tuple[str, str], ...] = ()


def in_transaction(
    connection: sqlite3.Connection,
    work: Callable[[sqlite3.Connection], _Result],
    begin: str,
) -> _Result:
    """Do `work` between `begin` and the end: all of it happens, or nothing."""
    try:
        connection.execute(begin)
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        # An interrupt may come anywhere; what was begun must not stay open.
        with suppress(sqlite3.Error):
            connection.rollback()
        raise
    return result


def prepare(connection: sqlite3.Connection, schema: Schema) -> None:
    """Make the tables where there are none.

    Raises
    ------
    Foreign
        If the file is not ours to write.
    """
    is_new = _is_new(connection, schema)
    # Asked first: setting it again would disturb others.
    if _pragma(connection, "journal_mode") != "wal":
        connection.execute("PRAGMA journal_mode = WAL")
    # A killed process loses nothing so; only a power cut may take the last rows.
    connection.execute("PRAGMA synchronous = NORMAL")
    if is_new:
        _make_tables(connection, schema)
    for table, column in schema.added:
        _add_column(connection, table, column)


def _is_new(connection: sqlite3.Connection, schema: Schema) -> bool:
    # At one moment: another process may be making the tables just now.
    names = ("application_id", "user_version", "page_count")
    owner, version, pages = in_transaction(
        connection, lambda c: [_pragma(c, name) for name in names], "BEGIN"
    )
    if (owner, version) == (schema.application_id, schema.version):
        return False
    if owner == schema.application_id and int(str(version)) > schema.version:
        raise Foreign("a later nemotron_magic wrote it")
    if owner or version or pages not in (0, 1):
        raise Foreign("it is another program's database")
    return True


def _make_tables(connection: sqlite3.Connection, schema: Schema) -> None:
    statements = schema.script.split(";")

    def make(connection: sqlite3.Connection) -> None:
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {schema.application_id}")
        connection.execute(f"PRAGMA user_version = {schema.version}")

    in_transaction(connection, make, "BEGIN IMMEDIATE")


def _add_column(connection: sqlite3.Connection, table: str, column: str) -> None:
    """Add a column that is not there; earlier versions pass it over."""
    ask = "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?"

    def is_there(connection: sqlite3.Connection) -> bool:
        return bool(connection.execute(ask, (table, column)).fetchone()[0])

    def add(connection: sqlite3.Connection) -> None:
        if not is_there(connection):  # another may have added it meanwhile
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")

    if not is_there(connection):
        in_transaction(connection, add, "BEGIN IMMEDIATE")


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def is_ours(path: Path, schema: Schema) -> bool:
    """Return whether a file bears our name, by its main file alone and unchanged.

    It is read by SQLite, which knows the locks of this process, but as a file that
    nobody changes, so that SQLite puts nothing beside it.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        return _pragma(connection, "application_id") == schema.application_id


def begins_as_ours(first_bytes: bytes, schema: Schema) -> bool:
    """Return whether a file that cannot be read any more was ours.

    https://www.sqlite.org/fileformat2.html#the_database_header
    """
    number = schema.application_id.to_bytes(4, "big")
    return first_bytes.startswith(b"SQLite format 3\0") and first_bytes[68:72] == number


def make_file(path: Path, schema: Schema, is_default: bool) -> None:
    """Make the file and its folder, for their owner's eyes alone.

    Parameters
    ----------
    is_default : bool
        Whether the place is ours, so that what an old file has left there is, too.
    """
    left = [*beside(path)]  # looked for first: another may make the file just now
    if os.path.lexists(path):
        return
    if not path.parent.exists():
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
    if not left:
        _publish(path, schema)
    elif is_default:
        with suppress(FileExistsError):
            # SQLite then throws away what is left.
            # A file object, since an interrupt would leave a bare handle open.
            open(path, "xb", opener=partial(os.open, mode=0o600)).close()
    else:
        raise Foreign(f"{left[0].name} lies there")


def _publish(path: Path, schema: Schema) -> None:
    """Make the file elsewhere and let it appear whole, unless another was first.

    An empty one could be anyone's, and is nobody's while its tables are in the log.
    """
    handle, name = mkstemp(dir=path.parent, prefix=".nemotron-")
    try:
        with open(handle, "wb") as file:
            file.write(_new_file(schema))
        _link(name, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _link(made: str, path: Path) -> None:
    try:
        os.link(made, path)
    except FileExistsError:
        return
    except OSError:  # no links on this file system
        os.rename(made, path)


@cache
def _new_file(schema: Schema) -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _make_tables(connection, schema)
        return connection.serialize()


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
        """Return back the room of what was deleted, so that nothing of it is left."""

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
                return self._used(lambda c: in_transaction(c, work, begin))
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
            moved = quarantine(path, seen, self._now_s())
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
