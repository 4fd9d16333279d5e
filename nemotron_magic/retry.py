"""When a failed call is tried again, and after how long.

Only what cannot have been billed is repeated without asking: a request that was not
sent, or that the service refused. See `errors.OutcomeUnknown` for the others.
"""

from __future__ import annotations

from collections.abc import Callable

from nemotron_magic.errors import (
    ConnectionFailed,
    NemotronError,
    RateLimitError,
    ServiceError,
)

__all__ = ["LONGEST_WAIT_S", "delay_s", "retries_allowed"]

LONGEST_WAIT_S = 60.0
"""Longest wait a service may ask for; a notebook must not seem dead."""

_FIRST_WAIT_S = 0.5
_BACKOFF_CAP_S = 8.0
_REFUSED = frozenset({408, 429, 503, 529})
_FAILED = frozenset({500, 502, 520, 521, 522, 523, 530})


def retries_allowed(error: NemotronError) -> int:
    """Give how often a call that failed like this may be tried again."""
    if error.final:
        return 0
    if isinstance(error, ConnectionFailed):
        return 2
    if isinstance(error, RateLimitError | ServiceError):
        return 2 if error.status in _REFUSED else int(error.status in _FAILED)
    return 0


def delay_s(
    error: NemotronError, attempt: int, uniform: Callable[[float, float], float]
) -> float | None:
    """Give the wait before the next try in seconds; None if there is to be none.

    What the service asked for is obeyed, never shortened; where it asked for nothing,
    the wait is random up to a bound that doubles ("full jitter",
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).

    Parameters
    ----------
    attempt : int
        How many tries have failed, from 1.
    uniform : callable
        Gives a random number between its two arguments.
    """
    if attempt > retries_allowed(error):
        return None
    if error.retry_after_s is not None:
        return error.retry_after_s if error.retry_after_s <= LONGEST_WAIT_S else None
    return uniform(0, min(_BACKOFF_CAP_S, _FIRST_WAIT_S * 2**attempt))
