"""What a response without success means, and what of it a message may tell."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urljoin, urlsplit

import httpx

from nemotron_magic.client.deadline import Deadline
from nemotron_magic.client.unpack import body_of
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import NemotronError, RequestError
from nemotron_magic.key import Key
from nemotron_magic.refusal import About, Complaint, error_for, is_id
from nemotron_magic.retry import retry_after_s
from nemotron_magic.text import one_line

__all__ = ["about_of", "refusal_of", "request_id_of"]

_ERROR_BODY_BYTES = 256 * 1024
_ERROR_BODY_S = 5.0
"""The status of an error is worth more than a body that is slow to come."""

_REQUEST_IDS = ("x-inference-id", "x-generation-id", "x-request-id", "cf-ray")


def about_of(endpoint: Endpoint, model: str, key: Key | None = None) -> About:
    """Give what error messages may mention."""
    if key is None:
        return About(endpoint, model)
    return About(endpoint, model, key.source, key.redact)


def request_id_of(response: httpx.Response, about: About) -> str | None:
    """Give the service's id of a request, to quote to its support."""
    found = (about.redact(response.headers.get(name, "")) for name in _REQUEST_IDS)
    return next((one for one in found if is_id(one)), None)


def refusal_of(
    response: httpx.Response, about: About, now_s: float, deadline: Deadline
) -> NemotronError:
    """Give the error that a response without success means."""
    deadline.shorten(_ERROR_BODY_S)
    request_id = request_id_of(response, about)
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
    response: httpx.Response, about: About, request_id: str | None
) -> NemotronError:
    location = response.headers.get("location", "")
    target = urlsplit(urljoin(about.endpoint.chat_url, location))
    # Without a user's name, a key and what else may stand in it.
    netloc = target.netloc.rpartition("@")[2]
    where = f"{target.scheme}://{netloc}{target.path}" if location else "nowhere"
    return RequestError(
        f"{about.endpoint.netloc} redirects to {one_line(about.redact(where), 100)}",
        "not followed, because question and key would go there",
        "Is base_url right? %nemotron doctor",
        status=response.status_code,
        request_id=request_id,
        final=True,
    )


def _error_body(response: httpx.Response) -> str:
    """Read what there is of an error's body, of which only the start matters."""
    body = bytearray()
    with suppress(httpx.HTTPError, httpx.StreamError):
        for data in body_of(response):
            body += data
            if len(body) > _ERROR_BODY_BYTES:
                break
    return bytes(body[:_ERROR_BODY_BYTES]).decode("utf-8", "replace")
