from __future__ import annotations

import pytest

from service import serve
from service.checks import issues
from service.http_reader import MODEL, body, post

RANGES = [
    ("max_tokens", [1, 100_000], [0, -1, "1", None, True]),
    ("max_completion_tokens", [1], [0, 1.5]),
    ("temperature", [0, 2, 0.7], [-0.01, 2.01, "1", None]),
    ("top_p", [0.01, 1], [0, 0.009, 1.01, None]),
    ("top_k", [-1, 0, 40], ["40", None]),
    ("min_p", [0.001, 0.999], [0, 1, None]),
    ("top_a", [0, 1], [-0.1, 1.1]),
    ("repetition_penalty", [0, 1.1, None], ["1"]),
    ("frequency_penalty", [-2, 2, None], [-2.1, 2.1]),
    ("presence_penalty", [-2, 2, None], [-2.1, 2.1]),
    ("seed", [1, 2**31], [0, -1, 1.5, None]),
    ("stop", ["x", ["x"] * 4, [], None], [["x"] * 5, 1, [1]]),
    ("n", [1, 3, None], [0, 1.5, "1"]),
    ("logprobs", [True, None], [1, "yes"]),
    ("top_logprobs", [0, 20, None], [-1, 21]),
    ("logit_bias", [{"1": -100, "2": 100}, {}, None], [{"1": 101}, []]),
    ("stream", [True, False], [None, 1, "true"]),
    ("stream_options", [{"include_usage": True}], [{}, None, {"include_usage": 1}]),
    ("echo", [True], [None]),
    ("prediction", [{"type": "content", "content": "x"}], [{"type": "content"}]),
    ("tool_choice", ["none", "auto", "required"], ["maybe", {"type": "function"}]),
    ("parallel_tool_calls", [True], ["yes"]),
    (
        "reasoning",
        [{"effort": "low"}, {"max_tokens": 1}, {"exclude": True}, {}],
        [
            {"effort": "none"},
            {"max_tokens": 0},
            {"effort": "low", "max_tokens": 1},
            True,
        ],
    ),
    ("reasoning_effort", ["low", "medium", "high"], ["none", None]),
    (
        "response_format",
        [
            {"type": "text"},
            {"type": "json_object"},
            {"type": "json_schema", "json_schema": {"name": "x"}},
        ],
        [{"type": "xml"}, {"type": "json_schema"}, {"type": "text", "x": 1}],
    ),
    ("model", [MODEL], [None, 1]),
]
ALLOWED = [(name, value) for name, good, _ in RANGES for value in good]
REFUSED = [(name, value) for name, _, bad in RANGES for value in bad]


@pytest.mark.parametrize(("name", "value"), ALLOWED)
def test_a_value_in_its_range_passes(name, value):
    assert issues({**body(), name: value}) == []


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_value_out_of_its_range_is_refused_by_name(name, value):
    found = issues({**body(), name: value})

    assert found
    assert all(issue.path.split(".")[0] == name for issue in found)


MESSAGES = [
    {"role": "user", "content": "a"},
    {"role": "user", "content": [{"type": "text", "text": "a"}], "name": "me", "x": 1},
    {"role": "system", "content": "a", "name": "me"},
    {"role": "developer", "content": [{"type": "text", "text": "a"}]},
    {"role": "assistant"},
    {"role": "assistant", "content": None, "refusal": None, "x": 1},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    {
        "role": "assistant",
        "tool_calls": [
            {
                "id": "1",
                "type": "function",
                "function": {"name": "f", "arguments": "{}"},
            }
        ],
    },
    {"role": "tool", "content": "a", "tool_call_id": "1", "name": None},
]
BAD_MESSAGES = [
    "hello",
    {},
    {"role": "critic", "content": "a"},
    {"role": ["user"], "content": "a"},
    {"role": "user"},
    {"role": "user", "content": None},
    {"role": "user", "content": [{"type": "image"}]},
    {"role": "system", "content": "a", "x": 1},
    {"role": "developer", "content": "a", "cache_control": {}},
    {"role": "assistant", "content": 1},
    {"role": "assistant", "tool_calls": [{"id": "1"}]},
    {"role": "tool", "content": "a"},
    {"role": "tool", "content": [], "tool_call_id": "1"},
    {"role": "tool", "content": "a", "tool_call_id": "1", "x": 1},
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_the_schema_passes(message):
    assert issues({"model": MODEL, "messages": [message]}) == []


@pytest.mark.parametrize("message", BAD_MESSAGES)
def test_a_message_against_the_schema_is_refused_by_its_number(message):
    found = issues({"model": MODEL, "messages": [MESSAGES[0], message]})

    assert found
    assert all(issue.path.startswith("messages.1") for issue in found)


@pytest.mark.parametrize(
    ("tool", "passes"),
    [
        ({"type": "function", "function": {"name": "f-1_A"}}, True),
        (
            {
                "type": "function",
                "function": {"name": "f", "strict": None, "parameters": None},
            },
            True,
        ),
        ({"type": "function", "function": {"name": "f" * 65}}, False),
        ({"type": "function", "function": {"name": "f g"}}, False),
        ({"type": "function", "function": {"name": "f", "x": 1}}, False),
        ({"type": "function"}, False),
    ],
)
def test_tools_are_checked(tool, passes):
    assert (issues({**body(), "tools": [tool]}) == []) is passes
    assert issues({**body(), "tools": [tool] * 129})


@pytest.mark.parametrize("wrong", [None, [], "x", {}, {"model": MODEL, "messages": []}])
def test_what_is_no_request_at_all_is_refused(wrong):
    with serve() as url:
        assert post(url, wrong).status == 400


def test_the_refusal_names_the_field_and_its_bound():
    with serve() as url:
        got = post(url, body(temperature=3, seed=0))

    assert got.status == 400
    assert got.json["statusCode"] == 400
    assert "temperature: Number must be less than or equal to 2" in got.json["message"]
    assert {tuple(i["path"]) for i in got.json["issues"]} == {
        ("temperature",),
        ("seed",),
    }


def test_unknown_fields_at_the_top_are_ignored():
    with serve() as url:
        got = post(url, body(chat_template_kwargs={}, invented=1))

    assert got.status == 200
