"""Questions of what was typed: their context, the tasks and what these are about."""

from __future__ import annotations

import builtins
import difflib
import linecache
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from traceback import walk_tb
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from nemotron_magic.code.syntax import compile_cell, python_source, read_names
from nemotron_magic.context.cells import Cell, latest_runs
from nemotron_magic.context.gather import ContextGatherer, ContextRequest, Subject
from nemotron_magic.context.prompt import ContextPart, cell_part
from nemotron_magic.context.tracebacks import clip_traceback, is_library
from nemotron_magic.context.variables import Variables, evaluate
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.introspection import MISSING, bases, defined, exact, state
from nemotron_magic.core.settings import Settings
from nemotron_magic.magics.parser import ParsedMagic
from nemotron_magic.magics.words import WORDS, refuse_key
from nemotron_magic.session.conversation import MAIN, Question, turns_before
from nemotron_magic.session.session import Session
from nemotron_magic.session.structured.specs import of_own_type

TASKS = WORDS["tasks"]

_MOST_CELLS = 50  # an error older than these is ignored
_MOST_PRINTED_CHARS = 4_000
_MOST_COMPARED_CHARS = 2_000
_SIMILAR = 0.6
_MOST_VALUES = 12
_FUNCTIONS = (FunctionType, MethodType, type(lru_cache(len)))
# Not the `f` of a text that begins there.
_PATH = re.compile(r"[^\W\d]\w*+(?:\.[^\W\d]\w*+)*(?![\"'])")


@dataclass(frozen=True)
class QuestionBuilder:
    """Makes questions of what was typed, with their context and their place."""

    shell: Any
    session: Session
    gatherer: ContextGatherer

    def of(self, call: ParsedMagic, settings: Settings) -> tuple[Question, str]:
        """Return the question of a call, and the source of the cell it is about."""
        if call.code and call.as_ is not None:
            what = "--as asks for values, and --code for code: one question takes one"
            hint = "Leave one out: %nemotron --as FIELDS …   or: %nemotron --code …"
            raise InputError(what, "nothing was sent", hint)
        instruction = WORDS["requests"]["code"] if call.code else ""
        subject, source = Subject(instruction=instruction), ""
        if call.command in TASKS:
            variables = Variables(self.shell, settings["data"])
            subject, source = self._subject(call, variables)
        elif call.command:
            why = "it sends the last question again, with what came of it"
            hint = "See what that sent: %nemotron preview"
            raise InputError(f"{call.command} cannot be previewed", why, hint)
        return self.typed(call, settings, subject), source

    def typed(
        self,
        call: ParsedMagic,
        settings: Settings,
        subject: Subject | None = None,
        last: int | None = None,
    ) -> Question:
        """Return the question of a cell; about a subject, other cells only if asked.

        No cell asks it where a `last` one is given, up to which cells may be sent.
        """
        subject, thread = subject or Subject(), call.thread or MAIN
        origin, cell = self.gatherer.place() if last is None else ("", last)
        keeps_cells = not subject.words or "context" in call.values
        turns = self.session.conversation.threads.get(thread, [])
        before = turns_before(turns, origin)
        request = ContextRequest(
            text=call.text,
            subject=subject,
            files=call.files,
            notebook=call.notebook,
            data=settings["data"],
            context=settings["context"] if keeps_cells else "none",
            budget_tokens=self.session.context_tokens(settings),
            since=max((turn.cell for turn in before), default=0),
            last=last,
        )
        text, context_info, notice = self.gatherer.gather(request)
        wanted = call.as_ and of_own_type(call.as_, self.shell.user_ns)
        question = Question(text, context_info, origin, cell, thread, notice=notice)
        return replace(question, without_history=call.fresh, wanted=wanted)

    def aside(self, text: str, thread: str, settings: Settings, last: int) -> Question:
        """Return a question that no cell asks; cells up to `last` may be sent."""
        refuse_key(text, self.session.redactor.hide)
        return self.typed(ParsedMagic(text=text, thread=thread), settings, last=last)

    def _subject(self, call: ParsedMagic, variables: Variables) -> tuple[Subject, str]:
        """Return what a task is about, and the cell that its code is to replace."""
        task, more = TASKS[call.command], call.text.strip()
        words, instruction = task["words"], task["instruction"]
        if call.command == "test":
            name = self._function(more)
            words = words.format(about=f"the function `{name}`")
            return Subject(words, instruction, (), (name,), with_source=True), ""
        cell = self._cell(call, variables)
        about = f"cell {cell.number}" if cell.number else "this cell"
        names, values = self._values(cell, variables)
        printed, error = cell.printed, clip_traceback(cell.error)
        if len(printed) > _MOST_PRINTED_CHARS:
            printed = f"[…]\n{printed[-_MOST_PRINTED_CHARS:]}"
        part = cell_part(replace(cell, printed=printed, error=error), about)
        words = f"{words.format(about=about)} {more}".strip()
        return Subject(words, instruction, (part, *values), names), cell.source

    def _values(
        self, cell: Cell, variables: Variables
    ) -> tuple[tuple[str, ...], tuple[ContextPart, ...]]:
        """Return the variables that a cell needs, and local values of its error."""
        names: list[str] = []
        parts: dict[str, ContextPart] = {}
        for frame, text in _failing_lines(self.shell, cell.number):
            is_function = frame.f_locals is not frame.f_globals
            local = frame.f_locals if is_function else {}
            for path, value in _values_in(text, {**frame.f_globals, **local}):
                if path.partition(".")[0] not in local:
                    names.append(path)
                elif len(parts) < _MOST_VALUES:
                    title = f"{path} in {frame.f_code.co_name}()"
                    described = variables.described(value, path)
                    parts[title] = ContextPart("value", title, (("", described),))
        read = read_names(cell.source, self.shell.transform_cell)
        text = " ".join((*read, clip_traceback(cell.error)))
        names += (path for path, _ in _values_in(text, self.shell.user_ns))
        own = (name for name in dict.fromkeys(names) if self._is_users(name))
        return tuple(islice(own, _MOST_VALUES)), tuple(parts.values())

    def _is_users(self, path: str) -> bool:
        """Return whether a name, or a result as `_`, is none of IPython's own."""
        name = path.partition(".")[0]
        hidden = self.shell.user_ns_hidden.get(name, MISSING)
        is_result = not name.strip("_0123456789")
        return is_result or self.shell.user_ns.get(name) is not hidden

    def _cell(self, call: ParsedMagic, variables: Variables) -> Cell:
        command, source = call.command, call.cell
        if source.strip():
            ran = (c for c in self._others() if c.source.strip() == source.strip())
            error = _syntax_error(source, self.shell.transform_cell)
            cell = next(ran, Cell(0, source, error=error))
        elif command == "fix":
            cell = self._failed()
        elif newest := next(self._others(), None):
            cell = newest
        else:
            hint = f"Run one first, or put %%nemotron {command} on top of it"
            raise InputError(f"{command} needs a cell, and none has run yet", hint=hint)
        if cell.mark == "skip" and not source.strip():
            what = f"cell {cell.number} is marked to be left out: # nemotron: skip"
            hint = f"Remove that line, or put %%nemotron {command} on top of the cell"
            raise InputError(what, "nothing was sent", hint)
        if not cell.number:
            return cell
        cell = self.gatherer.history.load(cell, variables.described)
        if command == "fix" and not cell.error and not call.text.strip():
            what = f"this cell ran without an error, as cell {cell.number}"
            hint = "Say what to change: %%nemotron fix: keep the index"
            raise InputError(what, "nothing was sent", hint)
        return cell

    def _failed(self) -> Cell:
        """Return the newest cell whose newest run failed, and not by Stop."""
        well: list[Cell] = []
        for cell in latest_runs(self._others()):
            error = self.gatherer.history.error_of(cell)
            is_stopped = "KeyboardInterrupt" in error.rpartition("\n")[2]
            if not error:
                well.append(cell)
            elif not is_stopped and not any(_may_mend(one, cell) for one in well):
                return cell
        what = "there is nothing to fix: no cell has failed, or it has been fixed since"
        hint = "For a cell that runs but is wrong, put %%nemotron fix: … on top of it"
        raise InputError(what, "nothing was sent", hint)

    def _others(self) -> Iterator[Cell]:
        """Return the cells that ran, newest first, but for ours."""
        ran = islice(self.gatherer.history.newest_first(), _MOST_CELLS)
        return (cell for cell in ran if not cell.is_ours)

    def _function(self, name: str) -> str:
        value = _value_at(name, self.shell.user_ns)
        if any(type(value) is one for one in _FUNCTIONS):
            return name
        what = f"test needs a function of this notebook, got {name[:60] or 'none'}"
        hint = "Name one that a cell has defined: %nemotron test: clean_names"
        raise InputError(what, hint=hint)


def _failing_lines(shell: Any, number: int) -> Iterator[tuple[Any, str]]:
    """Yield the user's frames of this cell's error, if it was the last, with code."""
    numbers = getattr(shell.compile, "_filename_map", {})
    last = getattr(sys, "last_value", None)
    frames = list(walk_tb(last.__traceback__)) if last is not None else []
    ran = (numbers.get(frame.f_code.co_filename) for frame, _ in frames)
    if next((one for one in ran if one is not None), None) != number:
        return
    for frame, line in frames:
        code = frame.f_code
        if not is_library(code.co_filename):
            text = linecache.getline(code.co_filename, line)
            yield frame, text or " ".join((*code.co_names, *code.co_varnames))


def _values_in(
    text: str, namespace: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    """Yield each name or path in a text that leads to a value worth describing."""
    for found in dict.fromkeys(_PATH.findall(text)):
        path, value = found, _value_at(found, namespace)
        while path and (value is MISSING or type(value) in (ModuleType, MethodType)):
            path = path.rpartition(".")[0]
            value = _value_at(path, namespace)
        root = namespace.get(path.partition(".")[0])
        is_known = hasattr(builtins, path) or _is_of_library(root)
        if path and not is_known and not _is_of_library(value):
            yield path, value


def _is_of_library(value: Any) -> bool:
    """Return whether a module, function or class is a library's, as `pd.read_csv`."""
    if type(value) is FunctionType:
        return is_library(value.__code__.co_filename)
    if type(value) is ModuleType:
        own = state(value)
        file = exact(own.get("__file__"))
        return is_library(file) or (not file and own.get("__spec__") is not None)
    if type in bases(type(value)):
        module = exact(defined(value, "__module__"))
        return module != "__main__" and _is_of_library(sys.modules.get(module))
    return type(value) is BuiltinFunctionType


def _value_at(path: str, namespace: Mapping[str, object]) -> object:
    """Return the value of a path, without running code; MISSING if it has none."""
    with suppress(InputError, SyntaxError, ValueError):
        return evaluate(path, namespace)
    return MISSING


def _syntax_error(source: str, transform: Callable[[str], str]) -> str:
    """Return the error that keeps a cell from running at all, or ""."""
    try:
        compile_cell(python_source(source, transform))
    except SyntaxError as error:
        line = (error.text or "").rstrip("\n")
        where = f"line {error.lineno}: {line}\n" if error.lineno else ""
        return f"{where}SyntaxError: {error.msg}"
    return ""


def _may_mend(one: Cell, failed: Cell) -> bool:
    """Return whether a later run may be of the failed cell, where no ids tell."""
    if one.cell_id and failed.cell_id:
        return one.cell_id == failed.cell_id
    sources = one.source[:_MOST_COMPARED_CHARS], failed.source[:_MOST_COMPARED_CHARS]
    return difflib.SequenceMatcher(None, *sources).ratio() >= _SIMILAR
