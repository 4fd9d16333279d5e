"""Calls to a service: one request out, its events in, retries between."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, suppress
from copy import copy
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from nemotron_magic.client.deadline import (
    CancelToken,
    Deadline,
    Resolver,
    interruptible_sleep,
    system_resolver,
)
from nemotron_magic.client.http_errors import (
    RequestInfo,
    delay_s,
    error_from_response,
    request_id_of,
)
from nemotron_magic.client.models import Model, read_balance, read_logged, read_models
from nemotron_magic.client.network import FOREIGN
from nemotron_magic.client.parser import PROGRESS
from nemotron_magic.client.response import (
    error_of_call,
    gap_limit,
    read_events,
    redact_key,
)
from nemotron_magic.client.transport import Http, Page
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import (
    InterruptedByUser,
    ModelError,
    NemotronError,
    RequestError,
)
from nemotron_magic.core.events import Answered, Event, Retry, Sent
from nemotron_magic.core.loose_json import JsonObject
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import well_formed


@dataclass(frozen=True, slots=True)
class Request:
    """All that a call needs to know."""

    endpoint: Endpoint
    messages: tuple[Mapping[str, str], ...]
    settings: Settings
    key: Key | None = None
    fields: Mapping[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """Return the body of the request, as it is sent."""
        settled = self.settings.parameters() if self.fields is None else self.fields
        model = self.settings.model
        return {"model": model, "messages": [*self.messages], **settled}

    def about(self) -> RequestInfo:
        """Return what error messages may mention."""
        return RequestInfo(self.endpoint, self.settings.model, self.key)


def _encoded(request: Request) -> bytes:
    return well_formed(json.dumps(request.body(), ensure_ascii=False)).encode()


_uniform = random.SystemRandom().uniform  # not of the user's seed
_BALANCES = ("/v2/billing", "/v1/billing/balance")


class Client:
    """Talk to a service.

    What varies is passed in, so that tests need no network, no clock and no luck.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        *,
        sleep: Callable[[float], None] = interruptible_sleep,
        clock_s: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
        uniform: Callable[[float, float], float] = _uniform,
        resolve: Resolver = system_resolver,
    ) -> None:
        self._http = Http(resolve, transport)
        self._sleep = sleep
        self._clock_s = clock_s
        self._now_s = now_s
        self._uniform = uniform
        self._catalogues: dict[str, tuple[str, tuple[Model, ...]]] = {}
        self._rehearsals: set[str] = set()

    def stream(
        self, request: Request, stop: CancelToken | None = None
    ) -> Generator[Event, None, None]:
        """Send `request`; return what happens, as it happens.

        A request is sent again only if it cannot have been billed and nothing of a
        reply has arrived. Raise `NemotronError` after the events that came before it,
        and `KeyboardInterrupt` when `stop` is set.
        """
        if stop is None:
            return self._events(request)
        return self.apart(stop)._events_until(stop, request)

    def apart(self, stop: CancelToken) -> Client:
        """Return a client with a connection of its own, which `stop` may shut down."""
        twin = copy(self)
        twin._http, twin._sleep = self._http.apart(stop), stop.sleep
        return twin

    def once(self, request: Request, request_id: str) -> Generator[Event, None, None]:
        """Send `request` a single time, by an id of the caller's who counts them."""
        body = _encoded(request)
        return self._attempt(request, body, request_id, request_id)

    def _events_until(
        self, stop: CancelToken, request: Request
    ) -> Generator[Event, None, None]:
        try:
            with closing(self._http), closing(self._events(request)) as events:
                for event in events:
                    stop.check()
                    yield event
            stop.check()
        except InterruptedByUser:
            raise
        except NemotronError:
            stop.check()  # what fails after it was set was stopped
            raise
        finally:
            stop.let_go()

    def _events(self, request: Request) -> Generator[Event, None, None]:
        """Yield what happens, a second attempt among it."""
        body, call_id = _encoded(request), uuid.uuid4().hex
        for attempt in count(1):
            answered, request_id = False, f"nemotron-magic-{uuid.uuid4().hex}"
            sent = self._attempt(request, body, call_id, request_id)
            try:
                with closing(sent) as events:
                    for event in events:
                        answered = answered or isinstance(event, PROGRESS)
                        yield event
                return
            except InterruptedByUser as error:
                if attempt > 1:
                    error.why = error.why.replace("sent", "billed")
                raise
            except NemotronError as error:
                wait_s = None if answered else delay_s(error, attempt, self._uniform)
                if wait_s is None:
                    raise
                retry = Retry(error.what, wait_s, attempt)
            yield retry
            try:
                self._sleep(wait_s)
            except KeyboardInterrupt:
                why = "while waiting to ask again; nothing was billed"
                raise InterruptedByUser("stopped by you", why) from None

    def _attempt(
        self, request: Request, body: bytes, call_id: str, request_id: str
    ) -> Generator[Event, None, None]:
        about, settings = request.about(), request.settings
        headers = {
            "Accept": "text/event-stream, application/json",
            "X-Client-Request-Id": request_id,
            "Idempotency-Key": call_id,
        }
        yield Sent(request_id, settings.model)
        deadline = Deadline(settings["total_timeout_s"], self._clock_s)
        gap_s = settings[gap_limit(settings, about, has_begun=True)]
        first_s = settings[gap_limit(settings, about, has_begun=False)]
        timeout = deadline.timeout(settings["connect_timeout_s"], gap_s, first_s)
        url = request.endpoint.chat_url
        fault: NemotronError
        try:
            with self._http.post(url, body, request.key, headers, timeout) as response:
                self._note_rehearsal(request.endpoint, response.headers)
                yield Answered(response.status_code, request_id_of(response, about))
                if response.is_success:
                    events = read_events(response, settings, about, deadline)
                    yield from redact_key(events, request.key)
                    return
                fault = error_from_response(response, about, self._now_s(), deadline)
        except FOREIGN as error:
            fault = error_of_call(error, deadline, about, settings)
        except KeyboardInterrupt:
            if deadline.is_sent:
                raise
            fault = InterruptedByUser("stopped by you", "nothing was sent")
        # Raised out here so that it carries no httpx error, which holds the key.
        raise fault

    def models(
        self, endpoint: Endpoint, key: Key | None, timeout_s: float = 20.0
    ) -> tuple[Model, ...]:
        """Return the chat models that the service lists; raise if it lists none."""
        url = endpoint.models_url
        etag, known = self._catalogues.get(url, ("", ()))
        more: dict[str, Any] = {"headers": {"If-None-Match": etag}} if etag else {}
        more |= {"params": {"include": "pricing"}, "timeout_s": timeout_s}
        page = self._get(endpoint, url, key, **more)
        if page.status == 304:
            return known
        models = read_models(page.json)
        if not models:
            raise RequestInfo(endpoint, "").failure("no_models", url=url)
        self._catalogues[url] = (page.headers.get("etag", ""), models)
        return models

    def is_rehearsal(self, endpoint: Endpoint) -> bool:
        """Return whether what answered there last is a rehearsal on this machine."""
        return endpoint.origin in self._rehearsals

    def listed(self, endpoint: Endpoint) -> tuple[Model, ...]:
        """Return the models that were listed before, without asking the service."""
        return self._catalogues.get(endpoint.models_url, ("", ()))[1]

    def check_key(self, endpoint: Endpoint, key: Key | None) -> bool:
        """Ask the service for something that needs a key."""
        with suppress(RequestError, ModelError):  # there may be no such page
            self.balance_usd(endpoint, key)
            return True
        self._get(endpoint, endpoint.models_url, key)
        try:
            self._get(endpoint, endpoint.models_url, None)
        except NemotronError:
            return True
        return False

    def balance_usd(self, endpoint: Endpoint, key: Key | None) -> float | None:
        """Return what is left on the account, in US dollars; None if it does not say.

        Charges are booked after the reply, so right after a call it is too high
        (https://docs.aimlapi.com/api-references/service-endpoints/account-balance).
        Raise `NemotronError` if the service tells none, or not with this key.
        """
        for path in _BALANCES:  # older accounts have the older page only
            url = endpoint.origin + path
            try:
                return read_balance(self._get(endpoint, url, key).json)
            except (ModelError, RequestError) as error:
                if error.status != 404:
                    raise
        raise RequestInfo(endpoint, "").failure("no_balance", status=404)

    def logged(self, endpoint: Endpoint, key: Key | None) -> dict[str, JsonObject]:
        """Return the requests of the last day in the service's log, by our own ids."""
        url, period = endpoint.origin + "/v2/logs", {"period": "24h"}
        return read_logged(self._get(endpoint, url, key, params=period).json)

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        self._http.close()

    def _get(self, endpoint: Endpoint, url: str, key: Key | None, **more: Any) -> Page:
        page = self._http.get(endpoint, url, key, self._now_s(), **more)
        self._note_rehearsal(endpoint, page.headers)
        return page

    def _note_rehearsal(self, endpoint: Endpoint, headers: Mapping[str, str]) -> None:
        self._rehearsals.discard(endpoint.origin)
        # Elsewhere anybody might say so to have costs overlooked.
        if headers.get("x-nemotron-rehearsal") == "1" and endpoint.is_loopback:
            self._rehearsals.add(endpoint.origin)
