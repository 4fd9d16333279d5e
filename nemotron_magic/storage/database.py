"""Open, check, repair and lock one SQLite file.

A broken database must never fail a question: a corrupt one of ours is quarantined and
begun again; where nothing can be kept (no room, no right, a network's file system, a
file that is not ours), all goes on in memory, and `error` says why.

A file stays open for half a second: a question uses it twice, which takes 0.4 ms then,
and 4 to 17 ms if each use opens it and tidies up. It is not kept for longer, as nobody
could copy a file that is open, or put another in its place.
"""

from __future__ import annotations

import _thread
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any, NamedTuple, TypeVar

from nemotron_magic.core.text import well_formed
from nemotron_magic.storage import files
from nemotron_magic.storage.files import NotOurFile

_Result = TypeVar("_Result")
_Work = Callable[[Connection], _Result]

_IDLE_S = 0.5
_WAIT_S = 0.2  # by SQLite itself, for a lock: meanwhile no interrupt is noticed
_PATIENCE_S = 10.0
_READ, _WRITE = "BEGIN", "BEGIN IMMEDIATE"
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NOT_OURS = "nemotron_magic did not make it"
_ERRORS = (sqlite3.Error, OSError, ValueError, NotOurFile)


class Schema(NamedTuple):
    """What a file holds.

    `script` makes the tables, each if it does not exist; `added` are columns that files
    of this version may lack: table and column, which may have a default. `renewed` and
    `forgotten` say to the user that the file had to be begun again, or is in memory.
    """

    application_id: int
    version: int
    script: str
    added: tuple[tuple[str, str], ...] = ()
    renewed: str = "{}"
    forgotten: str = "{}"


def prepare(connection: Connection, schema: Schema) -> None:
    """Make the tables that do not exist yet; raise NotOurFile if it is not ours."""
    # At one moment: another process may be making the tables just now.
    names = ("application_id", "user_version", "page_count")
    owner, version, pages = _in_transaction(
        connection, lambda c: [_pragma(c, name) for name in names], _READ
    )
    is_new = (owner, version) != (schema.application_id, schema.version)
    if owner == schema.application_id and version > schema.version:
        raise NotOurFile("a later nemotron_magic wrote it")
    if is_new and (owner or version or pages > 1):
        raise NotOurFile("it is another program's database")
    # Asked first: setting it again would disturb others.
    if _pragma(connection, "journal_mode") != "wal":
        connection.execute("PRAGMA journal_mode = WAL")
    # A killed process loses nothing so; only a power cut may take the last rows.
    connection.execute("PRAGMA synchronous = NORMAL")
    if is_new:
        _make_tables(connection, schema)
    # Without a lock, as there is nearly always nothing to do.
    _in_transaction(connection, partial(_add_columns, schema=schema), _READ)


def _make_tables(connection: Connection, schema: Schema) -> None:
    """Make the tables all in one; where it fails, the connection must be closed."""
    connection.executescript(
        f"{_WRITE}; {schema.script}; "
        f"PRAGMA application_id = {schema.application_id}; "
        f"PRAGMA user_version = {schema.version}; COMMIT"
    )


def _add_columns(connection: Connection, schema: Schema) -> None:
    """Add the columns that do not exist; earlier versions pass them over."""
    ask = "SELECT 1 FROM pragma_table_info(?) WHERE name = ?"
    for table, column in schema.added:
        if not connection.execute(ask, (table, column.partition(" ")[0])).fetchone():
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


def insertion(table: str, names: Sequence[str]) -> str:
    """Return the SQL that inserts a row of a table, one value for each name."""
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"


def _pragma(connection: Connection, name: str) -> Any:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def _in_transaction(connection: Connection, work: _Work[_Result], mode: str) -> _Result:
    with connection:
        connection.execute(mode)
        return work(connection)


def _bears_our_name(path: Path, schema: Schema) -> bool:
    """Return whether a file is ours; nothing is put beside it, and locks stay."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        return bool(_pragma(connection, "application_id") == schema.application_id)


def _bore_our_name(path: Path, schema: Schema) -> bool:
    """Return whether a file that SQLite cannot read any more was ours.

    https://www.sqlite.org/fileformat2.html#the_database_header
    """
    with suppress(OSError):
        header, number = files.first_bytes(path, 100), schema.application_id.to_bytes(4)
        return header.startswith(b"SQLite format 3\0") and header[68:72] == number
    return False


def _make_file(path: Path, schema: Schema, is_default: bool) -> None:
    """Make the file and its folder, for their owner's eyes alone.

    In our own place, what an old file has left beside it is ours, too.
    """
    left = [*files.beside(path)]  # looked for first: another may make the file just now
    if os.path.lexists(path):
        return
    if left and not is_default:
        raise NotOurFile(f"{left[0].name} lies there")
    if not path.parent.exists():
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
    # SQLite throws away what is left beside an empty file.
    files.write_whole(path, b"" if left else _without_rows(schema), replaces=False)


def _without_rows(schema: Schema) -> bytes:
    """Return a whole file: one whose tables are in the log could be anyone's."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as new:
        _make_tables(new, schema)
        return new.serialize()


class _Connection(Connection):
    """Binds text that cannot be encoded, too, as names of files: with U+FFFD.

    `let_go` closes it, also when its owner is gone.
    """

    identity: tuple[int, int] | None
    let_go: Callable[[], object]

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, values)
        except UnicodeEncodeError:
            return super().execute(sql, _encodable(values))

    def executemany(self, sql: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
        return super().executemany(sql, map(_encodable, rows))


def _encodable(values: Iterable[Any]) -> list[Any]:
    return [well_formed(one) if isinstance(one, str) else one for one in values]


class Storage:
    """A file of tables; with `is_default` in our own folder, where all is ours.

    `path` is None for memory, also once the file could not be used; `error` then says
    why, or what became of it; it is empty as long as all is well.
    """

    def __init__(
        self,
        path: Path | None,
        schema: Schema,
        *,
        is_default: bool = False,
        now_s: Callable[[], float] = time.time,
        mounts: Callable[[], str] = files.mount_table,
    ) -> None:
        self.path = path
        self.error = self._warned_of = ""
        self.now_s = now_s
        self._schema, self._is_default, self._mounts = schema, is_default, mounts
        self._is_checked = False
        self._pid, self._lock = os.getpid(), threading.Lock()
        self._open: _Connection | None = None
        self._used_s = 0.0

    def write(self, work: _Work[_Result], patience_s: float = _PATIENCE_S) -> _Result:
        """Do `work` as one change, all or nothing; it may be called several times."""
        return self._do(work, _WRITE, patience_s)

    def read(self, work: _Work[_Result]) -> _Result:
        """Do `work` on what there is at one moment."""
        return self._do(work, _READ, _PATIENCE_S)

    def shrink(self) -> None:
        """Free the room of what was deleted, so that nothing of it is left."""
        script = "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"
        with suppress(*_ERRORS):
            self._use(lambda c: c.executescript(script))

    def pop_warning(self) -> str:
        """Return once what the user should know of the file; then empty."""
        if self.error == self._warned_of:
            return ""
        self._warned_of = self.error
        said = self._schema.renewed if self.path else self._schema.forgotten
        return self.error and said.format(self.error)

    def close(self) -> None:
        """Close the file, and forget what is in memory."""
        self._notice_fork()
        with self._lock:
            self._let_go()

    def _do(self, work: _Work[_Result], begin: str, patience_s: float) -> _Result:
        """Do `work` in the file, in one begun again if it is corrupt, or in memory."""
        until_s, is_mended = time.monotonic() + patience_s, False
        while True:
            path, seen = self.path, files.identity(self.path)
            try:
                return self._use(lambda c: _in_transaction(c, work, begin))
            except _ERRORS as error:
                code = _code(error)
                if code in _BUSY and time.monotonic() <= until_s:
                    time.sleep(0.002)  # SQLite refuses some locks without waiting
                    continue
                if path is None:
                    raise
                is_corrupt = code in _CORRUPT and not is_mended
                # Nothing but a corrupt file is read by itself: SQLite's locks end so.
                is_mended = is_corrupt and (
                    self._is_default or _bore_our_name(path, self._schema)
                )
                if not is_mended:
                    why = _NOT_OURS if is_corrupt else files.reason(error)
                    self.error, self.path = f"{path} cannot be used ({why})", None
                    continue
            with suppress(OSError):
                if moved := files.quarantine(path, seen, self.now_s()):
                    self.error = f"{path} was corrupt; it is {moved.name} now"

    def _use(self, use: _Work[_Result]) -> _Result:
        """Use the connection, alone.

        No generator holds the lock: an interrupt just before its `with` would leave it
        locked for as long as anyone keeps the traceback, as a shell does.
        """
        self._notice_fork()
        with self._lock:
            path = self.path
            try:
                result = use(self._connection(path))
                self._used_s = time.monotonic()
            except BaseException:
                # Whatever it was, the next one begins with a fresh connection.
                if path is not None:
                    self._let_go()
                raise
            return result

    def _connection(self, path: Path | None) -> Connection:
        if self._open is None or self._open.identity != files.identity(path):
            self._let_go()
            self._open = self._connect(path)
            if path is not None:
                watched = (weakref.ref(self), self._open)
                # No `Thread`: to start one waits for it, and an interrupt breaks that.
                _thread.start_new_thread(_close_when_idle, watched)
        return self._open

    def _connect(self, path: Path | None) -> _Connection:
        if path is not None:
            self._check(path)
            _make_file(path, self._schema, self._is_default)
            files.tighten(path)
        connection = sqlite3.connect(
            path or ":memory:",
            timeout=_WAIT_S,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        try:
            # A flipped bit in a name must not be an error of its own.
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            if path is None:
                connection.executescript(self._schema.script)
            else:
                prepare(connection, self._schema)
            connection.identity = files.identity(path)
            connection.let_go = weakref.finalize(self, connection.close)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, path: Path) -> None:
        """Keep off network file systems, looked up once, and off what is not ours."""
        if not self._is_checked and files.is_networked(path, self._mounts()):
            raise NotOurFile("it would lie on a network file system")
        self._is_checked = True
        found = files.check_place(path)
        if (
            found
            and not self._is_default
            and not (found.st_size and _bears_our_name(path, self._schema))
        ):
            raise NotOurFile(_NOT_OURS)

    def _notice_fork(self) -> None:
        """Leave to the parent what is its own: connection, lock and thread."""
        if self._pid != os.getpid():
            if self.path is not None:
                self._open = None  # not closed: its finalizer holds it
            self._pid, self._lock = os.getpid(), threading.Lock()

    def _let_go(self) -> None:
        if self._open is not None:
            self._open.let_go()
            self._open = None


def _close_when_idle(owner: weakref.ref[Storage], opened: _Connection) -> None:
    """Close what was opened once it was idle for long enough; runs in a thread."""
    time.sleep(_IDLE_S)
    while (storage := owner()) and storage._open is opened:
        with storage._lock:
            is_idle = time.monotonic() - storage._used_s >= _IDLE_S
            if is_idle and storage._open is opened:
                storage._let_go()
        del storage
        time.sleep(_IDLE_S)


def _code(error: Exception) -> int:
    if isinstance(error, UnicodeDecodeError):
        # SQLite quotes a broken table in its message, and Python cannot read that.
        return sqlite3.SQLITE_CORRUPT
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
