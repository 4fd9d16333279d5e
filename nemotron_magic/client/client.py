"""The client of a service: calls with a reply, and pages on models and account."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator
from typing import Any

import httpx

from nemotron_magic.catalogue import Model, read_models
from nemotron_magic.client.call import Call, Request
from nemotron_magic.client.http import Http, Page
from nemotron_magic.client.proxies import proxy_to
from nemotron_magic.client.resolve import Resolver, system_resolver
from nemotron_magic.client.stop import Stop
from nemotron_magic.client.wait import pause
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import (
    ModelError,
    NemotronError,
    RequestError,
    ServiceError,
)
from nemotron_magic.events import Event
from nemotron_magic.key import Key
from nemotron_magic.usage import read_balance

__all__ = ["Client"]

_BALANCES = ("/v2/billing", "/v1/billing/balance")


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
        call = Call(
            request,
            self._http,
            self._sleep,
            self._clock_s,
            self._now_s,
            self._uniform,
        )
        return call.events() if stop is None else call.events_until(stop)

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

    def proxy(self, endpoint: Endpoint) -> str:
        """Return the proxy on the way and who set it, without a password; else empty.

        Raises
        ------
        ConnectionFailed
            If what is set is no URL of a proxy.
        """
        return str(proxy_to(endpoint) or "")

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
                if error.status != 404:
                    raise
            else:
                return read_balance(page.json())
        raise RequestError(
            f"{endpoint.netloc} does not tell what is left (404)",
            todo="What it took by our own count: %nemotron usage",
            status=404,
        )

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
