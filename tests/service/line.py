"""One connection, to send on as a response tells."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus

from .options import Options
from .response import Part, Pause, Response, joined, sliced

BODILESS = frozenset({204, 304})
LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""On, for no time: closing then sends RST."""


class Left(Exception):
    """The connection is over."""


class Line:
    """A connection that waits and sends, and notices when the client leaves."""

    def __init__(
        self, connection: socket.socket, stopping: threading.Event, options: Options
    ) -> None:
        self._connection = connection
        self._stopping = stopping
        self._options = options
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, response: Response, *, keep: bool) -> None:
        """Send a response; ``keep`` tells whether the client would stay after it.

        Raises
        ------
        Left
            When the connection is over, by the response's will or the client's.
        """
        if response.before:
            self._wait(response.before)
        stays = keep and response.ending == "whole" and response.framing != "close"
        for part in self._spelled(response, stays):
            if isinstance(part, Pause):
                self._wait(part)
            elif self._stopping.is_set():
                raise Left
            else:
                self._connection.sendall(part)
        if response.ending == "reset":
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        if not stays:
            raise Left

    def _spelled(self, response: Response, stays: bool) -> Iterator[Part]:
        """Give what goes over the wire, in the pieces in which it goes."""
        if response.framing == "length" and response.length is None:
            parts = tuple(response.parts)
            response = replace(response, parts=parts, length=len(joined(parts)))
        head = response.head or _head(response, stays)
        if head:
            yield head
        if response.status in BODILESS and response.framing != "raw":
            return
        body = sliced(response.parts, self._options.slice, self._options.delay_s)
        yield from _chunked(body) if response.framing == "chunked" else body
        if response.framing == "chunked" and response.ending == "whole":
            yield b"0\r\n\r\n"

    def _wait(self, pause: Pause) -> None:
        """Wait, but only as long as both sides are there."""
        if pause.seconds is not None and pause.seconds <= 0:
            return
        if self._stopping.is_set() or not self._client_stays(pause.seconds):
            raise Left

    def _client_stays(self, seconds: float | None) -> bool:
        self._connection.settimeout(seconds)
        try:
            more = self._connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            with contextlib.suppress(OSError):
                self._connection.settimeout(None)
        # a next request lies there already: only the server's end can be waited for
        return bool(more) and not self._stopping.wait(seconds)


def _chunked(parts: Iterator[Part]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, Pause):
            yield part
        elif part:
            yield f"{len(part):x}\r\n".encode() + part + b"\r\n"


def _head(response: Response, stays: bool) -> bytes:
    if response.framing == "raw":
        return b""
    lines = [f"HTTP/1.1 {response.status} {_reason(response.status)}"]
    lines += [f"{name}: {text}" for name, text in response.headers]
    if response.framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
    if response.framing == "length" and response.status not in BODILESS:
        lines.append(f"Content-Length: {response.length}")
    if not stays:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", errors="replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Rehearsed"
