"""Whose a file is, and the tables in it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import mkstemp
from typing import TypeVar

from nemotron_magic.storage.own import Foreign, beside

__all__ = [
    "Schema",
    "begins_as_ours",
    "is_ours",
    "make_file",
    "prepare",
    "transacted",
]

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


def transacted(
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
    owner, version, pages = transacted(
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

    transacted(connection, make, "BEGIN IMMEDIATE")


def _add_column(connection: sqlite3.Connection, table: str, column: str) -> None:
    """Add a column that is not there; earlier versions pass it over."""
    ask = "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?"

    def is_there(connection: sqlite3.Connection) -> bool:
        return bool(connection.execute(ask, (table, column)).fetchone()[0])

    def add(connection: sqlite3.Connection) -> None:
        if not is_there(connection):  # another may have added it meanwhile
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")

    if not is_there(connection):
        transacted(connection, add, "BEGIN IMMEDIATE")


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
