"""Tokens and money: known, or called unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import DONE, STOP, event, hear, say

from nemotron_magic.client.models import read_balance, read_usage
from nemotron_magic.core.usage import CREDITS_PER_USD, Usage

FIGURES = st.none() | st.integers(0, 10**6)
USAGES = st.builds(Usage, FIGURES, FIGURES, FIGURES, FIGURES, FIGURES)


def reported(usage: Any, meta: Any) -> Usage:
    """Give what is known of a call whose last chunk has this usage and meta."""
    return hear(say("a"), STOP, event({"usage": usage, "meta": meta}), DONE).reply.usage


def test_all_details_are_read() -> None:
    usage = reported(
        {
            "prompt_tokens": 256,
            "completion_tokens": 343,
            "total_tokens": 599,
            "completion_tokens_details": {"reasoning_tokens": 12, "audio_tokens": 0},
            "prompt_tokens_details": {"cached_tokens": 192},
        },
        {"usage": {"credits_used": 1892, "usd_spent": 0.000946}},
    )

    assert usage == Usage(256, 343, 12, 192, 0.000946)


@pytest.mark.parametrize(
    ("meta", "cost_usd"),
    [
        ({"usage": {"credits_used": 2480, "usd_spent": 0.5}}, 0.5),
        ({"usage": {"credits_used": 2480}}, 2480 / CREDITS_PER_USD),
        ({"usage": {"credits_used": 0, "usd_spent": 0}}, 0),
        ({"usage": {}}, None),
        ({"usage": None}, None),
        ({}, None),
        (None, None),
        ([1], None),
    ],
)
def test_the_cost_is_what_the_service_says(
    meta: object, cost_usd: float | None
) -> None:
    assert reported({}, meta).cost_usd == cost_usd


@pytest.mark.parametrize("absurd", [9.9e14, 1_000.01, 1e15])
def test_what_no_call_can_cost_is_unknown(absurd: float) -> None:
    spent = {"credits_used": 2_000_000, "usd_spent": absurd}

    assert read_usage({"cost": absurd}).cost_usd is None
    assert reported({}, {"usage": {"usd_spent": absurd}}).cost_usd is None
    assert reported({}, {"usage": spent}).cost_usd == 1.0
    assert Usage.from_dict({"cost_usd": absurd}) == Usage()
    assert Usage.from_dict({"cost_usd": 1_000.0}).cost_usd == 1_000.0


def test_openrouters_cost_is_read_too() -> None:
    assert read_usage({"cost": 0.25}).cost_usd == 0.25


@pytest.mark.parametrize(
    "figure",
    ["seven", "", True, -1, float("nan"), float("inf"), None, [], {}, 10**400, 1e300],
)
def test_what_is_no_figure_is_unknown(figure: object) -> None:
    usage = {"prompt_tokens": figure, "cost": figure, "prompt_tokens_details": figure}
    meta = {"usage": {"credits_used": figure, "usd_spent": figure}}

    assert reported(usage, meta) == Usage()


@given(USAGES, USAGES)
def test_a_sum_is_known_where_a_part_is(one: Usage, other: Usage) -> None:
    parts = zip(one.as_dict().items(), other.as_dict().values(), strict=True)
    total = (one + other).as_dict()

    for (name, mine), its in parts:
        known = [figure for figure in (mine, its) if figure is not None]
        assert total[name] == (sum(known) if known else None)


@given(USAGES, USAGES)
def test_a_later_report_replaces_what_it_knows(one: Usage, other: Usage) -> None:
    updated = one.updated(other).as_dict()

    for name, figure in other.as_dict().items():
        before = getattr(one, name)
        keeps = figure is None or (figure == 0 and before is not None)
        assert updated[name] == (before if keeps else figure)


REAL = {"prompt_tokens": 39_320, "completion_tokens": 26, "cost": 0.25}
NOTHING = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0}
META = {"usage": {"usd_spent": 0.25, "credits_used": 500_000}}
FREE = {"usage": {"usd_spent": 0, "credits_used": 0}}


@pytest.mark.parametrize(
    "reports",
    [
        [{"usage": REAL}, {"usage": NOTHING}],
        [{"usage": REAL}, {"usage": NOTHING}, {"usage": NOTHING, "meta": FREE}],
        [{"usage": NOTHING}, {"usage": REAL}, {"usage": None}],
        [{"usage": REAL}, {"usage": {"prompt_tokens": 0}}, {"usage": {}}],
        [{"usage": {"prompt_tokens": 1}}, {"usage": REAL}, {"usage": {"cost": 0}}],
        [{"usage": REAL}, {"usage": {"prompt_tokens": -5, "completion_tokens": 1e300}}],
        [{"usage": REAL}, {"usage": {"prompt_tokens": "much", "cost": "free"}}],
        [{"usage": REAL}, {"usage": {"prompt_tokens": float("nan"), "cost": -1}}],
        [{"usage": {**REAL, "cost": 0}, "meta": META}, {"usage": NOTHING}],
        [{"usage": {**REAL, "cost": None}}, {"meta": META}, {"meta": FREE}],
        [{"usage": REAL, "meta": FREE}, {"usage": NOTHING, "meta": FREE}],
        [{"usage": {"input_tokens": 39_320, "output_tokens": 3, "cost": 0.25}},
         {"usage": {"input_tokens": 0, "output_tokens": 26}}],
    ],
)  # fmt: skip
def test_an_empty_report_wipes_out_nothing(reports: list[dict[str, Any]]) -> None:
    chunks = [event({"choices": [], **report}) for report in reports]
    in_the_middle = hear(say("Hel"), *chunks, say("lo"), STOP, DONE)
    at_the_end = hear(say("Hello"), STOP, *chunks, DONE)

    for heard in (in_the_middle, at_the_end):
        assert heard.reply.usage == Usage(39_320, 26, cost_usd=0.25)


def test_of_reports_that_add_up_the_last_counts() -> None:
    reports = [{"prompt_tokens": 5, "completion_tokens": n} for n in (3, 9, 7)]
    heard = hear(*(event({"usage": one}) for one in reports), STOP, DONE)

    assert heard.reply.usage == Usage(5, 7)


def test_a_figure_that_no_call_can_reach_is_unknown() -> None:
    usage = {"prompt_tokens": 9.9e14, "completion_tokens": 10**9}

    assert read_usage(usage) == Usage(None, 10**9)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["usage", "cost", "credits_used"]), inner)
    ),
    max_leaves=8,
)


@given(JSON, JSON)
def test_no_json_breaks_the_count(usage: object, meta: object) -> None:
    assert json.dumps(reported(usage, meta).as_dict(), allow_nan=False)
    assert read_balance(usage) is None or isinstance(read_balance(usage), float)
