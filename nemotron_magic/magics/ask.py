"""Ask a question that was typed: gather context, show the reply, insert its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nemotron_magic.client.deadline import InterruptGuard, stopped_after
from nemotron_magic.code.syntax import Finding, describe_finding
from nemotron_magic.context.gather import ContextGatherer, ContextRequest, Subject
from nemotron_magic.context.variables import Variables
from nemotron_magic.core.errors import InputError, InvalidAnswerError, NemotronError
from nemotron_magic.core.events import Trying
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import literal
from nemotron_magic.display.front_end import DisplayManager
from nemotron_magic.display.insert import CodeInserter, InsertOptions
from nemotron_magic.display.page import Renderer
from nemotron_magic.magics.flags import refuse_key
from nemotron_magic.magics.parser import ParsedMagic
from nemotron_magic.magics.tasks import CODE, TASKS, TaskTargets, correction_request
from nemotron_magic.session.conversation import (
    MAIN,
    Continuation,
    Correction,
    FollowUp,
    Question,
    Regeneration,
    turns_before,
)
from nemotron_magic.session.reply import Reply, partial_reply
from nemotron_magic.session.session import Session
from nemotron_magic.session.structured.specs import of_own_type


@dataclass(frozen=True)
class QuestionBuilder:
    """Makes questions of what was typed, with their context and their place."""

    shell: Any
    session: Session
    gatherer: ContextGatherer

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
        text, context_info, notice = self.gatherer.gather(
            ContextRequest(
                text=call.text,
                subject=subject,
                files=tuple(call.files),
                notebook=call.notebook,
                data=settings["data"],
                context=settings["context"] if keeps_cells else "none",
                budget_tokens=self.session.context_tokens(settings),
                since=max((turn.cell for turn in before), default=0),
                last=last,
            )
        )
        wanted = call.as_ and of_own_type(call.as_, self.shell.user_ns)
        question = Question(text, context_info, origin, cell, thread, notice=notice)
        return replace(question, without_history=call.fresh, wanted=wanted)

    def aside(self, text: str, thread: str, settings: Settings, last: int) -> Question:
        """Return a question that no cell asks; cells up to `last` may be sent."""
        refuse_key(text, self.session.redactor.hide)
        return self.typed(ParsedMagic(text=text, thread=thread), settings, last=last)


@dataclass
class Asker:
    """Asks in one notebook; `slow` has the seconds of cells that took long."""

    shell: Any
    session: Session
    gatherer: ContextGatherer
    displays: DisplayManager
    unreadable: Sequence[Path]
    slow: Mapping[str, float]
    options: dict[str, InsertOptions] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.inserter = CodeInserter(
            self.shell, lambda: self.displays.front_end != "headless", self.unreadable
        )
        self.questions = QuestionBuilder(self.shell, self.session, self.gatherer)
        self._targets = TaskTargets(self.shell, self.gatherer.history)

    def question(self, call: ParsedMagic, settings: Settings) -> tuple[Question, str]:
        """Return the question of a call, and the source of the cell it is about."""
        if call.code and call.as_ is not None:
            raise InputError(
                "--as asks for values, and --code for code: one question takes one",
                "nothing was sent",
                "Leave one out: %nemotron --as FIELDS …   or: %nemotron --code …",
            )
        subject, source = Subject(instruction=CODE if call.code else ""), ""
        if call.command in TASKS:
            variables = Variables(self.shell, settings["data"])
            subject, source = self._targets.of(call, variables)
        elif call.command:
            raise InputError(
                f"{call.command} cannot be previewed",
                "it sends the last question again, with what came of it",
                "See what that sent: %nemotron preview",
            )
        return self.questions.typed(call, settings, subject), source

    def reply(self, call: ParsedMagic, settings: Settings) -> Reply:
        """Ask; return the reply as it was shown.

        Raise NemotronError when there is no whole reply; what had arrived is shown and
        kept.
        """
        # What has arrived is neither lost nor half shown, whenever Stop is pressed.
        with InterruptGuard() as guard:
            reply = _Asking(self, call, settings, guard).reply()
        if guard.is_pressed:
            raise stopped_after(reply)
        return reply


@dataclass
class _Asking:
    """One question of a cell, with the rounds in which its code is corrected."""

    asker: Asker
    call: ParsedMagic
    settings: Settings
    guard: InterruptGuard
    options: InsertOptions = field(default_factory=InsertOptions)
    renderer: Renderer = field(default_factory=Renderer)

    def reply(self) -> Reply:
        """Return the last reply, shown, its code in a cell if the options say so."""
        inserter, thread, rounds = self.asker.inserter, self.call.thread or MAIN, 0
        with self.guard.released():
            self.options, request = self._prepare(thread)
        self.asker.options[thread] = self.options
        inserter.forget_trials()
        reply = self._receive(request, self.options)
        while findings := self._findings(reply, rounds):
            rounds += 1
            most = self.options.repairs
            notice = f"Sent back to be corrected, {rounds} of at most {most}."
            self._show(inserter.sent_back(reply, notice))
            wish = correction_request([describe_finding(one) for one in findings])
            try:
                reply = self._receive(Correction(wish, thread), InsertOptions())
            except (NemotronError, KeyboardInterrupt) as error:
                # What could not be corrected is paid for, and goes in as it is.
                notice = _why_not_corrected(error)
                kept = inserter.finished(reply, self.options, notice)
                if not self.call.quiet:
                    about, before = kept.metadata, len(reply.metadata.notices)
                    notices = [*about.notices[before:], *about.remarks]
                    lines = "\n\n".join(map(literal, notices))
                    self.asker.displays.show_markdown(lines)
                return self._assign(kept)
        return self._show(inserter.finished(reply, self.options))

    def _prepare(self, thread: str) -> tuple[InsertOptions, Question | FollowUp]:
        call, settings = self.call, self.settings
        before = self.asker.options.get(thread, InsertOptions())
        if call.command == "continue":
            return _changed(before, call), Continuation(thread)
        if call.command == "retry":
            return _changed(before, call), Regeneration(call.text, thread)
        gives_code = call.command in TASKS and TASKS[call.command].gives_code
        repairs, tries = int(settings["repair"]), settings["try_code"] == "on"
        new = InsertOptions(gives_code, repairs=repairs, tries=tries)
        options = _changed(new, call)
        question, source = self.asker.question(call, settings)
        return replace(options, before=source if gives_code else ""), question

    def _receive(self, request: Question | FollowUp, options: InsertOptions) -> Reply:
        call, asker = self.call, self.asker
        self.renderer = Renderer() if call.quiet else asker.displays.renderer()
        try:
            with self.guard.released():
                reply = asker.session.ask(request, self.settings, self.renderer.watch)
        except NemotronError as error:
            arrived = partial_reply(error)
            if call.as_ is not None or isinstance(error, InvalidAnswerError):
                self.call = replace(call, out="")  # it has no value
            if arrived is None:
                self.renderer.fail()
            else:
                self._push(arrived)
                error.reply = arrived = asker.inserter.finished(arrived, options)
                self._show(arrived)
            raise
        self._push(reply)
        return reply

    def _findings(self, reply: Reply, rounds: int) -> tuple[Finding, ...]:
        """Return what is wrong with the code of a reply, and is to be sent back.

        Where it is to be tried it is tried, sent back or not.
        """
        options, inserter = self.options, self.asker.inserter
        if reply.is_cut_off or not options.inserts:
            return ()
        may_send = rounds < options.repairs
        try:
            with self.guard.released():
                found = inserter.findings(reply) if may_send else ()
                if found or not options.tries:
                    return found
                took_s = self.asker.slow.get(options.before, 0.0)
                tick = _ticker(self.renderer)
                is_asked = self.call.values.get("try_code") == "on"
                found = inserter.try_code(reply, is_asked, tick, took_s)
        except KeyboardInterrupt:
            return ()  # the reply is paid for, whoever stops the looking
        return found if may_send and options.repairs_failures else ()

    def _show(self, reply: Reply) -> Reply:
        self.renderer.finish(reply)
        return self._assign(reply)

    def _assign(self, reply: Reply) -> Reply:
        self.asker.displays.rendered(reply, self.renderer)
        self._push(reply)
        return reply

    def _push(self, reply: Reply) -> None:
        values: dict[str, Any] = {"_nemotron": reply}
        if out := self.call.out:
            values[out] = reply.value if reply.metadata.shown else reply
        self.asker.shell.push(values, interactive=bool(self.call.out))


def _ticker(renderer: Renderer) -> Callable[[float], None]:
    """Return what shows twice a second how long a trial has taken."""
    shown: set[int] = set()

    def tick(elapsed_s: float) -> None:
        if int(elapsed_s * 2) not in shown:
            shown.add(int(elapsed_s * 2))
            renderer.watch(Trying(elapsed_s))

    return tick


def _why_not_corrected(error: NemotronError | KeyboardInterrupt) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "Not corrected: stopped by you."
    why = error.why.replace("nothing was sent", "nothing more was sent")
    return f"Not corrected: {error.what}{f' ({why})' if why else ''}."


def _changed(options: InsertOptions, call: ParsedMagic) -> InsertOptions:
    """Return what is to become of a reply, with what this call says of it."""
    trial = call.values.get("try_code")
    inserts = options.inserts or call.code
    flag = "--replace" if call.replace else "--try" if trial == "on" else ""
    if flag and not inserts:
        raise InputError(
            f"{flag} is for code, and this question asks for none",
            hint=f"Ask for it: %nemotron --code {flag} …",
        )
    return replace(
        options,
        inserts=inserts,
        replaces=options.replaces or call.replace,
        repairs=int(call.values.get("repair", options.repairs)),
        tries=options.tries if trial is None else trial == "on",
        repairs_failures=options.repairs_failures or "repair" in call.values,
    )
