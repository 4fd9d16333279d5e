"""What it cost: sums, single calls, the account's balance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from nemotron_magic.errors import InputError
from nemotron_magic.ledger import Ledger, Totals, export
from nemotron_magic.notebook.commands.cache import CACHE
from nemotron_magic.notebook.commands.command import Command, literal
from nemotron_magic.notebook.commands.log import LOG
from nemotron_magic.quantities import in_usd, plural
from nemotron_magic.session import Session
from nemotron_magic.settings import Settings
from nemotron_magic.storage import expanded
from nemotron_magic.text import one_line

if TYPE_CHECKING:
    from nemotron_magic.notebook.runner import Runner

__all__ = ["SPENDING", "balance", "cost_of", "spent_lately", "tokens_of", "usage"]

_HEAD = (
    "| {} | Calls | Tokens in | Tokens out | Cost | First text | Out/s | Faults |\n"
    "|:--|--:|--:|--:|--:|--:|--:|:--|"
)


def cost_of(totals: Totals) -> str:
    """Give the cost in words that say how sure it is."""
    if totals.billable and totals.unpriced == totals.billable:
        return "unknown"
    is_estimated = "~" if totals.estimated_usd else ""
    at_least = "at least " if totals.unpriced else ""
    return f"{at_least}{is_estimated}{in_usd(totals.cost_usd)}"


def tokens_of(totals: Totals) -> tuple[str, str]:
    """Give the tokens sent and received, likewise."""
    if totals.billable and totals.untold == totals.billable:
        return "unknown", "unknown"
    at_least = "at least " if totals.untold else ""
    return (
        f"{at_least}{totals.prompt_tokens:,}",
        f"{at_least}{totals.completion_tokens:,}",
    )


def spent_lately(ledger: Ledger) -> tuple[str, ...]:
    """Give what was spent today and this month, as far as anything was."""
    today, month = ledger.of_today(), ledger.of_month()
    if not month.calls:
        return ()
    return f"today {cost_of(today)}", f"this month {cost_of(month)}"


def usage(ledger: Ledger) -> str:
    """Return what calls took, by span and by model, as Markdown."""
    spans = {
        "This session": ledger.of_session(),
        "Today": ledger.of_today(),
        "This month": ledger.of_month(),
        "Ever": ledger.of_all(),
    }
    parts = [_table("", spans), _notes(spans.values()), _kept_in(ledger)]
    models = {literal(name, 80): sums for name, sums in _models(ledger)}
    if models:
        parts.insert(1, _table("Model, this month", models))
    return "\n\n".join(part for part in parts if part)


def _usage(runner: Runner, text: str, settings: Settings) -> str:
    ledger = runner.session.ledger
    return _exported(ledger, text.strip()) if text.strip() else usage(ledger)


def _models(ledger: Ledger) -> Iterable[tuple[str, Totals]]:
    return (pair for pair in ledger.by_model().items() if pair[1].calls)


def _table(first: str, spans: Mapping[str, Totals]) -> str:
    rows = [f"| {name} | {' | '.join(_row(sums))} |" for name, sums in spans.items()]
    return "\n".join([_HEAD.format(first), *rows])


def _row(totals: Totals) -> tuple[str, ...]:
    first, speed = totals.mean_first_text_s, totals.tokens_per_s
    return (
        f"{totals.calls:,}",
        *tokens_of(totals),
        cost_of(totals),
        "" if first is None else f"{first:.1f} s",
        "" if speed is None else f"{speed:,.0f}",
        _faults(totals),
    )


def _faults(totals: Totals) -> str:
    counts = (
        (totals.failed, "failed"),
        (totals.interrupted, "interrupted"),
        (totals.unended, "without an end"),
        (totals.retries, "sent again"),
    )
    return ", ".join(f"{number:,} {what}" for number, what in counts if number)


def _notes(spans: Iterable[Totals]) -> str:
    widest = max(spans, key=lambda totals: totals.calls)
    notes = []
    if widest.reasoning_tokens:
        notes.append(f"{widest.reasoning_tokens:,} of the tokens out were reasoning.")
    if widest.cached_tokens:
        notes.append(
            f"{widest.cached_tokens:,} of the tokens in, the service had cached."
        )
    if widest.cached:
        notes.append(
            f"{plural(widest.cached, 'call')} answered from disk, for nothing."
        )
    if widest.estimated_usd:
        notes.append("~ is estimated from the catalogue's prices.")
    if widest.unpriced:
        may = f"{plural(widest.unpriced, 'call')} may have been billed"
        notes.append(f"{may}; the cost is unknown.")
    return " ".join(notes)


def _kept_in(ledger: Ledger) -> str:
    """Tell where a ledger is kept."""
    if ledger.path is not None:
        return f"Days are UTC. Kept in `{ledger.path}`."
    why = f": {ledger.trouble}" if ledger.trouble else ""
    return f"Days are UTC. Kept in memory, for this session only{why}."


def _exported(ledger: Ledger, text: str) -> str:
    named = re.fullmatch(r"export\s+(.+)", text)
    if named is None:
        raise InputError(
            f"usage takes nothing or export PATH, got {one_line(text, 60)}",
            todo="Such as: %nemotron usage: export calls.csv",
        )
    path = expanded(named[1].strip("'\""))
    number = export(ledger.all(), path)
    return f"Wrote {plural(number, 'call')} to `{path}`."


def _balance(runner: Runner, text: str, settings: Settings) -> str:
    return balance(runner.session, settings)


def balance(session: Session, settings: Settings) -> str:
    """Return what is left on the account, as Markdown.

    Raises
    ------
    NemotronError
        If the service does not answer.
    """
    endpoint = session.endpoint(settings)
    left = session.client.balance_usd(endpoint, session.key(endpoint))
    if left is None:
        return f"`{endpoint.netloc}` does not say what is left."
    booked = "Charges are booked a little after the reply."
    return f"{in_usd(left)} left at `{endpoint.netloc}`. {booked}"


SPENDING = {
    "usage": Command(
        "What it took: session, day, month, model.", _usage, "export PATH"
    ),
    **LOG,
    **CACHE,
    "balance": Command("What is left on the account.", _balance),
}
