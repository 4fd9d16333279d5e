"""The ledger's tables: how rows and sums are written and read."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import fields, replace
from typing import Any

from nemotron_magic.ledger.call import LATEST_S, Call
from nemotron_magic.ledger.totals import Totals
from nemotron_magic.storage import Schema

__all__ = ["SCHEMA", "calls", "complete", "grouped", "insert", "strike", "sums"]

_COLUMNS = tuple(field.name for field in fields(Call) if field.name != "number")
_NAMES = ("number", *_COLUMNS)
_KINDS = {field.name: (str(field.type), field.default) for field in fields(Call)}
_LARGEST = 1e17
_FIGURES = tuple(field.name for field in fields(Totals))
_SUMS = ", ".join(f"total({name})" for name in _FIGURES)

SCHEMA = Schema(
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
    added=(("calls", "is_struck"),),
)
"""`sums` has a row for each day and each session, by model: a million calls are added
up in no time. They change in the same transaction as the call's row."""

_INSERT = (
    f"INSERT INTO calls ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join('?' * len(_COLUMNS))})"
)
_UPDATE = f"UPDATE calls SET {', '.join(f'{name} = ?' for name in _COLUMNS)}"
_DAY_S = 86_400.0
_STARTED_S = f"min(max(started_s, 0), {LATEST_S})"
_THIS = "WHERE number = ? AND started_s = ? AND session = ?"
_SUM = f"({', '.join('?' * (2 + len(_FIGURES)))})"
_SUMMED = ", ".join(f"{name} = {name} + excluded.{name}" for name in _FIGURES)
_ADD = (
    f"INSERT INTO sums VALUES {{}} ON CONFLICT (scope, model) DO UPDATE SET {_SUMMED}"
)
_ADD_TWO = _ADD.format(f"{_SUM}, {_SUM}")


def sums(connection: sqlite3.Connection, first: str, last: str) -> Totals:
    """Give the sums of the scopes from `first` to `last`, as text is ordered."""
    ask = f"SELECT {_SUMS} FROM sums WHERE scope BETWEEN ? AND ?"
    return _totals(connection.execute(ask, (first, last)).fetchone())


def grouped(
    connection: sqlite3.Connection, by: str, first: str, last: str
) -> list[tuple[str, Totals]]:
    """Give the same sums for each `scope` or each `model`."""
    ask = f"SELECT {by}, {_SUMS} FROM sums WHERE scope BETWEEN ? AND ? GROUP BY {by}"
    rows = connection.execute(ask, (first, last)).fetchall()
    return [(str(name), _totals(figures)) for name, *figures in rows]


def insert(connection: sqlite3.Connection, call: Call) -> int:
    """Write a row, and add it to the sums; give its number."""
    cursor = connection.execute(_INSERT, _values(call))
    _add(connection, call, Totals.of(call))
    return cursor.lastrowid or 0


def complete(connection: sqlite3.Connection, begun: Call, ended: Call) -> None:
    """Fill in a row, once; write it anew if it is not there, as in a new file."""
    this = (begun.number, begun.started_s, begun.session)
    found = calls(connection, _THIS, *this)
    if not found:
        insert(connection, ended)
    elif found[0].ending == begun.ending:
        # The user may have struck it out meanwhile.
        ended = replace(ended, is_struck=found[0].is_struck)
        connection.execute(f"{_UPDATE} {_THIS}", (*_values(ended), *this))
        _add(connection, ended, Totals.of(ended) + -Totals.of(found[0]))


def strike(connection: sqlite3.Connection, number: int, is_struck: bool) -> Call | None:
    """Strike a call out of the sums, or take it in again; return it, or None."""
    found = calls(connection, "WHERE number = ?", number)
    if not found:
        return None
    struck = "UPDATE calls SET is_struck = ? WHERE number = ?"
    connection.execute(struck, (is_struck, number))
    _sum_anew(connection, found[0])
    return replace(found[0], is_struck=is_struck)


def _sum_anew(connection: sqlite3.Connection, call: Call) -> None:
    """Add up the sums that a call is part of, from their rows.

    What a huge figure has swallowed does not come back when it is subtracted.
    """
    day_s = call.started_at.replace(hour=0, minute=0, second=0, microsecond=0)
    first_s = day_s.timestamp()
    same_model = calls(
        connection,
        f"WHERE model = ? AND (session = ? OR {_STARTED_S} BETWEEN ? AND ?)",
        *(call.model, call.session, first_s, first_s + _DAY_S),
    )
    for scope, of_scope in (
        (f"day:{call.day}", [c for c in same_model if c.day == call.day]),
        (
            f"session:{call.session}",
            [c for c in same_model if c.session == call.session],
        ),
    ):
        gone = "DELETE FROM sums WHERE scope = ? AND model = ?"
        connection.execute(gone, (scope, call.model))
        totals = sum(map(Totals.of, of_scope), Totals())
        if totals.calls:
            row = (scope, call.model, *totals.figures())
            connection.execute(_ADD.format(_SUM), row)


def _add(connection: sqlite3.Connection, call: Call, totals: Totals) -> None:
    figures = totals.figures()
    scopes = (f"day:{call.day}", f"session:{call.session}")
    rows = [value for scope in scopes for value in (scope, call.model, *figures)]
    connection.execute(_ADD_TWO, rows)


def _values(call: Call) -> list[Any]:
    return [getattr(call, name) for name in _COLUMNS]


def calls(connection: sqlite3.Connection, where: str, *values: object) -> list[Call]:
    """Give the calls that a clause chooses."""
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
