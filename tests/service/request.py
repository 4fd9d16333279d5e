"""Read one HTTP request from a connection, and keep a record of it without its key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, parse_headers
from io import BufferedIOBase
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]
"""A JSON object, as it lies on the wire."""

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"}
)
LONGEST_LINE_BYTES = 65_536
LARGEST_BODY_BYTES = 64 * 2**20
SHOWN_CHARS = 4


class Malformed(ValueError):
    """The bytes that came are no HTTP/1.1 request that we can read."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The path, unquoted, without the query."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's values by name; a name may come more than once."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def token(self) -> str:
        """The bearer token, or nothing."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    @property
    def json(self) -> Any:
        """The body as JSON, or None if it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    @property
    def keeps_alive(self) -> bool:
        """Whether the client means to send another request here."""
        return self.headers.get("connection", "").lower() != "close"


@dataclass(frozen=True, slots=True)
class Record:
    """What a test may ask of a request that was received.

    ``headers`` have lower-case names, and in the secret ones all but the last
    four characters are masked. ``authorized`` says whether a bearer token came
    that this server takes. ``body`` is the parsed JSON, or None. ``time`` is in
    seconds since 1970.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    authorized: bool
    body: Any
    time: float


def record(request: Request, *, key: str | None, time: float) -> Record:
    """Take down a request without its secrets."""
    return Record(
        method=request.method,
        path=request.path,
        query=request.query,
        headers={name: _shown(name, text) for name, text in request.headers.items()},
        authorized=bool(request.token) and request.token == (key or request.token),
        body=request.json,
        time=time,
    )


def masked(secret: str) -> str:
    """Give a secret with all but its last four characters hidden.

    >>> masked("0123456789abcdef")
    '****cdef'
    >>> masked("short")
    '****'
    """
    return "****" + (secret[-SHOWN_CHARS:] if len(secret) > 2 * SHOWN_CHARS else "")


def _shown(name: str, text: str) -> str:
    if name not in SECRET_HEADERS:
        return text
    scheme, space, token = text.partition(" ")
    return f"{scheme} {masked(token)}" if space else masked(text)


def read_request(stream: BufferedIOBase) -> Request | None:
    """Read the next request; None when the client has left.

    Raises
    ------
    Malformed
        If what came is not a request.
    """
    first = stream.read(1)
    if first == b"\x16":  # a handshake of TLS, which may hold no newline
        raise Malformed("this server speaks no TLS")
    line = first + stream.readline(LONGEST_LINE_BYTES)
    if not line.strip():
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3:
        raise Malformed(f"a request line has three words, got {len(words)}")
    headers = _headers(stream)
    return Request(words[0], words[1], headers, _content(stream, headers))


def _headers(stream: BufferedIOBase) -> dict[str, str]:
    try:
        message = parse_headers(stream)
    except HTTPException as error:
        raise Malformed("the headers are too long") from error
    return {name.lower(): text.strip() for name, text in message.items()}


def _content(stream: BufferedIOBase, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunked(stream)
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY_BYTES:
        raise Malformed(f"Content-Length must lie in [0, {LARGEST_BODY_BYTES}]")
    return stream.read(int(length))


def _chunked(stream: BufferedIOBase) -> bytes:
    content = bytearray()
    while size := _chunk_size(stream):
        content += stream.read(size)
        stream.readline(LONGEST_LINE_BYTES)
        if len(content) > LARGEST_BODY_BYTES:
            raise Malformed(f"the body is larger than {LARGEST_BODY_BYTES} bytes")
    stream.readline(LONGEST_LINE_BYTES)
    return bytes(content)


def _chunk_size(stream: BufferedIOBase) -> int:
    line = stream.readline(LONGEST_LINE_BYTES).partition(b";")[0]
    try:
        return int(line, 16)
    except ValueError as error:
        raise Malformed("a chunk has no size") from error


def read_or_refuse(stream: BufferedIOBase) -> Request | Malformed | None:
    """Read the next request as `read_request` does, but give what is wrong with it."""
    try:
        return read_request(stream)
    except Malformed as error:
        return error
