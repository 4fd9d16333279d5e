"""Ask a service that floods; print by how many megabytes the process grew, as JSON.

Run as a program of its own: the most that a process ever took can only grow.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from matrix import GOOD, GZIP, JSON, PART, READ, SSE, STREAM, chunk, chunked, head
from scripted import Player, Script
from wire import DONE, NoStore, delta

from nemotron_magic import Session
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.session.credentials import KeyStore

MEGABYTE = b"x" * 2**20


def bomb() -> Iterator[bytes]:
    """Compress 100 MB without ever having them."""
    packer = zlib.compressobj(wbits=31)
    yield packer.compress(PART)
    for _ in range(100):
        yield packer.compress(MEGABYTE)
    yield packer.flush()


FLOODS: dict[str, Script] = {
    "a line of 100 MB": (READ, STREAM, chunk(PART), *[chunk(MEGABYTE)] * 100),
    "an event of 100 MB": (
        READ,
        STREAM,
        chunk(PART + b"data: "),
        *[chunk(MEGABYTE)] * 100,
    ),
    "a body of 100 MB": (READ, head(JSON), b'{"a": "', *[MEGABYTE] * 100),
    "a bomb of 100 MB": chunked(b"".join(bomb()), SSE, GZIP),
    "an error of 100 MB": (READ, head(status="400 Bad"), *[MEGABYTE] * 100),
    "10,000 thoughts": (
        READ,
        STREAM,
        *[chunk(delta(reasoning="hm" * 50))] * 10_000,
        chunk(DONE),
    ),
}


def peak_mb(anew: bool = False) -> float:
    """Give the most memory that this program took, ever or from now on.

    https://www.kernel.org/doc/html/latest/filesystems/proc.html (clear_refs).
    """
    if anew:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def grown_mb(flood: Script) -> dict[str, object]:
    """Ask twice; tell how much the second question, the flooded one, added."""
    with Player([GOOD, flood], GOOD) as heard:
        session = Session(
            base_url=f"http://{heard.netloc}/v1", environ={}, keys=KeyStore(NoStore())
        )
        session.ask("Hello")
        before = peak_mb(anew=True)
        try:
            kept = session.ask("Hello")
            what = ""
        except NemotronError as error:
            kept, what = error.reply, error.what
        found = {"grown_mb": peak_mb() - before, "what": what}
        found |= {"kept": kept and str(kept), "next": str(session.ask("Hello"))}
        session.close()
    return found


if __name__ == "__main__":
    json.dump(grown_mb(FLOODS[sys.argv[1]]), sys.stdout)
