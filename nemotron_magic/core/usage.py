"""Usage of a call: tokens and cost, as the service reported them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

from nemotron_magic.core import public
from nemotron_magic.core.loose_json import JsonObject, as_dict, as_number

__all__ = [
    "CREDITS_PER_USD",
    "Usage",
    "believed_usd",
]


CREDITS_PER_USD = 2_000_000
"""https://docs.aimlapi.com/faq/how-can-i-track-my-funds (read 2026-08-21)."""

_MOST_CALL_USD = 1_000.0
"""Ten times what the longest prompt and reply take at the dearest model's price."""

_MOST_TOKENS = 1_000_000_000
"""A thousand times what any model reads or writes in one call."""


@public
@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and cost of one call, or of several added up.

    A figure that is not known is None, never 0. Adding keeps what is known: the sum of
    a known and an unknown figure is the known one, so a total is a lower bound.

    Attributes
    ----------
    reasoning_tokens : int or None
        Part of `completion_tokens`.
    cached_tokens : int or None
        Part of `prompt_tokens`.
    cost_usd : float or None
        What the service said it charged, in US dollars.

    Examples
    --------
    >>> Usage(3, 4) + Usage(1, 1, cost_usd=0.5)
    Usage(prompt_tokens=4, completion_tokens=5, reasoning_tokens=None, \
cached_tokens=None, cost_usd=0.5)
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None

    def __add__(self, other: Usage) -> Usage:
        return self._combine(other, _sum)

    def updated(self, other: Usage) -> Usage:
        """Return these figures, with those that `other` knows in their place.

        A stream may report usage several times, each report replacing the one before,
        but for the zeros of services that end each stream with an empty report.

        >>> Usage(39_320, 26).updated(Usage(0, 30))
        Usage(prompt_tokens=39320, completion_tokens=30, reasoning_tokens=None, \
cached_tokens=None, cost_usd=None)
        """
        return self._combine(other, lambda own, newer: _latest(newer, own))

    def _combine(self, other: Usage, how: Callable[[Any, Any], Any]) -> Usage:
        names = [f.name for f in fields(Usage)]
        return Usage(*(how(getattr(self, n), getattr(other, n)) for n in names))

    def as_dict(self) -> dict[str, int | float | None]:
        """Return the figures by name, unknown ones as None."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_dict(cls, saved: Any) -> Usage:
        """Read what `as_dict` gave; what is no figure is not known."""
        known = as_dict(saved)
        figures: dict[str, Any] = {
            f.name: _amount(known.get(f.name)) for f in fields(cls)
        }
        return cls(**{**figures, "cost_usd": believed_usd(figures["cost_usd"])})

    @classmethod
    def from_wire(cls, usage: Any, meta: Any = None) -> Usage:
        """Read the `usage` and `meta` objects of a chunk or completion, of any server.

        Parameters
        ----------
        usage : Any
            `{prompt_tokens, completion_tokens, …_details}` or the same by other names;
            a cost may stand beside them, under any of several names.
        meta : Any
            `{usage: {usd_spent, credits_used}}` of the AI/ML API.
        """
        usage = as_dict(usage)
        sent, received = _first(usage, _IN), _first(usage, _OUT)
        reasoning = _first(_details_of(usage, _OUT), ("reasoning_tokens",))
        cached = _first(_details_of(usage, _IN), ("cached_tokens",))
        return cls(
            sent,
            received,
            _first(usage, _REASONING) if reasoning is None else reasoning,
            _first(usage, _CACHED) if cached is None else cached,
            _latest(_cost_usd(as_dict(meta).get("usage")), _cost_usd(usage)),
        )


def believed_usd(cost_usd: float | None) -> float | None:
    """Return what a call is said to cost; None if no call can cost as much.

    One such figure would use up every budget.

    >>> believed_usd(0.5), believed_usd(9.9e14)
    (0.5, None)
    """
    is_believed = cost_usd is not None and 0 <= cost_usd <= _MOST_CALL_USD
    return cost_usd if is_believed else None


_IN = (
    *("prompt_tokens", "input_tokens", "promptTokens", "inputTokens"),
    *("promptTokenCount", "prompt_eval_count"),
)
_OUT = (
    *("completion_tokens", "output_tokens", "completionTokens", "outputTokens"),
    *("candidatesTokenCount", "generated_tokens", "eval_count"),
)
_REASONING = ("reasoning_tokens", "thoughtsTokenCount")
_CACHED = (
    *("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"),
    "cachedContentTokenCount",
)
_COSTS = (
    *(("usd_spent", 1), ("credits_used", CREDITS_PER_USD)),
    *(("cost", 1), ("total_cost", 1), ("cost_usd", 1), ("estimated_cost", 1)),
    ("cost_in_usd_ticks", 10_000_000_000),
)
"""Where a cost stands, and how many of its units are a US dollar."""


def _cost_usd(figures: Any) -> float | None:
    """Return the first cost that can be believed, but for a zero where there is more.

    A router that used the user's own key at a provider charges nothing itself: what
    the provider took is beside it, or is not known.
    """
    figures = as_dict(figures)
    cost_usd: float | None = None
    for name, per_usd in _COSTS:
        value = figures.get(name)
        amount = _amount(as_dict(value).get("total_cost", value))
        if amount is not None:
            cost_usd = _latest(cost_usd, believed_usd(amount / per_usd))
    upstream = _amount(as_dict(figures.get("cost_details")).get(_UPSTREAM))
    if figures.get("is_byok") is True:
        return None if upstream is None else believed_usd((cost_usd or 0) + upstream)
    return cost_usd


_UPSTREAM = "upstream_inference_cost"


def _first(figures: JsonObject, names: tuple[str, ...]) -> int | None:
    """Return the first count that stands under one of these names."""
    count: int | None = None
    for name in names:
        count = _latest(count, _count(figures.get(name)))
    return count


def _details_of(usage: JsonObject, names: tuple[str, ...]) -> JsonObject:
    found = [as_dict(usage.get(f"{name}_details")) for name in names]
    return {name: value for one in reversed(found) for name, value in one.items()}


def _count(value: Any) -> int | None:
    amount = _amount(value)
    return None if amount is None or amount > _MOST_TOKENS else int(amount)


def _amount(value: Any) -> float | None:
    """Return a number, also one that is written as a text; None of anything else."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    amount = as_number(value)
    return None if amount is None or amount < 0 else amount


def _latest(newer: Any, older: Any) -> Any:
    """Return the newer of two figures, but for a zero where there was more."""
    return older if newer is None or (older and not newer) else newer


def _sum(one: Any, other: Any) -> Any:
    known = [figure for figure in (one, other) if figure is not None]
    return sum(known) if known else None
