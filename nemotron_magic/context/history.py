"""Cells that ran, with prints, results, displays and errors, and which are sent.

IPython 9.1 and later keeps the outputs of every cell; for earlier ones a light hook
listens while a cell runs. Nothing is read before a question asks for it, newest first.
"""

from __future__ import annotations

import hashlib
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from types import MappingProxyType
from typing import Any

from nemotron_magic.context.describe.base import is_open, is_printed_table
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import CONTEXT_WORDS
from nemotron_magic.core.text import strip_controls

__all__ = [
    "NO_IDS",
    "Cell",
    "CellIds",
    "DisplayLog",
    "History",
    "Recorder",
    "Selection",
    "cell_id_of",
    "cell_number",
    "display_text",
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


_MOST_DISPLAYS = 20
_MOST_CHARS = 4_000
_HIDDEN = "[what was displayed looks personal]"


class DisplayLog:
    """Listens to the displays of a kernel's cells.

    Attributes
    ----------
    heard : dict of int to list of str
        What each cell displayed, as text, by its number.
    """

    def __init__(self, shell: Any) -> None:
        self.heard: dict[int, list[str]] = {}
        self._shell = shell
        shell.display_pub.register_hook(self._hear)

    def close(self) -> None:
        """Stop listening."""
        self._shell.display_pub.unregister_hook(self._hear)

    def _hear(self, message: Any) -> Any:
        """Note a message on its way to the front end; return it, to be sent."""
        if message["header"]["msg_type"] == "display_data":
            # Here and not above: loading the extension is to stay light.
            number = cell_number(self._shell)
            noted = self.heard.setdefault(number, [])
            if len(noted) < _MOST_DISPLAYS:
                noted.append(display_text(message["content"]["data"]))
        return message


def display_text(bundle: dict[str, Any]) -> str:
    """Return a displayed object as text; values that may be people's stay here."""
    text = str(bundle.get("text/plain", ""))
    if "<table" in str(bundle.get("text/html", ""))[:5000] or is_printed_table(text):
        return "[a table was displayed]"
    images = [kind for kind in bundle if kind.startswith("image/")]
    text = text[:_MOST_CHARS] if is_open(text) else _HIDDEN
    return f"{text} [{images[0]}]" if images else text


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


_OURS = re.compile(
    r"%%nemotron\b|([\w.,:\s\[\]'\"]+=\s*)?%nemotron\b"
    r"|%(load|reload|unload)_ext\s+nemotron_magic\b|%config\s+Nemotron\b"
    r"|import nemotron_magic\b|nemotron_magic\.panel\(\)"
)
_MOST_CHARS_HISTORY = 200_000
"""Longer outputs keep their head and their tail."""

NO_IDS: Mapping[int, str] = MappingProxyType({})


class History:
    """The cells of one shell.

    Parameters
    ----------
    shell : InteractiveShell
        Whose history is read.
    recorder : Recorder, optional
        What has been listening, where IPython keeps no outputs.
    displays : DisplayLog, optional
        What has been listening to displays, in a kernel.
    ids : mapping of int to str
        Which cell each run was of, as far as the front end told.
    """

    def __init__(
        self,
        shell: Any,
        recorder: Recorder | None = None,
        displays: DisplayLog | None = None,
        ids: Mapping[int, str] = NO_IDS,
    ) -> None:
        self._shell = shell
        self._recorder = recorder
        self._displays = displays
        self._ids = ids

    @property
    def current(self) -> int:
        """The number of the cell that runs now."""
        return cell_number(self._shell)

    def newest_first(self, last: int | None = None) -> Iterator[Cell]:
        """Yield the cells that ran, without outputs.

        Parameters
        ----------
        last : int, optional
            Number of the newest; without it, the one before that which runs now.
        """
        sources = self._shell.history_manager.input_hist_raw
        last = self.current - 1 if last is None else last
        for number in range(min(last, len(sources) - 1), 0, -1):
            source = sources[number]
            if source.strip():
                name = self._ids.get(number, "")
                yield Cell(number, source, is_ours=_is_ours(source), cell_id=name)

    @property
    def asking(self) -> Cell:
        """The cell that runs now, as far as that is known."""
        sources = self._shell.history_manager.input_hist_raw or [""]
        return Cell(self.current, sources[-1], cell_id=cell_id_of(self._shell))

    def error_of(self, cell: Cell) -> str:
        """Return what a cell raised, as text; empty if it ended well."""
        if cell.is_ours:
            return ""
        if self._recorder is not None:
            return _clean(self._recorder.heard.get(cell.number, _Heard()).error)
        return _clean(self._error(cell.number))

    def load(self, cell: Cell, describe: Callable[[object], str]) -> Cell:
        """Return a cell with what it printed, gave and raised.

        Parameters
        ----------
        describe : callable
            Gives the text for a cell's value.
        """
        if cell.is_ours:
            return cell
        number, source = cell.number, cell.source
        if self._recorder is not None:
            heard = self._recorder.heard.get(number, _Heard())
            printed, displayed = heard.printed, ""
        else:
            printed, displayed = self._outputs(number)
        values = self._shell.user_ns.get("Out") or {}
        if self._displays is not None:
            displayed = "\n".join(self._displays.heard.get(number, ()))
        value = describe(values[number]) if number in values else ""
        result = "\n".join(filter(None, (displayed, value)))
        error = self.error_of(Cell(number, source))
        return Cell(number, source, _clean(_as_seen(printed)), result, error)

    def _outputs(self, number: int) -> tuple[str, str]:
        """Return what a cell printed, and what it displayed, as IPython kept it."""
        printed: list[str] = []
        displayed: list[str] = []
        for output in self._shell.history_manager.outputs.get(number, ()):
            if output.output_type in ("out_stream", "err_stream"):
                printed += output.bundle.get("stream", ())
            elif output.output_type == "display_data":
                displayed.append(display_text(output.bundle))
        return "".join(printed), "\n".join(displayed)

    def _error(self, number: int) -> str:
        found = self._shell.history_manager.exceptions.get(number)
        errors = found if isinstance(found, list) else [found] if found else []
        return "\n".join(line for error in errors for line in error["traceback"])


@dataclass
class _Heard:
    """What a cell printed and raised."""

    printed: str = ""
    error: str = ""


class Recorder:
    """Listens to cells while they run, for IPython before 9.1."""

    def __init__(self, shell: Any) -> None:
        self.heard: dict[int, _Heard] = {}
        self._shell = shell
        self._ears: list[_Ear] = []
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)

    def close(self) -> None:
        """Stop listening."""
        self._shell.events.unregister("pre_run_cell", self._begin)
        self._shell.events.unregister("post_run_cell", self._end)
        self._take_off()

    def _begin(self, info: Any) -> None:
        self._take_off()
        said: list[str] = []
        self._ears = [_Ear("stdout", said), _Ear("stderr", said)]

    def _end(self, result: Any) -> None:
        if not self._ears:
            return
        printed = _bounded(_as_seen("".join(self._ears[0].said)))
        self._take_off()
        number = cell_number(self._shell)
        error = result.error_before_exec or result.error_in_exec
        told = "".join(traceback.format_exception(error)).rstrip() if error else ""
        # A terminal's own lines: the value, and the traceback below its rule.
        printed = printed.partition("-" * 75)[0] if error else printed
        printed = printed.partition(f"Out[{number}]: ")[0]
        self.heard[number] = _Heard(printed, _bounded(told))

    def _take_off(self) -> None:
        for ear in self._ears:
            ear.take_off()
        self._ears = []


class _Ear:
    """Stands in for a stream of `sys` and notes what is written to it."""

    def __init__(self, name: str, said: list[str]) -> None:
        self.said = said
        self._name = name
        self._stream = getattr(sys, name)
        self._chars = 0
        setattr(sys, name, self)

    def write(self, text: str) -> Any:
        """Write to the stream, and note it."""
        if self._chars < _MOST_CHARS_HISTORY:
            self.said.append(text[:_MOST_CHARS_HISTORY])
            self._chars += len(text)
        return self._stream.write(text)

    def take_off(self) -> None:
        """Put the stream back, unless somebody has put another one there."""
        if getattr(sys, self._name) is self:
            setattr(sys, self._name, self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _is_ours(source: str) -> bool:
    if "emotron" not in source:
        return False
    # A backslash at its end carries a line magic over to the next line.
    lines = [line.strip() for line in source.replace("\\\n", " ").splitlines()]
    code = [line for line in lines if line and not line.startswith("#")]
    if code and code[0].startswith("%%"):
        return bool(_OURS.match(code[0]))
    return bool(code) and all(_OURS.match(line) for line in code)


def _as_seen(printed: str) -> str:
    """Return what was printed without what was printed over, as a progress bar is."""
    if "\r" not in printed:
        return printed
    lines = printed.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _clean(text: str) -> str:
    return strip_controls(_bounded(text))


def _bounded(text: str) -> str:
    if len(text) <= _MOST_CHARS_HISTORY:
        return text
    half = _MOST_CHARS_HISTORY // 2
    gone = len(text) - _MOST_CHARS_HISTORY
    return f"{text[:half]}\n[… {gone:,} characters cut …]\n{text[-half:]}"
