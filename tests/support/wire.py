"""Bytes as services send them, and what comes of asking for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NoReturn

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.client.http_errors import RequestInfo
from nemotron_magic.client.parser import CompletionParser
from nemotron_magic.core.endpoint import Endpoint
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.events import Event, Notice, Retry
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.session.reply import Reply, ReplyAccumulator

DONE = b"data: [DONE]\n\n"
AIMLAPI = Endpoint.read("https://api.aimlapi.com/v1")
ELSEWHERE = Endpoint.read("https://models.example.org/v1")
KEY = "sk-planted-0123456789abcdef"
LIVE = "nvidia/nemotron-3-super-120b-a12b"


def event(chunk: Any, is_ascii: bool = False) -> bytes:
    """Write one event of a stream; half a character can only be sent in ASCII."""
    return b"data: " + json.dumps(chunk, ensure_ascii=is_ascii).encode() + b"\n\n"


def delta(finish: str | None = None, index: int = 0, **fields: Any) -> bytes:
    """Write one chunk with these fields in its delta."""
    choice = {"index": index, "delta": fields, "finish_reason": finish}
    return event({"id": "gen-1", "model": "m", "choices": [choice]})


def say(*pieces: str) -> bytes:
    """Write a stream of these pieces, without its end."""
    return b"".join(delta(content=piece) for piece in pieces)


STOP = delta("stop")
HELLO = say("Hel", "lo, ", "world", "!") + STOP + DONE


def cuts(data: bytes, at: Iterable[int]) -> list[bytes]:
    """Cut bytes at these places."""
    places = [0, *sorted(min(place, len(data)) for place in at), len(data)]
    return [data[i:j] for i, j in pairwise(places)]


def slices(data: bytes, size: int) -> list[bytes]:
    """Cut bytes into slices of one size."""
    return [data[i : i + size] for i in range(0, len(data), size)]


@dataclass
class Heard:
    """What a reader made of a body."""

    events: list[Event]
    reply: Reply
    error: NemotronError | None


def hear(
    *pieces: bytes,
    model: str = DEFAULT_MODEL,
    content_type: str = "text/event-stream",
    n: int = 1,
) -> Heard:
    """Read the pieces of a body, without any network."""
    reader = CompletionParser(RequestInfo(ELSEWHERE, model), content_type, n)
    draft, events = ReplyAccumulator(), []
    for piece in pieces:
        events += reader.feed(piece)
    events += reader.close()
    for one in events:
        draft.add(one)
    return Heard(events, draft.reply(), reader.error)


@dataclass
class Told:
    """What a session told of one question."""

    url: Any
    session: Session
    reply: Reply | None = None
    error: NemotronError | None = None
    events: list[Event] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)

    @property
    def text(self) -> str:
        return str(self.reply)

    @property
    def asked(self) -> int:
        """How many questions reached the service."""
        return sum(request.method == "POST" for request in self.url.requests)

    @property
    def body(self) -> dict[str, Any]:
        """What the last question was sent as."""
        return self.url.requests[-1].body

    @property
    def retries(self) -> list[Retry]:
        return [one for one in self.events if isinstance(one, Retry)]

    @property
    def notices(self) -> list[str]:
        return [one.text for one in self.events if isinstance(one, Notice)]


def ask_once(
    session_at: Callable[..., Session],
    url: Any,
    question: str,
    settings: dict[str, Any],
) -> Told:
    """Ask one question; take the reply or the error, whichever comes."""
    waits_s: list[float] = []
    client = settings.pop("client", None) or Client(
        sleep=waits_s.append, uniform=lambda low, high: high
    )
    told = Told(url, session_at(url, client, **settings), waits_s=waits_s)
    try:
        told.reply = told.session.ask(question, watch=told.events.append)
    except NemotronError as error:
        told.error, told.reply = error, error.reply
    return told


class NoStore:
    """A system's key store that is not there."""

    def get_password(self, service: str, name: str) -> NoReturn:
        raise RuntimeError("no D-Bus")

    set_password = get_password
