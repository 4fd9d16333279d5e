"""Load and unload the magics and their settings, `%config Nemotron`.

Loading must be light: what a question needs, 0.4 s of imports, is imported behind the
cell that loads, or with the first question.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from threading import Timer
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, cast

from IPython.core.completer import SimpleCompletion, context_matcher
from IPython.core.magic import MagicAlias, no_var_expand
from traitlets import TraitError, TraitType
from traitlets.config import Configurable

from nemotron_magic.core import public
from nemotron_magic.core.parameters import DEFAULT_MODEL, PARAMETERS, Parameter

if TYPE_CHECKING:
    from tokenize import TokenInfo

    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from nemotron_magic.context.history import DisplayLog, Recorder
    from nemotron_magic.context.secrets.held import Held
    from nemotron_magic.core.settings import Settings
    from nemotron_magic.magics.app import App
    from nemotron_magic.magics.input_transformers import Question

_PACKAGE = __name__.split(".")[0]
_SLOW_S = 1.0  # what took less is not remembered


class _Setting(TraitType[Any, Any]):
    """A trait that accepts what its row of the table accepts."""

    def __init__(self, row: Parameter) -> None:
        self.row = row
        super().__init__(row.default, row.may_be_unset, config=True)

    def validate(self, obj: Any, value: Any) -> Any:
        # Here and not above: loading the extension is to stay light.
        from nemotron_magic.core.errors import InputError

        if value is None:
            raise TraitError(f"{self.row.name} must be {self.info()}, got None")
        try:
            return self.row.check(value)
        except InputError as error:
            raise TraitError(str(error)) from None

    def info(self) -> str:
        return self.row.describe()

    def from_string(self, s: str) -> Any:
        return self.row.parse(s)


class Nemotron(Configurable):
    """Settings of %nemotron."""

    @classmethod
    def class_get_trait_help(
        cls, trait: Any, inst: Any = None, helptext: str | None = None
    ) -> str:
        """Return a setting as `%config Nemotron` lists it, with what it may be."""
        text = super().class_get_trait_help(trait, inst, helptext or trait.row.help)
        return text.replace(f"<{type(trait).__name__}>", f"<{trait.info()}>", 1)

    # One trait for each row: in the body of a class, these are its own names.
    locals().update({p.name: _Setting(p) for p in PARAMETERS})

    def snapshot(
        self, values: Mapping[str, Any] | None = None, **more: Any
    ) -> Settings:
        """Return the settings of one call, `values` in place of the traits'."""
        from nemotron_magic.core.settings import Settings

        values = values or {}
        traits = {p.name: getattr(self, p.name) for p in PARAMETERS}
        # Identity: a user who types the default model's name has chosen it.
        is_default = traits["model"] is DEFAULT_MODEL and "model" not in values
        return Settings({**traits, **values}, more, is_default)


class NemotronMagics:
    """The magics of one shell; as `Magics` of IPython's they would load more slowly."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        try:
            self.settings = Nemotron(parent=shell)
        except TraitError as error:
            from nemotron_magic.core.errors import InputError

            hint = "Correct c.Nemotron in ipython_config.py, then load again"
            raise InputError(str(error), hint=hint) from None
        self._recorder, self._displays = _listeners(shell)
        self._ids: dict[int, str] = {}
        self._is_ready = False
        self._preload = Timer(0.1, preload)
        self._began_s = 0.0
        self._slow: dict[str, float] = {}

    @cached_property
    def app(self) -> App:
        """What runs questions and commands, made when first used."""
        from nemotron_magic.context.history import History
        from nemotron_magic.magics.app import App

        history = History(self.shell, self._recorder, self._displays, self._ids)
        return App(self.shell, self.settings, history, self.held, self._slow)

    @cached_property
    def held(self) -> Held:
        """What knows the secrets that variables hold, made when first used."""
        from nemotron_magic.context.secrets.held import Held

        return Held(self.shell.user_ns)

    @no_var_expand
    def nemotron(self, line: str, cell: str | None = None) -> Any:
        """Ask a Nemotron model; see `%nemotron help`."""
        from nemotron_magic.core.errors import NemotronError

        try:
            from nemotron_magic.magics.commands import run

            return run(self.app, line, cell)
        except NemotronError as error:
            error.verbose = self.settings.snapshot()["verbose_errors"]
            raise

    @staticmethod
    def _manual() -> str:
        from nemotron_magic.magics.commands import manual

        return manual()

    # What `%nemotron?` and Shift-Tab show: IPython asks for it by this name.
    nemotron.getdoc = _manual  # type: ignore[attr-defined]

    @context_matcher()  # type: ignore[untyped-decorator]  # IPython leaves it so
    def complete(self, context: CompletionContext) -> SimpleMatcherResult:
        """Complete a word on one of our lines, and keep others from guessing there."""
        lines = context.full_text.split("\n")[: context.cursor_line]
        text = "\n".join([*lines, context.text_until_cursor])
        found: list[str] = []
        if "%nemotron" in text:
            from nemotron_magic.magics.parser import completions

            found = completions(text, context.token, self.app.model_names)
        matches = [SimpleCompletion(name, type="nemotron") for name in found]
        return {"completions": matches, "suppress": bool(found)}

    def call_cell(self, lines: list[str]) -> list[str]:
        """Return the lines of a cell, a cell magic of ours as its call."""
        return self._transformed("call_cell", lines)

    # So that a terminal does not take a cell for whole at its first line.
    call_cell.has_side_effects = True  # type: ignore[attr-defined]  # IPython's way

    def join_lines(self, lines: list[str]) -> list[str]:
        """Return the lines of a cell, ours not cut but at newlines."""
        return self._transformed("join_lines", lines)

    def _transformed(self, how: str, lines: list[str]) -> list[str]:
        names = self._names()
        if not any(f"%{name}" in line for line in lines for name in names):
            return lines  # most cells are not to pay for it
        module = import_module("nemotron_magic.magics.input_transformers")
        return cast("list[str]", getattr(module, how)(lines, names))

    def find(self, tokens_by_line: list[list[TokenInfo]]) -> Question | None:
        """Find a question in any cell, before IPython takes it for one for help."""
        names = self._names()
        if not any(one.string in names for line in tokens_by_line for one in line):
            return None
        from nemotron_magic.magics.input_transformers import find_question

        return find_question(tokens_by_line, names)

    def _names(self) -> set[str]:
        """Return our name, and those that `%alias_magic` gave us."""
        known = self.shell.magics_manager.magics
        magics = [*known["line"].items(), *known["cell"].items()]
        # Each line of each cell asks: only what is an alias is asked for its target.
        aliases = [(name, one) for name, one in magics if type(one) is MagicAlias]
        return {"nemotron", *(k for k, one in aliases if one.magic_name == "nemotron")}

    def begin_cell(self, info: Any) -> None:
        """Note when a cell begins, and that it has printed nothing yet."""
        self._began_s = monotonic()
        if info.store_history:
            # There may be what cells without a history have, as within `%%capture`.
            printed = getattr(self.shell.history_manager, "outputs", {})
            printed.pop(len(self.shell.user_ns.get("In") or [""]), None)

    def end_cell(self, result: Any) -> None:
        """Note what took long, and secrets in variables, before they change."""
        from nemotron_magic.context.cells import is_ours, note_id

        _prevent_reload(self.shell)
        if result is None:  # an `await` was stopped
            return
        note_id(self.shell, self._ids, result.info)
        if not self._is_ready:
            # The cell that loaded us has ended: get ready for the first question.
            self._is_ready = True
            # Nobody types into any other shell, nor behind `ipython -c`.
            is_typed = getattr(self.shell.parent, "interact", True)
            is_terminal = hasattr(self.shell, "pt_app") and is_typed
            if getattr(self.shell, "kernel", None) or is_terminal:
                self._preload.start()
            return
        source, elapsed_s = result.info.raw_cell, monotonic() - self._began_s
        self._slow.pop(source, None)
        if elapsed_s > _SLOW_S and source:
            self._slow[source] = elapsed_s
        if not is_ours(source):  # which changes no variable but its own
            self.held.look()

    def close(self) -> None:
        """Let go of what was opened."""
        self.shell.events.unregister("pre_run_cell", self.begin_cell)
        self.shell.events.unregister("post_run_cell", self.end_cell)
        self._preload.cancel()
        app = vars(self).get("app")
        for one in (self._recorder, self._displays, app):
            if one is not None:
                one.close()


def _places(shell: Any, magics: NemotronMagics) -> Iterator[tuple[list[Any], Any]]:
    """Yield the lists of the shell that we stand in, each with what stands there."""
    transformers = shell.input_transformer_manager
    yield shell.configurables, magics.settings
    yield transformers.cleanup_transforms, magics.call_cell
    yield transformers.line_transforms, magics.join_lines
    yield transformers.token_transformers, magics
    yield shell.Completer.custom_matchers, magics.complete


def load(shell: Any) -> NemotronMagics:
    """Register the magics and all that belongs to them; twice is once."""
    if (known := _registered(shell)) is not None:
        return known
    magics = NemotronMagics(shell)
    shell.register_magic_function(magics.nemotron, "line_cell", "nemotron")
    for listed, one in _places(shell, magics):
        # First, before IPython takes prompts off and looks for a cell magic.
        listed.insert(0 if one == magics.call_cell else len(listed), one)
    shell.events.register("pre_run_cell", magics.begin_cell)
    shell.events.register("post_run_cell", magics.end_cell)
    _report_missed(shell)
    return magics


@public
def panel() -> None:
    """Show the panel in the cell that runs now, as `%nemotron panel` does.

    Raise NemotronError if no notebook is running here.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        from nemotron_magic.core.errors import InputError

        what = "a panel needs a notebook, and none is running here"
        raise InputError(what, hint="From Python, use nemotron_magic.Session")
    load(shell).nemotron("panel")


def unload(shell: Any) -> None:
    """Remove all that `load` registered."""
    magics = _registered(shell)
    if magics is None:
        return
    magics.close()
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("nemotron", None)
    for listed, one in _places(shell, magics):
        listed.remove(one)
    # What `%config` set and we refused is in the shell's alone: it would come back.
    shell.config["Nemotron"] = magics.settings.config["Nemotron"]


def _report_missed(shell: Any) -> None:
    """Notice a question in a cell that runs now, and so was read before."""
    # Cells of a script, or without a history, are known by their frames alone.
    for frame, _ in traceback.walk_stack(None):
        known = frame.f_locals if frame.f_code.co_name == "run_cell_async" else {}
        cell, read = known.get("raw_cell") or "", known.get("cell") or ""
        if "%nemotron " in cell and "?" in cell:
            from nemotron_magic.magics.input_transformers import CALL, MISSED

            if str(shell.transform_cell(cell)).count(CALL) > read.count(CALL):
                print(MISSED)


def _prevent_reload(shell: Any) -> None:
    """Take our modules, be there more by now, from autoreload: versions do not mix."""
    autoreload = shell.magics_manager.registry.get("AutoreloadMagics")
    reloader = getattr(autoreload, "_reloader", None)
    if reloader is not None:
        for name in list(sys.modules):  # a list: an import may go on behind us
            if name.split(".")[0] == _PACKAGE:
                reloader.mark_module_skipped(name)


def _registered(shell: Any) -> NemotronMagics | None:
    found = shell.magics_manager.magics["line"].get("nemotron")
    owner = getattr(found, "__self__", None)
    return owner if isinstance(owner, NemotronMagics) else None


def _listeners(shell: Any) -> tuple[Recorder | None, DisplayLog | None]:
    """Return what hears the errors and the displays of cells, where it is needed."""
    records = not hasattr(shell.history_manager, "exceptions")  # IPython before 9.1
    has_page = getattr(shell, "kernel", None) is not None
    if not records and not has_page:
        return None, None
    from nemotron_magic.context.history import DisplayLog, Recorder

    recorder = Recorder(shell) if records else None
    return recorder, DisplayLog(shell) if has_page else None


def preload() -> None:
    """Import what the first question needs; what fails will fail again with it."""
    for name in ("magics.commands", "code.check", "client.client", "markdown.sanitize"):
        with suppress(Exception):
            import_module(f"nemotron_magic.{name}")
        sleep(0.01)  # so that a cell that begins is not kept waiting
    with suppress(Exception):
        from nemotron_magic.client.transport import certificates
        from nemotron_magic.display.reply import document
        from nemotron_magic.markdown import to_html

        certificates()
        import_module("nemotron_magic.code.trial").sweep()
        document(to_html("*A*, `b`, $x$\n\n- c\n\n```python\nx = [1]\n```\n"))
