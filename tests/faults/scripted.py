"""A server that plays bytes: each connection gets the next script, to the letter."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

_LINGER_0 = struct.pack("ii", 1, 0)
_STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait; the stage at which an interrupt is tried."""

    seconds: float = 30.0
    deaf: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """End the connection with a reset in place of an end."""


@dataclass(frozen=True, slots=True)
class Read:
    """Read one request."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Speak TLS from here on."""

    context: ssl.SSLContext


@dataclass(frozen=True, slots=True)
class Over:
    """Send these bytes over and over, until the other side leaves."""

    data: bytes
    every_s: float = 0.0


Step = bytes | Pause | Reset | Read | Tls | Over
Script = Sequence[Step]


@dataclass
class Scripted:
    """What was played, and what was heard."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    paused: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def posts(self) -> int:
        """How many questions came in whole."""
        return sum(request.startswith(b"POST") for request in self.requests)


class Player:
    """Play `scripts`, one a connection, and `then` on every further one."""

    def __init__(self, scripts: Sequence[Script], then: Script) -> None:
        self._scripts = list(scripts)
        self._then = then
        self._listener = _listener()
        self._listener.settimeout(0.1)
        self._stopping = threading.Event()
        self._open: list[tuple[socket.socket, threading.Thread]] = []
        self._acceptor = threading.Thread(target=self._accept, name="scripted-accept")
        self.heard = Scripted(self._listener.getsockname()[1])

    def __enter__(self) -> Scripted:
        self._acceptor.start()
        return self.heard

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        with suppress(OSError):  # wakes accept(), where the system allows it
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(_STOP_S)
        self._listener.close()
        for connection, thread in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(_STOP_S)
            connection.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            with suppress(OSError):
                connection, _ = self._listener.accept()
                connection.settimeout(_STOP_S)
                number, self.heard.connections = (
                    self.heard.connections,
                    self.heard.connections + 1,
                )
                script = [*self._scripts, *[self._then] * (number + 1)][number]
                thread = threading.Thread(
                    target=self._play, args=(connection, script), name="scripted"
                )
                self._open.append((connection, thread))
                thread.start()

    def _play(self, connection: socket.socket, script: Script) -> None:
        try:
            for step in script:
                connection = self._step(connection, step)
        except (OSError, EOFError):  # the other side left
            self.heard.left.set()
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def _step(self, connection: socket.socket, step: Step) -> socket.socket:
        match step:
            case bytes():
                connection.sendall(step)
            case Pause():
                self._pause(connection, step.seconds, step.deaf)
            case Read():
                self.heard.requests.append(b"".join(_request(connection)))
            case Reset():
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
                connection.close()
                raise EOFError
            case Tls():
                return step.context.wrap_socket(connection, server_side=True)
            case Over():
                while not self._stopping.is_set():
                    connection.sendall(step.data)
                    self.heard.paused.set()
                    if step.every_s:
                        self._pause(connection, step.every_s)
        return connection

    def _pause(
        self, connection: socket.socket, seconds: float, deaf: bool = False
    ) -> None:
        """Wait, but if not deaf no longer than the other side does."""
        self.heard.paused.set()
        if deaf:
            self._stopping.wait(seconds)
            return
        connection.settimeout(seconds)
        with suppress(TimeoutError):
            while connection.recv(65536):
                continue
            raise EOFError
        connection.settimeout(_STOP_S)


def _listener() -> socket.socket:
    """Listen at a port that no system hands out by itself.

    A Jupyter server goes on knocking at the ports of kernels that have ended, and these
    were handed out (`net.ipv4.ip_local_port_range`); a knock would take a script.
    """
    for port in random.sample(range(20_000, 32_000), 100):
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", port), backlog=16)
    raise OSError("no port is free")


def _request(connection: socket.socket) -> Iterator[bytes]:
    """Read a request by its own account of its length."""
    head = bytearray()
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            raise EOFError
        head += piece
    fields = bytes(head).partition(b"\r\n\r\n")
    yield bytes(head)
    lengths = [
        line.partition(b":")[2]
        for line in fields[0].lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    left = int(lengths[0]) - len(fields[2]) if lengths else 0
    while left > 0:
        piece = connection.recv(65536)
        if not piece:
            raise EOFError
        left -= len(piece)
        yield piece
