"""Faults that are a status and a body: one row each.

What AI/ML API says for which status follows https://docs.aimlapi.com/
errors-and-messages as of 2026-08-21; it documents no Retry-After, other servers send
one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

from . import bodies
from .bodies import Place, Shape
from .catalogue import MODELS, RETIRED
from .response import Headers, Response, json_response, whole

HTML_TYPE = "text/html; charset=utf-8"
BIG_PAGE_PARAGRAPHS = 110_000
LONG_CHARS = 50_000
BILLING = "https://aimlapi.com/app/billing/"
MODEL_IDS = [model.id for model in MODELS]


def _no_headers() -> Headers:
    return ()


def _in_two_seconds() -> Headers:
    return (("Retry-After", formatdate(time.time() + 2, usegmt=True)),)


def _header(name: str, text: str) -> Callable[[], Headers]:
    def headers() -> Headers:
        return ((name, text),)

    return headers


@dataclass(frozen=True, slots=True)
class Status:
    """A status, its message in a shape, and further headers.

    ``message`` is what is put into the shape; with no shape it is the body itself.
    """

    note: str
    status: int
    message: object
    shape: Shape | None = bodies.shape_a
    headers: Callable[[], Headers] = _no_headers
    content_type: str = HTML_TYPE

    def response(self, place: Place) -> Response:
        """Give the response for a request to this place."""
        if self.shape:
            body = self.shape(self.status, self.message, place)
            return json_response(body, self.status, self.headers())
        content = self.message if isinstance(self.message, bytes) else b""
        return whole(self.status, self.content_type, content, self.headers())


def enum_message(received: str, count: int = 300) -> str:
    """Write the service's complaint about a model, with its long list."""
    names = [*MODEL_IDS, *(f"rehearsal/model-{n:04}" for n in range(count))]
    listed = " | ".join(f"'{name}'" for name in names)
    return f"Invalid enum value. Expected {listed}, received '{received}'"


_CONTEXT = (
    "This model's maximum context length is 128000 tokens. However, your messages "
    "resulted in 200000 tokens. Please reduce the length of the messages. "
    "(context_length_exceeded)"
)
_FORMAT = "Invalid parameter: 'response_format' is not supported with this model."
_ROLE = (
    "Unsupported value: 'messages[0].role' does not support 'system' with this model."
)
_CREDITS = f"You've run out of credits. Please top up your balance at {BILLING}"
_FUNDS = f"You've run out of funds. Please top up your balance at {BILLING}"
_VERIFY = f"Please complete account verification at {BILLING}verification"
_PLAN = "You have exhausted the available [plan.rule:api_token] resource limit"
_HOUR = "Free-tier limit: You've reached your free limit for the hour."
_QUOTA = "You exceeded your current quota. (insufficient_quota)"
_MAINTENANCE = "The model is under maintenance, please contact us at help@aimlapi.com."
_GONE = f"The model '{RETIRED[0]}' has reached its end of life and is not available."
_UNSERVED = "0 endpoints out of 1 requested are available for this model."
_MANY = "Too Many Requests"
_BUDGET = "max_tokens or model output limit was reached"
_LIST = ["messages must be an array", "temperature must not be greater than 2"]

STATUSES: Mapping[str, Status] = {
    "400": Status("A: body validation error", 400, "Body validation error"),
    "400-context": Status("C: the prompt is too long", 400, _CONTEXT, bodies.shape_c),
    "400-format": Status("C: no response_format", 400, _FORMAT, bodies.shape_c),
    "400-role": Status("A: no system role with this model", 400, _ROLE),
    "400-budget": Status(
        "D: reasoning used up max_tokens", 400, _BUDGET, bodies.shape_d
    ),
    "400-model": Status("A: unknown model, all known listed", 400, enum_message("x")),
    "400-long": Status(
        "A: 50 kB of validation text", 400, "Body validation error: " + "x" * LONG_CHARS
    ),
    "400-list": Status("H: message is an array", 400, _LIST, bodies.shape_h),
    "401": Status("A: no valid key", 401, bodies.NO_KEY),
    "401-text": Status(
        "A, statusCode a string", 401, bodies.NO_KEY, bodies.shape_a_text
    ),
    "402": Status(
        "D: insufficient credits", 402, "Insufficient credits", bodies.shape_d
    ),
    "403-credits": Status("A: out of credits", 403, _CREDITS),
    "403-funds": Status("B: out of funds", 403, _FUNDS, bodies.shape_b),
    "403-plan": Status("A: the plan's limit", 403, _PLAN),
    "403-verification": Status("B: account not verified", 403, _VERIFY, bodies.shape_b),
    "403-key": Status("A: this key's limit", 403, "API key spending limit reached"),
    "403-moderation": Status(
        "D: flagged by moderation", 403, "Your input was flagged", bodies.shape_d
    ),
    "403-waf": Status(
        "HTML: blocked at the edge", 403, bodies.page(403, "Forbidden"), None
    ),
    "404-model": Status("D: model not served", 404, _UNSERVED, bodies.shape_d),
    "404-path": Status(
        "H: no such path", 404, "Cannot POST /v1/chat/completions", bodies.shape_h
    ),
    "404-detail": Status("G: not found", 404, "Not Found", bodies.shape_g_text),
    "404-empty": Status("An empty body", 404, b"", None, content_type="text/plain"),
    "408": Status("D: request timeout", 408, "Request timed out", bodies.shape_d),
    "409": Status("C: conflict", 409, "Conflict", bodies.shape_c),
    "410": Status("F: end of life", 410, _GONE, bodies.shape_f),
    "413": Status(
        "HTML: body too large", 413, bodies.page(413, "Request Entity Too Large"), None
    ),
    "422": Status("G: a list of details", 422, "field required", bodies.shape_g),
    "429": Status("A: too many requests, no Retry-After", 429, _MANY),
    "429-after-1": Status(
        "A: Retry-After: 1", 429, _MANY, headers=_header("Retry-After", "1")
    ),
    "429-after-2": Status(
        "A: Retry-After: 2", 429, _MANY, headers=_header("Retry-After", "2")
    ),
    "429-after-0": Status(
        "A: Retry-After: 0", 429, _MANY, headers=_header("Retry-After", "0")
    ),
    "429-ms": Status(
        "A: retry-after-ms: 20", 429, _MANY, headers=_header("retry-after-ms", "20")
    ),
    "429-date": Status(
        "A: Retry-After: a date, two seconds on", 429, _MANY, headers=_in_two_seconds
    ),
    "429-garbage": Status(
        "A: Retry-After: abc", 429, _MANY, headers=_header("Retry-After", "abc")
    ),
    "429-negative": Status(
        "A: Retry-After: -5", 429, _MANY, headers=_header("Retry-After", "-5")
    ),
    "429-nan": Status(
        "A: Retry-After: nan", 429, _MANY, headers=_header("Retry-After", "nan")
    ),
    "429-huge": Status(
        "A: Retry-After: 10^9", 429, _MANY, headers=_header("Retry-After", "1000000000")
    ),
    "429-hour": Status(
        "A: Retry-After: 3600", 429, _MANY, headers=_header("Retry-After", "3600")
    ),
    "429-day": Status(
        "A: Retry-After: 86400", 429, _MANY, headers=_header("Retry-After", "86400")
    ),
    "429-quota": Status("C: insufficient_quota", 429, _QUOTA, bodies.shape_c),
    "429-free": Status("A: hourly limit of the free tier", 429, _HOUR),
    "429-bare": Status("F: no detail", 429, _MANY, bodies.shape_f_bare),
    "429-plain": Status(
        "Plain text of the edge",
        429,
        b"error code: 1015",
        None,
        content_type="text/plain",
    ),
    "500": Status("A: internal server error", 500, "Internal server error"),
    "500-maintenance": Status("A: under maintenance", 500, _MAINTENANCE),
    "500-flat": Status("E: engine died", 500, "engine died", bodies.shape_e),
    "502-html": Status("HTML: bad gateway", 502, bodies.page(502, "Bad gateway"), None),
    "502-big": Status(
        "HTML: 2 MB with a script",
        502,
        bodies.page(502, "Bad gateway", BIG_PAGE_PARAGRAPHS),
        None,
    ),
    "503": Status("A: service unavailable", 503, "Service unavailable"),
    "503-after-1": Status(
        "A: Retry-After: 1",
        503,
        "Service unavailable",
        headers=_header("Retry-After", "1"),
    ),
    "504": Status("A: generation timeout", 504, "Generation timeout"),
    "520-html": Status("HTML: unknown error", 520, bodies.page(520, "Unknown"), None),
    "524-html": Status(
        "HTML: a timeout occurred", 524, bodies.page(524, "A timeout occurred"), None
    ),
    "529": Status("C: overloaded", 529, "Overloaded", bodies.shape_c),
    "json-error-200": Status(
        "D: an error with status 200", 200, "Provider returned error", bodies.shape_d
    ),
    "html-200": Status(
        "HTML with status 200: a captive portal",
        200,
        bodies.page(200, "Log in to the network"),
        None,
    ),
    "empty-200": Status(
        "An empty body with status 200",
        200,
        b"",
        None,
        content_type="text/event-stream",
    ),
    "202": Status("Queued, as NVIDIA's functions are", 202, b"", None),
    "204": Status("No content", 204, b"", None),
}
