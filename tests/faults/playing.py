"""One row of the matrix, played; and what came of it, written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from matrix import GOOD, Row
from scripted import Player, Scripted

from nemotron_magic import Session
from nemotron_magic.errors import NemotronError
from nemotron_magic.reply import Reply
from nemotron_magic.summary import remarks


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row is played: its address, and the variables to be set."""

    base_url: str
    environ: Mapping[str, str]


@contextmanager
def played(row: Row, ca: Path) -> Iterator[tuple[Scripted, Place]]:
    """Play a row; `ca` is the file of the authority to trust."""
    with Player(row.plays, row.then or GOOD) as heard:
        names = {"netloc": heard.netloc, "port": heard.port, "ca": ca}
        environ = {name: text.format(**names) for name, text in row.environ.items()}
        yield heard, Place(row.base_url.format(**names), environ)


def outcome(
    session: Session, question: str, heard: Scripted, waits_s: list[float]
) -> str:
    """Ask once; write down all that came of it."""
    reply: Reply | None
    try:
        reply = session.ask(question)
        shown = list(remarks(reply))
    except NemotronError as error:
        reply, shown = error.reply, error._render_traceback_()
    kept = "nothing" if reply is None else f"{_short(reply)} ({reply.details.ending})"
    lines = [*shown, f"kept: {kept}", f"requests: {heard.posts}"]
    if waits_s:
        lines.append("waits: " + ", ".join(f"{wait_s:g} s" for wait_s in waits_s))
    told = "\n".join(lines).replace(heard.netloc, "HOST") + "\n"
    return told.replace(f"localhost:{heard.port}", "HOST")


def _short(reply: Reply) -> str:
    text = str(reply)
    return f"{text!a}" if len(text) < 60 else f"{text[:20]!a} and on"
