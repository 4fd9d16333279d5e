"""The commands: words that stand alone after `%nemotron`, a module for each family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemotron_magic.notebook.commands.card import card, flags
from nemotron_magic.notebook.commands.coding import CODING
from nemotron_magic.notebook.commands.command import Command
from nemotron_magic.notebook.commands.conversation import CONVERSATION
from nemotron_magic.notebook.commands.panel import PANEL
from nemotron_magic.notebook.commands.prompt import PROMPT, preview
from nemotron_magic.notebook.commands.service import SERVICE
from nemotron_magic.notebook.commands.spending import SPENDING
from nemotron_magic.settings import Settings

if TYPE_CHECKING:
    from nemotron_magic.notebook.runner import Runner

__all__ = ["COMMANDS", "Command", "card", "flags", "preview"]


def _help(runner: Runner, text: str, settings: Settings) -> str:
    rows = (
        f"| `{name}{f': {command.takes}' if command.takes else ''}` | {command.help} |"
        for name, command in COMMANDS.items()
    )
    table = "\n".join(["| Command | |", "|:--|:--|", *rows])
    return f"{card(runner, settings, COMMANDS)}\n\n{table}\n\n{flags()}"


COMMANDS: dict[str, Command] = {
    "help": Command("What there is.", _help),
    **SERVICE,
    **PROMPT,
    **CODING,
    **CONVERSATION,
    **PANEL,
    **SPENDING,
}
