"""The ledger: one row for each call, with running sums, and its export."""

from __future__ import annotations

import csv
import json
import math
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from io import StringIO
from itertools import starmap
from operator import attrgetter
from pathlib import Path
from sqlite3 import Connection
from threading import Lock
from typing import Any, TypeVar

from nemotron_magic.core import public
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.text import strip_hidden
from nemotron_magic.storage import files
from nemotron_magic.storage.database import Schema, Storage, insertion
from nemotron_magic.storage.records import CallRecord, Totals, local_day


def export(calls: Iterable[CallRecord], path: Path) -> int:
    """Write calls to `path`, for their owner's eyes alone; return how many.

    An earlier export of that name is replaced, and only when the new one is whole.
    Raise InputError if the name ends in neither `.csv` nor `.json`, something else has
    that name, or the file cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".json"):
        what = f"calls are exported to .csv or .json, got {path.name}"
        raise InputError(what, hint="Such as: %nemotron usage: export calls.csv")
    rows = [
        {"started_at": one.started_at.isoformat("T", "milliseconds"), **asdict(one)}
        for one in calls
    ]
    try:
        if files.check_regular(path):
            start = files.first_bytes(path, 100)
            if not start.startswith(_STARTS) and start != _NO_CALLS.encode():
                raise files.NotOurFile("the file there is not an export of calls")
        files.write_whole(path, _exported(rows, kind).encode(), replaces=True)
    except (OSError, ValueError, files.NotOurFile) as error:
        hint = "Name another path: %nemotron usage: export calls.csv"
        what = f"cannot write {path}: {files.reason(error)}"
        raise InputError(what, hint=hint) from None
    return len(rows)


def _exported(rows: Sequence[dict[str, Any]], kind: str) -> str:
    if kind == ".json":
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        return "\n".join(("[", ",\n".join(lines), "]\n")) if lines else _NO_CALLS
    writer = csv.writer(text := StringIO())
    writer.writerow(["started_at", *_NAMES])
    writer.writerows(map(_as_cell, row.values()) for row in rows)
    return text.getvalue()


def _as_cell(value: object) -> object:
    """Put a quote before a text that a spreadsheet would take for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    if not isinstance(value, str):
        return value
    # Full-width forms are taken for the signs that they stand for.
    read = unicodedata.normalize("NFKC", strip_hidden(value)).lstrip()
    moves_on = value.startswith(("\t", "\r", "\n"))
    return f"'{value}" if moves_on or read.startswith(("=", "+", "-", "@")) else value


_STARTS = (b"started_at,number,started_s,session,", b'[\n{"started_at": "')
_NO_CALLS = "[\n]\n"

_COLUMNS = tuple(field.name for field in fields(CallRecord) if field.name != "number")
_NAMES = ("number", *_COLUMNS)
_KINDS = {field.name: (str(field.type), field.default) for field in fields(CallRecord)}
_LARGEST = 1e17
_SHORT_S = 0.5
_DAYS = ("day:", "day:~")
_FILE = "ledger.sqlite"
_Result = TypeVar("_Result")
# Gets the totals of a session and of today; raises if a call may not be made.
Allow = Callable[[Totals, Totals], None]
# Columns have the names that the first files gave them.
_FIRST_NAMES = {
    "pending": "unended",
    "unknown_cost": "unpriced",
    "unknown_tokens": "untold",
    "pending_usd": "open_usd",
}
_FIGURES = [_FIRST_NAMES.get(one.name, one.name) for one in fields(Totals)]
_SUMS = ", ".join(f"total({name})" for name in _FIGURES)

# `sums` has a row for each day and each session, by model: a million calls are added up
# in no time. They change in the same transaction as the call's row.
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
    added=(
        ("calls", "is_struck"),
        ("calls", "day"),
        ("calls", "tokens_are_estimated"),
        ("sums", "estimated_tokens DEFAULT 0"),
    ),
    renewed="Counting begins again: the ledger {}",
    forgotten="Spending is counted in memory: the ledger {}. "
    "Another place, or none: %config Nemotron.ledger = …",
)
_values = attrgetter(*_COLUMNS)
_INSERT = insertion("calls", _COLUMNS)
_UPDATE = f"UPDATE calls SET {', '.join(f'{name} = ?' for name in _COLUMNS)}"
_THIS = "WHERE number = ? AND started_s = ? AND session = ?"
_MORE = ", ".join(f"{name} = {name} + excluded.{name}" for name in _FIGURES)
_ADD = insertion("sums", ("scope", "model", *_FIGURES))
_ADD += f" ON CONFLICT (scope, model) DO UPDATE SET {_MORE}"


def _totals_by(connection: Connection, by: str, *scopes: str) -> dict[str, Totals]:
    """Return the sums of a range of scopes, first to last, by `scope` or `model`."""
    ask = f"SELECT {by}, {_SUMS} FROM sums WHERE scope BETWEEN ? AND ? GROUP BY {by}"
    rows = connection.execute(ask, scopes).fetchall()
    zeros = Totals().figures()
    return {str(by): Totals(*map(_as_figure, zeros, figures)) for by, *figures in rows}


def _as_figure(zero: float, figure: float) -> Any:
    # SQLite has all totals as floats, which may overflow.
    return type(zero)(figure) if math.isfinite(figure) else zero


def _totals(connection: Connection, first: str, last: str = "") -> Totals:
    return _totals_by(connection, "''", first, last or first).get("", Totals())


def _insert(connection: Connection, call: CallRecord) -> int:
    cursor = connection.execute(_INSERT, _values(call))
    _add(connection, call, Totals.of(call))
    return cursor.lastrowid or 0


def _take_back(connection: Connection, begun: CallRecord) -> None:
    this = (begun.number, begun.started_s, begun.session)
    if connection.execute(f"DELETE FROM calls {_THIS}", this).rowcount:
        _add(connection, begun, -Totals.of(begun))
        connection.execute("DELETE FROM sums WHERE calls <= 0")


def _update(connection: Connection, begun: CallRecord, ended: CallRecord) -> None:
    """Fill in a row, once; write it again if it does not exist, as in a new file."""
    this = (begun.number, begun.started_s, begun.session)
    found = _calls(connection, _THIS, *this)
    if not found:
        _insert(connection, ended)
    elif found[0].ending == begun.ending:
        # The user may have struck it out meanwhile.
        ended = replace(ended, is_struck=found[0].is_struck)
        connection.execute(f"{_UPDATE} {_THIS}", (*_values(ended), *this))
        _add(connection, ended, Totals.of(ended) + -Totals.of(found[0]))


def _strike(connection: Connection, number: int, is_struck: bool) -> CallRecord | None:
    """Strike a call out, or take it in again; return it as it was before, or None."""
    call = next(iter(_calls(connection, "WHERE number = ?", number)), None)
    if call is None:
        return None
    change = "UPDATE calls SET is_struck = ? WHERE number = ?"
    connection.execute(change, (is_struck, number))
    near = "WHERE model = ? AND (session = ? OR day = ?)"
    others = _calls(connection, near, call.model, call.session, call.day)
    for scope in _scopes(call):
        gone = "DELETE FROM sums WHERE scope = ? AND model = ?"
        connection.execute(gone, (scope, call.model))
        totals = sum((Totals.of(c) for c in others if scope in _scopes(c)), Totals())
        if totals.calls:
            connection.execute(_ADD, (scope, call.model, *totals.figures()))
    return call


def _add(connection: Connection, call: CallRecord, totals: Totals) -> None:
    rows = ((scope, call.model, *totals.figures()) for scope in _scopes(call))
    connection.executemany(_ADD, rows)


def _scopes(call: CallRecord) -> tuple[str, str]:
    return f"session:{call.session}", f"day:{call.day}"


def _calls(connection: Connection, where: str, *values: object) -> list[CallRecord]:
    rows = connection.execute(f"SELECT {', '.join(_NAMES)} FROM calls {where}", values)
    return [CallRecord(**dict(map(_as_field, _NAMES, row))) for row in rows]


def _as_field(name: str, value: Any) -> tuple[str, Any]:
    """Return a field as its kind wants it, whatever stands in the file."""
    kind, default = _KINDS[name]
    if "str" in kind and value is not None:
        return name, str(value)
    is_figure = isinstance(value, int | float) and -_LARGEST < value < _LARGEST
    figure = value if is_figure else default
    return name, bool(figure) if kind == "bool" else figure


class Tally:
    """Sums of sessions and of days, which no loss of a file makes less."""

    def __init__(self) -> None:
        self.lock = Lock()  # held while a call is recorded, so that none counts twice
        self._sums: dict[str, Totals] = {}

    def larger(self, scope: str, recorded: Totals) -> Totals:
        """Return the totals of a scope: those recorded, or those known if more."""
        known = self._sums.get(scope, recorded)
        self._sums[scope] = max(recorded, known, key=attrgetter("most_usd"))
        return self._sums[scope]

    def add(self, call: CallRecord, totals: Totals) -> None:
        """Add a call's totals, or what has changed in them, to its session and day."""
        for scope in _scopes(call):
            self._sums[scope] = self._sums.get(scope, Totals()) + totals


@public
class Ledger(Storage):
    """A record of calls: their tokens, their cost, and how each ended.

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
    path : Path or None
        Where it is kept; None for memory.
    error : str
        Why it is not on disk, or what became of the file; empty if all is well.
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
        place = None if path is None else Path(path)
        super().__init__(place, _SCHEMA, now_s=now_s, **more)
        self.session = session or uuid.uuid4().hex
        self._noticed, self._sound_day, self._lost_day = "", "", ""
        self._struck: set[int] = set()
        self.tally = Tally()
        self.unknown_day = ""

    def begin(self, call: CallRecord, allow: Allow | None = None) -> CallRecord:
        """Record a call before its request goes out; return it with its number.

        `allow` gets totals by the file, or by what this process knows if that is more,
        and raises if the call may not be made. Nobody else adds a call meanwhile.
        """
        now_s = self.now_s()
        day = local_day(now_s)
        call = replace(call, session=self.session, started_s=now_s, day=day)

        def work(connection: Connection) -> None:
            recorded = {scope: _totals(connection, scope) for scope in _scopes(call)}
            session, today = starmap(self.tally.larger, recorded.items())
            self.unknown_day = self._why_unknown(day)
            if allow is not None:
                allow(session, today)
            numbers.append(_insert(connection, call))

        numbers: list[int] = []
        with self.tally.lock:
            try:
                self.write(work)
            except KeyboardInterrupt:  # it may be in the file, and is not sent
                if numbers:
                    begun = replace(call, number=numbers[-1])
                    self.write(lambda c: _take_back(c, begun), _SHORT_S)
                raise
            self.tally.add(call, Totals.of(call))
        return replace(call, number=numbers[-1])

    def finish(self, begun: CallRecord, ended: CallRecord) -> None:
        """Complete the row of a call; an interrupt meanwhile is raised afterwards."""
        with self.tally.lock:
            if begun.number not in self._struck:
                self.tally.add(begun, Totals.of(ended) + -Totals.of(begun))
            try:
                self.write(lambda c: _update(c, begun, ended))
            except KeyboardInterrupt:
                self.write(lambda c: _update(c, begun, ended), _SHORT_S)
                raise

    def of_session(self) -> Totals:
        """Return the totals of this kernel or script."""
        return self._read(_totals, f"session:{self.session}")

    def of_today(self) -> Totals:
        """Return the totals since midnight of everything on this machine."""
        return self._read(_totals, f"day:{local_day(self.now_s())}")

    def of_month(self) -> Totals:
        """Return the totals since the first of the month."""
        return self._read(_totals, *self._month())

    def of_all(self) -> Totals:
        """Return the totals of all calls."""
        return self._read(_totals, *_DAYS)

    def by_model(self) -> dict[str, Totals]:
        """Return the totals of this month by the model asked, the dearest first."""
        found = self._read(_totals_by, "model", *self._month())
        order = sorted(found, key=lambda n: (-found[n].cost_usd, -found[n].calls, n))
        return {name: found[name] for name in order}

    def by_day(self, days: int = 30) -> dict[str, Totals]:
        """Return the totals of the last days that had any calls, oldest first."""
        found = self._read(_totals_by, "scope", *_DAYS)
        return {day.removeprefix("day:"): found[day] for day in sorted(found)[-days:]}

    def last(self, many: int = 20) -> list[CallRecord]:
        """Return the last calls, newest first."""
        return self._read(_calls, "ORDER BY number DESC LIMIT ?", many)

    def call(self, number: int) -> CallRecord | None:
        """Return one call by its number, or None."""
        return next(iter(self._read(_calls, "WHERE number = ?", number)), None)

    def strike(self, number: int, is_struck: bool = True) -> CallRecord | None:
        """Strike a call out of all sums, or take it in again; return it, if any."""
        with self.tally.lock:
            before = self.write(lambda c: _strike(c, number, is_struck))
            if before is None:
                return None
            struck = replace(before, is_struck=is_struck)
            self.tally.add(struck, Totals.of(struck) + -Totals.of(before))
            (self._struck.add if is_struck else self._struck.discard)(number)
        return struck

    def all(self) -> Iterator[CallRecord]:
        """Yield every call, oldest first."""
        yield from self._read(_calls, "ORDER BY number")

    def _read(self, work: Callable[..., _Result], *values: object) -> _Result:
        return self.read(lambda connection: work(connection, *values))

    def _why_unknown(self, day: str) -> str:
        """Return why the totals of a day are unknown: the file was lost before."""
        if self.error != self._noticed:
            self._noticed = self.error
            self._lost_day = "" if self._sound_day == day else day
        if self.error and (self.path is None or self._lost_day == day):
            return self.error
        self._sound_day = day
        return ""

    def _month(self) -> tuple[str, str]:
        month = f"day:{local_day(self.now_s())[:7]}"
        return f"{month}-00", f"{month}-99"


def open_ledger(setting: str, environ: Mapping[str, str], session: str = "") -> Ledger:
    """Return the ledger that a setting names: `on`, `off` (in memory), or a path."""
    word = setting.strip().lower()
    if word == "off":
        return Ledger(session=session)
    is_default, folder = word == "on", files.user_folder(environ, "data")
    path = folder / _FILE if is_default else files.expanded(setting)
    return Ledger(path.absolute(), session=session, is_default=is_default)
