"""The state of `%nemotron` in one shell, and how a question is asked there."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from nemotron_magic.client.deadline import InterruptGuard, stopped_after
from nemotron_magic.code.syntax import Finding, describe_finding
from nemotron_magic.code.trial import finished
from nemotron_magic.context.gather import ContextGatherer
from nemotron_magic.context.history import History
from nemotron_magic.context.notebook_file import own_file
from nemotron_magic.context.secrets.held import Held
from nemotron_magic.core.endpoint import SecretMapping
from nemotron_magic.core.errors import InputError, InvalidAnswerError, NemotronError
from nemotron_magic.core.events import Trying
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import literal
from nemotron_magic.display.front_end import DisplayManager
from nemotron_magic.display.insert import CodeInserter, InsertOptions
from nemotron_magic.display.page import Renderer
from nemotron_magic.magics.parser import ParsedMagic
from nemotron_magic.magics.questions import TASKS, QuestionBuilder
from nemotron_magic.magics.words import WORDS
from nemotron_magic.session import conversation
from nemotron_magic.session.conversation import MAIN, FollowUp, Question
from nemotron_magic.session.reply import NotebookReplyCache, Reply, partial_reply
from nemotron_magic.session.session import Session
from nemotron_magic.storage.files import user_folder
from nemotron_magic.storage.ledger import Ledger, Tally, open_ledger

if TYPE_CHECKING:
    from nemotron_magic.display.panel import PanelHost
    from nemotron_magic.display.panel.panel import Panel

_SPENT: WeakKeyDictionary[Any, tuple[str, dict[str, Tally]]] = WeakKeyDictionary()
"""The session of each shell and its cost: loading us again begins no other."""


class App:
    """One notebook's conversation, in `shell` with the traits `config`."""

    def __init__(
        self,
        shell: Any,
        config: Any,
        history: History,
        held: Held,
        slow: Mapping[str, float],
    ) -> None:
        self.session = Session(held=held.secrets)
        self._environ = SecretMapping(os.environ)
        self.displays = DisplayManager(shell, self._environ)
        self.shell = shell
        self.config = config
        self._rehearsal: Any = None
        self._panels: PanelHost | None = None
        self._base_url_before = ""
        self._ledgers: dict[tuple[str, str], Ledger] = {}
        self._own_file = partial(own_file, shell, self._environ, history.ids)
        self.session.accounting.saved = NotebookReplyCache(self._own_file).find
        spent = _SPENT.setdefault(shell, (uuid.uuid4().hex, {}))
        self._name, self.session.accounting.tallies = spent
        folders = [user_folder(self._environ, kind) for kind in ("data", "cache")]
        self.inserter = inserter = CodeInserter(
            shell, lambda: self.displays.front_end != "headless", folders
        )
        gatherer = ContextGatherer(shell, self._own_file, history)
        self.questions = QuestionBuilder(shell, self.session, gatherer)
        self.slow = slow
        self.options_of: dict[str, InsertOptions] = {}
        self.displays.code_of = lambda r: inserter.code_of(r, config.insert_button)
        self._printers = shell.display_formatter.ipython_display_formatter
        self._printers.for_type(Reply, self.displays.show_value)

    def model_names(self) -> list[str]:
        """Return the models to offer on Tab; asks the service once, briefly."""
        settings = self.config.snapshot()
        endpoint = self.session.endpoint(settings)
        client = self.session.client
        try:
            known = client.listed(endpoint) or client.models(
                endpoint, self.session.credentials.key(endpoint), timeout_s=2.0
            )
        except NemotronError:
            return [settings.model]
        return [model.name for model in known]

    def start_rehearsal(self) -> str:
        """Ask the rehearsal from now on; return its base URL."""
        if self._rehearsal is None:
            from nemotron_magic import rehearsal

            pace = rehearsal.READING_TOKENS_PER_S
            self._rehearsal = rehearsal.serve(tokens_per_s=pace).start()
        if not self.rehearses(self.config.base_url):
            self._base_url_before = self.config.base_url
            self.config.base_url = self._rehearsal.url
        return str(self.config.base_url)

    def stop_rehearsal(self) -> None:
        """Ask the service again."""
        if self.rehearses(self.config.base_url):
            self.config.base_url = self._base_url_before
        if self._rehearsal is not None:
            self._rehearsal.stop()
            self._rehearsal = None

    def rehearses(self, base_url: object) -> bool:
        """Return whether questions to `base_url` go to the rehearsal."""
        return self._rehearsal is not None and base_url == self._rehearsal.url

    def open_panel(self) -> Panel:
        """Show a panel in the cell that runs now."""
        from nemotron_magic.display.panel import PanelHost
        from nemotron_magic.display.panel.panel import Panel

        if self._panels is None:
            aside, ticker = self.questions.aside, self.displays.ticker
            shared = (self.shell, self.config, self.session, aside, self.inserter)
            self._panels = PanelHost(*shared, self.keep_books, ticker)
        panel = Panel(self._panels)
        panel.show()
        return panel

    def close(self) -> None:
        """Close panels, connections and the rehearsal."""
        if self._panels is not None:
            self._panels.close()
        self.displays.ticker.close()
        self.stop_rehearsal()
        self._printers.type_printers.pop(Reply, None)
        self.session.close()
        for ledger in self._ledgers.values():
            ledger.close()

    def keep_books(self, settings: Settings) -> None:
        """Write calls down where the setting says; a rehearsal's are not kept."""
        rehearses = self.rehearses(settings["base_url"])
        # Another session: what a rehearsal takes is no money.
        name = f"{self._name}-rehearsal" if rehearses else self._name
        where = "off" if rehearses else str(settings["ledger"])
        if (where, name) not in self._ledgers:
            self._ledgers[where, name] = open_ledger(where, self._environ, name)
        accounting = self.session.accounting
        with suppress(NemotronError):
            # The user may have started one elsewhere, which answered last.
            endpoint = self.session.endpoint(settings)
            rehearses = rehearses or self.session.client.is_rehearsal(endpoint)
        accounting.is_rehearsal = rehearses
        accounting.ledger = self._ledgers[where, name]
        accounting.notebook = Path(self._own_file()).name

    def last_reply(self, thread: str) -> str:
        """Return the last reply of a thread; empty without one."""
        turns = self.session.conversation.threads.get(thread or MAIN)
        return turns[-1].reply if turns else ""


@dataclass
class Asking:
    """One question of a cell, with the rounds in which its code is corrected."""

    app: App
    call: ParsedMagic
    settings: Settings
    guard: InterruptGuard = field(default_factory=InterruptGuard)
    options: InsertOptions = field(default_factory=InsertOptions)
    renderer: Renderer = field(default_factory=Renderer)

    def run(self) -> Reply:
        """Ask; return the reply as it was shown.

        Raise NemotronError when there is no whole reply; what had arrived is shown and
        kept.
        """
        # What has arrived is neither lost nor half shown, whenever Stop is pressed.
        with self.guard:
            reply = self._reply()
        if self.guard.is_pressed:
            raise stopped_after(reply)
        return reply

    def _reply(self) -> Reply:
        """Return the last reply, shown, its code in a cell if the options say so."""
        inserter, thread, rounds = self.app.inserter, self.call.thread or MAIN, 0
        with self.guard.released():
            self.options, request = self._prepare(thread)
        self.app.options_of[thread] = self.options
        inserter.forget_trials()
        reply = self._receive(request, self.options)
        while findings := self._findings(reply, rounds):
            rounds += 1
            most = self.options.repairs
            notice = f"Sent back to be corrected, {rounds} of at most {most}."
            self._show(inserter.sent_back(reply, notice))
            lines = "\n".join(f"- {describe_finding(one)}" for one in findings)
            wish = WORDS["requests"]["correction"].format(findings=lines)
            correction = conversation.Correction(wish, thread)
            try:
                reply = self._receive(correction, InsertOptions())
            except (NemotronError, KeyboardInterrupt) as error:
                return self._keep_uncorrected(reply, error)
        return self._show(inserter.finished(reply, self.options))

    def _prepare(self, thread: str) -> tuple[InsertOptions, Question | FollowUp]:
        call, settings = self.call, self.settings
        last = self.app.options_of.get(thread, InsertOptions())
        if call.command == "continue":
            return _changed(last, call), conversation.Continuation(thread)
        if call.command == "retry":
            again = conversation.Regeneration(call.text, thread)
            return _changed(last, call), again
        gives_code = call.command in TASKS and TASKS[call.command]["gives_code"]
        repairs, tries = int(settings["repair"]), settings["try_code"] == "on"
        usual = InsertOptions(gives_code, repairs=repairs, tries=tries)
        options = _changed(usual, call)
        question, source = self.app.questions.of(call, settings)
        return replace(options, before=source if gives_code else ""), question

    def _receive(self, request: Question | FollowUp, options: InsertOptions) -> Reply:
        self.renderer = Renderer() if self.call.quiet else self.app.displays.renderer()
        try:
            with self.guard.released():
                reply = self.app.session.ask(
                    request, self.settings, self.renderer.watch
                )
        except NemotronError as error:
            arrived = partial_reply(error)
            if self.call.as_ is not None or isinstance(error, InvalidAnswerError):
                self.call = replace(self.call, out="")  # it has no value
            if arrived is None:
                self.renderer.fail()
            else:
                self._push(arrived)
                error.reply = self._show(self.app.inserter.finished(arrived, options))
            raise
        self._push(reply)
        return reply

    def _keep_uncorrected(
        self, reply: Reply, error: NemotronError | KeyboardInterrupt
    ) -> Reply:
        """Put in as it is what could not be corrected, because it is paid for."""
        notice = "Not corrected: stopped by you."
        if isinstance(error, NemotronError):
            why = error.why.replace("nothing was sent", "nothing more was sent")
            notice = f"Not corrected: {error.what}{f' ({why})' if why else ''}."
        kept = self.app.inserter.finished(reply, self.options, notice)
        if not self.call.quiet:
            about, before = kept.metadata, len(reply.metadata.notices)
            notices = [*about.notices[before:], *about.remarks]
            self.app.displays.show_markdown("\n\n".join(map(literal, notices)))
        return self._assign(kept)

    def _findings(self, reply: Reply, rounds: int) -> tuple[Finding, ...]:
        """Return what is to be sent back of the code, which is tried where it may."""
        options, inserter = self.options, self.app.inserter
        if reply.is_cut_off or not options.inserts:
            return ()
        may_send = rounds < options.repairs
        try:
            with self.guard.released():
                found = inserter.findings(reply) if may_send else ()
                if found or not options.tries:
                    return found
                took_s = self.app.slow.get(options.before, 0.0)
                is_asked = self.call.values.get("try_code") == "on"
                tick = self._ticker()
                found = finished(inserter.try_code(reply, is_asked, tick, took_s))
        except KeyboardInterrupt:
            return ()  # the reply is paid for, whoever stops the looking
        return found if may_send and options.repairs_failures else ()

    def _ticker(self) -> Callable[[float], None]:
        """Return what shows twice a second how long a trial has taken."""
        shown: set[int] = set()

        def tick(elapsed_s: float) -> None:
            if int(elapsed_s * 2) not in shown:
                shown.add(int(elapsed_s * 2))
                self.renderer.watch(Trying(elapsed_s))

        return tick

    def _show(self, reply: Reply) -> Reply:
        self.renderer.finish(reply)
        return self._assign(reply)

    def _assign(self, reply: Reply) -> Reply:
        self.app.displays.rendered(reply, self.renderer)
        self._push(reply)
        return reply

    def _push(self, reply: Reply) -> None:
        values: dict[str, Any] = {"_nemotron": reply}
        if out := self.call.out:
            values[out] = reply.value if reply.metadata.shown else reply
        self.app.shell.push(values, interactive=bool(self.call.out))


def _changed(options: InsertOptions, call: ParsedMagic) -> InsertOptions:
    """Return what is to become of a reply, with what this call says of it."""
    trial = call.values.get("try_code")
    inserts = options.inserts or call.code
    flag = "--replace" if call.replace else "--try" if trial == "on" else ""
    if flag and not inserts:
        what = f"{flag} is for code, and this question asks for none"
        raise InputError(what, hint=f"Ask for it: %nemotron --code {flag} …")
    return replace(
        options,
        inserts=inserts,
        replaces=options.replaces or call.replace,
        repairs=int(call.values.get("repair", options.repairs)),
        tries=options.tries if trial is None else trial == "on",
        repairs_failures=options.repairs_failures or "repair" in call.values,
    )
