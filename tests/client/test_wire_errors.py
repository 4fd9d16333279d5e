"""What a service may say when it fails.

Each test's docstring begins with the number of its case.
"""

from __future__ import annotations

from typing import Any

import pytest
from wire import LIVE, event, hear, say

from nemotron_magic.core.errors import (
    AuthenticationError,
    CreditError,
    ModelError,
    OutcomeUnknownError,
    RateLimitError,
    RequestError,
    ServiceError,
)
from nemotron_magic.display.reply import notices


@pytest.mark.parametrize(
    ("case", "fault", "words"),
    [
        (38, "error-openrouter", "Provider disconnected unexpectedly"),
        (39, "error-openai", "engine died"),
        (39, "error-openai-done", "engine died"),
        (40, "error-vllm-old", "engine died"),
        (41, "error-llamacpp-old", "exceeds the available context size"),
        (42, "error-aimlapi", "Service unavailable"),
        (43, "error-named-event", "Rate limit exceeded"),
        (43, "error-string", "it broke"),
        (43, "error-litellm", "litellm.APIError"),
    ],
)
def test_an_error_in_mid_stream_keeps_the_text_and_is_not_retried(
    ask: Any, case: int, fault: str, words: str
) -> None:
    """Cases 38 to 43."""
    told = ask("rehearsal: say Hello, world!", fault=fault)

    assert told.error is not None
    assert words in told.error.why
    assert told.text == "Hello, w"
    assert told.reply.metadata.ending == "failed"
    assert told.asked == 1


def test_an_error_that_is_null_is_none(ask: Any) -> None:
    """Case 43."""
    assert ask("rehearsal: say Hello", fault="error-null").text == "Hello"


def test_text_held_back_for_a_tag_is_given_before_the_error() -> None:
    """Case 38."""
    heard = hear(say("<thi"), event({"error": {"message": "died"}}))

    assert str(heard.reply) == "<thi"
    assert heard.error is not None


def test_an_error_with_status_200_is_no_empty_answer(ask: Any) -> None:
    """Case 44."""
    told = ask(fault="json-error-200")

    assert "Provider returned error" in told.error.why
    assert told.asked == 1


def test_a_whole_completion_in_place_of_a_stream_is_used(ask: Any) -> None:
    """Case 45."""
    told = ask("rehearsal: say Hello", dialect="json-instead")

    assert told.text == "Hello"
    assert told.reply.cost_usd is not None


def test_a_stream_in_place_of_a_completion_is_used(ask: Any) -> None:
    """Case 46."""
    told = ask(
        "rehearsal: say Hello", dialect="sse-instead", settings={"stream": False}
    )

    assert told.text == "Hello"


@pytest.mark.parametrize("stream", [True, False])
def test_created_is_success(ask: Any, stream: bool) -> None:
    """Case 47."""
    told = ask("rehearsal: say Hello", status=201, settings={"stream": stream})

    assert told.text == "Hello"


@pytest.mark.parametrize("fault", ["204", "202", "empty-200"])
def test_an_empty_success_is_an_error(ask: Any, fault: str) -> None:
    """Case 47."""
    told = ask(fault=fault)

    assert isinstance(told.error, OutcomeUnknownError)
    assert "sent an empty reply" in told.error.what
    assert told.asked == 1


@pytest.mark.parametrize(
    "fault",
    ["400", "400-long", "400-list", "401-text", "402", "403-funds", "404-detail",
     "404-path", "410", "413", "422", "429-bare", "429-plain", "500-flat", "502-big",
     "520-html", "html-200"],
)  # fmt: skip
def test_every_shape_of_error_becomes_three_plain_lines(ask: Any, fault: str) -> None:
    """Case 48."""
    message = str(ask(fault=fault).error)

    assert len(message.splitlines()) <= 3
    assert len(message) < 700
    assert "<" not in message
    assert "alert(" not in message


def test_a_list_of_messages_is_joined(ask: Any) -> None:
    """Case 48."""
    why = ask(fault="400-list").error.why

    assert "must be an array; temperature must not" in why


ADVICE = {
    "401": (AuthenticationError, "%nemotron login"),
    "402": (CreditError, "Top up"),
    "403-credits": (CreditError, "Top up"),
    "403-plan": (CreditError, "Top up"),
    "403-verification": (CreditError, "Verify it"),
    "403-key": (CreditError, "Have it raised"),
    "403-moderation": (RequestError, "Rephrase"),
    "404-model": (ModelError, "Live here: nvidia/nemotron"),
    "404-path": (RequestError, "Is base_url right?"),
    "410": (ModelError, "Live here: nvidia/nemotron"),
    "400": (RequestError, "-h lists the flags"),
    "400-context": (RequestError, "-c none"),
    "400-role": (RequestError, '--system ""'),
    "400-budget": (RequestError, "--max-tokens"),
    "400-model": (ModelError, "Live here: nvidia/nemotron"),
    "413": (RequestError, "Shorten it"),
    "429-quota": (RateLimitError, "renewed"),
    "429-free": (RateLimitError, "renewed"),
}


@pytest.mark.parametrize("fault", ADVICE)
def test_each_refusal_has_its_own_advice_and_is_not_repeated(
    ask: Any, fault: str
) -> None:
    """Case 49."""
    kind, advice = ADVICE[fault]

    told = ask(fault=fault, settings={"model": LIVE})

    assert type(told.error) is kind
    assert advice in told.error.hint
    assert (told.asked, told.retries) == (1, [])


def test_too_many_requests_are_repeated_twice_at_most(ask: Any) -> None:
    """Case 49."""
    told = ask(fault="429")

    assert isinstance(told.error, RateLimitError)
    assert told.asked == 3


@pytest.mark.parametrize(
    ("fault", "waits_s"),
    [
        ("429-after-2", [2.0, 2.0]),
        ("429", [1.0, 2.0]),
        ("429-nan", [1.0, 2.0]),
        ("429-negative", [1.0, 2.0]),
        ("429-garbage", [1.0, 2.0]),
        ("429-day", []),
        ("429-huge", []),
    ],
)
def test_the_wait_that_is_asked_for_is_kept_or_refused(
    ask: Any, fault: str, waits_s: list[float]
) -> None:
    """Case 50."""
    told = ask(fault=fault)

    assert told.waits_s == waits_s


def test_a_date_to_wait_for_is_kept(ask: Any) -> None:
    """Case 50."""
    told = ask(fault="429-date", fault_times=1)

    assert 0 < told.waits_s[0] <= 2
    assert told.reply is not None


def test_a_wait_of_a_day_is_told(ask: Any) -> None:
    """Case 50."""
    assert ask(fault="429-day").error.hint.startswith("It asks to wait 24 hours")


@pytest.mark.parametrize("fault", ["503", "408", "529"])
def test_a_failure_then_success_is_shown_once_and_told(ask: Any, fault: str) -> None:
    """Case 51."""
    told = ask("rehearsal: say Hello", fault=fault, fault_times=1)

    assert told.text == "Hello"
    assert told.reply.metadata.attempts == 2
    assert "asked again" in notices(told.reply)[0]


@pytest.mark.parametrize("fault", ["503", "408", "529"])
def test_a_failure_that_stays_is_repeated_only_so_often(ask: Any, fault: str) -> None:
    """Case 51."""
    told = ask(fault=fault)

    assert isinstance(told.error, ServiceError)
    assert told.asked == 3


@pytest.mark.parametrize(
    "fault", ["500", "500-flat", "502-html", "502-big", "504", "520-html", "524-html"]
)
def test_what_failed_behind_a_gateway_may_have_cost_and_is_not_repeated(
    ask: Any, fault: str
) -> None:
    """Case 51; the design is stricter than the case."""
    told = ask(fault=fault)

    assert isinstance(told.error, OutcomeUnknownError)
    assert "may have been billed" in told.error.what
    assert told.asked == 1


def test_the_body_of_a_refused_stream_is_read(ask: Any) -> None:
    """Case 52."""
    told = ask(fault="500-maintenance", slice=7)

    assert "The model is under maintenance" in told.error.why
    assert told.error.request_id.startswith("rehearsal")
