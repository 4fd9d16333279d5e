"""Whose a file is, and the tables in it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

__all__ = ["Foreign", "Schema", "make_file", "prepare", "transacted"]

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
    """

    application_id: int
    version: int
    script: str


class Foreign(Exception):
    """The file is whole but not ours to write, in words."""


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


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def make_file(path: Path) -> None:
    """Make the file and its folder, for their owner's eyes alone."""
    if path.exists():
        return
    if not path.parent.exists():
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
    with suppress(FileExistsError):
        # The files that SQLite puts beside it get the same rights.
        # A file object, since an interrupt would leave a bare handle open.
        open(path, "xb", opener=partial(os.open, mode=0o600)).close()
