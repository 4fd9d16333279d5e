"""What a command is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemotron_magic.settings import Settings
from nemotron_magic.text import one_line

if TYPE_CHECKING:
    from nemotron_magic.notebook.runner import Runner

__all__ = ["Command", "literal"]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Parameters
    ----------
    run : callable, optional
        Given the runner, the text after the colon and the settings of this call; gives
        the Markdown to show, or None if it has shown what there is. Without it, the
        command asks the model.
    takes : str
        What may stand after its colon; empty if nothing.
    takes_cell : bool
        Whether a cell may stand below it.
    """

    help: str
    run: Callable[[Runner, str, Settings], str | None] | None = None
    takes: str = ""
    takes_cell: bool = False


def literal(text: str, longest: int = 500) -> str:
    """Give a text that others wrote as code in a line: nothing in it is Markdown."""
    plain = one_line(text, longest).replace("`", "'").replace("|", "¦")
    return f"`{plain}`" if plain else ""
