"""The cells of a shell: which one runs, which ran, and which are sent as context."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from types import MappingProxyType
from typing import Any

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import CONTEXT_WORDS

__all__ = [
    "NO_IDS",
    "Cell",
    "CellIds",
    "Selection",
    "cell_id_of",
    "cell_number",
    "execution_of",
    "latest_runs",
    "notebook_path",
    "origin_of",
    "request_of",
    "source_of",
]


# Nothing may stand above a cell magic, so that the mark is below it.
_MARK = re.compile(r"\s*(?:%%[^\n]*\n\s*)?#\s*nemotron:\s*(skip|pin)\b", re.IGNORECASE)
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as it ran.

    Attributes
    ----------
    number : int
        Its execution count, from 1.
    printed : str
        What it wrote to stdout and stderr.
    result : str
        A description of its value, and of what it displayed.
    error : str
        The traceback, without colours.
    is_ours : bool
        Whether it was a question of ours: those are turns, and not cells.
    cell_id : str
        What the front end calls the cell; empty where that is not known.
    """

    number: int
    source: str
    printed: str = ""
    result: str = ""
    error: str = ""
    is_ours: bool = False
    cell_id: str = ""

    @property
    def is_skipped(self) -> bool:
        """Whether its first line keeps it out; of a cell magic, the one below."""
        return self._mark == "skip"

    @property
    def is_pinned(self) -> bool:
        """Whether its first line keeps it in."""
        return self._mark == "pin"

    @property
    def _mark(self) -> str:
        found = _MARK.match(self.source)
        return found[1].lower() if found else ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cells are sent as context.

    Parameters
    ----------
    word : str
        `auto` (those that ran since the last reply), `none`, `all`, or "" for others.
    last : int
        The last this many; 0 where `ranges` says which.
    ranges : tuple of (int, int)
        First and last number, both included.
    """

    word: str = "auto"
    last: int = 0
    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def read(cls, text: str) -> Selection:
        """Read `auto`, `none`, `all`, a number, or ranges as in `%history`.

        Raises
        ------
        InputError
            If it is none of these.

        Examples
        --------
        >>> Selection.read("3-7 9").ranges
        ((3, 7), (9, 9))
        >>> Selection.read("5").last
        5
        """
        words = text.split()
        if len(words) == 1 and words[0] in CONTEXT_WORDS:
            return cls(words[0])
        found = [_RANGE.fullmatch(word) for word in words]
        if not words or None in found:
            raise InputError(
                f"context must be auto, none, all, a number or ranges, got {text[:60]}",
                hint="Such as: -c none   or: -c 3   or: -c '3-7 9'",
            )
        pairs = [(int(m[1]), int(m[2] or m[1])) for m in found if m]
        if len(words) == 1 and "-" not in words[0]:
            return cls("", last=pairs[0][0])
        return cls("", ranges=tuple(pairs))

    def newest_first(self, cells: Iterable[Cell], since: int) -> Iterator[Cell]:
        """Return the chosen ones of `cells`, which come newest first.

        Cells that cannot be chosen any more are not asked for, so that the cost grows
        with what is sent and not with what there is.

        Parameters
        ----------
        since : int
            Number of the cell that asked last; 0 if none did.
        """
        others = (c for c in cells if not c.is_ours)
        if self.word == "auto":
            chosen: Iterator[Cell] = takewhile(lambda c: c.number > since, others)
        elif self.ranges:
            lowest = min(first for first, _ in self.ranges)
            reachable = takewhile(lambda cell: cell.number >= lowest, others)
            chosen = (cell for cell in reachable if self._includes(cell.number))
        else:
            chosen = islice(others, 0 if self.word == "none" else self.last or None)
        return (cell for cell in chosen if not cell.is_skipped)

    def _includes(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.ranges)


def latest_runs(cells: Iterable[Cell], asking: Cell | None = None) -> Iterator[Cell]:
    """Yield of each cell its newest run, at the place of that.

    The id that the front end sends tells which cell it was, whatever its text is by
    then. A run of which no id is known, as from before the extension was loaded, is of
    a cell with an id if that has run with the very same text since.

    Where no front end sends ids, as in a terminal, nothing is left out: what was typed
    twice may be needed twice, as `x += 1`, or `df.shape` before a filter and after it.
    A question takes the place of no code: it may be asked in the very cell that failed.

    Parameters
    ----------
    cells : iterable of Cell
        Newest first.
    asking : Cell, optional
        The one that runs now. Runs of it with the same text are left out: they asked
        this question before, and were no context of it.
    """
    ids: set[str] = set()
    sources: set[str] = set()
    for cell in cells:
        if cell.is_ours:
            yield cell
        elif not cell.cell_id:
            if cell.source not in sources:
                yield cell
        elif asking is None or not _is_same(cell, asking):
            if cell.cell_id not in ids:
                yield cell
            ids.add(cell.cell_id)
            sources.add(cell.source)


def _is_same(cell: Cell, asking: Cell) -> bool:
    return (cell.cell_id, cell.source) == (asking.cell_id, asking.source)


# ---- what the shell and the front end tell of the cell that runs


def cell_number(shell: Any) -> int:
    """Return the number of the cell that runs now, from 1; 0 before the first."""
    # The execution count is one more in newer versions; this is the same in all.
    return len(shell.user_ns.get("In") or [""]) - 1


def cell_id_of(shell: Any) -> str:
    """Return the id of the cell that runs now; "" where no front end tells it."""
    return str(request_of(shell).get("metadata", {}).get("cellId", ""))


def request_of(shell: Any) -> dict[str, Any]:
    """Return the message that asked for the cell that runs now; empty in a terminal."""
    if getattr(shell, "kernel", None) is None:
        return {}
    return shell.get_parent() or {}


def execution_of(shell: Any) -> object:
    """Return a marker of the cell that runs now."""
    if getattr(shell, "kernel", None) is None:
        return cell_number(shell)
    return request_of(shell).get("header", {}).get("msg_id")


def source_of(shell: Any) -> str:
    """Return the source of the cell that runs now, after IPython's transforms."""
    if getattr(shell, "kernel", None) is None:
        return str((shell.user_ns.get("In") or [""])[-1])
    code = str(request_of(shell).get("content", {}).get("code", ""))
    history = shell.history_manager
    # A run may ask to leave no trace there; to transform a cell again takes a while.
    if (history.input_hist_raw or [""])[-1] == code.rstrip("\n"):
        return str(history.input_hist_parsed[-1])
    return str(shell.transform_cell(code))


def origin_of(shell: Any) -> str:
    """Return which cell runs now, so that running it again is known as that.

    JupyterLab, Notebook and VS Code name the cell; elsewhere its source does.
    """
    if cell_id := cell_id_of(shell):
        return cell_id
    source = (shell.history_manager.input_hist_raw or [""])[-1]
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:16]


def notebook_path(shell: Any, environ: Mapping[str, str]) -> str:
    """Return the path of the notebook's file; "" where no front end tells it.

    Jupyter's server names it in the environment, VS Code in a variable.
    """
    path = environ.get("JPY_SESSION_NAME", "")
    path = path or str(shell.user_ns.get("__vsc_ipynb_file__", ""))
    return path if path.endswith(".ipynb") else ""


NO_IDS: Mapping[int, str] = MappingProxyType({})


class CellIds:
    """Notes the id that the front end sends with each run.

    Parameters
    ----------
    known : dict of int to str
        Where they are noted, by the number of the run.
    """

    def __init__(self, shell: Any, known: dict[int, str]) -> None:
        self._shell = shell
        self._known = known
        shell.events.register("post_run_cell", self.note)

    def close(self) -> None:
        """Note none any more."""
        self._shell.events.unregister("post_run_cell", self.note)

    def note(self, result: Any) -> None:
        """Note the id of a run that has ended, if it was counted."""
        if result is None or not result.info.store_history:
            return
        raw = self._shell.history_manager.input_hist_raw
        # An empty cell has no number of its own.
        if not raw or raw[-1] != result.info.raw_cell.rstrip("\n"):
            return
        number, cell_id = cell_number(self._shell), cell_id_of(self._shell)
        # After a reset the numbers begin anew.
        self._known.pop(number, None)
        if cell_id:
            self._known[number] = cell_id
