"""The ledger: every call one row, and sums kept in step with the rows."""

from __future__ import annotations

import math
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nemotron_magic.ledger.call import Call
from nemotron_magic.ledger.totals import Totals
from nemotron_magic.storage import Schema, Storage

__all__ = ["Ledger"]

_COLUMNS = tuple(field.name for field in fields(Call) if field.name != "number")
_NAMES = ("number", *_COLUMNS)
_KINDS = {field.name: (str(field.type), field.default) for field in fields(Call)}
_LARGEST = 1e17
_FIGURES = tuple(field.name for field in fields(Totals))
_SUMS = ", ".join(f"total({name})" for name in _FIGURES)
_SHORT_S = 0.5
_ROWS_A_READ = 5_000

_SCHEMA = Schema(
    0x4E4D4C31,
    1,
    f"""
    CREATE TABLE IF NOT EXISTS calls (
        number INTEGER PRIMARY KEY, {", ".join(_COLUMNS)}
    );
    CREATE TABLE IF NOT EXISTS sums (
        scope TEXT, model TEXT, {", ".join(_FIGURES)},
        PRIMARY KEY (scope, model)
    ) WITHOUT ROWID
    """,
)
"""`sums` has a row for each day and each session, by model: a million calls are added
up in no time. They change in the same transaction as the call's row."""

_INSERT = (
    f"INSERT INTO calls ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join('?' * len(_COLUMNS))})"
)
_UPDATE = f"UPDATE calls SET {', '.join(f'{name} = ?' for name in _COLUMNS)} "
_THIS = "WHERE number = ? AND started_s = ? AND session = ?"
_ADD = (
    f"INSERT INTO sums VALUES (?, ?, {', '.join('?' * len(_FIGURES))}) "
    "ON CONFLICT (scope, model) DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in _FIGURES)
)


class Ledger:
    """What calls took.

    No method raises for what is wrong with the file: it is then kept in memory.

    Parameters
    ----------
    path : Path or None
        Where it is kept; None for memory.
    now_s : callable
        The time since 1970.
    session : str
        Name of the kernel or script whose calls are added; without it, a new one.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        now_s: Callable[[], float] = time.time,
        session: str = "",
        **more: Any,
    ) -> None:
        self.session = session or uuid.uuid4().hex
        self._now_s = now_s
        self._storage = Storage(path, _SCHEMA, now_s=now_s, **more)
        self._told = ""

    @property
    def path(self) -> Path | None:
        """Where it is kept; None for memory."""
        return self._storage.path

    @property
    def trouble(self) -> str:
        """Why it is not on disk, or what became of the file; empty if all is well."""
        return self._storage.trouble

    def news(self) -> str:
        """Give `trouble` once, as a line for the user; then empty."""
        if self._told == self.trouble:
            return ""
        self._told = self.trouble
        how = "Spending is counted in memory" if self.path is None else "Counted anew"
        return f"{how}: the ledger {self.trouble}"

    def begin(
        self, call: Call, allow: Callable[[Totals, Totals], None] | None = None
    ) -> Call:
        """Write down a call before its request goes out; give it with its number.

        Parameters
        ----------
        allow : callable, optional
            Given what this session and today took so far; raises if the call may not be
            made. Nobody else adds a call meanwhile.
        """
        call = replace(call, session=self.session, started_s=self._now_s())

        def work(connection: sqlite3.Connection) -> int:
            if allow is not None:
                scopes = (f"session:{self.session}", f"day:{self._today()}")
                allow(*(_sums(connection, scope, scope) for scope in scopes))
            return _insert(connection, call)

        return replace(call, number=self._storage.write(work))

    def finish(self, begun: Call, ended: Call) -> None:
        """Complete the row of a call; an interrupt meanwhile is raised afterwards."""

        def work(connection: sqlite3.Connection) -> None:
            _complete(connection, begun, ended)

        try:
            self._storage.write(work)
        except KeyboardInterrupt:
            self._storage.write(work, _SHORT_S)
            raise

    def of_session(self) -> Totals:
        """Give what this kernel or script took so far."""
        return self._sums(f"session:{self.session}")

    def of_today(self) -> Totals:
        """Give what was taken since midnight, UTC, by everything on this machine."""
        return self._sums(f"day:{self._today()}")

    def of_month(self) -> Totals:
        """Give what was taken since the first of the month, UTC."""
        return self._sums(*self._month())

    def of_all(self) -> Totals:
        """Give what was ever taken."""
        return self._sums("day:", "day:~")

    def by_model(self) -> dict[str, Totals]:
        """Give what was taken this month, by the model asked, the dearest first."""
        rows = self._grouped("model", *self._month())
        order = sorted(rows, key=lambda row: (-row[1].cost_usd, -row[1].calls, row[0]))
        return dict(order)

    def by_day(self, days: int = 30) -> dict[str, Totals]:
        """Give what was taken on the last days that had any calls, oldest first."""
        rows = self._grouped("scope", "day:", "day:~")
        return {name.removeprefix("day:"): sums for name, sums in sorted(rows)[-days:]}

    def last(self, many: int = 20) -> list[Call]:
        """Give the last calls, newest first."""
        order = "ORDER BY number DESC LIMIT ?"
        return self._storage.read(lambda c: _calls(c, order, many))

    def call(self, number: int) -> Call | None:
        """Give one call by its number, or None."""
        found = self._storage.read(lambda c: _calls(c, "WHERE number = ?", number))
        return found[0] if found else None

    def all(self) -> Iterator[Call]:
        """Give every call, oldest first."""
        number = 0
        order = "WHERE number > ? ORDER BY number LIMIT ?"
        while rows := self._storage.read(
            lambda c: _calls(c, order, number, _ROWS_A_READ)  # noqa: B023
        ):
            yield from rows
            number = rows[-1].number

    def close(self) -> None:
        """Let go of what is in memory."""
        self._storage.close()

    def _today(self) -> str:
        return datetime.fromtimestamp(self._now_s(), UTC).strftime("%Y-%m-%d")

    def _month(self) -> tuple[str, str]:
        month = f"day:{self._today()[:7]}"
        return f"{month}-00", f"{month}-99"

    def _sums(self, first: str, last: str = "") -> Totals:
        return self._storage.read(lambda c: _sums(c, first, last or first))

    def _grouped(self, by: str, first: str, last: str) -> list[tuple[str, Totals]]:
        ask = (
            f"SELECT {by}, {_SUMS} FROM sums WHERE scope BETWEEN ? AND ? GROUP BY {by}"
        )
        rows = self._storage.read(lambda c: c.execute(ask, (first, last)).fetchall())
        return [(str(name), _totals(figures)) for name, *figures in rows]


def _sums(connection: sqlite3.Connection, first: str, last: str) -> Totals:
    ask = f"SELECT {_SUMS} FROM sums WHERE scope BETWEEN ? AND ?"
    return _totals(connection.execute(ask, (first, last)).fetchone())


def _insert(connection: sqlite3.Connection, call: Call) -> int:
    cursor = connection.execute(_INSERT, _values(call))
    _add(connection, call, Totals.of(call))
    return cursor.lastrowid or 0


def _complete(connection: sqlite3.Connection, begun: Call, ended: Call) -> None:
    """Fill in a row, once; write it anew if it is not there, as in a new file."""
    this = (begun.number, begun.started_s, begun.session)
    found = connection.execute(f"SELECT ending FROM calls {_THIS}", this).fetchone()
    if found is None:
        _insert(connection, ended)
    elif found[0] == begun.ending:
        connection.execute(_UPDATE + _THIS, (*_values(ended), *this))
        _add(connection, ended, Totals.of(ended) + -Totals.of(begun))


def _add(connection: sqlite3.Connection, call: Call, totals: Totals) -> None:
    figures = totals.figures()
    for scope in (f"day:{call.day}", f"session:{call.session}"):
        connection.execute(_ADD, (scope, call.model, *figures))


def _values(call: Call) -> list[Any]:
    return [getattr(call, name) for name in _COLUMNS]


def _calls(connection: sqlite3.Connection, where: str, *values: object) -> list[Call]:
    rows = connection.execute(f"SELECT {', '.join(_NAMES)} FROM calls {where}", values)
    return [Call(**dict(map(_sound, _NAMES, row))) for row in rows]


def _sound(name: str, value: Any) -> tuple[str, Any]:
    """Give a figure as it may be, whatever a flipped bit has made of it."""
    kind, default = _KINDS[name]
    if value is None:
        return name, None if "None" in kind else default
    if "str" in kind:
        return name, str(value)
    is_figure = isinstance(value, int | float) and -_LARGEST < value < _LARGEST
    figure = value if is_figure else default
    return name, bool(figure) if kind == "bool" else figure


def _totals(figures: Any) -> Totals:
    kinds = {"int": int, "float": float}
    return Totals(
        *(
            kinds[str(field.type)](figure if math.isfinite(figure) else 0)
            for field, figure in zip(fields(Totals), figures, strict=True)
        )
    )
