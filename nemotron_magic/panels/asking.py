"""Asking from a panel: in a thread, so that cells can run, and stopped at will."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from nemotron_magic.errors import InputError, Interrupted, NemotronError
from nemotron_magic.notebook.page import PagePainter
from nemotron_magic.panels.background import in_thread
from nemotron_magic.panels.desk import Desk
from nemotron_magic.panels.stage import Stage
from nemotron_magic.reply import Reply, partial_reply
from nemotron_magic.session import Question
from nemotron_magic.settings import Settings

if TYPE_CHECKING:
    from nemotron_magic.client.stop import Stop

__all__ = ["Asking"]

_PATIENCE_S = 0.6
"""A call that has been stopped and is still connecting is waited for no longer."""


@dataclass(slots=True)
class _Call:
    """One question on its way, or the rest of a reply that was cut off."""

    text: str
    thread: str
    goes_on: bool
    stage: Stage
    painter: PagePainter
    stop: Stop
    is_over: bool = False


class Asking:
    """Asks the questions of one panel, one at a time.

    Parameters
    ----------
    say : callable
        Sends a message to the page: its kind, and what it holds by name.
    last_cell : callable
        Gives the number of the last cell that has ended.
    ended : callable
        Called when a question has its answer, or will have none.
    """

    def __init__(
        self,
        desk: Desk,
        say: Callable[..., None],
        last_cell: Callable[[], int],
        ended: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._say = say
        self._last_cell = last_cell
        self._ended = ended
        self._lock = Lock()
        self._call: _Call | None = None

    def question(self, text: str, thread: str) -> tuple[Question, Settings]:
        """Give what would be asked now, with what goes along.

        Raises
        ------
        NemotronError
            If it cannot be.
        """
        settings = self._desk.settings()
        last = self._last_cell()
        question = self._desk.question(text, thread.strip(), settings, last)
        return question, settings

    def ask(self, text: str, thread: str) -> None:
        """Begin to ask; what comes of it is painted in the page.

        Raises
        ------
        NemotronError
            If nothing is asked.
        """
        self._check_is_free()
        if not text.strip():
            raise InputError("there is no question", todo="Type one into the box")
        question, settings = self.question(text, thread)
        call, ask = self._new_call(text, question.thread), self._desk.session.ask
        self._begin(
            call, lambda: ask(question, settings, call.painter.watch, call.stop)
        )

    def go_on(self, thread: str) -> None:
        """Begin to let the model go on where its last reply was cut off.

        Raises
        ------
        NemotronError
            If there is nothing to go on with, or nothing can be asked.
        """
        self._check_is_free()
        cut = self._desk.session.cut_off(thread)
        if cut is None:
            raise InputError("there is no reply to go on with", "nothing was sent")
        settings, go_on = self._desk.settings(), self._desk.session.go_on
        call = self._new_call(cut.question, thread, goes_on=True)
        self._begin(
            call, lambda: go_on(settings, call.painter.watch, thread, call.stop)
        )

    def _check_is_free(self) -> None:
        if self.is_busy:
            raise InputError("the question before has not been answered yet")

    def _begin(self, call: _Call, ask: Callable[[], Reply]) -> None:
        self._call = call
        in_thread(lambda: self._run(call, ask))

    def _new_call(self, text: str, thread: str, goes_on: bool = False) -> _Call:
        # Here and not above: it brings httpx along, and a panel is to open soon.
        from nemotron_magic.client.stop import Stop

        stage = Stage(self._say)
        painter = PagePainter(stage, True, time.monotonic, self._desk.ticker)
        return _Call(text, thread, goes_on, stage, painter, Stop())

    @property
    def is_busy(self) -> bool:
        """Whether a question is on its way."""
        return self._call is not None and not self._call.is_over

    def stop(self) -> None:
        """Stop the question that is on its way, if one is."""
        call = self._call
        if call is None or call.is_over:
            return
        call.stop.set()
        in_thread(lambda: self._give_up(call))

    def again(self) -> None:
        """Show what is on its way to a page that has come later."""
        call = self._call
        if call is not None and not call.is_over:
            self._say(
                "asked",
                question=call.text,
                thread=call.thread,
                goes_on=call.goes_on,
            )
            call.stage.again()

    def _run(self, call: _Call, ask: Callable[[], Reply]) -> None:
        try:
            reply = ask()
        except NemotronError as error:
            self._end(call, partial_reply(error), error)
        else:
            self._end(call, reply, None)

    def _give_up(self, call: _Call) -> None:
        """Let the page go on, though the call is still connecting."""
        end_s = time.monotonic() + _PATIENCE_S
        while not call.is_over and time.monotonic() < end_s:
            time.sleep(0.02)
        self._end(call, None, Interrupted("stopped by you", "nothing had arrived yet"))

    def _end(
        self, call: _Call, reply: Reply | None, error: NemotronError | None
    ) -> None:
        with self._lock:
            if call.is_over:
                return
            call.is_over = True
        cells: list[dict[str, Any]] = []
        if reply is None:
            call.painter.fail()
        else:
            call.painter.finish(reply)
            cells = self._cells(reply)
            self._desk.shell.push({"_nemotron": reply}, interactive=False)
        call.stage.close()
        self._say(
            "ended",
            error="" if error is None else str(error),
            stopped=isinstance(error, Interrupted),
            cells=cells,
            kept=reply is not None,
            cut=reply is not None and self._may_go_on(call, reply),
        )
        self._ended()

    def _may_go_on(self, call: _Call, reply: Reply) -> bool:
        cut = self._desk.session.cut_off(call.thread)
        return cut is not None and cut.reply is reply

    def _cells(self, reply: Reply) -> list[dict[str, Any]]:
        """Give the code of a reply, as cells to be put in."""
        return [
            {
                "source": cell.source.rstrip("\n"),
                "language": cell.language,
                "said": said,
            }
            for cell, said in self._desk.coder.offered(reply)
        ]
