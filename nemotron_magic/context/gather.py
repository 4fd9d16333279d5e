"""Gather the context of a question: values, files, cells, the notebook."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from nemotron_magic.code.syntax import cell_names
from nemotron_magic.context import cells, prompt
from nemotron_magic.context.cells import Cell
from nemotron_magic.context.describe.base import Data
from nemotron_magic.context.history import History
from nemotron_magic.context.notebook_file import notebook_part
from nemotron_magic.context.prompt import ContextInfo, ContextPart
from nemotron_magic.context.tokens import estimate_tokens
from nemotron_magic.context.tracebacks import clip_traceback
from nemotron_magic.context.variables import Variables, interpolate
from nemotron_magic.core.errors import InputError

_FIRST_USE = (
    "Cells that ran are sent as context with a question. See them: %nemotron preview "
    "· Turn it off: %config Nemotron.context = 'none'"
)
_MOST_FILE_BYTES = 1_000_000
_MOST_NOTEBOOK_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class Subject:
    """What a question is about, if it is about a cell or a function."""

    words: str = ""  # in place of what was typed, and what stands behind them
    instruction: str = ""
    parts: tuple[ContextPart, ...] = ()
    names: tuple[str, ...] = ()  # of variables to describe, functions with their source
    with_source: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextRequest:
    """What is to be sent along with a question, as typed in `text`."""

    text: str
    subject: Subject = field(default_factory=Subject)
    files: tuple[str, ...] = ()
    notebook: bool = False
    context: str
    data: Data
    budget_tokens: int
    since: int = 0  # cells after that one are new to this conversation
    last: int | None = None  # to be sent; None: the one before that which runs now


class ContextGatherer:
    """Gathers what is sent along with a question; `own_file` may return ""."""

    def __init__(
        self, shell: Any, own_file: Callable[[], str], history: History | None = None
    ) -> None:
        self._shell, self._own_file = shell, own_file
        self.history = history or History(shell)
        self._sent_cells = False
        self._asked: tuple[object, int] = (None, 0)
        self._lock = Lock()

    def place(self) -> tuple[str, int]:
        """Return which question of the notebook is asked now, and its cell's number."""
        shell, marker = self._shell, cells.execution_of(self._shell)
        with self._lock:
            before, number = self._asked
            number = number + 1 if marker == before else 0
            self._asked = (marker, number)
        source = cells.last_source(shell).encode("utf-8", "replace")
        place = cells.cell_id_of(shell) or hashlib.sha256(source).hexdigest()[:16]
        return f"{place}/{number}", cells.cell_number(shell)

    def gather(self, request: ContextRequest) -> tuple[str, ContextInfo, str]:
        """Return the question's text, its context, and a notice for the user."""
        variables = Variables(self._shell, request.data)
        text, requested = self._requested(request, variables)
        fitted = prompt.fit_to_budget(
            requested,
            self._chosen(request),
            self._loader(variables),
            request.budget_tokens,
            estimate_tokens,
            lambda cell: cell_names(cell.source, self._shell.transform_cell),
        )
        question = "\n\n".join(filter(None, (text, request.subject.instruction)))
        info = ContextInfo(
            prompt.render_prompt(question, fitted),
            tuple(part.shown for part in fitted.kept),
            fitted.sizes,
            tuple(part.shown for part in fitted.kept if part.is_cut),
            fitted.left_out,
            files=tuple(p.shown for p in fitted.kept if p.kind in ("file", "notebook")),
        )
        is_first = not self._sent_cells and any(p.kind == "cell" for p in fitted.kept)
        self._sent_cells |= is_first
        return text, info, _FIRST_USE * is_first

    def _requested(
        self, request: ContextRequest, variables: Variables
    ) -> tuple[str, list[ContextPart]]:
        """Return the text with its values named, and what the user asked to send."""
        subject = request.subject
        text, values = interpolate(subject.words or request.text, variables.at)
        parts = [ContextPart("value", name, (("", d),)) for name, d in values.items()]
        others = [name for name in subject.names if name not in values]
        described = variables.parts(others, subject.with_source)
        files = (
            ContextPart("file", path, (("", _read(path)),), target=_target(path))
            for path in request.files
        )
        notebook = [self._notebook_part(request.last)] if request.notebook else []
        return text, [*subject.parts, *described, *parts, *files, *notebook]

    def _notebook_part(self, last: int | None) -> ContextPart:
        """Return the notebook as its own file has it."""
        path = self._own_file()
        if not path:
            raise InputError(
                "this notebook's file could not be found, and nothing was sent",
                "only a file that holds a cell that ran here is sent: it may not be "
                "saved yet, be in another folder, or have no cell ids (nbformat < 4.5)",
                "Save the notebook and ask again, or ask without --notebook",
            )
        text = _read(path, _MOST_NOTEBOOK_BYTES)
        part = notebook_part(Path(path).name, text, self.history.newest_first(last))
        folder, name = os.path.split(path)
        return replace(part, target=_target(f"{os.path.realpath(folder)}/{name}"))

    def _chosen(self, request: ContextRequest) -> Iterator[Cell]:
        """Return the cells that may be sent, newest first and without outputs."""
        ran = self.history.newest_first(request.last)
        if not re.search(r"\d[-\s]", request.context.strip()):
            # Ranges name runs, all else means cells.
            is_new = request.last is None
            ran = cells.latest_runs(ran, self.history.asking if is_new else None)
        return cells.select(request.context, ran, request.since)

    def _loader(self, variables: Variables) -> Callable[[Cell], Cell]:
        """Return a loader of cells, newest first, which shortens older errors more."""
        failed: list[Cell] = []

        def load(cell: Cell) -> Cell:
            loaded = self.history.load(cell, variables.described)
            if loaded.error:
                error = clip_traceback(loaded.error, is_newest=not failed)
                loaded = replace(loaded, error=error)
                failed.append(cell)
            return loaded

        return load


def _target(path: str) -> str:
    """Return where a path leads, if links lead to another place than it names."""
    path = os.path.expanduser(path)
    real = os.path.realpath(path)
    return "" if real == os.path.abspath(path) else real


def _read(path: str, most_bytes: int = _MOST_FILE_BYTES) -> str:
    """Return what is in a text file; the error says why it cannot be sent."""
    file = Path(path).expanduser()
    hint = "Read it into a variable, and name that: $`x`"
    try:
        size = file.stat().st_size
        if file.is_dir():
            hint = "Name a file in it: -f FOLDER/FILE"
        if not file.is_file():  # a pipe or a device may never end
            raise InputError(f"cannot attach {path}: it is not a file", hint=hint)
        if size > most_bytes:
            raise InputError(
                f"{path} is too large to attach: {size:,} bytes",
                hint="Attach a part of it, or read it into a variable and name that",
            )
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
        hint = "Paths are relative to the folder that this shows: %pwd"
        raise InputError(f"cannot attach {path}: {why}", hint=hint) from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        what = f"cannot attach {path}: it is no text file in UTF-8"
        raise InputError(what, hint=hint)
    return text
