"""The ledger: rows, and the sums that keep in step with them."""

from __future__ import annotations

import csv
import gc
import json
import os
import random
import signal
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from datetime import time
from pathlib import Path
from time import tzset
from typing import Any

import pytest

from nemotron_magic.core.errors import InputError
from nemotron_magic.storage.ledger import Ledger, export, open_ledger
from nemotron_magic.storage.records import CallRecord, Totals

NOON_S = 1_787_313_600.0  # 2026-08-21T12:00:00Z
DAY_S = 86_400.0


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = NOON_S

    def __call__(self) -> float:
        return self.now_s


def ended(begun: CallRecord, **known: Any) -> CallRecord:
    figures = {"prompt_tokens": 10, "completion_tokens": 2, "cost_usd": 0.5}
    return replace(begun, **{"ending": "complete", "attempts": 1, **figures, **known})


def note(ledger: Ledger, model: str = "m", **known: Any) -> CallRecord:
    begun = ledger.begin(CallRecord(model=model, thread="main"))
    ledger.finish(begun, ended(begun, **known))
    return begun


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    path = tmp_path / "l.sqlite"
    made = Ledger(path, now_s=clock, session="s-1", mounts=str, is_default=True)
    yield made
    made.close()


def test_a_call_is_there_before_its_request_goes_out(ledger: Ledger) -> None:
    begun = ledger.begin(CallRecord(model="m", most_usd=0.25))

    assert ledger.last() == [begun]
    assert (begun.number, begun.ending, begun.session) == (1, "started", "s-1")
    assert begun.day == "2026-08-21"
    sums = ledger.of_session()
    assert (sums.calls, sums.pending, sums.unknown_cost, sums.pending_usd) == (
        1,
        1,
        1,
        0.25,
    )


GIVEN = ("number", "started_s", "session", "thread", "model", "is_struck")


def test_its_end_fills_the_row_in(ledger: Ledger, tmp_path: Path) -> None:
    known = {
        field.name: {"str": "x", "int": 3, "float": 0.5, "bool": True}[
            str(field.type).partition(" ")[0]
        ]
        for field in fields(CallRecord)
        if field.name not in GIVEN
    }
    begun = note(ledger, **known)

    again = Ledger(tmp_path / "l.sqlite", mounts=str)
    assert again.call(1) == ended(begun, **known)


ENDS: list[dict[str, Any]] = [
    {},
    {"cost_usd": None},
    {"ending": "failed", "may_cost": False, "cost_usd": None, "prompt_tokens": None},
    {"ending": "interrupted", "cost_usd": None, "completion_tokens": None},
    {"is_cached": True, "may_cost": False, "cost_usd": 0.0},
    {"cost_is_estimated": True, "attempts": 3},
    {"elapsed_s": 2.0, "first_text_s": 0.25, "reasoning_tokens": 1, "cached_tokens": 4},
    {"prompt_tokens": 10**15, "completion_tokens": 10**15, "cost_usd": 1e15},
]


@pytest.mark.parametrize("many", [1, 5])
def test_the_sums_are_those_of_the_rows(
    ledger: Ledger, clock: Clock, many: int
) -> None:
    for _ in range(many):
        for number, end in enumerate(ENDS):
            note(ledger, f"m{number % 3}", **end)
            clock.now_s += DAY_S / 5
    ledger.begin(CallRecord(model="m1", most_usd=0.125))

    rows = [Totals.of(call) for call in ledger.all()]
    sums = sum(rows, Totals())
    assert ledger.of_session() == ledger.of_all() == sums
    assert sum(ledger.by_day(99).values(), Totals()) == sums
    assert sums.calls == many * len(ENDS) + 1


def test_what_is_not_known_is_counted_and_not_nought(ledger: Ledger) -> None:
    for end in ENDS[:4]:
        note(ledger, **end)

    sums = ledger.of_today()
    assert (sums.calls, sums.billable, sums.unknown_cost, sums.unknown_tokens) == (
        4,
        3,
        2,
        1,
    )
    assert (sums.cost_usd, sums.failed, sums.interrupted) == (0.5, 1, 1)


ABSURD = (9.9e14, 1e15, 0.1 + 0.2)


@pytest.mark.parametrize("cost_usd", ABSURD)
def test_a_call_that_is_struck_out_counts_nowhere_and_stays(
    ledger: Ledger, clock: Clock, cost_usd: float
) -> None:
    note(ledger, "a", cost_usd=0.0004)
    note(ledger, "a", cost_usd=cost_usd, attempts=3)
    clock.now_s += DAY_S
    note(ledger, "a", cost_usd=0.125)
    note(ledger, "b", cost_usd=0.25)
    before = ledger.of_all()
    struck = ledger.strike(2)
    rows = list(ledger.all())

    assert (struck, rows[1].is_struck, rows[1].cost_usd) == (rows[1], True, cost_usd)
    sums = sum(map(Totals.of, rows), Totals())
    assert ledger.of_session() == ledger.of_all() == sums
    assert (sums.calls, sums.cost_usd, sums.retries) == (3, 0.3754, 0)
    assert ledger.by_day()["2026-08-21"].cost_usd == 0.0004
    assert ledger.by_model()["a"].cost_usd == 0.1254

    assert ledger.strike(2) == struck
    assert ledger.of_all() == sums
    assert ledger.strike(2, is_struck=False) == replace(rows[1], is_struck=False)
    assert ledger.of_all() == before


def test_the_only_call_of_a_day_can_be_struck_out(ledger: Ledger) -> None:
    note(ledger, cost_usd=9.9e14)
    ledger.strike(1)

    assert ledger.of_today() == ledger.of_session() == Totals()
    assert ledger.by_model() == ledger.by_day() == {}
    assert ledger.strike(2) is None


@pytest.mark.parametrize("most_usd", [999.0, None])
def test_a_call_that_was_struck_out_while_it_ran_stays_so(
    ledger: Ledger, most_usd: float | None
) -> None:
    begun = ledger.begin(CallRecord(model="m", most_usd=most_usd))
    ledger.strike(1)
    assert ledger.of_today().pending_usd == 0
    ledger.finish(begun, ended(begun))

    assert (ledger.last()[0].ending, ledger.last()[0].is_struck) == ("complete", True)
    assert ledger.of_today() == Totals()
    sums: list[Totals] = []
    ledger.begin(
        CallRecord(model="m", most_usd=0.25), lambda *known: sums.extend(known)
    )
    assert [known.cost_usd for known in sums] == [0, 0]


def test_a_clock_that_is_far_off_hinders_no_striking(
    ledger: Ledger, clock: Clock
) -> None:
    for now_s in (-1e12, 1e15, NOON_S - NOON_S % DAY_S):
        clock.now_s = now_s
        note(ledger)
    for number in (1, 2, 3):
        ledger.strike(number)

    assert ledger.of_all() == ledger.of_session() == Totals()


def test_days_and_months_are_utc(ledger: Ledger, clock: Clock) -> None:
    for day in (-21, -20, -1, 0, 0.49):
        clock.now_s = NOON_S + day * DAY_S
        note(ledger)
    clock.now_s = NOON_S

    assert (ledger.of_today().calls, ledger.of_month().calls) == (2, 4)
    assert list(ledger.by_day(2)) == ["2026-08-20", "2026-08-21"]


def test_a_clock_that_goes_backwards_mixes_nothing_up(
    ledger: Ledger, clock: Clock
) -> None:
    begun = ledger.begin(CallRecord(model="m"))
    clock.now_s -= 3 * DAY_S
    ledger.finish(begun, ended(begun))
    note(ledger)

    assert {day: sums.calls for day, sums in ledger.by_day().items()} == {
        "2026-08-18": 1,
        "2026-08-21": 1,
    }
    assert [call.number for call in ledger.last()] == [2, 1]
    assert ledger.of_all().pending == 0


@pytest.mark.parametrize(
    ("now_s", "day"),
    [(-1e12, "1970-01-01"), (0.0, "1970-01-01"), (1e15, "3000-01-01")],
)
def test_a_clock_that_is_far_off_harms_nothing(
    ledger: Ledger, clock: Clock, now_s: float, day: str
) -> None:
    clock.now_s = now_s
    note(ledger)

    assert ledger.last()[0].day == day
    assert ledger.last()[0].started_at.time() == time(0)
    assert list(ledger.by_day()) == [day]
    for sums in (ledger.of_all(), ledger.of_today(), ledger.of_month()):
        assert sums.calls == 1


def test_models_come_the_dearest_first(ledger: Ledger) -> None:
    note(ledger, "cheap", cost_usd=0.1)
    note(ledger, "dear", cost_usd=0.9)
    note(ledger, "unknown", cost_usd=None)

    assert list(ledger.by_model()) == ["dear", "cheap", "unknown"]


def test_the_last_calls_come_first(ledger: Ledger) -> None:
    for _ in range(5):
        note(ledger)

    assert [call.number for call in ledger.last(3)] == [5, 4, 3]
    assert ledger.call(6) is None


def test_a_file_whose_sums_bear_their_first_names_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    here = Ledger(path, mounts=str)
    here.begin(CallRecord(model="m", most_usd=0.25))
    here.close()
    connection = sqlite3.connect(path)
    names = [row[1] for row in connection.execute("PRAGMA table_info(sums)")]
    connection.close()
    there = Ledger(path, mounts=str)
    totals = there.of_all()

    assert {"unended", "unpriced", "untold", "open_usd"} < {*names}
    assert (totals.pending, totals.unknown_cost, totals.unknown_tokens) == (1, 1, 1)
    assert (totals.pending_usd, there.error) == (0.25, "")


@pytest.mark.slow
def test_all_calls_are_read_however_many_there_are() -> None:
    ledger = Ledger()
    for _ in range(5_002):
        ledger.begin(CallRecord())

    assert [call.number for call in ledger.all()] == [*range(1, 5_003)]


def test_two_sessions_share_a_file_and_have_their_own_sums(
    ledger: Ledger, tmp_path: Path, clock: Clock
) -> None:
    other = Ledger(tmp_path / "l.sqlite", now_s=clock, mounts=str)
    note(ledger)
    note(other)
    note(other)

    assert ledger.of_session().calls == 1
    assert other.of_session().calls == 2
    assert ledger.of_today().calls == 3


def test_ending_a_call_twice_counts_it_once(ledger: Ledger) -> None:
    begun = note(ledger)
    ledger.finish(begun, ended(begun, ending="failed"))

    assert ledger.of_all().calls == 1
    assert ledger.last()[0].ending == "complete"


class Stopping(Ledger):
    """A ledger whose next write is interrupted, before or after it."""

    stops: str = ""

    def write(self, work: Any, *more: Any) -> Any:
        stops, self.stops = self.stops, ""
        if stops == "before":
            raise KeyboardInterrupt
        done = super().write(work, *more)
        if stops == "after":
            raise KeyboardInterrupt
        return done


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_while_an_end_is_written_loses_nothing(
    tmp_path: Path, when: str
) -> None:
    ledger = Stopping(tmp_path / "l.sqlite", mounts=str)
    begun = ledger.begin(CallRecord(model="m"))
    ledger.stops = when
    with pytest.raises(KeyboardInterrupt):
        ledger.finish(begun, ended(begun))

    assert [call.ending for call in ledger.last()] == ["complete"]
    assert ledger.of_all() == Totals.of(ended(begun))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_call_that_is_stopped_while_it_is_recorded_leaves_no_row(
    tmp_path: Path, when: str
) -> None:
    ledger = Stopping(tmp_path / "l.sqlite", mounts=str)
    ledger.stops = when
    with pytest.raises(KeyboardInterrupt):
        ledger.begin(CallRecord(model="m", most_usd=0.25))

    assert (ledger.last(), ledger.by_model()) == ([], {})
    assert ledger.of_session() == ledger.of_today() == Totals()
    assert note(ledger).number == 1
    assert ledger.of_today().calls == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timer here")
# A press that falls into a finalizer is lost, as Python has it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupts_at_any_moment_keep_rows_and_sums_in_step(tmp_path: Path) -> None:
    presses: list[int] = []

    def press(*_: object) -> None:
        presses.append(1)
        raise KeyboardInterrupt

    before, chance = signal.signal(signal.SIGALRM, press), random.Random(2)
    ledger = Ledger(tmp_path / "l.sqlite", mounts=str)
    for number in range(300):
        if number % 5 == 0:
            ledger.close()  # so that opening it is interrupted, too
        with suppress(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, 3e-3))
            note(ledger)
            # In here: it rings once, and not between two statements that expect it.
            signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)

    rows = list(ledger.all())
    assert len(presses) > 0
    assert len(rows) > 0
    assert ledger.of_all() == sum(map(Totals.of, rows), Totals())
    assert ledger.error == ""
    gc.collect()  # what such a press has left open is to be told of here


def test_a_corrupt_file_is_set_aside_under_the_day_of_the_ledger(
    ledger: Ledger, tmp_path: Path
) -> None:
    (tmp_path / "l.sqlite").write_bytes(b"no database at all" * 999)
    note(ledger)

    assert list(tmp_path.glob("l.sqlite.corrupt-2026-08-21*"))
    assert ledger.of_all().calls == 1


def test_a_row_that_is_gone_is_written_anew(ledger: Ledger, tmp_path: Path) -> None:
    begun = ledger.begin(CallRecord(model="m"))
    (tmp_path / "l.sqlite").write_bytes(b"no database at all" * 999)
    ledger.finish(begun, ended(begun))

    assert [call.ending for call in ledger.last()] == ["complete"]
    assert ledger.of_all() == Totals.of(ended(begun))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_call_whose_process_was_killed_may_have_been_billed(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        Ledger(tmp_path / "l.sqlite", mounts=str).begin(
            CallRecord(model="m", most_usd=0.5)
        )
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)

    ledger = Ledger(tmp_path / "l.sqlite", mounts=str)
    sums = ledger.of_today()
    assert (sums.pending, sums.unknown_cost, sums.pending_usd) == (1, 1, 0.5)
    assert not ledger.last()[0].is_over


def test_trouble_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "l.sqlite").mkdir()
    ledger = Ledger(tmp_path / "l.sqlite", mounts=str)
    assert ledger.pop_warning() == ""
    note(ledger)

    news = ledger.pop_warning()
    assert news.startswith("Spending is counted in memory: the ledger /")
    assert news.endswith("Another place, or none: %config Nemotron.ledger = …")
    assert ledger.pop_warning() == ""
    assert ledger.of_all().calls == 1
    assert ledger.path is None


def test_random_faults_raise_nothing_when_all_is_read(tmp_path: Path) -> None:
    path, chance = tmp_path / "l.sqlite", random.Random(11)
    for end in ENDS * 4:
        note(Ledger(path, mounts=str), **end)
    whole = path.read_bytes()
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(chance.choice((3, 30))):
            data[chance.randrange(100, len(data))] = chance.randrange(256)
        path.write_bytes(data)
        ledger = Ledger(path, mounts=str, is_default=True)
        note(ledger)
        _ = [ledger.of_all(), ledger.by_day(), ledger.by_model(), ledger.last()]
        _ = [call.day for call in ledger.all()]  # all of it has been looked at now
        note(ledger)
        assert ledger.last(1)[0].ending == "complete"
        ledger.close()


def spoil(path: Path, statement: str) -> None:
    """Change a ledger's file behind its back."""
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_the_totals_of_a_call_are_its_figures() -> None:
    call = CallRecord(
        ending="complete",
        attempts=3,
        prompt_tokens=5,
        completion_tokens=8,
        reasoning_tokens=2,
        cached_tokens=1,
        cost_usd=0.5,
        cost_is_estimated=True,
        most_usd=4.0,
        elapsed_s=2.0,
        first_text_s=0.25,
    )
    known = Totals(
        calls=1,
        retries=2,
        billable=1,
        prompt_tokens=5,
        completion_tokens=8,
        reasoning_tokens=2,
        cached_tokens=1,
        cost_usd=0.5,
        estimated_usd=0.5,
        timed_s=2.0,
        timed_tokens=8,
        first_text_s=0.25,
        first_texts=1,
    )
    told = replace(call, cost_is_estimated=False)
    free = replace(call, may_cost=False, is_cached=True, cost_usd=0.0)

    assert Totals.of(call) == known
    assert Totals.of(told) == replace(known, estimated_usd=0.0)
    assert (
        Totals.of(free).figures()
        == Totals(
            calls=1,
            cached=1,
            retries=2,
            prompt_tokens=5,
            completion_tokens=8,
            reasoning_tokens=2,
            cached_tokens=1,
        ).figures()
    )
    assert Totals.of(CallRecord(most_usd=4.0)) == Totals(
        calls=1,
        pending=1,
        billable=1,
        unknown_cost=1,
        unknown_tokens=1,
        pending_usd=4.0,
    )
    assert (known.mean_first_text_s, known.tokens_per_s) == (0.25, 4.0)
    assert (Totals().mean_first_text_s, Totals().tokens_per_s) == (None, None)


# ---- export


def test_calls_are_exported_by_the_ending_of_the_name(
    ledger: Ledger, tmp_path: Path
) -> None:
    note(ledger, notebook="Ärger 日本.ipynb")
    note(ledger, cost_usd=None, finish_reason='say "no", ok')
    table, tree = tmp_path / "c.csv", tmp_path / "c.JSON"

    assert export(ledger.all(), table) == export(ledger.all(), tree) == 2
    with table.open(encoding="utf-8", newline="") as file:
        one, two = csv.DictReader(file)
    assert (one["notebook"], one["cost_usd"]) == ("Ärger 日本.ipynb", "0.5")
    assert (two["cost_usd"], two["finish_reason"]) == ("", 'say "no", ok')
    rows = json.loads(tree.read_text("utf-8"))
    assert rows[0]["started_at"] == "2026-08-21T12:00:00.000+00:00"
    assert (rows[1]["cost_usd"], rows[1]["number"]) == (None, 2)


def test_nothing_is_exported_as_nothing(tmp_path: Path) -> None:
    assert export([], tmp_path / "c.json") == 0
    assert json.loads((tmp_path / "c.json").read_text()) == []


@pytest.mark.parametrize(
    "name", ["c.parquet", "c", "missing/c.csv", "a\0b.csv", f"{'n' * 300}.csv"]
)
def test_what_cannot_be_exported_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        export([CallRecord()], tmp_path / name)

    assert list(tmp_path.iterdir()) == []


CSV_START = "started_at,number,started_s,session,"


@pytest.mark.parametrize("name", ["c.csv", "c.json"])
def test_an_export_takes_the_place_of_an_earlier_one(
    ledger: Ledger, tmp_path: Path, name: str
) -> None:
    for number in range(3):
        assert export(ledger.all(), tmp_path / name) == number
        (tmp_path / name).chmod(0o644)
        note(ledger)
    export(ledger.all(), tmp_path / name)

    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.glob("*c.*")) == [name]


@pytest.mark.parametrize("name", ["c.csv", "c.json"])
@pytest.mark.parametrize(
    "text", ["month,sales\n1,2\n", "", "[1, 2]", "[]", "{}", "\ufeffstarted_at,number"]
)
def test_no_other_file_is_replaced_by_an_export(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match="the file there is not an export of calls"):
        export([CallRecord()], tmp_path / name)

    assert (tmp_path / name).read_text() == text
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["c.csv", "c.json"])
@pytest.mark.parametrize(
    ("put", "why"),
    [
        (os.mkfifo, "it is a pipe or a device"),
        (Path.mkdir, "it is a folder"),
        (lambda path: path.symlink_to(path.with_name("x.csv")), "it is a link"),
        (lambda path: path.symlink_to("/dev/null"), "it is a link"),
    ],
)
def test_an_export_follows_no_link_and_waits_for_no_pipe(
    tmp_path: Path, name: str, put: Callable[[Path], None], why: str
) -> None:
    export([CallRecord()], tmp_path / "x.csv")
    before = (tmp_path / "x.csv").read_bytes()
    put(tmp_path / name)
    with pytest.raises(InputError, match=why):
        export([CallRecord(), CallRecord()], tmp_path / name)

    assert (tmp_path / "x.csv").read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == [name, "x.csv"]


def test_a_link_planted_where_an_export_grows_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    (tmp_path / "c.csv.part").symlink_to(tmp_path / "notes")
    export([CallRecord()], tmp_path / "c.csv")

    assert (tmp_path / "notes").read_text() == "mine"
    assert (tmp_path / "c.csv").read_text().startswith(CSV_START)


def test_an_export_that_is_broken_off_leaves_the_earlier_one(tmp_path: Path) -> None:
    def some() -> Iterator[CallRecord]:
        yield CallRecord()
        raise KeyboardInterrupt

    export([CallRecord()], tmp_path / "c.csv")
    before = (tmp_path / "c.csv").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        export(some(), tmp_path / "c.csv")

    assert (tmp_path / "c.csv").read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["c.csv"]


@pytest.mark.parametrize(
    "value",
    ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\t1", "\r1", "\n1", "\u200b=1", "＝1",
     "＋1", "－1", "＠a", "\u00a0=1", "﹣1", "\ufeff=1"],
)  # fmt: skip
def test_no_cell_of_an_export_is_a_formula(tmp_path: Path, value: str) -> None:
    table, tree = tmp_path / "c.csv", tmp_path / "c.json"
    for path in (table, tree):
        export([CallRecord(notebook=value, cost_usd=0.5)], path)
    with table.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)

    assert (row["notebook"], row["cost_usd"]) == (f"'{value}", "0.5")
    assert json.loads(tree.read_text("utf-8"))[0]["notebook"] == value


@pytest.mark.parametrize("value", ["a=b", "", "'=1", "x-1", "12 - 3", "日本"])
def test_ordinary_cells_of_an_export_are_as_they_are(
    tmp_path: Path, value: str
) -> None:
    export([CallRecord(notebook=value)], tmp_path / "c.csv")
    with (tmp_path / "c.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)

    assert row["notebook"] == value


# ---- where


def test_the_setting_names_the_place(tmp_path: Path) -> None:
    environ = {"NEMOTRON_MAGIC_HOME": str(tmp_path)}

    assert open_ledger("off", environ).path is None
    assert open_ledger("on", environ).path == tmp_path / "ledger.sqlite"
    assert open_ledger("/a/b", environ, "s").path == Path("/a/b")
    assert open_ledger("~/b", environ).path == Path.home() / "b"
    assert open_ledger("b", environ).path == Path.cwd() / "b"
    assert Ledger("/a/b").path == Path("/a/b")
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_nobody_has_is_named() -> None:
    with pytest.raises(InputError, match="no home folder for ~nobody-at-all/l"):
        open_ledger("~nobody-at-all/l", {})


# ---- days are those of the place


ZONES = [
    ("Pacific/Kiritimati", "2026-08-22", 14),
    ("America/Los_Angeles", "2026-08-21", -7),
    ("Asia/Kolkata", "2026-08-21", 5.5),
]


@pytest.fixture
def zone(request: pytest.FixtureRequest) -> Iterator[tuple[str, float]]:
    """Live in a zone; give the day there at noon of UTC, and how far it is ahead."""
    before = os.environ.get("TZ")
    os.environ["TZ"], day, hours = request.param
    tzset()
    yield day, hours * 3600
    del os.environ["TZ"]
    if before is not None:
        os.environ["TZ"] = before
    tzset()


needs_zones = pytest.mark.skipif(
    not Path("/usr/share/zoneinfo/Asia/Kolkata").exists(), reason="no zones here"
)


@needs_zones
@pytest.mark.parametrize("zone", ZONES, indirect=True)
def test_a_day_begins_at_midnight_where_it_is_asked(
    zone: tuple[str, float], ledger: Ledger, clock: Clock
) -> None:
    day, ahead_s = zone
    midnight_s = (clock.now_s + ahead_s) // DAY_S * DAY_S - ahead_s
    for now_s in (midnight_s - 1, midnight_s, midnight_s + DAY_S - 1):
        clock.now_s = now_s
        note(ledger)

    assert ledger.of_today().calls == 2
    assert list(ledger.by_day())[-1] == ledger.last()[0].day == day
    assert [sums.calls for sums in ledger.by_day().values()] == [1, 2]


@needs_zones
@pytest.mark.parametrize("zone", ZONES, indirect=True)
def test_a_month_begins_where_it_is_asked(
    zone: tuple[str, float], ledger: Ledger, clock: Clock
) -> None:
    begins_s = 1_785_542_400.0 - zone[1]  # 2026-08-01
    for now_s in (begins_s - 1, begins_s, begins_s + 1):
        clock.now_s = now_s
        note(ledger)

    assert ledger.of_month().calls == 2


@needs_zones
@pytest.mark.parametrize("zone", ZONES, indirect=True)
def test_a_call_stays_in_the_day_in_which_it_was_asked(
    zone: tuple[str, float], tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "l.sqlite"
    here = Ledger(path, now_s=clock, mounts=str)
    begun = here.begin(CallRecord(model="m"))
    os.environ["TZ"] = "UTC"  # as somebody who travels
    tzset()
    here.finish(begun, ended(begun))
    there = Ledger(path, now_s=clock, mounts=str)

    assert {day: s.calls for day, s in there.by_day().items()} == {begun.day: 1}
    assert there.strike(1) is not None
    assert there.by_day() == {}
    assert there.strike(1, False) is not None
    assert {day: s.calls for day, s in there.by_day().items()} == {begun.day: 1}


@pytest.mark.parametrize("value", ["'odd'", "x'00ff'", "9e999", "1e300", "NULL"])
def test_a_row_is_read_and_exported_whatever_stands_in_it(
    ledger: Ledger, tmp_path: Path, value: str
) -> None:
    note(ledger)
    known = {one.name: str(one.type) for one in fields(CallRecord)}
    del known["number"]
    spoil(
        tmp_path / "l.sqlite",
        f"UPDATE calls SET {', '.join(f'{name} = {value}' for name in known)}",
    )

    (call,) = ledger.last()
    kinds = {name: type(getattr(call, name)).__name__ for name in known}
    assert {n: kind for n, kind in kinds.items() if kind not in known[n]} == {
        name: "NoneType"
        for name, kind in known.items()
        if "None" in kind and getattr(call, name) is None
    }
    assert call.started_at.year == 1970
    assert export(ledger.all(), tmp_path / "calls.json") == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("cost_usd", "9e999"), ("prompt_tokens", "9e999"), ("calls", "1e300")],
)
def test_an_odd_figure_in_a_sum_can_be_read(
    ledger: Ledger, tmp_path: Path, column: str, value: str
) -> None:
    note(ledger)
    spoil(tmp_path / "l.sqlite", f"UPDATE sums SET {column} = {value}")

    sums = ledger.of_session()
    assert sums.completion_tokens == 2
    assert getattr(sums, column) in (0, int(1e300))


def test_a_ledger_of_an_earlier_version_goes_on(ledger: Ledger, tmp_path: Path) -> None:
    note(ledger)
    ledger.close()
    spoil(tmp_path / "l.sqlite", "ALTER TABLE calls DROP COLUMN is_struck")
    note(ledger, cost_usd=0.25)
    ledger.strike(1)

    assert [call.is_struck for call in ledger.all()] == [True, False]
    assert (ledger.of_all().cost_usd, ledger.error) == (0.25, "")
