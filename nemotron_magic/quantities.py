"""Quantities in words, as people read them: so many turns, tokens and dollars."""

from __future__ import annotations

import re

from nemotron_magic.usage import Usage

__all__ = ["cost_told", "in_usd", "plural", "sent_and_received", "tokens_told"]


def plural(number: int, noun: str, several: str = "") -> str:
    """Give a number with its noun; `several` where that takes more than an s.

    >>> plural(1, "turn"), plural(1200, "turn"), plural(0, "reply", "replies")
    ('1 turn', '1,200 turns', '0 replies')
    """
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def in_usd(cost_usd: float) -> str:
    """Give an amount of dollars with two digits that matter, at least cents.

    >>> in_usd(1.5), in_usd(0.00124), in_usd(-3)
    ('$1.50', '$0.0012', '-$3.00')
    """
    if cost_usd == 0:
        return "$0"
    if cost_usd < 0:
        return f"-{in_usd(-cost_usd)}"
    if cost_usd >= 0.1:
        return f"${cost_usd:,.2f}"
    digits = re.sub(r"^0\.(0*).*", r"\1", f"{cost_usd:.12f}")
    return f"${cost_usd:.{len(digits) + 2}f}"


def cost_told(cost_usd: float | None, estimated_usd: float | None) -> str:
    """Give the cost; `~` says that it is by the catalogue's prices."""
    if cost_usd is not None:
        return in_usd(cost_usd)
    return "cost unknown" if estimated_usd is None else f"~{in_usd(estimated_usd)}"


def sent_and_received(sent: int | None, received: int | None) -> str:
    """Give the tokens of a call; empty if neither figure is known.

    >>> sent_and_received(812, None)
    '812 → ?'
    """
    if sent is None and received is None:
        return ""
    return f"{_figure(sent)} → {_figure(received)}"


def tokens_told(usage: Usage) -> str:
    """Give the tokens of a call in words; what is not known is called so."""
    figures = sent_and_received(usage.prompt_tokens, usage.completion_tokens)
    return f"{figures} tokens" if figures else "tokens unknown"


def _figure(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
