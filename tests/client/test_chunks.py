"""Chunks to events: every field that a service may fill, and what is no such field."""

from __future__ import annotations

from typing import Any

import pytest
from wire import DONE, STOP, delta, event, hear, say

from nemotron_magic.client.chunks import ChunkParser
from nemotron_magic.core.events import (
    Event,
    Finish,
    Logprobs,
    ModelInfo,
    Reasoning,
    Refusal,
    Text,
    TextWasReasoning,
    ToolCall,
    UsageReport,
)
from nemotron_magic.core.usage import Usage


def read(*chunks: Any, model: str = "openai/gpt-4o", n: int = 1) -> list[Event]:
    reader, events = ChunkParser(model, n), []
    for chunk in chunks:
        events += reader.read(chunk)
    return events + reader.close()


def choice(**fields: Any) -> dict[str, Any]:
    return {"choices": [fields]}


@pytest.mark.parametrize("name", ["delta", "message"])
def test_a_stream_and_a_whole_completion_differ_in_one_name(name: str) -> None:
    chunk = choice(index=0, finish_reason="stop", **{name: {"content": "a"}})

    assert read(chunk) == [Text("a"), Finish("stop")]


def test_what_is_empty_gives_way_to_what_is_not() -> None:
    assert read(choice(delta={}, message={"content": "a"})) == [Text("a")]


@pytest.mark.parametrize(
    "index", [None, "1", 1.0, True, -1, [1]], ids=lambda index: repr(index)
)
def test_what_is_no_number_of_a_choice_is_the_first(index: Any) -> None:
    assert read(choice(index=index, delta={"content": "a"})) == [Text("a", 0)]


@pytest.mark.parametrize("index", [None, "1", True, -1])
def test_a_call_without_a_number_goes_by_its_place(index: Any) -> None:
    calls = [{"id": "x"}, {"id": "y", "index": index}]

    assert read(choice(delta={"tool_calls": calls})) == [
        ToolCall(0, "x"),
        ToolCall(1, "y"),
    ]


def test_who_answers_is_told_once_and_by_the_first_who_says_it() -> None:
    named = {"model": "a`b|c", "id": 7}

    assert read({"id": "early"}, named, {"model": "x"}) == [ModelInfo("abc", "7")]
    assert read({"model": "a"}) == [ModelInfo("a", "")]


def test_choices_of_one_chunk_keep_apart() -> None:
    both = [
        {"index": 0, "delta": {"content": "<think>a</think>b"}},
        {"index": 1, "delta": {"content": "c</think>"}},
    ]

    assert read({"choices": both}, n=2) == [
        Reasoning("a"),
        Text("b"),
        Text("c</think>", 1),
    ]


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"choices": None},
        {"choices": ["a", None, 1, []]},
        choice(delta={"content": [{"type": "text", "text": None}, None, {}, []]}),
        choice(delta={"reasoning": False, "reasoning_content": [], "refusal": {}}),
        choice(delta={"tool_calls": {"id": "x"}}),
        choice(finish_reason=""),
    ],
)
def test_what_says_nothing_is_no_event_and_no_part_of_a_reply(chunk: Any) -> None:
    reader, events = ChunkParser("m"), []
    events += reader.read(chunk)

    assert (events + reader.close(), reader.said_something) == ([], False)
    assert reader.finishes == {}


@pytest.mark.parametrize(
    "chunk",
    [
        choice(delta={"content": "<thi"}),
        choice(delta={"content": [{"text": "a"}]}),
        choice(delta={"reasoning": "a"}),
        choice(delta={"refusal": "a"}),
        choice(delta={"tool_calls": [{}]}),
        choice(finish_reason="stop"),
    ],
)
def test_any_part_of_a_reply_says_something(chunk: Any) -> None:
    reader = ChunkParser("m")
    reader.read(chunk)

    assert reader.said_something


def test_what_may_become_a_tag_is_held_back_up_to_the_end() -> None:
    reader, events = ChunkParser("m", 2), []
    events += reader.read(choice(delta={"content": "<thi"}))
    events += reader.read(choice(index=1, delta={"content": "<th"}))

    assert (events, reader.close()) == ([], [Text("<thi"), Text("<th", 1)])
    assert reader.close() == []


def test_what_one_chunk_holds_is_told_in_the_order_of_a_reply() -> None:
    fields = {"refusal": "c", "tool_calls": [{}], "content": "d", "reasoning": "a"}
    token = {"token": "d"}
    chunk = choice(delta=fields, logprobs={"content": [token]}, finish_reason="stop")

    assert read({**chunk, "usage": {"prompt_tokens": 1}, "model": "m"}) == [
        ModelInfo("m"),
        Reasoning("a"),
        Refusal("c"),
        ToolCall(0),
        Text("d"),
        Logprobs((token,)),
        Finish("stop"),
        UsageReport(Usage(1)),
    ]


def test_calls_of_further_choices_are_not_told_and_their_texts_are() -> None:
    delta = {"tool_calls": [{}], "content": "a", "refusal": "b", "reasoning": "c"}

    assert read(choice(index=2, delta=delta), n=3) == [
        Reasoning("c", 2),
        Refusal("b", 2),
        Text("a", 2),
    ]


def test_reasoning_that_is_told_apart_is_not_looked_for_in_the_answer() -> None:
    thought = choice(delta={"reasoning": "hm"})
    answer = choice(delta={"content": "a\n</think>\nb"})

    assert read(answer, model="nemotron") == [TextWasReasoning("a"), Text("b")]
    assert read(thought, answer, model="nemotron") == [
        Reasoning("hm"),
        Text("a\n</think>\nb"),
    ]


@pytest.mark.parametrize(
    ("chunk", "usage"),
    [
        ({"usage": {"prompt_tokens": 3}}, Usage(3)),
        ({"meta": {"usage": {"usd_spent": 0.5}}}, Usage(cost_usd=0.5)),
        ({"usage": "much"}, Usage()),
    ],
)
def test_figures_are_told_wherever_they_stand(chunk: Any, usage: Usage) -> None:
    assert read(chunk) == [UsageReport(usage)]


@pytest.mark.parametrize("chunk", [{"usage": None}, {"usage": {}}, {"meta": {}}])
def test_no_figures_are_no_report(chunk: Any) -> None:
    assert read(chunk) == []


@pytest.mark.parametrize(
    ("reason", "told"), [("stop", "stop"), (7, "7"), (["a|b"], "['ab']")]
)
def test_any_reason_for_the_end_is_told_in_one_line(reason: Any, told: str) -> None:
    assert read(choice(finish_reason=reason)) == [Finish(told)]


def test_arguments_that_are_no_text_become_their_json_as_it_reads() -> None:
    function = {"name": 7, "arguments": {"name": "ü😊"}}

    assert read(choice(delta={"tool_calls": [{"id": 8, "function": function}]})) == [
        ToolCall(0, "8", "7", '{"name": "ü😊"}')
    ]


def test_a_call_of_no_known_shape_is_an_empty_one() -> None:
    assert read(choice(delta={"tool_calls": [{"function": "f"}, "x"]})) == [ToolCall(0)]


@pytest.mark.parametrize("refusal", [False, {}, [], None, ""])
def test_what_is_no_refusal_is_none(refusal: object) -> None:
    odd = event({"choices": [{"index": 0, "delta": {"refusal": refusal}}]})

    assert hear(odd + say("a") + STOP).reply.metadata.refusal == ""


def test_reasoning_in_three_fields_is_told_once() -> None:
    details = [{"type": "reasoning.text", "text": "a"}]
    heard = hear(
        delta(reasoning="a", reasoning_content="a", reasoning_details=details),
        delta(reasoning_details=[{"text": "b"}, {"type": "reasoning.encrypted"}]),
        STOP,
    )

    assert heard.reply.reasoning == "ab"


def test_content_may_come_in_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text"}, {"text": "b"}]

    assert str(hear(delta(content=parts), STOP).reply) == "ab"


@pytest.mark.parametrize("index", [10**15, 2**70])
def test_a_call_with_a_vast_number_takes_no_room_for_those_before(index: int) -> None:
    heard = hear(delta(tool_calls=[{"index": index, "id": "x"}]), delta("tool_calls"))

    assert heard.reply.metadata.tool_calls == (ToolCall(index, "x"),)


def test_tool_calls_are_told_by_index_or_place() -> None:
    first = {"index": 1, "id": "x", "function": {"name": "f", "arguments": '{"a"'}}
    heard = hear(
        delta(tool_calls=[first]),
        delta(tool_calls=[{"index": 1, "function": {"arguments": ":1}"}}]),
        delta(tool_calls=[{"custom": {"name": "g", "input": "text"}}]),
        delta(tool_calls=[{"index": 3, "function": {"arguments": {"b": 2}}}]),
        delta("tool_calls"),
    )

    assert heard.reply.metadata.tool_calls == (
        ToolCall(1, "x", "f", '{"a":1}'),
        ToolCall(2, "", "g", "text"),
        ToolCall(3, "", "", '{"b": 2}'),
    )


def test_logprobs_are_kept_as_they_came() -> None:
    token = {"token": "a", "logprob": -0.1, "top_logprobs": []}
    choice = {"index": 0, "delta": {"content": "a"}, "logprobs": {"content": [token]}}
    heard = hear(event({"choices": [choice]}), STOP)

    assert heard.reply.metadata.logprobs == (token,)


@pytest.mark.parametrize("logprobs", [None, {}, {"content": []}, {"content": 7}, "x"])
def test_logprobs_of_nothing_are_nothing(logprobs: Any) -> None:
    choice = {"index": 0, "delta": {"content": "a"}, "logprobs": logprobs}
    heard = hear(event({"choices": [choice]}), STOP)

    assert not [one for one in heard.events if isinstance(one, Logprobs)]


def test_one_finish_is_told_for_each_choice() -> None:
    heard = hear(say("a"), STOP, STOP, delta("stop", 1), delta("length"), DONE, n=2)

    finishes = [one for one in heard.events if isinstance(one, Finish)]
    assert finishes == [Finish("stop"), Finish("stop", 1), Finish("length")]


@pytest.mark.parametrize("token", [{"text": "a"}, {"id": 3, "text": {"value": "a"}}])
def test_a_token_in_a_choice_does_not_repeat_its_delta(token: dict[str, Any]) -> None:
    events = read(choice(delta={"content": "a"}, token=token))

    assert events == [Text("a")]


@pytest.mark.parametrize("whole", [{"text": "a"}, {"message": {"content": "a"}}])
def test_a_choice_with_a_status_of_its_own_keeps_its_text(whole: Any) -> None:
    assert Text("a") in read(choice(status="error", **whole))


@pytest.mark.parametrize(
    ("choices", "usage"),
    [
        ([{"delta": {}, "usage": {"cost": 0.5}}], Usage(cost_usd=0.5)),
        ({"0": {"text": "a", "usage": {"prompt_tokens": 3}}}, Usage(3)),
    ],
)
def test_figures_of_a_choice_are_the_call_s(choices: Any, usage: Usage) -> None:
    assert UsageReport(usage) in read({"choices": choices})
