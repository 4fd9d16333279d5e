"""A reply: what events add up to, and a string like any other."""

from __future__ import annotations

import copy
import json
import pickle
import time
from typing import Any

import pytest

from nemotron_magic.draft import Draft
from nemotron_magic.events import (
    Answered,
    Finish,
    Logprobs,
    Notice,
    Reasoning,
    Reclassified,
    Refusal,
    Retry,
    Sent,
    Served,
    Text,
    ToolCall,
    Truncated,
    UsageReport,
)
from nemotron_magic.reply import Details, Reply
from nemotron_magic.usage import Usage

CODE = "So:\n\n```python\na = 1\n```\n\n```sql\nselect 1\n```\n\n```\nb = 2\n```\n"


def made_of(*events: Any, **known: Any) -> Reply:
    draft = Draft()
    for event in events:
        draft.add(event)
    return draft.reply(**known)


def test_a_reply_is_a_string() -> None:
    reply = Reply("Hello", Details(model="m"))

    assert reply == "Hello"
    assert reply[1:3] + "!" == "el!"
    assert {reply: 1}["Hello"] == 1
    assert json.dumps(reply) == '"Hello"'
    assert isinstance(reply, str)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))]
)
def test_a_copy_knows_what_the_reply_knew(again: Any) -> None:
    reply = made_of(Text("a"), UsageReport(Usage(1, 2)), Finish("stop"), elapsed_s=1.5)

    assert again(reply) == reply
    assert again(reply).details == reply.details
    assert type(again(reply)) is Reply


def test_python_code_is_taken_together_and_other_languages_left_out() -> None:
    reply = Reply(CODE)

    assert reply.code == "a = 1\n\nb = 2\n"
    assert [block.language for block in reply.blocks] == ["python", "sql", ""]


def test_events_add_up() -> None:
    tokens = ({"token": "a", "logprob": -1.0},)
    reply = made_of(
        Sent("id-1", "m"),
        Answered(200, "r-1"),
        Served("served", "gen-1"),
        Reasoning("\nhm"),
        Text("Hel"),
        Text("lo"),
        Logprobs(tokens),
        Logprobs(tokens),
        Finish("stop"),
        UsageReport(Usage(1, 2)),
        UsageReport(Usage(cost_usd=0.5)),
        Notice("one"),
    )
    details = reply.details

    assert (reply, reply.reasoning, reply.model) == ("Hello", "hm", "served")
    assert (reply.finish_reason, reply.usage) == ("stop", Usage(1, 2, cost_usd=0.5))
    assert reply.cost_usd == 0.5
    assert (details.request_id, details.client_request_id) == ("r-1", "id-1")
    assert (details.completion_id, details.attempts) == ("gen-1", 1)
    assert details.notices == ("one",)
    assert len(details.logprobs) == 2
    assert reply.choices == ("Hello",)


def test_a_draft_gives_its_reply_at_any_moment() -> None:
    draft = Draft(Details(model="m"))
    assert (draft.reply(), draft.has_text) == ("", False)

    draft.add(Text("a"))
    first = draft.reply()
    draft.add(Text("b"))
    assert (first, draft.reply(), draft.has_text) == ("a", "ab", True)


@pytest.mark.parametrize(
    "event", [Text("a"), Reasoning("a"), Refusal("a"), ToolCall(0), Reclassified("a")]
)
def test_what_would_be_missed_counts_as_text(event: Any) -> None:
    draft = Draft()
    draft.add(event)

    assert draft.has_text


@pytest.mark.parametrize(
    ("status", "accepted"), [(200, True), (201, True), (401, False), (500, False)]
)
def test_a_refused_request_was_not_taken_on(status: int, accepted: bool) -> None:
    draft = Draft()
    draft.add(Answered(status))

    assert draft.accepted is accepted


def test_text_that_was_reasoning_becomes_it() -> None:
    reply = made_of(Text("plan"), Reclassified("plan"), Text("Hello"))

    assert (reply, reply.reasoning) == ("Hello", "plan")


def test_only_the_first_choice_tells_its_reasons() -> None:
    reply = made_of(
        Text("a"),
        Text("b", 1),
        Reasoning("x", 1),
        Reclassified("b", 1),
        Finish("length", 1),
        Logprobs(({},), 1),
    )

    assert reply.choices == ("a", "")
    assert (reply.reasoning, reply.finish_reason) == ("", None)
    assert reply.details.logprobs == ()


def test_fragments_of_a_tool_call_are_joined() -> None:
    reply = made_of(
        ToolCall(1, "id", "f", '{"a'),
        ToolCall(0, "x", "g", "{}"),
        ToolCall(1, "", "", '":1}'),
    )

    assert reply.details.tool_calls == (
        ToolCall(0, "x", "g", "{}"),
        ToolCall(1, "id", "f", '{"a":1}'),
    )


def test_a_retry_and_an_early_end_are_told() -> None:
    reply = made_of(Retry("it failed (503)", 1.0, 1), Truncated())

    assert reply.details.notices == ("it failed (503); asked again",)
    assert reply.details.ending == "truncated"


def test_an_emoji_cut_in_two_is_joined_and_half_of_one_replaced() -> None:
    assert made_of(Text("\ud83d"), Text("\ude0a\ud83d")) == "😊\ufffd"


def test_a_long_reply_takes_linear_time() -> None:
    begun_s = time.perf_counter()
    reply = made_of(*[Text("abcd")] * 250_000)

    assert len(reply) == 1_000_000
    assert time.perf_counter() - begun_s < 2
