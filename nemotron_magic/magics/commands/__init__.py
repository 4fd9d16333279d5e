"""The commands, by name."""

from __future__ import annotations

from nemotron_magic.core.settings import Settings
from nemotron_magic.magics.app import App
from nemotron_magic.magics.commands.notebook import NOTEBOOK
from nemotron_magic.magics.commands.service import SERVICE
from nemotron_magic.magics.commands.usage import USAGE
from nemotron_magic.magics.flags import flags_table
from nemotron_magic.magics.parser import Command

__all__ = ["COMMANDS", "flags_help"]


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
