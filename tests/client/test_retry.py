"""What is tried again, how often, and after what wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import AIMLAPI

from nemotron_magic.client.http_errors import (
    LONGEST_WAIT_S,
    RequestInfo,
    ServiceErrorBody,
    delay_s,
    error_for,
    retries_allowed,
    retry_after_s,
)
from nemotron_magic.core.errors import (
    ConnectError,
    InputError,
    InterruptedByUser,
    NemotronError,
    OutcomeUnknownError,
)

ASKED = RequestInfo(AIMLAPI, "m")


def high(low: float, high: float) -> float:
    return high


def refused(
    status: int, message: str = "", wait_s: float | None = None
) -> NemotronError:
    return error_for(status, ServiceErrorBody(message), ASKED, wait_s=wait_s)


@pytest.mark.parametrize(
    ("retries", "statuses"),
    [
        (2, (408, 429, 503, 521, 522, 523, 529, 530)),
        (0, (400, 401, 402, 403, 404, 409, 410, 413, 422, 501, 504, 524, 525, 526)),
        (0, (500, 502, 507, 520, 527, 598, 599, 600, 999)),
    ],
)
def test_only_what_cannot_have_been_billed_is_repeated(
    retries: int, statuses: tuple[int, ...]
) -> None:
    assert {retries_allowed(refused(status)) for status in statuses} == {retries}


@pytest.mark.parametrize(
    ("error", "retries"),
    [
        (ConnectError("cannot connect"), 2),
        (ConnectError("no such host", final=True), 0),
        (OutcomeUnknownError("lost"), 0),
        (InterruptedByUser("stopped"), 0),
        (InputError("bad"), 0),
        (refused(429, "insufficient_quota"), 0),
        (NemotronError("?"), 0),
    ],
)
def test_each_kind_of_error_has_its_number(error: NemotronError, retries: int) -> None:
    assert retries_allowed(error) == retries


def test_the_bound_of_the_wait_doubles() -> None:
    error = refused(429)

    assert [delay_s(error, n, high) for n in (1, 2, 3)] == [1.0, 2.0, None]


def test_the_wait_is_drawn_from_nought_on() -> None:
    drawn: list[tuple[float, float]] = []
    delay_s(refused(503), 1, lambda *limits: drawn.append(limits) or 0.0)

    assert drawn == [(0, 1.0)]


@pytest.mark.parametrize(
    ("asked_s", "wait_s"), [(2.0, 2.0), (LONGEST_WAIT_S, 60.0), (60.1, None)]
)
def test_a_wait_asked_for_is_obeyed_or_refused(
    asked_s: float, wait_s: float | None
) -> None:
    assert delay_s(refused(429, wait_s=asked_s), 1, high) == wait_s


NOW_S = 1_700_000_000.0
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "2"}, 2),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 +0000"}, 30),
        ({"retry-after": "Tuesday, 14-Nov-23 22:13:50 GMT"}, 30),
        ({"retry-after": "Tue, 14 Nov 2023 22:12:00 GMT"}, None),
        ({"retry-after": DATE, "date": "Tue, 14 Nov 2023 22:13:15 GMT"}, 5),
        ({"retry-after": "7", "date": "Tue, 14 Nov 1999 00:00:00 GMT"}, 7),
        ({"retry-after": str(int(NOW_S) + 40)}, 40),
        ({"retry-after": str((int(NOW_S) + 40) * 1000)}, 40),
        ({"x-ratelimit-reset": "12"}, 12),
        ({"x-ratelimit-reset": str(int(NOW_S) + 12)}, 12),
        ({"x-ratelimit-reset": "6m0s"}, None),
        ({"retry-after": "86400"}, 86_400),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": "abc"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_every_form_of_a_wait_is_read(
    headers: dict[str, str], wait_s: float | None
) -> None:
    assert retry_after_s(headers, NOW_S) == wait_s


HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset", "date"]),
    st.text(max_size=20)
    | st.floats().map(str)
    | st.just("Mon, 1 Jan 0001 0:0:0 +9999"),
)


@given(HEADERS)
def test_no_header_breaks_the_wait(headers: dict[str, str]) -> None:
    wait_s = retry_after_s(headers, NOW_S)

    assert wait_s is None or 0 < wait_s < float("inf")
