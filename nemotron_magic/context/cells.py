"""The cells of a shell: which one runs, which ran, and which are sent as context."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

# Nothing may stand above a cell magic, so that the mark is below it.
_MARK = re.compile(r"\s*(?:%%[^\n]*\n\s*)?#\s*nemotron:\s*(skip|pin)\b", re.IGNORECASE)

_OURS = re.compile(
    r"%%nemotron\b|([\w.,:\s\[\]'\"]+=\s*)?%nemotron\b"
    r"|%(load|reload|unload)_ext\s+nemotron_magic\b|%config\s+Nemotron\b"
    r"|((import nemotron_magic\b[\w. ]*|nemotron_magic\.panel\(\) *)(;\s*|$|#.*))+$"
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as it ran, with its execution count from 1."""

    number: int
    source: str
    printed: str = ""
    result: str = ""
    error: str = ""
    is_ours: bool = False  # it was a question, so that it is a turn and no cell
    cell_id: str = ""

    @property
    def mark(self) -> str:
        """What its first line, or that below a cell magic, asks for: `skip`, `pin`."""
        found = _MARK.match(self.source)
        return found[1].lower() if found else ""


def select(text: str, cells: Iterable[Cell], since: int) -> Iterator[Cell]:
    """Yield those of `cells`, newest first, that the setting `context` chooses.

    `auto` are those after the number `since`. Older cells than needed are not read.
    """
    word = text.strip()
    if word == "auto":
        cells = takewhile(lambda c: c.number > since, cells)
    chosen: Iterator[Cell] = (c for c in cells if not c.is_ours)
    if word.isdecimal() or word == "none":
        chosen = islice(chosen, int(word.replace("none", "0")))
    elif word not in ("auto", "all"):
        pairs = [one.partition("-") for one in word.split()]
        ranges = [range(int(one), int(last or one) + 1) for one, _, last in pairs]
        lowest = min(one.start for one in ranges)
        reachable = takewhile(lambda c: c.number >= lowest, chosen)
        chosen = (c for c in reachable if any(c.number in one for one in ranges))
    return (cell for cell in chosen if cell.mark != "skip")


def latest_runs(cells: Iterable[Cell], asking: Cell | None = None) -> Iterator[Cell]:
    """Yield the newest run of each cell, newest first.

    A run without an id is of a cell with the very same text; in a terminal, where none
    has one, all are left in. A question takes the place of no code, and runs of the
    `asking` cell with the same text asked this before.
    """
    ids, sources = set[str](), set[str]()
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


def is_ours(source: str) -> bool:
    """Return whether a cell does nothing but ask us, or set us up."""
    if "emotron" not in source:
        return False
    # A backslash at its end carries a line magic over to the next line.
    lines = map(str.strip, source.replace("\\\n", " ").splitlines())
    code = [line for line in lines if line and not line.startswith("#")]
    if code and code[0].startswith("%%"):
        code = code[:1]
    return bool(code) and all(map(_OURS.match, code))


# ---- the cell that runs, by the shell and the front end


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
    request = request_of(shell)
    return request.get("header", {}).get("msg_id") if request else cell_number(shell)


def last_source(shell: Any) -> str:
    """Return the source of the last cell of the history, as it was typed."""
    return str((shell.history_manager.input_hist_raw or [""])[-1])


def source_of(shell: Any) -> str:
    """Return the source of the cell that runs now, after IPython's transforms."""
    request = request_of(shell)
    if not request:
        return str((shell.user_ns.get("In") or [""])[-1])
    code = str(request.get("content", {}).get("code", ""))
    # A run may ask to leave no trace there; to transform a cell again takes a while.
    if last_source(shell) == code.rstrip("\n"):
        return str(shell.history_manager.input_hist_parsed[-1])
    return str(shell.transform_cell(code))


def note_id(shell: Any, known: dict[int, str], info: Any) -> None:
    """Note in `known` the id that the front end sent with a run, if it was counted."""
    source = info.raw_cell.rstrip("\n") if info.store_history else ""
    # An empty cell has no number of its own.
    if source and last_source(shell) == source:
        number, cell_id = cell_number(shell), cell_id_of(shell)
        # After a reset the numbers begin again.
        known.pop(number, None)
        if cell_id:
            known[number] = cell_id
