"""What the model is told when code is wanted: one text for each task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CODE", "TASKS", "Task", "complaint"]

_ONE_CELL = "in one fenced block that names its language"


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of request about a cell or a function.

    Attributes
    ----------
    words : str
        What the conversation remembers as the question; `{about}` is the cell.
    told : str
        What the model is told to do, after the words.
    gives_code : bool
        Whether the reply's code becomes a cell.
    """

    words: str
    told: str
    gives_code: bool = True

    def question(self, about: str, wish: str) -> str:
        """Give the question, with what the user added."""
        words = self.words.format(about=about)
        return f"{words} {wish.strip()}" if wish.strip() else words


CODE = (
    f"Give the code for one notebook cell {_ONE_CELL}. "
    "Keep explanations short, and outside of the block."
)
"""Added to a question that asks for code."""

TASKS: dict[str, Task] = {
    "fix": Task(
        "Fix {about}.",
        "Find out what is wrong with that cell, and say it in one or two sentences. "
        f"Then give the whole corrected cell {_ONE_CELL}, with as few changes as do "
        "it.",
    ),
    "explain": Task(
        "Explain {about}.",
        "Explain what that cell does and, if it failed, why it failed and what would "
        "cure it. Be brief.",
        gives_code=False,
    ),
    "doc": Task(
        "Document {about}.",
        "Add docstrings in numpy style, and comments where they tell what the code "
        f"does not. Change nothing else. Give the whole cell {_ONE_CELL}.",
    ),
    "test": Task(
        "Write tests for {about}.",
        "Write plain functions with assert, whose names are sentences, hard cases "
        "first, and below them a call of each, so that they run as a notebook cell. "
        f"The function is there already. Give all of it {_ONE_CELL}.",
    ),
}


def complaint(findings: Sequence[str]) -> str:
    """Give what the model is told of what is wrong with the code of its reply."""
    lines = "\n".join(f"- {finding}" for finding in findings)
    return (
        f"That code cannot run in this notebook:\n\n{lines}\n\n"
        f"Give the whole corrected cell {_ONE_CELL}."
    )
