"""Deadlines, cancellation and waits that an interrupt always ends.

httpx limits each read by itself, so that a byte now and then would keep a call alive
(https://www.python-httpx.org/advanced/timeouts/, read 2026-11). Closing a client wakes
no thread that reads; shutting its socket down does. A signal may be noted and wake
nobody, so no wait of ours is longer than a blink. And the system's resolver blocks in
C, so the first look-up of a host has a thread of its own.
"""

from __future__ import annotations

import math
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from functools import partial
from operator import methodcaller
from threading import Event, Lock, Thread, current_thread, main_thread
from typing import Any, TypeVar

import httpcore
import httpx

from nemotron_magic.core.endpoint import loopback_addresses
from nemotron_magic.core.errors import InterruptedByUser, NemotronError

_T = TypeVar("_T")
_Check = Callable[[], object]
_Clock = Callable[[], float]
Resolver = Callable[[str, int], object]
system_resolver: Resolver = socket.getaddrinfo

_PIECE_BYTES = 64 * 1024
_BLINK_S = 0.1


class Deadline:
    """When a call must be over."""

    def __init__(self, total_s: float, clock_s: _Clock = time.monotonic) -> None:
        self.is_sent, self.has_begun = True, False
        self.clock_s = clock_s
        self._end_s = clock_s() + total_s
        self._early_end_s = self._gap_s = math.inf

    @property
    def left_s(self) -> float:
        """Seconds until then; negative once it has passed."""
        return min(self._end_s, self._early_end_s) - self.clock_s()

    def shorten(self, most_s: float) -> None:
        """Let the call be over in `most_s` seconds at the latest."""
        self._early_end_s = min(self._early_end_s, self.clock_s() + most_s)

    def lift(self) -> None:
        """Take back what `shorten` did."""
        self._early_end_s = math.inf

    def timeout(
        self, connect_s: float, gap_s: float, first_s: float | None = None
    ) -> httpx.Timeout:
        """Return the limits of the steps of a call that ends by then."""
        self._gap_s = gap_s
        return httpx.Timeout(
            _Wait(gap_s, self),
            connect=_Wait(connect_s, self),
            read=_Wait(first_s or gap_s, self),
        )

    def most_s(self, wait_s: float) -> float:
        """Return how long a step may take that begins now, of `wait_s` by itself."""
        waits_for_reply = self.is_sent and not self.has_begun
        silence_s = wait_s if waits_for_reply else min(wait_s, self._gap_s)
        return min(silence_s, self.left_s)


class _Wait(float):
    """Seconds that one step may wait; knows when the whole call must be over."""

    deadline: Deadline

    def __new__(cls, seconds: float, deadline: Deadline) -> _Wait:
        wait = super().__new__(cls, seconds)
        wait.deadline = deadline
        return wait


def _within(timeout: float | None, late: type[Exception]) -> float | None:
    """Return how long a step may take that begins now."""
    if not isinstance(timeout, _Wait):
        return timeout
    most_s = timeout.deadline.most_s(float(timeout))
    if most_s <= 0:
        raise late("the call took too long")
    return most_s


class Backend(httpcore.NetworkBackend):
    """The network as httpx has it, but for what `Deadline` and `CancelToken` add."""

    def put_into(self, transport: object) -> None:
        """Let a transport make its connections by this; httpx has no public way for it.

        Raise `NemotronError` if this httpx has not the private parts that it takes.
        """
        pool: Any = getattr(transport, "_pool", None)
        network = getattr(pool, "_network_backend", None)
        if not isinstance(network, httpcore.NetworkBackend):
            raise NemotronError(
                f"httpx {httpx.__version__} with httpcore {httpcore.__version__} "
                "cannot be used",
                "with it no limit of time would hold",
                "Type: %pip install 'httpx>=0.28,<0.29' 'httpcore>=1.0.9,<2'",
            )
        self._network, pool._network_backend = network, self

    def __init__(
        self,
        network: httpcore.NetworkBackend | None = None,
        stop: CancelToken | None = None,
        resolve: Resolver | None = None,
    ) -> None:
        self._network = network or httpcore.SyncBackend()
        self._stop, self._resolve = stop, resolve
        self._check: _Check = stop.check if stop else bool
        self._found: set[str] = set()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        *more: Any,
        **rest: Any,
    ) -> httpcore.NetworkStream:
        """Open a connection; to this machine, whatever a name server would say."""
        if isinstance(timeout, _Wait):
            timeout.deadline.is_sent = False
        addresses = loopback_addresses(host)
        if not addresses and host not in self._found:
            self._look_up(host, port, timeout)
        failed: list[httpcore.ConnectError] = []
        for address in addresses or (host,):
            connect = partial(
                self._network.connect_tcp, address, port, timeout, *more, **rest
            )
            try:
                return _Stream(self._connected(connect))
            except httpcore.ConnectError as error:
                failed.append(error)
        raise failed[0]

    def _look_up(self, host: str, port: int, timeout: float | None) -> None:
        """Look a host up before it is connected to: that could not be interrupted."""
        if self._resolve is None:
            return
        wait_s = _within(timeout, httpcore.ConnectTimeout) or math.inf
        work = partial(self._resolve, host, port)
        looking = _apart(work, "nemotron-look-up", wait_s, self._check)
        why = "the name server does not answer"
        try:
            if looking.done():
                looking.result()
                self._found.add(host)
                return
        except OSError as error:
            why = str(error)
        except UnicodeError:
            why = f"no address can be called {host!r}"
        raise httpcore.ConnectError(f"no address: {why}")

    def _connected(
        self, connect: Callable[[], httpcore.NetworkStream]
    ) -> httpcore.NetworkStream:
        """Connect; in a thread that can be left behind, where a stop may come."""
        if self._stop is None:
            return connect()
        late: Callable[[httpcore.NetworkStream], object] = methodcaller("close")
        made = _apart(connect, "nemotron-connect", math.inf, self._check, late)
        stream = made.result()
        try:
            self._stop.hold(stream.get_extra_info("socket"))
        except OSError as error:  # too many open files
            stream.close()
            raise httpcore.ConnectError(str(error)) from error
        return stream


class _Stream(httpcore.NetworkStream):
    """A stream that keeps deadlines, and sends a short request as one piece.

    A request is written as its head, its body and an empty end.
    """

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._unsent = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read; in the main thread in short waits: an interrupt may wake nobody."""
        self._send(timeout)
        left_s = _within(timeout, httpcore.ReadTimeout)
        is_main = current_thread() is main_thread()
        while is_main and (left_s is None or left_s > _BLINK_S):
            try:
                return self._stream.read(max_bytes, _BLINK_S)
            except httpcore.ReadTimeout:
                left_s = None if left_s is None else left_s - _BLINK_S
        return self._stream.read(max_bytes, left_s)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if isinstance(timeout, _Wait) and buffer and buffer[:8] != b"CONNECT ":
            timeout.deadline.is_sent = True
        self._unsent += buffer
        if not buffer or len(self._unsent) > _PIECE_BYTES:
            self._send(timeout)

    def _send(self, timeout: float | None) -> None:
        unsent, self._unsent = self._unsent, b""
        for at in range(0, len(unsent), _PIECE_BYTES):
            piece = unsent[at : at + _PIECE_BYTES]
            self._stream.write(piece, _within(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, *how: Any, **more: Any) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(*how, **more))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class CancelToken:
    """Ends one call, or several in a row, when it is set; it stays set."""

    def __init__(self) -> None:
        self._event = Event()
        self._lock = Lock()
        self._socket: socket.socket | None = None

    def set(self) -> None:
        """End the call, from any thread."""
        self._event.set()
        with self._lock:
            self._shut()

    @property
    def is_set(self) -> bool:
        """Whether the call is to end."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if the call is to end."""
        if self.is_set:
            raise KeyboardInterrupt

    def sleep(self, wait_s: float) -> None:
        """Wait for that many seconds, or until the call is to end."""
        self._event.wait(wait_s)
        self.check()

    def let_go(self) -> None:
        """Forget the connection of a call that is over."""
        self.hold(None)

    def hold(self, one: socket.socket | None) -> None:
        """Learn which connection a call uses."""
        with self._lock:
            if self._socket:
                self._socket.close()
            # A twin of our own works also once the other has been wrapped for TLS.
            self._socket = one and one.dup()
            if self.is_set:
                self._shut()

    def _shut(self) -> None:
        with suppress(OSError):  # it may have been closed by the other side
            if self._socket:
                self._socket.shutdown(socket.SHUT_RDWR)


def interruptible_sleep(wait_s: float) -> None:
    """Wait for that many seconds."""
    wait_for(Event().wait, wait_s)


def wait_for(
    has_come: Callable[[float], bool], timeout_s: float, check: _Check = bool
) -> bool:
    """Wait by `has_come`, which takes the seconds; return whether it was in time."""
    end_s = time.monotonic() + timeout_s
    while (left_s := end_s - time.monotonic()) > 0:
        if has_come(min(left_s, _BLINK_S)):
            return True
        check()
    return has_come(0)


def _apart(
    work: Callable[[], _T],
    thread_name: str,
    timeout_s: float,
    check: _Check,
    leave: Callable[[_T], object] = bool,
) -> Future[_T]:
    """Do in another thread what cannot be interrupted; `leave` gets what comes late."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    Thread(target=run, name=thread_name, daemon=True).start()
    try:
        wait_done(future, timeout_s, check)
    except KeyboardInterrupt:
        future.add_done_callback(lambda late: late.exception() or leave(late.result()))
        raise
    return future


def wait_done(future: Future[Any], timeout_s: float, check: _Check) -> bool:
    """Wait until work is done; return whether it was in time."""
    return wait_for(lambda s: bool(wait([future], s).done), timeout_s, check)


def stopped_after(reply: str) -> InterruptedByUser:
    """Return the error of a stop that came when a reply was whole."""
    error = InterruptedByUser("stopped by you", "the reply had arrived and is kept")
    error.reply = reply
    return error


class InterruptGuard:
    """Holds back interrupts within a block, but where it lets them through.

    In other threads than the main one, and where no Python function handles them, it
    does nothing.
    """

    def __init__(self) -> None:
        self.is_pressed = False
        self._before: Any = None

    def __enter__(self) -> InterruptGuard:
        before = signal.getsignal(signal.SIGINT)
        if callable(before) and current_thread() is main_thread():
            self._before = before
            signal.signal(signal.SIGINT, self._hold)
        return self

    def __exit__(self, *error: object) -> None:
        self._handle(self._before)

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let interrupts through within this block."""
        self._handle(self._before)
        try:
            yield
        finally:
            self._handle(self._hold)

    def _handle(self, how: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, how)

    def _hold(self, number: int, frame: object) -> None:
        self.is_pressed = True
