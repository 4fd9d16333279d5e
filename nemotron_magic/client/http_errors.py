"""Map HTTP error responses to our errors, by a table with a row for each failure.

What statuses mean: https://docs.aimlapi.com/errors-and-messages and
https://openrouter.ai/docs/errors (read 2026-08-21).
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from nemotron_magic.client.deadline import Deadline
from nemotron_magic.client.error_body import ServiceErrorBody
from nemotron_magic.client.retry import LONGEST_WAIT_S, retry_after_s
from nemotron_magic.client.sse import iter_decompressed
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import (
    ASK_AGAIN,
    AuthenticationError,
    CreditError,
    ModelError,
    NemotronError,
    OutcomeUnknownError,
    RateLimitError,
    RequestError,
    ServiceError,
)
from nemotron_magic.core.parameters import DEFAULT_BASE_URL
from nemotron_magic.core.text import one_line

_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_UNITS = ((172_800, 86_400, "days"), (7200, 3600, "hours"), (0, 60, "minutes"))


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


@dataclass(frozen=True, slots=True)
class _Row:
    """One kind of failure: when it is meant, what it is, what to do."""

    statuses: tuple[int, ...]
    pattern: str
    error: type[NemotronError]
    what: str
    hint: str = ""
    final: bool = True


_AT_AIMLAPI = ": https://aimlapi.com"
_BILLING = "Top up, or raise the key's budget: https://aimlapi.com/app/billing"
_MODELS = "Choose another: %nemotron models, then --model NAME"
_LOGIN = "Give a key: %nemotron login"
_LATER = "Try again later"
_RENEWED = "Wait until it is renewed, or raise the plan"
_MODEL = (
    r"model.{0,80}(not.?(found|exist|valid|supported|avail)|does ?n.t exist|retired"
    r"|unknown|end of life|deprecat|no longer)|no endpoints|endpoints out of"
    r"|unknown.model|invalid.model|no.such.model|function .* not found"
    r"|model.{0,200}enum value|enum value.{0,100}\w/\w|received .?<asked>"
)
_TOO_LONG = (
    r"context.?(length|size|window)|maximum context|(prompt|input|request) is too long"
    r"|too many tokens|exceed\w*.{0,40}context|reduce the length|string_above_max"
    r"|(input|prompt).{0,20}tokens?.{0,30}exceed"
    r"|exceed\w*.{0,40}(input|prompt).{0,9}token"
)
_TOO_MUCH = (
    r"max.?(completion_|output_?|new_)?tokens?\b.{0,80}(too (large|high|big)|must"
    r"|should|exceed|less than|at most|maximum|<=?|up to|greater than)"
    r"|(too large|exceed\w*).{0,40}max_(\w+_)?tokens|output tokens?.{0,30}exceed"
)
_BUDGET = (
    r"(?<!thinking.)(?<!reasoning.)budget(?!.?tokens).{0,60}"
    r"(exceed|reach|exhaust|used up|spent|deplet)"
    r"|(exceed|exhaust|cross|over|insufficient|out of|reached)\w*.{0,40}"
    r"(?<!thinking.)(?<!reasoning.)budget(?!.?tokens)"
    r"|\bno (remaining )?budget|(spend\w*|usage).(limits?|cap).{0,20}(exceed|reach|hit)"
    r"|(exceed|reach|hit)\w*.{0,40}(spend\w*|usage).(limit|cap)"
)
_QUOTA = (
    r"quota\b.{0,60}(exceed|exhaust|used up|reach|deplet|replenish|not enough|failed)"
    r"|(exceed|exhaust|insufficient|out of|reached|\bno)\w*.{0,40}quota(?!increase)"
)
_NO_CREDIT = (
    r"(insufficient|not.enough|no|low|out.of|exhausted|negative).{0,12}"
    r"(balance|credit|funds)|(balance|credit|funds)\w*.{0,20}(insufficient|too low|not"
    r" enough|exhaust|used up|run out)|payment.required|arrearage|余额不足|欠费"
)

_NOT_PASSED_ON = {501, 503, 505, 511, 521, 522, 523, 525, 526, 529, 530}
_PASSED_ON = tuple(sorted({*range(500, 1000)} - _NOT_PASSED_ON))
"""Failures, 500, 502 and 520 among them, behind which a model may have answered."""

# The first row that fits is taken; a row without statuses fits every one. An error in
# mid-stream may name none: its words decide then, as if it were a 400.
_ROWS: tuple[_Row, ...] = (
    _Row((), _BUDGET, CreditError,
         "the budget of the key at {host} is used up{status}",
         "Have it raised, or wait until it is renewed: https://aimlapi.com/app/keys"),
    _Row((400, 402), r"\bafford\b", CreditError, "no credit left at {host}{status}",
         "Top up, or ask for less: --max-tokens {most}"),
    _Row((400, 401, 402, 403, 422, 429, 500), _NO_CREDIT, CreditError,
         "no credit left at {host}{status}", _BILLING),
    _Row((400, 403, 429), _QUOTA, RateLimitError,
         "the quota at {host} is used up{status}", _RENEWED),
    _Row((400,), r"output limit was reached|max_tokens.{0,40}reached", RequestError,
         "the reply did not fit into max_tokens", "Allow more: --max-tokens 16000"),
    _Row((400, 422, 500), _TOO_MUCH, RequestError,
         "{model} does not write as much as was asked for",
         "Ask for less: --max-tokens {most}"),
    _Row((400, 404, 413, 422, 500), _TOO_LONG, RequestError,
         "the question is too long for {model}", "{shorten}"),
    _Row((400, 422), r"stream_options|include_usage", RequestError,
         "{host} does not know stream_options",
         "Type: %config Nemotron.stream_options = None"),
    _Row((400, 422), r"not support 'system'|system.{0,40}role.{0,40}not", RequestError,
         "{model} takes no system message", 'Ask with: --system ""'),
    _Row((404, 405), _MODEL, ModelError, "{host} does not serve {model}{status}",
         _MODELS),
    _Row((404, 405), "", RequestError,
         "{host} knows no such address or model{status}", "Is base_url right? {asked}"),
    _Row((400, 422), _MODEL, ModelError, "{host} does not serve {model}", _MODELS),
    # What a LiteLLM proxy without a database says to a key that is not its own.
    _Row((400,), r"no connected db", AuthenticationError, "{host} {key}{status}",
         _LOGIN),
    _Row((400, 422), "", RequestError, "{host} refused the request{status}",
         "Change what it names; %nemotron -h lists the flags with their ranges"),
    _Row((401,), "", AuthenticationError, "{host} {key}{status}", _LOGIN),
    _Row((402,), "", CreditError, "no credit left at {host}{status}", _BILLING),
    _Row((403,), r"verif", CreditError, "the account is not verified{status}",
         "Verify it: https://aimlapi.com/app/billing/verification"),
    _Row((403,), r"credit|fund|exhausted|subscription|billing|balance|spending",
         CreditError, "no credit left at {host}{status}", _BILLING),
    _Row((403,), r"scope|not permitted|permission|key.{0,40}limit|limit.{0,40}key",
         CreditError, "the key may not do this{status}",
         "Check the key's limits and scopes: https://aimlapi.com/app/keys"),
    _Row((403,), "", RequestError, "{host} blocked the request{status}",
         "Rephrase the question, or check whether a proxy or firewall is in between"),
    _Row((407,), "", RequestError, "the proxy on the way wants a login{status}",
         "Put it into its address: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"),
    _Row((410,), "", ModelError, "{model} is retired at {host}{status}", _MODELS),
    _Row((413, 414), "", RequestError, "the question is too large{status}",
         "Shorten it, or drop earlier turns: %nemotron reset"),
    _Row((429,), r"free.?tier|free limit|free-models|per.?day|credit|billing",
         RateLimitError, "the quota at {host} is used up{status}", _RENEWED),
    _Row((429,), "", RateLimitError, "too many requests at {host}{status}",
         "Wait a little, then ask again", final=False),
    _Row((504, 524), "", OutcomeUnknownError,
         "{host} gave up waiting for the model{status}; it may have been billed",
         ASK_AGAIN),
    _Row((525, 526), "", ServiceError, "{host} is misconfigured{status}", _LATER),
    _Row(_PASSED_ON, "", OutcomeUnknownError,
         "{host} failed{status}; it may have been billed", ASK_AGAIN),
    _Row((), "", ServiceError, "{host} failed{status}", _LATER, final=False),
)  # fmt: skip


_SHORTEN = (
    "Send less: -c none, %config Nemotron.context_tokens = {}, or drop earlier turns "
    "(%nemotron reset); or choose a model that reads more (%nemotron models)"
)
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
    hint = row.hint if about.is_aimlapi else row.hint.partition(_AT_AIMLAPI)[0]
    if wait_s is not None and wait_s > LONGEST_WAIT_S:
        unit_s, unit = next((s, name) for least, s, name in _UNITS if wait_s >= least)
        hint = f"It asks to wait {math.ceil(wait_s / unit_s)} {unit}; ask again then"
    limit = _limit(complaint.message)
    key = about.key and about.key.source
    names = {
        "asked": f"It was asked for {about.page}"
        if about.page
        else f"The question went to {about.endpoint.chat_url}",
        "most": str(limit or 1024),
        "shorten": _SHORTEN.format((limit or 4000) // 2),
        "host": about.host,
        "model": one_line(about.model, 100),
        "status": f" ({status})" if status else "",
        "key": f"does not accept the key from {key}" if key else "wants a key",
    }
    message = about.quote(complaint.message)
    return row.error(
        row.what.format(**names),
        f"it said: {message}" if message else "",
        hint.format(**names),
        status=status or None,
        request_id=_first_id(about, request_id, complaint.request_id),
        retry_after_s=wait_s,
        final=row.final,
    )


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


def _fitting(status: int, complaint: ServiceErrorBody, about: RequestInfo) -> _Row:
    message = f"{complaint.message} {complaint.kind}".strip()
    message = message.replace(about.model or "<asked>", "<asked>")
    if status == 404 and about.is_aimlapi:  # without a word, it is the model
        message = message or "no such model"
    statuses = {status, 0 if status else 400}
    return next(
        row
        for row in _ROWS
        if (not row.statuses or statuses.intersection(row.statuses))
        and (status or row.pattern or not row.statuses)
        and re.search(row.pattern, message, re.IGNORECASE)
    )


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
    return RequestError(
        f"{about.host} redirects to {about.quote(where, 100)}",
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
        for data in iter_decompressed(response):
            body += data
            if len(body) > _ERROR_BODY_BYTES:
                break
    return bytes(body[:_ERROR_BODY_BYTES]).decode("utf-8", "replace")
