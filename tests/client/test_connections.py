"""Connections are used again while they are fresh, and none is waited for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from wire import HELLO

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.client.deadline import system_resolver
from nemotron_magic.client.network import Proxy
from nemotron_magic.client.transport import Http, certificates
from nemotron_magic.core.errors import ConnectError, InputError

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
CHUNK = b"%x\r\n%b\r\n" % (len(HELLO), HELLO)
END = b"0\r\n\r\n"


@dataclass
class Service:
    """Answers each question with `parts`, a moment between them; counts connections."""

    parts: list[bytes]
    port: int = 0
    connections: int = 0
    opened: list[socket.socket] = field(default_factory=list)

    def answer(self, connection: socket.socket) -> None:
        # The client may have what it wants before all is sent.
        with connection, suppress(ConnectionError):
            while request := connection.recv(65536):
                while not request.endswith(b"}"):
                    request += connection.recv(65536)
                for part in self.parts:
                    connection.sendall(part)
                    time.sleep(0.002)

    def serve(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.answer, args=(connection,)).start()


@contextmanager
def serving(*parts: bytes) -> Iterator[tuple[Service, Session]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        service = Service(list(parts), server.getsockname()[1])
        thread = threading.Thread(target=service.serve, args=(server,))
        thread.start()
        url = f"http://127.0.0.1:{service.port}"
        session = Session(base_url=url, environ={}, model="m")
        yield service, session
        session.close()
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize(
    "parts", [(HEAD + CHUNK + END,), (HEAD, CHUNK, END)], ids=["at once", "in parts"]
)
def test_questions_that_follow_at_once_share_a_connection(
    parts: tuple[bytes, ...],
) -> None:
    with serving(*parts) as (service, session):
        replies = [session.ask("Why?") for _ in range(5)]

        assert replies == ["Hello, world!"] * 5
        assert service.connections == 1


def test_a_body_that_does_not_end_is_not_waited_for() -> None:
    with serving(HEAD + CHUNK) as (service, session):
        started_s = time.monotonic()
        replies = [session.ask("Why?") for _ in range(3)]
        took_s = time.monotonic() - started_s

        assert replies == ["Hello, world!"] * 3
        assert service.connections == 3
        assert took_s < 3


def test_a_body_that_goes_on_after_its_end_is_left() -> None:
    with serving(HEAD + CHUNK, *([CHUNK] * 5)) as (service, session):
        replies = [session.ask("Why?") for _ in range(3)]

        assert replies == ["Hello, world!"] * 3
        assert service.connections == 3


def test_certificates_are_read_again_only_when_the_environment_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    first, again = certificates(), certificates()
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/at all.pem")

    assert again is first
    with pytest.raises(ConnectError, match="nowhere"):
        certificates()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_threads_that_ask_at_once_share_one_transport(scheme: str) -> None:
    with closing(Http(system_resolver)) as http, ThreadPoolExecutor(16) as pool:
        network: Any = http._open()
        ready = threading.Barrier(16)

        def way(number: int) -> int:
            ready.wait()
            return id(network.way(None, scheme))

        assert len(set(pool.map(way, range(16)))) == 1


@pytest.mark.parametrize("host", ["xn--", "xn--a.example", "xn--a-ecp.example"])
def test_a_host_that_has_no_such_name_is_not_said_to_be_billed(
    session_at: Any, host: str
) -> None:
    session: Session = session_at(f"https://{host}/v1", Client(), key="k" * 32)
    with pytest.raises(InputError, match="the request could not be made"):
        session.ask("Hello")


def test_the_host_of_a_proxy_is_left_to_the_connection() -> None:
    proxy = Proxy("http://127.0.0.1:9", "a test")
    with closing(Http(system_resolver)) as http:
        network: Any = http._open()
        ways = [network.way(way, "http") for way in (None, proxy)]

        resolvers = [way._pool._network_backend._resolve for way in ways]
        assert resolvers == [system_resolver, None]
