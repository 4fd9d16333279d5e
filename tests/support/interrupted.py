"""Interrupt a call at every stage, as a kernel does; print what came of it, as JSON.

Run as a program of its own, so that a signal which comes too late harms nothing.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread, get_ident
from typing import Any

from service import serve
from wire import KEY, NoStore

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.events import Retry, Sent, Text
from nemotron_magic.session.credentials import KeyStore

SETTLE_S = 0.1
"""From the moment that a stage begins until the call waits in it."""


class Stop:
    """A SIGINT that another process sends once a stage has been reached.

    A system may hand it to any thread. In one of ours it is only noted, and wakes
    nobody who waits: that is what `aside` does.
    """

    def __init__(self, aside: bool = False) -> None:
        self._aside = aside
        self.reached = Event()
        self.ended = Event()
        self.sent_s = 0.0
        self.presses = 0

    def send(self) -> None:
        """Press stop; press again, as a user would, if nothing has come of it.

        A signal that arrives in the moment before the call blocks wakes nobody.
        """
        self.reached.wait(20)
        time.sleep(SETTLE_S)
        while self.presses < 3 and not self.ended.is_set():
            self.presses += 1
            if self._aside:
                self.sent_s = time.monotonic()
                signal.pthread_kill(get_ident(), signal.SIGINT)
            else:
                self._press_from_outside()
            self.ended.wait(2)

    def _press_from_outside(self) -> None:
        """Have another process press, which is there by the time that is taken."""
        press = ["sh", "-c", f"read go; kill -INT {os.getpid()}"]
        with subprocess.Popen(press, stdin=subprocess.PIPE) as other:
            self.sent_s = time.monotonic()
            other.communicate(b"\n")

    def at(self, kind: type) -> Callable[[object], None]:
        """Give a watcher for which the first event of a kind is the stage."""
        return lambda event: self.reached.set() if isinstance(event, kind) else None


def outcome(session: Session, stop: Stop, ask: Callable[[], Any]) -> dict[str, Any]:
    """Tell how a call ended."""
    found: dict[str, Any] = {"error": None}
    sender = Thread(target=stop.send)
    sender.start()
    try:
        ask()
    except NemotronError as error:
        found |= {"error": type(error).__name__, "why": error.why}
        found["kept"] = error.reply and str(error.reply)[:20]
        found["ending"] = error.reply and error.reply.metadata.ending
    found["seconds"] = time.monotonic() - stop.sent_s
    stop.ended.set()
    sender.join()
    found["presses"] = stop.presses
    found |= {
        "turns": len(session.conversation.turns),
        "calls": session.accounting.ledger.of_session().billable,
    }
    found["unknown_cost"] = session.accounting.ledger.of_session().unknown_cost
    return found


def at_a_rehearsal(
    fault: str, stage: type | None, call: str = "ask", aside: bool = False
) -> dict[str, Any]:
    """Interrupt once an event has come, or once the service has the request."""
    stop = Stop(aside)
    heard = None if stage else lambda record: stop.reached.set()
    watch = stop.at(stage or Sent) if stage else lambda event: None
    with serve(fault=fault, fault_times=1, faulty_path="/", on_request=heard) as url:
        session = session_at(str(url))
        ways = {
            "ask": lambda: session.ask("rehearsal: say abcdefgh", watch=watch),
            "models": session.models,
        }
        found = outcome(session, stop, ways[call])
        found["requests"] = len(url.requests)
        found["next"] = session.ask("rehearsal: say next")
        session.close()
    return found


def elsewhere(base_url: str, client: Client, stop: Stop) -> dict[str, Any]:
    session = session_at(base_url, client, key=KEY)
    watch = stop.at(Sent)
    found = outcome(session, stop, lambda: session.ask("Hello", watch=watch))
    with serve() as url:
        found["next"] = session_at(str(url), client).ask("rehearsal: say next")
    session.close()
    return found


def session_at(base_url: str, client: Client | None = None, **more: Any) -> Session:
    keys = KeyStore(NoStore())
    return Session(base_url=base_url, client=client, environ={}, keys=keys, **more)


def looking_up(aside: bool = False) -> dict[str, Any]:
    client = Client(resolve=lambda host, port: time.sleep(30))
    return elsewhere("https://h.example", client, Stop(aside))


def connecting() -> dict[str, Any]:
    with deaf() as url:
        return elsewhere(url, Client(), Stop())


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


STAGES: dict[str, Callable[[], dict[str, Any]]] = {
    "looking up": looking_up,
    "connecting": connecting,
    "waiting": lambda: at_a_rehearsal("stall-before-headers:30", None),
    "streaming": lambda: at_a_rehearsal("stall-mid-stream:30", Text),
    "endless": lambda: at_a_rehearsal("endless", Text),
    "backing off": lambda: at_a_rehearsal("429-after-2", Retry),
    "looking up, aside": lambda: looking_up(aside=True),
    "waiting, aside": lambda: at_a_rehearsal(
        "stall-before-headers:30", None, aside=True
    ),
    "streaming, aside": lambda: at_a_rehearsal("stall-mid-stream:30", Text, aside=True),
    "backing off, aside": lambda: at_a_rehearsal("429-after-2", Retry, aside=True),
    "listing": lambda: at_a_rehearsal("stall-before-headers:30", None, "models"),
}


if __name__ == "__main__":
    json.dump({name: stage() for name, stage in STAGES.items()}, sys.stdout)
