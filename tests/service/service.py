"""Answer a request: which path, which fault, which checks, which reply."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from . import bodies, catalogue
from .answer import answer
from .bodies import Place
from .catalogue import CREDITS_PER_USD, RETIRED
from .checks import issues, told
from .dialects import DIALECTS
from .directions import directions
from .faults import fault_named
from .options import CHAT_PATH, Options
from .request import Json, Request
from .response import Headers, Response, dumps, json_response
from .schema import Issue
from .statuses import STATUSES, enum_message
from .tally import Tally
from .turn import Turn
from .writing import written

CLIENT_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
"""See https://docs.aimlapi.com/capabilities/request-tracing-and-cost, 2026-08-21."""

EXPOSED = "x-inference-id, x-client-request-id, x-aimlapi-credits-used, " + (
    "x-aimlapi-usd-spent"
)


@dataclass(frozen=True, slots=True)
class Service:
    """The stand-in, without its sockets; ``origin`` is its address."""

    options: Options
    origin: str
    tally: Tally = field(default_factory=Tally)

    def respond(self, request: Request) -> Response:
        """Give what is to be sent for a request."""
        number = self.tally.add("requests", 1)
        place = Place(request.method, request.path, f"rehearsal{number:012}")
        response = self._faulty(request, place) or self._routed(request, place)
        if CHAT_PATH not in place.path:
            return response
        headers = (*response.headers, *_tracing(request, place))
        return replace(response, headers=headers)

    # ---- faults and scripts

    def _faulty(self, request: Request, place: Place) -> Response | None:
        """Give the script, or what the fault of this turn makes of the reply."""
        if self.options.faulty_path not in request.path:
            return None
        if self.options.body is not None:
            return self._scripted()
        name = self.options.fault_at(self.tally.next("turns")) or self._asked(request)
        if name is None:
            return None
        return self._with_fault(name, request, place)

    def _scripted(self) -> Response:
        return Response(
            status=self.options.status,
            headers=(("Content-Type", self.options.content_type),),
            parts=self.options.body or (),
            framing=self.options.framing,
        )

    def _asked(self, request: Request) -> str | None:
        """Give the fault that the prompt asks for, as often as it does."""
        steering = directions(request.json)
        if steering.fault is None:
            return None
        seen = self.tally.next("asked " + dumps(request.json.get("messages")))
        times = steering.fault_times
        return steering.fault if times is None or seen < times else None

    def _with_fault(self, name: str, request: Request, place: Place) -> Response:
        fault, argument = fault_named(name)

        @cache
        def good(stream: bool | None) -> Response:
            reply = self._routed(request, place, stream)
            return replace(reply, parts=tuple(reply.parts))

        turn = Turn(place, self.origin, request.token, good, argument)
        return fault.act(turn)

    # ---- paths

    def _routed(
        self, request: Request, place: Place, stream: bool | None = None
    ) -> Response:
        path = request.path.rstrip("/")
        if request.method == "POST" and path in CHAT_PATHS:
            return self._guarded(request, place) or self._chat(request, place, stream)
        if request.method == "GET" and path.startswith("/model/"):
            return catalogue.one(path.removeprefix("/model/")) or _missing(place)
        route = ROUTES.get(path) if request.method == "GET" else None
        return route(self, request, place) if route else _missing(place)

    def _guarded(self, request: Request, place: Place) -> Response | None:
        """Refuse a wrong key; where none is set, every one will do, and none."""
        if self.options.key is None or request.token == self.options.key:
            return None
        return json_response(bodies.shape_a(401, bodies.NO_KEY, place), 401)

    def _models(self, request: Request, place: Place) -> Response:
        return catalogue.listing(
            request.query,
            seen=request.headers.get("if-none-match", ""),
            extra=self.options.extra_models,
            openai=DIALECTS[self.options.dialect].openai_models,
        )

    def _billing(self, request: Request, place: Place) -> Response:
        left = self._credits_left() / CREDITS_PER_USD
        body = {"current_balance": round(left, 6), "currency": "USD"}
        return self._guarded(request, place) or json_response(body)

    def _legacy_balance(self, request: Request, place: Place) -> Response:
        body = {
            "balance": self._credits_left(),
            "lowBalance": False,
            "lowBalanceThreshold": 10_000,
            "lastUpdated": bodies.timestamp(),
            "autoDebitStatus": "disabled",
            "status": "current",
            "statusExplanation": "A rehearsed balance; nothing is charged.",
        }
        return self._guarded(request, place) or json_response(body)

    def _credits_left(self) -> int:
        whole = round(self.options.balance_usd * CREDITS_PER_USD)
        return whole - self.tally.add("credits", 0)

    # ---- the reply

    def _chat(self, request: Request, place: Place, stream: bool | None) -> Response:
        body = request.json
        found = issues(body)
        if found:
            return _invalid(found, place)
        return self._unserved(body["model"], place) or self._reply(body, stream)

    def _unserved(self, model: str, place: Place) -> Response | None:
        """Refuse a model that is retired or unknown, if the options say so."""
        verdict = self.options.unknown_model
        if model in RETIRED:
            accepted = not self.options.retired
        else:
            accepted = verdict == "accept" or catalogue.is_listed(model)
        if accepted:
            return None
        if verdict == "400":
            return _invalid([Issue("model", enum_message(model))], place)
        return STATUSES[REFUSALS.get(verdict, "404-model")].response(place)

    def _reply(self, body: Json, stream: bool | None) -> Response:
        steering = directions(body)
        named = steering.dialect or self.options.dialect
        dialect = DIALECTS[named if named in DIALECTS else self.options.dialect]
        reply = answer(
            body,
            steering,
            number=self.tally.add("replies", 1),
            created=int(time.time()),
            thinks=dialect.thinks,
        )
        self.tally.add("credits", reply.credits_used)
        return written(
            reply,
            dialect,
            status=self.options.status,
            tokens_per_s=steering.tokens_per_s or self.options.tokens_per_s,
            stream=stream,
        )


Route = Callable[[Service, Request, Place], Response]
CHAT_PATHS = frozenset({"/v1/chat/completions", "/chat/completions"})
REFUSALS = {"404-empty": "404-empty"}
ROUTES: Mapping[str, Route] = {
    "/v1/models": Service._models,
    "/models": Service._models,
    "/api/v1/models": Service._models,
    "/v2/billing": Service._billing,
    "/v1/billing/balance": Service._legacy_balance,
}


def _tracing(request: Request, place: Place) -> Headers:
    """Give the ids by which a request can be found again."""
    ids: Headers = (
        ("x-inference-id", place.request_id),
        ("Access-Control-Expose-Headers", EXPOSED),
    )
    sent = request.headers.get("x-client-request-id", "")
    return (*ids, ("x-client-request-id", sent)) if CLIENT_ID.fullmatch(sent) else ids


def _missing(place: Place) -> Response:
    message = f"Cannot {place.method} {place.path}"
    return json_response(bodies.shape_h(404, message, place), 404)


def _invalid(found: list[Issue], place: Place) -> Response:
    """Answer as the service does when a body does not pass: 400, with zod's words."""
    listed = "; ".join(f"{issue.path}: {issue.message}" for issue in found)
    body = bodies.shape_a(400, f"Body validation error: {listed}", place)
    return json_response({**body, "issues": told(found)}, 400)
