"""Values go to a page and come back the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.errors import InputError
from nemotron_magic.panels.values import read, shown
from nemotron_magic.parameters import BY_NAME

VALUES: list[tuple[str, Any]] = [
    ("temperature", 0),
    ("temperature", None),
    ("max_tokens", 300),
    ("max_tokens", None),
    ("redact", False),
    ("logprobs", True),
    ("logprobs", None),
    ("system", ""),
    ("system", " two\nlines "),
    ("model", "a/b"),
    ("stop", ["END", "\n\n", '"', " "]),
    ("stop", None),
    ("tools", [{"type": "function", "function": {"name": "look_up_the_weather"}}]),
    ("response_format", {"type": "json_object"}),
    ("tool_choice", "auto"),
]


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_what_is_shown_is_read_as_what_it_was(name: str, value: Any) -> None:
    row = BY_NAME[name]
    sent = json.loads(json.dumps(shown(row, value)))

    assert read(row, sent) == value


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_any_stop_texts_survive(texts: list[str]) -> None:
    row = BY_NAME["stop"]

    assert read(row, shown(row, texts)) == texts


@pytest.mark.parametrize("name", ["temperature", "stop", "tools", "seed"])
def test_an_emptied_field_is_not_set(name: str) -> None:
    empty = "" if BY_NAME[name].kind in ("texts", "json") else None

    assert read(BY_NAME[name], empty) is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("temperature", 9, "temperature must lie in [0, 2], got 9"),
        ("temperature", "no number", "temperature must be a number in [0, 2]"),
        ("connect_timeout_s", None, "connect_timeout_s must be a number"),
        ("model", "  ", "model must not be empty"),
        ("tools", "[{", "tools must be a JSON value, got [{"),
        ("tools", "{}", "tools must be a list"),
        ("stop", "a\nb\nc\nd\ne", "stop must hold at most 4 texts"),
        ("data", "rows", "data must be schema, sample or full"),
    ],
)
def test_what_cannot_be_set_is_refused_in_words(
    name: str, value: Any, said: str
) -> None:
    with pytest.raises(InputError) as refused:
        read(BY_NAME[name], value)

    assert refused.value.what.startswith(said)
