"""What the commands do, their manual, and the dispatch of what was typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from textwrap import fill
from typing import Any

from nemotron_magic.core.errors import InputError, InterruptedByUser
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import literal, one_line, plural, sanitize_label
from nemotron_magic.display import reports
from nemotron_magic.magics.app import App, Asking
from nemotron_magic.magics.commands import row_runs
from nemotron_magic.magics.commands.service import SERVICE, key_state
from nemotron_magic.magics.parser import ParsedMagic, parse
from nemotron_magic.magics.words import COMMANDS, FLAGS, bare, flags_table, line_for
from nemotron_magic.session.conversation import MAIN, PreparedPrompt, Turn
from nemotron_magic.session.session import Session


def manual() -> str:
    """Return what `%nemotron?` shows."""
    commands = (_hang(f"%nemotron {name}", 26, words) for name, words in _helped())
    flags = (_hang(f"{flag}", 34, flag.help) for flag in FLAGS)
    text = files(__package__).joinpath("manual.txt").read_text("utf-8").rstrip()
    return text.format(commands="\n".join(commands), flags="\n".join(flags))


def _helped() -> Iterator[tuple[str, str]]:
    for name, command in COMMANDS.items():
        also = f" Also `{name}: {command.takes}`." if command.takes else ""
        yield name, f"{command.help}{also}"


def _hang(name: str, indent: int, text: str) -> str:
    first = f"    {name}".ljust(indent)
    return fill(text, 88, initial_indent=first, subsequent_indent=" " * indent)


def _flags_help() -> str:
    return f"`%nemotron [flags] QUESTION`\n\n{flags_table()}"


def _help(app: App, text: str, settings: Settings) -> str:
    commands = [(f"`{name}`", words) for name, words in _helped()]
    if not text:
        return f"{reports.table(('Command', ''), commands)}\n\n{_flags_help()}"
    rows = [*commands, *((f"`{flag}`", flag.help) for flag in FLAGS)]
    name = re.compile(rf"[`-]{re.escape(text.lstrip('-'))}\b", re.IGNORECASE)
    return reports.table(("Help", ""), filter(lambda row: name.search(row[0]), rows))


def _status(app: App, text: str, settings: Settings) -> str:
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
        "Ask": "`%nemotron QUESTION`, or `%%nemotron` with the text below it",
        "More": "`%nemotron help` commands and flags · `%nemotron?` the manual",
    }
    return reports.table(("Nemotron", ""), rows.items())


def _spent(session: Session) -> str:
    """Return the cost of this session, and of all lately, as the ledger has it."""
    here = session.accounting.ledger.of_session()
    sent, received = reports.tokens_text(here)
    tokens = f"{sent} → {received} tokens" if sent != "unknown" else "tokens unknown"
    cost = reports.cost_text(here).replace("unknown", "cost unknown")
    calls = (plural(here.calls, "call"), tokens, cost)
    parts = calls if here.calls else ("nothing in this session",)
    return " · ".join([*parts, *reports.recent_usage(session.accounting.ledger)])


def _code(app: App, text: str, settings: Settings) -> str:
    return app.inserter.insert(text, settings["try_code"] == "on")


def _reset(app: App, text: str, settings: Settings) -> str:
    thread, conversation = text or MAIN, app.session.conversation
    threads = [name for name, turns in conversation.threads.items() if turns]
    if thread not in (MAIN, *threads):
        hint = f"There are: {sanitize_label(', '.join(threads) or 'none yet')}"
        raise InputError(f"there is no thread {sanitize_label(thread, 60)}", hint=hint)
    return f"Forgot {plural(conversation.reset(thread), 'turn')}."


def _threads(app: App, text: str, settings: Settings) -> str:
    rows = [
        (literal(name), f"{len(turns)}", literal(turns[-1].question, 60))
        for name, turns in app.session.conversation.threads.items()
        if turns
    ]
    none = "There is no conversation yet."
    return reports.table(("Thread", ">Turns", "Last question"), rows) if rows else none


def _panel(app: App, text: str, settings: Settings) -> None:
    if app.displays.front_end not in ("page", "headless"):
        hint = "Where things stand: %nemotron   Settings: %config Nemotron"
        raise InputError(
            "a panel needs a notebook page, and this is not one", hint=hint
        )
    app.open_panel()


def _preview(app: App, text: str, settings: Settings) -> str:
    last = app.session.conversation.last
    if last is None:
        hint = "Preview a question: %nemotron --preview why is this slow?"
        raise InputError("nothing has been sent yet", hint=hint)
    known, turn = last.metadata, Turn("")
    fields = {"model": known.model, **known.parameters}
    asked = PreparedPrompt(
        known.messages, MAIN, turn, known.context_info, fields=fields
    )
    return reports.preview_report(app.session, asked, settings, "What was sent")


_RUNS: Mapping[str, Callable[[App, str, Settings], str | None]] = {
    **SERVICE,
    "help": _help,
    "status": _status,
    "preview": _preview,
    "code": _code,
    "threads": _threads,
    "reset": _reset,
    "panel": _panel,
}
"""What commands do that ask no model; each returns what is to be shown, if any."""


def run(app: App, line: str, cell: str | None) -> Any:
    """Do what was typed; return the reply, or the frame, if it was a question."""
    if cell is None and not line.strip():
        line = "status"
    call = parse(line, cell, app.session.redactor.hide, app.last_reply)
    settings = app.config.snapshot(call.values, **call.extra)
    app.keep_books(settings)
    _refuse(call)
    try:
        if call.command == "rows" and not call.help:
            return row_runs.run(app, call, settings, line)
        shown = _report_of(app, call, settings)
        if shown is None:
            return Asking(app, call, settings).run()
    except KeyboardInterrupt:
        raise InterruptedByUser("stopped by you") from None
    if shown:
        app.displays.show_markdown(shown)
    return None


def _report_of(app: App, call: ParsedMagic, settings: Settings) -> str | None:
    """Return what is to be shown instead of a reply; None if there is to be one."""
    if call.help:
        return _flags_help()
    if call.command in _RUNS:
        return _RUNS[call.command](app, call.text.strip(), settings) or ""
    if not call.preview:
        return None
    question, _ = app.questions.of(call, settings)
    beside = "" if question.text.strip() else " with a question"
    prompt, heading = app.session.prepare(question, settings), "What would be sent"
    return reports.preview_report(app.session, prompt, settings, f"{heading}{beside}")


def _refuse(call: ParsedMagic) -> None:
    """Refuse what a command has no use for: it may have been meant as a question."""
    name, text, command = call.command, call.text.strip(), COMMANDS.get(call.command)
    if call.rows and name != "rows":
        flag = next(iter(call.rows)).replace("_", "-")
        what = f"--{flag} is for rows, and this asks about none"
        hint = f"Type: %%nemotron --{flag} … rows: df.column   and the question below"
        raise InputError(what, "nothing was sent", hint)
    if command is None:
        return
    has_text = text and not command.takes
    if has_text or (call.cell.strip() and not command.takes_cell):
        line = f"{name}: …" if command.takes.isupper() else name
        if name in ("code", "preview"):
            line = f"--{name} …"
        above = "" if has_text else "%"
        ask = f"To ask it, put -- before it: {above}%nemotron -- {name} …"
        what = f"{name} takes no {'text' if has_text else 'cell below it'}"
        raise InputError(what, hint=f"Type: %nemotron {line}   {ask}")
    is_open = name not in _RUNS or command.takes.isupper() or name == "login"
    if text and not is_open and not command.is_followed_by(text):
        line = line_for(bare(f"{name} {text}")) or name
        line = line if line[0] == "%" else f"%nemotron {line}"
        what = f"{name} takes {command.takes} or nothing, got {one_line(text, 40)}"
        raise InputError(what, hint=f"Type: {line}   All commands: %nemotron help")
    if call.as_ is not None and name != "rows":
        what = f"--as is for a question, and {name} is none"
        hint = f"Ask it in words: %nemotron --as FIELDS …   Or: %nemotron {name}"
        raise InputError(what, "nothing was sent", hint)
    if call.preview and name in _RUNS:
        what = f"{name} asks the model nothing, so there is nothing to preview"
        raise InputError(what, hint=f"Type: %nemotron {name}")
