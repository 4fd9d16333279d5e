"""JSON that was cut gives what had arrived of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemotron_magic.core.loose_json import read_cut_json

TEXT = 'a "quoted" \\ text, {with} [signs] é 😊'
WHOLE = {"id": "x", "choices": [{"index": 0, "message": {"content": TEXT}}], "n": -1.5}


def content_of(value: Any) -> str:
    choices = value.get("choices") or [{}]
    return str(choices[0].get("message", {}).get("content", ""))


@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_beginning_gives_the_text_so_far(ascii_only: bool) -> None:
    written = json.dumps(WHOLE, ensure_ascii=ascii_only)
    found = [read_cut_json(written[:end]) or {} for end in range(1, len(written) + 1)]
    texts = [content_of(one).rstrip("\ud83d") for one in found]

    assert all(TEXT.startswith(text) for text in texts)
    assert [len(text) for text in texts] == sorted(len(text) for text in texts)
    assert found[-1] == WHOLE


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, tr', {"a": [1]}),
        ('[{"a": 1, "b": [[2, -', [{"a": 1, "b": [[2]]}]),
    ],
)
def test_what_is_cut_within_a_word_ends_at_the_last_comma(
    text: str, value: Any
) -> None:
    assert read_cut_json(text) == value


@pytest.mark.parametrize(
    "text", ["", "]", "nope", "1x", '"', "{]", "[" * 100_000, '{"a":01,']
)
def test_what_is_no_json_is_nothing_or_a_value(text: str) -> None:
    assert read_cut_json(text) in (None, "", {})


@given(st.text(alphabet='{}[]",:\\u0a1 -', max_size=40))
@settings(max_examples=300)
def test_no_text_raises(text: str) -> None:
    json.dumps(read_cut_json(text))
