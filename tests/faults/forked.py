"""Ask, fork, and ask in both processes at once; print what each got, as JSON.

Run as a program of its own, in which no other thread runs.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from multiprocessing.connection import Connection

from wire import NoStore

from nemotron_magic import Session
from nemotron_magic.session.credentials import KeyStore


def many(session: Session, who: str) -> list[str]:
    return [str(session.ask(f"rehearsal: say {who}{n}")) for n in range(20)]


def child(session: Session, sent: Connection) -> None:
    sent.send(many(session, "child"))
    session.close()


if __name__ == "__main__":
    session = Session(base_url=sys.argv[1], environ={}, keys=KeyStore(NoStore()))
    first = str(session.ask("rehearsal: say first"))
    forking = multiprocessing.get_context("fork")
    received, sent = forking.Pipe(duplex=False)
    process = forking.Process(target=child, args=(session, sent))
    process.start()
    found = {"first": first, "parent": many(session, "parent")}
    found["child"] = received.recv()
    process.join()
    found["after"] = str(session.ask("rehearsal: say after"))
    session.close()
    json.dump(found, sys.stdout)
