"""Cells that ran, and which of them go along with a question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from nemotron_magic.errors import InputError
from nemotron_magic.parameters import CONTEXT_WORDS

__all__ = ["Cell", "Selection"]

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
                todo="Such as: -c none   or: -c 3   or: -c '3-7 9'",
            )
        pairs = [(int(m[1]), int(m[2] or m[1])) for m in found if m]
        if len(words) == 1 and "-" not in words[0]:
            return cls("", last=pairs[0][0])
        return cls("", ranges=tuple(pairs))

    def newest_first(self, cells: Iterable[Cell], since: int) -> Iterator[Cell]:
        """Give the chosen ones of `cells`, which come newest first.

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
