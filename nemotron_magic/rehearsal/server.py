"""The HTTP server of the rehearsal, and its replies in the service's shape."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from itertools import count
from typing import Any, Self
from urllib.parse import urlsplit

from nemotron_magic.rehearsal import replies

Json = dict[str, Any]

_HOST = "127.0.0.1"
# From https://docs.aimlapi.com/faq/how-can-i-track-my-funds, 2026-08-21.
_CREDITS_PER_USD = 2_000_000
# The prices are invented.
_MODELS = json.loads(files(__package__).joinpath("models.json").read_text("utf-8"))
_PRICES_USD = {
    one["id"]: [unit["price"] for unit in one["pricing"]["units"]]
    for one in _MODELS["data"]
}
_UNLISTED_USD = (1.11, 2.22)


def _figures(model: str, sent: int, received: int) -> Json:
    """Return the usage of a reply in tokens, and its cost."""
    sent_usd, received_usd = _PRICES_USD.get(model, _UNLISTED_USD)
    usd = sent * sent_usd + received * received_usd
    spent = round(usd * _CREDITS_PER_USD / 1_000_000)
    tokens = {"prompt_tokens": sent, "completion_tokens": received}
    cost = {"credits_used": spent, "usd_spent": spent / _CREDITS_PER_USD}
    usage = {**tokens, "total_tokens": sent + received}
    return {"usage": usage, "meta": {"usage": cost}}


def _stream(head: Json, content: str, finish: str, figures: Json) -> Iterator[bytes]:
    """Yield the server-sent events of a streamed reply."""
    begin: Json = {"role": "assistant", "content": ""}
    deltas = [{"content": token} for token in replies.tokens_of(content)]
    for delta in (begin, *deltas, {}):
        ending = None if delta else finish
        one = {"index": 0, "delta": delta, "finish_reason": ending}
        yield b"data: %b\n\n" % _bytes({**head, "choices": [one], "usage": None})
    yield b"data: %b\n\n" % _bytes({**head, "choices": [], **figures})


def _bytes(value: Any) -> bytes:
    """Encode JSON as the service does; a lone surrogate becomes "?"."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", errors="replace")


class Server(ThreadingHTTPServer):
    """A rehearsal that runs inside a ``with`` block, whose value is its base URL.

    Port 0 takes a free one. Without `tokens_per_s` there is no pause between tokens.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, *, tokens_per_s: float | None = None) -> None:
        super().__init__((_HOST, port), _Handler)
        self.url = f"http://{_HOST}:{self.server_port}/v1"
        self.tokens_per_s = tokens_per_s
        self.stopping = threading.Event()
        self.numbers = count()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.05,), name="rehearsal", daemon=True
        )

    def start(self) -> Self:
        """Begin to answer; ``stop()`` ends it."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, and end every connection."""
        self.stopping.set()
        self.shutdown()
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join()

    def __enter__(self) -> str:  # type: ignore[override]
        return self.start().url

    def __exit__(self, *error: object) -> None:
        self.stop()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Return a new connection."""
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that leaves is no fault."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path in ("/v1/models", "/models"):
            self._send(200, _MODELS)
        else:
            self._send(404, f"Cannot GET {path}")

    def do_POST(self) -> None:
        body = self._body()
        if not urlsplit(self.path).path.endswith("/chat/completions"):
            self._send(404, f"Cannot POST {self.path}")
        elif not _is_request(body):
            self._send(400, "Body validation error: messages and model are required")
        else:
            self._answer(body)

    def _answer(self, body: Json) -> None:
        messages, model, streams = body["messages"], body["model"], body.get("stream")
        try:
            content, finish = replies.reply(body)
            sent = replies.prompt_tokens(messages)
            figures = _figures(model, sent, replies.count_tokens(content))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            self._send(400, f"Body validation error: {error!r}")
            return
        now_s, number = int(time.time()), next(self.server.numbers)
        kind = "chat.completion.chunk" if streams else "chat.completion"
        names = {"id": f"gen-{now_s}-{number:06}", "object": kind, "model": model}
        head = {**names, "created": now_s}
        if not streams:
            message = {"role": "assistant", "content": content}
            one = {"index": 0, "message": message, "finish_reason": finish}
            self._send(200, {**head, "choices": [one], **figures})
            return
        self._head(200, "text/event-stream", ("Transfer-Encoding", "chunked"))
        directed = replies.read_directives(replies.question_of(messages))
        tokens_per_s = directed.get("tokens_per_s", self.server.tokens_per_s)
        for event in _stream(head, content, finish, figures):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            if tokens_per_s and self.server.stopping.wait(1 / tokens_per_s):
                self.close_connection = True
                return
        self.wfile.write(b"0\r\n\r\n")

    def _body(self) -> Any:
        length = int(self.headers.get("Content-Length") or 0)
        with suppress(ValueError):
            return json.loads(self.rfile.read(length))
        return None

    def _send(self, status: int, value: Json | str) -> None:
        """Send a body; a text is the message of an error."""
        if isinstance(value, str):
            value = {"statusCode": status, "message": value}
        content = _bytes(value)
        self._head(status, "application/json", ("Content-Length", str(len(content))))
        self.wfile.write(content)

    def _head(self, status: int, content_type: str, framing: tuple[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("X-Nemotron-Rehearsal", "1")
        self.send_header(*framing)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: what is asked is the user's."""


def _is_request(body: Any) -> bool:
    match body:
        case {"model": str(), "messages": [_, *_] as messages}:
            return all(isinstance(m, dict) and "role" in m for m in messages)
    return False
