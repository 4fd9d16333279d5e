"""What is to be sent, as a value: status, headers, parts, and how it ends."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

Framing = Literal["chunked", "length", "close", "raw"]
Ending = Literal["whole", "cut", "reset"]
Headers = tuple[tuple[str, str], ...]

JSON_TYPE = "application/json; charset=utf-8"
STREAM_TYPE = "text/event-stream"
GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Pause:
    """Send nothing for a while; None: until the client leaves or the server stops."""

    seconds: float | None = None


Part = bytes | Pause
"""A piece of a body, sent at once, or a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response, faithful or faulty.

    Parameters
    ----------
    parts
        The body. Each piece of bytes goes out by itself.
    framing
        How the end of the body is told: by chunks, by Content-Length, by closing
        the connection, or "raw": ``head`` and parts go out as they are.
    ending
        "whole" ends as the framing demands; "cut" closes without it; "reset"
        sends RST.
    before
        A pause before the first byte.
    head
        Bytes instead of status line and headers ("raw" only).
    length
        A Content-Length other than the true one.
    """

    status: int = 200
    headers: Headers = ()
    parts: Iterable[Part] = ()
    framing: Framing = "length"
    ending: Ending = "whole"
    before: Pause | None = None
    head: bytes = b""
    length: int | None = None


def dumps(value: Any) -> str:
    """Write JSON as the services do: compact, UTF-8, nothing escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def to_bytes(text: str) -> bytes:
    """Encode text; a lone surrogate, which UTF-8 cannot hold, becomes "?"."""
    return text.encode("utf-8", errors="replace")


def whole(
    status: int, content_type: str, body: bytes, headers: Headers = ()
) -> Response:
    """Give a response whose body is known in full."""
    typed = (("Content-Type", content_type), *headers)
    return Response(status=status, headers=typed, parts=(body,))


def json_response(value: Any, status: int = 200, headers: Headers = ()) -> Response:
    """Give a JSON response."""
    return whole(status, JSON_TYPE, to_bytes(dumps(value)), headers)


def joined(parts: Iterable[Part]) -> bytes:
    """Give the bytes of a body without its pauses."""
    return b"".join(part for part in parts if isinstance(part, bytes))


def gzipped(response: Response) -> Response:
    """Compress a response piece by piece, so that it can still be read as it comes."""
    headers = (*response.headers, ("Content-Encoding", "gzip"))
    return replace(response, headers=headers, parts=_gzip(response.parts))


def _gzip(parts: Iterable[Part]) -> Iterator[Part]:
    packer = zlib.compressobj(wbits=GZIP_WINDOW_BITS)
    for part in parts:
        if isinstance(part, Pause):
            yield part
        else:
            yield packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def sliced(parts: Iterable[Part], size: int | None, delay_s: float) -> Iterator[Part]:
    """Cut the pieces into slices of at most ``size`` bytes, ``delay_s`` apart."""
    for part in parts:
        if isinstance(part, Pause):
            yield part
            continue
        step = size or len(part) or 1
        for start in range(0, len(part), step):
            yield part[start : start + step]
            if delay_s:
                yield Pause(delay_s)
