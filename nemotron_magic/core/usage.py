"""Usage of a call: tokens and cost, as the service reported them."""

from __future__ import annotations

from collections.abc import Callable
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
            `{prompt_tokens, completion_tokens, …_details}`, or the same with `input`
            and `output` in place of the first words; OpenRouter adds `cost`.
        meta : Any
            `{usage: {usd_spent, credits_used}}` of the AI/ML API.
        """
        usage = as_dict(usage)
        received, sent = (_direction(usage, names) for names in (_OUT, _IN))
        return cls(
            sent[0],
            received[0],
            _count(received[1].get("reasoning_tokens")),
            _count(sent[1].get("cached_tokens")),
            _latest(_cost_usd(meta), believed_usd(_amount(usage.get("cost")))),
        )


def believed_usd(cost_usd: float | None) -> float | None:
    """Return what a call is said to cost; None if no call can cost as much.

    One such figure would use up every budget.

    >>> believed_usd(0.5), believed_usd(9.9e14)
    (0.5, None)
    """
    is_believed = cost_usd is not None and 0 <= cost_usd <= _MOST_CALL_USD
    return cost_usd if is_believed else None


def _cost_usd(meta: Any) -> float | None:
    spent = as_dict(as_dict(meta).get("usage"))
    credits_used = _amount(spent.get("credits_used"))
    from_credits = None if credits_used is None else credits_used / CREDITS_PER_USD
    usd_spent = _amount(spent.get("usd_spent"))
    cost_usd: float | None = _latest(
        believed_usd(usd_spent), believed_usd(from_credits)
    )
    return cost_usd


_IN = ("prompt_tokens", "input_tokens")
_OUT = ("completion_tokens", "output_tokens")


def _direction(
    usage: JsonObject, names: tuple[str, str]
) -> tuple[int | None, JsonObject]:
    """Return the tokens of one direction by either of its names, and their details."""
    first, second = (_count(usage.get(name)) for name in names)
    details = [as_dict(usage.get(f"{name}_details")) for name in names]
    return _latest(first, second), {**details[1], **details[0]}


def _count(value: Any) -> int | None:
    amount = _amount(value)
    return None if amount is None or amount > _MOST_TOKENS else int(amount)


def _amount(value: Any) -> float | None:
    amount = as_number(value)
    return None if amount is None or amount < 0 else amount


def _latest(newer: Any, older: Any) -> Any:
    """Return the newer of two figures, but for a zero where there was more."""
    return older if newer is None or (older and not newer) else newer


def _sum(one: Any, other: Any) -> Any:
    known = [figure for figure in (one, other) if figure is not None]
    return sum(known) if known else None
