"""The room with the network: no foreign object leaves it, and no key."""

from __future__ import annotations

import gc
import json
import pickle
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from wire import DONE, ELSEWHERE, KEY, STOP, say

from nemotron_magic.client.client import Client, Request
from nemotron_magic.client.deadline import Deadline, interruptible_sleep, wait_for
from nemotron_magic.client.http_errors import RequestInfo
from nemotron_magic.client.network import map_httpx_error
from nemotron_magic.client.response import error_of_call
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import (
    ConnectError,
    InputError,
    NemotronError,
    OutcomeUnknownError,
    RequestError,
    ServiceError,
)
from nemotron_magic.core.events import Answered, Retry, Sent, Text, UsageReport
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.usage import Usage

HERE = Endpoint.read("http://127.0.0.1:1")


def request_to(endpoint: Endpoint = HERE, **values: Any) -> Request:
    messages = ({"role": "user", "content": "Hello"},)
    return Request(endpoint, messages, Settings(values), Key(KEY, endpoint.origin, "X"))


def answering(response: Any) -> httpx.MockTransport:
    """Give a transport that answers with this, or raises it."""

    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            response.request = request
            raise response
        return response

    return httpx.MockTransport(answer)


def seconds() -> Callable[[], float]:
    """Give a clock that moves on by a second with every look."""
    looks = iter(range(1000))
    return lambda: float(next(looks))


def failure(client: Client, request: Request) -> NemotronError:
    with pytest.raises(NemotronError) as failed:
        list(client.stream(request))
    return failed.value


# ---- nothing foreign in our errors

FAULTS: dict[str, Any] = {
    "not connected": httpx.ConnectError("refused"),
    "connecting took too long": httpx.ConnectTimeout("slow"),
    "no connection free": httpx.PoolTimeout("busy"),
    "fell silent": httpx.ReadTimeout("silence"),
    "sending took too long": httpx.WriteTimeout("silence"),
    "broke off": httpx.ReadError("reset"),
    "broke off while sending": httpx.WriteError("reset"),
    "not HTTP": httpx.RemoteProtocolError("bad status line"),
    "a bad header": httpx.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'"),
    "a bad address": httpx.UnsupportedProtocol("no"),
    "damaged": httpx.DecodingError("bad gzip"),
    "a proxy": httpx.ProxyError("407 Proxy Authentication Required"),
    "refused": httpx.Response(401, json={"message": f"Incorrect key {KEY}"}),
    "failed": httpx.Response(500, text=f"<html><title>{KEY}</title>"),
    "redirected": httpx.Response(307, headers={"location": f"https://x/{KEY}"}),
    "no reply": httpx.Response(200, text=f"oops {KEY}"),
    "an id": httpx.Response(400, headers={"x-inference-id": KEY}, json={}),
}


def within(error: BaseException) -> list[Any]:
    """Give all that hangs on an exception, but for the frames of its traceback."""
    found, hint = [], [error]
    while hint:
        one = hint.pop()
        held = [one.__cause__, one.__context__, *vars(one).values(), *one.args]
        found += [one, *held]
        hint += [new for new in held if isinstance(new, BaseException)]
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_of_ours_holds_nothing_of_httpx_and_no_key(fault: str) -> None:
    client = Client(answering(FAULTS[fault]), sleep=lambda wait_s: None)
    error = failure(client, request_to())

    assert not [one for one in within(error) if type(one).__module__.startswith("http")]
    assert KEY not in str(error) + repr(error) + str(vars(error))
    assert KEY.encode() not in pickle.dumps(error)
    assert KEY not in "".join(traceback.format_exception(error))


# Whoever answered "no reply" sent the key itself: its bytes are in a frame.
@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"no reply"}))
def test_no_frame_of_an_error_shows_the_key(fault: str) -> None:
    client = Client(answering(FAULTS[fault]), sleep=lambda wait_s: None)
    error = failure(client, request_to())
    frames = traceback.walk_tb(error.__traceback__)
    ours = [frame for frame, _ in frames if "client" in frame.f_code.co_filename]
    seen = [repr(list(frame.f_locals.values())) for frame in ours[1:]]

    assert seen
    assert KEY not in "".join(seen)


# ---- foreign errors in our words


@pytest.mark.parametrize(
    ("fault", "kind", "final"),
    [
        ("not connected", ConnectError, False),
        ("connecting took too long", ConnectError, False),
        ("no connection free", ConnectError, False),
        ("a proxy", ConnectError, True),
        ("a bad header", InputError, False),
        ("a bad address", InputError, False),
        ("fell silent", OutcomeUnknownError, False),
        ("sending took too long", OutcomeUnknownError, False),
        ("broke off", OutcomeUnknownError, False),
        ("not HTTP", OutcomeUnknownError, False),
        ("damaged", OutcomeUnknownError, False),
    ],
)
def test_what_may_have_been_sent_may_have_been_billed(
    fault: str, kind: type[NemotronError], final: bool
) -> None:
    error = map_httpx_error(FAULTS[fault], RequestInfo(ELSEWHERE, "m"))

    assert (type(error), error.final) == (kind, final)
    assert ("billed" in str(error)) is (kind is OutcomeUnknownError)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate", "is not trusted"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "no secure connection"),
        ("[Errno -2] Name or service not known", "cannot find the host"),
        ("[Errno 8] nodename nor servname provided", "cannot find the host"),
        ("[Errno 11001] getaddrinfo failed", "cannot find the host"),
    ],
)
def test_some_failures_to_connect_are_for_good(said: str, what: str) -> None:
    error = map_httpx_error(httpx.ConnectError(said), RequestInfo(ELSEWHERE, "m"))

    assert what in error.what
    assert error.final


@pytest.mark.parametrize("kind", [httpx.ReadError, httpx.ReadTimeout, httpx.WriteError])
def test_what_broke_off_before_it_was_sent_is_a_failure_to_connect(kind: Any) -> None:
    settings, about = Settings(), RequestInfo(ELSEWHERE, "m")
    deadline = Deadline(600)
    sent = error_of_call(kind("x"), deadline, about, settings)
    deadline.is_sent = False
    unsent = error_of_call(kind("x"), deadline, about, settings)

    assert type(sent) is OutcomeUnknownError
    assert type(unsent) is ConnectError
    assert unsent.what.startswith("cannot connect to models.example.org")


def test_an_unknown_error_is_taken_for_the_worst() -> None:
    error = map_httpx_error(ValueError("x"), RequestInfo(ELSEWHERE, "m"))

    assert isinstance(error, OutcomeUnknownError)
    assert error.what == "the call failed: ValueError"


# ---- requests


def test_every_attempt_has_an_id_and_all_share_one_key_of_the_call(served: Any) -> None:
    url = served(fault="503", fault_times=1)
    client = Client(sleep=lambda wait_s: None)
    events = list(client.stream(request_to(Endpoint.read(url))))
    client.close()
    headers = [one.headers for one in url.requests]

    sent = [one.client_request_id for one in events if isinstance(one, Sent)]
    assert sent == [one["x-client-request-id"] for one in headers]
    assert len(set(sent)) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", one) for one in sent)
    assert len({one["idempotency-key"] for one in headers}) == 1


def test_the_events_of_a_retry_come_in_order(served: Any) -> None:
    client = Client(sleep=lambda wait_s: None, uniform=lambda low, high: high)
    url = served(fault="503", fault_times=1)
    kinds = [type(one) for one in client.stream(request_to(Endpoint.read(url)))]
    client.close()

    assert kinds[:5] == [Sent, Answered, Retry, Sent, Answered]


def test_a_cost_in_a_header_is_read_and_nonsense_is_not() -> None:
    whole = {"choices": [{"message": {"content": "a"}}]}
    for text, reports in (
        ("0.001240000", [UsageReport(Usage(cost_usd=0.00124))]),
        ("nan", []),
        ("0.0", []),
        ("None", []),
        ("much", []),
    ):
        headers = {"x-aimlapi-usd-spent": text}
        response = httpx.Response(200, json=whole, headers=headers)
        events = list(Client(answering(response)).stream(request_to()))

        assert [one for one in events if isinstance(one, UsageReport)] == reports


def test_text_held_back_for_a_tag_is_given_when_the_line_breaks() -> None:
    def broken() -> Iterator[bytes]:
        yield say("<thi")
        raise httpx.ReadError("reset")

    client = Client(answering(httpx.Response(200, content=broken())))
    events: list[object] = []
    with pytest.raises(OutcomeUnknownError):
        events.extend(client.stream(request_to()))

    assert events[-1] == Text("<thi")


def test_a_call_that_is_left_closes_its_response(served: Any) -> None:
    url = served(fault="endless")
    client = Client()
    events = client.stream(request_to(Endpoint.read(url)))
    next(one for one in events if isinstance(one, Answered))
    events.close()
    pool = client._http._open().way(None, "http")._pool

    assert pool.connections == []
    client.close()


def test_a_client_can_be_used_again_after_it_was_closed(served: Any) -> None:
    endpoint = Endpoint.read(served())
    client = Client()
    client.close()
    for _ in range(2):
        assert client.models(endpoint, None)
        client.close()
    gc.collect()


def test_the_key_goes_only_where_it_belongs(served: Any) -> None:
    url, other = served(key=KEY), served(key=KEY)
    client = Client()
    messages = ({"role": "user", "content": "Hello"},)
    key = Key(KEY, Endpoint.read(url).origin, "X")
    list(client.stream(Request(Endpoint.read(url), messages, Settings(), key)))
    with pytest.raises(NemotronError):
        list(client.stream(Request(Endpoint.read(other), messages, Settings(), key)))
    client.close()

    assert url.requests[-1].authorized
    assert "authorization" not in other.requests[-1].headers


# ---- pages


@pytest.mark.parametrize("fault", ["504", "cut-content-length", "close-before-headers",
                                   "bad-gzip", "524-html"])  # fmt: skip
def test_a_page_that_fails_cannot_have_been_billed(served: Any, fault: str) -> None:
    client = Client()
    endpoint = Endpoint.read(served(fault=fault, faulty_path="/models"))
    with pytest.raises(ServiceError) as failed:
        client.models(endpoint, None)
    client.close()

    assert "billed" not in str(failed.value)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"data":7}']
)
def test_a_list_of_no_models_is_an_error(body: bytes) -> None:
    client = Client(answering(httpx.Response(200, content=body)))
    with pytest.raises(ServiceError, match="lists no chat models"):
        client.models(HERE, None)

    assert client.listed(HERE) == ()


@pytest.mark.parametrize("status", [404, 405])
def test_a_list_that_is_not_there_names_the_address_that_was_asked(status: int) -> None:
    client = Client(answering(httpx.Response(status, json={"detail": "No"})))
    with pytest.raises(RequestError) as failed:
        client.models(HERE, None)

    assert failed.value.hint == (
        f"Is base_url right? It was asked for {HERE.models_url}"
    )


def test_what_was_listed_is_known_without_asking(served: Any) -> None:
    url = served()
    endpoint, client = Endpoint.read(url), Client()
    models = client.models(endpoint, None)
    client.close()

    assert client.listed(endpoint) is models
    assert len(url.requests) == 1


@pytest.mark.parametrize(
    ("statuses", "is_checked"),
    [
        ({"/v2/billing": 200}, True),
        ({"/v1/models": 200, "/v1/models without key": 401}, True),
        ({"/v1/models": 200, "/v1/models without key": 200}, False),
    ],
    ids=["a balance", "models for key holders", "models for anyone"],
)
def test_a_key_counts_as_checked_only_where_one_is_needed(
    statuses: dict[str, int], is_checked: bool
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        has_key = "authorization" in request.headers
        path = request.url.path + ("" if has_key else " without key")
        return httpx.Response(statuses.get(path, 404), json={})

    key = Key("sk-abcd", ELSEWHERE.origin, "a test")

    assert Client(httpx.MockTransport(answer)).check_key(ELSEWHERE, key) is is_checked


# ---- waiting


def test_a_pause_is_as_long_as_it_was_to_be() -> None:
    began_s = time.monotonic()
    for wait_s in (0.15, 0, -1):
        interruptible_sleep(wait_s)

    assert 0.15 <= time.monotonic() - began_s < 1


def test_waiting_ends_with_the_event_or_the_time() -> None:
    done = threading.Event()
    assert not wait_for(done.wait, 0.01)

    done.set()
    assert wait_for(done.wait, 0)


# ---- the way there


def test_a_host_is_looked_up_once_where_it_can_be_interrupted() -> None:
    looked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> None:
        looked.append((host, port, threading.current_thread().name))
        raise OSError("no address")

    client = Client(resolve=resolve)
    endpoint = Endpoint.read("http://no.such.host:8000")
    for ask in (lambda: list(client.stream(request_to(endpoint))),
                lambda: client.models(endpoint, None)):  # fmt: skip
        with pytest.raises(ConnectError, match=r"cannot find the host no\.such"):
            ask()

    assert looked == [("no.such.host", 8000, "nemotron-look-up")] * 2


def test_a_missing_certificate_is_told_and_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    client = Client(resolve=lambda host, port: None)
    error = failure(client, request_to(Endpoint.read("https://127.0.0.1:1")))

    assert isinstance(error, ConnectError)
    assert error.what == "no connection can be set up"
    assert error.__cause__ is None
    assert error.__context__ is None


def test_a_server_without_encryption_needs_no_certificates(
    monkeypatch: pytest.MonkeyPatch, served: Any
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    with closing(Client()) as client:
        events = [*client.stream(request_to(Endpoint.read(served())))]

    assert any(isinstance(event, Text) for event in events)


def test_the_limits_of_time_are_those_of_the_settings(served: Any) -> None:
    url = served(fault="stall-before-headers:30")
    client = Client()
    began_s = time.monotonic()
    for values, what in (
        ({"total_timeout_s": 0.1}, "the reply took longer than 0.1 s"),
        ({"stream": False, "total_timeout_s": 0.1}, "the reply took longer than 0.1 s"),
    ):
        assert what in failure(client, request_to(Endpoint.read(url), **values)).what
    client.close()

    assert time.monotonic() - began_s < 15


def test_a_whole_reply_may_be_padded_for_as_long_as_it_may_take() -> None:
    looks = iter(range(1000))
    body = [b" "] * 200 + [
        json.dumps({"choices": [{"message": {"content": "a"}}]}).encode()
    ]
    client = Client(
        answering(httpx.Response(200, content=iter(body))),
        clock_s=lambda: next(looks) * 1.0,
    )
    settings = {"stream": False, "progress_timeout_s": 20}

    assert len(list(client.stream(request_to(**settings)))) == 3


@pytest.mark.parametrize("name", ["total_timeout_s", "progress_timeout_s"])
def test_a_limit_of_time_names_its_setting(name: str) -> None:
    body = iter([b": ping\n\n"] * 99 + [say("a"), STOP, DONE])
    client = Client(answering(httpx.Response(200, content=body)), clock_s=seconds())
    error = failure(client, request_to(**{name: 20}))

    assert f"%config Nemotron.{name} = 40" in error.hint


def test_a_redirect_names_its_target_without_its_query() -> None:
    headers = {"location": "https://elsewhere.example/v1?token=secret"}
    error = failure(
        Client(answering(httpx.Response(308, headers=headers))), request_to()
    )

    assert isinstance(error, RequestError)
    assert "https://elsewhere.example/v1" in error.what
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("base_url", "said", "is_one"),
    [
        ("http://127.0.0.1:1", {"X-Nemotron-Rehearsal": "1"}, True),
        ("http://localhost:1", {"x-nemotron-rehearsal": "1"}, True),
        ("http://127.0.0.1:1", {}, False),
        ("https://api.example.org", {"X-Nemotron-Rehearsal": "1"}, False),
    ],
    ids=["here", "by name", "another server", "elsewhere"],
)
def test_only_a_server_on_this_machine_is_believed_to_be_a_rehearsal(
    base_url: str, said: dict[str, str], is_one: bool
) -> None:
    endpoint = Endpoint.read(base_url)
    listed = {"data": [{"id": "nvidia/nemotron", "type": "chat"}]}
    client = Client(answering(httpx.Response(200, json=listed, headers=said)))

    assert not client.is_rehearsal(endpoint)
    client.models(endpoint, None)
    assert client.is_rehearsal(endpoint) is is_one


def test_a_server_in_the_place_of_a_rehearsal_is_none() -> None:
    said = [{"X-Nemotron-Rehearsal": "1"}, {}]
    listed = {"data": [{"id": "nvidia/nemotron", "type": "chat"}]}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=listed, headers=said.pop(0))

    client = Client(httpx.MockTransport(answer))
    client.models(HERE, None)
    assert client.is_rehearsal(HERE)
    client.models(HERE, None)
    assert not client.is_rehearsal(HERE)
