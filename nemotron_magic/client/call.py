"""One call: the request out, the events of its reply in, retries between."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import httpx

from nemotron_magic.catalogue import Model, read_models
from nemotron_magic.client.border import translate
from nemotron_magic.client.resolve import Resolver, is_proxied, look_up
from nemotron_magic.dialect import ReplyReader
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import (
    AuthenticationError,
    InputError,
    NemotronError,
    OutcomeUnknown,
    RequestError,
    ServiceError,
)
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
from nemotron_magic.refusal import Asked, Complaint, error_for, retry_after_s
from nemotron_magic.retry import delay_s
from nemotron_magic.settings import Settings
from nemotron_magic.text import well_formed
from nemotron_magic.usage import Usage

__all__ = ["Client", "Request"]

_ENCODINGS = frozenset({"", "identity", "gzip", "deflate", "br", "zstd"})
_ERROR_BODY_BYTES = 256 * 1024
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
        return _asked(self.endpoint, self.settings.model, self.key)


class _Bearer(httpx.Auth):
    """Put the key into requests to its own origin; show it to nobody else."""

    def __init__(self, key: Key | None) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]  # the base asks for a generator that is never sent to
        url = urlsplit(str(request.url))
        value = self._key and self._key.reveal_to(f"{url.scheme}://{url.netloc}")
        if value:
            request.headers["Authorization"] = f"Bearer {value}"
        yield request

    def __repr__(self) -> str:
        return f"<bearer: {self._key!r}>"


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
    resolve : callable, optional
        In place of the system's resolver.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock_s: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
        uniform: Callable[[float, float], float] = random.uniform,
        resolve: Resolver | None = None,
    ) -> None:
        self._transport = transport
        self._sleep = sleep
        self._clock_s = clock_s
        self._now_s = now_s
        self._uniform = uniform
        self._resolve = resolve
        self._http: httpx.Client | None = None
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
        body = _encoded(request.body())
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
        """Give the chat models that the service lists; unchanged lists come cheap."""
        url = endpoint.models_url
        known = self._catalogues.get(url)
        headers = {"If-None-Match": known[0]} if known else {}
        response = self._get(endpoint, key, url, headers, timeout_s)
        if known and response.status_code == 304:
            return known[1]
        try:
            models = read_models(response.json())
        except ValueError:
            models = ()
        if not models:
            raise ServiceError(f"{endpoint.netloc} lists no chat models at {url}")
        self._catalogues[url] = (response.headers.get("etag", ""), models)
        return models

    def check_key(self, endpoint: Endpoint, key: Key, timeout_s: float = 20.0) -> None:
        """Ask the service for something that needs a key.

        Raises
        ------
        NemotronError
            `AuthenticationError` if the key is not accepted.
        """
        billing = f"{endpoint.origin}/v2/billing"
        url = billing if _asked(endpoint, "").is_aimlapi else endpoint.models_url
        self._get(endpoint, key, url, {}, timeout_s)

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _attempt(self, request: Request, body: bytes, call_id: str) -> Iterator[Event]:
        asked = request.asked()
        client_request_id = f"nemotron-magic-{uuid.uuid4().hex}"
        yield Sent(client_request_id, request.settings.model)
        self._find_host(request, asked)
        fault: NemotronError
        try:
            with self._client().stream(
                "POST",
                request.endpoint.chat_url,
                content=body,
                headers={
                    "Content-Type": "application/json",
                    "Accept": "text/event-stream, application/json",
                    "X-Client-Request-Id": client_request_id,
                    "Idempotency-Key": call_id,
                },
                auth=_Bearer(request.key),
                timeout=_timeouts(request.settings),
            ) as response:
                yield from self._events(response, request, asked)
                return
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            fault = translate(error, asked)
        # Raised out here so that it carries no httpx error, which holds the key.
        raise fault

    def _events(
        self, response: httpx.Response, request: Request, asked: Asked
    ) -> Iterator[Event]:
        headers = response.headers
        request_id = headers.get("x-inference-id") or headers.get("x-generation-id")
        yield Answered(response.status_code, request_id)
        if not response.is_success:
            raise self._refused(response, asked, request_id)
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in _ENCODINGS:
            raise OutcomeUnknown(f"{asked.endpoint.netloc} sent {encoding} encoding")
        reader = ReplyReader(asked, headers.get("content-type", ""))
        try:
            yield from self._read(response, reader, request.settings)
        except NemotronError as error:
            error.request_id = error.request_id or request_id
            raise
        yield from _header_cost(headers)

    def _read(
        self, response: httpx.Response, reader: ReplyReader, settings: Settings
    ) -> Iterator[Event]:
        started_s = progress_s = self._clock_s()
        for data in response.iter_bytes():
            events = reader.feed(data)
            now_s = self._clock_s()
            if events:
                if any(isinstance(event, _PROGRESS) for event in events):
                    progress_s = now_s
                yield from events
            if reader.error is not None:
                raise reader.error
            if reader.done:
                break
            _check_time(now_s - started_s, now_s - progress_s, settings)
        yield from reader.close()
        if reader.error is not None:
            raise reader.error

    def _refused(
        self, response: httpx.Response, asked: Asked, request_id: str | None
    ) -> NemotronError:
        if response.is_redirect:
            target = urlsplit(response.headers.get("location", ""))
            where = f"{target.scheme}://{target.netloc}{target.path}".strip(":/")
            return RequestError(
                f"{asked.endpoint.netloc} redirects to {where or 'another address'}",
                "not followed, because question and key would go there",
                "If that is right, make it the base_url",
                status=response.status_code,
                request_id=request_id,
                final=True,
            )
        complaint = Complaint.read(_error_body(response))
        wait_s = retry_after_s(response.headers, self._now_s())
        return error_for(
            response.status_code,
            complaint,
            asked,
            request_id=request_id,
            wait_s=wait_s,
        )

    def _get(
        self,
        endpoint: Endpoint,
        key: Key | None,
        url: str,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> httpx.Response:
        asked = _asked(endpoint, "the catalogue", key)
        fault: NemotronError
        try:
            response = self._client().get(
                url,
                params={"include": "pricing"} if "models" in url else None,
                headers=headers,
                auth=_Bearer(key),
                timeout=timeout_s,
            )
            if response.is_success or response.status_code == 304:
                return response
            fault = self._refused(
                response, asked, response.headers.get("x-inference-id")
            )
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            fault = translate(error, asked)
        raise fault

    def _client(self) -> httpx.Client:
        if self._http is None:
            agent = f"nemotron_magic/{version('nemotron-magic')}"
            self._http = httpx.Client(
                transport=self._transport,
                follow_redirects=False,
                headers={"User-Agent": agent},
                limits=httpx.Limits(keepalive_expiry=5.0),
            )
        return self._http

    def _find_host(self, request: Request, asked: Asked) -> None:
        url = urlsplit(request.endpoint.origin)
        host = request.endpoint.host
        known = request.endpoint.is_loopback or host in self._resolved
        if self._transport or known or is_proxied(url.scheme, host):
            return
        timeout_s = float(request.settings["connect_timeout_s"])
        resolver = {} if self._resolve is None else {"resolve": self._resolve}
        fault = look_up(host, url.port or 443, timeout_s, **resolver)
        if fault:
            raise translate(httpx.ConnectError(f"no address: {fault}"), asked)
        self._resolved.add(host)


def check_key_rules(request: Request) -> None:
    """Refuse to send without the key that is needed, or to send it in clear.

    Raises
    ------
    AuthenticationError
        If the service is not on this machine and there is no key for it.
    InputError
        If the key would go over http:// to another machine.
    """
    endpoint = request.endpoint
    if endpoint.is_loopback:
        return
    if request.key is None:
        raise AuthenticationError(
            f"no key for {endpoint.netloc}",
            "looked in this session, AIMLAPI_API_KEY, and the system's keyring",
            "Give one: %nemotron login   Or try without: %nemotron rehearse",
        )
    if not endpoint.is_encrypted and not request.settings["allow_http"]:
        raise InputError(
            f"the key would go to {endpoint.netloc} unencrypted",
            todo="Use https://, or allow it: %config Nemotron.allow_http = True",
        )


def _asked(endpoint: Endpoint, model: str, key: Key | None = None) -> Asked:
    if key is None:
        return Asked(endpoint, model)
    return Asked(endpoint, model, key.source, key.redact)


def _encoded(body: Mapping[str, Any]) -> bytes:
    return well_formed(json.dumps(body, ensure_ascii=False)).encode()


def _timeouts(settings: Settings) -> httpx.Timeout:
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


def _header_cost(headers: Mapping[str, str]) -> Iterator[Event]:
    """Give the cost that comes in a header when the reply was no stream."""
    try:
        cost_usd = float(headers.get("x-aimlapi-usd-spent", ""))
    except ValueError:
        return
    yield UsageReport(Usage(cost_usd=cost_usd))


def _error_body(response: httpx.Response) -> str:
    body = bytearray()
    try:
        for data in response.iter_bytes():
            body += data
            if len(body) > _ERROR_BODY_BYTES:
                break
    except (httpx.HTTPError, httpx.StreamError):
        pass
    return bytes(body[:_ERROR_BODY_BYTES]).decode("utf-8", "replace")
