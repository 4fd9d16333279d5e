"""What a conversation remembers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nemotron_magic.session.conversation import (
    Turn,
    build_messages,
    recent_messages,
    replace_turn,
    turns_before,
)
from nemotron_magic.session.reply import Reply, ReplyMetadata


def turn(question: str, answer: str, ending: str = "complete") -> Turn:
    details = replace(ReplyMetadata(), ending=ending)
    return Turn(question, Reply(answer, details))


@pytest.mark.parametrize(
    ("one", "is_answered"),
    [
        (turn("q", "a"), True),
        (turn("q", ""), False),
        (turn("q", " \n"), False),
        (turn("q", "a", "truncated"), False),
        (turn("q", "a", "interrupted"), False),
        (turn("q", "a", "failed"), False),
    ],
)
def test_only_a_whole_answer_is_one(one: Turn, is_answered: bool) -> None:
    assert one.is_answered is is_answered


@pytest.mark.parametrize(
    ("most_chars", "kept"), [(0, []), (3, []), (4, ["b"]), (7, ["b"]), (8, ["a", "b"])]
)
def test_the_newest_turns_go_first_up_to_a_size(
    most_chars: int, kept: list[str]
) -> None:
    turns = [turn("1..", "a"), turn("x", "y", "failed"), turn("2..", "b")]
    told = recent_messages(turns, most_chars)

    assert [m["content"] for m in told if m["role"] == "assistant"] == kept


def test_the_instruction_comes_first_and_the_question_last() -> None:
    assert build_messages("q2", "be kind", [turn("q", "a")]) == (
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "q2"},
    )


def named(origin: str, question: str = "q") -> Turn:
    return replace(turn(question, "a"), origin=origin)


def test_a_turn_takes_the_place_of_the_one_of_its_origin() -> None:
    turns = [named("a"), named("b", "old"), named("c")]

    new = named("b", "new")
    assert [t.question for t in replace_turn(turns, new)] == ["q", "new", "q"]
    assert turns_before(turns, "b") == turns[:1]


@pytest.mark.parametrize("origin", ["", "d"])
def test_a_turn_of_no_known_origin_comes_last(origin: str) -> None:
    turns = [named(""), named("a")]

    new = named(origin, "new")
    assert replace_turn(turns, new)[-1].question == "new"
    assert turns_before(turns, origin) == turns
