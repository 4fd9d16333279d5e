"""What is read out of JSON that anyone may have written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from nemotron_magic.core.loose_json import (
    as_dict,
    as_list,
    as_number,
    as_objects,
    as_text,
)

ANYTHING = [None, True, 3, 2.5, "text", "", [1, {"a": 2}], [], {"b": []}, {}]


@pytest.mark.parametrize(
    ("read", "kind", "nothing"),
    [(as_dict, dict, {}), (as_list, list, []), (as_text, str, "")],
)
@pytest.mark.parametrize("value", ANYTHING, ids=json.dumps)
def test_only_what_was_hoped_for_is_given(
    read: Callable[[Any], Any], kind: type, nothing: Any, value: Any
) -> None:
    assert read(value) == (value if isinstance(value, kind) else nothing)


@pytest.mark.parametrize("value", ANYTHING, ids=json.dumps)
def test_objects_are_those_of_a_list(value: Any) -> None:
    assert as_objects(value) == ([{"a": 2}] if value == [1, {"a": 2}] else [])


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0", 0),
        ("-2.5", -2.5),
        ("999999999999999", 999_999_999_999_999),
        ("1e15", None),
        ("-1e15", None),
        ("9" * 400, None),
        ("NaN", None),
        ("Infinity", None),
        ("true", None),
        ('"3"', None),
        ("null", None),
    ],
)
def test_a_number_is_one_to_reckon_with(written: str, number: float | None) -> None:
    assert as_number(json.loads(written)) == number
