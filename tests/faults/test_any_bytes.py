"""Whatever bytes come over a connection, however they are cut: our errors only."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import closing

import httpcore
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matrix import CHUNKED, COMPLETION, GZIP, HELLO, HTML, JSON, SSE, chunk, head, page
from wire import DONE, STOP, cuts, delta, event, say

from nemotron_magic.client.client import Client, Request
from nemotron_magic.client.deadline import Backend
from nemotron_magic.core.endpoint import Endpoint
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.settings import Settings
from nemotron_magic.session.reply import ReplyAccumulator

REQUEST = Request(
    Endpoint.read("http://127.0.0.1:1"),
    ({"role": "user", "content": "Hello"},),
    Settings({"model": "nvidia/nemotron-a"}),
)


class _Line(httpcore.NetworkBackend, httpcore.NetworkStream):
    """A connection on which these pieces come, then the end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self._left = iter(())

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, **more: object
    ) -> httpcore.NetworkStream:
        return self

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return next(self._left, b"")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._left = iter([piece for piece in self._pieces if piece])

    def close(self) -> None:
        """Take no notice."""

    def get_extra_info(self, info: str) -> bool | None:
        return info == "is_readable" or None  # its end is there, so it is not kept


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with closing(Client(sleep=lambda wait_s: None)) as client:
        yield client


def heard(client: Client, pieces: list[bytes]) -> tuple[str, ...]:
    """Ask over such a connection; give all that the user would get of it."""
    pool = client._http._open().way(None, "http")._pool  # type: ignore[attr-defined]
    pool._network_backend = Backend(_Line(pieces))
    draft, error = ReplyAccumulator(), ""
    try:
        for one in client.stream(REQUEST):
            draft.add(one)
    except NemotronError as raised:
        error = f"{type(raised).__name__} of {len(str(raised).splitlines())} lines"
    reply = draft.reply()
    details = reply.metadata
    ended = (details.ending, str(details.finish_reason), error)
    return (str(reply), details.reasoning, *ended)


THINKING = say("<think>", "so ", "\n</think>\n", "Hi ", "é😊") + delta("length") + DONE
BODIES = (
    HELLO,
    THINKING,
    COMPLETION,
    page("Log in"),
    say("Hel") + event({"error": {"message": "died", "code": 429}}),
    say("so\n", "</think>\n", "Hi") + STOP,
    gzip.compress(THINKING, mtime=0),
)
STATUSES = ("200 OK", "200 OK", "201 C", "204 N", "302 F", "429 M", "502 B")
HEADS = st.sampled_from([SSE, JSON, HTML, GZIP, CHUNKED, "Content-Length: 99", "X: y"])


@st.composite
def responses(draw: Callable[..., object]) -> bytes:
    """Make a response that may be right, may be odd, and may be damaged."""
    lines = draw(st.lists(HEADS, max_size=3))
    status = draw(st.sampled_from(STATUSES))
    body = draw(st.sampled_from(BODIES))
    if CHUNKED in lines:
        body = b"".join(map(chunk, cuts(body, draw(st.lists(st.integers(1, 400))))))
    whole = bytearray(head(*lines, status=status) + body)
    damage = st.tuples(st.integers(0, 999), st.integers(0, 255))
    for at, byte in draw(st.lists(damage, max_size=3)):
        whole[at % len(whole)] = byte
    return bytes(whole[: draw(st.integers(1, 2000))])


@given(st.one_of(responses(), st.binary(max_size=60)), st.lists(st.integers(0, 1500)))
@example(b"", [])
@settings(max_examples=400)
def test_any_response_gives_the_same_in_every_cut(
    client: Client, data: bytes, at: list[int]
) -> None:
    found = heard(client, [data])

    assert not found[-1] or found[-1].split()[-2] in "123"
    assert heard(client, cuts(data, at)) == found
