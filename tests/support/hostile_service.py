"""A service that answers what it is told to, byte for byte, on a socket of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Answer", "Service", "Speaker", "serving"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to every request whose path ends so."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)

    @classmethod
    def json(cls, value: Any, status: int = 200, **headers: str) -> Answer:
        """Give an answer of JSON."""
        named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
        kind = ("Content-Type", "application/json")
        return cls(json.dumps(value).encode(), status, (kind, *named))

    @classmethod
    def stream(cls, body: bytes, **headers: str) -> Answer:
        """Give an answer that is a stream."""
        named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
        return cls(body, 200, (("Content-Type", "text/event-stream"), *named))


Speaker = Callable[[bytes], Answer]
"""Makes an answer of the body of a request."""


@dataclass
class Service:
    """Where it is, what it answers, what it was sent."""

    url: str = ""
    answers: dict[str, Answer | Speaker] = field(default_factory=dict)
    sent: list[tuple[str, bytes]] = field(default_factory=list)


@contextmanager
def serving(**answers: Answer | Speaker) -> Iterator[Service]:
    """Serve `models` and `completions` until the end of the block."""
    service = Service(answers=dict(answers))

    class Handler(BaseHTTPRequestHandler):
        # A browser connects ahead and may never ask: its thread is not to stay.
        timeout = 1

        def answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            service.sent.append((self.path, body))
            name = self.path.partition("?")[0].rpartition("/")[2]
            found = service.answers.get(name, Answer(b"{}", 404))
            answer = found if isinstance(found, Answer) else found(body)
            self.send_response(answer.status)
            for header, value in answer.headers:
                self.send_header(header, value)
            self.send_header("Content-Length", str(len(answer.body)))
            with suppress(ConnectionError):  # a page that is closed reads no further
                self.end_headers()
                self.wfile.write(answer.body)

        do_GET = do_POST = answer  # noqa: N815  # names that http.server asks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
