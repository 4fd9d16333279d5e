"""How the bytes of a stream may come.

Each test's docstring begins with the number of its case.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from wire import DONE, HELLO, STOP, Told, cuts, say, slices

from nemotron_magic.client.client import Client
from nemotron_magic.core.errors import ServiceError
from nemotron_magic.display.reply import footer, notices


def test_the_rehearsal_is_what_these_tests_take_it_for(ask: Any) -> None:
    told: Told = ask("rehearsal: say Hello")
    assert (told.text, told.asked, told.retries) == ("Hello", 1, [])


def test_a_plain_stream_gives_its_text(ask: Any) -> None:
    """Case 1."""
    told = ask(body=[HELLO])

    assert told.text == "Hello, world!"
    assert told.reply.finish_reason == "stop"


def test_one_byte_at_a_time_gives_the_same_text(ask: Any) -> None:
    """Case 2."""
    assert ask(body=[HELLO], slice=1).text == "Hello, world!"


def test_a_character_cut_in_two_by_the_network_stays_whole(ask: Any) -> None:
    """Case 3."""
    text = "a\u2028b\u0085c\x0bd😊"
    stream = say(text) + STOP

    told = ask(body=slices(stream, 1))

    assert told.text == text


def test_crlf_cut_between_its_two_bytes_ends_one_line(ask: Any) -> None:
    """Case 4."""
    stream = HELLO.replace(b"\n", b"\r\n")
    after_each_cr = [at + 1 for at, byte in enumerate(stream) if byte == 0x0D]

    assert ask(body=cuts(stream, after_each_cr)).text == "Hello, world!"
    assert ask("rehearsal: say a", dialect="crlf", slice=1).text == "a"


def test_a_lone_cr_ends_a_line(ask: Any) -> None:
    """Case 5."""
    assert ask(body=[HELLO.replace(b"\n", b"\r")]).text == "Hello, world!"


def test_a_byte_order_mark_does_not_cost_the_first_event(ask: Any) -> None:
    """Case 6."""
    stream = b"\xef\xbb\xbf" + HELLO

    assert ask(body=slices(stream, 1)).text == "Hello, world!"


def test_the_space_after_the_colon_may_be_missing(ask: Any) -> None:
    """Case 7."""
    assert ask(body=[HELLO.replace(b"data: ", b"data:")]).text == "Hello, world!"


def test_one_event_may_span_several_data_lines(ask: Any) -> None:
    """Case 8."""
    stream = b'data: {"choices":[{"index":0,\ndata:  "delta":{"content":"Hello"},\n'
    stream += b'data:  "finish_reason":"stop"}]}\n\n' + DONE

    assert ask(body=[stream]).text == "Hello"


def test_comments_are_neither_shown_nor_parsed(ask: Any) -> None:
    """Case 9."""
    stream = b": OPENROUTER PROCESSING\n\n" * 2 + say("Hel") + b": ping\n" + say("lo, ")
    stream += b":\n\n" + STOP + b": PROCESSING\n\n" + DONE

    told = ask(body=[stream])

    assert told.text == "Hello, "
    assert told.notices == []


def test_id_and_retry_lines_make_no_empty_event(ask: Any) -> None:
    """Case 10."""
    stream = b"id: 1\n" + say("Hel") + b": ping\n\nid: 2\n\nretry: 3000\n\n" + STOP

    told = ask(body=[stream])

    assert (told.text, told.notices) == ("Hel", [])


def test_data_without_a_value_is_nothing(ask: Any) -> None:
    """Case 11."""
    told = ask(body=[b"data\n\ndata:\n\n" + say("a") + b"data\n\ndata: \n\n" + STOP])

    assert (told.text, told.notices) == ("a", [])


def test_unknown_fields_are_ignored(ask: Any) -> None:
    """Case 12."""
    stream = b"foo: bar\nevent: message\nid: 7\nretry: 1\n" + HELLO

    assert ask(body=[stream]).text == "Hello, world!"
    assert ask(dialect="fields").error is None


def test_done_may_lack_its_newline(ask: Any) -> None:
    """Case 13."""
    told = ask(body=[HELLO.removesuffix(b"\n\n")])

    assert told.text == "Hello, world!"
    assert told.reply.metadata.ending == "complete"


def test_a_finished_stream_needs_no_done(ask: Any) -> None:
    """Case 14."""
    told = ask(body=[HELLO.removesuffix(DONE)])

    assert told.reply.metadata.ending == "complete"
    assert notices(told.reply) == ()


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_stream_without_any_end_is_called_cut(ask: Any, framing: str) -> None:
    """Case 15."""
    told = ask(body=[say("Hel", "lo, ")], framing=framing)

    assert told.text == "Hello, "
    assert told.reply.metadata.ending == "truncated"
    assert footer(told.reply).startswith("Ended early by the service · ")


def test_nothing_counts_after_done(ask: Any) -> None:
    """Case 16."""
    stream = say("a") + STOP + b"data: [DONE] \n\n" + say("must not be shown")

    assert ask(body=slices(stream, 5)).text == "a"
    assert "must not" not in ask(fault="after-done").text


def test_a_service_that_stays_open_after_done_is_left(ask: Any) -> None:
    """Case 16."""
    begun_s = time.monotonic()

    told = ask("rehearsal: say a", fault="keep-open-after-done")

    assert told.text == "a"
    assert time.monotonic() - begun_s < 2


def test_an_unreadable_piece_is_skipped_and_told_once(ask: Any) -> None:
    """Case 17."""
    broken = b'data: {"choices":[{"ind\n\n'

    told = ask(body=[say("a"), broken, say("b"), broken, STOP])

    assert told.text == "ab"
    assert told.notices == ["2 unreadable pieces of the stream skipped"]


def test_a_stream_that_begins_with_rubbish_is_refused_readably(ask: Any) -> None:
    """Case 17."""
    told = ask(fault="bad-first-chunk")

    assert isinstance(told.error, ServiceError)
    assert "it began: <html>not a chunk" in told.error.why


def test_a_huge_event_and_many_small_ones_take_linear_time(ask: Any) -> None:
    """Case 18."""
    begun_s = time.monotonic()

    huge = ask(fault="huge-line:1")
    many = ask(body=[say("ab") * 10_000 + STOP])

    assert (len(huge.text), len(many.text)) == (2**20, 20_000)
    assert time.monotonic() - begun_s < 5


def test_an_endless_event_is_cut_at_the_cap_and_what_came_is_kept(ask: Any) -> None:
    """Case 18."""
    told = ask(fault="gzip-bomb:40")

    assert isinstance(told.error, ServiceError)
    assert "larger than 16 MiB" in told.error.what
    assert told.asked == 1


def test_a_compressed_stream_arrives_piece_by_piece(ask: Any, session_at: Any) -> None:
    """Case 19."""
    squeeze, so_far, told = zlib.compressobj(wbits=31), [], []

    def body() -> Iterator[bytes]:
        for piece in (say("a"), say("b"), STOP + DONE):
            yield squeeze.compress(piece) + squeeze.flush(zlib.Z_SYNC_FLUSH)
            so_far.append("".join(told))  # of what has been sent by now

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"Content-Encoding": "gzip", "Content-Type": "text/event-stream"}
        return httpx.Response(200, headers=headers, content=body())

    session = session_at("http://127.0.0.1:1", Client(httpx.MockTransport(answer)))
    session.ask("Hi", watch=lambda one: told.append(getattr(one, "text", "")))

    assert so_far[:2] == ["a", "ab"]
    assert ask("rehearsal: say whole", dialect="gzip").text == "whole"
