"""Commands on cost: usage, log, balance, cache."""

from __future__ import annotations

from dataclasses import asdict

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import format_exchange, format_usd, literal, plural
from nemotron_magic.display.reports import balance, table, usage
from nemotron_magic.magics.app import App
from nemotron_magic.storage.files import expanded
from nemotron_magic.storage.ledger import Ledger, export
from nemotron_magic.storage.records import CallRecord

_HEAD = (">No.", "When", "Model", ">Tokens", ">Cost", ">Time", "Ended")
_LAST = 20
_SHOWN_OTHERWISE = (
    *("number", "started_s", "ending", "error", "cost_usd"),
    *("is_cached", "is_struck", "day"),
)
_CACHING = {
    "off": "every question goes to the service",
    "on": "a repeated request is answered from the cache",
    "replay": "nothing is sent, and a question that is not in it fails",
}


def _cache(app: App, text: str, settings: Settings) -> str:
    cache, how = app.session.accounting.cache, settings["cache"]
    if text:
        return f"Deleted {plural(cache.clear(), 'reply', 'replies')}."
    number, size = cache.size()
    replies = plural(number, "reply", "replies")
    room = f"{size / 1e6:.1f} of {cache.most_bytes / 1e6:,.0f} MB"
    where = f"`{cache.path}`" if cache.path else "memory, for this session only"
    return (
        f"The cache is {how}: {_CACHING[how]}. It holds {replies} ({room}) in {where}."
    )


def _log(app: App, text: str, settings: Settings) -> str:
    ledger = app.session.accounting.ledger
    if text:
        return _one_call(ledger, *reversed(text.lower().split()))
    calls = ledger.last(_LAST)
    if not calls:
        return "No calls have been recorded yet."
    listed = table(_HEAD, map(_row, calls))
    more = (
        "`%nemotron log: NUMBER` shows one in full; "
        "`%nemotron log: strike NUMBER` leaves it out of all totals."
    )
    return f"{listed}\n\n{more}"


def _row(call: CallRecord) -> tuple[str, ...]:
    figures = format_exchange(call.prompt_tokens, call.completion_tokens)
    about = "~" if call.tokens_are_estimated else ""
    return (
        f"{call.number}",
        f"{call.started_at:%Y-%m-%d %H:%M:%S}",
        literal(call.model, 80),
        about + figures or ("unknown" if call.may_cost else ""),
        _cost(call),
        "" if call.elapsed_s is None else f"{call.elapsed_s:.1f} s",
        _ending(call),
    )


def _cost(call: CallRecord) -> str:
    if call.cost_usd is not None:
        return f"{'~' if call.cost_is_estimated else ''}{format_usd(call.cost_usd)}"
    return "unknown" if call.may_cost else "$0"


def _ending(call: CallRecord) -> str:
    ending, finish = call.ending, call.finish_reason
    if not call.is_over:
        ending = "unfinished; it may have been billed"
    elif call.is_cached:
        ending = "answered from the cache"
    elif call.error and call.error != "InterruptedByUser":
        ending = f"{ending}: {call.error}"
    elif ending == "complete" and finish and finish != "stop":
        ending = f"complete: {literal(finish, 60)}"
    return f"struck out ({ending})" if call.is_struck else ending


def _one_call(ledger: Ledger, number: str, how: str = "") -> str:
    """Return all of one call, or that it is struck out, or no longer so."""
    at = int(number)
    call = ledger.strike(at, how == "strike") if how else ledger.call(at)
    if call is None:
        raise InputError(
            f"there is no call {number} in the ledger",
            hint="The last calls with their numbers: %nemotron log",
        )
    if how == "unstrike":
        return f"Call {at} ({_cost(call)}) counts again."
    if how:
        return (
            f"Call {at} ({_cost(call)}) no longer counts, neither in totals nor in "
            f"budgets. Undo: `%nemotron log: unstrike {at}`"
        )
    when = f"{call.started_at:%Y-%m-%d %H:%M:%S}"
    shown = {"when": when, "ended": _ending(call), "cost": _cost(call)}
    for name, value in asdict(call).items():
        if name not in _SHOWN_OTHERWISE and value not in (None, ""):
            shown[name] = _format(value)
    return table((f"Call {at}", ""), shown.items())


def _format(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else literal(str(value), 2_000)


def _usage(app: App, text: str, settings: Settings) -> str:
    ledger = app.session.accounting.ledger
    if not text:
        return usage(ledger)
    path = expanded(text.partition(" ")[2].strip(" '\""))
    number = export(ledger.all(), path)
    return f"Wrote {plural(number, 'call')} to `{path}`."


def _balance(app: App, text: str, settings: Settings) -> str:
    return balance(app.session, settings)


USAGE = {"usage": _usage, "log": _log, "cache": _cache, "balance": _balance}
