"""The ledger: every call one row, and sums kept in step with the rows."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from nemotron_magic.ledger.call import Call
from nemotron_magic.ledger.rows import (
    SCHEMA,
    calls,
    complete,
    grouped,
    insert,
    strike,
    sums,
)
from nemotron_magic.ledger.tally import Tally
from nemotron_magic.ledger.totals import Totals
from nemotron_magic.storage import Storage

__all__ = ["Ledger"]

_SHORT_S = 0.5
_ROWS_A_READ = 5_000


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
        """Give `trouble` once, as a line for the user; then empty."""
        if self._told == self.trouble:
            return ""
        self._told = self.trouble
        if self.path is not None:
            return f"Counted anew: the ledger {self.trouble}"
        way_out = "Another place, or none: %config Nemotron.ledger = …"
        return f"Spending is counted in memory: the ledger {self.trouble}. {way_out}"

    def begin(
        self, call: Call, allow: Callable[[Totals, Totals], None] | None = None
    ) -> Call:
        """Write down a call before its request goes out; give it with its number.

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
            told = [sums(connection, scope, scope) for scope in scopes]
            session, today = map(self.tally.larger, scopes, told)
            self.unknown_day = self._why_unknown(call.day)
            if allow is not None:
                allow(session, today)
            return insert(connection, call)

        with self.tally.lock:
            number = self._storage.write(work)
            self.tally.add(scopes, Totals.of(call))
        return replace(call, number=number)

    def finish(self, begun: Call, ended: Call) -> None:
        """Complete the row of a call; an interrupt meanwhile is raised afterwards."""

        def work(connection: sqlite3.Connection) -> None:
            complete(connection, begun, ended)

        with self.tally.lock:
            if begun.number not in self._struck:
                self.tally.add(_scopes(begun), Totals.of(ended) + -Totals.of(begun))
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
        return self._storage.read(lambda c: calls(c, order, many))

    def call(self, number: int) -> Call | None:
        """Give one call by its number, or None."""
        found = self._storage.read(lambda c: calls(c, "WHERE number = ?", number))
        return found[0] if found else None

    def strike(self, number: int, is_struck: bool = True) -> Call | None:
        """Strike a call out of all sums, or take it in again; its row stays.

        Returns
        -------
        Call or None
            As it is now; None if there is none of that number.
        """

        def work(connection: sqlite3.Connection) -> tuple[list[Call], Call | None]:
            before = calls(connection, "WHERE number = ?", number)
            return before, strike(connection, number, is_struck)

        with self.tally.lock:
            before, struck = self._storage.write(work)
            if struck is not None:
                change = Totals.of(struck) + -Totals.of(before[0])
                self.tally.add(_scopes(struck), change)
                change_of = self._struck.add if is_struck else self._struck.discard
                change_of(number)
        return struck

    def all(self) -> Iterator[Call]:
        """Give every call, oldest first."""
        number = 0
        order = "WHERE number > ? ORDER BY number LIMIT ?"
        while rows := self._storage.read(
            lambda c: calls(c, order, number, _ROWS_A_READ)  # noqa: B023
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
        return Call(started_s=self._now_s()).day

    def _month(self) -> tuple[str, str]:
        month = f"day:{self._today()[:7]}"
        return f"{month}-00", f"{month}-99"

    def _sums(self, first: str, last: str = "") -> Totals:
        return self._storage.read(lambda c: sums(c, first, last or first))

    def _grouped(self, by: str, first: str, last: str) -> list[tuple[str, Totals]]:
        return self._storage.read(lambda c: grouped(c, by, first, last))


def _scopes(call: Call) -> tuple[str, str]:
    """Return the names of the sums that a call belongs to: its session and its day."""
    return f"session:{call.session}", f"day:{call.day}"
