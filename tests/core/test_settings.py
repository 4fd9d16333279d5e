"""The table of parameters, held against the schema that the service publishes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import AIMLAPI

from nemotron_magic.client.client import Request
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import BY_NAME, DEFAULT_MODEL, PARAMETERS, Parameter
from nemotron_magic.core.settings import Settings

PUBLISHED = Path(__file__).parents[1] / "data" / "nemotron70b_request.json"


def translated(schema: Any) -> Any:
    """Put OpenAPI 3.0's `nullable` into words that JSON Schema knows."""
    if isinstance(schema, list):
        return [translated(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {k: translated(v) for k, v in schema.items() if k != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") else plain


SCHEMA = json.loads(PUBLISHED.read_text("utf-8"))
FIELDS = SCHEMA["properties"]


@cache
def validator() -> Any:
    """Return the published schema's; importing what makes it takes 1.5 s."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(translated(SCHEMA))


def body(**values: Any) -> dict[str, Any]:
    """Give the request, as it would lie on the wire."""
    messages = ({"role": "system", "content": "s"}, {"role": "user", "content": "q"})
    request = Request(AIMLAPI, messages, Settings(values))
    return json.loads(json.dumps(request.body(), allow_nan=False))


def test_every_field_of_the_schema_has_a_row() -> None:
    ours = {parameter.name for parameter in PARAMETERS if parameter.sent}

    assert ours == set(FIELDS) - {"messages"}


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"messages", "model"}))
def test_every_range_is_that_of_the_schema(name: str) -> None:
    published, parameter = FIELDS[name], BY_NAME[name]

    assert parameter.minimum == published.get("minimum")
    assert parameter.maximum == published.get("maximum")


def test_the_default_model_is_the_one_of_the_schema() -> None:
    assert FIELDS["model"]["enum"] == [DEFAULT_MODEL]


def test_names_and_flags_are_used_once() -> None:
    flags = [flag for parameter in PARAMETERS for flag in parameter.flags]

    assert len(set(flags)) == len(flags)
    assert len(BY_NAME) == len(PARAMETERS)


EXAMPLES: dict[str, Any] = {
    "temperature": 0.2,
    "top_p": 0.01,
    "top_k": 40,
    "min_p": 0.999,
    "max_tokens": 1,
    "seed": 1,
    "stop": ["a", "b"],
    "frequency_penalty": -2,
    "presence_penalty": 2.0,
    "repetition_penalty": 1.1,
    "n": 2,
    "logprobs": True,
    "top_logprobs": 20,
    "logit_bias": {"17": -100},
    "echo": False,
    "prediction": {"type": "content", "content": "x"},
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "response_format": {"type": "json_object"},
    "stream": False,
}


def test_the_least_request_is_valid() -> None:
    sent = body()

    validator().validate(sent)
    assert set(sent) == {"model", "messages", "max_tokens", "stream", "stream_options"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_parameter_gives_a_valid_request(name: str) -> None:
    more = {"logprobs": True} if name == "top_logprobs" else {}
    sent = body(**more, **{name: EXAMPLES[name]})

    validator().validate(sent)
    assert sent[name] == EXAMPLES[name]


def test_all_of_them_together_are_valid_and_none_is_left_out() -> None:
    sent = body(**EXAMPLES)

    validator().validate(sent)
    assert set(sent) == set(FIELDS) - {"stream_options"}


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.floats(0, 2),
            "top_p": st.floats(0.01, 1),
            "min_p": st.floats(0.001, 0.999),
            "max_tokens": st.integers(1, 10**9) | st.none(),
            "seed": st.integers(1, 10**9),
            "n": st.integers(1, 8),
            "stop": st.lists(st.text(min_size=1), max_size=4),
            "logit_bias": st.dictionaries(st.text(max_size=3), st.integers(-100, 100)),
            "stream": st.booleans(),
        },
    )
)
def test_whatever_is_accepted_is_valid(values: dict[str, Any]) -> None:
    sent = body(**values)

    validator().validate(sent)
    assert None not in sent.values()


OUT = [
    (name, value)
    for name, field in FIELDS.items()
    for value in (
        *([field["minimum"] - 0.001] if "minimum" in field else []),
        *([field["maximum"] + 0.001] if "maximum" in field else []),
    )
]


def test_none_stands_for_the_default_where_a_value_is_needed() -> None:
    settings = Settings({"system": None, "model": None, "max_tokens": None})

    assert settings["system"] == BY_NAME["system"].default
    assert settings.model == DEFAULT_MODEL
    assert settings["max_tokens"] is None


@pytest.mark.parametrize(("name", "value"), OUT)
def test_what_is_out_of_range_is_refused_with_the_range(
    name: str, value: float
) -> None:
    with pytest.raises(InputError) as refused:
        Settings({name: value})

    assert BY_NAME[name].limits in str(refused.value)
    assert f"got {value}" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "must"),
    [
        ("temperature", "warm", "be a number from 0 to 2, got warm"),
        ("temperature", True, "be a number from 0 to 2, got True"),
        ("temperature", float("nan"), "be a number"),
        ("seed", 1.5, "be a whole number of at least 1"),
        ("seed", 10**400, "be a whole number"),
        ("max_tokens", 0, "be at least 1, got 0"),
        ("logprobs", 1, "be true or false"),
        ("model", "  ", "not be empty"),
        ("model", 7, "be text"),
        ("stop", ["a"] * 5, "hold at most 4 texts"),
        ("stop", [""], "hold no empty text"),
        ("data", "rows", "be schema, sample or full, got rows"),
        ("cache", "yes", "be off, on or replay, got yes"),
        ("context", "3-", "be auto, none, all, a number or ranges"),
        ("context", "", "be auto, none, all, a number or ranges"),
        ("context", "1 5-2", "name the lower number first, not 5-2"),
        ("context", "9" * 5000, "be auto, none, all, a number or ranges"),
        ("repair", 6, "be from 0 to 5, got 6"),
        ("stop", [1], "be text or a list of texts"),
        ("tools", {}, "be a list"),
        ("tool_choice", "maybe", 'be "none", "auto", "required"'),
        ("logit_bias", {"1": 101}, "map token ids to numbers from -100 to 100"),
        ("response_format", "json", "be a JSON object"),
        ("response_format", {1: {2}}, "be a JSON value"),
        ("prediction", "x", "be a JSON object"),
        ("prediction", {"x": float("nan")}, "be a JSON value"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_must_be(
    name: str, value: Any, must: str
) -> None:
    with pytest.raises(InputError) as refused:
        Settings({name: value})

    assert f"{name} must {must}" in str(refused.value)
    assert len(str(refused.value)) < 200


def test_two_settings_may_contradict_each_other() -> None:
    with pytest.raises(InputError, match="top_logprobs needs logprobs"):
        Settings({"top_logprobs": 3})


def test_there_is_no_setting_of_another_name() -> None:
    with pytest.raises(InputError, match="no setting 'temprature'"):
        Settings({"temprature": 1})


@pytest.mark.parametrize("value", [None, []])
def test_a_value_can_be_unset_again(value: Any) -> None:
    assert set(body(max_tokens=None, stop=value, tools=value)) == {
        "model",
        "messages",
        "stream",
        "stream_options",
    }


def test_a_whole_number_may_be_written_as_another() -> None:
    assert body(max_tokens=800.0)["max_tokens"] == 800
    assert body(stop="END")["stop"] == ["END"]


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("temperature", "0.2", 0.2),
        ("temperature", ".5", 0.5),
        ("temperature", "1e-1", 0.1),
        ("max_tokens", "800", 800),
        ("max_tokens", "8e2", 800),
        ("logprobs", "true", True),
        ("logprobs", "True", True),
        ("logprobs", "null", None),
        ("seed", "None", None),
        ("stop", "END", ["END"]),
        ("stop", "7", ["7"]),
        ("model", "7", "7"),
        ("tool_choice", "auto", "auto"),
        ("logit_bias", '{"1": 2}', {"1": 2}),
    ],
)
def test_a_typed_value_is_read_by_its_kind(name: str, typed: str, value: Any) -> None:
    assert BY_NAME[name].parse(typed) == value


@pytest.mark.parametrize(
    "typed", ["", "abc", "1,5", "1 2", "--", "nan", "inf", "9" * 5000]
)
def test_a_typed_value_of_another_kind_is_refused(typed: str) -> None:
    with pytest.raises(InputError, match="temperature must"):
        BY_NAME["temperature"].parse(typed)


def test_json_that_is_cut_short_is_not_sent_as_text() -> None:
    with pytest.raises(InputError, match="must be a JSON value"):
        Parameter("x", "json").parse('{"a": ')


def test_further_fields_are_sent_as_they_are() -> None:
    settings = Settings(extra={"reasoning": {"effort": "low"}})

    assert settings.parameters()["reasoning"] == {"effort": "low"}


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda p: p.name)
def test_every_row_tells_what_it_takes(parameter: Parameter) -> None:
    assert parameter.help.endswith(".")
    assert parameter.describe()
    assert parameter.check(parameter.default) == parameter.default


@pytest.mark.parametrize("name", ["messages", "model", "stream", "max_tokens", "n"])
def test_a_further_field_takes_the_place_of_nothing_that_is_shown(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} cannot be a further field"):
        Settings({}, {name: "other"})
