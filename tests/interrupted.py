"""Interrupt a call at every stage, as a kernel does; print what came of it, as JSON.

Run as a program of its own, so that a signal which comes too late harms nothing.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from wire import KEY, NoStore

from nemotron_magic import Session, rehearsal
from nemotron_magic.client import Client
from nemotron_magic.errors import NemotronError
from nemotron_magic.keystore import KeyStore

AFTER_S = 0.2


@contextmanager
def stopped_soon() -> Iterator[None]:
    """Have a real SIGINT come from another process."""
    command = f"sleep {AFTER_S}; kill -INT {os.getpid()}"
    with subprocess.Popen(["sh", "-c", command]):
        yield


@contextmanager
def deaf() -> Iterator[str]:
    """Give the address of a socket that accepts nobody."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def slow(host: str, port: int) -> None:
    time.sleep(30)


def session_at(base_url: str, client: Client | None = None, **more: Any) -> Session:
    keys = KeyStore(NoStore())
    return Session(base_url=base_url, client=client, environ={}, keys=keys, **more)


def outcome(session: Session, ask: Callable[[], Any]) -> dict[str, Any]:
    """Tell how a call ended, and whether the next one works."""
    begun_s = time.monotonic()
    found: dict[str, Any] = {"error": None}
    with stopped_soon():
        try:
            ask()
        except NemotronError as error:
            found |= {"error": type(error).__name__, "why": error.why}
            found["kept"] = error.reply and str(error.reply)[:20]
            found["ending"] = error.reply and error.reply.details.ending
        found["seconds"] = time.monotonic() - begun_s - AFTER_S
    found |= {"turns": len(session.turns), "calls": session.spent.calls}
    found["unpriced"] = session.spent.unpriced
    return found


def at_a_rehearsal(fault: str, call: str = "ask") -> dict[str, Any]:
    with rehearsal.serve(fault=fault, fault_times=1, faulty_path="/") as url:
        session = session_at(str(url))
        ask = partial(session.ask, "rehearsal: say abcdefgh")
        found = outcome(session, session.models if call == "models" else ask)
        found["requests"] = len(url.requests)
        found["next"] = session.ask("rehearsal: say next")
        session.close()
    return found


def elsewhere(base_url: str, client: Client) -> dict[str, Any]:
    session = session_at(base_url, client, key=KEY)
    found = outcome(session, lambda: session.ask("Hello"))
    with rehearsal.serve() as url:
        found["next"] = session_at(str(url), client).ask("rehearsal: say next")
    session.close()
    return found


def connecting() -> dict[str, Any]:
    with deaf() as url:
        return elsewhere(url, Client())


STAGES: dict[str, Callable[[], dict[str, Any]]] = {
    "looking up": lambda: elsewhere("https://h.example", Client(resolve=slow)),
    "connecting": connecting,
    "waiting": lambda: at_a_rehearsal("stall-before-headers:30"),
    "streaming": lambda: at_a_rehearsal("stall-mid-stream:30"),
    "endless": lambda: at_a_rehearsal("endless"),
    "backing off": lambda: at_a_rehearsal("429-after-2"),
    "listing": lambda: at_a_rehearsal("stall-before-headers:30", "models"),
}


if __name__ == "__main__":
    json.dump({name: stage() for name, stage in STAGES.items()}, sys.stdout)
