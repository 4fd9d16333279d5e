"""A service that answers as it is told, without any network, and who asks it."""

from __future__ import annotations

import json
from typing import Any

import httpx
from wire import DONE, STOP, NoStore, delta, event, say

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.session.credentials import KeyStore


class Service:
    """A service that answers as it is told, and remembers what it was asked."""

    def __init__(self, *answers: Any, models: Any = ()) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.listed = 0
        self._models = models

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("authorization"))
        if request.method == "GET":
            self.listed += 1
            rows = [{"id": name} for name in self._models]
            return httpx.Response(200, json={"data": rows})
        self.bodies.append(json.loads(request.read()))
        answer = self.answers.pop(0) if self.answers else say("ok") + STOP
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        if isinstance(content, dict):
            return httpx.Response(status, json=content)
        return httpx.Response(status, content=content)

    def session(self, base_url: str = "http://127.0.0.1:1", **more: Any) -> Session:
        client = Client(
            httpx.MockTransport(self), sleep=lambda s: None, clock_s=ticks(), now_s=zero
        )
        more = {"environ": {}, "keys": KeyStore(NoStore()), "clock_s": ticks(), **more}
        return Session(base_url=base_url, client=client, now_s=zero, **more)

    @property
    def told(self) -> list[tuple[str, str]]:
        """What the last question was sent with, but for our instruction."""
        messages = self.bodies[-1]["messages"]
        return [(m["role"], m["content"]) for m in messages if m["role"] != "system"]


def ticks() -> Any:
    clock = iter(range(10_000))
    return lambda: float(next(clock))


def zero() -> float:
    return 0.0


def whole(text: str, cost_usd: float | None = None) -> bytes:
    meta = {"usage": {"usd_spent": cost_usd}}
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    return (
        say(text) + STOP + event({"choices": [], "usage": usage, "meta": meta}) + DONE
    )


FAILED = say("half") + event({"error": {"message": "died", "code": 500}})
CUT = say("half")
LIMITED = say("half") + delta("length")
GONE = (404, {"error": {"message": "No endpoints found for this model", "code": 404}})
