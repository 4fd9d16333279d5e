"""A service that repeats the key does not bring it into a reply."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Generator, Iterable
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.client.response import redact_key
from nemotron_magic.core.endpoint import Key
from nemotron_magic.core.events import (
    Event,
    Finish,
    Logprobs,
    ModelInfo,
    Notice,
    Reasoning,
    Refusal,
    Sent,
    Text,
    TextWasReasoning,
    ToolCall,
    UsageReport,
)
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.reply import ReplyAccumulator

VALUE = "sk-aba-aba-0"
KEY = Key(VALUE, "https://a.example", "X")
TEXT = st.lists(
    st.sampled_from(
        [VALUE, VALUE[:5], VALUE[-4:], "s", "sk-", "so ", "aba", "\n", "é"]
    ),
    max_size=9,
).map("".join)


def told(events: Iterable[Event], key: Key | None = KEY) -> list[Event]:
    return list(redact_key((event for event in events), key))


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
    events = redact_key((e for e in [piece, Text("ld")]), KEY)

    assert next(events) is piece


def test_what_waits_holds_nothing_else_up_and_is_not_lost() -> None:
    events = [Text("yes"), Reasoning("s"), Refusal("sk"), Text("s", 1), Finish("stop")]

    assert told(events) == [
        *(Text("ye"), Finish("stop"), Text("s"), Reasoning("s")),
        *(Refusal("sk"), Text("s", 1)),
    ]


BETWEEN: list[Event] = [
    Reasoning("so", 1),
    ToolCall(0, "c", "f", "{"),
    Notice("n"),
    UsageReport(Usage(1, 1)),
    Finish("stop"),
    Text("other", 1),
    Logprobs(({"token": "x"},)),
]


@pytest.mark.parametrize("between", BETWEEN, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize(
    "piece",
    [Text, Reasoning, Refusal, lambda text: ToolCall(1, "i", "f", text)],
    ids=["text", "reasoning", "refusal", "tool call"],
)
def test_nothing_in_between_lets_it_out(
    piece: Callable[[str], Event], between: Event
) -> None:
    pieces = [piece(f"a {VALUE[:5]}"), between, piece(f"{VALUE[5:]} b")]
    texts = "".join(
        getattr(e, "text", None) or getattr(e, "arguments", "")
        for e in told(pieces)
        if type(e) is type(pieces[0]) and e != between
    )

    assert texts == "a [key] b"


def test_it_is_in_no_text_that_turns_out_to_be_reasoning() -> None:
    events = told(
        [
            Text(f"so {VALUE[:6]}"),
            TextWasReasoning(f"so {VALUE[:6]}"),
            Reasoning(f"{VALUE} hm"),
            Text("yes"),
        ]
    )
    draft = ReplyAccumulator()
    for one in events:
        draft.add(one)

    assert VALUE not in draft.reply().reasoning
    assert draft.reply() == "yes"


LONG = "9f8e7d/6c5b4a+39281706"
LONG_KEY = Key(LONG, "https://a.example", "X")
WRITTEN = [
    LONG,
    b64encode(LONG.encode()).decode(),
    b64encode(f"Bearer {LONG}".encode()).decode(),
    b64encode(f"u:{LONG}".encode()).decode(),
    LONG.encode().hex(),
    quote(LONG, safe=""),
]


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_it_is_taken_out_in_whatever_form_it_comes(form: str, size: int) -> None:
    text = f"you sent {form} to me"
    pieces = [Text(text[at : at + size]) for at in range(0, len(text), size)]
    said = "".join(e.text for e in told(pieces, LONG_KEY) if isinstance(e, Text))

    assert said.startswith("you sent ")
    assert said.endswith(" to me")
    assert "[key]" in said
    assert form[14:-4] not in said


@pytest.mark.parametrize("size", [1, 2, 5, 50])
@pytest.mark.parametrize("batch", [1, 4, 1000])
def test_it_is_in_no_tokens_however_they_are_cut(size: int, batch: int) -> None:
    text = f"you sent {LONG} and {WRITTEN[1]}, so"
    tokens = [
        {
            "token": text[at : at + size],
            "logprob": -0.5,
            "bytes": list(text[at : at + size].encode()),
            "top_logprobs": [{"token": text[at : at + size], "logprob": -0.5}],
        }
        for at in range(0, len(text), size)
    ]
    batches = range(0, len(tokens), batch)
    events = [Logprobs(tuple(tokens[at : at + batch])) for at in batches]
    kept = [
        t for e in told(events, LONG_KEY) if isinstance(e, Logprobs) for t in e.content
    ]
    words = "".join(str(token["token"]) for token in kept)
    others = "".join(
        str(one["token"]) for t in kept for one in t.get("top_logprobs", ())
    )
    numbers = bytes(n for token in kept for n in token.get("bytes", ())).decode()

    for shown in (words, others, numbers, repr(kept)):
        assert LONG not in shown
        assert WRITTEN[1][4:-4] not in shown
    assert "[key]" in words
    assert words.startswith("you sent"[: 8 - size])
    assert size > 9 or words.endswith(", so")


def test_it_is_in_no_number_and_no_name_of_a_token() -> None:
    entry = {LONG: [{"bytes": list(LONG.encode())}], "x": [[WRITTEN[1]]], "logprob": -1}
    (event,) = told([Logprobs((entry,))], LONG_KEY)
    assert isinstance(event, Logprobs)

    assert event.content == (
        {"[key]": [{"bytes": []}], "x": [["[key]g=="]], "logprob": -1},
    )


def test_a_good_part_of_it_at_a_broken_end_is_no_better() -> None:
    for piece in (Text(f"a {LONG[:15]}"), ToolCall(0, "", "", f"a {LONG[:15]}")):
        assert LONG[:12] not in repr(told([piece], LONG_KEY))
    assert LONG[:12] not in repr(told([ModelInfo(f"m {LONG[:15]}")], LONG_KEY))
    assert told([Text(f"a {LONG[:4]}")], LONG_KEY) == [Text("a "), Text(LONG[:4])]


@pytest.mark.parametrize("fault", [ValueError("lost"), KeyboardInterrupt()])
def test_what_waits_is_not_lost_when_it_breaks_off(fault: BaseException) -> None:
    def events() -> Generator[Event, None, None]:
        yield Text("yes")
        raise fault

    seen: list[Event] = []

    def listen() -> None:
        for event in redact_key(events(), KEY):
            seen.append(event)  # what came before the fault counts

    with pytest.raises(type(fault)):
        listen()

    assert seen == [Text("ye"), Text("s")]


def test_it_is_in_no_name_either() -> None:
    events: list[Event] = [
        Sent("id", "m"),
        ModelInfo(f"m-{VALUE}", VALUE),
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

    listening = redact_key(events(), KEY)
    next(listening)
    listening.close()

    assert closed == [True]


@pytest.mark.parametrize("word", ["none", "EMPTY", "ollama", "lm-studio", "not-needed"])
def test_a_word_that_stands_in_for_a_key_is_left_where_it_stands(word: str) -> None:
    text = f"{word} of the rows, or {word.lower()}"

    assert told([Text(text)], Key(word, "http://127.0.0.1:1", "X")) == [Text(text)]
