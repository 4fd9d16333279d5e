"""The memory of a session: what was asked in each thread, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock

from nemotron_magic.context.prompt import as_data
from nemotron_magic.reply import Reply
from nemotron_magic.turns import (
    Asked,
    Question,
    Spent,
    Turn,
    earlier,
    in_place_of,
    index_of,
    messages,
    with_turn,
)
from nemotron_magic.usage import Usage

__all__ = ["Conversation", "in_its_place"]


class Conversation:
    """Remembers the threads of one session; several calls may end at once.

    Attributes
    ----------
    threads : dict of str to list of Turn
        The turns so far, by the thread's name.
    last : Reply or None
        The newest reply, also if it is not whole.
    spent : Spent
        What the calls took together.
    """

    def __init__(self) -> None:
        self.threads: dict[str, list[Turn]] = {}
        self.last: Reply | None = None
        self.spent = Spent()
        self._asked_last: dict[str, Asked] = {}
        self._latest: dict[str, Turn] = {}
        self._lock = Lock()

    def asked(self, question: Question, system: str) -> Asked:
        """Give what is sent with a question: earlier turns, and what goes along."""
        turns = self.threads.get(question.thread, [])
        before = [] if question.is_fresh else earlier(turns, question.origin)
        text = question.attached.text or question.text
        return Asked(
            messages(text, system, before),
            question.thread,
            lambda now, reply: with_turn(now, question.answered(reply)),
            question.attached,
            question.notice,
        )

    def follow_up(
        self,
        turn: Turn,
        told: str,
        thread: str,
        system: str,
        whole: Callable[[Reply], Reply] = lambda reply: reply,
    ) -> Asked:
        """Give what says more on a turn; what comes of it replaces the turn's reply."""
        turns = self.threads.get(thread, [])
        before = turns[: index_of(turn, turns)]
        return Asked(
            (
                *messages(turn.sent or turn.question, system, before),
                {"role": "assistant", "content": as_data(turn.reply)},
                {"role": "user", "content": told},
            ),
            thread,
            in_its_place(turn),
            whole=whole,
        )

    def begin(self, asked: Asked) -> None:
        """Remember what is asked now; it has no reply yet."""
        self._asked_last[asked.thread] = asked
        self._latest.pop(asked.thread, None)

    def note(self, asked: Asked, reply: Reply | None, may_cost: bool) -> None:
        """Remember what has arrived, and what it took."""
        with self._lock:
            if may_cost:
                self.spent += Usage() if reply is None else reply.usage
            if reply is None:
                return
            self.last = reply
            # As it is now: another call may have ended in the meantime.
            turns = asked.turns_with(self.threads.get(asked.thread, []), reply)
            self.threads[asked.thread] = turns
            if self._is_to_the_last(asked, turns):
                self._latest[asked.thread] = next(t for t in turns if t.reply is reply)

    def asked_last(self, thread: str) -> Asked | None:
        """Give what was asked last in a thread, also if it failed."""
        return self._asked_last.get(thread)

    def latest(self, thread: str) -> Turn | None:
        """Give the turn of what was asked last; None if nothing of it has arrived."""
        return self._latest.get(thread)

    def reset(self, thread: str) -> int:
        """Forget a thread; give how many turns that were."""
        self._asked_last.pop(thread, None)
        self._latest.pop(thread, None)
        return len(self.threads.pop(thread, []))

    def _is_to_the_last(self, asked: Asked, turns: Sequence[Turn]) -> bool:
        """Tell a reply to what was asked last from that of a call that ended late."""
        latest = self._latest.get(asked.thread)
        if latest is not None:
            return all(turn is not latest for turn in turns)
        last = self._asked_last.get(asked.thread)
        return last is None or last.turns_with is asked.turns_with


def in_its_place(turn: Turn) -> Callable[[Sequence[Turn], Reply], list[Turn]]:
    """Give what puts another reply in the place of a turn's own."""
    return lambda now, reply: in_place_of(turn, replace(turn, reply=reply), now)
