"""What `fix`, `explain`, `doc` and `test` are about: a cell that ran, or a function."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from functools import lru_cache
from types import FunctionType, MethodType
from typing import Any

from nemotron_magic.code.evidence import (
    clipped_traceback,
    is_like,
    names_in,
    syntax_error,
)
from nemotron_magic.code.tasks import TASKS
from nemotron_magic.context.cells import Cell
from nemotron_magic.context.parts import Part
from nemotron_magic.context.runs import newest_runs
from nemotron_magic.errors import InputError
from nemotron_magic.grammar import Invocation
from nemotron_magic.notebook.evaluate import evaluate
from nemotron_magic.notebook.gather import Subject
from nemotron_magic.notebook.history import History
from nemotron_magic.notebook.variables import Variables

__all__ = ["Subjects"]

_LOOKED_AT = 50
"""An error further back than so many cells is no one's any more."""

_PRINTED_CHARS = 4_000
_FUNCTIONS = (FunctionType, MethodType, type(lru_cache(len)))


class Subjects:
    """Finds what a task is about.

    Parameters
    ----------
    shell : InteractiveShell
        Whose cells and variables it may be.
    """

    def __init__(self, shell: Any, history: History) -> None:
        self._shell = shell
        self._history = history

    def of(self, call: Invocation, variables: Variables) -> tuple[Subject, str]:
        """Give what a task is about, and the cell that its code is to replace.

        Raises
        ------
        InputError
            If there is nothing to do; nothing is sent then.
        """
        task = TASKS[call.command]
        if call.command == "test":
            name = self._function(call.text)
            words = task.question(f"the function `{name}`", "")
            return Subject(words, task.told, (), (name,), with_source=True), ""
        cell = self._cell(call, variables)
        about = f"cell {cell.number}" if cell.number else "this cell"
        words = task.question(about, call.text)
        names = names_in(cell.source, self._shell.transform_cell)
        named = tuple(name for name in names if not hasattr(builtins, name))
        return Subject(words, task.told, (_part(cell, about),), named), cell.source

    def _cell(self, call: Invocation, variables: Variables) -> Cell:
        if call.cell.strip():
            return self._typed(call, variables)
        newest = next(self._others(), None)
        cell = self._failed() if call.command == "fix" else newest
        if cell is None:
            raise _no_cell(call.command)
        if cell.is_skipped:
            raise _stays_out(cell, call.command)
        return self._history.load(cell, variables.described)

    def _typed(self, call: Invocation, variables: Variables) -> Cell:
        """Give the cell below the magic, with what is known of its last run."""
        source = call.cell
        ran = (c for c in self._others() if c.source.strip() == source.strip())
        before = next(ran, None)
        if before is not None:
            before = self._history.load(before, variables.described)
            if call.command != "fix" or before.error or call.text.strip():
                return before
            raise InputError(
                f"this cell ran without an error, as cell {before.number}",
                "nothing was sent",
                "Say what to change: %%nemotron fix: keep the index",
            )
        return Cell(0, source, error=syntax_error(source, self._shell.transform_cell))

    def _failed(self) -> Cell:
        """Give the newest cell that failed and that has not been mended since.

        Only the newest run of a cell counts.
        """
        well: list[str] = []
        for cell in newest_runs(self._others()):
            error = self._history.error_of(cell)
            if not error:
                well.append(cell.source)
            elif "KeyboardInterrupt" in error.rpartition("\n")[2]:
                continue
            elif not any(is_like(cell.source, one) for one in well):
                return cell
        raise InputError(
            "there is nothing to fix: no cell has failed"
            + (", or it has been mended since" if well else ""),
            "nothing was sent",
            "For a cell that runs but is wrong, put %%nemotron fix: … on top of it",
        )

    def _others(self) -> Iterator[Cell]:
        """Give the cells that ran, newest first, but for ours."""
        newest = self._history.newest_first()
        ran = (cell for _, cell in zip(range(_LOOKED_AT), newest, strict=False))
        return (cell for cell in ran if not cell.is_ours)

    def _function(self, text: str) -> str:
        name = text.strip()
        if not name:
            raise InputError(
                "test needs the name of a function",
                todo="Type it after a colon: %nemotron test: clean_names",
            )
        try:
            value = evaluate(name, self._shell.user_ns)
        except (InputError, SyntaxError, ValueError):
            value = None
        if any(type(value) is one for one in _FUNCTIONS):
            return name
        raise InputError(
            f"there is no function {name[:60]!r} in this notebook",
            todo="Name one that a cell has defined: %nemotron test: clean_names",
        )


def _no_cell(command: str) -> InputError:
    return InputError(
        f"{command} needs a cell, and none has run yet",
        todo=f"Run one first, or put %%nemotron {command} on top of it",
    )


def _stays_out(cell: Cell, command: str) -> InputError:
    return InputError(
        f"cell {cell.number} says that it stays out: # nemotron: skip",
        "nothing was sent",
        f"Take that line off, or put %%nemotron {command} on top of the cell",
    )


def _part(cell: Cell, about: str) -> Part:
    printed = cell.printed
    if len(printed) > _PRINTED_CHARS:
        printed = f"[…]\n{printed[-_PRINTED_CHARS:]}"
    fields = (
        ("source", cell.source),
        ("printed", printed),
        ("result", cell.result),
        ("error", clipped_traceback(cell.error)),
    )
    return Part("cell", about, tuple((n, text) for n, text in fields if text.strip()))
