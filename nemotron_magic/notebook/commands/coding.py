"""Code: into cells, put right, explained, documented, tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemotron_magic.notebook.commands.command import Command
from nemotron_magic.settings import Settings

if TYPE_CHECKING:
    from nemotron_magic.notebook.runner import Runner

__all__ = ["CODING"]


def _code(runner: Runner, text: str, settings: Settings) -> str:
    return runner.asker.coder.insert(text)


CODING = {
    "code": Command("Put the next code of the last reply into a cell.", _code, "all"),
    "fix": Command("Correct the cell that failed.", takes="WISH", takes_cell=True),
    "explain": Command("Explain the last cell.", takes="WISH", takes_cell=True),
    "doc": Command("Document the last cell.", takes="WISH", takes_cell=True),
    "test": Command("Write tests for a function.", takes="NAME"),
}
