"""A loopback server that sends a fixed reply at a fixed pace to all that ask.

    python tests/bench/paced.py          prints its port; serves until it is stopped

`POST /TOKENS/PER_S/v1/chat/completions` answers with a reply of so many tokens of four
characters, so many a second (0: as fast as it goes), as a stream or, if the body asks
for none, whole and as late as the stream would have ended. It keeps connections alive,
as services do.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

MODEL = "nvidia/nemotron-3-super-120b-a12b"
CHARS_PER_TOKEN = 4


def reply_text(tokens: int) -> str:
    """Give Markdown of all kinds, `tokens` long."""
    parts: list[str] = []
    size = number = 0
    while size < tokens * CHARS_PER_TOKEN:
        number += 1
        parts.append(
            f"## Step {number}\n\nFirst look at the *{number}* rows that do not match, "
            "then at the keys: a merge on a float column rarely does what it seems to "
            f"do, and costs $x_{{{number}}}^2$ comparisons.\n\n"
            f"- check `df.merge(other, on='k{number}')`\n  - its length\n"
            "- drop duplicates first\n\n"
            f"| column | share |\n|:--|--:|\n| a{number} | 0.5 |\n| b | 0.25 |\n\n"
            "```python\n"
            f"for name, group in df.groupby('region{number}'):\n"
            "    total = group['sales'].sum()  # in thousands\n"
            '    print(f"{name}: {total:,.0f}")\n```\n\n'
        )
        size += len(parts[-1])
    return "".join(parts)[: tokens * CHARS_PER_TOKEN]


def tokens_of(text: str) -> list[str]:
    """Cut a text into pieces of a token's length."""
    return [
        text[start : start + CHARS_PER_TOKEN]
        for start in range(0, len(text), CHARS_PER_TOKEN)
    ]


def event(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    """Write one event as services do."""
    choice = {
        "index": 0,
        "delta": delta,
        "finish_reason": finish_reason,
        "logprobs": None,
    }
    return b"data: %b\n\n" % _body("chat.completion.chunk", choice)


def completion(text: str) -> bytes:
    """Write a whole reply."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _body("chat.completion", choice)


@cache
def streamed(tokens: int) -> tuple[bytes, ...]:
    """Write a reply as a stream: its head with the first event, and every other one."""
    pieces = tokens_of(reply_text(tokens))
    sent = [event({"role": "assistant", "content": piece}) for piece in pieces]
    sent += [event({}, "stop") + b"data: [DONE]\n\n"]
    chunks = [b"%x\r\n%b\r\n" % (len(one), one) for one in sent]
    first = _head("text/event-stream", "Transfer-Encoding: chunked") + chunks[0]
    return (first, *chunks[1:], b"0\r\n\r\n")


@cache
def whole(tokens: int) -> bytes:
    """Write a reply that comes as one."""
    body = completion("".join(tokens_of(reply_text(tokens))))
    return _head("application/json", f"Content-Length: {len(body)}") + body


def _head(kind: str, framing: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{framing}\r\n\r\n".encode()


def _body(kind: str, choice: dict[str, Any]) -> bytes:
    body = {
        "id": "gen-1755781234-AbCdEfGhIjKlMnOpQrSt",
        "object": kind,
        "created": 1755781234,
        "model": MODEL,
        "choices": [choice],
    }
    return json.dumps(body, separators=(",", ":")).encode()


class Handler(StreamRequestHandler):
    """Answers one connection, with little work of its own: clients are compared."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer until the client goes, in whatever manner."""
        with suppress(ConnectionError):
            while path := self.rfile.readline().decode().partition(" ")[2]:
                length = 0
                while line := self.rfile.readline().strip().lower():
                    name, _, value = line.partition(b":")
                    length = int(value) if name == b"content-length" else length
                tokens, per_s = map(int, path.split("/")[1:3])
                self._answer(json.loads(self.rfile.read(length)), tokens, per_s)

    def _answer(self, asked: dict[str, Any], tokens: int, per_s: int) -> None:
        if asked.get("stream"):
            self._stream(tokens, per_s)
        else:
            time.sleep(tokens / per_s if per_s else 0)
            self.wfile.write(whole(tokens))

    def _stream(self, tokens: int, per_s: int) -> None:
        chunks = streamed(tokens)
        if not per_s:
            self.wfile.write(b"".join(chunks))
            return
        started_s = time.monotonic()
        for number, chunk in enumerate(chunks):
            due_s = started_s + number / per_s
            time.sleep(max(0, due_s - time.monotonic()))
            self.wfile.write(chunk)


@dataclass(frozen=True)
class Paced:
    """Where the server listens."""

    port: int

    def url(self, tokens: int, per_s: int = 0) -> str:
        """Give the base URL that answers with so many tokens, so many a second."""
        return f"http://127.0.0.1:{self.port}/{tokens}/{per_s}/v1"


@contextmanager
def serving() -> Iterator[Paced]:
    """Run the server in a process of its own."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Paced(int(process.stdout.readline()))
        finally:
            process.kill()


def main() -> None:
    """Serve until stopped."""
    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
