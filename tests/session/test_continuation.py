"""A reply that is gone on with is watched as if it came in one piece."""

from __future__ import annotations

import pytest

from nemotron_magic.core.events import Event, Finish, Notice, Reasoning, Text
from nemotron_magic.session.conversation import ContinuationStream

HELD_CHARS = 400


def watched(begun: str, *events: Event) -> list[Event]:
    seen: list[Event] = []
    joining = ContinuationStream(begun, seen.append)
    for event in events:
        joining(event)
    joining.end()
    return seen


def test_nothing_is_shown_again_if_nothing_comes() -> None:
    assert watched("half") == []
    assert watched("half", Text("")) == []


def test_the_beginning_comes_with_the_first_that_follows() -> None:
    assert watched("ha", Text("l"), Text("f")) == [Text("half")]


@pytest.mark.parametrize("size", [1, 7, HELD_CHARS, 1_000])
def test_however_it_is_cut_the_whole_is_shown_once(size: int) -> None:
    rest = "lf of it\n" * 200
    pieces = [Text(rest[at : at + size]) for at in range(0, len(rest), size)]
    seen = watched("ha", *pieces)

    assert "".join(one.text for one in seen) == "ha" + rest


def test_as_soon_as_enough_has_come_nothing_is_held_back() -> None:
    seen: list[Event] = []
    joining = ContinuationStream("a", seen.append)

    joining(Text("b" * (HELD_CHARS - 1)))
    assert seen == []
    joining(Text("b"))
    assert seen == [Text("a" + "b" * HELD_CHARS)]
    joining(Text("c"))
    assert seen[1:] == [Text("c")]
    joining.end()
    assert len(seen) == 2


def test_the_fence_that_is_opened_again_is_not_shown() -> None:
    seen = watched("```python\nx = [1,", Text("```pyt"), Text("hon\nx = [1, 2]\n```\n"))

    assert seen == [Text("```python\nx = [1, 2]\n```\n")]


def test_what_is_no_text_of_the_answer_is_passed_on_at_once() -> None:
    others = [Reasoning("hm"), Notice("note"), Text("other", 1), Finish("length")]

    assert watched("a", Text("b"), *others) == [*others, Text("ab")]


def test_after_its_end_what_comes_is_passed_on_as_it_is() -> None:
    seen: list[Event] = []
    joining = ContinuationStream("a", seen.append)
    joining.end()
    joining(Text("b"))

    assert seen == [Text("b")]
