"""One call: the request out, the events of its reply in, retries between."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from nemotron_magic.catalogue import Model, read_models
from nemotron_magic.client.border import translate
from nemotron_magic.client.http import (
    FOREIGN,
    Http,
    asked,
    refusal_of,
    request_id_of,
)
from nemotron_magic.client.resolve import Resolver, is_proxied, look_up, system_resolver
from nemotron_magic.dialect import ReplyReader
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import NemotronError, OutcomeUnknown, ServiceError
from nemotron_magic.events import (
    Answered,
    Event,
    Reasoning,
    Refusal,
    Retry,
    Sent,
    Text,
    ToolCall,
    UsageReport,
)
from nemotron_magic.key import Key
from nemotron_magic.refusal import Asked
from nemotron_magic.retry import delay_s
from nemotron_magic.settings import Settings
from nemotron_magic.text import well_formed
from nemotron_magic.usage import Usage

__all__ = ["Client", "Request"]

_ENCODINGS = frozenset({"", "identity", "gzip", "deflate", "br", "zstd"})
_PROGRESS = (Text, Reasoning, Refusal, ToolCall)


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

    def asked(self) -> Asked:
        """Give what error messages may mention."""
        return asked(self.endpoint, self.settings.model, self.key)


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
        sleep: Callable[[float], None] = time.sleep,
        clock_s: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
        uniform: Callable[[float, float], float] = random.uniform,
        resolve: Resolver = system_resolver,
    ) -> None:
        self._http = Http(transport)
        self._sleep = sleep
        self._clock_s = clock_s
        self._now_s = now_s
        self._uniform = uniform
        self._resolve = resolve
        self._resolved: set[str] = set()
        self._catalogues: dict[str, tuple[str, tuple[Model, ...]]] = {}

    def stream(self, request: Request) -> Iterator[Event]:
        """Send `request`; give what happens, as it happens.

        Raises
        ------
        NemotronError
            After the events that came before it. A request is sent again only if it
            cannot have been billed and nothing of a reply has arrived.
        """
        body = well_formed(json.dumps(request.body(), ensure_ascii=False)).encode()
        call_id = uuid.uuid4().hex
        attempt = 0
        while True:
            attempt += 1
            answered = False
            try:
                for event in self._attempt(request, body, call_id):
                    answered = answered or isinstance(event, _PROGRESS)
                    yield event
                return
            except NemotronError as error:
                wait_s = None if answered else delay_s(error, attempt, self._uniform)
                if wait_s is None:
                    raise
                retry = Retry(error.what, wait_s, attempt)
            yield retry
            self._sleep(wait_s)

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
        response = self._http.get(
            endpoint,
            url,
            key,
            timeout_s,
            self._now_s(),
            params={"include": "pricing"},
            headers={"If-None-Match": etag} if etag else {},
        )
        if response.status_code == 304:
            return known
        models = _models_in(response)
        if not models:
            raise ServiceError(f"{endpoint.netloc} lists no chat models at {url}")
        self._catalogues[url] = (response.headers.get("etag", ""), models)
        return models

    def listed(self, endpoint: Endpoint) -> tuple[Model, ...]:
        """Give the models that were listed before, without asking the service."""
        return self._catalogues.get(endpoint.models_url, ("", ()))[1]

    def check_key(
        self, endpoint: Endpoint, key: Key | None, timeout_s: float = 20.0
    ) -> None:
        """Ask the service for something that needs a key.

        Raises
        ------
        NemotronError
            `AuthenticationError` if the key is not accepted.
        """
        balance = f"{endpoint.origin}/v2/billing"
        is_aimlapi = asked(endpoint, "").is_aimlapi
        url = balance if is_aimlapi else endpoint.models_url
        self._http.get(endpoint, url, key, timeout_s, self._now_s())

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        self._http.close()

    def _attempt(self, request: Request, body: bytes, call_id: str) -> Iterator[Event]:
        about = request.asked()
        headers = {
            "Accept": "text/event-stream, application/json",
            "X-Client-Request-Id": f"nemotron-magic-{uuid.uuid4().hex}",
            "Idempotency-Key": call_id,
        }
        yield Sent(headers["X-Client-Request-Id"], request.settings.model)
        self._find_host(request, about)
        url, timeout = request.endpoint.chat_url, _timeout(request.settings)
        fault: NemotronError
        try:
            with self._http.post(url, body, request.key, headers, timeout) as response:
                yield from self._events(response, request, about)
                return
        except FOREIGN as error:
            fault = translate(error, about)
        # Raised out here so that it carries no httpx error, which holds the key.
        raise fault

    def _events(
        self, response: httpx.Response, request: Request, about: Asked
    ) -> Iterator[Event]:
        request_id = request_id_of(response)
        yield Answered(response.status_code, request_id)
        if not response.is_success:
            raise refusal_of(response, about, self._now_s())
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in _ENCODINGS:
            what = f"{about.endpoint.netloc} sent a reply in {encoding} encoding"
            raise OutcomeUnknown(what, "it may have been billed", final=True)
        reader = ReplyReader(about, response.headers.get("content-type", ""))
        try:
            yield from self._read(response, reader, request.settings)
        except NemotronError as error:
            error.request_id = error.request_id or request_id
            raise
        yield from _cost_in(response.headers)

    def _read(
        self, response: httpx.Response, reader: ReplyReader, settings: Settings
    ) -> Iterator[Event]:
        started_s = progress_s = self._clock_s()
        for data in response.iter_bytes():
            events = reader.feed(data)
            now_s = self._clock_s()
            if any(isinstance(event, _PROGRESS) for event in events):
                progress_s = now_s
            yield from events
            if reader.done or reader.error is not None:
                break
            _check_time(now_s - started_s, now_s - progress_s, settings)
        if reader.error is None:
            yield from reader.close()
        if reader.error is not None:
            raise reader.error

    def _find_host(self, request: Request, about: Asked) -> None:
        """Look the host up before httpx does, since that cannot be interrupted."""
        url, host = urlsplit(request.endpoint.origin), request.endpoint.host
        known = request.endpoint.is_loopback or host in self._resolved
        if self._http.transport or known or is_proxied(url.scheme, host):
            return
        timeout_s = float(request.settings["connect_timeout_s"])
        fault = look_up(host, url.port or 443, timeout_s, self._resolve)
        if fault:
            raise translate(httpx.ConnectError(f"no address: {fault}"), about)
        self._resolved.add(host)


def _models_in(response: httpx.Response) -> tuple[Model, ...]:
    try:
        return read_models(response.json())
    except ValueError:
        return ()


def _timeout(settings: Settings) -> httpx.Timeout:
    gap_s = settings["gap_timeout_s" if settings["stream"] else "total_timeout_s"]
    return httpx.Timeout(gap_s, connect=settings["connect_timeout_s"])


def _check_time(total_s: float, idle_s: float, settings: Settings) -> None:
    for name, passed_s, what in (
        ("total_timeout_s", total_s, "the reply took longer than {:g} s"),
        ("progress_timeout_s", idle_s, "no new text came for {:g} s"),
    ):
        if passed_s > settings[name]:
            raise OutcomeUnknown(
                what.format(settings[name]),
                "it may have been billed",
                f"Allow more: %config Nemotron.{name} = {settings[name] * 2:g}",
            )


def _cost_in(headers: Mapping[str, str]) -> Iterator[Event]:
    """Give the cost that stands in a header when the reply was no stream."""
    try:
        cost_usd = float(headers.get("x-aimlapi-usd-spent", ""))
    except ValueError:
        return
    yield UsageReport(Usage(cost_usd=cost_usd))
