"""Asking: a question made of what was typed, its reply painted, its code put in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Any

from nemotron_magic.code.findings import Finding, said
from nemotron_magic.code.tasks import CODE, TASKS, complaint
from nemotron_magic.errors import InputError, NemotronError
from nemotron_magic.exchange import Watch
from nemotron_magic.grammar import Invocation
from nemotron_magic.notebook.coder import Coder, Job
from nemotron_magic.notebook.commands.command import literal
from nemotron_magic.notebook.execution import execution_of, origin_of
from nemotron_magic.notebook.gather import ContextRequest, Gatherer, Subject
from nemotron_magic.notebook.paint import Canvas, Painter, Silent
from nemotron_magic.notebook.subjects import Subjects
from nemotron_magic.notebook.variables import Variables
from nemotron_magic.reply import Reply, partial_reply
from nemotron_magic.session import Question, Session
from nemotron_magic.settings import Settings
from nemotron_magic.turns import MAIN, earlier
from nemotron_magic.typed_key import refuse_key

__all__ = ["Asker", "QuestionBuilder"]


class QuestionBuilder:
    """Makes questions of what was typed, with their context and place in the notebook.

    Parameters
    ----------
    session : Session
        Whose turns tell what has been sent before.
    """

    def __init__(self, shell: Any, session: Session, gatherer: Gatherer) -> None:
        self._shell = shell
        self._session = session
        self._gatherer = gatherer
        self._asked: tuple[object, int] = (None, 0)
        self._lock = Lock()

    def typed(
        self, call: Invocation, settings: Settings, subject: Subject | None = None
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
        text, attached, notice = self._gatherer.gather(
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
        return Question(text, attached, origin, cell, thread, call.fresh, notice)

    def aside(self, text: str, thread: str, settings: Settings, last: int) -> Question:
        """Return a question that no cell asks; cells up to `last` may be sent.

        Raises
        ------
        InputError
            If a value that it names cannot be sent, or it is a key and no question.
        """
        refuse_key(text, self._session.hide)
        thread = thread or MAIN
        text, attached, notice = self._gatherer.gather(
            ContextRequest(
                text=text,
                context=settings["context"],
                data=settings["data"],
                budget_tokens=self._session.context_tokens(settings),
                since=self._since(thread),
                last=last,
            )
        )
        return Question(text, attached, "", last, thread, notice=notice)

    def _since(self, thread: str, origin: str = "") -> int:
        """Return the number of the last cell that asked in a thread before."""
        before = earlier(self._session.threads.get(thread, []), origin)
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
    coder : Coder
        What puts the code of replies into cells.
    questions : QuestionBuilder
        What makes questions of what was typed.
    """

    def __init__(
        self, shell: Any, session: Session, gatherer: Gatherer, canvas: Canvas
    ) -> None:
        self.coder = Coder(shell, lambda: canvas.front_end != "headless")
        self._shell = shell
        self._session = session
        self.questions = QuestionBuilder(shell, session, gatherer)
        self._canvas = canvas
        self._subjects = Subjects(shell, gatherer.history)
        self._jobs: dict[str, Job] = {}

    def question(self, call: Invocation, settings: Settings) -> Question:
        """Give the question that a call asks, with what goes along.

        Raises
        ------
        InputError
            If there is nothing to ask about, or what it names cannot go along.
        """
        return self._question(call, settings)[0]

    def reply(self, call: Invocation, settings: Settings) -> Reply:
        """Ask; give the reply as it was painted.

        Raises
        ------
        NemotronError
            When there is no whole reply; what had arrived is painted and kept.
        """
        job, ask = self._prepared(call, settings)
        thread = call.thread or MAIN
        self._jobs[thread] = job
        left = job.repairs if job.inserts else 0
        painter = self._painter(call)
        reply = self._received(ask, call, job, painter)
        while findings := self._findings(reply) if left else ():
            notice = f"Sent back to be corrected, {job.repairs - left + 1} of at most "
            back = self.coder.sent_back(reply, f"{notice}{job.repairs}.")
            self._kept(call, back, painter)
            left -= 1
            ask = self._correction([said(one) for one in findings], settings, thread)
            painter = self._painter(call)
            try:
                reply = self._received(ask, call, Job(), painter)
            except (NemotronError, KeyboardInterrupt) as error:
                kept = self._uncorrected(call, reply, job, error)
                return self._given(call, kept, painter)
        return self._kept(call, self.coder.finished(reply, job), painter)

    def _painter(self, call: Invocation) -> Painter:
        return Silent() if call.quiet else self._canvas.painter()

    def _findings(self, reply: Reply) -> tuple[Finding, ...]:
        """Return what is wrong with the code of a reply that is not cut off."""
        try:
            return () if reply.is_cut_off else self.coder.findings(reply)
        except KeyboardInterrupt:
            return ()  # the reply is paid for, whoever stops the looking

    def _uncorrected(
        self, call: Invocation, reply: Reply, job: Job, error: BaseException
    ) -> Reply:
        """Put in what could not be corrected, which is paid for, and say why."""
        kept = self.coder.finished(reply, job, _stopped(error))
        if not call.quiet:
            said_now = kept.details.notices[len(reply.details.notices) :]
            self._canvas.show_markdown("\n\n".join(map(literal, said_now)))
        return kept

    def _prepared(
        self, call: Invocation, settings: Settings
    ) -> tuple[Job, Callable[[Watch], Reply]]:
        """Give what is to become of the reply, and how to ask for it."""
        thread, session = call.thread or MAIN, self._session
        before = self._jobs.get(thread, Job())
        if call.command == "continue":
            job = _changed(before, call)
            return job, lambda watch: session.go_on(settings, watch, thread)
        if call.command == "retry":
            job, wish = _changed(before, call), call.text
            return job, lambda watch: session.again(wish, settings, watch, thread)
        gives_code = call.command in TASKS and TASKS[call.command].gives_code
        job = _changed(Job(gives_code, repairs=int(settings["repair"])), call)
        question, source = self._question(call, settings)
        job = replace(job, before=source if gives_code else "")
        return job, lambda watch: session.ask(question, settings, watch)

    def _question(self, call: Invocation, settings: Settings) -> tuple[Question, str]:
        """Give the question, and the source of the cell that it is about."""
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

    def _correction(
        self, findings: list[str], settings: Settings, thread: str
    ) -> Callable[[Watch], Reply]:
        text = complaint(findings)
        return lambda watch: self._session.corrected(text, settings, watch, thread)

    def _received(
        self,
        ask: Callable[[Watch], Reply],
        call: Invocation,
        job: Job,
        painter: Painter,
    ) -> Reply:
        try:
            return ask(painter.watch)
        except NemotronError as error:
            partial = partial_reply(error)
            if partial is None:
                painter.fail()
            else:
                error.reply = partial = self.coder.finished(partial, job)
                self._kept(call, partial, painter)
            raise

    def _kept(self, call: Invocation, reply: Reply, painter: Painter) -> Reply:
        """Paint a reply as it stays, and give it to the user's variables."""
        painter.finish(reply)
        return self._given(call, reply, painter)

    def _given(self, call: Invocation, reply: Reply, painter: Painter) -> Reply:
        """Give a reply that has been painted to the user's variables."""
        self._canvas.painted(reply, painter)
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


def _changed(job: Job, call: Invocation) -> Job:
    """Give what is to become of a reply, with what this call says of it.

    Raises
    ------
    InputError
        If code is to take the place of the cell, and there will be none.
    """
    if call.replace and not (call.code or job.inserts):
        raise InputError(
            "--replace is for code, and this question asks for none",
            todo="Ask for it: %nemotron --code --replace …",
        )
    return replace(
        job,
        inserts=job.inserts or call.code,
        replaces=job.replaces or call.replace,
        repairs=int(call.values.get("repair", job.repairs)),
    )
