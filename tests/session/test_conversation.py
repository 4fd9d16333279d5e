"""The memory of a session: calls that end in any order, twice, never, or forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from nemotron_magic.context.prompt import ContextInfo
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.conversation import (
    MAIN,
    Conversation,
    PreparedPrompt,
    Question,
    replace_turn,
)
from nemotron_magic.session.reply import Reply, ReplyMetadata

SYSTEM = "be kind"


def asked_in(
    memory: Conversation, text: str, thread: str = MAIN, origin: str = ""
) -> PreparedPrompt:
    asked = Question(text, origin=origin, thread=thread).prepare(memory, SYSTEM)
    memory.asked_last[thread] = asked
    return asked


def with_turns(*questions: str) -> Conversation:
    memory = Conversation()
    for question in questions:
        memory.end(asked_in(memory, question), Reply(question.upper()))
    return memory


def told(asked: PreparedPrompt) -> list[str]:
    return [message["content"] for message in asked.messages]


def kept(memory: Conversation, thread: str = MAIN) -> list[tuple[str, str]]:
    return [(turn.question, str(turn.reply)) for turn in memory.threads[thread]]


def test_a_new_memory_is_empty() -> None:
    memory = Conversation()

    assert (memory.threads, memory.last) == ({}, None)
    assert (memory.latest(MAIN), memory.asked_last.get(MAIN)) == (None, None)
    assert memory.reset(MAIN) == 0


def test_what_goes_along_is_sent_and_not_what_later_questions_repeat() -> None:
    memory = Conversation()
    question = Question(
        "why?", ContextInfo("cells and why?", titles=("In[1]",)), "o", 3
    )
    asked = replace(question, notice="first use").prepare(memory, SYSTEM)
    memory.end(asked, Reply("so"))

    assert told(asked) == [SYSTEM, "cells and why?"]
    assert (asked.context_info.titles, asked.notice) == (("In[1]",), "first use")
    turn = memory.threads[MAIN][0]
    assert (turn.question, turn.prompt) == ("why?", "cells and why?")
    assert (turn.origin, turn.cell) == ("o", 3)


def test_threads_know_nothing_of_each_other() -> None:
    memory = with_turns("a")
    memory.end(asked_in(memory, "b", "side"), Reply("B"))

    assert told(asked_in(memory, "c", "side")) == [SYSTEM, "b", "B", "c"]
    assert told(asked_in(memory, "c")) == [SYSTEM, "a", "A", "c"]
    assert told(asked_in(memory, "c", "new")) == [SYSTEM, "c"]


def test_a_fresh_question_leaves_the_turns_out_and_joins_them() -> None:
    memory = with_turns("a")
    asked = Question("b", without_history=True).prepare(memory, SYSTEM)
    memory.end(asked, Reply("B"))

    assert told(asked) == [SYSTEM, "b"]
    assert kept(memory) == [("a", "A"), ("b", "B")]


def test_a_question_asked_again_from_its_cell_is_sent_with_what_came_before() -> None:
    memory = Conversation()
    for origin in "xyz":
        memory.end(asked_in(memory, origin, origin=origin), Reply(origin))
    again = asked_in(memory, "y!", origin="y")
    memory.end(again, Reply("Y"))

    assert told(again) == [SYSTEM, "x", "x", "y!"]
    assert kept(memory) == [("x", "x"), ("y!", "Y"), ("z", "z")]


def test_asking_alone_changes_nothing() -> None:
    memory = with_turns("a")
    Question("b").prepare(memory, SYSTEM)

    assert told(memory.asked_last.get(MAIN)) == [SYSTEM, "a"]
    assert memory.latest(MAIN).question == "a"


def test_what_has_begun_has_no_reply_and_one_that_failed_none_either() -> None:
    memory = with_turns("a")
    asked = asked_in(memory, "b")
    assert (memory.asked_last.get(MAIN), memory.latest(MAIN)) == (asked, None)

    memory.end(asked, None)
    assert (memory.asked_last.get(MAIN), memory.latest(MAIN)) == (asked, None)
    assert memory.last == "A"
    assert kept(memory) == [("a", "A")]


def test_more_on_a_turn_is_sent_after_it_and_without_those_after_it() -> None:
    memory = with_turns("a", "b", "c")
    turn = memory.threads[MAIN][1]
    more = memory.follow_up(turn, "shorter", MAIN, SYSTEM)
    memory.end(more, Reply("short"))

    assert told(more) == [SYSTEM, "a", "A", "b", "B", "shorter"]
    assert [m["role"] for m in more.messages[-3:]] == ["user", "assistant", "user"]
    assert kept(memory) == [("a", "A"), ("b", "short"), ("c", "C")]


def test_more_on_a_turn_is_sent_with_what_went_along_with_it() -> None:
    memory = Conversation()
    question = Question("why?", ContextInfo("cells and why?"))
    memory.end(question.prepare(memory, ""), Reply("so"))
    turn = memory.threads[MAIN][0]

    assert told(memory.follow_up(turn, "and?", MAIN, "")) == [
        "cells and why?",
        "so",
        "and?",
    ]


def test_more_on_a_turn_that_was_forgotten_meanwhile_comes_last() -> None:
    memory = with_turns("a")
    turn = memory.latest(MAIN)
    memory.reset(MAIN)
    memory.end(asked_in(memory, "b"), Reply("B"))
    more = memory.follow_up(turn, "shorter", MAIN, SYSTEM)
    memory.end(more, Reply("short"))

    assert told(more) == [SYSTEM, "b", "B", "a", "A", "shorter"]
    assert kept(memory) == [("b", "B"), ("a", "short")]


def test_what_more_brings_is_the_latest_and_can_be_gone_on_with() -> None:
    memory = with_turns("a")
    for answer in ("one", "two"):
        turn = memory.latest(MAIN)
        more = memory.follow_up(turn, "go on", MAIN, SYSTEM)
        memory.end(more, Reply(answer))

        assert memory.latest(MAIN) is memory.threads[MAIN][0]
        assert kept(memory) == [("a", answer)]


def test_turns_with_the_same_words_are_told_apart() -> None:
    memory = Conversation()
    for _ in range(3):
        memory.end(asked_in(memory, "a"), Reply("A"))
    second = memory.threads[MAIN][1]
    new = replace(second, reply=Reply("new"))
    put = replace_turn(memory.threads[MAIN], new)

    assert [str(turn.reply) for turn in put] == ["A", "new", "A"]


@pytest.mark.parametrize("first", ["slow", "quick"])
def test_of_two_calls_at_once_the_latest_is_the_one_asked_last(first: str) -> None:
    memory = Conversation()
    calls = {"slow": asked_in(memory, "slow"), "quick": asked_in(memory, "quick")}
    for name in sorted(calls, key=lambda name: name != first):
        memory.end(calls[name], Reply(name))

    assert memory.asked_last.get(MAIN) is calls["quick"]
    assert memory.latest(MAIN).question == "quick"
    assert sorted(kept(memory)) == [("quick", "quick"), ("slow", "slow")]


def test_an_older_call_that_ends_late_is_not_the_reply_of_one_that_failed() -> None:
    memory = Conversation()
    slow, failing = asked_in(memory, "slow"), asked_in(memory, "failing")
    memory.end(failing, None)
    memory.end(slow, Reply("slow"))

    assert memory.asked_last.get(MAIN) is failing
    assert memory.latest(MAIN) is None


def test_going_on_with_an_older_turn_leaves_the_latest_alone() -> None:
    memory = with_turns("a", "b")
    older, latest = memory.threads[MAIN]
    more = memory.follow_up(older, "go on", MAIN, SYSTEM)
    memory.end(more, Reply("more"))

    assert memory.latest(MAIN) is latest


def test_what_is_asked_again_with_other_words_is_still_what_was_asked_last() -> None:
    memory = Conversation()
    asked = asked_in(memory, "a")
    memory.end(replace(asked, messages=(), bypass_cache=True), Reply("A"))

    assert memory.latest(MAIN).reply == "A"


def test_a_thread_that_is_forgotten_is_gone_and_no_other() -> None:
    memory = with_turns("a", "b")
    memory.end(asked_in(memory, "c", "side"), Reply("C"))

    assert (memory.reset(MAIN), memory.reset(MAIN)) == (2, 0)
    assert (memory.latest(MAIN), memory.asked_last.get(MAIN)) == (None, None)
    assert list(memory.threads) == ["side"]
    assert memory.latest("side").question == "c"


def test_a_reply_to_what_was_forgotten_meanwhile_is_kept_all_the_same() -> None:
    memory = with_turns("a")
    asked = asked_in(memory, "b")
    memory.reset(MAIN)
    memory.end(asked, Reply("B"))

    assert kept(memory) == [("b", "B")]
    assert memory.latest(MAIN).question == "b"


def test_many_calls_that_end_at_once_are_all_kept() -> None:
    memory, together = Conversation(), Barrier(8)

    def call(number: int) -> None:
        together.wait()
        for step in range(50):
            asked = Question(f"{number}.{step}").prepare(memory, SYSTEM)
            memory.asked_last[asked.thread] = asked
            memory.end(asked, Reply("a", ReplyMetadata(usage=Usage(1))))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))

    assert len(set(kept(memory))) == len(memory.threads[MAIN]) == 400
