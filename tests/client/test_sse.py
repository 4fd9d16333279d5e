"""Bytes to events: any cut, any byte, any length."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import cuts, slices

from nemotron_magic.client.sse import EventStreamDecoder, ServerSentEvent
from nemotron_magic.core.errors import ServiceError

Event = tuple[str, str]


def decoded(*pieces: bytes) -> list[Event]:
    decoder = EventStreamDecoder()
    events: list[ServerSentEvent] = []
    for piece in pieces:
        events += decoder.feed(piece)
    events += decoder.close()
    return [(e.name, e.data) for e in events]


def message(data: str) -> Event:
    return ("message", data)


CASES = {
    "one line": (b"data: a\n\n", [message("a")]),
    "no space": (b"data:a\n\n", [message("a")]),
    "one space only is dropped": (b"data:  a \n\n", [message(" a ")]),
    "a blank token": (b"data:  \n\n", [message(" ")]),
    "a tab is no space": (b"data:\ta\n\n", [message("\ta")]),
    "crlf": (b"data: a\r\n\r\ndata: b\r\n\r\n", [message("a"), message("b")]),
    "cr": (b"data: a\r\rdata: b\r\r", [message("a"), message("b")]),
    "mixed ends": (b"data: a\r\ndata: b\rdata: c\n\r\n", [message("a\nb\nc")]),
    "lf then cr": (b"data: a\n\rdata: b\n\n", [message("a"), message("b")]),
    "two lines": (b"data: a\ndata: b\n\n", [message("a\nb")]),
    "empty lines of data": (b"data\ndata:\n\n", [message("\n")]),
    "data without colon": (b"data\n\n", [message("")]),
    "only blanks": (b"\n\n\n\r\r\n", []),
    "event without data": (b"event: x\n\ndata: a\n\n", [message("a")]),
    "a name": (b"event: error\ndata: a\n\n", [("error", "a")]),
    "a name is for one event": (
        b"event: x\ndata: a\n\ndata: b\n\n",
        [("x", "a"), message("b")],
    ),
    "an empty name": (b"event: x\nevent\ndata: a\n\n", [message("a")]),
    "an id": (b"id: 1\ndata: a\n\ndata: b\nid\n\n", [message("a"), message("b")]),
    "comments": (b": x\ndata: a\n:\n:data: b\n\n", [message("a")]),
    "unknown fields": (b"foo: x\nDATA: y\n data: z\ndata: a\n\n", [message("a")]),
    "colons in the value": (b"data: a: b:c\n\n", [message("a: b:c")]),
    "a mark first": (b"\xef\xbb\xbfdata: a\n\n", [message("a")]),
    "a second mark": (
        b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n",
        [message("b")],
    ),
    "a mark inside": (b"data: \xef\xbb\xbfa\n\n", [message("\ufeffa")]),
    "a mark later": (
        b"data: a\n\n\xef\xbb\xbfdata: b\n\n",
        [message("a"), message("b")],
    ),
    "half a mark": (b"\xef\xbb\n\ndata: a\n\n", [message("a")]),
    "a mark and nothing": (b"\xef\xbb\xbf", []),
    "a bad byte": (b"data: a\xe9b\n\n", [message("a\ufffdb")]),
    "half a character": (b"data: \xf0\x9f\x98\n\n", [message("\ufffd")]),
    "an encoded surrogate": (b"data: \xed\xa0\x80\n\n", [message("\ufffd" * 3)]),
    "nul": (b"data: a\0b\n\n", [message("a\0b")]),
    "separators are no line ends": (
        "data: a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei\n\n".encode(),
        [message("a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei")],
    ),
    "a smuggled field": (
        "data: a\u2028event: error\n\n".encode(),
        [message("a\u2028event: error")],
    ),
    "pending at the end": (
        b"data: a\n\ndata: [DONE]",
        [message("a"), message("[DONE]")],
    ),
    "pending lines at the end": (b"data: a\ndata: b\n", [message("a\nb")]),
    "an old llama's error": (b'error: {"a":1}\n\n', [("error", '{"a":1}')]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("case", CASES)
def test_the_standard_is_kept_however_the_bytes_are_cut(case: str) -> None:
    data, events = CASES[case]
    dice = random.Random(case)
    ways = [slices(data, size) for size in (1, 2, 3, 7)]
    ways += [cuts(data, [dice.randrange(len(data) + 1) for _ in "four"]) for _ in "six"]

    assert decoded(data) == events
    assert all(decoded(*way) == events for way in ways)


def test_empty_pieces_change_nothing() -> None:
    assert decoded(b"data: a\r", b"", b"\n", b"", b"\r\n") == [message("a")]


def test_an_event_is_given_as_soon_as_its_blank_line_ends() -> None:
    decoder = EventStreamDecoder()

    assert len(list(decoder.feed(b"data: a\r\n\r"))) == 1
    assert list(decoder.feed(b"\n")) == []


NAMES = (b"data", b"event", b"id", b":", b"error", b" ", b"\xef\xbb\xbf")
OTHERS = (b"\n", b"\r", b"\r\n", b"a", b"\xc3\xa9", b"\xff")
FIELDS = st.sampled_from([*NAMES, *OTHERS])
BODIES = st.lists(FIELDS | st.binary(max_size=3), max_size=40).map(b"".join)


@given(BODIES, st.lists(st.integers(0, 120), max_size=8))
def test_any_cut_of_any_bytes_gives_the_same_events(data: bytes, at: list[int]) -> None:
    assert decoded(*cuts(data, at)) == decoded(data)
    assert decoded(*slices(data, 1)) == decoded(data)


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    assert all(isinstance(text, str) for _, text in decoded(data))


@given(st.lists(st.text(), max_size=5))
def test_what_was_written_is_read(texts: list[str]) -> None:
    texts = [
        text.replace("\r", "").encode("utf-8", "replace").decode() for text in texts
    ]
    stream = "".join(
        "".join(f"data: {line}\n" for line in text.split("\n")) + "\n" for text in texts
    )

    assert [data for _, data in decoded(stream.encode())] == texts


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 4096])
def test_a_long_line_takes_linear_time(size: int) -> None:
    def seconds(length: int) -> float:
        pieces = slices(b"data: " + b"x" * length, size)
        begun_s = time.process_time()
        decoded(*pieces)
        return time.process_time() - begun_s

    length = 200_000 if size == 1 else 4_000_000
    short_s = min(seconds(length // 4) for _ in "four")

    assert min(seconds(length) for _ in "two") < 12 * short_s + 0.05


@pytest.mark.parametrize(
    "data", [b"data: " + b"x" * 99, b"data: xxxx\n" * 30, b":" + b"x" * 100]
)
def test_what_grows_too_long_is_refused_and_what_came_before_is_given(
    data: bytes,
) -> None:
    decoder = EventStreamDecoder(max_event_bytes=64)
    events: list[ServerSentEvent] = []
    with pytest.raises(ServiceError, match="one event larger than"):
        events.extend(decoder.feed(b"data: a\n\n" + data))

    assert [event.data for event in events] == ["a"]


def test_many_short_events_are_not_too_long() -> None:
    decoder = EventStreamDecoder(max_event_bytes=64)

    assert len(list(decoder.feed(b"data: abc\n\n" * 1000))) == 1000


def test_after_an_end_that_was_none_the_next_event_is_whole() -> None:
    decoder = EventStreamDecoder()
    assert list(decoder.feed(b"data: a long event that no line ends")) == []
    early = list(decoder.close())
    later = [*decoder.feed(b"\n\ndata: b\n\n"), *decoder.feed(b"data: c\n\n")]

    assert [one.data for one in early] == ["a long event that no line ends"]
    assert [one.data for one in later] == ["b", "c"]
