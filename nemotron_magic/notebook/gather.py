"""Gathering what goes along with a question: values, files, cells."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from nemotron_magic.context import Fitted, Part, Selection, fit, written
from nemotron_magic.context.cells import Cell
from nemotron_magic.context.document import document_part
from nemotron_magic.context.inserts import expand
from nemotron_magic.context.runs import newest_runs
from nemotron_magic.context.tokens import estimate_tokens
from nemotron_magic.errors import InputError
from nemotron_magic.grammar import Invocation
from nemotron_magic.notebook.displays import Displays
from nemotron_magic.notebook.execution import execution_of, origin_of
from nemotron_magic.notebook.history import NO_IDS, History, Recorder
from nemotron_magic.notebook.subjects import Subject
from nemotron_magic.notebook.variables import Variables
from nemotron_magic.reply import Attached
from nemotron_magic.session import Question, Session
from nemotron_magic.settings import Settings
from nemotron_magic.turns import MAIN, Turn, earlier
from nemotron_magic.typed_key import refuse_key

__all__ = ["Gatherer"]

_FIRST_USE = (
    "Cells that ran go along with a question. See what goes: %nemotron preview · "
    "Turn it off: %config Nemotron.context = 'none'"
)
_MOST_FILE_BYTES = 1_000_000
_MOST_NOTEBOOK_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a question is asked, among the cells of its notebook.

    Attributes
    ----------
    last : int or None
        Number of the newest cell that may go along; None for the one before `cell`,
        which runs now.
    """

    origin: str
    cell: int
    last: int | None = None


class Gatherer:
    """Makes a question of what was typed, with its place in the notebook.

    Parameters
    ----------
    shell : InteractiveShell
        Whose cells and variables go along.
    session : Session
        Whose turns tell what has been sent before.
    own_file : callable
        Returns the path of the notebook's own file; "" if none is known to be.
    recorder : Recorder, optional
        What has been listening to the cells, where IPython keeps no outputs.
    displays : Displays, optional
        What has been listening to displays, in a kernel.
    ids : mapping of int to str
        Which cell each run was of, as far as the front end told.

    Attributes
    ----------
    history : History
        The cells that ran.
    """

    def __init__(
        self,
        shell: Any,
        session: Session,
        own_file: Callable[[], str],
        recorder: Recorder | None = None,
        displays: Displays | None = None,
        ids: Mapping[int, str] = NO_IDS,
    ) -> None:
        self._shell = shell
        self._session = session
        self.history = History(shell, recorder, displays, ids)
        self._own_file = own_file
        self._asked: tuple[object, int] = (None, 0)
        self._has_told = False
        self._lock = Lock()

    def question(
        self, call: Invocation, settings: Settings, subject: Subject | None = None
    ) -> Question:
        """Give the question; one about a subject takes no other cells along unasked.

        Raises
        ------
        InputError
            If a value or a file that it names cannot go along.
        """
        moment = _Moment(self._origin(), self.history.current)
        return self._question(call, settings, subject or Subject(), moment)

    def aside(self, call: Invocation, settings: Settings, last: int) -> Question:
        """Give a question that no cell asks; the cells up to the `last` may go along.

        Raises
        ------
        InputError
            If a value that it names cannot go along, or it is a key and no question.
        """
        refuse_key(call.text, self._session.hide)
        return self._question(call, settings, Subject(), _Moment("", last, last))

    def _question(
        self, call: Invocation, settings: Settings, subject: Subject, moment: _Moment
    ) -> Question:
        thread = call.thread or MAIN
        variables = Variables(self._shell, settings["data"])
        text, asked_for = self._asked_for(call, subject, variables, moment)
        before = earlier(self._session.threads.get(thread, []), moment.origin)
        context = settings["context"]
        if subject.words and "context" not in call.values:
            context = "none"
        fitted = fit(
            asked_for,
            self._chosen(Selection.read(context), before, moment),
            lambda cell: self.history.load(cell, variables.described),
            self._session.context_tokens(settings),
            estimate_tokens,
        )
        told = f"{text}\n\n{subject.told}" if subject.told else text
        return Question(
            text,
            _attached(told, fitted),
            moment.origin,
            moment.cell,
            thread,
            call.fresh,
            self._notice(fitted),
        )

    def _origin(self) -> str:
        """Tell which question of the notebook this is; a cell may ask several."""
        marker = execution_of(self._shell)
        with self._lock:
            before, number = self._asked
            number = number + 1 if marker == before else 0
            self._asked = (marker, number)
        return f"{origin_of(self._shell)}/{number}"

    def _asked_for(
        self, call: Invocation, subject: Subject, variables: Variables, moment: _Moment
    ) -> tuple[str, list[Part]]:
        """Give the text with its values named, and what the user asked to send."""
        text, values = expand(subject.words or call.text, variables.at)
        parts = [Part("value", v.name, (("", v.description),)) for v in values]
        files = [_file_part(path) for path in call.files]
        document = [self._document(moment)] if call.notebook else []
        known = {value.name for value in values}
        others = [name for name in subject.names if name not in known]
        named = variables.parts(others, subject.with_source)
        return text, [*subject.parts, *named, *parts, *files, *document]

    def _document(self, moment: _Moment) -> Part:
        """Return the notebook as its own file has it.

        Raises
        ------
        InputError
            If no file is known to be this notebook's.
        """
        path = self._own_file()
        if not path:
            raise InputError(
                "no file is known to be this notebook, and nothing was sent",
                "the one that is sent holds a cell that ran here, by its id: perhaps "
                "it is not saved yet, lies elsewhere, or has no ids (nbformat < 4.5)",
                "Save the notebook and ask again, or ask without --notebook",
            )
        text = _read(path, _MOST_NOTEBOOK_BYTES)
        ran = self.history.newest_first(moment.last)
        part = document_part(Path(path).name, text, ran)
        folder, name = os.path.split(path)
        return replace(part, target=_target(f"{os.path.realpath(folder)}/{name}"))

    def _chosen(
        self, selection: Selection, before: Sequence[Turn], moment: _Moment
    ) -> Iterator[Cell]:
        """Give the cells that may go along, newest first and without outputs."""
        since = max((turn.cell for turn in before), default=0)
        ran = self.history.newest_first(moment.last)
        if not selection.ranges:  # those name runs, all else means cells
            ran = newest_runs(ran, self.history.asking if moment.last is None else None)
        return selection.newest_first(ran, since)

    def _notice(self, fitted: Fitted) -> str:
        """Tell of cells the first time that they go."""
        has_cells = any(part.kind == "cell" for part in fitted.kept)
        with self._lock:
            is_first = has_cells and not self._has_told
            self._has_told = self._has_told or is_first
        return _FIRST_USE * is_first


def _attached(text: str, fitted: Fitted) -> Attached:
    return Attached(
        written(text, fitted),
        tuple(part.shown for part in fitted.kept),
        fitted.sizes,
        tuple(part.shown for part in fitted.cut),
        fitted.left_out,
        files=tuple(
            part.shown for part in fitted.kept if part.kind in ("file", "notebook")
        ),
    )


def _file_part(path: str) -> Part:
    text = _read(path)
    return Part("file", path, (("", text),), target=_target(os.path.expanduser(path)))


def _target(path: str) -> str:
    """Return where a path leads, if links lead to another place than it names."""
    real = os.path.realpath(path)
    return "" if real == os.path.abspath(path) else real


def _read(path: str, most_bytes: int = _MOST_FILE_BYTES) -> str:
    """Read a text file, or say why it cannot go along."""
    file = Path(path).expanduser()
    try:
        size = file.stat().st_size
        if size > most_bytes:
            raise InputError(
                f"{path} is too large to attach: {size:,} bytes",
                todo="Attach a part of it, or read it into a variable and name that",
            )
        if not file.is_file():  # a pipe or a device: it may never end
            raise InputError(
                f"cannot attach {path}: it is no file",
                todo="Read it into a variable, and name that: $`x`",
            )
        data = file.read_bytes()
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
        raise InputError(
            f"cannot attach {path}: {why}", todo="What paths begin at: %pwd"
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(
            f"cannot attach {path}: it is no text file in UTF-8",
            todo="Read it into a variable, and name that: $`x`",
        )
    return text
