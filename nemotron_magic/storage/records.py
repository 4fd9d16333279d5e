"""A call as the ledger records it, and totals of several calls."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import add, attrgetter, neg
from typing import Any

from nemotron_magic.core import public

_LATEST_S = 32_503_680_000.0  # the year 3000: a clock that is set beyond is wrong


def _local_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, 0.0), _LATEST_S), UTC).astimezone()


def local_day(now_s: float) -> str:
    """Return the day of a time where this process runs, such as `2026-08-21`."""
    return f"{_local_time(now_s):%Y-%m-%d}"


@public
@dataclass(frozen=True, slots=True)
class CallRecord:
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
        `truncated`, `damaged`, `interrupted` or `failed`.
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
    tokens_are_estimated : bool
        Whether they were not reported, as it was broken off before.
    day : str
        The day it belongs to, where it was asked, such as `2026-08-21`.
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
    tokens_are_estimated: bool = False
    day: str = ""

    @property
    def started_at(self) -> datetime:
        """When it was asked, in local time."""
        return _local_time(self.started_s)

    @property
    def is_over(self) -> bool:
        """Whether its end was seen."""
        return self.ending != "started"


@public
@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over calls; what is not known of a call is counted, and not taken for 0.

    Attributes
    ----------
    pending : int
        Calls that still run, or whose process died: they may have been billed.
    cached : int
        Calls answered from disk.
    failed, interrupted, retries : int
        Calls that ended so; requests sent again.
    billable, unknown_cost, unknown_tokens : int
        Calls that may have been billed; those of them whose cost is not known; those
        whose tokens are not.
    cost_usd, estimated_usd : float
        All cost that is known; the part of it that is an estimate.
    pending_usd : float
        What calls of unknown or estimated tokens could cost more, at most.
    timed_s, timed_tokens : float, int
        Time and tokens of the calls of which both are known.
    first_text_s, first_texts : float, int
        Time to the first text, and how many calls had one.
    estimated_tokens : int
        Calls whose tokens are an estimate.
    """

    calls: int = 0
    pending: int = 0
    cached: int = 0
    failed: int = 0
    interrupted: int = 0
    retries: int = 0
    billable: int = 0
    unknown_cost: int = 0
    unknown_tokens: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float = 0.0
    estimated_usd: float = 0.0
    pending_usd: float = 0.0
    timed_s: float = 0.0
    timed_tokens: int = 0
    first_text_s: float = 0.0
    first_texts: int = 0
    estimated_tokens: int = 0

    @classmethod
    def of(cls, call: CallRecord) -> Totals:
        """Return the totals of one call; nothing of one that is struck out."""
        if call.is_struck:
            return cls()
        is_unpriced = call.may_cost and call.cost_usd is None
        cost_usd = call.cost_usd or 0.0
        # Nobody knows how much more of a reply was made after it was broken off.
        is_open = is_unpriced or (call.may_cost and call.tokens_are_estimated)
        open_usd = call.most_usd or 0.0
        is_timed = call.may_cost and call.elapsed_s and call.completion_tokens
        return cls(
            calls=1,
            pending=int(not call.is_over),
            cached=int(call.is_cached),
            failed=int(call.ending == "failed"),
            interrupted=int(call.ending == "interrupted"),
            retries=max(call.attempts - 1, 0),
            billable=int(call.may_cost),
            unknown_cost=int(is_unpriced),
            unknown_tokens=int(call.may_cost and call.completion_tokens is None),
            prompt_tokens=call.prompt_tokens or 0,
            completion_tokens=call.completion_tokens or 0,
            reasoning_tokens=call.reasoning_tokens or 0,
            cached_tokens=call.cached_tokens or 0,
            cost_usd=cost_usd,
            estimated_usd=cost_usd if call.cost_is_estimated else 0.0,
            pending_usd=max(open_usd - cost_usd, 0.0) if is_open else 0.0,
            timed_s=(call.elapsed_s or 0.0) if is_timed else 0.0,
            timed_tokens=(call.completion_tokens or 0) if is_timed else 0,
            first_text_s=(call.first_text_s or 0.0) if call.may_cost else 0.0,
            first_texts=int(call.may_cost and call.first_text_s is not None),
            estimated_tokens=int(call.may_cost and call.tokens_are_estimated),
        )

    def __add__(self, other: Totals) -> Totals:
        return Totals(*map(add, self.figures(), other.figures()))

    def __neg__(self) -> Totals:
        return Totals(*map(neg, self.figures()))

    def figures(self) -> tuple[Any, ...]:
        """Return the figures in the order of the fields."""
        return _FIGURES(self)

    @property
    def most_usd(self) -> float:
        """All cost that is known, and the most that the rest could cost."""
        return self.cost_usd + self.pending_usd

    @property
    def mean_first_text_s(self) -> float | None:
        """Mean time to the first text; None if no call had one."""
        return self.first_text_s / self.first_texts if self.first_texts else None

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens received a second, over all calls of which both are known."""
        return self.timed_tokens / self.timed_s if self.timed_s > 0 else None


_FIGURES = attrgetter(*(field.name for field in fields(Totals)))
