"""Code into the next cell: one cell a run, the others wait.

A front end takes only the first cell that a run gives it, and only if the run ended
well (JupyterLab), so further cells wait in a queue. Nothing is run, and no cell of the
user's is replaced unasked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nemotron_magic.code.cells import CodeCell, joined
from nemotron_magic.errors import InputError

__all__ = ["Inserter"]


class Inserter:
    """Puts code into cells of one shell.

    Attributes
    ----------
    cells : tuple of CodeCell
        Those of the last reply.
    """

    def __init__(self, shell: Any) -> None:
        self.cells: tuple[CodeCell, ...] = ()
        self._shell = shell
        self._next = 0

    def begin(self, cells: Sequence[CodeCell]) -> None:
        """Let these cells wait, in place of those that did."""
        self.cells, self._next = tuple(cells), 0

    def insert(self, which: str, replaces: bool = False) -> tuple[CodeCell, str]:
        """Put a cell in; give it, and what was done.

        Parameters
        ----------
        which : str
            Empty for the next one, a number from 1, or `all` for one cell of all that
            is Python.
        replaces : bool
            Whether it takes the place of the cell that runs.

        Raises
        ------
        InputError
            If there is none.
        """
        if not self.cells:
            raise InputError(
                "the last reply has no code to put in",
                todo="Ask for some: %nemotron --code plot sales by month",
            )
        if which.strip().lower() == "all":
            return self._insert_all(replaces)
        number = self._number(which.strip())
        cell = self.cells[number - 1]
        self._put(cell, replaces)
        self._next = max(self._next, number)
        return cell, f"Block {number} of {len(self.cells)} is in the cell below."

    def _insert_all(self, replaces: bool) -> tuple[CodeCell, str]:
        whole, *others = joined(self.cells)
        count = len(self.cells) - len(others)
        blocks = "1 block is" if count == 1 else f"{count} blocks are"
        self._put(whole, replaces)
        self.begin(others)
        left = f" {len(others)} with a magic of their own wait." if others else ""
        return whole, f"{blocks} in the cell below.{left}"

    def _number(self, which: str) -> int:
        if not which and self._next == len(self.cells):
            raise InputError(
                "all code of the last reply has been put in",
                todo="Again: %nemotron code: 1   or: %nemotron code: all",
            )
        number = int(which) if which.isdecimal() else 0 if which else self._next + 1
        if not 1 <= number <= len(self.cells):
            raise InputError(
                f"code takes all or a number up to {len(self.cells)}, got {which[:40]}"
            )
        return number

    def _put(self, cell: CodeCell, replaces: bool) -> None:
        self._shell.set_next_input(cell.source.rstrip("\n"), replace=replaces)
