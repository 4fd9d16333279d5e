"""Decide whether a failed call is retried, and after what delay.

Only what cannot have been billed is repeated without asking: a request that was not
sent, or that the service refused. See `errors.OutcomeUnknownError` for the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from nemotron_magic.core.errors import (
    ConnectError,
    NemotronError,
    RateLimitError,
    ServiceError,
)

LONGEST_WAIT_S = 60.0
"""Longest wait a service may ask for; a notebook must not seem dead."""

_RETRIES = 2
_FIRST_WAIT_S = 0.5
_BACKOFF_CAP_S = 8.0
_REFUSED = frozenset({408, 429, 503, 521, 522, 523, 529, 530})
"""Statuses of a request that was turned away before any model had it."""


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


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Return the wait that a response asks for, in seconds, or None.

    `now_s` only counts where there is no `Date`: a wrong local clock does no harm.
    """
    now_s = _date_s(headers.get("date", "")) or now_s
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        wait_s = _wait_s(headers.get(name, ""), unit_s, now_s)
        if wait_s is not None:
            return wait_s
    return _wait_s(headers.get("x-ratelimit-reset", ""), 1.0, now_s)


def _wait_s(text: str, unit_s: float, now_s: float) -> float | None:
    try:
        wait_s = float(text) * unit_s
    except ValueError:
        date_s = _date_s(text)
        return None if date_s is None else _positive(date_s - now_s)
    if wait_s > 1e9:  # a moment, in seconds or milliseconds since 1970, and no wait
        wait_s = (wait_s / 1000 if wait_s > 1e11 else wait_s) - now_s
    return _positive(wait_s)


def _positive(wait_s: float) -> float | None:
    return wait_s if 0 < wait_s < math.inf else None


def _date_s(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
