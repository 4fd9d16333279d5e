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
from nemotron_magic.magics.app import App, Command
from nemotron_magic.storage.files import expanded
from nemotron_magic.storage.ledger import Ledger, export
from nemotron_magic.storage.records import CallRecord

__all__ = [
    "CACHE",
    "LOG",
    "SPENDING",
]

_INTERRUPTED = ("InterruptedByUser", "Interrupted")  # as older ledgers have it


def _cache(app: App, text: str, settings: Settings) -> str:
    cache, wanted = app.session.accounting.cache, text.strip().lower()
    if wanted == "clear":
        return f"Threw away {_replies(cache.clear())}."
    if wanted:
        raise InputError(
            f"cache takes nothing or clear, got {one_line(text, 40)}",
            hint="Type: %nemotron cache   or: %nemotron cache: clear",
        )
    number, size = cache.size()
    room = f"{size / 1e6:.1f} of {cache.most_bytes / 1e6:,.0f} MB"
    where = f"`{cache.path}`" if cache.path else "memory, for this session only"
    how = settings["cache"]
    return (
        f"The cache is {how}: {_WAYS[how]}. It holds {_replies(number)} ({room}) in "
        f"{where}."
    )


def _replies(number: int) -> str:
    return plural(number, "reply", "replies")


_WAYS = {
    "off": "every question is asked",
    "on": "a request that was made before is answered from disk",
    "replay": "nothing is asked, and what was not asked before fails",
}

CACHE = {"cache": Command("Replies that are kept.", _cache, "clear")}

_HEAD = (
    "| No. | UTC | Model | Tokens | Cost | Time | Ended |\n"
    "|--:|:--|:--|--:|--:|--:|:--|"
)
_LAST = 20


def _log(app: App, text: str, settings: Settings) -> str:
    ledger, wanted = app.session.accounting.ledger, text.strip()
    if found := re.fullmatch(r"(strike|unstrike)\b\s*(.*)", wanted, re.IGNORECASE):
        return _struck(ledger, found[2], found[1].lower() == "strike")
    if wanted:
        return _one(_numbered(ledger.call, wanted))
    calls = ledger.last(_LAST)
    if not calls:
        return "No call has been written down yet."
    rows = [f"| {call.number} | {' | '.join(_row(call))} |" for call in calls]
    more = (
        "`%nemotron log: NUMBER` tells all of one; "
        "`%nemotron log: strike NUMBER` takes it out of the sums."
    )
    return "\n".join([_HEAD, *rows, "", more])


def _row(call: CallRecord) -> tuple[str, ...]:
    return (
        f"{call.started_at:%Y-%m-%d %H:%M:%S}",
        literal(call.model, 80),
        _tokens(call),
        _cost(call),
        "" if call.elapsed_s is None else f"{call.elapsed_s:.1f} s",
        _end(call),
    )


def _tokens(call: CallRecord) -> str:
    figures = format_exchange(call.prompt_tokens, call.completion_tokens)
    return figures or ("unknown" if call.may_cost else "")


def _cost(call: CallRecord) -> str:
    if call.cost_usd is not None:
        return f"{'~' if call.cost_is_estimated else ''}{format_usd(call.cost_usd)}"
    return "unknown" if call.may_cost else "$0"


def _end(call: CallRecord) -> str:
    return f"struck out ({_ended(call)})" if call.is_struck else _ended(call)


def _ended(call: CallRecord) -> str:
    if not call.is_over:
        return "no end was seen; it may have been billed"
    if call.is_cached:
        return "answered from disk"
    if call.error and call.error not in _INTERRUPTED:
        return f"{call.ending}: {call.error}"
    finish = call.finish_reason
    if call.ending == "complete" and finish and finish != "stop":
        return f"complete: {literal(finish, 60)}"
    return call.ending


def _numbered(find: Callable[[int], CallRecord | None], wanted: str) -> CallRecord:
    """Return what `find` finds by a number that was typed.

    Raises
    ------
    InputError
        If it is no number, or there is no such call.
    """
    if not re.fullmatch(r"[0-9]{1,15}", wanted):
        raise InputError(
            f"a call goes by its number, got {one_line(wanted, 40) or 'none'}",
            hint="The last ones with their numbers: %nemotron log",
        )
    call = find(int(wanted))
    if call is None:
        raise InputError(
            f"there is no call {one_line(wanted, 40)} in the ledger",
            hint="The last ones with their numbers: %nemotron log",
        )
    return call


def _struck(ledger: Ledger, wanted: str, is_struck: bool) -> str:
    call = _numbered(lambda number: ledger.strike(number, is_struck), wanted)
    cost, undo = _cost(call), f"`%nemotron log: unstrike {call.number}`"
    if not is_struck:
        return f"Call {call.number} ({cost}) counts again."
    return f"Call {call.number} ({cost}) counts in no sum and no budget. Undo: {undo}"


def _one(call: CallRecord) -> str:
    told = {"when": f"{call.started_at:%Y-%m-%d %H:%M:%S} UTC", "ended": _end(call)}
    told |= {"cost": _cost(call), **_fields(call)}
    rows = [f"| {name} | {value} |" for name, value in told.items()]
    return "\n".join([f"| Call {call.number} | |", "|:--|:--|", *rows])


_TOLD_OTHERWISE = (
    "number",
    "started_s",
    "ending",
    "error",
    "cost_usd",
    "is_cached",
    "is_struck",
)


def _fields(call: CallRecord) -> dict[str, str]:
    known = {
        name: value
        for name, value in asdict(call).items()
        if name not in _TOLD_OTHERWISE and value not in (None, "")
    }
    return {name: _shown(value) for name, value in known.items()}


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return literal(str(value), 2_000)


LOG = {"log": Command("The last calls, one a line.", _log, "[strike] NUMBER")}


def _usage(app: App, text: str, settings: Settings) -> str:
    ledger = app.session.accounting.ledger
    return _exported(ledger, text.strip()) if text.strip() else usage(ledger)


def _exported(ledger: Ledger, text: str) -> str:
    named = re.fullmatch(r"export\s+(.+)", text)
    if named is None:
        raise InputError(
            f"usage takes nothing or export PATH, got {one_line(text, 60)}",
            hint="Such as: %nemotron usage: export calls.csv",
        )
    path = expanded(named[1].strip("'\""))
    number = export(ledger.all(), path)
    return f"Wrote {plural(number, 'call')} to `{path}`."


def _balance(app: App, text: str, settings: Settings) -> str:
    return balance(app.session, settings)


SPENDING = {
    "usage": Command(
        "What it took: session, day, month, model.", _usage, "export PATH"
    ),
    **LOG,
    **CACHE,
    "balance": Command("What is left on the account.", _balance),
}
