"""What each day cost, as a chart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from html import escape

from nemotron_magic.ledger import Totals
from nemotron_magic.notebook.commands.spending import cost_of
from nemotron_magic.quantities import plural

__all__ = ["MOST_DAYS", "by_day", "chart"]

MOST_DAYS = 30

_WIDTH, _HEIGHT = 600, 90


def chart(days: Mapping[str, Totals], most: int = MOST_DAYS) -> str:
    """Return the cost of each day as a figure in HTML; empty without calls.

    Parameters
    ----------
    days : mapping
        Totals by day, such as `2026-08-21`.
    """
    shown = by_day({day: one for day, one in days.items() if one.calls}, most)
    if not shown:
        return ""
    total = escape(cost_of(sum(shown.values(), Totals())))
    step = _WIDTH / max(len(shown), 10)
    highest = max(one.cost_usd for one in shown.values()) or 1.0
    bars = (
        _bar(place * step, step, one.cost_usd / highest, day, one)
        for place, (day, one) in enumerate(shown.items())
    )
    first, last = min(shown), max(shown)
    until = f"<span>{last}</span>" if last != first else ""
    return (
        f'<figure class="nm-days"><figcaption>Cost by day: {total}</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="Cost by day, {plural(len(shown), "day")}: {total}">'
        f'{"".join(bars)}</svg><div class="nm-muted"><span>{first}</span>{until}</div>'
        "</figure>"
    )


def by_day(days: Mapping[str, Totals], most: int = MOST_DAYS) -> dict[str, Totals]:
    """Return the totals of each day up to the last one, those without calls too."""
    if not days:
        return {}
    last = date.fromisoformat(max(days))
    first = max(date.fromisoformat(min(days)), last - timedelta(days=most - 1))
    count = (last - first).days + 1
    names = [(first + timedelta(days=n)).isoformat() for n in range(count)]
    return {name: days.get(name, Totals()) for name in names}


def _bar(left: float, step: float, share: float, day: str, totals: Totals) -> str:
    tall = max((_HEIGHT - 2) * share, 1)
    about = escape(f"{day}: {cost_of(totals)}, {plural(totals.calls, 'call')}")
    kind = "nm-unsure" if totals.unpriced else "nm-sure"
    return (
        f'<rect class="{kind}" x="{left + step * 0.15:.1f}" width="{step * 0.7:.1f}"'
        f' y="{_HEIGHT - tall:.1f}" height="{tall:.1f}"><title>{about}</title></rect>'
    )
