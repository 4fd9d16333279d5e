"""Decompress a response body and decode its server-sent events, however it is cut.

By https://html.spec.whatwg.org/multipage/server-sent-events.html, but data that is
pending at the end is dispatched (llama.cpp ends with `data: [DONE]` and no blank line),
a field named `error` is data of an `error` event (llama.cpp until September 2025), and
a line that begins with `{` is data without its name.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import httpx

from nemotron_magic.core.errors import ServiceError

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
ENCODINGS = frozenset({"", "identity", *_WINDOWS})
"""What a body may be packed in; we ask for no other."""

_PIECE_BYTES = 64 * 1024


def iter_decompressed(response: httpx.Response) -> Iterator[bytes]:
    """Yield the body of a response as it comes, unpacked."""
    encoding = encoding_of(response)
    if response.is_stream_consumed:  # it was read on the way here
        yield response.content
    elif encoding in _WINDOWS:
        yield from _unpacked(response.iter_raw(), _WINDOWS[encoding])
    else:
        yield from response.iter_raw()


def encoding_of(response: httpx.Response) -> str:
    """Return what a body is packed in, empty for nothing."""
    return str(response.headers.get("content-encoding", "")).strip().lower()


def _unpacked(packed: Iterator[bytes], window_bits: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(window_bits)
    for data in packed:
        is_more = True
        while is_more and not unpacker.eof:
            before = unpacker.copy()
            try:
                piece = unpacker.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                yield from _up_to_the_damage(before, data)
                raise httpx.DecodingError(str(error)) from None
            yield piece
            data = unpacker.unconsumed_tail
            is_more = bool(data) or len(piece) == _PIECE_BYTES


def _up_to_the_damage(unpacker: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    with suppress(zlib.error):
        for at in range(len(data)):
            yield unpacker.decompress(data[at : at + 1])


MAX_EVENT_BYTES = 16 * 1024 * 1024
"""One event may be this long; a longer one is no chat chunk but a fault."""

LONGEST_WHOLE_BYTES = 2**20
"""What is longer is not looked at again with each piece, whether it has ended."""

_BOM = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """One dispatched event."""

    data: str
    name: str = "message"


class EventStreamDecoder:
    r"""Turn the bytes of one response into events.

    Lines end at CR, LF or CRLF and nowhere else: a reply may hold U+2028 or U+0085, at
    which `str.splitlines` would cut its JSON in two.

    >>> list(EventStreamDecoder().feed(b"data: a\r\n\r\ndata: b\n"))
    [ServerSentEvent(data='a', name='message')]
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._rest = bytearray()
        self._searched = 0
        self._after_cr = False
        self._data: list[bytes] = []
        self._name = ""

    def feed(self, data: bytes) -> Iterator[ServerSentEvent]:
        """Take the next bytes; return the events that they complete, to be used up."""
        for line in self._lines(data):
            if line[:6] == b"data: ":
                self._data.append(line[6:])
            elif line:
                self._field(line)
            else:
                yield from self._dispatched()
        self._check(len(self._rest) + sum(map(len, self._data)))

    def pending(self) -> bytes:
        """Return the data of the event that is not ended; of a long one nothing."""
        if len(self._rest) + sum(map(len, self._data)) > LONGEST_WHOLE_BYTES:
            return b""
        last = self._rest.removeprefix(b"data:") if self._rest else b""
        return b"\n".join([*self._data, last]).strip()

    def close(self) -> Iterator[ServerSentEvent]:
        """Take the end of the stream; return the event that was pending, if one was."""
        if self._rest:
            self._field(bytes(self._rest))
            self._rest.clear()
            self._searched = 0
        yield from self._dispatched()

    def _lines(self, data: bytes) -> list[bytes]:
        """Return the lines that end in `data`, and keep what follows the last one."""
        if self._after_cr and data:
            # The LF of a CRLF that the network cut in two ends no second line.
            self._after_cr = False
            data = data.removeprefix(b"\n")
        rest = self._rest
        rest += data
        last = max(rest.rfind(b"\n", self._searched), rest.rfind(b"\r", self._searched))
        if last < 0:
            self._searched = len(rest)
            return []
        lines = bytes(rest[: last + 1]).splitlines()
        self._after_cr = rest.endswith(b"\r")
        del rest[: last + 1]
        self._searched = len(rest)
        return lines

    def _field(self, line: bytes) -> None:
        line = line.removeprefix(_BOM)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name in (b"data", b"error"):
            self._data.append(value)
        elif line[:1] == b"{":  # it has no name at all
            self._data.append(line)
        if name in (b"event", b"error"):
            kind = value if name == b"event" else name
            self._name = kind.decode("utf-8", "replace")

    def _dispatched(self) -> list[ServerSentEvent]:
        data, name = self._data, self._name
        self._data, self._name = [], ""
        if not data:
            return []
        whole = b"\n".join(data)
        self._check(len(whole))
        return [ServerSentEvent(whole.decode("utf-8", "replace"), name or "message")]

    def _check(self, size: int) -> None:
        if size > self._max_event_bytes:
            raise ServiceError(
                "the service sent one event larger than "
                f"{self._max_event_bytes // 2**20} MiB",
                "that is no chat reply; what came before it is kept",
            )
