"""Interrupt each fault that waits; print what came of it, as JSON.

Run as a program of its own, so that a signal which comes too late harms nothing.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from interrupted import Stop, outcome
from matrix import CA, ROWS, Row
from playing import played
from wire import NoStore

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.session.credentials import KeyStore


def interrupted(row: Row, ca: Path) -> dict[str, Any]:
    """Ask with the limits of time as they are by default, and stop."""
    stop = Stop()
    client = Client(resolve=lambda host, port: None)
    stream = row.settings.get("stream", True)
    with played(row, ca) as (heard, place):
        os.environ.update(place.environ)
        session = Session(
            base_url=place.base_url,
            client=client,
            environ={},
            keys=KeyStore(NoStore()),
            key="sk-a",
            stream=stream,
        )
        stop.reached = heard.paused
        found = outcome(session, stop, lambda: session.ask(row.question))
        found["next"] = str(session.ask("Hello again"))
        session.close()
    for name in place.environ:
        del os.environ[name]
    return found


if __name__ == "__main__":
    ca = Path(sys.argv[1])
    CA.cert_pem.write_to_path(str(ca))
    found = {row.name: interrupted(row, ca) for row in ROWS if row.waits}
    json.dump(found, sys.stdout)
