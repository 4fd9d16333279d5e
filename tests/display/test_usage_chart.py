"""The chart of what each day cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nemotron_magic.display.reports import by_day, chart
from nemotron_magic.storage.records import CallRecord, Totals

CALL = CallRecord(model="m", ending="complete", attempts=1, cost_usd=0.5)
KNOWN = Totals.of(CALL)
UNKNOWN = Totals.of(replace(CALL, cost_usd=None))


def test_days_without_calls_are_there_and_the_oldest_are_left_out() -> None:
    days = by_day({"2026-01-01": KNOWN, "2026-03-01": KNOWN}, most=30)

    assert len(days) == 30
    assert min(days) == "2026-01-31"
    assert [one.cost_usd for one in days.values()] == [0.0] * 29 + [0.5]
    assert by_day({}) == {}


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ([KNOWN, KNOWN], "$1.00"),
        ([UNKNOWN, KNOWN], "at least $0.50"),
        ([UNKNOWN, UNKNOWN], "unknown"),
    ],
    ids=["known", "in part", "unknown"],
)
def test_days_of_unknown_cost_are_not_summed_up_as_nothing(
    days: list[Totals], told: str
) -> None:
    html = chart({f"2026-08-2{n}": one for n, one in enumerate(days)})

    assert f"<figcaption>Cost by day: {told}</figcaption>" in html
    assert f'aria-label="Cost by day, 2 days: {told}"' in html
    assert html.count("<rect") == 2
    assert html.count('class="nm-unsure"') == days.count(UNKNOWN)


def test_each_bar_says_its_day_and_one_day_is_named_once() -> None:
    html = chart({"2026-08-21": KNOWN})

    assert "<title>2026-08-21: $0.50, 1 call</title>" in html
    assert html.count("<span>2026-08-21</span>") == 1
    assert chart({}) == chart({"2026-08-21": Totals()}) == ""
