"""Tasks `fix`, `explain`, `doc` and `test`: their prompt and their target cell."""

from __future__ import annotations

import ast
import builtins
import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType, MethodType
from typing import Any

from nemotron_magic.code.syntax import compile_error, python_source
from nemotron_magic.context.gather import Subject
from nemotron_magic.context.history import Cell, History, latest_runs
from nemotron_magic.context.prompt import ContextPart
from nemotron_magic.context.variables import Variables, evaluate
from nemotron_magic.core.errors import InputError
from nemotron_magic.magics.parser import ParsedMagic

__all__ = [
    "CODE",
    "TASKS",
    "Task",
    "TaskTargets",
    "clipped_traceback",
    "correction_request",
    "is_similar",
    "names_in",
    "syntax_error",
]


_FRAME = re.compile(r"\s*(?:Cell |Input |File )")
_LIBRARY = re.compile(
    r"site-packages|dist-packages|[/\\]lib(?:64)?[/\\]python\d|[/\\]Python\d+[/\\]Lib[/\\]"
    r"|<frozen "
)
_MESSAGE = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit)\b")
_WORD = re.compile(r"[^\W\d]\w*")
_MOST_LINES = 80
_MOST_LINE_CHARS = 500
_MOST_CHARS = 200_000
_MOST_NAMES = 12
_LIKE = 0.6


def clipped_traceback(text: str) -> str:
    """Return a traceback with the user's own frames, and the last of each other's.

    Frames within libraries tell little that the error does not; a traceback of
    thousands of lines keeps its head and its tail.
    """
    frames: list[list[str]] = [[]]
    for line in text.splitlines():
        if _FRAME.match(line):
            frames.append([])
        frames[-1].append(line)
    kept = (frame for n, frame in enumerate(frames) if _is_kept(frames, n))
    return "\n".join(_bounded([line for frame in kept for line in frame]))


def names_in(source: str, transform: Callable[[str], str]) -> list[str]:
    """Return the names that a cell reads, in their order, at most a dozen.

    Parameters
    ----------
    transform : callable
        Gives the Python of a cell with magics in it.
    """
    try:
        tree = ast.parse(python_source(source[:_MOST_CHARS], transform))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return list(dict.fromkeys(_WORD.findall(source[:_MOST_CHARS])))[:_MOST_NAMES]
    read = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    ]
    read.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in read))[:_MOST_NAMES]


def syntax_error(source: str, transform: Callable[[str], str]) -> str:
    """Return the error that keeps a cell from running at all, or ""."""
    try:
        compile_error(python_source(source, transform))
    except SyntaxError as error:
        line = (error.text or "").rstrip("\n")
        where = f"line {error.lineno}: {line}\n" if error.lineno else ""
        return f"{where}{type(error).__name__}: {error.msg}"
    return ""


def is_similar(one: str, other: str) -> bool:
    """Return whether one cell may be the other after a change."""
    matcher = difflib.SequenceMatcher(None, one[:5_000], other[:5_000])
    return matcher.quick_ratio() >= _LIKE and matcher.ratio() >= _LIKE


def _is_kept(frames: list[list[str]], n: int) -> bool:
    """Keep what is no frame, the user's frames, and the last before a message."""
    lines = frames[n]
    if not lines or not _FRAME.match(lines[0]) or not _LIBRARY.search(lines[0]):
        return True
    is_last = n + 1 == len(frames)
    return is_last or any(_MESSAGE.match(line) for line in lines[1:])


def _bounded(lines: list[str]) -> list[str]:
    short = [line[:_MOST_LINE_CHARS] for line in lines]
    if len(short) <= _MOST_LINES:
        return short
    half = _MOST_LINES // 2
    gone = len(short) - 2 * half
    return [*short[:half], f"[… {gone:,} lines cut …]", *short[-half:]]


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
        """Return the question, with what the user added."""
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


def correction_request(findings: Sequence[str]) -> str:
    """Return what the model is told of what is wrong with the code of its reply."""
    lines = "\n".join(f"- {finding}" for finding in findings)
    return (
        f"That code cannot run in this notebook:\n\n{lines}\n\n"
        f"Give the whole corrected cell {_ONE_CELL}."
    )


_LOOKED_AT = 50
"""An error further back than so many cells is no one's any more."""

_PRINTED_CHARS = 4_000
_FUNCTIONS = (FunctionType, MethodType, type(lru_cache(len)))


class TaskTargets:
    """Finds what a task is about.

    Parameters
    ----------
    shell : InteractiveShell
        Whose cells and variables it may be.
    """

    def __init__(self, shell: Any, history: History) -> None:
        self._shell = shell
        self._history = history

    def of(self, call: ParsedMagic, variables: Variables) -> tuple[Subject, str]:
        """Return what a task is about, and the cell that its code is to replace.

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

    def _cell(self, call: ParsedMagic, variables: Variables) -> Cell:
        if call.cell.strip():
            return self._typed(call, variables)
        newest = next(self._others(), None)
        cell = self._failed() if call.command == "fix" else newest
        if cell is None:
            raise _no_cell(call.command)
        if cell.is_skipped:
            raise _stays_out(cell, call.command)
        return self._history.load(cell, variables.described)

    def _typed(self, call: ParsedMagic, variables: Variables) -> Cell:
        """Return the cell below the magic, with what is known of its last run."""
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
        """Return the newest cell that failed and that has not been mended since.

        Only the newest run of a cell counts.
        """
        well: list[str] = []
        for cell in latest_runs(self._others()):
            error = self._history.error_of(cell)
            if not error:
                well.append(cell.source)
            elif "KeyboardInterrupt" in error.rpartition("\n")[2]:
                continue
            elif not any(is_similar(cell.source, one) for one in well):
                return cell
        raise InputError(
            "there is nothing to fix: no cell has failed"
            + (", or it has been mended since" if well else ""),
            "nothing was sent",
            "For a cell that runs but is wrong, put %%nemotron fix: … on top of it",
        )

    def _others(self) -> Iterator[Cell]:
        """Return the cells that ran, newest first, but for ours."""
        newest = self._history.newest_first()
        ran = (cell for _, cell in zip(range(_LOOKED_AT), newest, strict=False))
        return (cell for cell in ran if not cell.is_ours)

    def _function(self, text: str) -> str:
        name = text.strip()
        if not name:
            raise InputError(
                "test needs the name of a function",
                hint="Type it after a colon: %nemotron test: clean_names",
            )
        try:
            value = evaluate(name, self._shell.user_ns)
        except (InputError, SyntaxError, ValueError):
            value = None
        if any(type(value) is one for one in _FUNCTIONS):
            return name
        raise InputError(
            f"there is no function {name[:60]!r} in this notebook",
            hint="Name one that a cell has defined: %nemotron test: clean_names",
        )


def _no_cell(command: str) -> InputError:
    return InputError(
        f"{command} needs a cell, and none has run yet",
        hint=f"Run one first, or put %%nemotron {command} on top of it",
    )


def _stays_out(cell: Cell, command: str) -> InputError:
    return InputError(
        f"cell {cell.number} says that it stays out: # nemotron: skip",
        "nothing was sent",
        f"Take that line off, or put %%nemotron {command} on top of the cell",
    )


def _part(cell: Cell, about: str) -> ContextPart:
    printed = cell.printed
    if len(printed) > _PRINTED_CHARS:
        printed = f"[…]\n{printed[-_PRINTED_CHARS:]}"
    fields = (
        ("source", cell.source),
        ("printed", printed),
        ("result", cell.result),
        ("error", clipped_traceback(cell.error)),
    )
    return ContextPart(
        "cell", about, tuple((n, text) for n, text in fields if text.strip())
    )
