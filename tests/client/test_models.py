"""The models that a service lists, in any shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.client.models import (
    Model,
    fallback_model,
    read_models,
    sorted_for_people,
)

ROW = {
    "id": "nvidia/nemotron-3-super-120b-a12b",
    "aliases": ["nemotron-3-super-120b-a12b", 7],
    "type": "openai/chat-completions",
    "info": {"name": "Super", "contextLength": 1_000_000},
    "pricing": {
        "kind": "fixed",
        "units": [
            {"name": "token", "origin": "provided", "price": 0.1, "per": 1_000_000},
            {"name": "token", "origin": "generated", "price": 0.5, "per": 1_000_000},
            {"name": "request", "measure": "input", "price": 9},
        ],
    },
}


def test_a_row_of_the_service_is_read_whole() -> None:
    assert read_models({"data": [ROW]}) == (
        Model(
            "nvidia/nemotron-3-super-120b-a12b",
            ("nemotron-3-super-120b-a12b",),
            1_000_000,
            0.1,
            0.5,
        ),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"max_model_len": 8192},
        {"context_length": "8192"},
        {"context_window": 8192.0},
        {"max_context_length": 8192},
        {"max_context_length": 131_072, "loaded_context_length": 8192},
        {"meta": {"n_ctx": 8192, "n_ctx_train": 131_072}},
        {"metadata": {"context_length": 8192}},
        {"info": {"contextLength": 8192}},
        {"limit": {"context": 8192}},
        {"contextWindow": 8192},
    ],
)
def test_the_length_goes_by_many_names(fields: dict[str, Any]) -> None:
    assert read_models([{"id": "a", **fields}]) == (Model("a", (), 8192),)


@pytest.mark.parametrize(
    "kind",
    ["chat", "base", "language", "llm", "vlm", "model", "", None, 7, "fine-tuned"],
)
def test_what_servers_call_a_chat_model_is_one(kind: Any) -> None:
    assert read_models({"data": [{"id": "a", "type": kind}]}) == (Model("a"),)


@pytest.mark.parametrize(
    "row",
    [
        *({"type": kind} for kind in ("embedding", "embeddings", "image", "rerank")),
        *({"type": kind} for kind in ("moderation", "transcribe", "tts", "video")),
        {"type": "openai/responses"},
        {"type": "base", "capabilities": {"completion_chat": False}},
    ],
)
def test_what_does_not_chat_is_left_out(row: dict[str, Any]) -> None:
    assert read_models({"data": [{"id": "a", **row}]}) == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"pricing": {"prompt": "0.0000002", "completion": "0.0000006"}},
        {"pricing": {"input": "0.0000002", "output": "0.0000006"}},
        {"pricing": {"input": 0.2, "output": 0.6, "hourly": 0}},
        {"pricing": {"input": "0.2", "output": "0.6"}},
        {"metadata": {"pricing": {"input_tokens": 0.2, "output_tokens": 0.6}}},
        {"model_info": {"input_cost_per_token": 2e-7, "output_cost_per_token": 6e-7}},
        {"cost": {"input": "$0.20", "output": "$0.60"}},
        {"input_price": "0.2", "output_price": 0.6},
        {"pricing": {}, "metadata": {"pricing": {"input": 0.2, "output": 0.6}}},
    ],
)
def test_prices_are_those_of_a_million_tokens_however_listed(
    fields: dict[str, Any],
) -> None:
    (model,) = read_models({"data": [{"id": "a", **fields}]})

    assert model.prices_usd == (0.2, 0.6)


def test_what_costs_nothing_costs_nothing_and_what_is_no_price_is_not_known() -> None:
    free, odd = read_models(
        [
            {"id": "a", "pricing": {"prompt": "0", "completion": "0"}},
            {"id": "b", "pricing": {"prompt": "-1", "completion": "much"}},
        ]
    )

    assert (free.prices_usd, odd.prices_usd) == ((0.0, 0.0), None)


def test_a_list_may_be_bare_or_under_another_name() -> None:
    rows = [{"name": "a"}, {"id": "b"}]

    both = (Model("a"), Model("b"))
    assert read_models({"models": rows}) == read_models(rows) == both
    assert read_models({"result": rows}) == read_models({"data": ["a", "b"]}) == both


def test_only_chat_models_are_taken_and_each_once() -> None:
    rows = [{**ROW, "type": "openai/responses"}, ROW, ROW, {"id": "plain"}]

    assert [model.name for model in read_models(rows)] == [ROW["id"], "plain"]


@pytest.mark.parametrize(
    "answer", [None, 7, "x", [], {}, {"data": None}, {"data": {}}, [7, {}, {"id": 7}]]
)
def test_what_lists_nothing_is_empty(answer: Any) -> None:
    assert read_models(answer) == ()


FIELDS = (
    *("id", "aliases", "type", "info", "pricing", "units", "name", "measure", "origin"),
    *("price", "per", "contextLength", "prompt", "completion", "data", "content"),
)
JSON = st.recursive(
    st.none() | st.integers() | st.floats() | st.sampled_from(["a", "token", "input"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(JSON, JSON, JSON)
def test_no_row_breaks_the_list(info: Any, pricing: Any, aliases: Any) -> None:
    row = {"id": "a", "info": info, "pricing": pricing, "aliases": aliases}

    assert read_models([row, pricing])[0].name == "a"
    assert isinstance(read_models(info), tuple)


def test_a_model_goes_by_its_names_in_any_case() -> None:
    model = Model("nvidia/Nemotron", ("NEMO",))

    assert model.goes_by("NVIDIA/nemotron")
    assert model.goes_by("nemo")
    assert not model.goes_by("nem")


def test_people_see_nemotrons_first() -> None:
    models = [
        Model(name) for name in ("b/Z", "a/y", "nvidia/Nemotron-2", "c/nemotron-1")
    ]

    assert [model.name for model in sorted_for_people(models)] == [
        "c/nemotron-1",
        "nvidia/Nemotron-2",
        "a/y",
        "b/Z",
    ]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["nvidia/nemotron-3-nano-30b-a3b", "nvidia/nemotron-3-ultra-550b-a55b"],
         "nvidia/nemotron-3-ultra-550b-a55b"),
        (["x/y", "z/nemotron-b", "z/Nemotron-a"], "z/Nemotron-a"),
        (["x/y"], None),
        ([], None),
    ],
)  # fmt: skip
def test_the_best_live_nemotron_is_taken(names: list[str], found: str | None) -> None:
    replacement = fallback_model([Model(name) for name in names])

    assert (replacement and replacement.name) == found
