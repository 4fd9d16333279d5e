"""What a call may cost, and has cost, by a catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from nemotron_magic.client.models import Model
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.budget import (
    dearest,
    estimate_cost,
    estimate_cost_usd,
    unpriced_field,
)

MODEL = Model("m/One", ("one",), 1000, input_usd=2.0, output_usd=10.0)
TOLD = {"role": "user", "content": "What does this frame show?"}  # about 7 tokens


def body(*more: dict[str, str], **values: Any) -> dict[str, Any]:
    settings = Settings({"model": "m/One"}).parameters()
    return {**settings, **values, "messages": [TOLD, *more]}


@pytest.mark.parametrize("name", ["m/one", "ONE"])
def test_a_model_is_found_by_any_of_its_names(name: str) -> None:
    assert dearest([Model("other"), MODEL], {"model": name}) == MODEL


@pytest.mark.parametrize(
    "models", [[], [Model("m")], [Model("m", input_usd=1)], [Model("m", output_usd=1)]]
)
def test_a_model_without_both_prices_has_none(models: list[Model]) -> None:
    assert dearest(models, {"model": "m"}) is None
    assert all(estimate_cost([one], body(model="m")) is None for one in models)


@pytest.mark.parametrize(
    ("values", "reply_tokens"),
    [
        ({}, 4096),
        ({"max_tokens": 10}, 10),
        ({"max_tokens": 10, "n": 3}, 30),
        ({"max_tokens": None}, 1000),
    ],
)
def test_the_estimate_is_the_most_it_can_cost(
    values: dict[str, int | None], reply_tokens: int
) -> None:
    found = estimate_cost([MODEL], body(TOLD, **values))

    assert found is not None
    assert (found.prompt_tokens, found.reply_tokens) == (14, reply_tokens)
    assert found.prompt_usd == pytest.approx(14 * 2e-6)
    assert found.most_usd == pytest.approx(14 * 2e-6 + reply_tokens * 10e-6)


def test_without_any_longest_reply_nothing_is_known() -> None:
    endless = Model("m", input_usd=1, output_usd=1)

    assert estimate_cost([endless], body(model="m", max_tokens=None)) is None


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(1_000_000, 100_000), 3.0),
        (Usage(0, 0), 0.0),
        (Usage(5), None),
        (Usage(None, 5), None),
        (Usage(500_000_000, 0), 1e3),
        (Usage(10**15, 0), None),
    ],
)
def test_tokens_that_are_known_have_a_price(usage: Usage, usd: float | None) -> None:
    assert estimate_cost_usd(MODEL, usage) == usd
    assert estimate_cost_usd(None, usage) is None


BIG = "word " * 20_000
SCHEMA = {"type": "object", "properties": {"x": {"type": "string", "description": BIG}}}


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function", "function": {"name": "f", "x": [{"y": BIG}]}}]},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
        {"prediction": {"type": "content", "content": BIG}},
        {"stop": [BIG]},
        {"metadata": {BIG: "x"}},
        {"user": BIG},
        {"guided_json": SCHEMA},
    ],
)
def test_every_field_that_is_sent_counts(fields: dict[str, Any]) -> None:
    found, plain = (
        estimate_cost([MODEL], body(**fields)),
        estimate_cost([MODEL], body()),
    )

    assert found is not None
    assert plain is not None
    assert found.prompt_tokens - plain.prompt_tokens > 20_000
    assert found.most_usd > plain.most_usd + 20_000 * 2e-6


@pytest.mark.parametrize(
    ("fields", "reply_tokens"),
    [
        ({"max_completion_tokens": 50_000}, 50_000),
        ({"max_completion_tokens": 10}, 4096),
        ({"max_tokens": 10, "max_completion_tokens": 20}, 20),
        ({"max_output_tokens": 9000, "best_of": 3}, 27_000),
        ({"best_of": 5, "n": 2}, 5 * 4096),
        ({"n": 5, "best_of": 2}, 5 * 4096),
        ({"reasoning": {"max_tokens": 8000, "effort": "high"}}, 12_096),
        ({"thinking": {"type": "enabled", "budget_tokens": 1000}}, 5096),
        ({"thinking_budget": 100}, 4196),
        ({"chat_template_kwargs": {"reasoning_budget": 300, "x": 5}}, 4396),
        ({"max_new_tokens": -1}, 1000),
        ({"logprobs": True, "top_k": 40, "seed": 9_999_999}, 4096),
        ({"max_tokens": 10, "echo": True}, 17),
    ],
)
def test_the_longest_of_all_lengths_counts(
    fields: dict[str, Any], reply_tokens: int
) -> None:
    found = estimate_cost([MODEL], body(**fields))

    assert found is not None
    assert found.reply_tokens == reply_tokens


def test_what_was_predicted_may_be_billed_twice() -> None:
    found = estimate_cost([MODEL], body(prediction={"type": "content", "content": BIG}))

    assert found is not None
    assert found.reply_tokens > 4096 + 20_000


def test_the_dearest_of_several_models_counts() -> None:
    dear_in = Model("in", input_usd=50.0, output_usd=1.0)
    dear_out = Model("out", context_tokens=9, input_usd=1.0, output_usd=90.0)
    listed = [MODEL, dear_in, dear_out]
    found = estimate_cost(listed, body(models=["in", "out"]))

    assert found is not None
    assert found.prompt_usd == pytest.approx(found.prompt_tokens * 50e-6)
    assert found.reply_usd == pytest.approx(4096 * 90e-6)


@pytest.mark.parametrize(
    "fields",
    [
        {"models": ["unheard-of"]},
        {"models": "unheard-of"},
        {"models": [{"id": "m/One"}]},
        {"fallbacks": ["m/One", "unheard-of"]},
        {"plugins": [{"id": "web"}]},
        {"web_search_options": {}, "service_tier": "priority"},
        {"tools": [{"type": "web_search"}]},
        {"provider": {"order": ["dear"]}},
        {"draft_model": "dear"},
        {"max_completion_tokens": "100000"},
        {"best_of": "50"},
    ],
)
def test_a_field_that_hides_the_price_leaves_it_unknown(fields: dict[str, Any]) -> None:
    assert estimate_cost([MODEL], body(**fields)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"service_tier": "default", "modalities": ["text"], "user": "me"},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tools": [], "models": []},
    ],
)
def test_a_field_that_adds_nothing_hides_nothing(fields: dict[str, Any]) -> None:
    assert unpriced_field(body(**fields)) == ""
    assert estimate_cost([MODEL], body(**fields)) is not None
