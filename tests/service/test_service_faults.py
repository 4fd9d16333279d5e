from __future__ import annotations

import gzip
import json
import time
import zlib
from email.utils import parsedate_to_datetime
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected

import httpx
import pytest

from service import FAULTS, serve
from service.http_reader import (
    begin,
    body,
    connect,
    decode,
    eventually,
    post,
    raw,
    request,
    wait_for_threads,
)
from service.statuses import STATUSES

TEXT = "Hello, world! And a little more, so that there is a half."
ASKED = body(f"rehearsal: say {TEXT}", stream=True)


def ask(fault, payload=ASKED, **headers):
    with serve(fault=fault) as url:
        return post(url, payload, **headers)


def cut(fault, payload=ASKED):
    """Give the error that ends a reply, and the text that came before it."""
    with serve(fault=fault) as url:
        connection, response = begin(url, payload)
        got = b""
        try:
            while piece := response.read1(4096):
                got += piece
        except (HTTPException, OSError) as error:
            return type(error), got
        finally:
            connection.close()
            response.close()
    return None, got


# ---- a status and a body


@pytest.mark.parametrize("name", sorted(STATUSES))
def test_a_status_fault_has_its_status_and_its_message(name):
    got = ask(name)

    row = STATUSES[name]
    assert got.status == row.status
    assert len(got.headers["x-inference-id"]) == 21
    if row.shape and isinstance(row.message, str):
        assert row.message in json.dumps(got.json)
    elif isinstance(row.message, bytes):
        assert got.raw == row.message


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("401", {"requestId", "statusCode", "timestamp", "path", "message"}),
        ("403-funds", {"title", "status", "message"}),
        ("400-context", {"error"}),
        ("402", {"error", "user_id"}),
        ("500-flat", {"object", "message", "type", "param", "code"}),
        ("410", {"type", "title", "status", "detail"}),
        ("429-bare", {"status", "title"}),
        ("422", {"detail"}),
        ("404-path", {"statusCode", "message", "error"}),
    ],
)
def test_every_shape_of_error_body_is_there(name, keys):
    assert ask(name).json.keys() == keys


def test_the_shapes_differ_in_what_trips_a_reader():
    assert ask("401-text").json["statusCode"] == "401"
    assert isinstance(ask("400-list").json["message"], list)
    assert isinstance(ask("422").json["detail"], list)
    assert isinstance(ask("404-path").json["error"], str)
    assert len(ask("400-long").raw) > 50_000
    assert len(ask("502-big").raw) > 2_000_000
    assert b"<script>" in ask("502-html").raw
    assert ask("502-html").headers["Content-Type"].startswith("text/html")
    assert "model-0299" in ask("400-model").json["message"]


@pytest.mark.parametrize(
    ("name", "wait"),
    [
        ("429", None),
        ("429-after-1", "1"),
        ("429-after-2", "2"),
        ("429-garbage", "abc"),
        ("429-negative", "-5"),
        ("429-nan", "nan"),
        ("429-hour", "3600"),
        ("429-day", "86400"),
        ("429-huge", "1000000000"),
        ("503-after-1", "1"),
    ],
)
def test_retry_after_says_what_the_name_does(name, wait):
    assert ask(name).headers["Retry-After"] == wait


def test_retry_after_may_be_a_date():
    date = parsedate_to_datetime(ask("429-date").headers["Retry-After"])

    assert 0 < date.timestamp() - time.time() <= 2


def test_a_key_may_be_echoed_in_full():
    got = ask("echo-key", Authorization="Bearer sk-abcdef123456")

    assert got.status == 401
    assert "sk-abcdef123456" in got.json["message"]


# ---- how often, and where


def test_a_fault_stays_or_happens_so_many_times():
    with serve(fault="503") as url:
        always = [post(url, ASKED).status for _ in range(3)]
    with serve(fault="503", fault_times=2) as url:
        twice = [post(url, ASKED).status for _ in range(3)]

    assert (always, twice) == ([503, 503, 503], [503, 503, 200])


def test_several_faults_happen_once_each_in_turn():
    with serve(fault=["503", "429", "close-before-headers"]) as url:
        statuses = [post(url, ASKED).status, post(url, ASKED).status]
        with pytest.raises(RemoteDisconnected):
            post(url, ASKED)
        last = post(url, ASKED)

    assert statuses == [503, 429]
    assert last.seen.content == TEXT


def test_a_fault_may_happen_at_another_path():
    with serve(fault="403-key", faulty_path="/billing") as url:
        statuses = [request(url, "/v2/billing").status, post(url, ASKED).status]

    assert statuses == [403, 200]


@pytest.mark.parametrize(
    "options",
    [
        {"fault": "x"},
        {"fault": ["503", "x"]},
        {"fault": "trickle:slow"},
        {"dialect": "x"},
        {"host": "0.0.0.0"},
        {"host": "example.org"},
    ],
)
def test_what_there_is_not_is_refused_at_once(options):
    with pytest.raises(ValueError, match=r"no (fault|dialect)|listens|float"):
        serve(**options)


# ---- within the stream


@pytest.mark.parametrize(
    ("name", "message", "done"),
    [
        ("error-openrouter", "Provider disconnected unexpectedly", False),
        ("error-openai", "engine died", False),
        ("error-openai-done", "engine died", True),
        ("error-vllm-old", "engine died", True),
        ("error-llamacpp-old", "exceeds the available context size", True),
        ("error-litellm", "Traceback", False),
        ("error-aimlapi", "Service unavailable", False),
        ("error-named-event", "Rate limit exceeded", False),
        ("error-string", "it broke", False),
        ("error-empty", '"error": {}', False),
    ],
)
def test_an_error_in_mid_stream_comes_after_half_of_the_text(name, message, done):
    got = ask(name)

    assert got.status == 200
    seen = got.seen
    assert 0 < len(seen.content) < len(TEXT)
    assert TEXT.startswith(seen.content)
    assert message in json.dumps(seen.errors)
    assert seen.done is done


def test_an_error_that_is_null_is_none():
    seen = ask("error-null").seen

    assert (seen.content, seen.errors, seen.finish) == (TEXT, [], "stop")


def test_a_stream_may_end_in_good_order_without_having_finished():
    seen = ask("no-done").seen

    assert TEXT.startswith(seen.content)
    assert (seen.finish, seen.done) == (None, False)


@pytest.mark.parametrize(
    ("name", "bad", "added"),
    [
        ("bad-json-chunk", 1, ""),
        ("bad-first-chunk", 1, ""),
        ("bad-utf8", 0, "caf\ufffd "),
        ("nul", 0, "a\0b "),
        ("surrogate", 0, "a\ud83d b "),
    ],
)
def test_one_bad_chunk_leaves_the_others_whole(name, bad, added):
    seen = ask(name).seen

    assert seen.bad == bad
    assert added in seen.content
    assert seen.content.replace(added, "", 1) == TEXT


def test_what_comes_after_done_is_there_to_be_ignored():
    after, twice = ask("after-done"), ask("double-done")

    assert b"must not be shown" in after.raw.partition(b"[DONE]")[2]
    assert after.seen.content == TEXT
    assert twice.raw.count(b"data: [DONE]\n\n") == 2


def test_a_connection_may_stay_open_after_done():
    with serve(fault="keep-open-after-done") as url:
        connection, response = begin(url, ASKED)
        got = b""
        while b"[DONE]" not in got:
            got += response.read1(4096)
        connection.sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            response.read1(1)
        connection.close()
        response.close()


# ---- the connection


@pytest.mark.parametrize("name", ["close-before-headers", "reset-before-headers"])
def test_a_connection_may_end_before_any_header(name):
    with (
        serve(fault=name) as url,
        pytest.raises((RemoteDisconnected, ConnectionResetError)) as caught,
    ):
        post(url, ASKED)

    assert (caught.type is ConnectionResetError) == name.startswith("reset")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("reset-after-headers", ConnectionResetError),
        ("reset-mid-chunk", ConnectionResetError),
        ("reset-mid-stream", ConnectionResetError),
        ("cut-chunked", IncompleteRead),
        ("cut-content-length", None),  # read1() does not tell; the next test does
        ("close-delimited-cut", None),
        ("bad-chunk-size", HTTPException),
    ],
)
def test_a_reply_may_be_cut_in_its_middle(name, error):
    kind, got = cut(name)

    assert issubclass(kind, error) if error else kind is None
    seen = decode(got)
    assert TEXT.startswith(seen.content)
    assert bool(seen.content) == (name != "reset-after-headers")
    assert seen.finish is None


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("reset-before-headers", httpx.ReadError),
        ("close-before-headers", httpx.RemoteProtocolError),
        ("reset-after-headers", httpx.ReadError),
        ("reset-mid-chunk", httpx.ReadError),
        ("cut-chunked", httpx.RemoteProtocolError),
        ("cut-content-length", httpx.RemoteProtocolError),
        ("bad-chunk-size", httpx.RemoteProtocolError),
        ("bad-status-line", httpx.RemoteProtocolError),
        ("many-headers", httpx.RemoteProtocolError),
        ("huge-header", httpx.RemoteProtocolError),
        ("bad-gzip", httpx.DecodingError),
        ("corrupt-gzip", httpx.DecodingError),
    ],
)
def test_httpx_names_the_fault_as_it_does_in_the_wild(name, error):
    with (
        serve(fault=name) as url,
        httpx.Client(timeout=5, trust_env=False) as client,
        pytest.raises(error),
    ):
        client.post(f"{url}/chat/completions", json=ASKED)


def test_json_can_be_cut_as_well():
    kind, got = cut("close-delimited-cut", body())

    assert kind is None
    assert got.startswith(b'{"id"')
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(got)


def test_a_bad_status_line_is_no_http():
    with pytest.raises(BadStatusLine):
        ask("bad-status-line")


def test_bytes_may_follow_a_complete_response():
    with serve(fault="extra-bytes") as url:
        got = raw(url, body("rehearsal: say x"))

    assert got.endswith(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray")


# ---- waits and floods


def until_silent(line):
    got = b""
    try:
        while piece := line.recv(4096):
            got += piece
    except TimeoutError:
        return got
    raise AssertionError("the other side closed")


@pytest.mark.parametrize("name", ["stall-before-headers", "stall-mid-stream"])
def test_a_stall_is_silent_until_the_client_leaves(name):
    with serve(fault=name) as url:
        connection = connect(url)
        connection.request("POST", "/v1/chat/completions", json.dumps(ASKED))
        connection.sock.settimeout(0.1)
        got = until_silent(connection.sock)
        connection.close()

    assert bool(got) == (name == "stall-mid-stream")
    assert b'"finish_reason":"stop"' not in got


@pytest.mark.parametrize("name", ["stall-before-headers:0.02", "stall-mid-stream:0.02"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_stall_may_end(name, stream):
    got = ask(name, {**ASKED, "stream": stream})

    assert (got.seen.content if stream else got.content) == TEXT


@pytest.mark.parametrize("stream", [True, False])
def test_a_trickle_comes_byte_by_byte(stream):
    got = ask("trickle:0", {**ASKED, "stream": stream})

    assert (got.seen.content if stream else got.content) == TEXT


@pytest.mark.parametrize(
    ("name", "piece"),
    [("keepalive-forever:0.001", b": ping\n\n"), ("endless", b'"and on 9, "')],
)
def test_a_stream_without_end_goes_on_until_the_client_leaves(name, piece):
    with serve(fault=name) as url:
        connection, response = begin(url, ASKED)
        got = b""
        while got.count(piece) < 1 or len(got) < 200:
            got += response.read1(4096)
        connection.close()
        response.close()

    assert b"finish_reason" not in got or b"stop" not in got


def test_a_line_may_be_as_long_as_told():
    seen = ask("huge-line:2").seen

    assert len(seen.content) == 2 * 2**20
    assert seen.finish == "stop"


def test_a_small_body_may_unpack_to_a_large_one():
    got = ask("gzip-bomb:4")

    assert got.headers["Content-Encoding"] == "gzip"
    assert len(got.raw) < 40_000
    assert len(decode(gzip.decompress(got.raw)).content) == 4 * 2**20


# ---- encodings


def test_half_of_a_compressed_stream_can_be_unpacked():
    got = ask("truncated-gzip")

    unpacker = zlib.decompressobj(wbits=31)
    seen = decode(unpacker.decompress(got.raw))
    assert not unpacker.eof
    assert TEXT.startswith(seen.content)
    assert seen.content


def test_an_unknown_encoding_is_named_and_unreadable():
    got = ask("unknown-encoding")

    assert got.headers["Content-Encoding"] == "x-rehearsal"
    assert b"data:" not in got.raw


# ---- redirects


@pytest.mark.parametrize(
    ("name", "status", "where"),
    [
        ("redirect-host", 307, "http://localhost:"),
        ("redirect-host:http://example.org/", 307, "http://example.org/"),
        ("redirect-303", 303, "http://localhost:"),
        ("redirect-loop", 307, "/v1/chat/completions"),
        ("redirect-file", 302, "file:///"),
        ("redirect-slash", 308, "/v1/chat/completions/"),
    ],
)
def test_a_redirect_says_where_to(name, status, where):
    got = ask(name)

    assert got.status == status
    assert got.headers["Location"].startswith(where)


def test_a_redirect_to_the_path_with_a_slash_arrives():
    with serve(fault="redirect-slash") as url:
        got = post(url, ASKED, "/v1/chat/completions/")

    assert got.seen.content == TEXT


def test_a_redirect_to_another_host_shows_a_client_that_hands_on_the_key():
    """The other name of this computer is another host: httpx drops the key there."""
    with (
        serve(fault="redirect-host", fault_times=1) as url,
        httpx.Client(follow_redirects=True, trust_env=False) as client,
    ):
        key = {"Authorization": "Bearer sk-0123456789"}
        client.post(f"{url}/chat/completions", json=ASKED, headers=key)

    assert [seen.authorized for seen in url.requests] == [True, False]


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_no_fault_outlives_its_client_or_kills_the_server(name):
    with serve(fault=name, fault_times=1) as url:
        connection = connect(url)
        connection.request("POST", "/v1/chat/completions", json.dumps(ASKED))
        assert eventually(lambda: len(url.requests) == 1)
        connection.close()
        wait_for_threads(1)
        got = post(url, ASKED)

    assert len(url.requests) == 2
    assert got.seen.content == TEXT
