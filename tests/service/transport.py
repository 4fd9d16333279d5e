"""Faults of the connection and of HTTP itself."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import count, repeat

from . import bodies
from .midstream import delta
from .response import (
    GZIP_WINDOW_BITS,
    STREAM_TYPE,
    Ending,
    Framing,
    Headers,
    Part,
    Pause,
    Response,
    gzipped,
    joined,
    json_response,
)
from .turn import Fault, Turn

SETTLE_S = 0.03
"""Long enough for what was sent to be read before a reset throws it away."""

MEGABYTE = 2**20
BLOCK_BYTES = 2**16
MANY_HEADERS = 5_000
STREAM_HEADERS: Headers = (("Content-Type", STREAM_TYPE),)
FINISHED = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'


# ---- ends


def _silent(ending: Ending, turn: Turn) -> Response:
    return Response(framing="raw", ending=ending)


def _cut(framing: Framing, ending: Ending, turn: Turn) -> Response:
    """Send half of the reply, then end without the end."""
    good = turn.good(None)
    length = len(joined(turn.parts())) if framing == "length" else None
    settle = [Pause(SETTLE_S)] if ending == "reset" else []
    parts: list[Part] = [*turn.half(), *settle]
    return replace(good, parts=parts, framing=framing, ending=ending, length=length)


def _reset_after_headers(turn: Turn) -> Response:
    return replace(turn.good(None), parts=[Pause(SETTLE_S)], ending="reset")


def _reset_mid_chunk(turn: Turn) -> Response:
    """Announce a chunk, send half of it, then reset."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    body = joined(turn.half(True))
    announced = f"{2 * len(body):x}\r\n".encode()
    parts: list[Part] = [announced + body, Pause(SETTLE_S)]
    return Response(head=head, framing="raw", parts=parts, ending="reset")


# ---- waits


def _stall_before_headers(turn: Turn) -> Response:
    wait = Pause(turn.number(0) or None)
    return replace(turn.good(None), before=wait)


def _stall_mid_stream(turn: Turn) -> Response:
    half, pieces = turn.half(), turn.parts()
    wait = Pause(turn.number(0) or None)
    parts: list[Part] = [*half, wait, *pieces[len(half) :]]
    length = len(joined(pieces))
    return replace(turn.good(None), parts=parts, length=length)


def _spaced(pieces: Iterable[bytes], wait: Pause) -> Iterator[Part]:
    for piece in pieces:
        yield piece
        yield wait


def _trickle(turn: Turn) -> Response:
    content = joined(turn.parts())
    wait = Pause(turn.number(0.001))
    parts = _spaced((bytes([byte]) for byte in content), wait)
    return replace(turn.good(None), parts=parts, length=len(content))


def _keepalive_forever(turn: Turn) -> Response:
    wait = Pause(turn.number(0.05))
    parts = _spaced(repeat(b": ping\n\n"), wait)
    return Response(headers=STREAM_HEADERS, parts=parts, framing="chunked")


def _endless(turn: Turn) -> Response:
    texts = (delta(b"and on %d, " % n) for n in count())
    parts = _spaced(texts, Pause(turn.number(0)))
    return Response(headers=STREAM_HEADERS, parts=parts, framing="chunked")


# ---- sizes


def _huge_line(turn: Turn) -> Response:
    """Send one event of so many megabytes (1), in blocks."""

    def parts() -> Iterator[Part]:
        yield b'data: {"choices":[{"index":0,"delta":{"content":"'
        for _ in range(int(turn.number(1) * MEGABYTE) // BLOCK_BYTES):
            yield b"a" * BLOCK_BYTES
        yield b'"},"finish_reason":null}]}\n\n'
        yield FINISHED

    return Response(headers=STREAM_HEADERS, parts=parts(), framing="chunked")


def _gzip_bomb(turn: Turn) -> Response:
    return gzipped(_huge_line(replace(turn, argument=turn.argument or "100")))


def _many_headers(turn: Turn) -> Response:
    good = turn.good(None)
    more = tuple((f"X-Rehearsal-{n}", "x" * 20) for n in range(MANY_HEADERS))
    return replace(good, headers=(*good.headers, *more))


def _huge_header(turn: Turn) -> Response:
    good = turn.good(None)
    return replace(good, headers=(*good.headers, ("X-Rehearsal", "x" * MEGABYTE)))


# ---- encodings


def _encoded(name: str, encode: Callable[[bytes], bytes], turn: Turn) -> Response:
    good = turn.good(None)
    content = encode(joined(turn.parts()))
    headers = (*good.headers, ("Content-Encoding", name))
    return replace(good, headers=headers, parts=[content], framing="chunked")


def _zip_cut(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=GZIP_WINDOW_BITS)
    half = packer.compress(content[: len(content) // 2])
    return half + packer.flush(zlib.Z_SYNC_FLUSH)


def _zip_broken(content: bytes) -> bytes:
    return _zip_cut(content) + b"\xff" * 64


def _no_zip(content: bytes) -> bytes:
    return content


def _scrambled(content: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in content)


# ---- HTTP


def _redirect(status: int, where: str, turn: Turn) -> Response:
    port = turn.origin.rpartition(":")[2]
    targets = {
        "host": turn.argument or f"http://localhost:{port}{turn.place.path}",
        "loop": turn.place.path,
        "file": "file:///etc/hostname",
    }
    return Response(status=status, headers=(("Location", targets[where]),))


def _redirect_slash(turn: Turn) -> Response:
    """Redirect to the same path with a slash, which then answers."""
    if turn.place.path.endswith("/"):
        return turn.good(None)
    return Response(status=308, headers=(("Location", turn.place.path + "/"),))


def _bad_status_line(turn: Turn) -> Response:
    return Response(framing="raw", head=b"HTP/one two OK\r\n\r\n", ending="cut")


def _bad_chunk_size(turn: Turn) -> Response:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    body = joined(turn.half(True))
    good = f"{len(body):x}\r\n".encode() + body + b"\r\n"
    return Response(framing="raw", head=head, parts=[good, b"zz\r\n"], ending="cut")


def _extra_bytes(turn: Turn) -> Response:
    """Answer in full, then send a response that nobody asked for."""
    content = joined(turn.parts(False))
    length = f"Content-Length: {len(content)}\r\n\r\n".encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + length
    stray = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"
    return Response(framing="raw", head=head, parts=[content + stray], ending="cut")


def _echo_key(turn: Turn) -> Response:
    message = f"Incorrect API key provided: {turn.token}. {bodies.NO_KEY}"
    return json_response(bodies.shape_a(401, message, turn.place), 401)


TRANSPORT: Mapping[str, Fault] = {
    "close-before-headers": Fault("Closes without a word", partial(_silent, "cut")),
    "reset-before-headers": Fault("Resets without a word", partial(_silent, "reset")),
    "reset-after-headers": Fault("Headers, then a reset", _reset_after_headers),
    "reset-mid-chunk": Fault("Half, then a reset within a chunk", _reset_mid_chunk),
    "reset-mid-stream": Fault(
        "Half, then a reset between chunks", partial(_cut, "chunked", "reset")
    ),
    "cut-chunked": Fault(
        "Half, then closed without the last chunk", partial(_cut, "chunked", "cut")
    ),
    "cut-content-length": Fault(
        "Half of what Content-Length promised", partial(_cut, "length", "cut")
    ),
    "close-delimited-cut": Fault(
        "Half of a body that ends when closed", partial(_cut, "close", "cut")
    ),
    "stall-before-headers": Fault(
        "Silence (:S seconds of it) before the reply", _stall_before_headers
    ),
    "stall-mid-stream": Fault(
        "Half, silence (:S seconds of it), then the rest", _stall_mid_stream
    ),
    "trickle": Fault("One byte at a time, :S seconds apart", _trickle),
    "keepalive-forever": Fault(
        "Comments, :S seconds apart, no end", _keepalive_forever
    ),
    "endless": Fault("Text without end, :S seconds apart", _endless),
    "huge-line": Fault("One event of :N megabytes (1)", _huge_line),
    "gzip-bomb": Fault("The same compressed, :N megabytes (100)", _gzip_bomb),
    "many-headers": Fault("5,000 headers", _many_headers),
    "huge-header": Fault("A header of 1 MB", _huge_header),
    "bad-gzip": Fault("Says gzip, is none", partial(_encoded, "gzip", _no_zip)),
    "corrupt-gzip": Fault(
        "Gzip with rubbish after half", partial(_encoded, "gzip", _zip_broken)
    ),
    "truncated-gzip": Fault(
        "Gzip that ends after half", partial(_encoded, "gzip", _zip_cut)
    ),
    "unknown-encoding": Fault(
        "Content-Encoding: x-rehearsal", partial(_encoded, "x-rehearsal", _scrambled)
    ),
    "redirect-host": Fault(
        "307 to another host (:URL, or localhost)",
        partial(_redirect, 307, "host"),
        takes_url=True,
    ),
    "redirect-303": Fault(
        "303 to another host (:URL)", partial(_redirect, 303, "host"), takes_url=True
    ),
    "redirect-loop": Fault("307 to itself", partial(_redirect, 307, "loop")),
    "redirect-file": Fault("302 to a file: address", partial(_redirect, 302, "file")),
    "redirect-slash": Fault("308 to the path with a slash", _redirect_slash),
    "bad-status-line": Fault("Not HTTP", _bad_status_line),
    "bad-chunk-size": Fault("Half, then a chunk of size zz", _bad_chunk_size),
    "extra-bytes": Fault("A second response nobody asked for", _extra_bytes),
    "echo-key": Fault("401 that repeats the key in full", _echo_key),
}
