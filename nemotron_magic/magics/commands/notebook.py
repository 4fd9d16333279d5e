"""Commands on the notebook: status, code, threads, preview, panel."""

from __future__ import annotations

from collections.abc import Collection

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import literal, one_line, plural, sanitize_label
from nemotron_magic.display.reports import (
    cost_text,
    preview_report,
    recent_usage,
    tokens_text,
)
from nemotron_magic.magics.app import App, Command
from nemotron_magic.magics.flags import flags_table
from nemotron_magic.session.conversation import MAIN, PreparedPrompt, Turn
from nemotron_magic.session.session import Session

__all__ = [
    "CODING",
    "CONVERSATION",
    "PANEL",
    "PROMPT",
    "flags",
    "status",
]


def status(app: App, settings: Settings, names: Collection[str]) -> str:
    """Return what a bare `%nemotron` shows: where things stand."""
    session = app.session
    endpoint = session.endpoint(settings)
    commands = " · ".join(f"`{name}`" for name in names)
    default = " (the default)" if settings.model_is_default else ""
    return "\n".join(
        [
            "| Nemotron | |",
            "|:--|:--|",
            f"| Model | `{settings.model}`{default} |",
            f"| Endpoint | `{endpoint.base_url}` |",
            f"| Key | {_key_state(session, settings)} |",
            f"| Conversation | {plural(len(session.conversation.turns), 'turn')} |",
            f"| Spent so far | {_spent(session)} |",
            f"| Commands | {commands} |",
            "| Ask | `%nemotron QUESTION`, or `%%nemotron` and a text below |",
            "| More | `%nemotron?` the manual · `%nemotron -h` the flags |",
        ]
    )


def flags() -> str:
    """Return what `-h` shows."""
    return f"`%nemotron [flags] QUESTION`\n\n{flags_table()}"


def _key_state(session: Session, settings: Settings) -> str:
    endpoint = session.endpoint(settings)
    key = session.credentials.key(endpoint)
    if key is not None:
        return f"found in {key.source}"
    if endpoint.is_loopback:
        return "none, and none is needed on this machine"
    return "none yet: `%nemotron login`, or try without: `%nemotron rehearse`"


def _spent(session: Session) -> str:
    """Return what this session took, and all of them lately, as the ledger has it."""
    ledger = session.accounting.ledger
    here = ledger.of_session()
    if not here.calls:
        parts = ["nothing in this session"]
    else:
        sent, received = tokens_text(here)
        tokens, cost = f"{sent} → {received} tokens", cost_text(here)
        parts = [
            plural(here.calls, "call"),
            "tokens unknown" if sent == "unknown" else tokens,
            "cost unknown" if cost == "unknown" else cost,
        ]
    return " · ".join([*parts, *recent_usage(ledger)])


def _code(app: App, text: str, settings: Settings) -> str:
    return app.asker.coder.insert(text)


CODING = {
    "code": Command("Put the next code of the last reply into a cell.", _code, "all"),
    "fix": Command("Correct the cell that failed.", takes="WISH", takes_cell=True),
    "explain": Command("Explain the last cell.", takes="WISH", takes_cell=True),
    "doc": Command("Document the last cell.", takes="WISH", takes_cell=True),
    "test": Command("Write tests for a function.", takes="NAME"),
}


def _reset(app: App, text: str, settings: Settings) -> str:
    thread = text.strip() or MAIN
    threads = [
        name for name, turns in app.session.conversation.threads.items() if turns
    ]
    if thread not in (MAIN, *threads):
        raise InputError(
            f"there is no thread {sanitize_label(thread, 60)}",
            hint=f"There are: {sanitize_label(', '.join(threads) or 'none yet')}",
        )
    return f"Forgot {plural(app.session.conversation.reset(thread), 'turn')}."


def _threads(app: App, text: str, settings: Settings) -> str:
    threads = app.session.conversation.threads
    if not any(threads.values()):
        return "No conversation has begun yet."
    rows = [
        f"| {literal(name)} | {len(turns)} | {_begin(turns[-1].question)} |"
        for name, turns in threads.items()
        if turns
    ]
    return "\n".join(["| Thread | Turns | Last question |", "|:--|--:|:--|", *rows])


def _begin(question: str) -> str:
    return one_line(question, 60).replace("|", "¦")


CONVERSATION = {
    "continue": Command("Go on with a reply that was cut off."),
    "retry": Command("Ask the last question again.", takes="WISH"),
    "threads": Command("The conversations of this notebook.", _threads),
    "reset": Command("Forget the conversation.", _reset, "THREAD"),
}


def _panel(app: App, text: str, settings: Settings) -> None:
    if app.displays.front_end not in ("page", "headless"):
        raise InputError(
            "a panel needs a notebook page, and this is none",
            hint="Where things stand: %nemotron   Settings: %config Nemotron",
        )
    app.open_panel()


PANEL = {
    "panel": Command("Settings, a place to ask and what it cost, to click.", _panel)
}


def _preview(app: App, text: str, settings: Settings) -> str:
    last = app.session.conversation.last
    if last is None:
        raise InputError(
            "nothing has been sent yet",
            hint="Preview a question: %nemotron --preview why is this slow?",
        )
    known = last.metadata
    asked = PreparedPrompt(
        known.messages,
        MAIN,
        Turn(""),
        known.context_info,
        fields={"model": known.model, **known.parameters},
    )
    return preview_report(app.session, asked, settings, "What was sent")


PROMPT = {
    "preview": Command("What the last question sent, to the letter.", _preview),
}
