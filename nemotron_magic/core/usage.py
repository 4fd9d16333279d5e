"""Usage of a call: tokens and cost, as the service reported them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from nemotron_magic.core import public
from nemotron_magic.core.loose_json import JsonObject, as_dict, as_number, at_path

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
        return Usage(
            how(self.prompt_tokens, other.prompt_tokens),
            how(self.completion_tokens, other.completion_tokens),
            how(self.reasoning_tokens, other.reasoning_tokens),
            how(self.cached_tokens, other.cached_tokens),
            how(self.cost_usd, other.cost_usd),
        )

    @property
    def counts_tokens(self) -> bool:
        """Whether it is known how many tokens were read or written."""
        return (self.prompt_tokens, self.completion_tokens) != (None, None)

    def as_dict(self) -> dict[str, int | float | None]:
        """Return the figures by name, unknown ones as None."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_dict(cls, saved: Any) -> Usage:
        """Read what `as_dict` returned; what is no figure becomes None."""
        known = as_dict(saved)
        figures: Any = {f.name: _amount(known.get(f.name)) for f in fields(cls)}
        return cls(**{**figures, "cost_usd": believed_usd(figures["cost_usd"])})

    @classmethod
    def from_wire(cls, usage: Any) -> Usage:
        """Read the `usage` of a chunk or completion, of any server."""
        usage = as_dict(usage)
        counts = {name: _count(usage, name) for name in _COUNTS}
        return cls(**counts, cost_usd=_cost_usd(usage))


def believed_usd(cost_usd: float | None) -> float | None:
    """Return what a call is said to cost; None if no call can cost as much."""
    is_believed = cost_usd is not None and 0 <= cost_usd <= _MOST_CALL_USD
    return cost_usd if is_believed else None


_IN = (
    *("prompt_tokens", "input_tokens", "promptTokens", "inputTokens"),
    *("promptTokenCount", "prompt_eval_count", "tokens.input_tokens"),
    *("prompt_token_count", "tokens_evaluated"),
)
_OUT = (
    *("completion_tokens", "output_tokens", "completionTokens", "outputTokens"),
    *("candidatesTokenCount", "generated_tokens", "eval_count"),
    *("tokens.output_tokens", "generation_token_count", "tokens_predicted"),
)
_COUNTS = {
    "prompt_tokens": _IN,
    "completion_tokens": _OUT,
    "reasoning_tokens": (
        *(f"{name}_details.reasoning_tokens" for name in _OUT),
        *("reasoning_tokens", "thoughtsTokenCount"),
    ),
    "cached_tokens": (
        *(f"{name}_details.cached_tokens" for name in _IN),
        *("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"),
        "cachedContentTokenCount",
    ),
}
"""Where a count stands in a report."""

_COSTS = {
    "usd_spent": 1,
    "credits_used": CREDITS_PER_USD,
    **dict.fromkeys(("cost", "cost.total_cost", "total_cost", "cost_usd"), 1),
    **dict.fromkeys(("cost.total", "cost.usd", "estimated_cost"), 1),
    "cost_in_usd_ticks": 10_000_000_000,
}
"""Where a cost stands, and how many of its units are a US dollar."""

_FIRST = {
    name: {place: place.partition(".")[0] for place in places}
    for name, places in (*_COUNTS.items(), ("cost_usd", _COSTS))
}
_STARTS = {name: frozenset(places.values()) for name, places in _FIRST.items()}


def _there(figures: JsonObject, name: str) -> list[str]:
    """Return the places of a figure that may be there: of each row all are looked for.

    Most figures have none: that is the first thing seen.
    """
    if figures.keys().isdisjoint(_STARTS[name]):
        return []
    return [place for place, first in _FIRST[name].items() if first in figures]


def _count(usage: JsonObject, name: str) -> int | None:
    """Return the first count; a zero only if there is no other."""
    found = (_amount(at_path(usage, place)) for place in _there(usage, name))
    counts = [int(one) for one in found if one is not None and one <= _MOST_TOKENS]
    return next(filter(None, counts), 0 if counts else None)


def _cost_usd(figures: JsonObject) -> float | None:
    """Return the first cost that can be believed; a zero only if there is no other.

    A router that used the user's own key at a provider charges nothing itself: what
    the provider took is beside it, or is not known.
    """
    there = _there(figures, "cost_usd")
    found = ((_amount(at_path(figures, place)), _COSTS[place]) for place in there)
    costs = [believed_usd(amount / per) for amount, per in found if amount is not None]
    known = [cost for cost in costs if cost is not None]
    cost_usd = next(filter(None, known), 0.0 if known else None)
    if at_path(figures, "is_byok") is not True:
        return cost_usd
    upstream = _amount(at_path(figures, "cost_details.upstream_inference_cost"))
    return None if upstream is None else believed_usd((cost_usd or 0) + upstream)


def _amount(value: Any) -> float | None:
    """Return a number, also one that is written as a text; None of anything else."""
    amount = as_number(value, from_text=True)
    return None if amount is None or amount < 0 else amount


def _latest(newer: Any, older: Any) -> Any:
    """Return the newer of two figures, unless it is a zero or unknown."""
    return older if newer is None or (older and not newer) else newer


def _sum(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else one + other
