"""The commands by name, their manual, and the dispatch of what was typed."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from nemotron_magic.core.errors import InputError, InterruptedByUser
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import one_line
from nemotron_magic.display.reports import preview_report
from nemotron_magic.magics.app import App
from nemotron_magic.magics.commands import row_runs
from nemotron_magic.magics.commands.notebook import NOTEBOOK
from nemotron_magic.magics.commands.service import SERVICE
from nemotron_magic.magics.commands.usage import USAGE
from nemotron_magic.magics.flags import FLAGS, flags_table
from nemotron_magic.magics.parser import Command, ParsedMagic, parse

__all__ = ["COMMANDS", "manual", "run"]

_MANUAL = """Ask a Nemotron model; its reply streams in as Markdown.

    %nemotron why does this merge lose rows?
    answer = %nemotron -t 0 name three uses of a pivot table

    %%nemotron --max-tokens 800
    Explain this traceback.
    KeyError: 'region'

$`name` stands for a live value: `why is $`df["price"]` an object column?`

Flags come first. The question begins at the first word that is no flag and is sent
exactly as typed; `--` says where it begins. The reply is a string, with .code, .blocks,
.usage, .cost_usd, .model, .reasoning, .finish_reason and .messages; `_nemotron` always
holds the last one. The stop button, or Ctrl-C, ends a call at any time and keeps what
has arrived.

Commands (a word by itself; text follows a colon, as in fix: keep the index):

{commands}

%%nemotron fix, explain and doc also work on top of a cell.

Flags:

{flags}

Settings for the session: `%config Nemotron` lists them,
`%config Nemotron.temperature = 0.2` sets one; to keep it, write
`c.Nemotron.temperature = 0.2` into ipython_config.py. The key comes from
AIMLAPI_API_KEY or from `%nemotron login`; it is never written into a notebook."""


def manual() -> str:
    """Return what `%nemotron?` shows."""
    commands = (_hang(f"%nemotron {name}", 26, words) for name, words in _helped())
    flags = (_hang(f"{', '.join(f.names)} {f.value}", 34, f.help) for f in FLAGS)
    return _MANUAL.format(commands="\n".join(commands), flags="\n".join(flags))


def _helped() -> Iterator[tuple[str, str]]:
    """Yield each command with its help."""
    for name, command in COMMANDS.items():
        also = f" Also `{name}: {command.takes}`." if command.takes else ""
        yield name, f"{command.help}{also}"


def _hang(name: str, indent: int, text: str) -> str:
    first = f"    {name}".ljust(indent)
    return fill(text, 88, initial_indent=first, subsequent_indent=" " * indent)


def _flags_help() -> str:
    """Return what `-h` shows."""
    return f"`%nemotron [flags] QUESTION`\n\n{flags_table()}"


def _help(app: App, text: str, settings: Settings) -> str:
    rows = (f"| `{name}` | {words} |" for name, words in _helped())
    table = "\n".join(["| Command | |", "|:--|:--|", *rows])
    return f"{table}\n\n{_flags_help()}"


COMMANDS = {
    "help": Command("Commands and flags.", _help),
    **SERVICE,
    **NOTEBOOK,
    **USAGE,
    "rows": Command(
        "Ask about each row of a table; alone, the runs so far.",
        takes="EXPR, check or forget NAME",
        takes_cell=True,
        takes_fields=True,
    ),
}


def run(app: App, line: str, cell: str | None) -> Any:
    """Do what was typed; return the reply, or the frame, if it was a question.

    Raise NemotronError when it cannot be done; what had arrived of a reply is shown and
    kept.
    """
    if cell is None and not line.strip():
        line = "status"
    call = parse(line, cell, COMMANDS, app.session.redactor.hide, app.last_reply)
    settings = app.config.snapshot(call.values, **call.extra)
    app.keep_books(settings)
    _refuse(call, COMMANDS.get(call.command))
    try:
        return _run(app, call, settings, line)
    except KeyboardInterrupt:
        raise InterruptedByUser("stopped by you") from None


def _run(app: App, call: ParsedMagic, settings: Settings, line: str) -> Any:
    command = COMMANDS.get(call.command)
    if call.help:
        shown: str | None = _flags_help()
    elif call.command == "rows":
        return row_runs.run(app, call, settings, line)
    elif command is not None and command.run is not None:
        shown = command.run(app, call.text.strip(), settings)
    elif call.preview:
        question, _ = app.asker.question(call, settings)
        prompt = app.session.prepare(question, settings)
        beside = "" if question.text.strip() else " with a question"
        heading = f"What would be sent{beside}"
        shown = preview_report(app.session, prompt, settings, heading)
    else:
        return app.asker.reply(call, settings)
    if shown:
        app.displays.show_markdown(shown)
    return None


def _refuse(call: ParsedMagic, command: Command | None) -> None:
    """Refuse what a command has no use for: it may have been meant as a question."""
    name, text = call.command, call.text.strip()
    if call.rows and name != "rows":
        flag = next(iter(call.rows)).replace("_", "-")
        raise InputError(
            f"--{flag} is for rows, and this asks about none",
            "nothing was sent",
            f"Type: %%nemotron --{flag} … rows: df.column   and the question below",
        )
    if command is None:
        return
    has_text = text and not command.takes
    if has_text or (call.cell.strip() and not command.takes_cell):
        raise InputError(
            f"{name} takes no {'text' if has_text else 'cell below it'}",
            hint=f"To ask it, put -- before it: %nemotron -- {name} …",
        )
    is_open = command.run is None or command.takes.isupper() or name == "login"
    if text and not is_open and not command.is_followed_by(text):
        raise InputError(
            f"{name} takes {command.takes} or nothing, got {one_line(text, 40)}",
            hint=f"Type: %nemotron {name}   All commands: %nemotron help",
        )
    if call.as_ is not None and not command.takes_fields:
        raise InputError(
            f"--as is for a question, and {name} is none",
            "nothing was sent",
            f"Ask it in words: %nemotron --as FIELDS …   Or: %nemotron {name}",
        )
    if call.preview and command.run is not None:
        raise InputError(
            f"{name} asks the model nothing, so there is nothing to preview",
            hint=f"Type: %nemotron {name}",
        )
