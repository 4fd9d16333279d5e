"""What may stand in a chunk of a stream.

Each test's docstring begins with the number of its case.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from wire import DONE, STOP, delta, event, hear, say

from nemotron_magic.core.errors import OutcomeUnknownError
from nemotron_magic.core.events import Finish
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.core.usage import Usage
from nemotron_magic.display.reply import notices


def test_a_chunk_without_choices_may_bring_the_usage() -> None:
    """Case 20."""
    usage = {"prompt_tokens": 25, "completion_tokens": 4}
    heard = hear(say("a"), STOP, event({"choices": [], "usage": usage}))

    assert heard.reply.usage == Usage(25, 4)


@pytest.mark.parametrize("choices", [{}, {"choices": None}])
def test_choices_may_be_missing_or_null(choices: dict[str, Any]) -> None:
    """Case 21."""
    chunk = {**choices, "meta": {"usage": {"usd_spent": 0.5}}}
    heard = hear(say("a"), event(chunk), STOP)

    assert (str(heard.reply), heard.reply.cost_usd) == ("a", 0.5)


def test_a_last_chunk_without_delta_does_not_finish_twice(ask: Any) -> None:
    """Case 22."""
    told = ask("rehearsal: say Hi there", dialect="aimlapi-anthropic")

    assert told.text == "Hi there"
    assert [type(one) for one in told.events].count(Finish) == 1


def test_a_null_delta_is_nothing() -> None:
    """Case 22."""
    chunk = {"choices": [{"index": 0, "delta": None, "finish_reason": None}]}

    assert str(hear(event(chunk), say("a"), STOP).reply) == "a"


@pytest.mark.parametrize("content", [None, "", {}, [], [None], [{}]])
def test_content_that_is_no_text_adds_nothing(content: Any) -> None:
    """Case 23."""
    heard = hear(say("a"), delta(content=content), say(" "), say("b"), STOP)

    assert str(heard.reply) == "a b"


def test_a_stream_of_content_that_cannot_be_read_says_so() -> None:
    """Case 23."""
    error = hear(delta(content={"odd": 7}), DONE).error

    assert isinstance(error, OutcomeUnknownError)
    assert "cannot be read" in error.what


def test_the_last_finish_reason_that_is_given_counts() -> None:
    """Case 24."""
    bare = event({"choices": [{"index": 0, "delta": {"content": "a"}}]})
    heard = hear(bare, delta("stop"), delta("length"), delta(None), DONE)

    assert heard.reply.finish_reason == "length"


def test_empty_ids_and_another_model_are_told_as_they_are(ask: Any) -> None:
    """Case 25."""
    told = ask(dialect="aimlapi-anthropic", unknown_model="accept")

    assert told.reply.metadata.model == DEFAULT_MODEL
    assert told.reply.model == "Llama-3.1-Nemotron-70B-Instruct-HF"
    assert told.reply.metadata.completion_id.startswith("msg_")


def test_the_first_model_that_is_named_is_the_one_that_served() -> None:
    """Case 25."""
    nameless = event({"id": "", "model": "", "choices": []})
    named = event({"id": "gen-1", "model": "served", "choices": []})
    heard = hear(nameless, named, say("a"), STOP)

    assert heard.reply.model == "served"
    assert heard.reply.metadata.completion_id == "gen-1"


def test_usage_on_every_chunk_is_not_summed(ask: Any) -> None:
    """Case 26."""
    told = ask("rehearsal: say abcdefgh", dialect="vllm-old")

    assert told.reply.usage.completion_tokens == 2


def test_a_null_usage_takes_nothing_back() -> None:
    """Case 26."""
    some = event({"choices": [], "usage": {"prompt_tokens": 3}})
    none = event({"choices": [], "usage": None})

    assert hear(none, say("a"), some, none, STOP).reply.usage == Usage(3)


@pytest.mark.parametrize(
    ("dialect", "is_known"),
    [
        ("aimlapi", True),
        ("meta-own-chunk", True),
        ("credits-only", True),
        ("openrouter", True),
        ("aimlapi-together", False),
        ("no-usage", False),
    ],
)
def test_the_cost_is_known_or_unknown_and_never_nought(
    ask: Any, dialect: str, is_known: bool
) -> None:
    """Case 27."""
    cost_usd = ask(dialect=dialect).reply.cost_usd

    assert (cost_usd is not None and cost_usd > 0) if is_known else cost_usd is None


def test_credits_are_two_million_to_the_dollar() -> None:
    """Case 27."""
    chunk = event({"meta": {"usage": {"credits_used": 2480}}})

    assert hear(say("a"), STOP, chunk).reply.cost_usd == 0.00124


def test_several_choices_are_kept_apart() -> None:
    """Case 28."""
    mixed = [delta(content=text, index=n % 2) for n, text in enumerate("abcd")]
    heard = hear(*mixed, delta("stop", 1), delta("length", 0), DONE, n=2)

    assert str(heard.reply) == "ac"
    assert heard.reply.choices == ("ac", "bd")
    assert heard.reply.finish_reason == "length"


@pytest.mark.parametrize(
    ("case", "dialect"),
    [
        (29, "openrouter"),
        (29, "reasoning-bare"),
        (30, "reasoning-content"),
        (31, "think-tags"),
        (32, "orphan-close"),
    ],
)
@pytest.mark.parametrize("size", [None, 1])
def test_reasoning_is_told_once_and_apart_from_the_answer(
    ask: Any, case: int, dialect: str, size: int | None
) -> None:
    """Cases 29 to 32."""
    told = ask("rehearsal: say Hello", dialect=dialect, slice=size)

    assert told.text == "Hello"
    assert told.reply.reasoning.count("rehears") == 1


def test_an_answer_that_mentions_the_tag_is_left_alone() -> None:
    """Case 32."""
    text = "Write\n```\n<think>\nplan\n</think>\n```\nand `</think>` ends it."

    assert str(hear(say(*text), STOP).reply) == text


def test_reasoning_that_ate_the_budget_is_no_blank_success(ask: Any) -> None:
    """Case 33."""
    said = " ".join(notices(ask(dialect="reasoning-only").reply))

    assert "All tokens went into reasoning" in said
    assert "--max-tokens 16384" in said


def test_tool_calls_are_put_together_and_told(ask: Any) -> None:
    """Case 34."""
    told = ask(dialect="tool-calls", slice=3)
    calls = told.reply.metadata.tool_calls

    assert len(calls) == 2
    assert all(json.loads(call.arguments) is not None for call in calls)
    assert "nothing was run" in notices(told.reply)[-1]


@pytest.mark.parametrize(
    ("dialect", "told"),
    [
        ("content-filter", "content filter"),
        ("finish-unknown", "The model stopped for this reason: odd_reason"),
        ("finish-error", "reported an error"),
    ],
)
def test_an_odd_finish_reason_is_told(ask: Any, dialect: str, told: str) -> None:
    """Case 35."""
    reply = ask("rehearsal: say a", dialect=dialect).reply

    assert reply == "a"
    assert told in notices(reply)[0]


def test_a_finish_reason_may_hold_anything() -> None:
    """Case 35."""
    reply = hear(say("a"), delta("{more} {0}")).reply

    assert notices(reply) == ("The model stopped for this reason: {more} {0}",)


def test_a_refusal_is_kept_as_one(ask: Any) -> None:
    """Case 36."""
    told = ask(dialect="refusal")

    assert told.text == ""
    assert "can't help" in told.reply.metadata.refusal
    assert notices(told.reply) == ()


@pytest.mark.parametrize("dialect", ["openai", "llamacpp", "openrouter", "odd-chunks"])
def test_further_fields_are_ignored(ask: Any, dialect: str) -> None:
    """Case 37."""
    told = ask("rehearsal: say Hello, world!", dialect=dialect)

    assert (told.text, told.notices) == ("Hello, world!", [])
