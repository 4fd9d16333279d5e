"""Every shape of error and every status: one class, three lines, one way on."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import AIMLAPI, ELSEWHERE, KEY

from nemotron_magic.client.http_errors import RequestInfo, ServiceErrorBody, error_for
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import (
    AuthenticationError,
    CreditError,
    ModelError,
    NemotronError,
    OutcomeUnknownError,
    RateLimitError,
    RequestError,
    ServiceError,
)

MODEL = "nvidia/some-nemotron"
HERE = RequestInfo(AIMLAPI, MODEL, Key("k" * 9, AIMLAPI.origin, "AIMLAPI_API_KEY"))
THERE = RequestInfo(ELSEWHERE, MODEL)


def refused(status: int, message: str, asked: RequestInfo = HERE) -> NemotronError:
    return error_for(status, ServiceErrorBody(message), asked)


SHAPES: dict[str, tuple[Any, str, int | None]] = {
    "A": ({"requestId": "r-1", "statusCode": 401, "message": "no key"}, "no key", 401),
    "A, a text": ({"statusCode": "429", "message": "slow"}, "slow", 429),
    "B": ({"title": "No", "status": 403, "message": "no funds"}, "no funds", 403),
    "C": ({"error": {"message": "died", "type": "x", "code": 500}}, "died", 500),
    "C, a text": ({"error": {"message": "died", "code": "500"}}, "died", 500),
    "C, a word": ({"error": {"message": "died", "code": "bad_key"}}, "died", None),
    "D": ({"error": {"code": 402, "message": "pay"}, "user_id": "u"}, "pay", 402),
    "D, handed on": (
        {"error": {"message": "Provider returned error", "code": 429,
                   "metadata": {"raw": "m is busy upstream", "provider_name": "P"}}},
        "Provider returned error: m is busy upstream", 429),
    "D, handed on as JSON": (
        {"error": {"message": "Provider returned error", "code": 400,
                   "metadata": {"raw": '{"error": {"message": "no such tool"}}'}}},
        "Provider returned error: no such tool", 400),
    "D, handed on as it is": (
        {"error": {"message": "slow", "metadata": {"raw": {"detail": "very"}}}},
        "slow: very", None),
    "D, handed on and repeated": (
        {"error": {"message": "slow", "metadata": {"raw": "it said: slow"}}},
        "slow", None),
    "D, handed on with nothing": (
        {"error": {"message": "slow", "metadata": {"raw": None}}}, "slow", None),
    "E": ({"object": "error", "message": "died", "code": 400}, "died", 400),
    "F": ({"type": "about:blank", "title": "Gone", "status": 410, "detail": "it ended"},
          "it ended", 410),
    "F, bare": ({"status": 429, "title": "Too Many"}, "Too Many", 429),
    "G": ({"detail": "Not Found"}, "Not Found", None),
    "G, a list": (
        {"detail": [{"loc": ["body", "messages", 0], "msg": "field required"}]},
        "body.messages.0: field required", None),
    "H": ({"statusCode": 404, "message": "Cannot POST /x", "error": "Not Found"},
          "Cannot POST /x", 404),
    "H, a list": ({"statusCode": 400, "message": ["a", "b"]}, "a; b", 400),
    "a text": ("it broke", "it broke", None),
    "an error that is a text": ({"error": "it broke"}, "it broke", None),
    "an empty error": ({"error": {}}, "", None),
    "a place that is no list": ({"detail": [{"loc": 7, "msg": "bad"}]}, "bad", None),
    "an inner message that is an object": (
        {"error": {"message": {"message": "deep"}}}, "deep", None),
    "I, a list of one": (
        [{"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}],
        "bad", 400),
    "J": ({"base_resp": {"status_code": 1008, "status_msg": "no money"}},
          "no money", None),
    "K": ({"error_code": 336003, "error_msg": "too few"}, "too few", None),
    "K, words": ({"error_type": "validation", "error_message": "odd"}, "odd", None),
    "L": ({"success": False, "errors": [{"code": 7, "message": "bad"}]}, "bad", None),
    "TGI": ({"error": "odd", "error_type": "validation"}, "odd", None),
    "nothing": ({}, "", None),
    "null": (None, "", None),
    "a number": (7, "", None),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_body_is_read(shape: str) -> None:
    body, message, status = SHAPES[shape]

    for complaint in (
        ServiceErrorBody.of(body),
        ServiceErrorBody.read(json.dumps(body)),
    ):
        assert (complaint.message, complaint.status) == (message, status)


def test_the_id_of_a_request_is_read_from_the_body() -> None:
    assert ServiceErrorBody.of(SHAPES["A"][0]).request_id == "r-1"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("error code: 1015", "error code: 1015"),
        ("", ""),
        ("<html><head><title>502 | Bad</title></head><p>x</p>", "502 | Bad"),
        ("  <p>Please <b>wait</b></p>", "Please wait"),
        ("<script>alert('x')</script>Wait<style>p{}</style>", "Wait"),
        ("<title>&lt;script&gt;</title>", "script"),
        ('{"message": "<!doctype html><title>Bad</title>"}', "Bad"),
        ('{"message": "must be <= 4096. Given: 5000"}', "must be <= 4096. Given: 5000"),
        ('{"detail": "expected <int>, got \'a\'"}', "expected <int>, got 'a'"),
        ('{"error": "<|endoftext|> at 7"}', "<|endoftext|> at 7"),
        ("n must be < 5 and > 3", "n must be < 5 and > 3"),
        ("<5 tokens are left", "<5 tokens are left"),
        ("<|im_end|> is not allowed", "<|im_end|> is not allowed"),
        ("<model> must be set", "<model> must be set"),
        ('{"errors": ["a < b", "b > c"]}', "a < b; b > c"),
        ("<Error><Message>5 &lt; 7</Message></Error>", "5 7"),
        ("[" * 100_000, "[" * 19_999 + "…"),
        ("\x1b[31mred\x1b[0m\r\n\tand\x07 more", "red and more"),
    ],
)
def test_a_body_that_is_no_json_is_put_into_words(body: str, message: str) -> None:
    assert ServiceErrorBody.read(body).message in (message, message.replace("…", "["))


ROWS: list[tuple[int, str, type[NemotronError], str, str]] = [
    (400, "Body validation error", RequestError, "refused the request (400)", "-h"),
    (422, "field required", RequestError, "refused the request (422)", "-h"),
    (400, "'messages[0].role' does not support 'system' with this model.",
     RequestError, "takes no system message", '--system ""'),
    (400, "max_tokens or model output limit was reached", RequestError,
     "did not fit into max_tokens", "--max-tokens 16000"),
    (400, "This model's maximum context length is 8192 tokens", RequestError,
     "too long for", "%nemotron reset"),
    (400, "the request exceeds the available context size", RequestError,
     "too long for", "-c none"),
    (500, "context_length_exceeded", RequestError, "too long for", "-c none"),
    (400, "Invalid enum value. Expected 'a/b' | 'c/d', received 'x'", ModelError,
     "does not serve", "%nemotron models"),
    (400, f"Invalid value, received '{MODEL}'", ModelError, "does not serve", "models"),
    (400, f"{MODEL} is not a valid model ID: invalid model", ModelError, "", "models"),
    (400, "This model does not support tools", RequestError, "refused", "-h"),
    (400, "No connected db.", AuthenticationError, "does not accept the key", "login"),
    (401, "This request requires a valid API key.", AuthenticationError,
     "does not accept the key from AIMLAPI_API_KEY (401)", "%nemotron login"),
    (400, "Budget has been exceeded! Current cost: 0.2, Max budget: 0.1", CreditError,
     "the budget of the key at", "Have it raised"),
    (429, "ExceededBudget: User over budget", CreditError, "budget", "raised"),
    (422, "Crossed budget: exceeded the team budget", CreditError, "budget", "raised"),
    (401, "Authentication Error, ExceededTokenBudget: Current spend for token: 7.2; "
     "Max Budget for Token: 2e-07", CreditError, "budget of the key", "renewed"),
    (503, "budget exceeded for tenant", CreditError, "budget of the key", "raised"),
    (429, "Monthly spend limit exceeded", CreditError, "budget", "raised"),
    (400, "You have reached your specified API usage limits", CreditError, "budget",
     "raised"),
    (403, "pre-consumed quota failed, user quota: 0", RateLimitError, "quota",
     "renewed"),
    (412, "Usage limits exceeded for this API key", CreditError, "budget", "raised"),
    (429, "No deployments available - crossed budget for provider", CreditError,
     "the budget of the key", "raised"),
    (400, "thinking.budget_tokens exceeds the allowed 1024", RequestError, "refused",
     "-h"),
    (400, "The thinking budget exceeds what this model may use", RequestError,
     "refused", "-h"),
    (402, "This request requires more credits, or fewer max_tokens. You requested up "
     "to 4096 tokens, but can only afford 1,200.", CreditError, "no credit left",
     "--max-tokens 1200"),
    (403, "Out of call volume quota. Quota will be replenished in 12:23:14.",
     RateLimitError, "quota", "renewed"),
    (400, "Token quota exceeded for this user", RateLimitError, "quota", "renewed"),
    (429, "You have exceeded the token rate limit of your pricing tier. Please retry "
     "after 6 seconds. To raise it: https://example.org/quotaincrease", RateLimitError,
     "too many requests", "Wait a little"),
    (429, "AI token rate limit exceeded for provider(s): openai", RateLimitError,
     "too many requests", "Wait a little"),
    (429, "Your account has insufficient balance, please recharge", CreditError,
     "no credit left", "Top up"),
    (500, "insufficient balance (1008)", CreditError, "no credit left", "Top up"),
    (400, "Please reduce the length of the messages.", RequestError,
     "too long for", "%config Nemotron.context_tokens ="),
    (400, "The input token count (40000) exceeds the maximum number of tokens allowed "
     "(32768).", RequestError, "too long for", "context_tokens = 16384"),
    (400, "maximum context length is 2048 tokens. You requested 3000 tokens (2900 in "
     "the messages, 100 in the completion).", RequestError, "too long", "= 1024,"),
    (400, "max_tokens is too large: 5000. This model supports at most 4096 completion "
     "tokens", RequestError, "does not write as much", "--max-tokens 4096"),
    (422, "max_tokens: must be <= 4096. Given: 5000", RequestError,
     "does not write as much", "--max-tokens 4096"),
    (400, "max_tokens: 100000 > 8192, which is the maximum allowed number of output "
     "tokens for claude-3", RequestError, "does not write", "--max-tokens 8192"),
    (400, "Range of max_tokens should be [1, 8192]", RequestError,
     "does not write as much", "--max-tokens 8192"),
    (400, "max_tokens must be in the range 1 - 4096", RequestError,
     "does not write as much", "--max-tokens 4096"),
    (400, f"max_tokens must be at most 4096, got {'9' * 20} - 1", RequestError,
     "does not write as much", "--max-tokens 4096"),
    (400, "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's "
     "maximum context length is 4096 tokens and your request has 1000 input tokens "
     "(5000 > 4096 - 1000).", RequestError, "does not write", "--max-tokens 3096"),
    (422, "extra fields not permitted: stream_options", RequestError,
     "does not know stream_options", "%config Nemotron.stream_options = None"),
    (402, "Insufficient credits", CreditError, "no credit left", "Top up"),
    (403, "You've run out of credits.", CreditError, "no credit left", "app/billing"),
    (403, "You've run out of funds.", CreditError, "no credit left", "app/billing"),
    (403, "You have exhausted the available [plan.rule:api_token] resource limit",
     CreditError, "no credit left", "app/billing"),
    (403, "Get AI/ML Subscription to use API", CreditError, "no credit", "app/billing"),
    (403, "Please complete account verification", CreditError, "not verified",
     "billing/verification"),
    (403, "API key limit reached", CreditError, "the key may not", "app/keys"),
    (403, "endpoint not permitted", CreditError, "the key may not", "app/keys"),
    (403, "Your input was flagged", RequestError, "blocked the request", "Rephrase"),
    (403, "", RequestError, "blocked the request", "firewall"),
    (404, "", ModelError, "does not serve", "%nemotron models"),
    (404, "0 endpoints out of 1 requested are available", ModelError, "", "models"),
    (404, "The model `x` does not exist.", ModelError, "does not serve", "models"),
    (404, "Cannot POST /v1/foo", RequestError, "no such address", "base_url"),
    (404, "Not Found", RequestError, "no such address", "base_url"),
    (405, "", RequestError, "no such address", "base_url"),
    (405, "Method Not Allowed", RequestError, "(405)", "chat/completions"),
    (408, "Request timed out", ServiceError, "failed (408)", "later"),
    (409, "Conflict", ServiceError, "failed (409)", "later"),
    (410, "reached its end of life", ModelError, "is retired", "models"),
    (413, "", RequestError, "too large (413)", "Shorten"),
    (414, "", RequestError, "too large (414)", "Shorten"),
    (429, "Too Many Requests", RateLimitError, "too many requests", "Wait a little"),
    (429, "insufficient_quota", RateLimitError, "quota", "renewed"),
    (429, "Free-tier limit: You've reached your free limit for the hour.",
     RateLimitError, "quota", "renewed"),
    (429, "free-models-per-day", RateLimitError, "quota", "renewed"),
    (500, "Internal server error", OutcomeUnknownError,
     "failed (500); it may have been billed", "Ask again"),
    (502, "Bad Gateway", OutcomeUnknownError, "may have been billed", "Ask again"),
    (503, "Service unavailable", ServiceError, "failed (503)", "later"),
    (504, "Generation timeout", OutcomeUnknownError,
     "may have been billed", "Ask again"),
    (520, "", OutcomeUnknownError, "may have been billed", "Ask again"),
    (522, "", ServiceError, "failed (522)", "later"),
    (524, "", OutcomeUnknownError, "may have been billed", "Ask again"),
    (525, "", ServiceError, "misconfigured (525)", "later"),
    (527, "", OutcomeUnknownError, "may have been billed", "Ask again"),
    (529, "Overloaded", ServiceError, "failed (529)", "later"),
    (418, "teapot", ServiceError, "failed (418)", "later"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "said", "kind", "what", "hint"),
    ROWS,
    ids=[f"{r[0]} {r[1][:30]}" for r in ROWS],
)
def test_every_status_has_its_meaning_and_its_way_on(
    status: int, said: str, kind: type[NemotronError], what: str, hint: str
) -> None:
    error = refused(status, said)

    assert type(error) is kind
    assert what in error.what
    assert hint in error.hint
    assert said in error.why
    assert error.status == status


KINDS: list[tuple[int, Any, type[NemotronError]]] = [
    (
        400,
        {"error": {"message": "no", "code": "context_length_exceeded"}},
        RequestError,
    ),
    (404, {"error": {"message": "no", "code": "model_not_found"}}, ModelError),
    (400, {"error": {"message": "no", "type": "model_not_found"}}, ModelError),
    (400, {"error": {"message": "no", "type": "budget_exceeded"}}, CreditError),
    (400, {"error_code": "invalid_model", "error_msg": "no"}, ModelError),
]


@pytest.mark.parametrize(("status", "body", "kind"), KINDS)
def test_a_kind_that_a_body_names_counts_as_its_words(
    status: int, body: Any, kind: type[NemotronError]
) -> None:
    error = error_for(status, ServiceErrorBody.of(body), THERE)

    assert (type(error), error.why) == (kind, "it said: no")
    assert "refused" not in error.what


@pytest.mark.parametrize("status", [402, 403, 401])
def test_advice_for_one_service_is_not_given_for_another(status: int) -> None:
    assert "aimlapi" not in str(refused(status, "verify your credit", THERE))


def test_a_service_that_got_no_key_wants_one() -> None:
    error = refused(401, "", RequestInfo(ELSEWHERE, MODEL))

    assert error.what == "models.example.org wants a key (401)"


def test_elsewhere_a_bare_404_may_be_the_address() -> None:
    error = refused(404, "", THERE)

    assert type(error) is RequestError
    assert "https://models.example.org/v1/chat/completions" in error.hint


@pytest.mark.parametrize(
    ("wait_s", "words"),
    [
        (61, "2 minutes"),
        (3600, "60 minutes"),
        (7200, "2 hours"),
        (86_400, "24 hours"),
        (200_000, "3 days"),
    ],
)
def test_a_long_wait_is_told_and_never_shortened(wait_s: float, words: str) -> None:
    error = error_for(429, ServiceErrorBody("x"), HERE, wait_s=wait_s)

    assert error.hint == f"It asks to wait {words}; ask again then"


NASTY = st.sampled_from(
    [
        KEY,
        "<script>",
        "<html>",
        "\n",
        "\x1b[31m",
        "\x07",
        "\u202e",
        "{what}",
        "%s",
        "x" * 999,
    ]
)
MESSAGES = st.lists(NASTY | st.text(max_size=8), max_size=8).map("".join)
SHAPED = st.one_of(
    MESSAGES,
    MESSAGES.map(lambda m: json.dumps({"error": {"message": m, "code": 400}})),
    MESSAGES.map(lambda m: json.dumps({"message": [m, m], "requestId": m})),
    MESSAGES.map(lambda m: json.dumps({"detail": [{"loc": [m], "msg": m}]})),
    MESSAGES.map(lambda m: f"<html><title>{m}</title>{m}"),
)


@given(SHAPED, st.sampled_from([0, 400, 401, 403, 404, 429, 500, 504]), MESSAGES)
def test_no_service_can_spoil_a_message(body: str, status: int, sent_id: str) -> None:
    key = Key(KEY, AIMLAPI.origin, "AIMLAPI_API_KEY")
    asked = RequestInfo(AIMLAPI, "a\nmodel", key)

    error = error_for(status, ServiceErrorBody.read(body), asked, request_id=sent_id)
    shown = str(error)

    assert KEY not in shown
    assert len(shown.splitlines()) <= 3
    assert len(shown) < 900
    assert not any(c in shown for c in "\x1b\x07\u202e\r")
    is_page = body.lstrip().startswith("<")
    assert not is_page or not re.search("<script>|<html>", shown)


def test_a_key_cannot_hide_behind_the_end_of_a_message() -> None:
    key = Key(KEY, "https://a.example", "X")
    asked = RequestInfo(Endpoint.read("https://a.example"), "m", key)
    for length in range(250, 310):
        error = error_for(400, ServiceErrorBody("x" * length + KEY), asked)

        assert KEY[:6] not in str(error)
