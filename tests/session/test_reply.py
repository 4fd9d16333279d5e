"""A reply: a string like any other, with all that is known of it."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from nemotron_magic.core.events import ToolCall
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.reply import Reply, ReplyMetadata

CODE = "So:\n\n```python\na = 1\n```\n\n```sql\nselect 1\n```\n\n```\nb = 2\n```\n"


def test_a_reply_is_a_string() -> None:
    reply = Reply("Hello", ReplyMetadata(model="m"))

    assert reply == "Hello"
    assert reply[1:3] + "!" == "el!"
    assert {reply: 1}["Hello"] == 1
    assert json.dumps(reply) == '"Hello"'
    assert isinstance(reply, str)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))]
)
def test_a_copy_knows_what_the_reply_knew(again: Any) -> None:
    details = ReplyMetadata(model="m", usage=Usage(1, 2), elapsed_s=1.5)
    reply = Reply("a", details)

    assert again(reply) == reply
    assert again(reply).metadata == details
    assert type(again(reply)) is Reply


def test_python_code_is_taken_together_and_other_languages_left_out() -> None:
    reply = Reply(CODE)

    assert reply.code == "a = 1\n\nb = 2\n"
    assert [block.language for block in reply.blocks] == ["python", "sql", ""]


def test_a_reply_of_nothing_is_the_empty_string_and_nothing_is_known() -> None:
    reply = Reply()

    assert (reply, reply.code, reply.blocks, reply.choices) == ("", "", (), ("",))
    assert (reply.model, reply.reasoning, reply.messages) == ("", "", ())
    assert (reply.usage, reply.cost_usd, reply.finish_reason) == (Usage(), None, None)
    assert not reply.is_whole


def test_the_model_that_answered_goes_before_the_one_that_was_asked() -> None:
    assert Reply("a", ReplyMetadata(model="asked")).model == "asked"
    assert (
        Reply("a", ReplyMetadata(model="asked", served_model="served")).model
        == "served"
    )


@pytest.mark.parametrize(
    ("text", "known", "is_whole"),
    [
        ("a", {"finish_reason": "stop"}, True),
        ("a", {"finish_reason": "length"}, True),
        ("a", {"finish_reason": "eos"}, True),
        ("a", {"finish_reason": "content_filter"}, False),
        ("a", {}, False),
        ("a", {"finish_reason": "stop", "ending": "truncated"}, False),
        ("a", {"finish_reason": "stop", "ending": "interrupted"}, False),
        (" \n", {"finish_reason": "stop"}, False),
        ("", {"finish_reason": "stop", "refusal": "no"}, True),
        ("", {"finish_reason": "tool_calls", "tool_calls": (ToolCall(0),)}, True),
        ("", {"finish_reason": "stop", "reasoning": "hm"}, False),
    ],
)
def test_a_reply_is_whole_if_it_says_something_and_ended_well(
    text: str, known: dict[str, Any], is_whole: bool
) -> None:
    assert Reply(text, ReplyMetadata(**known)).is_whole is is_whole
