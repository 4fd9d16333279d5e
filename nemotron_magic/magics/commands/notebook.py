"""Commands on the notebook: status, code, threads, preview, panel."""

from __future__ import annotations

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import literal, one_line, plural, sanitize_label
from nemotron_magic.display.reports import (
    cost_text,
    preview_report,
    recent_usage,
    tokens_text,
)
from nemotron_magic.magics.app import App
from nemotron_magic.magics.commands.service import key_state
from nemotron_magic.magics.parser import Command
from nemotron_magic.session.conversation import MAIN, PreparedPrompt, Turn
from nemotron_magic.session.session import Session

__all__ = ["NOTEBOOK", "status"]


def status(app: App, text: str, settings: Settings) -> str:
    """Return what a bare `%nemotron` shows: where things stand."""
    session = app.session
    default = " (the default)" if settings.model_is_default else ""
    asked = session.endpoint(settings)
    endpoint = f"`{asked.base_url}`"
    if session.accounting.is_rehearsal:
        endpoint = f"{endpoint}, a rehearsal: no model answers"
    if app.rehearses(settings["base_url"]):
        endpoint = "the rehearsal: no model answers; `%nemotron rehearse: off` ends it"
    rows = {
        "Model": f"`{settings.model}`{default}",
        "Endpoint": endpoint,
        "Key": key_state(session, asked),
        "Conversation": plural(len(session.conversation.turns), "turn"),
        "Spent so far": _spent(session),
        "Ask": "`%nemotron QUESTION`, or `%%nemotron` and a text below",
        "More": "`%nemotron help` commands and flags · `%nemotron?` the manual",
    }
    lines = (f"| {name} | {value} |" for name, value in rows.items())
    return "\n".join(["| Nemotron | |", "|:--|:--|", *lines])


def _spent(session: Session) -> str:
    """Return the cost of this session, and of all lately, as the ledger has it."""
    here = session.accounting.ledger.of_session()
    sent, received = tokens_text(here)
    tokens = f"{sent} → {received} tokens" if sent != "unknown" else "tokens unknown"
    cost = cost_text(here).replace("unknown", "cost unknown")
    calls = (plural(here.calls, "call"), tokens, cost)
    parts = calls if here.calls else ("nothing in this session",)
    return " · ".join([*parts, *recent_usage(session.accounting.ledger)])


def _code(app: App, text: str, settings: Settings) -> str:
    return app.asker.inserter.insert(text, settings["try_code"] == "on")


def _reset(app: App, text: str, settings: Settings) -> str:
    thread = text.strip() or MAIN
    conversation = app.session.conversation
    threads = [name for name, turns in conversation.threads.items() if turns]
    if thread not in (MAIN, *threads):
        raise InputError(
            f"there is no thread {sanitize_label(thread, 60)}",
            hint=f"There are: {sanitize_label(', '.join(threads) or 'none yet')}",
        )
    return f"Forgot {plural(conversation.reset(thread), 'turn')}."


def _threads(app: App, text: str, settings: Settings) -> str:
    rows = [
        f"| {literal(name)} | {len(turns)} "
        f"| {one_line(turns[-1].question, 60).replace('|', '¦')} |"
        for name, turns in app.session.conversation.threads.items()
        if turns
    ]
    if not rows:
        return "There is no conversation yet."
    return "\n".join(["| Thread | Turns | Last question |", "|:--|--:|:--|", *rows])


def _panel(app: App, text: str, settings: Settings) -> None:
    if app.displays.front_end not in ("page", "headless"):
        raise InputError(
            "a panel needs a notebook page, and this is not one",
            hint="Where things stand: %nemotron   Settings: %config Nemotron",
        )
    app.open_panel()


def _preview(app: App, text: str, settings: Settings) -> str:
    last = app.session.conversation.last
    if last is None:
        raise InputError(
            "nothing has been sent yet",
            hint="Preview a question: %nemotron --preview why is this slow?",
        )
    known = last.metadata
    fields = {"model": known.model, **known.parameters}
    asked = PreparedPrompt(
        known.messages, MAIN, Turn(""), known.context_info, fields=fields
    )
    return preview_report(app.session, asked, settings, "What was sent")


NOTEBOOK = {
    "status": Command("Model, endpoint, key and cost so far.", status),
    "preview": Command("What the last question sent, byte for byte.", _preview),
    "code": Command(
        "Put the next code of the last reply into a cell.",
        _code,
        "NUMBER or all",
        r"\d+|all",
    ),
    "fix": Command("Correct the cell that failed.", takes="WISH", takes_cell=True),
    "explain": Command("Explain the last cell.", takes="WISH", takes_cell=True),
    "doc": Command("Document the last cell.", takes="WISH", takes_cell=True),
    "test": Command("Write tests for a function.", takes="NAME"),
    "continue": Command("Continue a reply that was cut off."),
    "retry": Command("Ask the last question again.", takes="WISH"),
    "threads": Command("The conversations of this notebook.", _threads),
    "reset": Command("Forget the conversation.", _reset, "THREAD", MAIN),
    "panel": Command("A panel with a question box, settings and usage.", _panel),
}
