"""The connection: one httpx client, made on first use, that shows the key to nobody."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx

from nemotron_magic import __version__
from nemotron_magic.client.border import translate
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import NemotronError, RequestError
from nemotron_magic.key import Key
from nemotron_magic.refusal import Asked, Complaint, error_for, retry_after_s

__all__ = ["FOREIGN", "Http", "asked", "refusal_of", "request_id_of"]

FOREIGN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError)
"""What httpx may raise; a key that cannot be a header is a `ValueError`."""

_ERROR_BODY_BYTES = 256 * 1024


class _Bearer(httpx.Auth):
    """Put the key into requests to its own origin."""

    def __init__(self, key: Key | None) -> None:
        self._key = key

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        url = urlsplit(str(request.url))
        value = self._key and self._key.reveal_to(f"{url.scheme}://{url.netloc}")
        if value:
            request.headers["Authorization"] = f"Bearer {value}"
        yield request

    def __repr__(self) -> str:
        return f"<bearer: {self._key!r}>"


class Http:
    """Requests with our key, our headers and our limits.

    Parameters
    ----------
    transport : httpx.BaseTransport, optional
        In place of the network.
    """

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self.transport = transport
        self._http: httpx.Client | None = None

    def post(
        self,
        url: str,
        body: bytes,
        key: Key | None,
        headers: Mapping[str, str],
        timeout: httpx.Timeout,
    ) -> AbstractContextManager[httpx.Response]:
        """Send `body`; the response's own body is to be read inside the context."""
        return self._client().stream(
            "POST",
            url,
            content=body,
            headers={"Content-Type": "application/json", **headers},
            auth=_Bearer(key),
            timeout=timeout,
        )

    def get(
        self,
        endpoint: Endpoint,
        url: str,
        key: Key | None,
        timeout_s: float,
        now_s: float,
        **more: Any,
    ) -> httpx.Response:
        """Fetch a page of the service.

        Raises
        ------
        NemotronError
            If it cannot be had, whatever the reason; 304 is no error.
        """
        about = asked(endpoint, "the page", key)
        fault: NemotronError
        try:
            auth = _Bearer(key)
            response = self._client().get(url, auth=auth, timeout=timeout_s, **more)
            if response.is_success or response.status_code == 304:
                return response
            fault = refusal_of(response, about, now_s)
        except FOREIGN as error:
            fault = translate(error, about)
        # Raised out here so that it carries no httpx error, which holds the key.
        raise fault

    def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _client(self) -> httpx.Client:
        if self._http is None:
            agent = f"nemotron_magic/{__version__}"
            self._http = httpx.Client(
                transport=self.transport,
                follow_redirects=False,
                headers={"User-Agent": agent},
                # Cells are minutes apart: an old connection is a dead one.
                limits=httpx.Limits(keepalive_expiry=5.0),
            )
        return self._http


def asked(endpoint: Endpoint, model: str, key: Key | None = None) -> Asked:
    """Give what error messages may mention."""
    if key is None:
        return Asked(endpoint, model)
    return Asked(endpoint, model, key.source, key.redact)


def request_id_of(response: httpx.Response) -> str | None:
    """Give the service's id of a request, to quote to its support."""
    names = ("x-inference-id", "x-generation-id")
    found = (str(response.headers[n]) for n in names if n in response.headers)
    return next(found, None)


def refusal_of(response: httpx.Response, about: Asked, now_s: float) -> NemotronError:
    """Give the error that a response without success means."""
    request_id = request_id_of(response)
    if response.is_redirect:
        return _redirected(response, about, request_id)
    return error_for(
        response.status_code,
        Complaint.read(_error_body(response)),
        about,
        request_id=request_id,
        wait_s=retry_after_s(response.headers, now_s),
    )


def _redirected(
    response: httpx.Response, about: Asked, request_id: str | None
) -> NemotronError:
    target = urlsplit(response.headers.get("location", ""))
    where = f"{target.scheme}://{target.hostname or ''}{target.path}".strip(":/")
    return RequestError(
        f"{about.endpoint.netloc} redirects to {where or 'another address'}",
        "not followed, because question and key would go there",
        "If that is right, make it the base_url",
        status=response.status_code,
        request_id=request_id,
        final=True,
    )


def _error_body(response: httpx.Response) -> str:
    """Read what there is of an error's body, of which only the start matters."""
    body = bytearray()
    with suppress(httpx.HTTPError, httpx.StreamError):
        for data in [response.content] if response.is_closed else response.iter_bytes():
            body += data
            if len(body) > _ERROR_BODY_BYTES:
                break
    return bytes(body[:_ERROR_BODY_BYTES]).decode("utf-8", "replace")
