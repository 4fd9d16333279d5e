"""Cells that ran, and which of them are sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import CONTEXT_WORDS

__all__ = [
    "Cell",
    "Selection",
    "latest_runs",
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
    """Which cells go along.

    Parameters
    ----------
    word : str
        `auto` (those that ran since the last reply), `none`, `all`, or "" for others.
    last : int
        The last so many; 0 where `ranges` says which.
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
        with what goes along and not with what there is.

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
            chosen = (cell for cell in reachable if self._names(cell.number))
        else:
            chosen = islice(others, 0 if self.word == "none" else self.last or None)
        return (cell for cell in chosen if not cell.is_skipped)

    def _names(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.ranges)


def latest_runs(cells: Iterable[Cell], asking: Cell | None = None) -> Iterator[Cell]:
    """Yield of each cell its newest run, at the place of that.

    The id that the front end sends tells which cell it was, whatever its text is by
    then. A run of which no id is known, as from before the extension was loaded, is of
    a cell with an id if that has run with the very same text since.

    Where no front end sends ids, as in a terminal, nothing is left out. What was typed
    twice stands there twice, and may be needed twice: `x += 1`, or `df.shape` before a
    filter and after it. To leave one out would tell the model something else than what
    happened, to send both takes some tokens.

    A question takes the place of no code: it may be asked in the very cell that failed.

    Parameters
    ----------
    cells : iterable of Cell
        Newest first.
    asking : Cell, optional
        The one that runs now. Runs of it with the same text are left out: they asked
        this question before, and it did not go along then.
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
