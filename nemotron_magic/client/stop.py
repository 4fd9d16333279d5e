"""Ending a call from another thread.

Closing a client does not wake a thread that waits for the service's next byte; shutting
its socket down does, at once. The reader then gets an end or an error of the network,
which counts for nothing any more: as after Ctrl-C, the call raises `KeyboardInterrupt`.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from threading import Event, Lock
from typing import Any

__all__ = ["Stop"]


class Stop:
    """Ends one call, or several at once, when it is set; it stays set."""

    def __init__(self) -> None:
        self._event = Event()
        self._lock = Lock()
        self._sockets: list[socket.socket] = []

    def set(self) -> None:
        """End the call, from any thread."""
        self._event.set()
        with self._lock:
            for one in self._sockets:
                _shut(one)

    @property
    def is_set(self) -> bool:
        """Whether the call is to end."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if the call is to end."""
        if self.is_set:
            raise KeyboardInterrupt

    def sleep(self, wait_s: float) -> None:
        """Wait for so many seconds, or until the call is to end."""
        self._event.wait(wait_s)
        self.check()

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """Learn which connection a call uses, as httpx's `trace` extension.

        https://www.python-httpx.org/advanced/extensions/#trace (read 2026-11-25).
        """
        if name == "connection.connect_tcp.complete":
            self._hold(info["return_value"].get_extra_info("socket"))

    def let_go(self) -> None:
        """Forget the connections of a call that is over."""
        with self._lock:
            for one in self._sockets:
                one.close()
            self._sockets.clear()

    def _hold(self, one: socket.socket | None) -> None:
        if one is None:
            return
        # A twin of our own, which works also once the other has been wrapped for TLS.
        twin = one.dup()
        with self._lock:
            self._sockets.append(twin)
            if self.is_set:
                _shut(twin)


def _shut(one: socket.socket) -> None:
    # It may have been closed by the other side.
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
