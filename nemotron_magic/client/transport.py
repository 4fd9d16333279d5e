"""One kept httpx client: authentication, certificates, proxies."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from ssl import SSLContext
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import httpx

from nemotron_magic import __version__
from nemotron_magic.client.deadline import (
    Backend,
    CancelToken,
    Deadline,
    Resolver,
    look_up,
)
from nemotron_magic.client.http_errors import (
    RequestInfo,
    error_from_response,
    request_info,
)
from nemotron_magic.client.network import (
    FOREIGN,
    Proxy,
    map_httpx_error,
    proxy_for,
    proxy_to,
)
from nemotron_magic.client.response import without_key_in
from nemotron_magic.client.sse import iter_decompressed
from nemotron_magic.core.endpoint import Endpoint, Key, without_traceback
from nemotron_magic.core.errors import (
    ConnectError,
    InterruptedByUser,
    NemotronError,
    OutcomeUnknownError,
    ServiceError,
)
from nemotron_magic.core.text import one_line

__all__ = [
    "Http",
    "Page",
    "get_ready",
    "ssl_context",
]


def ssl_context() -> SSLContext:
    """Return the certificates to trust, read anew only if the environment says so."""
    file, folder = os.getenv("SSL_CERT_FILE"), os.getenv("SSL_CERT_DIR")
    return _read(file, folder, Path(file).stat().st_mtime_ns if file else 0)


@lru_cache(maxsize=1)
def _read(_file: str | None, _folder: str | None, _changed_ns: int) -> SSLContext:
    return httpx.create_ssl_context()


_PAGE_BYTES = 64 * 1024 * 1024


class _Network(httpx.BaseTransport):
    """Sends each request straight, or through the proxy that is set for it."""

    def __init__(self) -> None:
        self._ssl_context = ssl_context()
        self._ways: dict[Proxy | None, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        way = self.way(proxy_for(url.scheme, url.host, url.port))
        return way.handle_request(request)

    def way(self, proxy: Proxy | None) -> httpx.HTTPTransport:
        """Return the transport by way of `proxy`, made when first used."""
        if proxy not in self._ways:
            made = _through(proxy, self._ssl_context)
            Backend.put_into(made)
            self._ways[proxy] = made
        return self._ways[proxy]

    def close(self) -> None:
        for way in self._ways.values():
            way.close()


def _through(proxy: Proxy | None, ssl_context: SSLContext) -> httpx.HTTPTransport:
    # For cells and rows that follow at once. Servers close after 2 s and more, and a
    # question that meets the closing may have been billed.
    limits = httpx.Limits(keepalive_expiry=1.0)
    if proxy is None:
        return httpx.HTTPTransport(verify=ssl_context, limits=limits)
    try:
        return httpx.HTTPTransport(
            verify=ssl_context, limits=limits, proxy=httpx.Proxy(proxy.url)
        )
    except ImportError:
        why = 'it speaks SOCKS, which takes: %pip install "httpx[socks]"'
    except (httpx.InvalidURL, ValueError):
        why = "it is no URL"
    # Raised outside of `except`: what httpx says may show the password.
    raise proxy.unusable(why)


class _Bearer(httpx.Auth):
    """Put the key into requests to its own origin."""

    def __init__(self, key: Key | None) -> None:
        self._key = key

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        key, url = self._key, request.url
        own = httpx.URL(key.origin if key else "")
        is_own = (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)
        if key and is_own:
            # No name for it: a verbose traceback would print what that stands for.
            request.headers["Authorization"] = f"Bearer {key.reveal_to(key.origin)}"
        yield request

    def __repr__(self) -> str:
        return f"<bearer: {self._key!r}>"


@contextmanager
def _sent(
    client: httpx.Client, request: httpx.Request, key: Key | None
) -> Iterator[httpx.Response]:
    """Send a request; below here its bytes, and so the key, are variables."""
    auth = _Bearer(key)
    response = without_traceback(lambda: client.send(request, auth=auth, stream=True))
    try:
        yield response
    finally:
        response.close()


@dataclass(frozen=True, slots=True)
class Page:
    """What a GET brought."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    key: Key | None = None

    def json(self) -> Any:
        """Return the body's value without the key in it; None if it is no JSON."""
        try:
            return without_key_in(json.loads(self.body), self.key)
        except (ValueError, RecursionError):
            return None


class Http:
    """Requests with our key, our headers and our limits."""

    def __init__(
        self,
        resolve: Resolver,
        transport: httpx.BaseTransport | None = None,
        stop: CancelToken | None = None,
    ) -> None:
        self._resolve = resolve
        self._resolved: set[str] = set()
        self._transport = transport
        self._stop = stop
        self._lock = Lock()
        self._http: httpx.Client | None = None
        self._of_parent: list[httpx.Client | None] = []
        self._pid = os.getpid()

    def apart(self, stop: CancelToken) -> Http:
        """Return the same with connections of its own, which `stop` may shut down."""
        return Http(self._resolve, self._transport, stop)

    def post(
        self,
        url: str,
        body: bytes,
        key: Key | None,
        headers: Mapping[str, str],
        timeout: httpx.Timeout,
    ) -> AbstractContextManager[httpx.Response]:
        """Send `body`; the response's own body is to be read inside the context."""
        request = self._client().build_request(
            "POST",
            url,
            content=body,
            headers={"Content-Type": "application/json", **headers},
            timeout=timeout,
            extensions={"trace": self._stop.trace} if self._stop else None,
        )
        return _sent(self._client(), request, key)

    def get(
        self,
        endpoint: Endpoint,
        url: str,
        key: Key | None,
        timeout_s: float,
        now_s: float,
        **more: Any,
    ) -> Page:
        """Fetch a page of the service."""
        about = replace(request_info(endpoint, "the page", key), page=url)
        self.find_host(endpoint, timeout_s, about)
        fault: NemotronError
        try:
            deadline = Deadline(timeout_s)
            more["timeout"] = deadline.timeout(timeout_s, timeout_s)
            request = self._client().build_request("GET", url, **more)
            with _sent(self._client(), request, key) as response:
                if response.is_success or response.status_code == 304:
                    return _page(response, key)
                fault = error_from_response(response, about, now_s, deadline)
        except FOREIGN as error:
            fault = map_httpx_error(error, about)
        except KeyboardInterrupt:
            fault = InterruptedByUser("stopped by you")
        # Raised out here so that it carries no httpx error, which holds the key.
        raise _of_a_page(fault)

    def find_host(
        self, endpoint: Endpoint, timeout_s: float, about: RequestInfo
    ) -> None:
        """Look the host up before httpx does, since that cannot be interrupted."""
        url, host = urlsplit(endpoint.origin), endpoint.host
        known = endpoint.is_loopback or host in self._resolved
        if self._transport or known or proxy_to(endpoint):
            return
        fault: NemotronError
        try:
            check = [self._stop.check] if self._stop else []
            error = look_up(host, url.port or 443, timeout_s, self._resolve, *check)
            if error is None:
                self._resolved.add(host)
                return
            fault = map_httpx_error(httpx.ConnectError(f"no address: {error}"), about)
        except KeyboardInterrupt:
            fault = InterruptedByUser("stopped by you", "nothing was sent")
        raise fault

    def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        self._notice_fork()
        if self._http is not None:
            self._http.close()
            self._http = None

    def _notice_fork(self) -> None:
        """Leave to the parent what is its own: connections, and a lock it may hold."""
        if self._pid != os.getpid():
            self._of_parent.append(self._http)
            self._http = None
            self._pid, self._lock = os.getpid(), Lock()

    def _client(self) -> httpx.Client:
        self._notice_fork()
        with self._lock:  # a panel may ask while a cell does
            if self._http is None:
                self._http = _new_client(self._transport)
            return self._http


def _new_client(transport: httpx.BaseTransport | None) -> httpx.Client:
    try:
        return httpx.Client(
            transport=transport or _Network(),
            trust_env=False,
            follow_redirects=False,
            headers={
                "User-Agent": f"nemotron_magic/{__version__}",
                "Accept-Encoding": "gzip",
            },
        )
    except (OSError, ValueError) as error:
        why = one_line(str(error))
    raise ConnectError(
        "no connection can be set up", why, "Look at SSL_CERT_FILE", final=True
    )


def get_ready() -> None:
    """Load what the first connection needs: libraries and certificates."""
    _new_client(None).close()


def _page(response: httpx.Response, key: Key | None) -> Page:
    """Read the whole of a page."""
    body = bytearray()
    for data in iter_decompressed(response):
        body += data
        if len(body) > _PAGE_BYTES:
            raise httpx.ReadError(f"more than {_PAGE_BYTES // 2**20} MiB came")
    headers = httpx.Headers(without_key_in(response.headers, key))
    return Page(response.status_code, headers, bytes(body), key)


def _of_a_page(fault: NemotronError) -> NemotronError:
    """Return the same fault of a request that costs nothing."""
    if not isinstance(fault, OutcomeUnknownError):
        return fault
    what = fault.what.removesuffix("; it may have been billed")
    return ServiceError(
        what,
        fault.why,
        "Try again later",
        status=fault.status,
        request_id=fault.request_id,
    )
