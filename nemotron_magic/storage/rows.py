"""Answers to the rows of tables, each paid for once, by the hash of what was asked.

A row is recorded as sent before its request goes out, and as answered after. What
is sent and has no answer may have been billed: nobody asks it again unasked.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum
from operator import attrgetter
from pathlib import Path
from typing import Any

from nemotron_magic.storage.database import Schema, Storage
from nemotron_magic.storage.files import user_folder


class RowState(IntEnum):
    """How far a row has come."""

    SENT = 1
    ANSWERED = 2
    INVALID = 3
    """Answered and billed, but not by what was asked for."""
    REFUSED = 4
    """Not billed."""
    UNKNOWN = 5
    """Sent, and the answer lost: it may have been billed."""


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """One row as it is kept: what came of it, never what was sent.

    `changed_s` is when it was sent, or its end was written; `value` the answer as JSON,
    or the reply's text where it was not one; `run` the beginning of its requests' ids.
    """

    key: bytes
    state: RowState = RowState.SENT
    changed_s: float = 0.0
    attempts: int = 1
    value: str | None = None
    error: str | None = None
    note: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    served_model: str | None = None
    run: str = ""

    @property
    def may_be_billed(self) -> bool:
        """Whether nobody knows if it was."""
        return self.state in (RowState.SENT, RowState.UNKNOWN)

    def request_id(self) -> str:
        """Return the id of its last request, which the service was told."""
        return f"{self.run}-{self.key.hex()[:12]}-{self.attempts}"


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What is asked of each row, and how many rows there are of each state."""

    hash: str
    name: str
    base_url: str
    model: str
    instruction: str
    fields: str
    rows: int = 0
    created_s: float = 0.0
    used_s: float = 0.0
    cost_usd: float = 0.0
    states: Mapping[RowState, int] = field(default_factory=dict)


_FILE = "rows.sqlite"
_KEEP_S = 30 * 86_400.0
_MOST_BYTES = 500_000_000
_COLUMNS = tuple(one.name for one in fields(AnswerRecord))
_TASK = "hash, name, base_url, model, instruction, fields, rows, created_s, used_s"
_SCHEMA = Schema(
    0x4E4D5257,
    1,
    f"""
    CREATE TABLE IF NOT EXISTS task (
        id INTEGER PRIMARY KEY, {_TASK.replace("hash", "hash UNIQUE")}
    );
    CREATE TABLE IF NOT EXISTS answer (
        task, {", ".join(_COLUMNS)}, PRIMARY KEY (task, key)
    ) WITHOUT ROWID
    """,
)
_MARKS = ", ".join("?" * (1 + len(_COLUMNS)))
_SET = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "key")
_PUT = f"INSERT INTO answer VALUES ({_MARKS}) ON CONFLICT DO UPDATE SET {_SET}"
_CLAIM = (
    f"{_PUT} WHERE state = {RowState.REFUSED:d} OR (state IN (%s) AND changed_s < ?)"
)


class RowStore:
    """Answers by task and row; nothing of what was sent but its hash.

    No method raises for what is wrong with the file: answers are then kept in memory,
    and written as soon as a later run finds it sound.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        most_bytes: int = _MOST_BYTES,
        keep_s: float = _KEEP_S,
        **more: Any,
    ) -> None:
        self._path = path
        self._more = more
        self._storage = Storage(path, _SCHEMA, **more)
        self._most_bytes = most_bytes
        self._keep_s = keep_s
        self._now_s = more.get("now_s", time.time)
        self._held: dict[str, dict[bytes, AnswerRecord]] = {}

    def pop_warning(self) -> str:
        """Return once what the user should know of the file."""
        error = self._storage.pop_warning()
        how = "Begun again" if self._storage.path else "Answers are kept in memory"
        return error and f"{how}: the store of rows {error}"

    def begin(self, task: TaskRecord) -> dict[bytes, AnswerRecord]:
        """Write a task down; return what is known of its rows."""
        if self._path is not None and self._storage.path is None:
            self._storage = Storage(self._path, _SCHEMA, **self._more)
        self._make_room(task.hash)
        known = self.find(task.hash)
        now_s = self._now_s()
        names = _TASK.split(", ")[:7]
        row = (*(getattr(task, name) for name in names), now_s, now_s)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                f"INSERT INTO task ({_TASK}) VALUES ({', '.join('?' * 9)}) "
                "ON CONFLICT (hash) DO UPDATE SET used_s = excluded.used_s, "
                "rows = excluded.rows, name = excluded.name",
                row,
            )

        self._storage.write(work)
        if held := self._held.pop(task.hash, None):
            self.put(task.hash, held.values())
        return known

    def find(self, task: str) -> dict[bytes, AnswerRecord]:
        """Return what is known of the rows of a task."""
        ask = (
            f"SELECT {', '.join(_COLUMNS)} FROM answer "
            "WHERE task = (SELECT id FROM task WHERE hash = ?)"
        )
        rows = self._storage.read(lambda c: c.execute(ask, (task,)).fetchall())
        found = (_record(row) for row in rows)
        return {one.key: one for one in found} | self._held.get(task, {})

    def claim(
        self,
        task: str,
        records: Sequence[AnswerRecord],
        states: Iterable[RowState] = (),
        before_s: float = 0.0,
        done: Iterable[AnswerRecord] = (),
    ) -> list[AnswerRecord]:
        """Write rows down as sent; return those that nobody else has.

        `done` is written first, all in one. A row that has a record is taken only if it
        was refused, or is in one of `states` and has not changed since `before_s`.
        """
        take = _CLAIM % ", ".join(f"{one:d}" for one in states)

        ended = list(done)

        def work(connection: sqlite3.Connection) -> list[AnswerRecord]:
            number = _number(connection, task)
            connection.executemany(_PUT, ((number, *_values(one)) for one in ended))
            return [
                record
                for record in records
                if connection.execute(
                    take, (number, *_values(record), before_s)
                ).rowcount
            ]

        claimed = self._storage.write(work)
        self._hold(task, [*ended, *claimed])
        return claimed

    def put(self, task: str, records: Iterable[AnswerRecord]) -> None:
        """Write down what came of rows."""
        kept = list(records)

        def work(connection: sqlite3.Connection) -> None:
            number = _number(connection, task)
            rows = ((number, *_values(record)) for record in kept)
            connection.executemany(_PUT, rows)

        self._storage.write(work)
        self._hold(task, kept)

    def release(self, task: str, keys: Iterable[bytes]) -> None:
        """Forget rows that were recorded as sent, and were not."""
        gone = [(task, key) for key in keys]
        where = "task = (SELECT id FROM task WHERE hash = ?) AND key = ?"
        drop = f"DELETE FROM answer WHERE {where}"
        self._storage.write(lambda c: c.executemany(drop, gone) and None)

    def tasks(self) -> list[TaskRecord]:
        """Return all tasks, the last used first, with their counts."""

        def work(connection: sqlite3.Connection) -> list[TaskRecord]:
            ask = f"SELECT id, {_TASK} FROM task ORDER BY used_s DESC"
            return [_task(connection, *row) for row in connection.execute(ask)]

        return self._storage.read(work)

    def forget(self, name: str) -> int:
        """Throw away the answers of all tasks of a name; return how many there were."""
        names = {one.hash for one in self.tasks() if one.name == name}
        for task in names:
            self._held.pop(task, None)
        number = self._storage.write(lambda c: sum(_drop(c, one) for one in names))
        if names:
            self._storage.shrink()
        return number

    def close(self) -> None:
        """Let go of what is in memory."""
        self._storage.close()

    def _hold(self, task: str, records: list[AnswerRecord]) -> None:
        """Remember what could not be written to the file."""
        if self._path is not None and self._storage.path is None:
            self._held.setdefault(task, {}).update((one.key, one) for one in records)

    def _make_room(self, kept: str) -> None:
        """Throw tasks away that are old, and the oldest while there are too many."""
        old_s = self._now_s() - self._keep_s

        def work(connection: sqlite3.Connection) -> int:
            gone = 0
            ask = "SELECT hash, used_s FROM task WHERE hash != ? ORDER BY used_s"
            for task, used_s in connection.execute(ask, (kept,)).fetchall():
                if used_s > old_s and _bytes_used(connection) <= self._most_bytes:
                    break
                gone += _drop(connection, task)
            return gone

        if self._storage.write(work):
            self._storage.shrink()


def open_rows(environ: Mapping[str, str]) -> RowStore:
    """Return the user's store; nothing is written yet."""
    return RowStore((user_folder(environ, "data") / _FILE).absolute(), is_default=True)


_values = attrgetter(*_COLUMNS)


def _record(row: Sequence[Any]) -> AnswerRecord:
    known = dict(zip(_COLUMNS, row, strict=True))
    states = {int(one) for one in RowState}
    is_sound = known["state"] in states
    known["state"] = RowState(known["state"]) if is_sound else RowState.UNKNOWN
    return AnswerRecord(**known)


def _number(connection: sqlite3.Connection, task: str) -> int:
    ask = "SELECT id FROM task WHERE hash = ?"
    found = connection.execute(ask, (task,)).fetchone()
    if found is None:  # the file was replaced meanwhile
        add = "INSERT INTO task (hash, name, used_s) VALUES (?, '', ?)"
        return connection.execute(add, (task, time.time())).lastrowid or 0
    return int(found[0])


def _task(connection: sqlite3.Connection, number: int, *row: Any) -> TaskRecord:
    ask = (
        "SELECT state, count(*), total(cost_usd) FROM answer "
        "WHERE task = ? GROUP BY state"
    )
    counts = connection.execute(ask, (number,)).fetchall()
    cost_usd = sum(cost for _, _, cost in counts)
    states = {RowState(state): many for state, many, _ in counts if state in _STATES}
    texts = [str(one or "") for one in row[:6]]
    rows, created_s, used_s = (float(one or 0) for one in row[6:])
    figures = (int(rows), created_s, used_s, cost_usd)
    return TaskRecord(*(*texts, *figures, states))


_STATES = frozenset(int(one) for one in RowState)


def _drop(connection: sqlite3.Connection, task: str) -> int:
    """Throw a task away; return how many answers it had."""
    these = "(SELECT id FROM task WHERE hash = ?)"
    gone = connection.execute(f"DELETE FROM answer WHERE task = {these}", (task,))
    connection.execute("DELETE FROM task WHERE hash = ?", (task,))
    return max(gone.rowcount, 0)


def _bytes_used(connection: sqlite3.Connection) -> int:
    names = ("page_count", "freelist_count", "page_size")
    total, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names
    )
    return int((total - free) * size)
