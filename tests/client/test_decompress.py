"""A compressed body is unpacked in small pieces, up to its damage."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator

import httpx
import pytest
from wire import slices

from nemotron_magic.client.sse import iter_decompressed

TEXT = b"".join(b"data: %d\n\n" % n for n in range(2_000))


class _Raw(httpx.SyncByteStream):
    """A body as it comes from the network, packed."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces


def unpacked(packed: bytes, encoding: str, size: int) -> Iterator[bytes]:
    headers = {"Content-Encoding": encoding} if encoding else {}
    stream = _Raw(slices(packed, size))
    return iter_decompressed(httpx.Response(200, headers=headers, stream=stream))


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("", bytes),
        ("identity", bytes),
        ("gzip", gzip.compress),
        (" GZip ", gzip.compress),
        ("deflate", zlib.compress),
    ],
)
def test_a_body_is_the_same_however_it_was_packed_and_cut(
    encoding: str, pack: type[bytes], size: int
) -> None:
    assert b"".join(unpacked(pack(TEXT), encoding, size)) == TEXT


@pytest.mark.parametrize("size", [1, 100_000])
def test_what_came_before_a_damage_is_given(size: int) -> None:
    packer = zlib.compressobj(wbits=31)
    good = packer.compress(TEXT) + packer.flush(zlib.Z_SYNC_FLUSH)
    found: list[bytes] = []
    with pytest.raises(httpx.DecodingError, match="invalid block type"):
        found.extend(unpacked(good + b"\xff" * 9, "gzip", size))

    assert b"".join(found) == TEXT


def test_a_bomb_goes_off_in_small_pieces() -> None:
    bomb = gzip.compress(bytes(2**26))
    tracemalloc.start()
    longest = max(map(len, unpacked(bomb, "gzip", 2**16)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert longest <= 2**16
    assert peak < 2**20
