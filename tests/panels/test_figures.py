"""What a panel tells of calls: all of it, and what is not known is called so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nemotron_magic.ledger import Call, Ledger, Totals
from nemotron_magic.panels.figures import by_day, columns, figures

CALL = Call(
    model="m",
    ending="complete",
    attempts=2,
    prompt_tokens=1200,
    completion_tokens=300,
    reasoning_tokens=100,
    cached_tokens=50,
    cost_usd=0.002,
    elapsed_s=6.0,
    first_text_s=1.5,
)
DARK = Call(model="m", ending="failed", error="ServiceError", attempts=1)
DAY_S = 86_400


def test_every_figure_of_a_call_is_told() -> None:
    told = dict(zip(figures(Ledger())["labels"], columns(Totals.of(CALL)), strict=True))

    assert told == {
        "Calls": "1",
        "Tokens in": "1,200",
        "Tokens out": "300",
        "of which reasoning": "100",
        "of those in, cached": "50",
        "Cost": "$0.0020",
        "First text": "1.5 s",
        "Tokens a second": "50",
        "Failed": "0",
        "Stopped by you": "0",
        "Sent again": "1",
        "Answered from disk": "0",
    }


def test_what_is_not_known_is_called_so_and_never_0() -> None:
    told = columns(Totals.of(DARK))

    assert told[1:8] == ["unknown"] * 7
    assert told[8] == "1"


@pytest.mark.parametrize(
    ("calls", "cost"),
    [
        ([CALL, DARK], "at least $0.0020"),
        ([replace(CALL, cost_is_estimated=True)], "~$0.0020"),
        ([], "$0"),
    ],
    ids=["one unknown", "estimated", "none"],
)
def test_a_sum_says_how_sure_it_is(calls: list[Call], cost: str) -> None:
    totals = sum(map(Totals.of, calls), Totals())

    assert columns(totals)[5] == cost


def test_the_last_call_is_one_of_this_session() -> None:
    mine = Ledger(session="mine")
    mine.finish(mine.begin(CALL), replace(CALL, session="mine"))
    empty = figures(Ledger())["columns"][0]

    assert figures(mine)["columns"][0][0] == "1"
    assert set(empty) == {""}


def test_spans_and_days_come_from_the_ledger() -> None:
    now_s = [20_000.0 * DAY_S]
    ledger = Ledger(now_s=lambda: now_s[0])
    for days in (0, 0, 3):
        now_s[0] += days * DAY_S
        begun = ledger.begin(CALL)
        ledger.finish(begun, replace(begun, cost_usd=0.002))
    told = figures(ledger)

    assert told["spans"] == ["Last call", "This session", "Today", "This month"]
    assert [column[0] for column in told["columns"]][:3] == ["1", "3", "1"]
    assert [day["cost_usd"] for day in told["days"]] == [0.004, 0, 0, 0.002]
    assert told["days"][0]["about"] == "2024-10-04: $0.0040, 2 calls"
    assert told["place"].startswith("Days are UTC. Kept in memory")


def test_days_without_calls_are_there_and_the_oldest_are_left_out() -> None:
    totals = Totals.of(CALL)
    days = by_day({"2026-01-01": totals, "2026-03-01": totals}, most=30)

    assert len(days) == 30
    assert days[0]["day"] == "2026-01-31"
    assert [day["cost_usd"] for day in days] == [0.0] * 29 + [0.002]
    assert by_day({}) == []
