"""Dispatch what was typed: to a command, a preview, or a question."""

from __future__ import annotations

from nemotron_magic.core.errors import InputError, InterruptedByUser
from nemotron_magic.core.settings import Settings
from nemotron_magic.display.reports import preview_report
from nemotron_magic.magics.app import App, Command
from nemotron_magic.magics.commands import COMMANDS
from nemotron_magic.magics.commands.notebook import flags, status
from nemotron_magic.magics.parser import ParsedMagic, parse
from nemotron_magic.session.reply import Reply

__all__ = [
    "run",
]


def run(app: App, line: str, cell: str | None) -> Reply | None:
    """Do what was typed; return the reply, if it was a question.

    Raises
    ------
    NemotronError
        When it cannot be done; what had arrived of a reply is shown and kept.
    """
    call = parse(_as_typed(app, line), cell, COMMANDS, app.session.redactor.hide)
    settings = app.config.snapshot(call.values, **call.extra)
    app.keep_books(settings)
    if call.help:
        app.show(flags())
    elif cell is None and not line.strip():
        app.show(status(app, settings, COMMANDS))
    elif call.command and _ran(app, call, settings):
        pass
    elif call.preview:
        _preview(app, call, settings)
    else:
        return app.asker.reply(call, settings)
    return None


def _preview(app: App, call: ParsedMagic, settings: Settings) -> None:
    question = app.asker.question(call, settings)
    asked = app.session.prepare(question, settings)
    beside = "" if question.text.strip() else " with a question"
    heading = f"What would be sent{beside}"
    app.show(preview_report(app.session, asked, settings, heading))


def _ran(app: App, call: ParsedMagic, settings: Settings) -> bool:
    """Run a command; return whether it was one that does not ask the model."""
    command = COMMANDS[call.command]
    _refuse(call, command)
    if command.run is None:
        return False
    try:
        shown = command.run(app, call.text, settings)
    except KeyboardInterrupt:
        raise InterruptedByUser("stopped by you") from None
    if shown:
        app.show(shown)
    return True


def _as_typed(app: App, line: str) -> str:
    """Return back the blanks at the line's end, which IPython takes off."""
    raw = (app.shell.history_manager.input_hist_raw or [""])[-1]
    typed = next((t for t in raw.splitlines() if t.rstrip().endswith(line)), "")
    blanks = typed[len(typed.rstrip()) :]
    return line + blanks if line.strip() and not line.endswith(" ") else line


def _refuse(call: ParsedMagic, command: Command) -> None:
    """Refuse what a command has no use for: it may have been meant as a question."""
    has_text = call.text.strip() and not command.takes and call.command != "login"
    has_cell = call.cell.strip() and not command.takes_cell
    if has_text or has_cell:
        raise InputError(
            f"{call.command} takes no {'text' if has_text else 'cell below it'}",
            hint=f"To ask it, put -- before it: %nemotron -- {call.command} …",
        )
    if call.preview and command.run is not None:
        raise InputError(
            f"{call.command} asks the model nothing, so there is nothing to preview",
            hint=f"Type: %nemotron {call.command}",
        )
