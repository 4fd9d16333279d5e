"""The ledger: one row for each call, with running sums, and its export."""

from __future__ import annotations

import csv
import json
import math
import os
import sqlite3
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from tempfile import mkstemp
from threading import Lock
from typing import Any, TextIO

from nemotron_magic.core import public
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.text import strip_hidden
from nemotron_magic.storage.database import Schema, Storage
from nemotron_magic.storage.files import (
    Foreign,
    beginning,
    check_regular,
    data_folder,
    expanded,
)
from nemotron_magic.storage.records import LATEST_S, CallRecord, Totals

__all__ = [
    "SCHEMA",
    "Ledger",
    "Tally",
    "export",
    "insert_call",
    "open_ledger",
    "select_calls",
    "select_grouped",
    "select_sums",
    "strike",
    "update_call",
]


def export(calls: Iterable[CallRecord], path: Path) -> int:
    """Write calls to `path`, for their owner's eyes alone; return how many.

    An earlier export of that name is replaced, and only when the new one is whole.

    Raises
    ------
    InputError
        If the name ends in neither `.csv` nor `.json`, something else has that name, or
        the file cannot be written.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise InputError(
            f"calls are exported to .csv or .json, got {path.name}",
            hint="Such as: %nemotron usage: export calls.csv",
        )
    try:
        _check_is_export(path)
        return _replace(path, lambda file: write(file, map(_row, calls)))
    except (OSError, ValueError, Foreign) as error:
        raise InputError(
            f"cannot write {path}: {_reason(error)}",
            hint="Name another path: %nemotron usage: export calls.csv",
        ) from None


def _check_is_export(path: Path) -> None:
    """Raise Foreign if there is something at `path` that no export has made."""
    if check_regular(path) is None:
        return
    start = beginning(path, 100)
    if not start.startswith(_STARTS) and start != _NO_CALLS:
        raise Foreign("there is a file that is no export of calls")


def _replace(path: Path, write: Callable[[TextIO], int]) -> int:
    # Made with a name that nobody can foresee, and with no rights for others.
    handle, name = mkstemp(dir=path.parent, prefix=".calls-")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            number = write(file)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return number


def _reason(error: Exception) -> str:
    told = error.strerror if isinstance(error, OSError) else str(error)
    return (told or "it cannot be opened").lower()


def _row(call: CallRecord) -> dict[str, Any]:
    told = asdict(call)
    return {"started_at": call.started_at.isoformat("T", "milliseconds"), **told}


def _write_csv(file: TextIO, rows: Iterator[dict[str, Any]]) -> int:
    names = ["started_at", *(field.name for field in fields(CallRecord))]
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    cells = ({name: _as_cell(value) for name, value in row.items()} for row in rows)
    return sum(bool(writer.writerow(row)) for row in cells)


def _as_cell(value: object) -> object:
    """Put a quote before a text that a spreadsheet would take for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection

    >>> _as_cell("=1+1"), _as_cell("a=1"), _as_cell(-1)
    ("'=1+1", 'a=1', -1)
    """
    if not isinstance(value, str):
        return value
    # Full-width forms are taken for the signs that they stand for.
    read = unicodedata.normalize("NFKC", strip_hidden(value)).lstrip()
    is_formula = read.startswith(_BEGIN_A_FORMULA) or value.startswith(_MOVE_ON)
    return f"'{value}" if is_formula else value


def _write_json(file: TextIO, rows: Iterator[dict[str, Any]]) -> int:
    number = 0
    file.write("[")
    for number, row in enumerate(rows, 1):
        file.write(",\n" if number > 1 else "\n")
        json.dump(row, file, ensure_ascii=False)
    file.write("\n]\n")
    return number


_BEGIN_A_FORMULA = ("=", "+", "-", "@")
_MOVE_ON = ("\t", "\r", "\n")
_STARTS = (b"started_at,number,started_s,session,", b'[\n{"started_at": "')
_NO_CALLS = b"[\n]\n"

_WRITERS: dict[str, Callable[[TextIO, Iterator[dict[str, Any]]], int]] = {
    ".csv": _write_csv,
    ".json": _write_json,
}

_COLUMNS = tuple(field.name for field in fields(CallRecord) if field.name != "number")
_NAMES = ("number", *_COLUMNS)
_KINDS = {field.name: (str(field.type), field.default) for field in fields(CallRecord)}
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


def select_sums(connection: sqlite3.Connection, first: str, last: str) -> Totals:
    """Return the sums of the scopes from `first` to `last`, as text is ordered."""
    ask = f"SELECT {_SUMS} FROM sums WHERE scope BETWEEN ? AND ?"
    return _totals(connection.execute(ask, (first, last)).fetchone())


def select_grouped(
    connection: sqlite3.Connection, by: str, first: str, last: str
) -> list[tuple[str, Totals]]:
    """Return the same sums for each `scope` or each `model`."""
    ask = f"SELECT {by}, {_SUMS} FROM sums WHERE scope BETWEEN ? AND ? GROUP BY {by}"
    rows = connection.execute(ask, (first, last)).fetchall()
    return [(str(name), _totals(figures)) for name, *figures in rows]


def insert_call(connection: sqlite3.Connection, call: CallRecord) -> int:
    """Write a row, and add it to the sums; return its number."""
    cursor = connection.execute(_INSERT, _values(call))
    _add(connection, call, Totals.of(call))
    return cursor.lastrowid or 0


def update_call(
    connection: sqlite3.Connection, begun: CallRecord, ended: CallRecord
) -> None:
    """Fill in a row, once; write it anew if it is not there, as in a new file."""
    this = (begun.number, begun.started_s, begun.session)
    found = select_calls(connection, _THIS, *this)
    if not found:
        insert_call(connection, ended)
    elif found[0].ending == begun.ending:
        # The user may have struck it out meanwhile.
        ended = replace(ended, is_struck=found[0].is_struck)
        connection.execute(f"{_UPDATE} {_THIS}", (*_values(ended), *this))
        _add(connection, ended, Totals.of(ended) + -Totals.of(found[0]))


def strike(
    connection: sqlite3.Connection, number: int, is_struck: bool
) -> CallRecord | None:
    """Strike a call out of the sums, or take it in again; return it, or None."""
    found = select_calls(connection, "WHERE number = ?", number)
    if not found:
        return None
    struck = "UPDATE calls SET is_struck = ? WHERE number = ?"
    connection.execute(struck, (is_struck, number))
    _sum_anew(connection, found[0])
    return replace(found[0], is_struck=is_struck)


def _sum_anew(connection: sqlite3.Connection, call: CallRecord) -> None:
    """Add up the sums that a call is part of, from their rows.

    What a huge figure has swallowed does not come back when it is subtracted.
    """
    day_s = call.started_at.replace(hour=0, minute=0, second=0, microsecond=0)
    first_s = day_s.timestamp()
    same_model = select_calls(
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


def _add(connection: sqlite3.Connection, call: CallRecord, totals: Totals) -> None:
    figures = totals.figures()
    scopes = (f"day:{call.day}", f"session:{call.session}")
    rows = [value for scope in scopes for value in (scope, call.model, *figures)]
    connection.execute(_ADD_TWO, rows)


def _values(call: CallRecord) -> list[Any]:
    return [getattr(call, name) for name in _COLUMNS]


def select_calls(
    connection: sqlite3.Connection, where: str, *values: object
) -> list[CallRecord]:
    """Return the calls that a clause chooses."""
    rows = connection.execute(f"SELECT {', '.join(_NAMES)} FROM calls {where}", values)
    return [CallRecord(**dict(map(_sound, _NAMES, row))) for row in rows]


def _sound(name: str, value: Any) -> tuple[str, Any]:
    """Return a figure as it may be, whatever a flipped bit has made of it."""
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


class Tally:
    """Sums of sessions and of days, which no loss of a file makes less.

    Attributes
    ----------
    lock : Lock
        Held while a call is written down, so that none counts twice.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self._sums: dict[str, Totals] = {}

    def larger(self, scope: str, told: Totals) -> Totals:
        """Return what a scope took: what a ledger tells, or what is known if more."""
        known = self._sums.get(scope, Totals())
        self._sums[scope] = max(told, known, key=_spent_usd)
        return self._sums[scope]

    def add(self, scopes: Sequence[str], totals: Totals) -> None:
        """Add a call to the scopes that it belongs to, or what has changed in it."""
        for scope in scopes:
            self._sums[scope] = self._sums.get(scope, Totals()) + totals


def _spent_usd(totals: Totals) -> float:
    return totals.cost_usd + totals.pending_usd


_SHORT_S = 0.5
_ROWS_A_READ = 5_000


@public
class Ledger:
    """What calls took.

    No method raises for what is wrong with the file: it is then kept in memory.

    Parameters
    ----------
    path : Path or str or None
        Where it is kept; None for memory.
    now_s : callable
        The time since 1970.
    session : str
        Name of the kernel or script whose calls are added; without it, a new one.

    Attributes
    ----------
    tally : Tally
        What this process knows to be spent; ledgers of one session share it.
    unknown_day : str
        Why what today took was not known when the last call began; empty if it was.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        *,
        now_s: Callable[[], float] = time.time,
        session: str = "",
        **more: Any,
    ) -> None:
        self.session = session or uuid.uuid4().hex
        self._now_s = now_s
        place = None if path is None else Path(path)
        self._storage = Storage(place, SCHEMA, now_s=now_s, **more)
        self._told = ""
        self._noticed, self._sound_day, self._lost_day = "", "", ""
        self._struck: set[int] = set()
        self.tally = Tally()
        self.unknown_day = ""

    @property
    def path(self) -> Path | None:
        """Where it is kept; None for memory."""
        return self._storage.path

    @property
    def trouble(self) -> str:
        """Why it is not on disk, or what became of the file; empty if all is well."""
        return self._storage.trouble

    def news(self) -> str:
        """Return `trouble` once, as a line for the user; then empty."""
        if self._told == self.trouble:
            return ""
        self._told = self.trouble
        if self.path is not None:
            return f"Counted anew: the ledger {self.trouble}"
        way_out = "Another place, or none: %config Nemotron.ledger = …"
        return f"Spending is counted in memory: the ledger {self.trouble}. {way_out}"

    def begin(
        self, call: CallRecord, allow: Callable[[Totals, Totals], None] | None = None
    ) -> CallRecord:
        """Write down a call before its request goes out; return it with its number.

        Parameters
        ----------
        allow : callable, optional
            Given what this session and today took so far, by the file or by what this
            process knows if that is more; raises if the call may not be made. Nobody
            else adds a call meanwhile.
        """
        call = replace(call, session=self.session, started_s=self._now_s())

        scopes = _scopes(call)

        def work(connection: sqlite3.Connection) -> int:
            told = [select_sums(connection, scope, scope) for scope in scopes]
            session, today = map(self.tally.larger, scopes, told)
            self.unknown_day = self._why_unknown(call.day)
            if allow is not None:
                allow(session, today)
            return insert_call(connection, call)

        with self.tally.lock:
            number = self._storage.write(work)
            self.tally.add(scopes, Totals.of(call))
        return replace(call, number=number)

    def finish(self, begun: CallRecord, ended: CallRecord) -> None:
        """Complete the row of a call; an interrupt meanwhile is raised afterwards."""

        def work(connection: sqlite3.Connection) -> None:
            update_call(connection, begun, ended)

        with self.tally.lock:
            if begun.number not in self._struck:
                self.tally.add(_scopes(begun), Totals.of(ended) + -Totals.of(begun))
            try:
                self._storage.write(work)
            except KeyboardInterrupt:
                self._storage.write(work, _SHORT_S)
                raise

    def of_session(self) -> Totals:
        """Return what this kernel or script took so far."""
        return self._sums(f"session:{self.session}")

    def of_today(self) -> Totals:
        """Return what was taken since midnight, UTC, by everything on this machine."""
        return self._sums(f"day:{self._today()}")

    def of_month(self) -> Totals:
        """Return what was taken since the first of the month, UTC."""
        return self._sums(*self._month())

    def of_all(self) -> Totals:
        """Return what was ever taken."""
        return self._sums("day:", "day:~")

    def by_model(self) -> dict[str, Totals]:
        """Return what was taken this month, by the model asked, the dearest first."""
        rows = self._grouped("model", *self._month())
        order = sorted(rows, key=lambda row: (-row[1].cost_usd, -row[1].calls, row[0]))
        return dict(order)

    def by_day(self, days: int = 30) -> dict[str, Totals]:
        """Return what was taken on the last days that had any calls, oldest first."""
        rows = self._grouped("scope", "day:", "day:~")
        return {name.removeprefix("day:"): sums for name, sums in sorted(rows)[-days:]}

    def last(self, many: int = 20) -> list[CallRecord]:
        """Return the last calls, newest first."""
        order = "ORDER BY number DESC LIMIT ?"
        return self._storage.read(lambda c: select_calls(c, order, many))

    def call(self, number: int) -> CallRecord | None:
        """Return one call by its number, or None."""
        found = self._storage.read(
            lambda c: select_calls(c, "WHERE number = ?", number)
        )
        return found[0] if found else None

    def strike(self, number: int, is_struck: bool = True) -> CallRecord | None:
        """Strike a call out of all sums, or take it in again; its row stays.

        Returns
        -------
        Call or None
            As it is now; None if there is none of that number.
        """

        def work(
            connection: sqlite3.Connection,
        ) -> tuple[list[CallRecord], CallRecord | None]:
            before = select_calls(connection, "WHERE number = ?", number)
            return before, strike(connection, number, is_struck)

        with self.tally.lock:
            before, struck = self._storage.write(work)
            if struck is not None:
                change = Totals.of(struck) + -Totals.of(before[0])
                self.tally.add(_scopes(struck), change)
                change_of = self._struck.add if is_struck else self._struck.discard
                change_of(number)
        return struck

    def all(self) -> Iterator[CallRecord]:
        """Yield every call, oldest first."""
        number = 0
        order = "WHERE number > ? ORDER BY number LIMIT ?"
        while rows := self._storage.read(
            lambda c: select_calls(c, order, number, _ROWS_A_READ)  # noqa: B023
        ):
            yield from rows
            number = rows[-1].number

    def close(self) -> None:
        """Let go of what is in memory."""
        self._storage.close()

    def _why_unknown(self, day: str) -> str:
        """Return why what a day took is not known: the file is lost, or was that day.

        What was read before it was lost is known.
        """
        if self.trouble != self._noticed:
            self._noticed = self.trouble
            self._lost_day = "" if self._sound_day == day else day
        if self.trouble and (self.path is None or self._lost_day == day):
            return self.trouble
        self._sound_day = day
        return ""

    def _today(self) -> str:
        return CallRecord(started_s=self._now_s()).day

    def _month(self) -> tuple[str, str]:
        month = f"day:{self._today()[:7]}"
        return f"{month}-00", f"{month}-99"

    def _sums(self, first: str, last: str = "") -> Totals:
        return self._storage.read(lambda c: select_sums(c, first, last or first))

    def _grouped(self, by: str, first: str, last: str) -> list[tuple[str, Totals]]:
        return self._storage.read(lambda c: select_grouped(c, by, first, last))


def _scopes(call: CallRecord) -> tuple[str, str]:
    """Return the names of the sums that a call belongs to: its session and its day."""
    return f"session:{call.session}", f"day:{call.day}"


_FILE = "ledger.sqlite"


def open_ledger(setting: str, environ: Mapping[str, str], session: str = "") -> Ledger:
    """Return the ledger that a setting names; nothing is written yet.

    Parameters
    ----------
    setting : str
        `on`, `off` (in memory), or the path of a file.
    session : str
        Name of the kernel or script whose calls are added; without it, a new one.
    """
    word = setting.strip().lower()
    if word == "off":
        return Ledger(session=session)
    is_default = word == "on"
    path = data_folder(environ) / _FILE if is_default else expanded(setting)
    # A notebook may change its folder meanwhile.
    return Ledger(path.absolute(), session=session, is_default=is_default)
