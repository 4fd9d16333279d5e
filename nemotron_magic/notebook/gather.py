"""Gathering what goes along with a question: values, files, cells."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, cast

from nemotron_magic.context import Fitted, Part, Selection, fit, written
from nemotron_magic.context.describe import describe
from nemotron_magic.context.document import document_part
from nemotron_magic.context.inserts import expand
from nemotron_magic.context.runs import newest_runs
from nemotron_magic.context.tokens import estimate_tokens
from nemotron_magic.errors import InputError
from nemotron_magic.grammar import Invocation
from nemotron_magic.notebook.displays import Displays
from nemotron_magic.notebook.evaluate import evaluate
from nemotron_magic.notebook.history import NO_IDS, History, Recorder
from nemotron_magic.notebook.place import execution_of, notebook_path, origin_of
from nemotron_magic.reply import Attached
from nemotron_magic.session import Question, Session
from nemotron_magic.settings import Settings
from nemotron_magic.turns import MAIN, earlier

__all__ = ["Gatherer", "Subject"]

_FIRST_USE = (
    "Cells that ran go along with a question. See what goes: %nemotron preview · "
    "Turn it off: %config Nemotron.context = 'none'"
)
_MOST_FILE_BYTES = 1_000_000
_MOST_NOTEBOOK_BYTES = 100_000_000
_VALUE_CHARS = 8_000
_MISSING = object()
_NO_DOCUMENT = (
    "The notebook's file could not be found; only the cells that ran went along."
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a question is about, if it is about a cell or a function.

    Attributes
    ----------
    words : str
        The question, in place of what was typed.
    told : str
        What the model is told to do, after the question.
    names : tuple of str
        Variables to describe.
    with_source : bool
        Whether functions among them go with their source.
    """

    words: str = ""
    told: str = ""
    parts: tuple[Part, ...] = ()
    names: tuple[str, ...] = ()
    with_source: bool = False


class Gatherer:
    """Makes a question of what was typed, with its place in the notebook.

    Parameters
    ----------
    shell : InteractiveShell
        Whose cells and variables go along.
    session : Session
        Whose turns tell what has been sent before.
    environ : mapping
        The process's environment, where Jupyter's server names the notebook's file.
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
        environ: Mapping[str, str],
        recorder: Recorder | None = None,
        displays: Displays | None = None,
        ids: Mapping[int, str] = NO_IDS,
    ) -> None:
        self._shell = shell
        self._session = session
        self.history = History(shell, self._describe, recorder, displays, ids)
        self._environ = environ
        self._data = "schema"
        self._missing = ""
        self._asked: tuple[object, int] = (None, 0)
        self._has_told = False
        self._last: int | None = None
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
        with self._lock:
            self._last = None
            origin, cell = self._origin(), self.history.current
            return self._question(call, settings, subject, origin, cell)

    def aside(self, call: Invocation, settings: Settings, last: int) -> Question:
        """Give a question that no cell asks; the cells up to the `last` may go along.

        Raises
        ------
        InputError
            If a value that it names cannot go along.
        """
        with self._lock:
            self._last = last
            return self._question(call, settings, None, "", last)

    def _question(
        self,
        call: Invocation,
        settings: Settings,
        subject: Subject | None,
        origin: str,
        cell: int,
    ) -> Question:
        self._data, self._missing = settings["data"], ""
        thread = call.thread or MAIN
        subject = subject or Subject()
        text, asked_for = self._asked_for(call, subject)
        context = settings["context"]
        if subject.words and "context" not in call.values:
            context = "none"
        fitted = self._fitted(asked_for, thread, origin, context, settings)
        told = f"{text}\n\n{subject.told}" if subject.told else text
        return Question(
            text,
            _attached(told, fitted),
            origin,
            cell,
            thread,
            call.fresh,
            self._notice(fitted),
        )

    def _origin(self) -> str:
        """Tell which question of the notebook this is; a cell may ask several."""
        marker = execution_of(self._shell)
        self._asked = (marker, self._asked[1] + 1 if marker == self._asked[0] else 0)
        return f"{origin_of(self._shell)}/{self._asked[1]}"

    def _asked_for(self, call: Invocation, subject: Subject) -> tuple[str, list[Part]]:
        """Give the text with its values named, and what the user asked to send."""
        text, values = expand(subject.words or call.text, self._look_up)
        parts = [Part("value", v.name, (("value", v.description),)) for v in values]
        files = [Part("file", path, (("text", _read(path)),)) for path in call.files]
        document = self._document() if call.notebook else []
        named = self._named(subject, {value.name for value in values})
        return text, [*subject.parts, *named, *parts, *files, *document]

    def _named(self, subject: Subject, known: Collection[str]) -> Iterator[Part]:
        """Describe the variables that a subject names, but for modules."""
        variables = self._shell.user_ns
        for name in subject.names:
            value = variables.get(name, _MISSING)
            if name in known or value is _MISSING or type(value) is ModuleType:
                continue
            said = self._described(value, name, with_source=subject.with_source)
            yield Part("value", name, (("value", said),))

    def _document(self) -> list[Part]:
        """Give the saved notebook, where a front end says which file it is."""
        path = notebook_path(self._shell, self._environ)
        if not Path(path).is_file():
            self._missing = _NO_DOCUMENT
            return []
        ran = self.history.newest_first(self._last)
        text = _read(path, _MOST_NOTEBOOK_BYTES)
        return [document_part(Path(path).name, text, ran)]

    def _fitted(
        self,
        asked_for: list[Part],
        thread: str,
        origin: str,
        context: str,
        settings: Settings,
    ) -> Fitted:
        before = earlier(self._session.threads.get(thread, []), origin)
        since = max((turn.cell for turn in before), default=0)
        selection = Selection.read(context)
        ran = self.history.newest_first(self._last)
        if not selection.ranges:  # those name runs, all else means cells
            ran = newest_runs(ran, None if self._last else self.history.asking)
        chosen = selection.newest_first(ran, since)
        budget = self._session.context_tokens(settings)
        return fit(asked_for, chosen, self.history.load, budget, estimate_tokens)

    def _notice(self, fitted: Fitted) -> str:
        """Tell of it the first time that cells go along."""
        is_first = not self._has_told and any(p.kind == "cell" for p in fitted.kept)
        self._has_told = self._has_told or is_first
        return " ".join(filter(None, (self._missing, _FIRST_USE if is_first else "")))

    def _look_up(self, name: str) -> str:
        value = evaluate(name, self._shell.user_ns)
        return self._described(value, name, _VALUE_CHARS)

    def _describe(self, value: Any) -> str:
        return self._described(value)

    def _described(
        self,
        value: Any,
        name: str = "",
        budget_chars: int = 4_000,
        with_source: bool = False,
    ) -> str:
        data = cast("Any", self._data)
        return describe(
            value,
            name,
            data=data,
            budget_chars=budget_chars,
            source=with_source,
            formatter=self._formatted,
            # Our own work: a machine busy with others must not make it say less.
            clock_s=time.thread_time,
        )

    def _formatted(self, value: object) -> str | None:
        """Give what a formatter that the user registered with IPython says of it."""
        formatters = self._shell.display_formatter.formatters
        formatter = formatters.get("x-vendor/llm")
        said = formatter(value) if formatter is not None else None
        return said if isinstance(said, str) else None


def _attached(text: str, fitted: Fitted) -> Attached:
    return Attached(
        written(text, fitted),
        tuple(part.title for part in fitted.kept),
        fitted.sizes,
        tuple(part.title for part in fitted.cut),
        fitted.left_out,
    )


def _read(path: str, most_bytes: int = _MOST_FILE_BYTES) -> str:
    """Read a text file, or say why it cannot go along."""
    try:
        size = Path(path).expanduser().stat().st_size
        if size > most_bytes:
            raise InputError(
                f"{path} is too large to attach: {size:,} bytes",
                todo="Attach a part of it, or read it into a variable and name that",
            )
        data = Path(path).expanduser().read_bytes()
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
        raise InputError(f"cannot attach {path}: it is no text file in UTF-8")
    return text
