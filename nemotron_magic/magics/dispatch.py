"""Dispatch what was typed: to a command, a preview, or a question."""

from __future__ import annotations

from nemotron_magic.core.errors import InputError, InterruptedByUser
from nemotron_magic.display.reports import preview_report
from nemotron_magic.magics.app import App
from nemotron_magic.magics.commands import COMMANDS, flags_help
from nemotron_magic.magics.parser import Command, ParsedMagic, parse
from nemotron_magic.session.reply import Reply

__all__ = ["run"]


def run(app: App, line: str, cell: str | None) -> Reply | None:
    """Do what was typed; return the reply, if it was a question.

    Raises
    ------
    NemotronError
        When it cannot be done; what had arrived of a reply is shown and kept.
    """
    if cell is None and not line.strip():
        line = "status"
    call = parse(line, cell, COMMANDS, app.session.redactor.hide, app.last_reply)
    settings = app.config.snapshot(call.values, **call.extra)
    app.keep_books(settings)
    command = COMMANDS.get(call.command)
    if command is not None:
        _refuse(call, command)
    if call.help:
        app.show(flags_help())
    elif command is not None and command.run is not None:
        try:
            shown = command.run(app, call.text, settings)
        except KeyboardInterrupt:
            raise InterruptedByUser("stopped by you") from None
        if shown:
            app.show(shown)
    elif call.preview:
        question, _ = app.asker.question(call, settings)
        prompt = app.session.prepare(question, settings)
        beside = "" if question.text.strip() else " with a question"
        heading = f"What would be sent{beside}"
        app.show(preview_report(app.session, prompt, settings, heading))
    else:
        return app.asker.reply(call, settings)
    return None


def _refuse(call: ParsedMagic, command: Command) -> None:
    """Refuse what a command has no use for: it may have been meant as a question."""
    has_text = call.text.strip() and not command.takes
    has_cell = call.cell.strip() and not command.takes_cell
    if has_text or has_cell:
        raise InputError(
            f"{call.command} takes no {'text' if has_text else 'cell below it'}",
            hint=f"To ask it, put -- before it: %nemotron -- {call.command} …",
        )
    if call.as_ is not None and not command.takes_fields:
        raise InputError(
            f"--as is for a question, and {call.command} is none",
            "nothing was sent",
            f"Ask it in words: %nemotron --as FIELDS …   Or: %nemotron {call.command}",
        )
    if call.preview and command.run is not None:
        raise InputError(
            f"{call.command} asks the model nothing, so there is nothing to preview",
            hint=f"Type: %nemotron {call.command}",
        )
