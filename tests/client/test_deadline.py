"""A call ends by its deadline, whatever its single steps may take."""

from __future__ import annotations

import httpcore
import httpx
import pytest

from nemotron_magic.client.deadline import Backend, Deadline


class _Network(httpcore.NetworkBackend, httpcore.NetworkStream):
    """A network that notes how long each step may take."""

    def __init__(self, silent: bool = False) -> None:
        self.may_take_s: list[float | None] = []
        self.written: list[bytes] = []
        self._silent = silent

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *more: object
    ) -> httpcore.NetworkStream:
        return self

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.may_take_s.append(timeout)
        if self._silent:
            raise httpcore.ReadTimeout
        return b"x"

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.may_take_s.append(timeout)
        self.written.append(buffer)


def connected(
    network: _Network, deadline: Deadline
) -> tuple[httpcore.NetworkStream, httpx.Timeout]:
    timeout = deadline.timeout(connect_s=2, gap_s=3)
    stream = Backend(network).connect_tcp("h", 1, timeout.connect)
    return stream, timeout


def test_a_step_may_take_what_it_may_but_not_longer_than_the_call() -> None:
    now_s = [0.0]
    network = _Network()
    stream, timeout = connected(network, Deadline(4, lambda: now_s[0]))
    for now_s[0] in (0.0, 1.5):
        stream.write(b"POST", timeout.write)
        stream.write(b"", timeout.write)

    assert network.may_take_s == [3, 2.5]


@pytest.mark.parametrize("is_ended", [True, False])
def test_a_short_request_goes_out_as_one_piece_before_an_answer_is_read(
    is_ended: bool,
) -> None:
    network = _Network()
    stream, timeout = connected(network, Deadline(4))
    for data in (b"POST / HTTP/1.1\r\n\r\n", b"{}", *[b""] * is_ended):
        stream.write(data, timeout.write)
    assert network.written == [b"POST / HTTP/1.1\r\n\r\n{}"] * is_ended
    stream.read(1, timeout.read)

    assert network.written == [b"POST / HTTP/1.1\r\n\r\n{}"]


def test_a_long_request_is_not_held_back() -> None:
    network = _Network()
    stream, timeout = connected(network, Deadline(4))
    body = bytes(range(256)) * 1_000
    stream.write(b"head", timeout.write)
    stream.write(body, timeout.write)

    assert b"".join(network.written) == b"head" + body
    assert max(map(len, network.written)) <= 65_536


def test_no_step_begins_when_the_call_is_over() -> None:
    now_s = [0.0]
    network = _Network()
    stream, timeout = connected(network, Deadline(4, lambda: now_s[0]))
    now_s[0] = 4.0
    with pytest.raises(httpcore.ReadTimeout):
        stream.read(1, timeout.read)
    stream.write(b"x", timeout.write)
    with pytest.raises(httpcore.WriteTimeout):
        stream.write(b"", timeout.write)

    assert network.may_take_s == []


def test_a_read_waits_in_blinks_and_as_long_as_it_may_in_all() -> None:
    network = _Network(silent=True)
    stream, timeout = connected(network, Deadline(9))
    with pytest.raises(httpcore.ReadTimeout):
        stream.read(1, timeout.read)

    assert max(network.may_take_s) <= 0.25
    assert sum(network.may_take_s) == pytest.approx(3)


def test_a_deadline_can_come_nearer_and_not_go_away() -> None:
    deadline = Deadline(4, lambda: 0.0)
    deadline.shorten(1)
    deadline.shorten(9)

    assert deadline.left_s == 1


@pytest.mark.parametrize(
    ("written", "is_sent"),
    [([], False), ([b"CONNECT h:443 HTTP/1.1", b""], False), ([b"POST / "], True)],
)
def test_a_request_is_sent_once_a_byte_of_it_was_written(
    written: list[bytes], is_sent: bool
) -> None:
    deadline = Deadline(4)
    stream, timeout = connected(_Network(), deadline)
    for data in written:
        stream.write(data, timeout.write)

    assert deadline.is_sent is is_sent


def test_httpx_still_lets_itself_be_given_a_network() -> None:
    """It offers no way, so this holds the names that are used for it."""
    with httpx.Client(proxy="http://127.0.0.1:9") as client:
        Backend.put_into(client)
        pools = [t._pool for t in (client._transport, *client._mounts.values())]

    assert [type(pool._network_backend) for pool in pools] == [Backend] * len(pools)
