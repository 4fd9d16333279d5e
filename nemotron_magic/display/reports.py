"""Reports in Markdown: usage, cost, preview."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from nemotron_magic.context.tokens import estimate_field_tokens, estimate_tokens
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import escape_smuggled, format_usd, literal, plural
from nemotron_magic.markdown.parser import as_block
from nemotron_magic.session.budget import estimate_cost, unpriced_field
from nemotron_magic.session.conversation import PreparedPrompt
from nemotron_magic.session.session import Session
from nemotron_magic.storage.ledger import Ledger
from nemotron_magic.storage.records import Totals

_MOST_DAYS = 14
_BAR = 20  # characters of the longest

_KEPT = "yes: nothing would be sent, and it costs nothing"
_MISSES = {"on": "no", "replay": "no: it would fail, as nothing is asked in a replay"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; a column whose name begins with `>` is aligned right."""
    names = [name.lstrip(">") for name in head]
    sides = "|".join("--:" if name.startswith(">") else ":--" for name in head)
    first, *lines = (
        f"| {' | '.join(row)} |".replace("|  ", "| ") for row in (names, *rows)
    )
    return "\n".join([first, f"|{sides}|", *lines])


def preview_messages(
    body: Mapping[str, Any], notes: Sequence[tuple[str, str]], heading: str
) -> str:
    """Return a request as Markdown: a table of what it takes, then all of it."""
    messages = enumerate(body["messages"], 1)
    texts = {f"{n}. {message['role']}": message["content"] for n, message in messages}
    sizes = {name: estimate_tokens(text) for name, text in texts.items()}
    takes = {**sizes, "all messages": sum(sizes.values())}
    takes["all other fields"] = estimate_field_tokens(body)
    rows = [*((what, f"about {size:,} tokens") for what, size in takes.items()), *notes]
    lines = ([text.replace("|", "\\|") for text in row] for row in rows)
    fields = ",\n ".join(
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in body.items()
        if name != "messages"
    )
    asked = (_fenced(*one, "prompt") for one in texts.items())
    others = _fenced("All other fields", f"{{{fields}}}", "json")
    return "\n\n".join([table((heading, ""), lines), *asked, others])


def _fenced(title: str, text: str, language: str) -> str:
    return f"**{title}**\n\n{as_block(escape_smuggled(text), language)}"


def preview_report(
    session: Session,
    asked: PreparedPrompt,
    settings: Settings,
    heading: str = "What would be sent",
) -> str:
    """Return what would be sent, what is sent with it, and what that may cost."""
    info, model = asked.context_info, asked.body["model"]
    sizes = zip(info.titles, info.tokens, strict=True)
    kinds = ", ".join(f"{n} × {kind}" for kind, n in Counter(info.redacted).items())
    notes = [
        *((f"of which {title}", f"about {size:,} tokens") for title, size in sizes),
        *(("shortened", title) for title in info.cut),
        ("left out for lack of room", plural(len(info.left_out), "cell")),
        ("secrets redacted", kinds or "none"),
        ("goes to", f"`{model}` at `{session.endpoint(settings).netloc}`"),
        ("may cost", _estimate(session, asked, settings)),
    ]
    if settings["cache"] != "off":
        is_kept = session.is_cached(asked, settings)
        notes.append(("in the cache", _KEPT if is_kept else _MISSES[settings["cache"]]))
    return preview_messages(asked.body, notes, heading)


def _estimate(session: Session, asked: PreparedPrompt, settings: Settings) -> str:
    """Return the price by the catalogue, if that has been listed."""
    learn_prices(session, settings)
    field = unpriced_field(asked.body)
    if field and not session.accounting.is_rehearsal:
        return f"unknown (what `{field}` may add is in no catalogue)"
    listed = session.client.listed(session.endpoint(settings))
    estimate = estimate_cost(listed, asked.body)
    if estimate is None:
        return may_cost(session, "")
    sent, most = format_usd(estimate.prompt_usd), format_usd(estimate.reply_usd)
    tokens = f"{estimate.reply_tokens:,} tokens"
    return may_cost(session, f"about {sent} in, at most {most} out ({tokens})")


def learn_prices(session: Session, settings: Settings) -> None:
    """Have a rehearsal list its prices, as that costs nothing."""
    listed = session.client.listed(session.endpoint(settings))
    if session.accounting.is_rehearsal and not listed:
        with suppress(NemotronError):
            session.models(settings)


def may_cost(session: Session, cost: str) -> str:
    """Return a cost, empty if unknown, in words; of a rehearsal, what it would be."""
    if session.accounting.is_rehearsal:
        return f"rehearsal, would be {cost}" if cost else "rehearsal, costs nothing"
    return cost or "unknown (`%nemotron models` shows the prices that are known)"


_FIGURES = (">Calls", ">Tokens in", ">Tokens out", ">Cost", ">First text", ">Tokens/s")


def cost_text(totals: Totals) -> str:
    """Return the cost in words that say how sure it is."""
    if totals.billable and totals.unknown_cost == totals.billable:
        return "unknown"
    is_estimated = "~" if totals.estimated_usd else ""
    at_least = "at least " if totals.unknown_cost else ""
    return f"{at_least}{is_estimated}{format_usd(totals.cost_usd)}"


def tokens_text(totals: Totals) -> tuple[str, str]:
    """Return the tokens sent and received, likewise."""
    if totals.billable and totals.unknown_tokens == totals.billable:
        return "unknown", "unknown"
    at_least = "at least " if totals.unknown_tokens else ""
    about = f"{at_least}{'~' if totals.estimated_tokens else ''}"
    return f"{about}{totals.prompt_tokens:,}", f"{about}{totals.completion_tokens:,}"


def recent_usage(ledger: Ledger) -> tuple[str, ...]:
    """Return what was spent today and this month, if anything was."""
    today, month = ledger.of_today(), ledger.of_month()
    spent = f"today {cost_text(today)}", f"this month {cost_text(month)}"
    return spent if month.calls else ()


def usage(ledger: Ledger) -> str:
    """Return what calls took, by span and by model, as Markdown."""
    spans = {"This session": ledger.of_session(), "Today": ledger.of_today()}
    spans["This month"] = ledger.of_month()
    months = ledger.by_model().items()
    models = {f"… {literal(name, 80)}": sums for name, sums in months if sums.calls}
    of_all = {"All time": ledger.of_all()}
    notes = _notes([*spans.values(), *of_all.values()])
    why = f": {ledger.error}" if ledger.error else ""
    is_in = f"`{ledger.path}`" if ledger.path else f"memory, for this session only{why}"
    rows = ((name, *_row(sums)) for name, sums in (spans | models | of_all).items())
    totals = table(("", *_FIGURES, "Faults"), rows)
    return "\n\n".join(filter(None, [totals, notes, f"Recorded in {is_in}."]))


def _row(totals: Totals) -> tuple[str, ...]:
    first, speed = totals.mean_first_text_s, totals.tokens_per_s
    faults = {"failed": totals.failed, "interrupted": totals.interrupted}
    faults |= {"unfinished": totals.pending, "sent again": totals.retries}
    return (
        f"{totals.calls:,}",
        *tokens_text(totals),
        cost_text(totals),
        "" if first is None else f"{first:.1f} s",
        "" if speed is None else f"{speed:,.0f}",
        ", ".join(f"{number:,} {what}" for what, number in faults.items() if number),
    )


def _notes(spans: Iterable[Totals]) -> str:
    widest = max(spans, key=lambda totals: totals.calls)
    reasoning, cached = widest.reasoning_tokens, widest.cached_tokens
    kept, unsure = plural(widest.cached, "call"), plural(widest.unknown_cost, "call")
    notes = (
        (reasoning, f"{reasoning:,} of the tokens out were reasoning."),
        (cached, f"{cached:,} of the tokens in came from the service's cache."),
        (widest.cached, f"{kept} answered from the cache, free of charge."),
        (widest.estimated_usd or widest.estimated_tokens, "~ marks an estimate."),
        (widest.unknown_cost, f"{unsure} may have been billed; the cost is unknown."),
    )
    return " ".join(note for is_so, note in notes if is_so)


def balance(session: Session, settings: Settings) -> str:
    """Return what is left on the account, as Markdown."""
    if session.accounting.is_rehearsal:
        return "The rehearsal has no account: nothing is billed."
    endpoint = session.endpoint(settings)
    left = session.client.balance_usd(endpoint, session.credentials.key(endpoint))
    if left is None:
        return f"`{endpoint.netloc}` does not report a balance."
    booked = "Charges appear shortly after a reply."
    return f"{format_usd(left)} left at `{endpoint.netloc}`. {booked}"


def by_day(days: Mapping[str, Totals]) -> str:
    """Return the cost of the last days with calls as Markdown; empty without any."""
    shown = dict([(day, one) for day, one in days.items() if one.calls][-_MOST_DAYS:])
    if not shown:
        return ""
    total = cost_text(sum(shown.values(), Totals()))
    highest = max(one.cost_usd for one in shown.values()) or 1.0
    bars = ("█" * round(_BAR * one.cost_usd / highest) for one in shown.values())
    costs = map(cost_text, shown.values())
    return table(("Cost by day", f">{total}", ""), zip(shown, costs, bars, strict=True))
