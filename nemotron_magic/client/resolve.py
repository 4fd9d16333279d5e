"""Looking up a host so that the user can interrupt it.

The system's resolver blocks in C, where Ctrl-C does not reach it, for as long as a dead
name server takes. So the first look-up of a host runs in a thread of its own.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from nemotron_magic.client.wait import wait_for

__all__ = ["Resolver", "look_up", "system_resolver"]

Resolver = Callable[[str, int], object]
system_resolver: Resolver = socket.getaddrinfo


def look_up(
    host: str,
    port: int,
    timeout_s: float,
    resolve: Resolver,
    check: Callable[[], None] | None = None,
) -> OSError | None:
    """Look `host` up; give the error if there is no such host or no answer in time.

    Parameters
    ----------
    check : callable, optional
        Called again and again; may raise, to end the wait.
    """
    found: list[OSError | None] = []
    done = threading.Event()

    def run() -> None:
        try:
            resolve(host, port)
            found.append(None)
        except OSError as error:
            found.append(error)
        except UnicodeError:
            found.append(OSError(f"no address can be called {host!r}"))
        done.set()

    threading.Thread(target=run, name="nemotron-look-up", daemon=True).start()
    if not wait_for(done, timeout_s, check):
        return OSError("no address: the name server does not answer")
    return found[0]
