"""A draft: what the events of a call add up to, at any moment."""

from __future__ import annotations

import time
from typing import Any

import pytest

from nemotron_magic.core.events import (
    Answered,
    CacheHit,
    Damaged,
    Event,
    Finish,
    Logprobs,
    ModelInfo,
    Notice,
    Reasoning,
    Refusal,
    Retry,
    Sent,
    Text,
    TextWasReasoning,
    ToolCall,
    Truncated,
    UsageReport,
)
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.reply import Reply, ReplyAccumulator, ReplyMetadata


def drafted(*events: Event) -> ReplyAccumulator:
    draft = ReplyAccumulator()
    for event in events:
        draft.add(event)
    return draft


def made_of(*events: Event) -> Reply:
    return drafted(*events).reply()


def test_events_add_up() -> None:
    tokens = ({"token": "a", "logprob": -1.0},)
    reply = made_of(
        Sent("id-1", "m"),
        Answered(200, "r-1"),
        ModelInfo("served", "gen-1"),
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
    details = reply.metadata

    assert (reply, reply.reasoning, reply.model) == ("Hello", "hm", "served")
    assert (reply.finish_reason, reply.usage) == ("stop", Usage(1, 2, cost_usd=0.5))
    assert reply.cost_usd == 0.5
    assert (details.request_id, details.client_request_id) == ("r-1", "id-1")
    assert (details.completion_id, details.attempts) == ("gen-1", 1)
    assert details.notices == ("one",)
    assert len(details.logprobs) == 2
    assert reply.choices == ("Hello",)


def test_a_draft_gives_its_reply_at_any_moment() -> None:
    draft = ReplyAccumulator(ReplyMetadata(model="m"))
    assert (draft.reply(), draft.has_text) == ("", False)

    draft.add(Text("a"))
    first = draft.reply()
    draft.add(Text("b"))
    assert (first, draft.reply(), draft.has_text) == ("a", "ab", True)


@pytest.mark.parametrize(
    "event",
    [Text("a"), Reasoning("a"), Refusal("a"), ToolCall(0), TextWasReasoning("a")],
)
def test_what_would_be_missed_counts_as_text(event: Any) -> None:
    draft = ReplyAccumulator()
    draft.add(event)

    assert draft.has_text


@pytest.mark.parametrize(
    ("status", "accepted"), [(200, True), (201, True), (401, False), (500, False)]
)
def test_a_refused_request_was_not_taken_on(status: int, accepted: bool) -> None:
    draft = ReplyAccumulator()
    draft.add(Answered(status))

    assert draft.accepted is accepted


def test_text_that_was_reasoning_becomes_it() -> None:
    reply = made_of(Text("plan"), TextWasReasoning("plan"), Text("Hello"))

    assert (reply, reply.reasoning) == ("Hello", "plan")


def test_only_the_first_choice_tells_its_reasons() -> None:
    reply = made_of(
        Text("a"),
        Text("b", 1),
        Reasoning("x", 1),
        TextWasReasoning("b", 1),
        Finish("length", 1),
        Logprobs(({},), 1),
    )

    assert reply.choices == ("a", "")
    assert (reply.reasoning, reply.finish_reason) == ("", None)
    assert reply.metadata.logprobs == ()


def test_fragments_of_a_tool_call_are_joined() -> None:
    reply = made_of(
        ToolCall(1, "id", "f", '{"a'),
        ToolCall(0, "x", "g", "{}"),
        ToolCall(1, "", "", '":1}'),
    )

    assert reply.metadata.tool_calls == (
        ToolCall(0, "x", "g", "{}"),
        ToolCall(1, "id", "f", '{"a":1}'),
    )


def test_a_retry_and_an_early_end_are_told() -> None:
    reply = made_of(Retry("it failed (503)", 1.0, 1), Truncated())

    assert reply.metadata.notices == ("it failed (503); asked again",)
    assert reply.metadata.ending == "truncated"


def test_an_emoji_cut_in_two_is_joined_and_half_of_one_replaced() -> None:
    assert made_of(Text("\ud83d"), Text("\ude0a\ud83d")) == "😊\ufffd"


def test_a_long_reply_takes_linear_time() -> None:
    begun_s = time.process_time()
    reply = made_of(*[Text("abcd")] * 250_000)

    assert len(reply) == 1_000_000
    assert time.process_time() - begun_s < 2


def test_only_the_first_choice_refuses_the_question() -> None:
    reply = made_of(Refusal("I can"), Refusal("never", 1), Refusal("not"))

    assert reply.metadata.refusal == "I cannot"


def test_choices_stand_by_their_number_however_they_come() -> None:
    reply = made_of(Text("c", 2), Text("b", 1), Text("C", 2), Text("a"))

    assert (reply, reply.choices) == ("a", ("a", "b", "cC"))


def test_one_answer_is_no_choice_of_several() -> None:
    assert made_of(Text("a")).metadata.choices == ()


def test_reasoning_loses_its_empty_lines_at_both_ends_and_nothing_else() -> None:
    reply = made_of(Reasoning("\n\n  hm\n"), Reasoning("\nso \n"))

    assert reply.reasoning == "  hm\n\nso "


def test_what_was_known_before_stays_and_what_is_known_at_the_end_is_put_in() -> None:
    draft = ReplyAccumulator(
        ReplyMetadata(model="m", usage=Usage(7), notices=("gone",))
    )
    draft.add(Finish("stop"))
    details = draft.reply(elapsed_s=1.5, first_text_s=0.5).metadata

    assert (details.model, details.usage) == ("m", Usage(7))
    assert (details.finish_reason, details.notices) == ("stop", ())
    assert (details.elapsed_s, details.first_text_s) == (1.5, 0.5)


def test_a_reply_from_before_took_nothing_now() -> None:
    recalled = CacheHit("disk", Usage(9, 9, cost_usd=1.0), "2026-01-01")
    details = made_of(Text("a"), recalled).metadata

    assert details.recalled == recalled
    assert details.usage == Usage(0, 0, 0, 0, 0.0)


def test_every_request_counts_and_the_last_one_is_named() -> None:
    draft = drafted(Sent("one", "m"), Answered(503, "r-1"), Sent("two", "m"))

    assert (draft.attempts, draft.accepted) == (2, False)
    assert draft.reply().metadata.client_request_id == "two"
    assert draft.reply().metadata.request_id == "r-1"


@pytest.mark.parametrize(
    ("statuses", "accepted"),
    [((503, 200), True), ((200, 503), False), ((199,), False), ((300,), False)],
)
def test_the_last_answer_tells_whether_it_was_taken_on(
    statuses: tuple[int, ...], accepted: bool
) -> None:
    assert drafted(*map(Answered, statuses)).accepted is accepted


def test_notices_and_retries_are_told_in_their_order() -> None:
    retry = Retry("it failed (503)", 1.0, 1)
    notices = made_of(Notice("one"), retry, Notice("one")).metadata.notices

    assert notices == ("one", "it failed (503); asked again", "one")


@pytest.mark.parametrize("event", [Truncated(), Damaged()])
def test_a_reply_that_is_not_whole_says_how(event: Event) -> None:
    reply = made_of(Text("a"), event)

    assert reply.metadata.ending == type(event).__name__.lower()
    assert not reply.is_whole


def test_two_drafts_have_nothing_in_common() -> None:
    drafted(Text("a"), Reasoning("b"), Refusal("c"), ToolCall(0), Notice("d"))

    assert drafted().reply().metadata == ReplyMetadata()
    assert not drafted().has_text


@pytest.mark.parametrize(
    "event", [Text("a", 1), Reasoning("a", 1), Notice("a"), Sent("a", "m"), Text("")]
)
def test_what_would_not_be_missed_is_no_text(event: Event) -> None:
    assert not drafted(event).has_text
