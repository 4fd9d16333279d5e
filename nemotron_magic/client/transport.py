"""One kept httpx transport: authentication, certificates, proxies.

Not an `httpx.Client`, a third of whose time for a short call goes into cookies, merged
URLs, redirects and a log that nobody here asked for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from threading import Lock
from typing import Any, NamedTuple

import httpx

from nemotron_magic import __version__
from nemotron_magic.client.deadline import Backend, CancelToken, Deadline, Resolver
from nemotron_magic.client.http_errors import RequestInfo, error_from_response
from nemotron_magic.client.network import FOREIGN, Proxy, map_httpx_error, proxy_for
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


def certificates() -> SSLContext:
    """Return the certificates to trust, read again only if the environment says so."""
    file, folder = os.getenv("SSL_CERT_FILE"), os.getenv("SSL_CERT_DIR")
    try:
        return _read(file, folder, Path(file).stat().st_mtime_ns if file else 0)
    except (OSError, ValueError) as error:
        why = one_line(str(error))
    what, hint = "no connection can be set up", "Look at SSL_CERT_FILE"
    raise ConnectError(what, why, hint, final=True)


@lru_cache(maxsize=1)
def _read(_file: str | None, _folder: str | None, _changed_ns: int) -> SSLContext:
    return httpx.create_ssl_context()


_PAGE_BYTES = 64 * 1024 * 1024


class _Network(httpx.BaseTransport):
    """Sends each request straight, or through the proxy that is set for it."""

    def __init__(self, resolve: Resolver, stop: CancelToken | None = None) -> None:
        self._resolve, self._stop = resolve, stop
        self._lock = Lock()
        self._ways: dict[tuple[Proxy | None, str], httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        way = self.way(proxy_for(url.scheme, url.host, url.port), url.scheme)
        return way.handle_request(request)

    def way(self, proxy: Proxy | None, scheme: str) -> httpx.HTTPTransport:
        """Return the transport by way of `proxy`, made when first used."""
        with self._lock:  # one of two made at once would never be closed
            if (proxy, scheme) not in self._ways:
                made = _through(proxy, scheme)
                resolve = None if proxy else self._resolve
                Backend(None, self._stop, resolve).put_into(made)
                self._ways[proxy, scheme] = made
            return self._ways[proxy, scheme]

    def close(self) -> None:
        for way in self._ways.values():
            way.close()


def _through(proxy: Proxy | None, scheme: str) -> httpx.HTTPTransport:
    # To read all certificates takes 20 ms, and a server here needs none.
    is_plain = scheme == "http" and proxy is None
    ssl_context = SSLContext(PROTOCOL_TLS_CLIENT) if is_plain else certificates()
    # For cells and rows that follow at once. Servers close after 2 s and more, and a
    # question that meets the closing may have been billed.
    limits = httpx.Limits(keepalive_expiry=1.0)
    if proxy is None:
        return httpx.HTTPTransport(verify=ssl_context, limits=limits)
    try:
        way = httpx.Proxy(proxy.url)
        return httpx.HTTPTransport(verify=ssl_context, limits=limits, proxy=way)
    except ImportError:
        why = 'it speaks SOCKS, which takes: %pip install "httpx[socks]"'
    except (httpx.InvalidURL, ValueError):
        why = "it is no URL"
    # Raised outside of `except`: what httpx says may show the password.
    raise proxy.unusable(why)


_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip",
    "User-Agent": f"nemotron_magic/{__version__}",
}
_url = lru_cache(maxsize=32)(httpx.URL)


def _sent(
    transport: httpx.BaseTransport, request: httpx.Request, key: Key | None
) -> closing[httpx.Response]:
    """Send a request; below here its bytes, and so the key, are variables."""
    return closing(without_traceback(lambda: _with_key(transport, request, key)))


def _with_key(
    transport: httpx.BaseTransport, request: httpx.Request, key: Key | None
) -> httpx.Response:
    """Send a request; the key goes to its own origin only."""
    url, own = request.url, _url(key.origin if key else "")
    is_own = (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)
    if key and is_own:
        # No name for it: a verbose traceback would print what that stands for.
        request.headers["Authorization"] = f"Bearer {key.reveal_to(key.origin)}"
    return transport.handle_request(request)


class Page(NamedTuple):
    """What a GET brought: its JSON without the key, or None if it is none."""

    status: int
    headers: Mapping[str, str]
    json: Any


class Http:
    """Requests with our key, our headers and our limits."""

    def __init__(
        self,
        resolve: Resolver,
        transport: httpx.BaseTransport | None = None,
        stop: CancelToken | None = None,
    ) -> None:
        self._resolve, self._transport, self._stop = resolve, transport, stop
        self._lock = Lock()
        self._opened: httpx.BaseTransport | None = None
        self._of_parent: list[httpx.BaseTransport | None] = []
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
    ) -> closing[httpx.Response]:
        """Send `body`; the response's own body is to be read inside the context."""
        # With `content`, httpx reads body and headers again to add the last two itself.
        request = httpx.Request(
            "POST",
            _url(url),
            headers={
                "Host": _url(url).netloc.decode(),
                **_HEADERS,
                "Content-Type": "application/json",
                **headers,
                "Content-Length": str(len(body)),
            },
            stream=httpx.ByteStream(body),
            extensions={"timeout": timeout.as_dict()},
        )
        return _sent(self._open(), request, key)

    def get(
        self,
        endpoint: Endpoint,
        url: str,
        key: Key | None,
        now_s: float,
        timeout_s: float = 20.0,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """Fetch a page of the service."""
        about = RequestInfo(endpoint, "the page", key, url)
        deadline = Deadline(timeout_s)
        fault: NemotronError
        try:
            limits = deadline.timeout(timeout_s, timeout_s)
            request = httpx.Request(
                "GET",
                url,
                params=params,
                headers={**_HEADERS, **(headers or {})},
                extensions={"timeout": limits.as_dict()},
            )
            with _sent(self._open(), request, key) as response:
                if response.is_success or response.status_code == 304:
                    return _page(response, key)
                fault = error_from_response(response, about, now_s, deadline)
        except FOREIGN as error:
            fault = map_httpx_error(error, about)
        except KeyboardInterrupt:
            why = "" if deadline.is_sent else "nothing was sent"
            fault = InterruptedByUser("stopped by you", why)
        # Raised out here so that it carries no httpx error, which holds the key.
        if isinstance(fault, OutcomeUnknownError):  # a page costs nothing
            what = fault.what.removesuffix("; it may have been billed")
            ids: Any = {"status": fault.status, "request_id": fault.request_id}
            fault = ServiceError(what, fault.why, "Try again later", **ids)
        raise fault

    def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        self._notice_fork()
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _notice_fork(self) -> None:
        """Leave to the parent what is its own: connections, and a lock it may hold."""
        if self._pid != os.getpid():
            self._of_parent.append(self._opened)
            self._opened = None
            self._pid, self._lock = os.getpid(), Lock()

    def _open(self) -> httpx.BaseTransport:
        self._notice_fork()
        with self._lock:  # a panel may ask while a cell does
            if self._opened is None:
                self._opened = self._transport or _Network(self._resolve, self._stop)
            return self._opened


def _page(response: httpx.Response, key: Key | None) -> Page:
    """Read the whole of a page."""
    body = bytearray()
    for data in iter_decompressed(response):
        body += data
        if len(body) > _PAGE_BYTES:
            raise httpx.ReadError(f"more than {_PAGE_BYTES // 2**20} MiB came")
    headers, value = httpx.Headers(without_key_in(response.headers, key)), None
    with suppress(ValueError, RecursionError):
        value = without_key_in(json.loads(body), key)
    return Page(response.status_code, headers, value)
