"""Answers to the rows of tables, each paid for once, by the hash of what was asked.

A row is recorded as sent before its request goes out, and as answered after. What
is sent and has no answer may have been billed: nobody asks it again unasked.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from operator import attrgetter
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from nemotron_magic.storage.database import Schema, Storage, insertion
from nemotron_magic.storage.files import user_folder


class RowState(IntEnum):
    """How far a row has come."""

    SENT = 1
    ANSWERED = 2
    INVALID = 3  # answered and billed, but not by what was asked for
    REFUSED = 4  # not billed
    UNKNOWN = 5  # sent, and the answer lost: it may have been billed

    @classmethod
    def _missing_(cls, value: object) -> RowState:
        return cls.UNKNOWN


DOUBTFUL = (RowState.SENT, RowState.UNKNOWN)  # nobody knows whether they were billed


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """What came of a row, which was sent or ended at `changed_s`; never what was sent.

    `value` is JSON, or the reply's text where it was none; request ids begin by `run`.
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


_KEEP_S = 30 * 86_400.0
_MOST_BYTES = 500_000_000
_COLUMNS = tuple(one.name for one in fields(AnswerRecord))
_TASK = tuple(one.name for one in fields(TaskRecord))[:9]
_EMPTY: tuple[Any, ...] = (*[""] * 6, 0, 0.0, 0.0)
_ANSWER_NAMES, _TASK_NAMES = ", ".join(_COLUMNS), ", ".join(_TASK)
_SCHEMA = Schema(
    0x4E4D5257,
    1,
    f"""
    CREATE TABLE IF NOT EXISTS task (
        id INTEGER PRIMARY KEY, {_TASK_NAMES.replace("hash", "hash UNIQUE")}
    );
    CREATE TABLE IF NOT EXISTS answer (
        task, {_ANSWER_NAMES}, PRIMARY KEY (task, key)
    ) WITHOUT ROWID
    """,
    renewed="Begun again: the store of rows {}",
    forgotten="Answers are kept in memory: the store of rows {}",
)
_SIZE = (
    "SELECT (page_count - freelist_count) * page_size "
    "FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_NUMBER = "(SELECT id FROM task WHERE hash = ?)"
_values = attrgetter(*_COLUMNS)
_SET = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "key")
_PUT = insertion("answer", ("task", *_COLUMNS)) + f" ON CONFLICT DO UPDATE SET {_SET}"
_CLAIM = f"{_PUT} WHERE state = {RowState.REFUSED:d} OR state IN (%s) AND changed_s < ?"
_BEGIN = (
    f"{insertion('task', _TASK)} ON CONFLICT DO UPDATE SET "
    "used_s = excluded.used_s, rows = excluded.rows, name = excluded.name"
)


class RowStore(Storage):
    """Answers by task and row; nothing of what was sent but its hash.

    In memory if the file cannot be used, and written once a later run finds it sound.
    """

    def __init__(
        self, path: Path | None = None, *, most_bytes: int = _MOST_BYTES, **more: Any
    ) -> None:
        super().__init__(path, _SCHEMA, **more)
        self._path, self._more, self._most_bytes = path, more, most_bytes
        self._held: dict[str, dict[bytes, AnswerRecord]] = {}

    def begin(self, task: TaskRecord) -> dict[bytes, AnswerRecord]:
        """Write a task down; return what is known of its rows."""
        if self.path is None and self._path is not None:
            self.close()
            super().__init__(self._path, _SCHEMA, **self._more)
        self._make_room(task.hash)
        known = self.find(task.hash)
        now_s = self.now_s()
        begun = attrgetter(*_TASK)(replace(task, created_s=now_s, used_s=now_s))
        self.write(lambda c: c.execute(_BEGIN, begun) and None)
        if held := self._held.pop(task.hash, None):
            self.put(task.hash, held.values())
        return known

    def find(self, task: str) -> dict[bytes, AnswerRecord]:
        """Return what is known of the rows of a task."""
        ask = f"SELECT {_ANSWER_NAMES} FROM answer WHERE task = {_NUMBER}"
        rows = self.read(lambda c: c.execute(ask, (task,)).fetchall())
        found = {key: AnswerRecord(key, RowState(state), *r) for key, state, *r in rows}
        return found | self._held.get(task, {})

    def claim(
        self,
        task: str,
        records: Sequence[AnswerRecord],
        states: Iterable[RowState] = (),
        before_s: float = 0.0,
        done: Iterable[AnswerRecord] = (),
    ) -> list[AnswerRecord]:
        """Write down what is `done`, and rows as sent; return those nobody else has.

        A row that has a record is taken if it was refused, or is in one of `states` and
        has not changed since `before_s`.
        """
        take = _CLAIM % ", ".join(f"{one:d}" for one in states)
        ended = list(done)

        def work(connection: Connection) -> list[AnswerRecord]:
            number = _number(connection, task)
            connection.executemany(_PUT, ((number, *_values(one)) for one in ended))
            return [
                one
                for one in records
                if connection.execute(take, (number, *_values(one), before_s)).rowcount
            ]

        claimed = self.write(work)
        if self.path is None and self._path is not None:
            held = self._held.setdefault(task, {})
            held.update((one.key, one) for one in (*ended, *claimed))
        return claimed

    def put(self, task: str, records: Iterable[AnswerRecord]) -> None:
        """Write down what came of rows."""
        self.claim(task, (), done=records)

    def release(self, task: str, keys: Iterable[bytes]) -> None:
        """Forget rows that were recorded as sent, and were not."""
        gone = [(task, key) for key in keys]
        drop = f"DELETE FROM answer WHERE task = {_NUMBER} AND key = ?"
        self.write(lambda c: c.executemany(drop, gone) and None)

    def tasks(self) -> list[TaskRecord]:
        """Return all tasks, the last used first, with their counts."""
        ask = (
            f"SELECT {_TASK_NAMES}, state, count(state), total(cost_usd) "
            "FROM task LEFT JOIN answer ON task = id "
            "GROUP BY id, state ORDER BY used_s DESC, id"
        )
        rows = self.read(lambda c: c.execute(ask).fetchall())
        tasks: dict[str, TaskRecord] = {}
        for *task, state, many, cost_usd in rows:
            known = (one or empty for one, empty in zip(task, _EMPTY, strict=True))
            one = tasks.setdefault(task[0], TaskRecord(*known))
            states = Counter(one.states) + Counter({RowState(state): many})
            cost_usd += one.cost_usd
            tasks[one.hash] = replace(one, cost_usd=cost_usd, states=states)
        return [*tasks.values()]

    def forget(self, name: str) -> int:
        """Throw away the answers of all tasks of a name; return how many there were."""
        names = {one.hash for one in self.tasks() if one.name == name}
        for task in names:
            self._held.pop(task, None)
        number = self.write(lambda c: sum(_drop(c, one) for one in names))
        if names:
            self.shrink()
        return number

    def _make_room(self, kept: str) -> None:
        """Throw tasks away that are old, and the oldest while there are too many."""
        old_s = self.now_s() - _KEEP_S

        def work(connection: Connection) -> int:
            gone = 0
            ask = "SELECT hash, used_s FROM task WHERE hash != ? ORDER BY used_s"
            for task, used_s in connection.execute(ask, (kept,)).fetchall():
                (size,) = connection.execute(_SIZE).fetchone()
                if used_s > old_s and size <= self._most_bytes:
                    break
                gone += _drop(connection, task)
            return gone

        if self.write(work):
            self.shrink()


def open_rows(environ: Mapping[str, str]) -> RowStore:
    """Return the user's store; nothing is written yet."""
    return RowStore(user_folder(environ, "data") / "rows.sqlite", is_default=True)


def _number(connection: Connection, task: str) -> int:
    # Where the file was replaced meanwhile, it does not have the task.
    add = "INSERT OR IGNORE INTO task (hash, used_s) VALUES (?, ?)"
    connection.execute(add, (task, time.time()))
    return int(connection.execute(f"SELECT {_NUMBER}", (task,)).fetchone()[0])


def _drop(connection: Connection, task: str) -> int:
    gone = connection.execute(f"DELETE FROM answer WHERE task = {_NUMBER}", (task,))
    connection.execute("DELETE FROM task WHERE hash = ?", (task,))
    return max(gone.rowcount, 0)
