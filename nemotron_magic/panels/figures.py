"""What calls took, as a panel shows it: what is not known is called so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from nemotron_magic.ledger import Call, Ledger, Totals
from nemotron_magic.notebook.commands.spending import (
    ESTIMATED,
    cost_of,
    kept_in,
    tokens_of,
)
from nemotron_magic.quantities import in_usd, plural

__all__ = ["MOST_DAYS", "by_day", "columns", "figures"]

MOST_DAYS = 30

_LABELS = (
    "Calls",
    "Tokens in",
    "Tokens out",
    "of which reasoning",
    "of those in, cached",
    "Cost",
    "First text",
    "Tokens a second",
    "Failed",
    "Stopped by you",
    "Sent again",
    "Answered from disk",
)


def figures(ledger: Ledger) -> dict[str, Any]:
    """Give the last call, this session, today, this month, each day; fit for JSON."""
    spans = {
        "Last call": _last(ledger),
        "This session": ledger.of_session(),
        "Today": ledger.of_today(),
        "This month": ledger.of_month(),
    }
    days = by_day({d: t for d, t in ledger.by_day(MOST_DAYS).items() if t.calls})
    return {
        "spans": list(spans),
        "labels": list(_LABELS),
        "columns": [columns(totals) for totals in spans.values()],
        "notes": _notes(list(spans.values())),
        "days": days,
        "place": kept_in(ledger).replace("`", ""),
    }


def columns(totals: Totals | None) -> list[str]:
    """Give one column of the table, a text for each of its labels."""
    if totals is None:
        return ["" for _ in _LABELS]
    sent, received = tokens_of(totals)
    first, speed = totals.mean_first_text_s, totals.tokens_per_s
    is_dark = received == "unknown"
    return [
        f"{totals.calls:,}",
        sent,
        received,
        _part(totals.reasoning_tokens, totals, is_dark),
        _part(totals.cached_tokens, totals, is_dark),
        cost_of(totals),
        _known(None if first is None else f"{first:.1f} s", totals),
        _known(None if speed is None else f"{speed:,.0f}", totals),
        f"{totals.failed:,}",
        f"{totals.interrupted:,}",
        f"{totals.retries:,}",
        f"{totals.cached:,}",
    ]


def by_day(days: Mapping[str, Totals], most: int = MOST_DAYS) -> list[dict[str, Any]]:
    """Give the cost of each day up to the last one that had calls, those without too.

    Parameters
    ----------
    days : mapping
        Totals by day, such as `2026-08-21`.
    """
    if not days:
        return []
    last = date.fromisoformat(max(days))
    first = max(date.fromisoformat(min(days)), last - timedelta(days=most - 1))
    names = (
        (first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)
    )
    return [_day(name, days.get(name, Totals())) for name in names]


def _day(name: str, totals: Totals) -> dict[str, Any]:
    calls = plural(totals.calls, "call")
    return {
        "day": name,
        "cost_usd": totals.cost_usd,
        "unsure": bool(totals.unpriced),
        "about": f"{name}: {cost_of(totals)}, {calls}",
    }


def _last(ledger: Ledger) -> Totals | None:
    mine = (c for c in ledger.last(50) if c.session == ledger.session)
    call: Call | None = next(mine, None)
    return None if call is None else Totals.of(call)


def _part(number: int, totals: Totals, is_dark: bool) -> str:
    """Give a part of the tokens; services that do not count it tell none."""
    if is_dark:
        return "unknown"
    return f"{number:,}" if number or not totals.billable else "none told"


def _known(text: str | None, totals: Totals) -> str:
    return text or ("unknown" if totals.billable else "–")


def _notes(spans: list[Totals | None]) -> list[str]:
    month = spans[-1] or Totals()
    notes = []
    if month.estimated_usd:
        notes.append(ESTIMATED)
    if month.unpriced:
        most = f", at most {in_usd(month.open_usd)}" if month.open_usd else ""
        calls = plural(month.unpriced, "call")
        notes.append(f"{calls} of unknown cost this month{most}.")
    if month.unended:
        notes.append(
            f"{month.unended:,} began and no end was seen: they may have been billed."
        )
    return notes
