"""One question and its reply: watched, timed, and kept whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace

from nemotron_magic.draft import Draft
from nemotron_magic.errors import (
    ASK_AGAIN,
    GO_ON,
    Interrupted,
    NemotronError,
    OutcomeUnknown,
)
from nemotron_magic.events import Event, Notice, Text
from nemotron_magic.reply import Details, Ending, Reply

__all__ = ["Exchange", "Watch"]

Watch = Callable[[Event], None]


def _ignore(event: Event) -> None:
    """Watch nothing."""


class Exchange:
    """Turn the events of one call into its reply.

    Parameters
    ----------
    details : Details
        What is known before the call.
    clock_s : callable
        A monotonic clock.
    watch : callable
        Told each event as it happens.

    Attributes
    ----------
    may_cost : bool
        Whether the service may bill it.
    """

    def __init__(
        self, details: Details, clock_s: Callable[[], float], watch: Watch
    ) -> None:
        self.may_cost = False
        self._draft = Draft(details)
        self._clock_s = clock_s
        self._watch = watch
        self._started_s = clock_s()
        self._first_text_s: float | None = None

    def run(self, events: Generator[Event, None, None]) -> Reply:
        """Use `events` up; give the reply when it is whole.

        Raises
        ------
        NemotronError
            With `error.reply` set to what had arrived, if anything had.
        """
        try:
            with closing(events):
                for event in events:
                    self._take(event)
        except KeyboardInterrupt:
            self.may_cost = self._draft.attempts > 0
            error: NemotronError = self._interrupted()
        except MemoryError:
            self.may_cost = self._draft.attempts > 0
            error = self._out_of_memory()
        except NemotronError as raised:
            lost = isinstance(raised, OutcomeUnknown)
            self.may_cost = lost or self._draft.accepted
            error = self._with_reply(raised, "failed")
        else:
            self.may_cost = self._draft.attempts > 0
            return self.so_far()
        # Raised out here so that it does not carry what it was raised for.
        raise error

    def so_far(self) -> Reply:
        """Give the reply as it stands, also if nothing has arrived."""
        elapsed_s = self._clock_s() - self._started_s
        return self._draft.reply(elapsed_s=elapsed_s, first_text_s=self._first_text_s)

    def _take(self, event: Event) -> None:
        self._draft.add(event)
        if self._first_text_s is None and type(event) is Text:
            self._first_text_s = self._clock_s() - self._started_s
        try:
            self._watch(event)
        except Exception as error:
            # The reply is paid for, whatever becomes of showing it.
            self._watch = _ignore
            self._draft.add(Notice(f"It could not be shown as it came: {error!r}"))

    def _interrupted(self) -> NemotronError:
        billed = "it may have been billed" if self.may_cost else "nothing was sent"
        if not self._draft.has_text:
            why = f"nothing had arrived yet; {billed}"
            return Interrupted("stopped by you", why)
        error = Interrupted(
            "stopped by you",
            f"what had arrived is kept; {billed}",
            ASK_AGAIN,
        )
        return self._with_reply(error, "interrupted")

    def _out_of_memory(self) -> NemotronError:
        error = OutcomeUnknown(
            "this process has no memory left",
            "what had arrived is kept; it may have been billed",
            "Free some: del what is large, or restart the kernel",
        )
        return self._with_reply(error, "failed")

    def _with_reply(self, error: NemotronError, ending: Ending) -> NemotronError:
        if self._draft.has_text:
            reply = self.so_far()
            error.reply = Reply(reply, replace(reply.details, ending=ending))
            if reply.strip():
                error.todo = error.todo.replace(ASK_AGAIN, GO_ON)
        return error
