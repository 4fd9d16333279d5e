"""Conversations: those there are, and forgetting one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemotron_magic.errors import InputError
from nemotron_magic.notebook.commands.command import Command, literal
from nemotron_magic.quantities import plural
from nemotron_magic.settings import Settings
from nemotron_magic.text import as_name, one_line
from nemotron_magic.turns import MAIN

if TYPE_CHECKING:
    from nemotron_magic.notebook.runner import Runner

__all__ = ["CONVERSATION"]


def _reset(runner: Runner, text: str, settings: Settings) -> str:
    thread = text.strip() or MAIN
    threads = [name for name, turns in runner.session.threads.items() if turns]
    if thread not in (MAIN, *threads):
        raise InputError(
            f"there is no thread {as_name(thread, 60)}",
            todo=f"There are: {as_name(', '.join(threads) or 'none yet')}",
        )
    return f"Forgot {plural(runner.session.reset(thread), 'turn')}."


def _threads(runner: Runner, text: str, settings: Settings) -> str:
    threads = runner.session.threads
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
