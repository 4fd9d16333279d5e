"""Tokens and money: known, or called unknown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.usage import CREDITS_PER_USD, Usage, read_balance

FIGURES = st.none() | st.integers(0, 10**6)
USAGES = st.builds(Usage, FIGURES, FIGURES, FIGURES, FIGURES, FIGURES)


def test_all_details_are_read() -> None:
    usage = Usage.from_wire(
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
    assert Usage.from_wire({}, meta).cost_usd == cost_usd


@pytest.mark.parametrize("absurd", [9.9e14, 1_000.01, 1e15])
def test_what_no_call_can_cost_is_unknown(absurd: float) -> None:
    spent = {"credits_used": 2_000_000, "usd_spent": absurd}

    assert Usage.from_wire({"cost": absurd}).cost_usd is None
    assert Usage.from_wire({}, {"usage": {"usd_spent": absurd}}).cost_usd is None
    assert Usage.from_wire({}, {"usage": spent}).cost_usd == 1.0
    assert Usage.from_dict({"cost_usd": absurd}) == Usage()
    assert Usage.from_dict({"cost_usd": 1_000.0}).cost_usd == 1_000.0


def test_openrouters_cost_is_read_too() -> None:
    assert Usage.from_wire({"cost": 0.25}).cost_usd == 0.25


@pytest.mark.parametrize(
    "figure",
    ["7", True, -1, float("nan"), float("inf"), None, [], {}, 10**400, 1e300],
)
def test_what_is_no_figure_is_unknown(figure: object) -> None:
    usage = {"prompt_tokens": figure, "cost": figure, "prompt_tokens_details": figure}
    meta = {"usage": {"credits_used": figure, "usd_spent": figure}}

    assert Usage.from_wire(usage, meta) == Usage()


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
        assert updated[name] == (getattr(one, name) if figure is None else figure)


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
    assert json.dumps(Usage.from_wire(usage, meta).as_dict(), allow_nan=False)
    assert read_balance(usage) is None or isinstance(read_balance(usage), float)
