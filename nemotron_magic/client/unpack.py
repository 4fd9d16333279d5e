"""A compressed body, unpacked in pieces of bounded size.

httpx unpacks what one read brought in one go, so that 64 kB may become 64 MB, and what
came before a damage is lost with it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import httpx

__all__ = ["ENCODINGS", "body_of", "encoding_of"]

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
ENCODINGS = frozenset({"", "identity", *_WINDOWS})
"""What a body may be packed in; we ask for no other."""

_PIECE_BYTES = 64 * 1024


def body_of(response: httpx.Response) -> Iterator[bytes]:
    """Give the body of a response as it comes, unpacked.

    Raises
    ------
    httpx.DecodingError
        If it is damaged, after what came before the damage.
    """
    encoding = encoding_of(response)
    if response.is_stream_consumed:  # it was read on the way here
        yield response.content
    elif encoding in _WINDOWS:
        yield from _unpacked(response.iter_raw(), _WINDOWS[encoding])
    else:
        yield from response.iter_raw()


def encoding_of(response: httpx.Response) -> str:
    """Give what a body is packed in, empty for nothing."""
    return str(response.headers.get("content-encoding", "")).strip().lower()


def _unpacked(packed: Iterator[bytes], window_bits: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(window_bits)
    for data in packed:
        left, is_more = data, True
        while is_more and not unpacker.eof:
            before = unpacker.copy()
            try:
                piece = unpacker.decompress(left, _PIECE_BYTES)
            except zlib.error as error:
                damage = str(error)
                break
            left = unpacker.unconsumed_tail
            is_more = bool(left) or len(piece) == _PIECE_BYTES
            yield piece
        else:
            continue
        yield from _up_to_the_damage(before, left)
        raise httpx.DecodingError(damage)


def _up_to_the_damage(unpacker: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    for at in range(len(data)):
        try:
            yield unpacker.decompress(data[at : at + 1])
        except zlib.error:
            return
