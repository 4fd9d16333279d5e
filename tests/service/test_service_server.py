from __future__ import annotations

import json
import re
import socket
import threading
import time
import urllib.request

import pytest

from service import serve
from service.http_reader import (
    begin,
    body,
    connect,
    events,
    post,
    raw,
    request,
    wait_for_threads,
)


def test_the_value_of_the_block_is_the_url_itself():
    with serve() as url:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)
        assert isinstance(url, str)
        assert url.server.is_running

    assert not url.server.is_running


@pytest.mark.parametrize("host", ["localhost", "::1"])
def test_other_loopback_addresses_will_do(host):
    try:
        with serve(host=host) as url:
            assert urllib.request.urlopen(f"{url}/models").status == 200
    except OSError:
        pytest.skip(f"no {host} here")


def test_requests_are_noted_in_their_order_and_connections_counted():
    with serve() as url:
        connection = connect(url)
        for number in range(3):
            connection.request("GET", f"/v1/models?n={number}")
            connection.getresponse().read()
        connection.close()
        post(url, body())

    queries = [seen.query.get("n") for seen in url.requests]
    assert queries == [["0"], ["1"], ["2"], None]
    assert url.connections == 2


def test_an_observer_is_told_of_each_request():
    paths = []
    with serve(on_request=lambda seen: paths.append(seen.path)) as url:
        request(url, "/v1/models")

    assert paths == ["/v1/models"]


def test_an_event_arrives_before_the_next_one_is_made():
    """The server's second piece waits until the client has read the first."""
    read = threading.Event()

    def pieces():
        yield b"data: 1\n\n"
        yield b"data: 2\n\n" if read.wait(5) else b"data: late\n\n"

    with serve(body=pieces()) as url:
        connection, response = begin(url, body(stream=True))
        first = response.read1(100)
        read.set()
        rest = response.read()
        connection.close()

    assert (first, rest) == (b"data: 1\n\n", b"data: 2\n\n")


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.parametrize("size", [None, 1, 3])
def test_a_script_is_sent_to_the_byte(framing, size):
    script = [b"data: {\r", b"\n\xf0\x9f", b"\x98\x8a\n\n"]
    with serve(
        body=script, framing=framing, slice=size, content_type="x/y", status=203
    ) as url:
        got, again = post(url, body()), post(url, body())

    assert got.raw == again.raw == b"".join(script)
    assert (got.status, got.headers["Content-Type"]) == (203, "x/y")


def test_a_script_keeps_its_pieces():
    with serve(body=[b"ab", b"c", b"defg"], slice=3) as url:
        got = raw(url)

    chunks = got.partition(b"\r\n\r\n")[2]
    assert chunks == b"2\r\nab\r\n1\r\nc\r\n3\r\ndef\r\n1\r\ng\r\n0\r\n\r\n"


def test_a_pace_is_kept():
    with serve() as url:
        start = time.monotonic()
        seen = post(
            url, body("rehearsal: slow 100\nrehearsal: say 12345678", stream=True)
        ).seen

    assert seen.content == "12345678"
    assert time.monotonic() - start > 0.03


def test_stop_ends_every_wait_and_leaves_no_thread():
    server = serve(fault="stall-mid-stream").start()
    held = [begin(server.url, body(stream=True)) for _ in range(3)]
    start = time.monotonic()
    server.stop()

    assert time.monotonic() - start < 2
    assert wait_for_threads(0) == []
    for connection, response in held:
        connection.close()
        response.close()


def test_stop_ends_a_flood_that_nobody_reads():
    server = serve(fault="endless").start()
    connection, response = begin(server.url, body(stream=True))
    time.sleep(0.05)
    server.stop()

    assert wait_for_threads(0) == []
    connection.close()
    response.close()


def test_a_client_that_leaves_ends_its_thread():
    with serve(fault="stall-mid-stream") as url:
        connection, response = begin(url, body(stream=True))
        connection.close()
        response.close()

        assert wait_for_threads(1) == ["rehearsal-accept"]


def test_starting_and_stopping_twice_is_safe():
    server = serve().start()
    url = server.start().url
    running = len(wait_for_threads(1))
    server.stop()
    server.stop()
    assert (running, wait_for_threads(0)) == (1, [])

    assert server.start().url == url
    assert request(url, "/v1/models").status == 200
    url.close()


def test_two_rehearsals_run_side_by_side():
    with serve() as one, serve() as other:
        post(one, body())

        assert one != other
        assert (len(one.requests), len(other.requests)) == (1, 0)


def test_a_port_that_is_taken_is_an_oserror_and_leaves_nothing():
    with serve() as url:
        port = int(url.rpartition(":")[2].removesuffix("/v1"))
        with pytest.raises(OSError, match="in use"):
            serve(port).start()

    assert wait_for_threads(0) == []


def test_a_server_shows_where_it_is_and_never_its_key():
    server = serve(key="secret-key-1234")
    assert repr(server) == "<rehearsal stopped, aimlapi>"
    with server as url:
        assert repr(server) == f"<rehearsal {url}, aimlapi>"

    assert "secret-key-1234" not in repr(server.options)


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /x HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
    ids=["no request", "no length", "no chunk", "long header"],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(sent):
    with serve() as url:
        port = int(url.rpartition(":")[2].removesuffix("/v1"))
        with socket.create_connection(("127.0.0.1", port), 5) as line:
            line.sendall(sent)
            got = line.recv(9999)

    assert got.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"Connection: close" in got


def test_a_chunked_request_is_read():
    content = json.dumps(body("rehearsal: say x")).encode()
    with serve() as url:
        connection = connect(url)
        connection.request(
            "POST",
            "/v1/chat/completions",
            iter([content[:9], content[9:]]),
            encode_chunked=True,
            headers={"Transfer-Encoding": "chunked"},
        )
        got = json.load(connection.getresponse())
        connection.close()

    assert got["choices"][0]["message"]["content"] == "x"


def test_many_clients_at_once_each_get_their_own():
    got = {}

    def run(url, number):
        asked = body(f"rehearsal: say {number}" * 9, stream=True)
        got[number] = post(url, asked).seen.content

    with serve() as url:
        crowd = [threading.Thread(target=run, args=(url, n)) for n in range(20)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()

    assert all(text.startswith(str(n)) for n, text in got.items())
    assert (len(got), len(url.requests)) == (20, 20)


def test_ten_thousand_events_take_linear_time():
    with serve() as url:
        got = post(url, body("rehearsal: length 10000", stream=True))

    assert len(events(got.raw)) == 10_003
    assert got.seen.usage["completion_tokens"] == 10_000
