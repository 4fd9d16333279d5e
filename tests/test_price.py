"""What a call may cost, and has cost, by a catalogue."""

from __future__ import annotations

import pytest

from nemotron_magic.catalogue import Model
from nemotron_magic.price import estimate, estimated_usd, priced
from nemotron_magic.settings import Settings
from nemotron_magic.usage import Usage

MODEL = Model("m/One", ("one",), 1000, input_usd=2.0, output_usd=10.0)
TOLD = ({"role": "user", "content": "What does this frame show?"},)  # about 6 tokens


@pytest.mark.parametrize("name", ["m/one", "ONE"])
def test_a_model_is_found_by_any_of_its_names(name: str) -> None:
    assert priced([Model("other"), MODEL], name) is MODEL


@pytest.mark.parametrize(
    "models", [[], [Model("m")], [Model("m", input_usd=1)], [Model("m", output_usd=1)]]
)
def test_a_model_without_both_prices_has_none(models: list[Model]) -> None:
    assert priced(models, "m") is None
    assert all(estimate(one, TOLD, Settings()) is None for one in models)


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
    found = estimate(MODEL, TOLD * 2, Settings(values))

    assert found is not None
    assert (found.prompt_tokens, found.reply_tokens) == (12, reply_tokens)
    assert found.prompt_usd == pytest.approx(12 * 2e-6)
    assert found.most_usd == pytest.approx(12 * 2e-6 + reply_tokens * 10e-6)


def test_without_any_longest_reply_nothing_is_known() -> None:
    endless = Model("m", input_usd=1, output_usd=1)

    assert estimate(endless, TOLD, Settings({"max_tokens": None})) is None


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
    assert estimated_usd(MODEL, usage) == usd
    assert estimated_usd(None, usage) is None
