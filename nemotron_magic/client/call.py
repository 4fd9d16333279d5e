"""One call: the request out, the events of its reply in, retries between."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx

from nemotron_magic.catalogue import Model, read_models
from nemotron_magic.client.border import translate
from nemotron_magic.client.deadline import Deadline
from nemotron_magic.client.http import FOREIGN, Http, Page
from nemotron_magic.client.keyless import without_key
from nemotron_magic.client.reading import events_of, is_progress, too_slow
from nemotron_magic.client.refused import about_of, refusal_of, request_id_of
from nemotron_magic.client.resolve import Resolver, system_resolver
from nemotron_magic.client.stop import Stop
from nemotron_magic.client.wait import pause
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import (
    Interrupted,
    ModelError,
    NemotronError,
    RequestError,
    ServiceError,
)
from nemotron_magic.events import Answered, Event, Retry, Sent
from nemotron_magic.key import Key
from nemotron_magic.refusal import About
from nemotron_magic.retry import delay_s
from nemotron_magic.settings import Settings
from nemotron_magic.text import well_formed
from nemotron_magic.usage import read_balance

__all__ = ["Client", "Request"]

_BALANCES = ("/v2/billing", "/v1/billing/balance")


@dataclass(frozen=True, slots=True)
class Request:
    """All that a call needs to know.

    Parameters
    ----------
    messages : tuple of mapping
        One mapping a message, keys `role` and `content`.
    key : Key or None
        None for a service that wants none.
    """

    endpoint: Endpoint
    messages: tuple[Mapping[str, str], ...]
    settings: Settings
    key: Key | None = None

    def body(self) -> dict[str, Any]:
        """Give the body of the request, as it is sent."""
        fields = self.settings.parameters()
        return {"model": fields.pop("model"), "messages": [*self.messages], **fields}

    def about(self) -> About:
        """Give what error messages may mention."""
        return about_of(self.endpoint, self.settings.model, self.key)


class Client:
    """Talk to a service.

    What varies is passed in, so that tests need no network, no clock and no luck.

    Parameters
    ----------
    transport : httpx.BaseTransport, optional
        In place of the network.
    sleep : callable
        Waits for a number of seconds; an interrupt may end it.
    clock_s, now_s : callable
        A monotonic clock, and the time since 1970.
    uniform : callable
        Gives a random number between its two arguments.
    resolve : callable
        Looks up a host and a port; raises `OSError` if there is no such host.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        *,
        sleep: Callable[[float], None] = pause,
        clock_s: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
        uniform: Callable[[float, float], float] = random.uniform,
        resolve: Resolver = system_resolver,
    ) -> None:
        self._http = Http(resolve, transport)
        self._sleep = sleep
        self._clock_s = clock_s
        self._now_s = now_s
        self._uniform = uniform
        self._catalogues: dict[str, tuple[str, tuple[Model, ...]]] = {}

    def stream(
        self, request: Request, stop: Stop | None = None
    ) -> Generator[Event, None, None]:
        """Send `request`; give what happens, as it happens.

        Parameters
        ----------
        stop : Stop, optional
            Ends the call from another thread. Such a call has a connection of its own.

        Raises
        ------
        NemotronError
            After the events that came before it. A request is sent again only if it
            cannot have been billed and nothing of a reply has arrived.
        KeyboardInterrupt
            When `stop` is set.
        """
        if stop is None:
            yield from self._attempts(request, self._http, self._sleep)
            return
        try:
            with (
                closing(self._http.apart(stop)) as http,
                closing(self._attempts(request, http, stop.sleep)) as events,
            ):
                for event in events:
                    stop.check()
                    yield event
            stop.check()
        except Interrupted:
            raise
        except NemotronError:
            stop.check()  # what fails after it was set was stopped
            raise
        finally:
            stop.let_go()

    def _attempts(
        self, request: Request, http: Http, sleep: Callable[[float], None]
    ) -> Generator[Event, None, None]:
        body = well_formed(json.dumps(request.body(), ensure_ascii=False)).encode()
        call_id = uuid.uuid4().hex
        attempt = 0
        while True:
            attempt += 1
            answered = False
            try:
                with closing(self._attempt(request, body, call_id, http)) as events:
                    for event in events:
                        answered = answered or is_progress(event)
                        yield event
                return
            except NemotronError as error:
                wait_s = None if answered else delay_s(error, attempt, self._uniform)
                if wait_s is None:
                    raise
                retry = Retry(error.what, wait_s, attempt)
            yield retry
            _wait(sleep, wait_s)

    def models(
        self, endpoint: Endpoint, key: Key | None, timeout_s: float = 20.0
    ) -> tuple[Model, ...]:
        """Give the chat models that the service lists; an unchanged list comes cheap.

        Raises
        ------
        NemotronError
            If the list cannot be had, or names no chat model.
        """
        url = endpoint.models_url
        etag, known = self._catalogues.get(url, ("", ()))
        response = self._get(
            endpoint,
            url,
            key,
            timeout_s,
            params={"include": "pricing"},
            headers={"If-None-Match": etag} if etag else {},
        )
        if response.status == 304:
            return known
        models = read_models(response.json())
        if not models:
            raise ServiceError(f"{endpoint.netloc} lists no chat models at {url}")
        self._catalogues[url] = (response.headers.get("etag", ""), models)
        return models

    def listed(self, endpoint: Endpoint) -> tuple[Model, ...]:
        """Give the models that were listed before, without asking the service."""
        return self._catalogues.get(endpoint.models_url, ("", ()))[1]

    def check_key(
        self, endpoint: Endpoint, key: Key | None, timeout_s: float = 20.0
    ) -> bool:
        """Ask the service for something that needs a key.

        Returns
        -------
        bool
            Whether the key was looked at: a service without a balance that lists its
            models to anyone does not tell.

        Raises
        ------
        NemotronError
            `AuthenticationError` if the key is not accepted.
        """
        try:
            self.balance_usd(endpoint, key, timeout_s)
        except (RequestError, ModelError):  # there is no such page
            return self._is_catalogue_closed(endpoint, key, timeout_s)
        return True

    def _is_catalogue_closed(
        self, endpoint: Endpoint, key: Key | None, timeout_s: float
    ) -> bool:
        self._get(endpoint, endpoint.models_url, key, timeout_s)
        try:
            self._get(endpoint, endpoint.models_url, None, timeout_s)
        except NemotronError:
            return True
        return False

    def balance_usd(
        self, endpoint: Endpoint, key: Key | None, timeout_s: float = 20.0
    ) -> float | None:
        """Give what is left on the account, in US dollars; None if it does not say.

        Charges are booked after the reply, so right after a call it is too high
        (https://docs.aimlapi.com/api-references/service-endpoints/account-balance).

        Raises
        ------
        NemotronError
            If the service has no balance to tell, or not with this key.
        """
        for path in _BALANCES:
            try:
                page = self._get(endpoint, endpoint.origin + path, key, timeout_s)
            except (ModelError, RequestError) as error:
                # Older accounts have the older page only.
                if error.status != 404 or path == _BALANCES[-1]:
                    raise
            else:
                return read_balance(page.json())
        return None

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        self._http.close()

    def _get(
        self,
        endpoint: Endpoint,
        url: str,
        key: Key | None,
        timeout_s: float,
        **more: Any,
    ) -> Page:
        return self._http.get(endpoint, url, key, timeout_s, self._now_s(), **more)

    def _attempt(
        self, request: Request, body: bytes, call_id: str, http: Http
    ) -> Generator[Event, None, None]:
        about, settings = request.about(), request.settings
        headers = {
            "Accept": "text/event-stream, application/json",
            "X-Client-Request-Id": f"nemotron-magic-{uuid.uuid4().hex}",
            "Idempotency-Key": call_id,
        }
        yield Sent(headers["X-Client-Request-Id"], settings.model)
        connect_s = float(settings["connect_timeout_s"])
        http.find_host(request.endpoint, connect_s, about)
        deadline = Deadline(settings["total_timeout_s"], self._clock_s)
        timeout = deadline.timeout(connect_s, _gap_s(settings))
        url = request.endpoint.chat_url
        fault: NemotronError
        try:
            with http.post(url, body, request.key, headers, timeout) as response:
                yield Answered(response.status_code, request_id_of(response, about))
                if response.is_success:
                    clock_s = self._clock_s
                    events = events_of(response, settings, about, clock_s, deadline)
                    yield from without_key(events, request.key)
                    return
                fault = refusal_of(response, about, self._now_s(), deadline)
        except FOREIGN as error:
            is_late = isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout)
            late = too_slow(deadline, settings) if is_late else None
            fault = late or translate(error, about, deadline.is_sent)
        except KeyboardInterrupt:
            if deadline.is_sent:
                raise
            fault = Interrupted("stopped by you", "nothing was sent")
        # Raised out here so that it carries no httpx error, which holds the key.
        raise fault


def _wait(sleep: Callable[[float], None], wait_s: float) -> None:
    try:
        sleep(wait_s)
        return
    except KeyboardInterrupt:
        why = "while waiting to ask again; nothing was billed"
    raise Interrupted("stopped by you", why)


def _gap_s(settings: Settings) -> float:
    return float(settings["gap_timeout_s" if settings["stream"] else "total_timeout_s"])
