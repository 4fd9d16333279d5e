"""What a client must tolerate: seventy cases, over real sockets where the wire matters.

Each test's docstring begins with the number of its case.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from wire import (
    AIMLAPI,
    DONE,
    HELLO,
    KEY,
    LIVE,
    STOP,
    Told,
    cuts,
    delta,
    event,
    hear,
    say,
    slices,
)

from nemotron_magic.catalogue import read_models
from nemotron_magic.client import Client
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import (
    AuthenticationError,
    ConnectionFailed,
    CreditError,
    InputError,
    ModelError,
    NemotronError,
    OutcomeUnknown,
    RateLimitError,
    RequestError,
    ServiceError,
)
from nemotron_magic.events import Finish
from nemotron_magic.key import Key
from nemotron_magic.parameters import DEFAULT_MODEL
from nemotron_magic.settings import Settings
from nemotron_magic.summary import remarks
from nemotron_magic.usage import Usage

# ---- streaming: framing


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
    assert told.reply.details.ending == "complete"


def test_a_finished_stream_needs_no_done(ask: Any) -> None:
    """Case 14."""
    told = ask(body=[HELLO.removesuffix(DONE)])

    assert told.reply.details.ending == "complete"
    assert remarks(told.reply) == ()


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_stream_without_any_end_is_called_cut(ask: Any, framing: str) -> None:
    """Case 15."""
    told = ask(body=[say("Hel", "lo, ")], framing=framing)

    assert told.text == "Hello, "
    assert told.reply.details.ending == "truncated"
    assert "before the model did" in remarks(told.reply)[0]


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


# ---- streaming: what is in a chunk


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


@pytest.mark.parametrize("content", [None, "", 7, True, {}, []])
def test_content_that_is_no_text_adds_nothing(content: Any) -> None:
    """Case 23."""
    heard = hear(say("a"), delta(content=content), say(" "), say("b"), STOP)

    assert str(heard.reply) == "a b"


def test_a_stream_of_content_that_is_no_text_is_an_empty_reply() -> None:
    """Case 23."""
    assert isinstance(hear(delta(content=7), DONE).error, OutcomeUnknown)


def test_the_last_finish_reason_that_is_given_counts() -> None:
    """Case 24."""
    bare = event({"choices": [{"index": 0, "delta": {"content": "a"}}]})
    heard = hear(bare, delta("stop"), delta("length"), delta(None), DONE)

    assert heard.reply.finish_reason == "length"


def test_empty_ids_and_another_model_are_told_as_they_are(ask: Any) -> None:
    """Case 25."""
    told = ask(dialect="aimlapi-anthropic", unknown_model="accept")

    assert told.reply.details.model == DEFAULT_MODEL
    assert told.reply.model == "Llama-3.1-Nemotron-70B-Instruct-HF"
    assert told.reply.details.completion_id.startswith("msg_")


def test_the_first_model_that_is_named_is_the_one_that_served() -> None:
    """Case 25."""
    nameless = event({"id": "", "model": "", "choices": []})
    named = event({"id": "gen-1", "model": "served", "choices": []})
    heard = hear(nameless, named, say("a"), STOP)

    assert heard.reply.model == "served"
    assert heard.reply.details.completion_id == "gen-1"


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
    heard = hear(*mixed, delta("stop", 1), delta("length", 0), DONE)

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
    said = " ".join(remarks(ask(dialect="reasoning-only").reply))

    assert "All tokens went into reasoning" in said
    assert "--max-tokens 16384" in said


def test_tool_calls_are_put_together_and_told(ask: Any) -> None:
    """Case 34."""
    told = ask(dialect="tool-calls", slice=3)
    calls = told.reply.details.tool_calls

    assert len(calls) == 2
    assert all(json.loads(call.arguments) is not None for call in calls)
    assert "nothing was run" in remarks(told.reply)[-1]


@pytest.mark.parametrize(
    ("dialect", "told"),
    [
        ("content-filter", "content filter"),
        ("finish-unknown", "The model stopped for this reason: eos_token"),
        ("finish-error", "reported an error"),
    ],
)
def test_an_odd_finish_reason_is_told(ask: Any, dialect: str, told: str) -> None:
    """Case 35."""
    reply = ask("rehearsal: say a", dialect=dialect).reply

    assert reply == "a"
    assert told in remarks(reply)[0]


def test_a_finish_reason_may_hold_anything() -> None:
    """Case 35."""
    reply = hear(say("a"), delta("{more} {0}")).reply

    assert remarks(reply) == ("The model stopped for this reason: {more} {0}",)


def test_a_refusal_is_kept_as_one(ask: Any) -> None:
    """Case 36."""
    told = ask(dialect="refusal")

    assert told.text == ""
    assert "can't help" in told.reply.details.refusal
    assert remarks(told.reply) == ()


@pytest.mark.parametrize("dialect", ["openai", "llamacpp", "openrouter", "odd-chunks"])
def test_further_fields_are_ignored(ask: Any, dialect: str) -> None:
    """Case 37."""
    told = ask("rehearsal: say Hello, world!", dialect=dialect)

    assert (told.text, told.notices) == ("Hello, world!", [])


# ---- errors


@pytest.mark.parametrize(
    ("case", "fault", "words"),
    [
        (38, "error-openrouter", "Provider disconnected unexpectedly"),
        (39, "error-openai", "engine died"),
        (39, "error-openai-done", "engine died"),
        (40, "error-vllm-old", "engine died"),
        (41, "error-llamacpp-old", "exceeds the available context size"),
        (42, "error-aimlapi", "Service unavailable"),
        (43, "error-named-event", "Rate limit exceeded"),
        (43, "error-string", "it broke"),
        (43, "error-empty", ""),
        (43, "error-litellm", "litellm.APIError"),
    ],
)
def test_an_error_in_mid_stream_keeps_the_text_and_is_not_retried(
    ask: Any, case: int, fault: str, words: str
) -> None:
    """Cases 38 to 43."""
    told = ask("rehearsal: say Hello, world!", fault=fault)

    assert told.error is not None
    assert words in told.error.why
    assert told.text == "Hello, w"
    assert told.reply.details.ending == "failed"
    assert told.asked == 1


def test_an_error_that_is_null_is_none(ask: Any) -> None:
    """Case 43."""
    assert ask("rehearsal: say Hello", fault="error-null").text == "Hello"


def test_text_held_back_for_a_tag_is_given_before_the_error() -> None:
    """Case 38."""
    heard = hear(say("<thi"), event({"error": {"message": "died"}}))

    assert str(heard.reply) == "<thi"
    assert heard.error is not None


def test_an_error_with_status_200_is_no_empty_answer(ask: Any) -> None:
    """Case 44."""
    told = ask(fault="json-error-200")

    assert "Provider returned error" in told.error.why
    assert told.asked == 1


def test_a_whole_completion_in_place_of_a_stream_is_used(ask: Any) -> None:
    """Case 45."""
    told = ask("rehearsal: say Hello", dialect="json-instead")

    assert told.text == "Hello"
    assert told.reply.cost_usd is not None


def test_a_stream_in_place_of_a_completion_is_used(ask: Any) -> None:
    """Case 46."""
    told = ask(
        "rehearsal: say Hello", dialect="sse-instead", settings={"stream": False}
    )

    assert told.text == "Hello"


@pytest.mark.parametrize("stream", [True, False])
def test_created_is_success(ask: Any, stream: bool) -> None:
    """Case 47."""
    told = ask("rehearsal: say Hello", status=201, settings={"stream": stream})

    assert told.text == "Hello"


@pytest.mark.parametrize("fault", ["204", "202", "empty-200"])
def test_an_empty_success_is_an_error(ask: Any, fault: str) -> None:
    """Case 47."""
    told = ask(fault=fault)

    assert isinstance(told.error, OutcomeUnknown)
    assert "sent an empty reply" in told.error.what
    assert told.asked == 1


@pytest.mark.parametrize(
    "fault",
    ["400", "400-long", "400-list", "401-text", "402", "403-funds", "404-detail",
     "404-path", "410", "413", "422", "429-bare", "429-plain", "500-flat", "502-big",
     "520-html", "html-200"],
)  # fmt: skip
def test_every_shape_of_error_becomes_three_plain_lines(ask: Any, fault: str) -> None:
    """Case 48."""
    message = str(ask(fault=fault).error)

    assert len(message.splitlines()) <= 3
    assert len(message) < 700
    assert "<" not in message
    assert "alert(" not in message


def test_a_list_of_messages_is_joined(ask: Any) -> None:
    """Case 48."""
    why = ask(fault="400-list").error.why

    assert "must be an array; temperature must not" in why


ADVICE = {
    "401": (AuthenticationError, "%nemotron login"),
    "402": (CreditError, "Top up"),
    "403-credits": (CreditError, "Top up"),
    "403-plan": (CreditError, "Top up"),
    "403-verification": (CreditError, "Verify it"),
    "403-key": (CreditError, "Top up"),
    "403-moderation": (RequestError, "Rephrase"),
    "404-model": (ModelError, "Live here: nvidia/nemotron"),
    "404-path": (RequestError, "Is base_url right?"),
    "410": (ModelError, "Live here: nvidia/nemotron"),
    "400": (RequestError, "-h lists the flags"),
    "400-context": (RequestError, "Shorten it"),
    "400-role": (RequestError, '--system ""'),
    "400-budget": (RequestError, "--max-tokens"),
    "400-model": (ModelError, "Live here: nvidia/nemotron"),
    "413": (RequestError, "Shorten it"),
    "429-quota": (RateLimitError, "renewed"),
    "429-free": (RateLimitError, "renewed"),
}


@pytest.mark.parametrize("fault", ADVICE)
def test_each_refusal_has_its_own_advice_and_is_not_repeated(
    ask: Any, fault: str
) -> None:
    """Case 49."""
    kind, advice = ADVICE[fault]

    told = ask(fault=fault, settings={"model": LIVE})

    assert type(told.error) is kind
    assert advice in told.error.todo
    assert (told.asked, told.retries) == (1, [])


def test_too_many_requests_are_repeated_twice_at_most(ask: Any) -> None:
    """Case 49."""
    told = ask(fault="429")

    assert isinstance(told.error, RateLimitError)
    assert told.asked == 3


@pytest.mark.parametrize(
    ("fault", "waits_s"),
    [
        ("429-after-2", [2.0, 2.0]),
        ("429", [1.0, 2.0]),
        ("429-nan", [1.0, 2.0]),
        ("429-negative", [1.0, 2.0]),
        ("429-garbage", [1.0, 2.0]),
        ("429-day", []),
        ("429-huge", []),
    ],
)
def test_the_wait_that_is_asked_for_is_kept_or_refused(
    ask: Any, fault: str, waits_s: list[float]
) -> None:
    """Case 50."""
    told = ask(fault=fault)

    assert told.waits_s == waits_s


def test_a_date_to_wait_for_is_kept(ask: Any) -> None:
    """Case 50."""
    told = ask(fault="429-date", fault_times=1)

    assert 0 < told.waits_s[0] <= 2
    assert told.reply is not None


def test_a_wait_of_a_day_is_told(ask: Any) -> None:
    """Case 50."""
    assert ask(fault="429-day").error.todo.startswith("It asks to wait 24 hours")


@pytest.mark.parametrize("fault", ["500", "502-html", "503", "520-html", "408", "529"])
def test_a_failure_then_success_is_shown_once_and_told(ask: Any, fault: str) -> None:
    """Case 51."""
    told = ask("rehearsal: say Hello", fault=fault, fault_times=1)

    assert told.text == "Hello"
    assert told.reply.details.attempts == 2
    assert "asked again" in remarks(told.reply)[0]


@pytest.mark.parametrize(
    ("fault", "requests"), [("500", 2), ("502-html", 2), ("503", 3), ("520-html", 2)]
)
def test_a_failure_that_stays_is_repeated_only_so_often(
    ask: Any, fault: str, requests: int
) -> None:
    """Case 51."""
    told = ask(fault=fault)

    assert isinstance(told.error, ServiceError)
    assert told.asked == requests


@pytest.mark.parametrize("fault", ["504", "524-html"])
def test_a_gateway_that_gave_up_may_have_cost_and_is_not_repeated(
    ask: Any, fault: str
) -> None:
    """Case 51; the design is stricter than the case."""
    told = ask(fault=fault)

    assert isinstance(told.error, OutcomeUnknown)
    assert "may have been billed" in told.error.what
    assert told.asked == 1


def test_the_body_of_a_refused_stream_is_read(ask: Any) -> None:
    """Case 52."""
    told = ask(fault="500-maintenance", slice=7)

    assert "The model is under maintenance" in told.error.why
    assert told.error.request_id.startswith("rehearsal")


def test_a_refused_connection_names_the_host(session_at: Any) -> None:
    """Case 53."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectionFailed) as failed:
            session_at(f"http://127.0.0.1:{port}").ask("Hello")

    assert failed.value.what == f"cannot connect to 127.0.0.1:{port}"


def no_such_host(host: str, port: int) -> None:
    raise socket.gaierror(-2, "Name or service not known")


def test_an_unknown_host_is_named_and_not_tried_again(session_at: Any) -> None:
    """Case 53."""
    waits_s: list[float] = []
    client = Client(resolve=no_such_host, sleep=waits_s.append)
    with pytest.raises(ConnectionFailed, match=r"cannot find the host no\.such\.host"):
        session_at("https://no.such.host", client, key=KEY).ask("Hello")

    assert waits_s == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    both = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-keyout", str(both)]
    command += ["-out", f"{both}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    both.write_bytes(both.read_bytes() + Path(f"{both}.crt").read_bytes())
    return both


def test_an_untrusted_certificate_is_refused_for_good(
    session_at: Any, certificate: Path
) -> None:
    """Case 53."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with server.accept()[0] as plain, pytest.raises(ssl.SSLError):
                context.wrap_socket(plain, server_side=True)

        thread = Thread(target=accept)
        thread.start()
        with pytest.raises(ConnectionFailed) as failed:
            session_at(f"https://127.0.0.1:{server.getsockname()[1]}").ask("Hello")
        thread.join()

    assert "certificate of 127.0.0.1" in failed.value.what
    assert failed.value.final


def test_https_to_a_service_without_it_is_told_as_such(
    served: Any, session_at: Any
) -> None:
    """Case 53."""
    url = served().replace("http:", "https:")
    with pytest.raises(ConnectionFailed, match="no secure connection") as failed:
        session_at(url).ask("Hello")

    assert "certificate" not in str(failed.value)


def test_a_proxy_that_is_not_there_is_named(
    session_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 53."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(ConnectionFailed) as failed:
        session_at("https://models.example.org", key=KEY).ask("Hello")

    assert failed.value.what == "cannot connect to the proxy 127.0.0.1:9 of HTTPS_PROXY"


CUTS = (
    "cut-chunked",
    "cut-content-length",
    "reset-mid-stream",
    "reset-mid-chunk",
    "bad-chunk-size",
)


@pytest.mark.parametrize("fault", CUTS)
def test_a_connection_that_breaks_off_keeps_the_text(ask: Any, fault: str) -> None:
    """Case 54."""
    told = ask("rehearsal: length 60", fault=fault)

    assert isinstance(told.error, OutcomeUnknown)
    assert "may have been billed" in str(told.error)
    assert told.text.startswith("**Rehearsal")
    assert told.reply.details.ending == "failed"
    assert told.asked == 1


@pytest.mark.parametrize("fault", ["close-delimited-cut", "truncated-gzip", "no-done"])
def test_a_cut_that_looks_like_an_end_is_told(ask: Any, fault: str) -> None:
    """Case 54."""
    told = ask("rehearsal: length 60", fault=fault)

    assert told.text.startswith("**Rehearsal")
    assert told.reply.details.ending == "truncated"


SILENT = ("close-before-headers", "reset-before-headers", "reset-after-headers",
          "bad-status-line")  # fmt: skip


@pytest.mark.parametrize("fault", SILENT)
def test_a_break_before_any_text_is_not_repeated_in_silence(
    ask: Any, fault: str
) -> None:
    """Case 54; the design is stricter than the case."""
    told = ask(fault=fault)

    assert isinstance(told.error, OutcomeUnknown)
    assert told.reply is None
    assert told.asked == 1


@pytest.mark.parametrize("fault", ["stall-before-headers:2", "stall-mid-stream:2"])
def test_silence_ends_after_its_time(ask: Any, fault: str) -> None:
    """Case 54."""
    told = ask("rehearsal: say Hello", fault=fault, settings={"gap_timeout_s": 0.2})

    assert isinstance(told.error, OutcomeUnknown)
    assert told.error.what.endswith("fell silent for 0.2 s")
    assert told.error.todo == "Allow more: %config Nemotron.gap_timeout_s = 0.4"
    assert told.asked == 1


def ticking(step_s: float) -> Any:
    """Give a clock that moves on by `step_s` with every look."""
    looks = iter(range(1_000_000))
    return lambda: next(looks) * step_s


@pytest.mark.parametrize(
    ("fault", "words"),
    [("keepalive-forever:0", "no new text came"), ("endless", "took longer than")],
)
def test_a_stream_without_end_is_ended(ask: Any, fault: str, words: str) -> None:
    """Case 54."""
    client = Client(clock_s=ticking(1.0))
    settings = {"client": client, "progress_timeout_s": 20, "total_timeout_s": 30}

    told = ask(fault=fault, settings=settings)

    assert isinstance(told.error, OutcomeUnknown)
    assert words in told.error.what


def test_damaged_compression_is_our_error(ask: Any) -> None:
    """Case 55."""
    told = ask(fault="bad-gzip")

    assert isinstance(told.error, OutcomeUnknown)
    assert "damaged compressed data" in told.error.what


def test_compressed_text_before_the_damage_is_kept(ask: Any) -> None:
    """Case 55."""
    packer = zlib.compressobj(wbits=31)
    good = packer.compress(say("Hello")) + packer.flush(zlib.Z_SYNC_FLUSH)

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"Content-Encoding": "gzip", "Content-Type": "text/event-stream"}
        return httpx.Response(200, headers=headers, content=iter([good, b"\xff" * 64]))

    told = ask(settings={"client": Client(httpx.MockTransport(answer))})

    assert isinstance(told.error, OutcomeUnknown)
    assert told.text == "Hello"


def test_an_unknown_encoding_is_told(ask: Any) -> None:
    """Case 55."""
    assert "x-rehearsal" in ask(fault="unknown-encoding").error.why


# Case 56, the interrupt, is in test_interrupt.py: it needs a process of its own.


@pytest.mark.parametrize("padding", [b" \n\n  \n", b"\n" * 5000, b"\xef\xbb\xbf \r\n"])
def test_blanks_before_a_body_are_skipped(ask: Any, padding: bytes) -> None:
    """Case 57."""
    completion = {"choices": [{"message": {"content": "Hello"}}]}
    whole = json.dumps(completion).encode()

    for body in (padding + whole, padding + HELLO[:0] + say("Hello") + STOP):
        told = ask(body=slices(body, 64), content_type="application/json")
        assert told.text == "Hello"


@pytest.mark.parametrize(
    "fault", ["redirect-host", "redirect-303", "redirect-loop", "redirect-file",
              "redirect-slash"]
)  # fmt: skip
def test_a_redirect_is_named_and_not_followed(ask: Any, fault: str) -> None:
    """Case 58."""
    told = ask(fault=fault, settings={"key": KEY})

    assert isinstance(told.error, RequestError)
    assert "redirects to" in told.error.what
    assert "not followed" in told.error.why
    assert len(told.url.requests) == 1


def test_a_redirect_takes_the_key_to_no_other_host(ask: Any, served: Any) -> None:
    """Case 58."""
    other = served()
    ask(fault=f"redirect-host:{other}/chat/completions", settings={"key": KEY})

    assert other.requests == []


# ---- the request


def test_blanks_around_a_key_are_dropped(ask: Any) -> None:
    """Case 59."""
    told = ask(key=KEY, settings={"key": f"  {KEY}\n"})

    assert told.reply is not None
    assert told.url.requests[-1].authorized


def test_a_key_with_a_strange_letter_is_refused_kindly() -> None:
    """Case 59."""
    with pytest.raises(AuthenticationError, match=r"holds 'é' \(U\+00E9\)") as failed:
        Key("sk-é-planted", AIMLAPI.origin, "X")

    assert "planted" not in str(failed.value)


@pytest.mark.parametrize(
    ("name", "value", "limits"),
    [
        ("seed", 0, "[1, …)"),
        ("top_p", 0, "[0.01, 1]"),
        ("min_p", 0, "[0.001, 0.999]"),
        ("min_p", 1, "[0.001, 0.999]"),
        ("temperature", 2.1, "[0, 2]"),
        ("max_tokens", 0, "[1, …)"),
        ("top_logprobs", 21, "[0, 20]"),
        ("n", 0, "[1, …)"),
    ],
)
def test_a_value_out_of_range_never_leaves(
    name: str, value: float, limits: str
) -> None:
    """Case 60."""
    with pytest.raises(InputError) as failed:
        Settings({name: value, "logprobs": True})

    assert str(failed.value) == f"{name} must lie in {limits}, got {value}"


def test_what_is_not_set_is_not_sent(ask: Any) -> None:
    """Case 61."""
    told = ask(settings={"stream": False})

    assert set(told.body) == {"model", "messages", "max_tokens", "stream"}
    assert None not in told.body.values()


def test_usage_is_asked_for_only_when_streaming(ask: Any) -> None:
    """Case 61."""
    assert ask().body["stream_options"] == {"include_usage": True}


def test_half_an_emoji_is_replaced_and_a_whole_one_sent(ask: Any) -> None:
    """Case 62."""
    told = ask("a\ud83d b 😊 \ud83d\ude0a", settings={"system": ""})

    assert told.body["messages"][0]["content"] == "a\ufffd b 😊 😊"


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1:80",
        "http://127.0.0.1:80/",
        "http://127.0.0.1/v1",
        "http://127.0.0.1/v1/",
        "http://127.0.0.1/v1/chat/completions",
        " HTTP://127.0.0.1:080/v1/chat/completions/ ",
    ],
)
def test_every_form_of_a_base_url_is_one_address(base_url: str) -> None:
    """Case 63."""
    endpoint = Endpoint.read(base_url)

    assert endpoint.chat_url == "http://127.0.0.1/v1/chat/completions"


@pytest.mark.parametrize("unknown_model", ["404", "404-empty", "400"])
def test_a_retired_default_is_replaced_by_a_live_model_and_told(
    ask: Any, unknown_model: str
) -> None:
    """Case 64."""
    told = ask("rehearsal: say Hello", retired=True, unknown_model=unknown_model)

    if unknown_model == "404-empty":
        assert isinstance(told.error, RequestError)  # it may be the address as well
    else:
        assert told.text == "Hello"
        assert remarks(told.reply)[0] == (
            f"{DEFAULT_MODEL} is not served any more; asked {LIVE}"
        )


def test_a_history_holds_only_what_every_model_takes(
    served: Any, session_at: Any
) -> None:
    """Case 65."""
    url = served(dialect="reasoning-content")
    session = session_at(url)
    session.ask("rehearsal: think\nrehearsal: say One")
    session.ask("rehearsal: say Two")

    messages = url.requests[-1].body["messages"]
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]
    assert all(set(m) == {"role", "content"} for m in messages)
    assert messages[2]["content"] == "One"


def test_the_ids_of_a_request_are_sent_and_kept(ask: Any) -> None:
    """Case 66."""
    told = ask()
    sent = told.url.requests[-1].headers["x-client-request-id"]

    assert told.reply.details.client_request_id == sent
    assert told.reply.details.request_id == "rehearsal000000000001"
    assert "request id rehearsal000000000001" in str(ask(fault="400").error)


# ---- catalogue and balance


def priced(pricing: Any) -> tuple[float | None, float | None]:
    (model,) = read_models({"data": [{"id": "a", "pricing": pricing}]})
    return model.input_usd, model.output_usd


def unit(price: Any, **fields: Any) -> dict[str, Any]:
    return {"name": "token", "price": price, **fields}


@pytest.mark.parametrize(
    ("pricing", "prices"),
    [
        ({"units": [unit(1.5, measure="input", per=1_000_000)]}, (1.5, None)),
        (
            {
                "units": [
                    unit(1.95, origin="generated", per=1_000_000),
                    unit(0.1, origin="cached", per=1_000_000),
                    unit("0.65", origin="provided", per=1_000_000),
                ]
            },
            (0.65, 1.95),
        ),
        ({"units": [unit(7.8e-9, measure="output", per=1)]}, (None, 0.0078)),
        ({"units": [unit(9, origin="provided", content="image")]}, (None, None)),
        ({"prompt": "0.0000001", "completion": "0.0000005"}, (0.1, 0.5)),
        ({"kind": "variable"}, (None, None)),
        ({"kind": "variants", "variants": [{"price": 1}]}, (None, None)),
        ({"units": [unit(1, measure="input", per=0)]}, (None, None)),
        (None, (None, None)),
    ],
)
def test_a_price_is_that_of_a_million_tokens_or_unknown(
    pricing: Any, prices: tuple[float | None, float | None]
) -> None:
    """Case 67."""
    assert priced(pricing) == prices


def test_an_unchanged_catalogue_is_not_sent_again(served: Any) -> None:
    """Case 68."""
    url = served(extra_models=5000)
    endpoint = Endpoint.read(url)
    client = Client()
    first, again = client.models(endpoint, None), client.models(endpoint, None)
    client.close()

    assert again is first
    assert len(first) > 5000
    assert "if-none-match" in url.requests[-1].headers
    assert any(model.goes_by("NEMOTRON-3-super-120b-a12b") for model in first)
    assert [model.name for model in first].count("openai/gpt-4o") == 1


@pytest.mark.parametrize("dialect", ["vllm", "llamacpp", "nvidia", "openrouter"])
def test_openais_form_of_a_catalogue_is_read(
    served: Any, session_at: Any, dialect: str
) -> None:
    """Case 69."""
    models = session_at(served(dialect=dialect)).models()

    assert models[0].name == "nvidia/nemotron-3-nano-30b-a3b"
    assert models[0].input_usd is None


def answering(pages: dict[str, tuple[int, Any]]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        status, body = pages[request.url.path]
        return httpx.Response(status, json=body)

    return httpx.MockTransport(answer)


OLD, NEW = "/v1/billing/balance", "/v2/billing"


@pytest.mark.parametrize(
    ("pages", "balance_usd"),
    [
        ({NEW: (200, {"current_balance": 123.45, "currency": "USD"})}, 123.45),
        ({NEW: (404, {}), OLD: (200, {"balance": 10_000_000})}, 5.0),
        ({NEW: (200, {"current_balance": "much"})}, None),
        ({NEW: (200, [])}, None),
    ],
)
def test_the_balance_is_in_dollars_or_unknown(
    pages: dict[str, Any], balance_usd: float | None
) -> None:
    """Case 70."""
    client = Client(answering(pages))

    assert client.balance_usd(AIMLAPI, None) == balance_usd


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AuthenticationError), (403, RequestError), (404, NemotronError)],
)
def test_a_balance_that_is_refused_is_explained(
    status: int, kind: type[NemotronError]
) -> None:
    """Case 70."""
    client = Client(answering({NEW: (status, {}), OLD: (status, {})}))
    with pytest.raises(kind, match=f"({status})"):
        client.balance_usd(AIMLAPI, Key(KEY, AIMLAPI.origin, "X"))


def test_a_service_without_a_balance_is_not_told_of_as_a_wrong_address() -> None:
    """Case 70."""
    client = Client(answering({NEW: (404, {}), OLD: (404, {})}))
    with pytest.raises(RequestError) as refused:
        client.balance_usd(AIMLAPI, None)

    assert f"{AIMLAPI.netloc} does not tell what is left (404)" in str(refused.value)
    assert "chat/completions" not in str(refused.value)


def test_the_rehearsal_is_what_these_tests_take_it_for(ask: Any) -> None:
    told: Told = ask("rehearsal: say Hello")
    assert (told.text, told.asked, told.retries) == ("Hello", 1, [])
