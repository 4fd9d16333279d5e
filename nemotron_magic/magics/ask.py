"""Ask a question that was typed: gather context, show the reply, insert its code."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import Any

from nemotron_magic.code.syntax import Finding, describe_finding
from nemotron_magic.context.gather import ContextGatherer, ContextRequest, Subject
from nemotron_magic.context.history import execution_of, origin_of
from nemotron_magic.context.variables import Variables
from nemotron_magic.core.errors import InputError, NemotronError
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import literal
from nemotron_magic.display.front_end import DisplayManager, NullRenderer, Renderer
from nemotron_magic.display.insert import CodeInserter, InsertOptions
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

__all__ = [
    "Asker",
    "QuestionBuilder",
]


class QuestionBuilder:
    """Makes questions of what was typed, with their context and place in the notebook.

    Parameters
    ----------
    session : Session
        Whose turns tell what has been sent before.
    """

    def __init__(self, shell: Any, session: Session, gatherer: ContextGatherer) -> None:
        self._shell = shell
        self._session = session
        self._gatherer = gatherer
        self._asked: tuple[object, int] = (None, 0)
        self._lock = Lock()

    def typed(
        self, call: ParsedMagic, settings: Settings, subject: Subject | None = None
    ) -> Question:
        """Return the question of a cell; about a subject, other cells only if asked.

        Raises
        ------
        InputError
            If a value or a file that it names cannot be sent.
        """
        subject = subject or Subject()
        thread, origin = call.thread or MAIN, self._origin()
        keeps_cells = not subject.words or "context" in call.values
        text, context_info, notice = self._gatherer.gather(
            ContextRequest(
                text=call.text,
                subject=subject,
                files=tuple(call.files),
                notebook=call.notebook,
                context=settings["context"] if keeps_cells else "none",
                data=settings["data"],
                budget_tokens=self._session.context_tokens(settings),
                since=self._since(thread, origin),
            )
        )
        cell = self._gatherer.history.current
        return Question(text, context_info, origin, cell, thread, call.fresh, notice)

    def aside(self, text: str, thread: str, settings: Settings, last: int) -> Question:
        """Return a question that no cell asks; cells up to `last` may be sent.

        Raises
        ------
        InputError
            If a value that it names cannot be sent, or it is a key and no question.
        """
        refuse_key(text, self._session.redactor.hide)
        thread = thread or MAIN
        text, context_info, notice = self._gatherer.gather(
            ContextRequest(
                text=text,
                context=settings["context"],
                data=settings["data"],
                budget_tokens=self._session.context_tokens(settings),
                since=self._since(thread),
                last=last,
            )
        )
        return Question(text, context_info, "", last, thread, notice=notice)

    def _since(self, thread: str, origin: str = "") -> int:
        """Return the number of the last cell that asked in a thread before."""
        before = turns_before(
            self._session.conversation.threads.get(thread, []), origin
        )
        return max((turn.cell for turn in before), default=0)

    def _origin(self) -> str:
        """Return which question of the notebook this is; a cell may ask several."""
        marker = execution_of(self._shell)
        with self._lock:
            before, number = self._asked
            number = number + 1 if marker == before else 0
            self._asked = (marker, number)
        return f"{origin_of(self._shell)}/{number}"


class Asker:
    """Asks in one notebook.

    Attributes
    ----------
    coder : CodeInserter
        What puts the code of replies into cells.
    questions : QuestionBuilder
        What makes questions of what was typed.
    """

    def __init__(
        self,
        shell: Any,
        session: Session,
        gatherer: ContextGatherer,
        displays: DisplayManager,
    ) -> None:
        self.coder = CodeInserter(shell, lambda: displays.front_end != "headless")
        self._shell = shell
        self._session = session
        self.questions = QuestionBuilder(shell, session, gatherer)
        self._displays = displays
        self._subjects = TaskTargets(shell, gatherer.history)
        self._jobs: dict[str, InsertOptions] = {}

    def question(self, call: ParsedMagic, settings: Settings) -> Question:
        """Return the question that a call asks, with what goes along.

        Raises
        ------
        InputError
            If there is nothing to ask about, or what it names cannot go along.
        """
        return self._question(call, settings)[0]

    def reply(self, call: ParsedMagic, settings: Settings) -> Reply:
        """Ask; return the reply as it was painted.

        Raises
        ------
        NemotronError
            When there is no whole reply; what had arrived is painted and kept.
        """
        job, request = self._prepared(call, settings)
        thread = call.thread or MAIN
        self._jobs[thread] = job
        left = job.repairs if job.inserts else 0
        painter = self._painter(call)
        reply = self._received(request, settings, call, job, painter)
        while findings := self._findings(reply) if left else ():
            notice = f"Sent back to be corrected, {job.repairs - left + 1} of at most "
            back = self.coder.sent_back(reply, f"{notice}{job.repairs}.")
            self._kept(call, back, painter)
            left -= 1
            complaint = correction_request([describe_finding(one) for one in findings])
            request = Correction(complaint, thread)
            painter = self._painter(call)
            try:
                reply = self._received(
                    request, settings, call, InsertOptions(), painter
                )
            except (NemotronError, KeyboardInterrupt) as error:
                kept = self._uncorrected(call, reply, job, error)
                return self._given(call, kept, painter)
        return self._kept(call, self.coder.finished(reply, job), painter)

    def _painter(self, call: ParsedMagic) -> Renderer:
        return NullRenderer() if call.quiet else self._displays.painter()

    def _findings(self, reply: Reply) -> tuple[Finding, ...]:
        """Return what is wrong with the code of a reply that is not cut off."""
        try:
            return () if reply.is_cut_off else self.coder.findings(reply)
        except KeyboardInterrupt:
            return ()  # the reply is paid for, whoever stops the looking

    def _uncorrected(
        self, call: ParsedMagic, reply: Reply, job: InsertOptions, error: BaseException
    ) -> Reply:
        """Put in what could not be corrected, which is paid for, and say why."""
        kept = self.coder.finished(reply, job, _stopped(error))
        if not call.quiet:
            said_now = kept.metadata.notices[len(reply.metadata.notices) :]
            self._displays.show_markdown("\n\n".join(map(literal, said_now)))
        return kept

    def _prepared(
        self, call: ParsedMagic, settings: Settings
    ) -> tuple[InsertOptions, Question | FollowUp]:
        """Return what is to become of the reply, and what to ask."""
        thread = call.thread or MAIN
        before = self._jobs.get(thread, InsertOptions())
        if call.command == "continue":
            return _changed(before, call), Continuation(thread)
        if call.command == "retry":
            return _changed(before, call), Regeneration(call.text, thread)
        gives_code = call.command in TASKS and TASKS[call.command].gives_code
        job = _changed(InsertOptions(gives_code, repairs=int(settings["repair"])), call)
        question, source = self._question(call, settings)
        job = replace(job, before=source if gives_code else "")
        return job, question

    def _question(self, call: ParsedMagic, settings: Settings) -> tuple[Question, str]:
        """Return the question, and the source of the cell that it is about."""
        if call.command in TASKS:
            variables = Variables(self._shell, settings["data"])
            subject, source = self._subjects.of(call, variables)
        elif call.command:
            raise InputError(
                f"{call.command} cannot be previewed",
                "it sends the last question again, with what came of it",
                "See what that sent: %nemotron preview",
            )
        else:
            subject, source = Subject(told=CODE if call.code else ""), ""
        return self.questions.typed(call, settings, subject), source

    def _received(
        self,
        request: Question | FollowUp,
        settings: Settings,
        call: ParsedMagic,
        job: InsertOptions,
        painter: Renderer,
    ) -> Reply:
        try:
            return self._session.ask(request, settings, painter.watch)
        except NemotronError as error:
            partial = partial_reply(error)
            if partial is None:
                painter.fail()
            else:
                error.reply = partial = self.coder.finished(partial, job)
                self._kept(call, partial, painter)
            raise

    def _kept(self, call: ParsedMagic, reply: Reply, painter: Renderer) -> Reply:
        """Paint a reply as it stays, and give it to the user's variables."""
        painter.finish(reply)
        return self._given(call, reply, painter)

    def _given(self, call: ParsedMagic, reply: Reply, painter: Renderer) -> Reply:
        """Return a reply that has been painted to the user's variables."""
        self._displays.painted(reply, painter)
        names = {"_nemotron", call.out} - {""}
        self._shell.push(dict.fromkeys(names, reply), interactive=bool(call.out))
        return reply


def _stopped(error: BaseException) -> str:
    """Return why a reply was not corrected; its question, at least, was sent."""
    if not isinstance(error, NemotronError):
        return "Not corrected: stopped by you."
    why = error.why.replace("nothing was sent", "nothing more was sent")
    reason = f"{error.what} ({why})" if why else error.what
    return f"Not corrected: {reason}."


def _changed(job: InsertOptions, call: ParsedMagic) -> InsertOptions:
    """Return what is to become of a reply, with what this call says of it.

    Raises
    ------
    InputError
        If code is to take the place of the cell, and there will be none.
    """
    if call.replace and not (call.code or job.inserts):
        raise InputError(
            "--replace is for code, and this question asks for none",
            hint="Ask for it: %nemotron --code --replace …",
        )
    return replace(
        job,
        inserts=job.inserts or call.code,
        replaces=job.replaces or call.replace,
        repairs=int(call.values.get("repair", job.repairs)),
    )
