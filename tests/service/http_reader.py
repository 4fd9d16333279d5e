"""A small client and a small decoder, written without a look at the server's own."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

MODEL = "nvidia/nemotron-3-super-120b-a12b"


@dataclass
class Seen:
    """What an independent reader makes of a stream."""

    text: dict[int, str] = field(default_factory=dict)
    reasoning: str = ""
    refusal: str = ""
    finish: str | None = None
    usage: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    errors: list[Any] = field(default_factory=list)
    done: bool = False
    bad: int = 0
    chunks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def content(self) -> str:
        return self.text.get(0, "")


def events(raw: bytes) -> list[tuple[str, str]]:
    """Split a whole stream into (field, data) by the rules of the standard."""
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
    found, data = [], []
    for line in [*re.split(r"\r\n|\n|\r", text), ""]:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line and any(data):
            found.append(("data", "\n".join(data)))
        if not line:
            data = []
        elif name == "data":
            data.append(value)
        elif name == "error":
            found.append(("error", value))
    return found


def decode(raw: bytes) -> Seen:
    seen = Seen()
    for name, data in events(raw):
        if name == "error":
            seen.errors.append(json.loads(data))
        elif data.strip() == "[DONE]":
            seen.done = True
        elif not seen.done:
            take(seen, data)
    return seen


def take(seen: Seen, data: str) -> None:
    try:
        chunk = json.loads(data)
    except ValueError:
        seen.bad += 1
        return
    seen.chunks.append(chunk)
    seen.usage = chunk.get("usage") or seen.usage
    seen.meta = chunk.get("meta") or seen.meta
    if (
        chunk.get("error") is not None
        or "statusCode" in chunk
        or (chunk.get("object") == "error")
    ):
        seen.errors.append(chunk)
    for choice in chunk.get("choices") or ():
        take_choice(seen, choice)


def take_choice(seen: Seen, choice: dict[str, Any]) -> None:
    index, delta = choice["index"], choice.get("delta") or {}
    content = delta.get("content")
    if isinstance(content, str):
        seen.text[index] = seen.text.get(index, "") + content
    seen.reasoning += delta.get("reasoning") or delta.get("reasoning_content") or ""
    seen.refusal += delta.get("refusal") or ""
    seen.finish = choice.get("finish_reason") or seen.finish
    for call in delta.get("tool_calls") or ():
        known = seen.calls.setdefault(call["index"], {"name": "", "arguments": ""})
        known["name"] += call["function"].get("name") or ""
        known["arguments"] += call["function"]["arguments"]


def body(text: str = "hello", **parameters: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": MODEL, "messages": messages, **parameters}


@dataclass
class Got:
    status: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def seen(self) -> Seen:
        return decode(self.raw)

    @property
    def content(self) -> str:
        return self.json["choices"][0]["message"]["content"]


def connect(url: str) -> HTTPConnection:
    return HTTPConnection(urlsplit(url).netloc, timeout=10)


def request(
    url: str, path: str, payload: Any = None, method: str = "GET", **headers: str
) -> Got:
    connection = connect(url)
    try:
        connection.request(method, path, payload, headers)
        response = connection.getresponse()
        return Got(response.status, response.headers, response.read())
    finally:
        connection.close()


def post(url: str, payload: Any, path: str = "/v1/chat/completions", **h: str) -> Got:
    return request(url, path, json.dumps(payload), "POST", **h)


def begin(url: str, payload: Any) -> tuple[HTTPConnection, HTTPResponse]:
    """Send a request and give the response with its body unread."""
    connection = connect(url)
    connection.request("POST", "/v1/chat/completions", json.dumps(payload))
    return connection, connection.getresponse()


def raw(url: str, payload: Any = None, *, keep: bool = False) -> bytes:
    """Give every byte that comes back over a bare socket, up to the end."""
    parts = urlsplit(url)
    content = json.dumps(payload or body(stream=True)).encode()
    kept = "" if keep else "Connection: close\r\n"
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
        f"{kept}Content-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname or "", parts.port or 0), 10) as line:
        line.sendall(head.encode() + content)
        return b"".join(iter(lambda: line.recv(65536), b""))


def eventually(holds: Callable[[], bool], seconds: float = 3) -> bool:
    """Tell whether something comes to hold within this time."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.001)
    return holds()


def wait_for_threads(most: int) -> list[str]:
    """Give the names of the rehearsals' threads, once there are no more than these."""

    def names() -> list[str]:
        running = (thread.name for thread in threading.enumerate())
        return [name for name in running if name.startswith("rehearsal")]

    eventually(lambda: len(names()) <= most)
    return names()
