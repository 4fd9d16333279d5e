"""One row of the ledger: all that is known of a call but what was said in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["LATEST_S", "Call"]

LATEST_S = 32_503_680_000.0
"""The year 3000: a clock that is set beyond is wrong."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, however it ended.

    Attributes
    ----------
    number : int
        Its place in the ledger; 0 before it has one.
    started_s : float
        Seconds since 1970.
    session : str
        Which kernel or script it belongs to.
    notebook : str
        Name of the notebook's file, where a front end tells it.
    model, served_model : str
        The one asked, and the one that answered by its own account.
    ending : str
        `started` while it runs, and for good if its process died; then `complete`,
        `truncated`, `interrupted` or `failed`.
    error : str
        Name of the error's class; empty if there was none.
    attempts : int
        How many requests went out.
    may_cost : bool
        Whether the service may bill it.
    is_cached : bool
        Whether the reply came from disk, so that nothing was asked.
    cost_usd : float or None
        None if it is not known.
    cost_is_estimated : bool
        Whether it is by the catalogue's prices and not by the service's own word.
    most_usd : float or None
        What it could cost at most, by the estimate made before it was sent.
    elapsed_s, first_text_s : float or None
        Seconds from the question to the end, and to the first text.
    question, answer : str or None
        Only kept with the setting `log_text`.
    is_struck : bool
        Whether the user has struck it out: it counts in no sum.
    """

    number: int = 0
    started_s: float = 0.0
    session: str = ""
    notebook: str = ""
    thread: str = ""
    endpoint: str = ""
    model: str = ""
    served_model: str = ""
    ending: str = "started"
    error: str = ""
    finish_reason: str | None = None
    attempts: int = 0
    may_cost: bool = True
    is_cached: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    cost_is_estimated: bool = False
    most_usd: float | None = None
    elapsed_s: float | None = None
    first_text_s: float | None = None
    request_id: str | None = None
    client_request_id: str = ""
    completion_id: str = ""
    request_hash: str = ""
    question: str | None = None
    answer: str | None = None
    is_struck: bool = False

    @property
    def started_at(self) -> datetime:
        """When it was asked, UTC."""
        seconds = min(max(self.started_s, 0.0), LATEST_S)
        return datetime.fromtimestamp(seconds, UTC)

    @property
    def day(self) -> str:
        """The day it belongs to, UTC, such as `2026-08-21`."""
        return self.started_at.strftime("%Y-%m-%d")

    @property
    def is_over(self) -> bool:
        """Whether its end was seen."""
        return self.ending != "started"
