"""A service that repeats the key does not bring it into a reply."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.client.keyless import without_key
from nemotron_magic.events import (
    Event,
    Finish,
    Reasoning,
    Refusal,
    Sent,
    Served,
    Text,
    ToolCall,
)
from nemotron_magic.key import Key

VALUE = "sk-aba-aba-0"
KEY = Key(VALUE, "https://a.example", "X")
TEXT = st.lists(
    st.sampled_from(
        [VALUE, VALUE[:5], VALUE[-4:], "s", "sk-", "so ", "aba", "\n", "é"]
    ),
    max_size=9,
).map("".join)


def told(events: Iterable[Event], key: Key | None = KEY) -> list[Event]:
    return list(without_key((event for event in events), key))


@given(TEXT, st.lists(st.integers(0, 90), max_size=9))
def test_it_is_taken_out_however_the_text_is_cut(text: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [Text(text[a:b]) for a, b in pairwise(places)]

    told_of = told(pieces)

    assert "".join(e.text for e in told_of if isinstance(e, Text)) == text.replace(
        VALUE, "[key]"
    )
    assert all(e.text for e in told_of if isinstance(e, Text)) or not text


def test_a_text_without_it_is_the_same_object_and_comes_at_once() -> None:
    piece = Text("Hello, wor")
    events = without_key((e for e in [piece, Text("ld")]), KEY)

    assert next(events) is piece


def test_what_waits_comes_before_what_is_no_text() -> None:
    events = [Text("yes"), Reasoning("s"), Refusal("sk"), Text("s", 1), Finish("stop")]

    assert told(events) == [Text("ye"), Text("s"), *events[1:]]


@pytest.mark.parametrize("fault", [ValueError("lost"), KeyboardInterrupt()])
def test_what_waits_is_not_lost_when_it_breaks_off(fault: BaseException) -> None:
    def events() -> Generator[Event, None, None]:
        yield Text("yes")
        raise fault

    seen: list[Event] = []

    def listen() -> None:
        for event in without_key(events(), KEY):
            seen.append(event)  # what came before the fault counts

    with pytest.raises(type(fault)):
        listen()

    assert seen == [Text("ye"), Text("s")]


def test_it_is_in_no_name_either() -> None:
    events: list[Event] = [
        Sent("id", "m"),
        Served(f"m-{VALUE}", VALUE),
        ToolCall(0, "c", VALUE, f'{{"a": "{VALUE}"}}'),
        Finish(VALUE),
    ]

    assert VALUE not in repr(told(events))
    assert told(events)[0] is events[0]
    assert told(events, None) == events


def test_who_stops_listening_closes_what_is_below() -> None:
    closed: list[bool] = []

    def events() -> Generator[Event, None, None]:
        try:
            yield Text("a")
            yield Text("b")
        finally:
            closed.append(True)

    listening = without_key(events(), KEY)
    next(listening)
    listening.close()

    assert closed == [True]
