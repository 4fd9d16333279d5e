"""Bodies to events: random shapes, hostile fields, and every dialect cut anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service import DIALECTS, serve
from wire import DONE, ELSEWHERE, KEY, STOP, cuts, delta, event, hear, say, slices

from nemotron_magic.client.http_errors import RequestInfo
from nemotron_magic.client.parser import CompletionParser
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import (
    NemotronError,
    OutcomeUnknownError,
    RateLimitError,
    RequestError,
    ServiceError,
)
from nemotron_magic.core.events import Damaged, Notice, Text, Truncated

NAMES = (
    *("choices", "delta", "content", "index", "message", "finish_reason", "logprobs"),
    *("reasoning", "reasoning_details", "tool_calls", "function", "arguments", "name"),
    *("usage", "meta", "error", "model", "id", "object", "statusCode", "text", "loc"),
    *("refusal", "code", "status", "detail", "msg", "requestId"),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["<think>", "</think>\n", "error", 10**400, -1])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)
CHUNKS = st.fixed_dictionaries(
    {"choices": st.lists(st.fixed_dictionaries({"delta": JSON}), max_size=2) | JSON}
)


@given(st.lists(CHUNKS | JSON, min_size=1, max_size=4))
def test_no_json_of_a_service_breaks_the_reader(chunks: list[Any]) -> None:
    heard = hear(*(event(chunk) for chunk in chunks))

    assert isinstance(heard.error, NemotronError | None)
    assert len(str(heard.error).splitlines()) in (1, 2, 3)


@given(JSON)
def test_no_whole_body_breaks_the_reader(body: Any) -> None:
    heard = hear(json.dumps(body).encode(), content_type="application/json")

    assert isinstance(heard.error, NemotronError | None)


@given(st.binary(max_size=200), st.sampled_from(["", "text/event-stream", "text/html"]))
def test_no_bytes_break_the_reader(body: bytes, content_type: str) -> None:
    heard = hear(body, content_type=content_type)

    assert heard.error is not None or heard.reply is not None


@given(
    st.lists(CHUNKS.map(event) | st.just(STOP) | st.just(b": ping\n"), max_size=4),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_no_cut_changes_the_reply(events: list[bytes], at: list[int]) -> None:
    body = say("<thi", "nk>a</think>b") + b"".join(events) + STOP
    whole, cut = hear(body), hear(*cuts(body, at))

    assert (str(whole.reply), whole.reply.metadata) == (
        str(cut.reply),
        cut.reply.metadata,
    )
    assert str(whole.error) == str(cut.error)


@pytest.fixture(scope="module")
def recorded() -> Callable[[str, bool], bytes]:
    """Give the body that a rehearsal sends in a dialect."""
    import http.client

    def record(dialect: str, stream: bool) -> bytes:
        with serve(dialect=dialect) as url:
            connection = http.client.HTTPConnection(url.split("/")[2])
            messages = [
                {"role": "user", "content": "rehearsal: say Hello, 'world' ü😊!"}
            ]
            body = {"model": "openai/gpt-4o", "messages": messages, "stream": stream}
            connection.request("POST", "/v1/chat/completions", json.dumps(body))
            with connection.getresponse() as response:
                read = response.read()
            connection.close()
        return read

    return record


WITHOUT_TEXT = {"refusal", "reasoning-only", "reasoning-for-answer", "tool-calls"}
WHOLE_TEXT = sorted(set(DIALECTS) - WITHOUT_TEXT - {"gzip", "orphan-close"})


@pytest.mark.parametrize("dialect", WHOLE_TEXT)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_every_dialect_gives_the_same_text_in_every_cut(
    recorded: Callable[[str, bool], bytes], dialect: str, stream: bool
) -> None:
    body = recorded(dialect, stream)
    heard = [hear(*slices(body, size), content_type="") for size in (1, 3, 7, 4096)]

    assert {str(one.reply) for one in heard} == {"Hello, 'world' ü😊!"}
    assert all(one.reply.metadata == heard[0].reply.metadata for one in heard)
    assert all(one.error is None for one in heard)


@pytest.mark.parametrize("kind", ["", "text/event-stream; charset=utf-8", "text/plain"])
def test_a_body_is_read_for_what_it_is_not_for_its_label(kind: str) -> None:
    whole = b'\n {"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}'

    assert str(hear(say("a") + STOP, content_type=kind).reply) == "a"
    assert str(hear(whole, content_type=kind).reply) == "a"


def test_a_whole_completion_has_all_that_a_stream_has() -> None:
    message = {"content": "a", "reasoning": "b", "refusal": None, "tool_calls": []}
    body = {
        "id": "gen-1",
        "model": "served",
        "choices": [{"index": 0, "message": message, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        "meta": {"usage": {"usd_spent": 0.5}},
    }
    reply = hear(json.dumps(body).encode()).reply

    assert (str(reply), reply.reasoning, reply.model) == ("a", "b", "served")
    assert (reply.finish_reason, reply.cost_usd) == ("length", 0.5)


@pytest.mark.parametrize("blank", [" ", "\n", "\n\n  "])
@pytest.mark.parametrize("thought", ["", "<think>hm</think>", "hm</think>\n"])
def test_a_reply_of_blanks_is_reasoning_only_if_it_had_any(
    blank: str, thought: str
) -> None:
    heard = hear(say(thought, blank), STOP, DONE)

    said = [one.text for one in heard.events if isinstance(one, Notice)]
    assert heard.reply.reasoning.strip() == ("hm" if thought else "")
    assert [one.partition(",")[0] for one in said] == (
        ["All of the reply came as reasoning"] if thought else []
    )


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "slow down", "code": 429}, RateLimitError),
        ({"message": "slow down", "code": "429"}, RateLimitError),
        ({"message": "maximum context length is 8192 tokens"}, RequestError),
        ({"message": "engine died", "code": None}, ServiceError),
        ({"message": "", "code": 7}, ServiceError),
        ("it broke", ServiceError),
        (["it", "broke"], ServiceError),
        (500, ServiceError),
        (True, ServiceError),
    ],
)
def test_an_error_in_the_stream_is_the_same_error(error: Any, kind: type) -> None:
    heard = hear(say("a"), event({"error": error}), say("b"))

    assert type(heard.error) is kind
    assert heard.error.final
    assert str(heard.reply) == "a"


@pytest.mark.parametrize(
    "error",
    [
        None,
        "",
        False,
        {},
        [],
        0,
        {"code": 0, "message": "Success"},
        {"code": "0", "message": "成功"},
        {"code": 200, "message": "OK"},
        "none",
        {"message": None, "type": None},
    ],
)
def test_an_empty_error_field_is_no_error(error: Any) -> None:
    chunk = {"choices": [{"delta": {"content": "a"}}], "error": error}

    assert hear(event(chunk), STOP).error is None


def test_an_error_without_a_status_names_none() -> None:
    heard = hear(event({"error": {"message": "died"}}))

    assert heard.error.what == "models.example.org failed"


def test_a_message_in_a_chunk_with_choices_is_no_error() -> None:
    chunk = {"choices": [], "message": "hi", "code": 200, "status": 3, "title": "x"}

    assert hear(event(chunk), say("a"), STOP).error is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"other": "Not Found"}', 'it began: {"other": "Not Found"}'),
        (b"plain words", "it began: plain words"),
        (b"[1, 2]", "it began: [1, 2]"),
        (b"[" * 100_000, "it began: [[["),
        (b"<title>Log in &lt;b&gt;</title><script>x()</script>", "it began: Log in b"),
    ],
)
def test_a_body_that_is_no_reply_is_shown_in_short(body: bytes, words: str) -> None:
    heard = hear(body, content_type="text/html")

    assert isinstance(heard.error, ServiceError)
    assert heard.error.why.startswith(words)
    assert len(heard.error.why) <= 220


def test_a_captive_portal_is_guessed() -> None:
    heard = hear(b"<html><title>Hotel</title></html>", content_type="text/html")

    assert "log in" in heard.error.hint


def test_deep_json_in_the_stream_is_one_unreadable_piece() -> None:
    heard = hear(say("a"), b"data: " + b"[" * 100_000 + b"\n\n", STOP)

    assert heard.events[-2:] == [
        Notice("1 unreadable piece of the stream skipped"),
        Damaged(),
    ]
    assert not heard.reply.is_whole


def test_the_key_is_taken_out_of_what_a_body_began_with() -> None:
    key = Key(KEY, "https://a.example", "X")
    asked = RequestInfo(Endpoint.read("https://a.example"), "m", key)
    for body in (f"oops {'x' * 180} {KEY}", f"data: oops {'x' * 180} {KEY}\n\n"):
        reader = CompletionParser(asked)
        reader.feed(body.encode())
        reader.close()

        assert KEY[:9] not in str(reader.error)


@pytest.mark.parametrize("end", [b"", STOP[:30]])
def test_a_stream_that_just_ends_is_cut(end: bytes) -> None:
    heard = hear(say("a"), end)

    assert heard.events[-1] == Truncated()


def test_done_without_a_reason_is_an_end() -> None:
    assert Truncated() not in hear(say("a"), DONE).events


@pytest.mark.parametrize("body", [b"", b" \n", DONE, b": ping\n\n", delta(role="x")])
def test_nothing_at_all_may_have_been_billed(body: bytes) -> None:
    heard = hear(body + DONE)

    assert isinstance(heard.error, OutcomeUnknownError)
    assert heard.error.hint.startswith("Ask again")


def test_a_body_that_never_tells_what_it_is_is_refused_at_the_cap() -> None:
    reader = CompletionParser(RequestInfo(Endpoint.read("https://a.example"), "m"))
    for _ in range(17):
        reader.feed(b"{" + b" " * 2**20)

    assert "more than a chat reply" in reader.error.what


@pytest.mark.parametrize("odd", ["5", '"x"', "[]"])
def test_an_odd_value_between_lines_of_json_costs_no_text(odd: str) -> None:
    line = json.dumps({"choices": [{"index": 0, "delta": {"content": "a"}}]})
    reader = CompletionParser(RequestInfo(Endpoint.read("http://host/v1"), "m"))
    reader.feed(f"{line}\n{odd}\n".encode())
    events = reader.close()

    assert "a" in [getattr(one, "text", "") for one in events]
    assert reader.error is None


@pytest.mark.parametrize("first", ["hello", "5", "[]"])
def test_a_stream_that_begins_with_no_chunk_is_said_to_be_none(first: str) -> None:
    error = hear(f"data: {first}\n\n".encode()).error

    assert "sent a stream that is no chat reply" in str(error)


@pytest.mark.parametrize("is_stream", [True, False], ids=["an event", "a body"])
def test_what_is_whole_is_told_before_it_ends(is_stream: bool) -> None:
    chunk = b'{"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}'
    reader = CompletionParser(RequestInfo(ELSEWHERE, "m"))
    half = reader.feed(b"data: " * is_stream + chunk[:-1])
    events = reader.feed(chunk[-1:])

    assert half == []
    assert (Text("a") in events, reader.done) == (is_stream, not is_stream)
