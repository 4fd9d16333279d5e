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
    """One cell as it ran, with its execution count from 1.

    `is_ours`: it was a question of ours: those are turns, and not cells. `cell_id` is
    what the front end calls it; empty where that is not known.
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
        return self._is_marked("skip")

    @property
    def is_pinned(self) -> bool:
        """Whether its first line keeps it in."""
        return self._is_marked("pin")

    def _is_marked(self, word: str) -> bool:
        found = _MARK.match(self.source)
        return found is not None and found[1].lower() == word


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cells are sent as context.

    By a `word`: `auto` (those that ran since the last reply), `none` or `all`; else the
    `last` this many, or those in `ranges`, both ends included.
    """

    word: str = "auto"
    last: int = 0
    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def read(cls, text: str) -> Selection:
        """Read `auto`, `none`, `all`, a number, or ranges as in `%history`.

        >>> Selection.read("3-7 9").ranges
        ((3, 7), (9, 9))
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
        if len(words) == 1 and words[0].isdecimal():
            return cls("", last=int(words[0]))
        return cls("", ranges=tuple((int(m[1]), int(m[2] or m[1])) for m in found if m))

    def newest_first(self, cells: Iterable[Cell], since: int) -> Iterator[Cell]:
        """Yield the chosen ones of `cells`, which come newest first.

        `since` is the number of the cell that asked last. Cells that cannot be chosen
        any more are not asked for: the cost grows with what is sent.
        """
        others = (c for c in cells if not c.is_ours)
        if self.word == "auto":
            chosen: Iterator[Cell] = takewhile(lambda c: c.number > since, others)
        elif self.ranges:
            lowest = min(first for first, _ in self.ranges)
            reachable = takewhile(lambda cell: cell.number >= lowest, others)
            chosen = (
                cell
                for cell in reachable
                if any(first <= cell.number <= last for first, last in self.ranges)
            )
        else:
            chosen = islice(others, 0 if self.word == "none" else self.last or None)
        return (cell for cell in chosen if not cell.is_skipped)


def latest_runs(cells: Iterable[Cell], asking: Cell | None = None) -> Iterator[Cell]:
    """Yield of each cell, newest first, its newest run, at the place of that.

    A run of which no id is known, as from before the extension was loaded, is of a cell
    with an id if that has run with the very same text since. Where no front end sends
    ids, as in a terminal, nothing is left out: `x += 1` may be needed twice. A question
    takes the place of no code: it may be asked in the very cell that failed.
    Runs of the `asking` cell with the same text asked this before: they are left out.
    """
    ids: set[str] = set()
    sources: set[str] = set()
    asked_in = asking and (asking.cell_id, asking.source)
    for cell in cells:
        if cell.is_ours:
            yield cell
        elif not cell.cell_id:
            if cell.source not in sources:
                yield cell
        elif (cell.cell_id, cell.source) != asked_in:
            if cell.cell_id not in ids:
                yield cell
            ids.add(cell.cell_id)
            sources.add(cell.source)


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
    is_kernel = getattr(shell, "kernel", None) is not None
    return (shell.get_parent() or {}) if is_kernel else {}


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
    """Return the id of the cell that runs now, or a digest of its source."""
    if cell_id := cell_id_of(shell):
        return cell_id
    source = (shell.history_manager.input_hist_raw or [""])[-1]
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:16]


def notebook_path(shell: Any, environ: Mapping[str, str]) -> str:
    """Return the path of the notebook's file; "" where no front end tells it."""
    in_vs_code = str(shell.user_ns.get("__vsc_ipynb_file__", ""))
    path = environ.get("JPY_SESSION_NAME") or in_vs_code
    return path if path.endswith(".ipynb") else ""


NO_IDS: Mapping[int, str] = MappingProxyType({})


class CellIds:
    """Notes in `known` the id that the front end sends with each run, by its number."""

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
