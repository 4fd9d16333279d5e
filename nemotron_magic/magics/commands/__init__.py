"""The commands, by name."""

from __future__ import annotations

from nemotron_magic.core.settings import Settings
from nemotron_magic.magics.app import App, Command
from nemotron_magic.magics.commands.notebook import (
    CODING,
    CONVERSATION,
    PANEL,
    PROMPT,
    flags,
    status,
)
from nemotron_magic.magics.commands.service import SERVICE
from nemotron_magic.magics.commands.usage import SPENDING

__all__ = [
    "COMMANDS",
]


def _help(app: App, text: str, settings: Settings) -> str:
    rows = (
        f"| `{name}{f': {command.takes}' if command.takes else ''}` | {command.help} |"
        for name, command in COMMANDS.items()
    )
    table = "\n".join(["| Command | |", "|:--|:--|", *rows])
    return f"{status(app, settings, COMMANDS)}\n\n{table}\n\n{flags()}"


COMMANDS: dict[str, Command] = {
    "help": Command("What there is.", _help),
    **SERVICE,
    **PROMPT,
    **CODING,
    **CONVERSATION,
    **PANEL,
    **SPENDING,
}
