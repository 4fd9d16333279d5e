"""Load and unload the magics; all else is imported with the first question.

Loading must be light: what a question needs is imported with the first question.

The first question would take 0.4 s longer than the next, nearly all of it in imports.
"""

from __future__ import annotations

import atexit
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, cast

from IPython.core.completer import SimpleCompletion, context_matcher
from IPython.core.magic import no_var_expand

from nemotron_magic.core import public
from nemotron_magic.magics.config import load_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from tokenize import TokenInfo

    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from nemotron_magic.context.history import CellIds, DisplayLog, Recorder
    from nemotron_magic.context.secrets.held import Held
    from nemotron_magic.magics.app import App
    from nemotron_magic.magics.input_transformers import Question
    from nemotron_magic.session.reply import Reply

__all__ = [
    "NemotronMagics",
    "Preload",
    "is_live",
    "load",
    "panel",
    "unload",
]


class NemotronMagics:
    """The magics of one shell.

    No `Magics` of IPython's: making a class with its traits takes as long as loading
    an empty extension.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.settings = load_config(shell)
        self._recorder = _recorder(shell)
        self._displays = _displays_of(shell)
        self._ids: dict[int, str] = {}
        self._cell_ids: CellIds | None = None
        self._held: Held | None = None
        self._app: App | None = None
        self._warm_up: Preload | None = None

    @property
    def app(self) -> App:
        """What runs questions and commands, made when first used."""
        if self._app is None:
            from nemotron_magic.magics.app import App as Runner
            from nemotron_magic.session.reply import Reply

            self._app = Runner(
                self.shell,
                self.settings,
                self._recorder,
                self._displays,
                self._ids,
                self.held,
            )
            _formatter(self.shell).for_type(Reply, self._app.displays.show_value)
        return self._app

    @property
    def held(self) -> Held:
        """What knows the secrets that variables hold, made when first used."""
        if self._held is None:
            from nemotron_magic.context.secrets.held import Held

            self._held = Held(self.shell.user_ns)
        return self._held

    @no_var_expand
    def nemotron(self, line: str, cell: str | None = None) -> Reply | None:
        """Ask a Nemotron model; its answer streams in as Markdown.

            %nemotron why does this merge lose rows?
            answer = %nemotron -t 0 name three uses of a pivot table

            %%nemotron --max-tokens 800
            Explain this traceback.
            KeyError: 'region'

        $`name` stands for a live value: `why is $`df["price"]` an object column?`

        Flags come first; the first word that is no flag starts the question, and from
        there every character is yours. `--` ends the flags by hand. The reply is the
        value: text, with .code, .blocks, .usage, .cost_usd, .model, .reasoning,
        .finish_reason and .messages. `_nemotron` is always the last one. The stop
        button, or Ctrl-C, ends a call at any time and keeps what has arrived.

        Commands (a lone word; with a text it takes a colon):

            %nemotron                 where things stand
            %nemotron help            commands and flags
            %nemotron models          the live catalogue, Nemotrons first
            %nemotron models: WORD    those with WORD in their name
            %nemotron login           ask for the key, check it, keep it
            %nemotron doctor          check endpoint, key, model and versions
            %nemotron rehearse        try without key, network or cost
            %nemotron rehearse: off   go back
            %nemotron code            put the next code of the last reply into a
                                      cell; code: 3 the third, code: all joins them
            %nemotron fix             correct the cell that failed; fix: keep the index
            %nemotron explain         explain the last cell, or why it failed
            %nemotron doc             add docstrings and comments to the last cell
            %nemotron test: NAME      write tests for a function of the notebook
            %nemotron continue        go on with a reply that was cut off
            %nemotron retry           ask again; retry: shorter says how
            %nemotron preview         what the last question sent, to the letter
            %nemotron threads         the conversations of this notebook
            %nemotron reset           forget the conversation; reset: NAME another one
            %nemotron panel           settings, asking and usage to click
            %nemotron usage           what it took: session, day, month, model
            %nemotron usage: export calls.csv
            %nemotron log             the last calls; log: 12 one of them
            %nemotron cache           replies that are kept; cache: clear
            %nemotron balance         what is left on the account

        %%nemotron fix, explain and doc take a cell of yours below them, as it is.

        Flags:

            -m, --model MODEL         which model to ask
            -t, --temperature         randomness, 0 to 2
            -n, --max-tokens          longest reply, in tokens
            --top-p, --top-k, --min-p, --seed, --stop (up to four times)
            --frequency-penalty, --presence-penalty, --repetition-penalty
            -s, --system SYSTEM       instruction before the question; "" for none
            -p KEY=VALUE              any further field of the request, as JSON
            -o, --out NAME            put the reply into this variable, too
            -c, --context CONTEXT     which cells go along: auto (since the last
                                      reply), none, all, a number, or ranges
            --data DATA               of tables: schema, sample or full
            -f, --file PATH           attach a text file; may be given again
            --notebook                attach the saved notebook: Markdown and order
            --max-cost USD            refuse it if it may cost more
            --cache                   answer from disk what was asked before; also
                                      --cache=replay (never ask), --cache=off
            --preview                 show what would be sent, and send nothing
            -T, --thread THREAD       ask in a conversation of its own
            --fresh                   leave the earlier turns out, for this once
            --code                    ask for code, and put it into the next cell
            --replace                 put it in place of this cell
            --repair REPAIR           send back what is wrong with it, so many times
            -q, --quiet               show nothing; the reply is the value
            --no-stream               wait for the whole reply
            -h, --help                all flags with their ranges

        Settings for the session: `%config Nemotron` lists them,
        `%config Nemotron.temperature = 0.2` sets one; for good, write
        `c.Nemotron.temperature = 0.2` into ipython_config.py. The key comes from
        AIMLAPI_API_KEY or from `%nemotron login`; it is never written into a notebook.
        """
        from nemotron_magic.core.errors import NemotronError

        try:
            from nemotron_magic.magics.dispatch import run

            return run(self.app, line, cell)
        except NemotronError as error:
            error.verbose = self.settings.snapshot()["verbose_errors"]
            raise

    @context_matcher()  # type: ignore[untyped-decorator]  # IPython leaves it so
    def complete(self, context: CompletionContext) -> SimpleMatcherResult:
        """Complete a word on a line of ours, and keep others from guessing there."""
        lines = context.full_text.split("\n")[: context.cursor_line]
        text = "\n".join([*lines, context.text_until_cursor])
        found = self._completions(text, context.token) if "%nemotron" in text else []
        completions = [SimpleCompletion(name, type="nemotron") for name in found]
        return {"completions": completions, "suppress": bool(found)}

    def _completions(self, text: str, word: str) -> list[str]:
        from nemotron_magic.magics.commands import COMMANDS
        from nemotron_magic.magics.completer import Completer

        return Completer(COMMANDS, self.app.model_names).matches(text, word)

    def warm_up(self, result: Any) -> None:
        """Get ready for the first question, once the cell that loaded us has ended."""
        self._forget(self.warm_up)
        from nemotron_magic.context.history import CellIds

        # Not sooner: loading is to stay light.
        self._cell_ids = CellIds(self.shell, self._ids)
        self._cell_ids.note(result)
        self.shell.events.register("post_run_cell", self.look_at_variables)
        if is_live(self.shell) and self._app is None:
            self._warm_up = Preload(self.shell)
            self._warm_up.begin()

    def look_at_variables(self, result: Any) -> None:
        """Note the secrets that a cell has left in variables, before they change."""
        self.held.look()

    def _forget(self, listener: Callable[[Any], None]) -> None:
        if listener in self.shell.events.callbacks["post_run_cell"]:
            self.shell.events.unregister("post_run_cell", listener)

    def close(self) -> None:
        """Let go of what was opened."""
        self._forget(self.warm_up)
        self._forget(self.look_at_variables)
        if self._warm_up is not None:
            self._warm_up.close()
        for listener in (self._recorder, self._displays, self._cell_ids):
            if listener is not None:
                listener.close()
        if self._app is not None:
            from nemotron_magic.session.reply import Reply

            self._app.close()
            _formatter(self.shell).type_printers.pop(Reply, None)


def load(shell: Any) -> None:
    """Register the magics and all that belongs to them; twice is once."""
    if _registered(shell) is not None:
        return
    magics = NemotronMagics(shell)
    shell.register_magic_function(magics.nemotron, "line_cell", "nemotron")
    shell.configurables.append(magics.settings)
    # First, before IPython takes prompts off and looks for a cell magic.
    shell.input_transformers_cleanup[:0] = [_keep_prompts, _keep_lone_lines]
    shell.input_transformer_manager.token_transformers.append(_Questions)
    shell.Completer.custom_matchers.append(magics.complete)
    shell.events.register("post_run_cell", magics.warm_up)
    _tell_what_is_missed(shell)


@public
def panel() -> None:
    """Show the panel in the cell that runs now, as `%nemotron panel` does.

    Raises
    ------
    NemotronError
        If no notebook is running here.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        from nemotron_magic.core.errors import InputError

        raise InputError(
            "a panel needs a notebook, and none is running here",
            hint="From Python, use nemotron_magic.Session",
        )
    load(shell)
    cast("NemotronMagics", _registered(shell)).nemotron("panel")


def unload(shell: Any) -> None:
    """Remove all that `load` registered."""
    magics = _registered(shell)
    if magics is None:
        return
    magics.close()
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("nemotron", None)
    shell.configurables.remove(magics.settings)
    # What `%config` set and we refused is in the shell's alone: it would come back.
    shell.config["Nemotron"] = magics.settings.config["Nemotron"]
    for transform in (_keep_prompts, _keep_lone_lines):
        shell.input_transformers_cleanup.remove(transform)
    shell.input_transformer_manager.token_transformers.remove(_Questions)
    shell.Completer.custom_matchers.remove(magics.complete)


def _tell_what_is_missed(shell: Any) -> None:
    """Notice a question in a cell that runs now, and so was read before."""
    for cell, read in _running():
        if "%nemotron " in cell and "?" in cell:
            from nemotron_magic.magics.input_transformers import MISSED, is_missed

            if is_missed(shell, cell, read):
                print(MISSED)


def _running() -> Iterator[tuple[str, str]]:
    """Return each cell that runs now, as typed and as IPython has read it.

    IPython tells nobody of a script's cells, nor of those that leave no history; a cell
    may run a script that loads us.
    """
    for frame, _ in traceback.walk_stack(None):
        if frame.f_code.co_name == "run_cell_async":
            known = frame.f_locals
            yield known.get("raw_cell") or "", known.get("cell") or ""


def _keep_lone_lines(lines: list[str]) -> list[str]:
    """Return the lines of any cell; only one of ours is looked at closely."""
    if not any("%%nemotron" in line for line in lines):
        return lines
    from nemotron_magic.magics.input_transformers import keep_lone_lines

    return keep_lone_lines(lines)


class _Questions:
    """Finds questions before IPython takes one for a request for help."""

    @staticmethod
    def find(tokens_by_line: list[list[TokenInfo]]) -> Question | None:
        """Find one in any cell; only where we are named it is looked at closely."""
        if not any(one.string == "nemotron" for line in tokens_by_line for one in line):
            return None
        from nemotron_magic.magics.input_transformers import question_in

        return question_in(tokens_by_line)


def _keep_prompts(lines: list[str]) -> list[str]:
    """Return the lines of any cell; only one of ours is looked at closely."""
    if not lines or not lines[0].startswith("%%nemotron"):
        return lines
    from nemotron_magic.magics.input_transformers import keep_prompts

    return keep_prompts(lines)


# So that a terminal does not take a cell for whole at its first prompt.
_keep_prompts.has_side_effects = True  # type: ignore[attr-defined]  # IPython's way


def _registered(shell: Any) -> NemotronMagics | None:
    found = shell.magics_manager.magics["line"].get("nemotron")
    owner = getattr(found, "__self__", None)
    # By name: after an autoreload the class is another one.
    is_ours = type(owner).__name__ == NemotronMagics.__name__
    return cast("NemotronMagics", owner) if is_ours else None


def _recorder(shell: Any) -> Recorder | None:
    """Listen to cells from now on, where IPython itself (before 9.1) does not."""
    if hasattr(shell.history_manager, "exceptions"):
        return None
    from nemotron_magic.context.history import Recorder

    return Recorder(shell)


def _displays_of(shell: Any) -> DisplayLog | None:
    """Listen to displays from now on, in a kernel."""
    if not hasattr(shell.display_pub, "register_hook"):
        return None
    from nemotron_magic.context.history import DisplayLog as Displays

    return Displays(shell)


def _formatter(shell: Any) -> Any:
    return shell.display_formatter.ipython_display_formatter


_PAUSE_S = 0.01
"""Between two steps, so that whoever types is not kept waiting."""

_SAMPLE = "A *word*, `code` and $x$.\n\n- one\n\n```python\nx = [1]\n```\n"


def is_live(shell: Any) -> bool:
    """Return whether somebody, or a notebook, will type into this shell."""
    return getattr(shell, "kernel", None) is not None or hasattr(shell, "pt_app")


class Preload:
    """Does its steps in a thread, as long as no cell runs.

    Parameters
    ----------
    shell : InteractiveShell
        Whose cells it keeps out of the way of.
    steps : sequence of callable
        Short ones, since a cell that begins competes with the one that is being done.
    delay_s : float
        How long to wait before the first.
    """

    def __init__(
        self,
        shell: Any,
        steps: Sequence[Callable[[], object]] | None = None,
        delay_s: float = 0.1,
    ) -> None:
        self._shell = shell
        self._steps = _STEPS if steps is None else steps
        self._delay_s = delay_s
        self._is_idle, self._is_over = Event(), Event()
        self._thread = Thread(target=self._run, name="nemotron-warm-up", daemon=True)
        self._events = {"pre_run_cell": self._pause, "post_run_cell": self._go_on}

    @property
    def is_over(self) -> bool:
        """Whether all is done that will be."""
        return self._is_over.is_set()

    def begin(self) -> None:
        """Begin; no cell runs."""
        for name, call in self._events.items():
            self._shell.events.register(name, call)
        # A thread that imports while the interpreter ends may crash it.
        atexit.register(self.close)
        self._is_idle.set()
        self._thread.start()

    def close(self) -> None:
        """End it, done or not."""
        self._is_over.set()
        self._is_idle.set()
        for name, call in self._events.items():
            if call in self._shell.events.callbacks[name]:
                self._shell.events.unregister(name, call)
        atexit.unregister(self.close)
        if self._thread.is_alive():
            self._thread.join()

    def _pause(self, *_: Any) -> None:
        self._is_idle.clear()

    def _go_on(self, *_: Any) -> None:
        self._is_idle.set()
        if self.is_over:
            self.close()

    def _run(self) -> None:
        self._is_over.wait(self._delay_s)
        for step in self._steps:
            self._is_idle.wait()
            if self.is_over:
                return
            with suppress(Exception):  # the first question will tell
                step()
            self._is_over.wait(_PAUSE_S)
        self._is_over.set()


def _importing(name: str) -> Callable[[], object]:
    return lambda: import_module(f"nemotron_magic.{name}")


def _get_connections_ready() -> None:
    from nemotron_magic.client.transport import get_ready

    get_ready()


def _render() -> None:
    from nemotron_magic.display.reply import document
    from nemotron_magic.markdown import to_html

    document(to_html(_SAMPLE))


_STEPS: tuple[Callable[[], object], ...] = (
    _importing("session.session"),
    _importing("context.gather"),
    _importing("display.front_end"),
    _importing("magics.dispatch"),
    _importing("magics.input_transformers"),
    _importing("code.check"),
    _importing("code.visibility"),
    _importing("client.client"),
    _get_connections_ready,
    _importing("markdown.html"),
    _importing("markdown.sanitize"),
    _render,
)
