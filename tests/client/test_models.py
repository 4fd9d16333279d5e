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


@pytest.mark.parametrize("name", ["max_model_len", "context_length", "context_window"])
def test_the_length_goes_by_many_names(name: str) -> None:
    assert read_models([{"id": "a", name: 8192}]) == (Model("a", (), 8192),)


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
