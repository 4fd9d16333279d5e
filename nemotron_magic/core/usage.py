"""Usage of a call: tokens and cost, as the service reported them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from operator import attrgetter
from typing import Any

from nemotron_magic.core import public
from nemotron_magic.core.loose_json import as_amount, as_dict

CREDITS_PER_USD = 2_000_000
"""https://docs.aimlapi.com/faq/how-can-i-track-my-funds (read 2026-08-21)."""

_MOST_CALL_USD = 1_000.0
"""Ten times what the longest prompt and reply take at the dearest model's price."""


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
        """
        return self._combine(other, lambda own, newer: latest(newer, own))

    def _combine(self, other: Usage, how: Callable[[Any, Any], Any]) -> Usage:
        return Usage(*map(how, _figures(self), _figures(other)))

    @property
    def counts_tokens(self) -> bool:
        """Whether it is known how many tokens were read or written."""
        return (self.prompt_tokens, self.completion_tokens) != (None, None)

    def as_dict(self) -> dict[str, int | float | None]:
        """Return the figures by name, unknown ones as None."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Any) -> Usage:
        """Read what `as_dict` returned; what is no figure becomes None."""
        known = as_dict(saved)
        figures: Any = {f.name: as_amount(known.get(f.name)) for f in fields(cls)}
        return cls(**{**figures, "cost_usd": believed_usd(figures["cost_usd"])})


_figures = attrgetter(*(field.name for field in fields(Usage)))


def believed_usd(cost_usd: float | None) -> float | None:
    """Return what a call is said to cost; None if no call can cost as much."""
    is_believed = cost_usd is not None and 0 <= cost_usd <= _MOST_CALL_USD
    return cost_usd if is_believed else None


def latest(newer: Any, older: Any) -> Any:
    """Return the newer of two figures, unless it is a zero or unknown."""
    return older if newer is None or (older and not newer) else newer


def _sum(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else one + other
