"""The sockets: listen, read, send as told, and stop at once when asked to."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType

from .line import Left, Line
from .options import Options
from .request import Malformed, Record, Request, read_or_refuse, record
from .response import Response, json_response
from .service import Service

WAKE_S = 0.5
STOP_S = 5.0
BACKLOG = 128


class Address(str):
    """The base URL of a rehearsal, with what it has seen.

    It is a str, and can be given to whatever wants a URL.
    """

    server: Server

    @classmethod
    def of(cls, server: Server, url: str) -> Address:
        """Give the address of a server."""
        address = cls(url)
        address.server = server
        return address

    @property
    def requests(self) -> list[Record]:
        """The requests received so far, oldest first."""
        return self.server.requests

    @property
    def connections(self) -> int:
        """How many connections were made."""
        return self.server.connections

    def close(self) -> None:
        """Stop the server."""
        self.server.stop()


class Server:
    """A rehearsal on a port of this computer, run by daemon threads.

    Starting it twice, or stopping it twice, is safe; it may be started again.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._requests: list[Record] = []
        self._connections = 0
        self._open: dict[socket.socket, threading.Thread] = {}
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._port = options.port

    def __repr__(self) -> str:
        state = self.url if self.is_running else "stopped"
        return f"<rehearsal {state}, {self.options.dialect}>"

    @property
    def is_running(self) -> bool:
        """Whether it listens."""
        return self._listener is not None

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host = self.options.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    @property
    def url(self) -> Address:
        """The base URL to be set in the notebook; its port is known once started."""
        return Address.of(self, f"{self.origin}/v1")

    @property
    def requests(self) -> list[Record]:
        """The requests received so far, oldest first."""
        with self._lock:
            return list(self._requests)

    @property
    def connections(self) -> int:
        """How many connections were made."""
        return self._connections

    def start(self) -> Server:
        """Begin to listen, unless it does already.

        Raises
        ------
        OSError
            If the port is taken.
        """
        if self._listener is None:
            self._stopping.clear()
            self._listener = _listening(self.options.host, self._port)
            self._port = self._listener.getsockname()[1]
            service = Service(self.options, self.origin)
            self._acceptor = threading.Thread(
                target=self._accept,
                args=(self._listener, service),
                name="rehearsal-accept",
                daemon=True,
            )
            self._acceptor.start()
        return self

    def stop(self) -> None:
        """Stop listening, end every connection, and wait for the threads."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        self._stopping.set()
        self._wake(listener)
        if self._acceptor:
            self._acceptor.join(STOP_S)
        listener.close()
        with self._lock:
            left = dict(self._open)
        for connection in left:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in left.values():
            thread.join(STOP_S)

    def __enter__(self) -> Address:
        return self.start().url

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _wake(self, listener: socket.socket) -> None:
        """Connect once, so that accept() returns and sees that it should stop."""
        with suppress(OSError):
            socket.create_connection(listener.getsockname()[:2], WAKE_S).close()

    def _accept(self, listener: socket.socket, service: Service) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            if self._stopping.is_set():
                connection.close()
            else:
                self._take(connection, service)

    def _take(self, connection: socket.socket, service: Service) -> None:
        thread = threading.Thread(
            target=self._serve,
            args=(connection, service),
            name="rehearsal-connection",
            daemon=True,
        )
        with self._lock:
            self._connections += 1
            self._open[connection] = thread
        thread.start()

    def _serve(self, connection: socket.socket, service: Service) -> None:
        """Answer what comes on one connection, until one side ends it."""
        line = Line(connection, self._stopping, self.options)
        try:
            # whatever ends a connection, the other side sees it end
            with suppress(Left, OSError), connection, connection.makefile("rb") as came:
                while self._answered(line, read_or_refuse(came), service):
                    continue
        finally:
            with self._lock:
                self._open.pop(connection, None)

    def _answered(
        self, line: Line, request: Request | Malformed | None, service: Service
    ) -> bool:
        """Answer a request, unless there is none; tell whether more may come."""
        if request is None or self._stopping.is_set():
            return False
        if isinstance(request, Malformed):
            line.send(_refusal(request), keep=False)
            return False
        self._note(request)
        line.send(service.respond(request), keep=request.keeps_alive)
        return True

    def _note(self, request: Request) -> None:
        noted = record(request, key=self.options.key, time=time.time())
        with self._lock:
            self._requests.append(noted)
        if self.options.on_request:
            self.options.on_request(noted)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.settimeout(WAKE_S)
    return listener


def _refusal(error: Malformed) -> Response:
    return json_response({"statusCode": 400, "message": str(error)}, 400)
