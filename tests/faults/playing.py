"""One row of the matrix, played; and what came of it, written down."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from matrix import GOOD, Row
from scripted import Player, Scripted

from nemotron_magic import Session
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.display.reply import notices
from nemotron_magic.session.reply import Reply

_PORT = re.compile(r"(127\.0\.0\.1|localhost):\d{4,5}")
_SECTION = re.compile(r"^== (.*)\n((?:(?!== ).*\n)*)", re.MULTILINE)


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
    error: NemotronError | None = None
    try:
        reply = session.ask(question)
    except NemotronError as raised:
        error, reply = raised, raised.reply
    return written_down(reply, error, heard.posts, waits_s)


def written_down(
    reply: Reply | None,
    error: NemotronError | None,
    requests: int,
    waits_s: list[float],
) -> str:
    """Write what a user sees and keeps, and what was sent, without the port."""
    shown = error._render_traceback_() if error else list(notices(reply or Reply()))
    kept = "nothing" if reply is None else f"{_short(reply)} ({reply.metadata.ending})"
    lines = [*shown, f"kept: {kept}", f"requests: {requests}"]
    if waits_s:
        lines.append("waits: " + ", ".join(f"{wait_s:g} s" for wait_s in waits_s))
    return _PORT.sub("HOST", "\n".join(lines)) + "\n"


def sections(path: Path) -> dict[str, str]:
    """Read what is expected, by the name of the fault."""
    return dict(_SECTION.findall(path.read_text("utf-8")))


def _short(reply: Reply) -> str:
    text = str(reply)
    return f"{text!a}" if len(text) < 60 else f"{text[:20]!a} and on"
