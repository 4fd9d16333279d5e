"""Commands on cost: usage, log, balance, cache."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import (
    format_exchange,
    format_usd,
    literal,
    one_line,
    plural,
)
from nemotron_magic.display.reports import balance, usage
from nemotron_magic.magics.app import App
from nemotron_magic.magics.parser import Command
from nemotron_magic.storage.files import expanded
from nemotron_magic.storage.ledger import Ledger, export
from nemotron_magic.storage.records import CallRecord

__all__ = ["USAGE"]

_INTERRUPTED = ("InterruptedByUser", "Interrupted")  # as older ledgers have it
_HEAD = (
    "| No. | When | Model | Tokens | Cost | Time | Ended |\n"
    "|--:|:--|:--|--:|--:|--:|:--|"
)
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
_TO_SEE_NUMBERS = "The last calls with their numbers: %nemotron log"


def _cache(app: App, text: str, settings: Settings) -> str:
    cache, wanted = app.session.accounting.cache, text.strip().lower()
    if wanted == "clear":
        return f"Deleted {plural(cache.clear(), 'reply', 'replies')}."
    if wanted:
        raise InputError(
            f"cache takes nothing or clear, got {one_line(text, 40)}",
            hint="Type: %nemotron cache   or: %nemotron cache: clear",
        )
    number, size = cache.size()
    room = f"{size / 1e6:.1f} of {cache.most_bytes / 1e6:,.0f} MB"
    where = f"`{cache.path}`" if cache.path else "memory, for this session only"
    how = settings["cache"]
    replies = plural(number, "reply", "replies")
    return (
        f"The cache is {how}: {_CACHING[how]}. It holds {replies} ({room}) in {where}."
    )


def _log(app: App, text: str, settings: Settings) -> str:
    ledger, wanted = app.session.accounting.ledger, text.strip()
    if found := re.fullmatch(r"(strike|unstrike)\b\s*(.*)", wanted, re.IGNORECASE):
        return _strike(ledger, found[2], found[1].lower() == "strike")
    if wanted:
        return _one_call(_find_call(ledger.call, wanted))
    calls = ledger.last(_LAST)
    if not calls:
        return "No calls have been recorded yet."
    rows = [f"| {call.number} | {' | '.join(_row(call))} |" for call in calls]
    more = (
        "`%nemotron log: NUMBER` shows one in full; "
        "`%nemotron log: strike NUMBER` leaves it out of all totals."
    )
    return "\n".join([_HEAD, *rows, "", more])


def _row(call: CallRecord) -> tuple[str, ...]:
    figures = format_exchange(call.prompt_tokens, call.completion_tokens)
    about = "~" if call.tokens_are_estimated else ""
    return (
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
    elif call.error and call.error not in _INTERRUPTED:
        ending = f"{ending}: {call.error}"
    elif ending == "complete" and finish and finish != "stop":
        ending = f"complete: {literal(finish, 60)}"
    return f"struck out ({ending})" if call.is_struck else ending


def _find_call(find: Callable[[int], CallRecord | None], wanted: str) -> CallRecord:
    """Return what `find` returns for a number that was typed.

    Raise InputError if it is no number, or there is no such call.
    """
    number = one_line(wanted, 40)
    if not re.fullmatch(r"[0-9]{1,15}", wanted):
        what = f"a call goes by its number, got {number or 'none'}"
        raise InputError(what, hint=_TO_SEE_NUMBERS)
    call = find(int(wanted))
    if call is None:
        what = f"there is no call {number} in the ledger"
        raise InputError(what, hint=_TO_SEE_NUMBERS)
    return call


def _strike(ledger: Ledger, wanted: str, is_struck: bool) -> str:
    call = _find_call(lambda number: ledger.strike(number, is_struck), wanted)
    cost, undo = _cost(call), f"`%nemotron log: unstrike {call.number}`"
    if not is_struck:
        return f"Call {call.number} ({cost}) counts again."
    gone = "no longer counts, neither in totals nor in budgets"
    return f"Call {call.number} ({cost}) {gone}. Undo: {undo}"


def _one_call(call: CallRecord) -> str:
    when = f"{call.started_at:%Y-%m-%d %H:%M:%S}"
    shown = {"when": when, "ended": _ending(call), "cost": _cost(call)}
    for name, value in asdict(call).items():
        if name not in _SHOWN_OTHERWISE and value not in (None, ""):
            shown[name] = _format(value)
    rows = [f"| {name} | {value} |" for name, value in shown.items()]
    return "\n".join([f"| Call {call.number} | |", "|:--|:--|", *rows])


def _format(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else literal(str(value), 2_000)


def _usage(app: App, text: str, settings: Settings) -> str:
    ledger = app.session.accounting.ledger
    if not text.strip():
        return usage(ledger)
    named = re.fullmatch(r"export\s+(.+)", text.strip())
    if named is None:
        raise InputError(
            f"usage takes nothing or export PATH, got {one_line(text, 60)}",
            hint="Such as: %nemotron usage: export calls.csv",
        )
    path = expanded(named[1].strip("'\""))
    number = export(ledger.all(), path)
    return f"Wrote {plural(number, 'call')} to `{path}`."


USAGE = {
    "usage": Command(
        "Tokens and cost: session, day, month, model.",
        _usage,
        "export PATH",
        r"export \S+",
    ),
    "log": Command(
        "The last calls, one per line.",
        _log,
        "[strike] NUMBER",
        r"(?:(?:un)?strike +)?\d+",
    ),
    "cache": Command("Cached replies.", _cache, "clear", "clear"),
    "balance": Command(
        "The balance of the account.", lambda app, _, s: balance(app.session, s)
    ),
}
