"""What each day cost, as the panel shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nemotron_magic.display.reports import by_day
from nemotron_magic.storage.records import CallRecord, Totals

CALL = CallRecord(model="m", ending="complete", attempts=1, cost_usd=0.5)
KNOWN = Totals.of(CALL)
UNKNOWN = Totals.of(replace(CALL, cost_usd=None))


def test_the_last_days_with_calls_are_told_and_the_oldest_left_out() -> None:
    days = {f"2026-03-{day:02}": KNOWN for day in range(1, 30)}
    lines = by_day(days | {"2026-03-30": Totals()}).splitlines()

    assert lines[0] == "| Cost by day | $7.00 | |"
    assert len(lines) == 16
    assert lines[2].startswith("| 2026-03-16 | $0.50 |")
    assert lines[-1].startswith("| 2026-03-29 | $0.50 |")
    assert by_day({}) == by_day({"2026-08-21": Totals()}) == ""


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ([KNOWN, KNOWN], "$1.00"),
        ([UNKNOWN, KNOWN], "at least $0.50"),
        ([UNKNOWN, UNKNOWN], "unknown"),
    ],
)
def test_the_sum_says_how_sure_it_is(days: list[Totals], told: str) -> None:
    shown = by_day({f"2026-08-2{at}": one for at, one in enumerate(days)})

    assert shown.startswith(f"| Cost by day | {told} | |")


def test_a_bar_is_as_long_as_its_share_of_the_dearest_day() -> None:
    half = Totals.of(replace(CALL, cost_usd=0.25))
    lines = by_day({"2026-08-20": KNOWN, "2026-08-21": half}).splitlines()

    assert [line.count("█") for line in lines[2:]] == [20, 10]
