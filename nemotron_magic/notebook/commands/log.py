"""The last calls, one a line, and all that is known of one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from nemotron_magic.errors import InputError
from nemotron_magic.ledger import Call, Ledger
from nemotron_magic.notebook.commands.command import Command, literal
from nemotron_magic.quantities import in_usd, sent_and_received
from nemotron_magic.settings import Settings
from nemotron_magic.text import one_line

if TYPE_CHECKING:
    from nemotron_magic.notebook.runner import Runner

__all__ = ["LOG"]

_HEAD = (
    "| No. | UTC | Model | Tokens | Cost | Time | Ended |\n"
    "|--:|:--|:--|--:|--:|--:|:--|"
)
_LAST = 20


def _log(runner: Runner, text: str, settings: Settings) -> str:
    ledger, wanted = runner.session.ledger, text.strip()
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


def _row(call: Call) -> tuple[str, ...]:
    return (
        f"{call.started_at:%Y-%m-%d %H:%M:%S}",
        literal(call.model, 80),
        _tokens(call),
        _cost(call),
        "" if call.elapsed_s is None else f"{call.elapsed_s:.1f} s",
        _end(call),
    )


def _tokens(call: Call) -> str:
    figures = sent_and_received(call.prompt_tokens, call.completion_tokens)
    return figures or ("unknown" if call.may_cost else "")


def _cost(call: Call) -> str:
    if call.cost_usd is not None:
        return f"{'~' if call.cost_is_estimated else ''}{in_usd(call.cost_usd)}"
    return "unknown" if call.may_cost else "$0"


def _end(call: Call) -> str:
    return f"struck out ({_ended(call)})" if call.is_struck else _ended(call)


def _ended(call: Call) -> str:
    if not call.is_over:
        return "no end was seen; it may have been billed"
    if call.is_cached:
        return "answered from disk"
    if call.error and call.error != "Interrupted":
        return f"{call.ending}: {call.error}"
    finish = call.finish_reason
    if call.ending == "complete" and finish and finish != "stop":
        return f"complete: {literal(finish, 60)}"
    return call.ending


def _numbered(find: Callable[[int], Call | None], wanted: str) -> Call:
    """Return what `find` finds by a number that was typed.

    Raises
    ------
    InputError
        If it is no number, or there is no such call.
    """
    if not re.fullmatch(r"[0-9]{1,15}", wanted):
        raise InputError(
            f"a call goes by its number, got {one_line(wanted, 40) or 'none'}",
            todo="The last ones with their numbers: %nemotron log",
        )
    call = find(int(wanted))
    if call is None:
        raise InputError(
            f"there is no call {one_line(wanted, 40)} in the ledger",
            todo="The last ones with their numbers: %nemotron log",
        )
    return call


def _struck(ledger: Ledger, wanted: str, is_struck: bool) -> str:
    call = _numbered(lambda number: ledger.strike(number, is_struck), wanted)
    cost, undo = _cost(call), f"`%nemotron log: unstrike {call.number}`"
    if not is_struck:
        return f"Call {call.number} ({cost}) counts again."
    return f"Call {call.number} ({cost}) counts in no sum and no budget. Undo: {undo}"


def _one(call: Call) -> str:
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


def _fields(call: Call) -> dict[str, str]:
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
