"""Map error responses to our errors, and decide whether a call is retried.

What a service says of a failure is read in any of the shapes that services use:
https://docs.aimlapi.com/errors-and-messages, https://openrouter.ai/docs/errors (read
2026-08-21), and the sources of vLLM, llama.cpp and LiteLLM. What it means is in the
rows of failures.toml. Only what cannot have been billed is repeated without asking: a
request that was not sent, or that the service refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from nemotron_magic.client import names_in, table
from nemotron_magic.client.deadline import Deadline
from nemotron_magic.client.sse import iter_decompressed
from nemotron_magic.core import errors
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.loose_json import as_dict, as_list, as_objects, as_text
from nemotron_magic.core.parameters import DEFAULT_BASE_URL
from nemotron_magic.core.text import one_line

_LONGEST = 20_000
_DEEPEST = 6
_PAGE = re.compile(r"(?i)\s*<(!doctype|html)\b")
_MARKUP = re.compile(
    r"(?is)\s*<([!?]|(html|head|body|title|center|p|h\d)\b|.*(</\w|/>|<(script|html)\b))"
    r"|\s*<(script|style)\b"
)


@dataclass(frozen=True, slots=True)
class ServiceErrorBody:
    """A service's words about a failure."""

    message: str = ""
    status: int | None = None
    request_id: str = ""
    is_html: bool = False
    kind: str = ""

    @classmethod
    def read(cls, body: str) -> ServiceErrorBody:
        """Read the body of a failed response, whatever it is."""
        try:
            return cls.of(json.loads(body, strict=False))
        except (ValueError, RecursionError):
            return cls._of_text(body, bool(_MARKUP.match(body[:_LONGEST])))

    @classmethod
    def in_reply(cls, chunk: Mapping[str, Any]) -> ServiceErrorBody | None:
        """Read what a chunk, or a completion, says of a failure; None if nothing."""
        within = (*as_objects(chunk.get("choices")), as_dict(chunk.get("response")))
        for place in (chunk, *within):
            for name in ("error", "errors", "base_resp", "error_code", "error_message"):
                if not _is_benign(place.get(name)):
                    is_list = name in ("errors", "base_resp")
                    return cls.of({name: place[name]} if is_list else place)
        is_fault = chunk.get("choices") is None and _is_fault(chunk)
        return cls.of(chunk) if is_fault else None

    @classmethod
    def of(cls, value: Any) -> ServiceErrorBody:
        """Read a JSON value in any of the shapes that services use."""
        if isinstance(value, list) and "error" in as_dict((value or [None])[0]):
            value = value[0]
        if not isinstance(value, dict):
            return cls._of_text(_words(value))
        details = _details(value)
        message, upstream = _message_in(details), _upstream_words(details)
        if not message or message not in upstream:
            message = ": ".join(words for words in (message, upstream) if words)
        codes = [str(details.get(name)) for name in _CODES]
        kinds = [as_text(details.get(name)) for name in (*_KINDS, *_CODES)]
        return replace(
            cls._of_text(message),
            status=next((int(v) for v in codes if re.fullmatch(r"[45]\d\d", v)), None),
            request_id=str(details.get("requestId") or details.get("request_id") or ""),
            kind=" ".join(one_line(kind, 100) for kind in kinds if kind),
        )

    @classmethod
    def _of_text(cls, text: str, is_html: bool = False) -> ServiceErrorBody:
        """Read a text; only what came as a page of its own is markup."""
        text = text[:_LONGEST]
        if not is_html and not _PAGE.match(text):
            return cls(one_line(text, _LONGEST))
        title = re.search(r"(?is)<title[^>]*>(.*?)</title", text)
        shown = re.sub(r"(?is)<(script|style)\b.*?(</\1|$)", " ", text)
        words = title[1] if title else re.sub(r"<[^>]*>?", " ", shown)
        return cls(one_line(re.sub("[<>]", "", unescape(words)), 200), is_html=True)


_NAMES = names_in("error")
_CODES, _KINDS = _NAMES["codes"], _NAMES["kinds"]
_BENIGN = frozenset(
    {"", "0", "200", "none", "null", "false", "ok", "success", "succeeded", "no error"}
)
_BAD_NEWS = re.compile(r"error|fail|invalid|denied|exceed|time.?out|unavail|not found")


def _is_benign(value: Any) -> bool:
    """Return whether a value says that nothing went wrong."""
    if isinstance(value, dict):
        is_coded = any(value.get(name) is not None for name in _CODES)
        said = " ".join(_words(value.get(name)) for name in _NAMES["messages"])
        if is_coded and not _BAD_NEWS.search(said.casefold().replace("no error", "")):
            return all(_is_benign(value.get(name)) for name in (*_CODES, *_KINDS))
        return all(map(_is_benign, value.values()))
    if isinstance(value, list):
        return all(map(_is_benign, value))
    return str(value or "").strip().casefold() in _BENIGN


def _is_fault(chunk: Mapping[str, Any]) -> bool:
    """Return whether a chunk without choices is an error as a whole."""
    if "error" in (chunk.get("object"), chunk.get("type")):
        return True
    if isinstance(chunk.get("message"), dict):
        return False
    names = {name for name in chunk if not _is_benign(chunk[name])}
    says = names & {"message", "msg", "detail", "title", "err_msg", "errmsg"}
    is_coded = bool(names & {*_CODES} and says) or chunk.get("success") is False
    return is_coded or isinstance(chunk.get("detail"), str | list)


def _details(value: Any) -> dict[str, Any]:
    """Return what a body says of a failure, its parts' words before its own."""
    details = dict(as_dict(value))
    for name in _NAMES["parts"]:
        part = details.get(name)
        part = next(iter(as_objects(part)), part) if name == "errors" else part
        details |= as_dict(part)
    return details


def _message_in(details: dict[str, Any]) -> str:
    said = (details.get(name) for name in _NAMES["messages"])
    return next((words for v in said if (words := _words(v))), "")


def _upstream_words(details: dict[str, Any]) -> str:
    """Return what a router's provider said; the router's own words only hint at it."""
    value = as_dict(details.get("metadata")).get("raw")
    with suppress(ValueError, RecursionError):
        value = json.loads(value) if isinstance(value, str) else value
    return _message_in(_details(value)) or _words(value)


def _words(value: Any, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and depth < _DEEPEST:
        return "; ".join(words for v in value if (words := _words(v, depth + 1)))
    if isinstance(value, dict) and depth < _DEEPEST:
        where = ".".join(map(str, as_list(value.get("loc") or value.get("path"))))
        said = next((value[k] for k in ("msg", "message") if k in value), "")
        said = _words(said, depth + 1)
        return f"{where}: {said}" if where and said else said
    return ""


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

    def failure(
        self, case: str, said: str = "", status: int = 0, hint: str = "", **names: Any
    ) -> NemotronError:
        """Return the error of a case of failures.toml, with these names in its text."""
        fitting = (row for row in _rows(case) if _is_for(row, status))
        row = next(row for row in fitting if row["pattern"].search(said))
        key = self.key and self.key.source
        page = f"It was asked for {self.page}"
        asked = page if self.page else f"The question went to {self.endpoint.chat_url}"
        names = {
            "host": self.host,
            "name": self.endpoint.host,
            "model": one_line(self.model, 100),
            "key": f"does not accept the key from {key}" if key else "wants a key",
            "asked": asked,
            "status": f" ({status})" if status else "",
            "why": "",
            **names,
        }
        hint = hint or row["hint"].format(**names)
        kind: type[NemotronError] = getattr(errors, row["error"])
        return kind(
            row["what"].format(**names),
            row.get("why", "{why}").format(**names),
            hint if self.is_aimlapi else hint.partition(": https://aimlapi.com")[0],
            status=status or None,
            final=row.get("final", True),
        )


@cache
def _rows(case: str) -> list[dict[str, Any]]:
    failures = table("failures.toml")
    for row in failures[case]:
        said = "|".join(failures["words"].get(row.get("says"), ()))
        row["pattern"] = re.compile(said, re.IGNORECASE)
        row["hint"] = failures["hints"].get(row["hint"], row["hint"])
    return list(failures[case])


def _is_for(row: dict[str, Any], status: int) -> bool:
    statuses = row.get("statuses")
    if not statuses:
        return bool(status >= row.get("least", 0))
    return status in statuses or (not status and "says" in row and 400 in statuses)


_DIFFERENCE = re.compile(r"(?<!\d)(\d{1,9}) - (\d{1,9})(?!\d)")
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
    said = f"{complaint.message} {complaint.kind}".strip()
    said = said.replace(about.model or "<asked>", "<asked>")
    if status == 404 and about.is_aimlapi:  # without a word, it is the model
        said = said or "no such model"
    hint = ""
    if wait_s is not None and wait_s > LONGEST_WAIT_S:
        unit_s, unit = next((s, name) for least, s, name in _UNITS if wait_s >= least)
        hint = f"It asks to wait {math.ceil(wait_s / unit_s)} {unit}; ask again then"
    limit, message = _limit(complaint.message), about.quote(complaint.message)
    why = f"it said: {message}" if message else ""
    most, half = limit or 1024, (limit or 4000) // 2
    error = about.failure("status", said, status, hint, why=why, most=most, half=half)
    error.request_id = _first_id(about, request_id, complaint.request_id)
    error.retry_after_s = wait_s
    return error


def _limit(message: str) -> int | None:
    """Return the limit that a refusal names, else the smallest of its figures.

    >>> _limit("max_tokens must be <= 4,096. Given: 5000")
    4096
    """
    found = _DIFFERENCE.search(message)
    if found and (left := int(found[1]) - int(found[2])) > 0:  # else it is a range
        return left
    named = re.findall(rf"afford\D{{0,20}}{_FIGURE}", message)[:1]
    named = named or _LIMIT.findall(message) or re.findall(_FIGURE, message)
    return min((int(one.replace(",", "")) for one in named), default=None)


def _first_id(about: RequestInfo, *texts: str | None) -> str | None:
    """Return the first id that can be quoted, and is nothing worse."""
    return next((x for x in texts if x and _ID.fullmatch(about.redact(x))), None)


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
    where, status = about.quote(where, 100), response.status_code
    error = about.failure("redirect", status=status, where=where)
    error.request_id = request_id
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
    by_service = isinstance(error, errors.RateLimitError | errors.ServiceError)
    is_refused = by_service and error.status in _REFUSED
    is_early = is_refused or isinstance(error, errors.ConnectError)
    return _RETRIES if is_early and not error.final else 0


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
