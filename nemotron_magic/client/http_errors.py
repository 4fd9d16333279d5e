"""Map HTTP error responses to our errors, and decide whether a call is retried.

What a failure means is in the rows of failures.toml. Only what cannot have been billed
is repeated without asking: a request that was not sent, or that the service refused.
See `errors.OutcomeUnknownError` for the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from nemotron_magic.client import table
from nemotron_magic.client.deadline import Deadline
from nemotron_magic.client.error_body import ServiceErrorBody
from nemotron_magic.client.sse import iter_decompressed
from nemotron_magic.core import errors
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import (
    ConnectError,
    NemotronError,
    RateLimitError,
    ServiceError,
)
from nemotron_magic.core.parameters import DEFAULT_BASE_URL
from nemotron_magic.core.text import one_line

_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_UNITS = ((172_800, 86_400, "days"), (7200, 3600, "hours"), (0, 60, "minutes"))
LONGEST_WAIT_S = 60.0
"""Longest wait a service may ask for; a notebook must not seem dead."""

_RETRIES = 2
_FIRST_WAIT_S = 0.5
_BACKOFF_CAP_S = 8.0
_REFUSED = frozenset({408, 429, 503, 521, 522, 523, 529, 530})
"""Statuses of a request that was turned away before any model had it."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What an error message may mention of the request."""

    endpoint: Endpoint
    model: str
    key: Key | None = None
    page: str = ""

    @property
    def host(self) -> str:
        """What the user calls the service."""
        return self.endpoint.netloc

    @property
    def is_aimlapi(self) -> bool:
        """Whether the service is the AI/ML API, whose advice we know."""
        return self.endpoint.origin == Endpoint.read(DEFAULT_BASE_URL).origin

    def redact(self, text: str) -> str:
        """Return `text` without the key."""
        return self.key.redact(text) if self.key else text

    def quote(self, text: str, longest: int = 300) -> str:
        """Return a text of the service's as one line without the key."""
        return one_line(self.redact(text), longest)

    def failure(self, case: str, said: str = "", **names: Any) -> NemotronError:
        """Return the error of a case of failures.toml, with these names in its text."""
        row = next(row for row in _rows(case) if row["pattern"].search(said))
        return self.failure_of(row, **names)

    def failure_of(self, row: Mapping[str, Any], **names: Any) -> NemotronError:
        """Return the error that a row of failures.toml tells."""
        names = {
            "host": self.host,
            "name": self.endpoint.host,
            "model": one_line(self.model, 100),
            "why": "",
            **names,
        }
        what, hint = row["what"].format(**names), row["hint"].format(**names)
        why = row.get("why", "{why}").format(**names)
        kind: type[NemotronError] = getattr(errors, row["error"])
        return kind(what, why, hint, final=row.get("final", True))


@cache
def _rows(case: str) -> list[dict[str, Any]]:
    failures = table("failures.toml")
    for row in failures[case]:
        said = "|".join(failures["words"].get(row.get("says"), ()))
        row["pattern"] = re.compile(said, re.IGNORECASE)
        row["hint"] = failures["hints"].get(row["hint"], row["hint"])
    return list(failures[case])


_AT_AIMLAPI = ": https://aimlapi.com"


_DIFFERENCE = re.compile(r"(\d+) - (\d+)")
_FIGURE = r"(?<![\w.-])(\d{1,3}(?:,\d{3})+|\d{2,9})(?!\w)"
_LIMIT = re.compile(
    r"(?i)(?:maximum|at most|limit|<=?|less than|up to|supports|length|window|size)"
    rf"[^\d]{{0,40}}?{_FIGURE}"
)


def error_for(
    status: int,
    complaint: ServiceErrorBody,
    about: RequestInfo,
    *,
    request_id: str | None = None,
    wait_s: float | None = None,
) -> NemotronError:
    """Return the error that tells the user what this failure means."""
    row = _fitting(status, complaint, about)
    if wait_s is not None and wait_s > LONGEST_WAIT_S:
        unit_s, unit = next((s, name) for least, s, name in _UNITS if wait_s >= least)
        hint = f"It asks to wait {math.ceil(wait_s / unit_s)} {unit}; ask again then"
        row = {**row, "hint": hint}
    elif not about.is_aimlapi:
        row = {**row, "hint": row["hint"].partition(_AT_AIMLAPI)[0]}
    limit, message = _limit(complaint.message), about.quote(complaint.message)
    key = about.key and about.key.source
    error = about.failure_of(
        row,
        why=f"it said: {message}" if message else "",
        status=f" ({status})" if status else "",
        key=f"does not accept the key from {key}" if key else "wants a key",
        most=limit or 1024,
        half=(limit or 4000) // 2,
        asked=f"It was asked for {about.page}"
        if about.page
        else f"The question went to {about.endpoint.chat_url}",
    )
    error.status, error.retry_after_s = status or None, wait_s
    error.request_id = _first_id(about, request_id, complaint.request_id)
    return error


def _limit(message: str) -> int | None:
    """Return the limit that a refusal names, else the smallest of its figures.

    >>> _limit("max_tokens must be <= 4,096. Given: 5000")
    4096
    """
    if found := _DIFFERENCE.search(message):
        return int(found[1]) - int(found[2])
    named = re.findall(rf"afford\D{{0,20}}{_FIGURE}", message)[:1]
    named = named or _LIMIT.findall(message) or re.findall(_FIGURE, message)
    return min((int(one.replace(",", "")) for one in named), default=None)


def _first_id(about: RequestInfo, *texts: str | None) -> str | None:
    """Return the first id that can be quoted, and is nothing worse."""
    return next((x for x in texts if x and _ID.fullmatch(about.redact(x))), None)


def _fitting(
    status: int, complaint: ServiceErrorBody, about: RequestInfo
) -> dict[str, Any]:
    message = f"{complaint.message} {complaint.kind}".strip()
    message = message.replace(about.model or "<asked>", "<asked>")
    if status == 404 and about.is_aimlapi:  # without a word, it is the model
        message = message or "no such model"
    rows = (row for row in _rows("status") if _is_for(row, status))
    return next(row for row in rows if row["pattern"].search(message))


def _is_for(row: dict[str, Any], status: int) -> bool:
    statuses = row.get("statuses")
    if not statuses:
        return bool(status >= row.get("least", 0))
    return status in statuses or (not status and "says" in row and 400 in statuses)


_ERROR_BODY_BYTES = 256 * 1024
_ERROR_BODY_S = 5.0
"""The status of an error is worth more than a body that is slow to come."""

_REQUEST_IDS = ("x-inference-id", "x-generation-id", "x-request-id", "cf-ray")


def request_id_of(response: httpx.Response, about: RequestInfo) -> str | None:
    """Return the service's id of a request, to quote to its support."""
    return _first_id(about, *map(response.headers.get, _REQUEST_IDS))


def error_from_response(
    response: httpx.Response, about: RequestInfo, now_s: float, deadline: Deadline
) -> NemotronError:
    """Return the error that a response without success means."""
    deadline.shorten(_ERROR_BODY_S)
    request_id = request_id_of(response, about)
    if not response.is_redirect:
        return error_for(
            response.status_code,
            ServiceErrorBody.read(_error_body(response)),
            about,
            request_id=request_id,
            wait_s=retry_after_s(response.headers, now_s),
        )
    location, where = response.headers.get("location", ""), "nowhere"
    with suppress(ValueError):  # such as: "Invalid IPv6 URL"
        target = urlsplit(urljoin(about.endpoint.chat_url, location))
        # Without a user's name, a key and what else may stand in it.
        netloc = target.netloc.rpartition("@")[2]
        where = f"{target.scheme}://{netloc}{target.path}" if location else where
    error = about.failure("redirect", where=about.quote(where, 100))
    error.status, error.request_id = response.status_code, request_id
    return error


def _error_body(response: httpx.Response) -> str:
    """Read what there is of an error's body, of which only the start matters."""
    body = bytearray()
    with suppress(httpx.HTTPError, httpx.StreamError):
        for data in iter_decompressed(response):
            body += data
            if len(body) > _ERROR_BODY_BYTES:
                break
    return bytes(body[:_ERROR_BODY_BYTES]).decode("utf-8", "replace")


def retries_allowed(error: NemotronError) -> int:
    """Return how often a call that failed like this may be tried again."""
    if error.final:
        return 0
    is_refused = isinstance(error, RateLimitError | ServiceError)
    is_refused = is_refused and error.status in _REFUSED
    return _RETRIES if is_refused or isinstance(error, ConnectError) else 0


def delay_s(
    error: NemotronError, attempt: int, uniform: Callable[[float, float], float]
) -> float | None:
    """Return the wait before the next try in seconds; None if there is to be none.

    What the service asked for is obeyed, never shortened; where it asked for nothing,
    the wait is random up to a bound that doubles ("full jitter",
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
    """
    if attempt > retries_allowed(error):
        return None
    if error.retry_after_s is not None:
        return error.retry_after_s if error.retry_after_s <= LONGEST_WAIT_S else None
    return uniform(0, min(_BACKOFF_CAP_S, _FIRST_WAIT_S * 2**attempt))


_WAITS = {"retry-after-ms": 0.001, "retry-after": 1.0, "x-ratelimit-reset": 1.0}


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Return the wait that a response asks for, in seconds, or None.

    `now_s` only counts where there is no `Date`: a wrong local clock does no harm.
    """
    now_s = _date_s(headers.get("date", "")) or now_s
    waits = (_wait_s(headers.get(name, ""), s, now_s) for name, s in _WAITS.items())
    return next(filter(None, waits), None)


def _wait_s(text: str, unit_s: float, now_s: float) -> float | None:
    try:
        wait_s = float(text) * unit_s
        if wait_s > 1e9:  # a moment, in seconds or milliseconds since 1970
            wait_s = (wait_s / 1000 if wait_s > 1e11 else wait_s) - now_s
    except ValueError:
        wait_s = _date_s(text) - now_s
    return wait_s if 0 < wait_s < math.inf else None


def _date_s(text: str) -> float:
    """Return the moment of a date in seconds since 1970; 0 of what is none."""
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return 0
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
