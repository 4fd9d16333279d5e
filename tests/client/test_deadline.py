"""A call ends by its deadline, whatever its single steps may take."""

from __future__ import annotations

import signal
import socket
import time
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import httpcore
import httpx
import pytest

from nemotron_magic.client.deadline import (
    Backend,
    CancelToken,
    Deadline,
    InterruptGuard,
)
from nemotron_magic.core.errors import NemotronError


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


@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:9"])
def test_httpx_still_lets_itself_be_given_a_network(proxy: str | None) -> None:
    """It offers no way, so this holds the names that are used for it."""
    with httpx.HTTPTransport(proxy=proxy) as transport:
        Backend().put_into(transport)

        assert type(transport._pool._network_backend) is Backend


@pytest.mark.parametrize(
    "transport",
    [
        object(),
        SimpleNamespace(pool=SimpleNamespace(_network_backend=httpcore.SyncBackend())),
        SimpleNamespace(_pool=None),
        SimpleNamespace(_pool=SimpleNamespace(_backend=httpcore.SyncBackend())),
        SimpleNamespace(_pool=SimpleNamespace(_network_backend=None)),
    ],
    ids=["nothing", "another pool", "no pool", "another name", "no network"],
)
def test_an_httpx_that_would_keep_no_deadline_is_refused(transport: object) -> None:
    with pytest.raises(NemotronError) as refused:
        Backend().put_into(transport)

    what, why, hint = str(refused.value).split("\n")
    assert what.startswith(f"httpx {httpx.__version__} with httpcore ")
    assert why == "with it no limit of time would hold"
    assert "httpx>=0.28,<0.29" in hint


class _Elsewhere(_Network):
    """Notes whereto connections are opened; there is nobody at the first places."""

    def __init__(self, deaf: int = 0) -> None:
        super().__init__()
        self.asked: list[str] = []
        self._deaf = deaf

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *more: object
    ) -> httpcore.NetworkStream:
        self.asked.append(host)
        if len(self.asked) <= self._deaf:
            raise httpcore.ConnectError(f"refused by {host}")
        return self


class _Late(_Network):
    """Connects when it may, and notes that it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.may_connect, self.is_closed = Event(), Event()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *more: object
    ) -> httpcore.NetworkStream:
        assert self.may_connect.wait(10)
        return self

    def close(self) -> None:
        self.is_closed.set()


def test_a_connection_that_comes_after_a_stop_is_closed() -> None:
    network, stop = _Late(), CancelToken()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        Backend(network, stop).connect_tcp("h", 1)
    network.may_connect.set()

    assert network.is_closed.wait(10)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost", "127.0.0.1"),
        ("model.localhost", "127.0.0.1"),
        ("a.B.LocalHost.", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0177.0.0.2", "127.0.0.2"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("::ffff:127.0.0.3", "127.0.0.3"),
        ("127.0.0.1", "127.0.0.1"),
        ("h.example", "h.example"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_what_is_called_local_is_reached_here_whatever_a_resolver_says(
    host: str, address: str
) -> None:
    network = _Elsewhere()
    Backend(network).connect_tcp(host, 80)

    assert network.asked == [address]


def test_a_local_name_is_reached_by_either_protocol() -> None:
    network = _Elsewhere(deaf=1)
    Backend(network).connect_tcp("x.localhost", 80)

    assert network.asked == ["127.0.0.1", "::1"]
    with pytest.raises(httpcore.ConnectError, match=r"refused by 127\.0\.0\.1"):
        Backend(_Elsewhere(deaf=2)).connect_tcp("x.localhost", 80)


def test_a_host_that_was_found_is_not_looked_up_again() -> None:
    looked: list[tuple[str, int]] = []
    network = _Elsewhere()
    backend = Backend(network, resolve=lambda *host: looked.append(host))
    for host in ("h.example", "h.example", "localhost", "10.0.0.1"):
        backend.connect_tcp(host, 80)

    assert looked == [("h.example", 80), ("10.0.0.1", 80)]
    assert network.asked == ["h.example", "h.example", "127.0.0.1", "10.0.0.1"]


def no_such_host(host: str, port: int) -> object:
    raise socket.gaierror(-2, "unknown")


@pytest.mark.parametrize(
    ("resolve", "words"),
    [
        (no_such_host, r"\[Errno -2\] unknown"),
        (lambda host, port: host.encode("idna"), r"no address can be called 'a\.\.b'"),
        (lambda host, port: time.sleep(0.2), "the name server does not answer"),
    ],
)
def test_a_look_up_that_fails_ends_in_words(resolve: Any, words: str) -> None:
    network = _Elsewhere()
    timeout = Deadline(4).timeout(connect_s=0.05, gap_s=3)
    for _ in "again":
        with pytest.raises(httpcore.ConnectError, match=f"^no address: {words}"):
            Backend(network, resolve=resolve).connect_tcp("a..b", 443, timeout.connect)

    assert network.asked == []


def test_a_reply_may_take_longer_to_begin_than_to_go_on() -> None:
    deadline = Deadline(600, lambda: 0.0)
    timeout = deadline.timeout(connect_s=10, gap_s=60, first_s=120)
    deadline.is_sent = False
    before = deadline.most_s(timeout.read)
    deadline.is_sent = True
    first = deadline.most_s(timeout.read)
    deadline.has_begun = True

    assert (before, first, deadline.most_s(timeout.read)) == (60, 120, 60)
    assert deadline.most_s(timeout.write) == 60


def test_what_shortened_a_call_can_be_taken_back() -> None:
    deadline = Deadline(600, lambda: 0.0)
    deadline.shorten(5)
    deadline.shorten(9)
    short_s = deadline.left_s
    deadline.lift()

    assert (short_s, deadline.left_s) == (5, 600)


# ---- interrupts


def test_an_interrupt_is_held_back_and_let_through_where_it_may() -> None:
    before = signal.getsignal(signal.SIGINT)
    with InterruptGuard() as guard:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert guard.is_pressed
        with pytest.raises(KeyboardInterrupt), guard.released():
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is before


def test_a_guard_within_another_holds_back_for_itself() -> None:
    with InterruptGuard() as outer:
        with outer.released(), InterruptGuard() as inner:
            signal.raise_signal(signal.SIGINT)

        assert (inner.is_pressed, outer.is_pressed) == (True, False)


def test_a_guard_in_another_thread_leaves_signals_alone() -> None:
    seen: list[object] = []
    before = signal.getsignal(signal.SIGINT)

    def work() -> None:
        with InterruptGuard() as guard, guard.released():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [before]
