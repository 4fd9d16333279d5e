"""The commands, by name, and the manual of them."""

from __future__ import annotations

from textwrap import fill

from nemotron_magic.core.settings import Settings
from nemotron_magic.magics.app import App
from nemotron_magic.magics.commands.notebook import NOTEBOOK
from nemotron_magic.magics.commands.service import SERVICE
from nemotron_magic.magics.commands.usage import USAGE
from nemotron_magic.magics.flags import FLAGS, flags_table
from nemotron_magic.magics.parser import Command

__all__ = ["COMMANDS", "flags_help", "manual"]


_MANUAL = """Ask a Nemotron model; its reply streams in as Markdown.

    %nemotron why does this merge lose rows?
    answer = %nemotron -t 0 name three uses of a pivot table

    %%nemotron --max-tokens 800
    Explain this traceback.
    KeyError: 'region'

$`name` stands for a live value: `why is $`df["price"]` an object column?`

Flags come first; the first word that is no flag starts the question, and from there
every character is yours. `--` ends the flags by hand. The reply is the value: text,
with .code, .blocks, .usage, .cost_usd, .model, .reasoning, .finish_reason and
.messages. `_nemotron` is always the last one. The stop button, or Ctrl-C, ends a call
at any time and keeps what has arrived.

Commands (a lone word; with a text it takes a colon, as fix: keep the index):

{commands}

%%nemotron fix, explain and doc take a cell of yours below them, as it is.

Flags:

{flags}

Settings for the session: `%config Nemotron` lists them,
`%config Nemotron.temperature = 0.2` sets one; for good, write
`c.Nemotron.temperature = 0.2` into ipython_config.py. The key comes from
AIMLAPI_API_KEY or from `%nemotron login`; it is never written into a notebook."""


def manual() -> str:
    """Return what `%nemotron?` shows."""
    commands = (
        _hang(f"%nemotron {name}", 26, f"{command.help}{_argument(name, command)}")
        for name, command in COMMANDS.items()
    )
    flags = (_hang(f"{', '.join(f.names)} {f.value}", 34, f.help) for f in FLAGS)
    return _MANUAL.format(commands="\n".join(commands), flags="\n".join(flags))


def _hang(name: str, indent: int, text: str) -> str:
    first = f"    {name}".ljust(indent)
    return fill(text, 88, initial_indent=first, subsequent_indent=" " * indent)


def flags_help() -> str:
    """Return what `-h` shows."""
    return f"`%nemotron [flags] QUESTION`\n\n{flags_table()}"


def _help(app: App, text: str, settings: Settings) -> str:
    rows = (
        f"| `{name}` | {command.help}{_argument(name, command)} |"
        for name, command in COMMANDS.items()
    )
    table = "\n".join(["| Command | |", "|:--|:--|", *rows])
    return f"{table}\n\n{flags_help()}"


def _argument(name: str, command: Command) -> str:
    return f" Also `{name}: {command.takes}`." if command.takes else ""


COMMANDS = {
    "help": Command("Commands and flags.", _help),
    **SERVICE,
    **NOTEBOOK,
    **USAGE,
}
