"""Turns of a conversation, follow-up questions, continued replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from nemotron_magic.context.prompt import ContextInfo, Message, as_data
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.events import Event, EventCallback, Text
from nemotron_magic.core.usage import Usage
from nemotron_magic.markdown.join import join_replies
from nemotron_magic.session.reply import Reply

__all__ = [
    "MAIN",
    "MEMORY_CHARS",
    "ContinuationStream",
    "Conversation",
    "PreparedPrompt",
    "Question",
    "SessionUsage",
    "Turn",
    "build_messages",
    "continuation_prompt",
    "correction_prompt",
    "index_of",
    "insert_turn",
    "intern_messages",
    "recent_messages",
    "replace_reply",
    "replace_turn",
    "retry_prompt",
    "turn_to_continue",
    "turns_before",
]


_HELD_CHARS = 400
"""What comes after the cut is held back so long: then it is seen how it goes on."""


class ContinuationStream:
    """Shows what had come before, with the first of what comes after.

    Parameters
    ----------
    begun : str
        The reply as it was cut off.
    watch : callable
        Told each event, as if the reply came in one piece.
    """

    def __init__(self, begun: str, watch: EventCallback) -> None:
        self._begun = begun
        self._watch = watch
        self._held: str | None = ""

    def __call__(self, event: Event) -> None:
        """Pass an event on, or hold it back for a moment."""
        if self._held is None or type(event) is not Text or event.choice:
            self._watch(event)
            return
        self._held += event.text
        if len(self._held) >= _HELD_CHARS:
            self.end()

    def end(self) -> None:
        """Show what is held back."""
        if self._held:
            self._watch(Text(join_replies(self._begun, self._held)))
        self._held = None


MAIN = "main"
"""The thread of a notebook that names none."""


MEMORY_CHARS = 24_000
"""How much of the earlier turns goes along, newest first: about 6,000 tokens."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question and where it comes from.

    Parameters
    ----------
    text : str
        In the user's own words; this is what later prompts repeat.
    context_info : ContextInfo
        What goes along.
    origin : str
        Which question of the notebook it is: asked again, it replaces its turn. Empty
        where that is not known.
    cell : int
        Number of the cell that asks; 0 where there is none.
    is_fresh : bool
        Whether to leave the earlier turns out, for this once.
    notice : str
        What to tell the user with the reply.
    """

    text: str
    context_info: ContextInfo = field(default_factory=ContextInfo)
    origin: str = ""
    cell: int = 0
    thread: str = MAIN
    is_fresh: bool = False
    notice: str = ""

    def answered(self, reply: Reply) -> Turn:
        """Return the turn that it becomes with a reply."""
        sent = self.context_info.text
        return Turn(self.text, reply, self.origin, self.cell, sent)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came of it.

    Attributes
    ----------
    origin : str
        Which question of the notebook it was.
    cell : int
        Number of the cell that asked.
    sent : str
        The question with what went along; empty if nothing did.
    """

    question: str
    reply: Reply
    origin: str = ""
    cell: int = 0
    sent: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether the reply may stand in a later prompt."""
        return bool(self.reply.strip()) and self.reply.metadata.ending == "complete"


@dataclass(frozen=True, slots=True)
class SessionUsage:
    """What the calls of a session took together.

    A call that never reached the service, or that it refused, cost nothing and is not
    among them.

    Attributes
    ----------
    unknown_cost : int
        Calls whose cost the service did not tell: `usage.cost_usd` leaves them out.
    """

    calls: int = 0
    unknown_cost: int = 0
    usage: Usage = field(default_factory=Usage)

    def __add__(self, usage: Usage) -> SessionUsage:
        unknown_cost = self.unknown_cost + (usage.cost_usd is None)
        return SessionUsage(self.calls + 1, unknown_cost, self.usage + usage)


@dataclass(frozen=True, slots=True)
class PreparedPrompt:
    """What is sent, and where its reply belongs.

    Attributes
    ----------
    turns_with : callable
        Gives the turns of the thread as they are now, with a reply among them.
    whole : callable
        Gives the reply that the user gets for what has arrived.
    is_anew : bool
        Whether the user wants another reply than the one that there is.
    fields : mapping
        All of the request but its messages, as far as that has been settled.
    """

    messages: tuple[Message, ...]
    thread: str
    turns_with: Callable[[Sequence[Turn], Reply], list[Turn]]
    context_info: ContextInfo = field(default_factory=ContextInfo)
    notice: str = ""
    whole: Callable[[Reply], Reply] = lambda reply: reply
    is_anew: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The whole request, as it is sent."""
        model = self.fields.get("model", "")
        return {"model": model, "messages": [*self.messages], **self.fields}


def turns_before(turns: Sequence[Turn], origin: str) -> list[Turn]:
    """Return the turns before the one of this origin: all, if there is none yet."""
    places = (n for n, turn in enumerate(turns) if origin and turn.origin == origin)
    return [*turns[: next(places, len(turns))]]


def insert_turn(turns: Sequence[Turn], turn: Turn) -> list[Turn]:
    """Return the turns with `turn` in place of that of its origin, else at the end."""
    before = turns_before(turns, turn.origin)
    return [*before, turn, *turns[len(before) + 1 :]]


def index_of(turn: Turn, turns: Sequence[Turn]) -> int:
    """Return where a turn stands, by identity; the end if it does not."""
    return next((n for n, one in enumerate(turns) if one is turn), len(turns))


def replace_turn(old: Turn, new: Turn, turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns with `new` in place of `old`, else at the end."""
    at = index_of(old, turns)
    return [*turns[:at], new, *turns[at + 1 :]]


def build_messages(
    question: str, system: str, turns: Sequence[Turn]
) -> tuple[Message, ...]:
    """Return what is sent with a question: instruction, earlier turns, the question."""
    instruction = [{"role": "system", "content": system}] if system.strip() else []
    return (
        *instruction,
        *recent_messages(turns),
        {"role": "user", "content": question},
    )


def recent_messages(
    turns: Sequence[Turn], most_chars: int = MEMORY_CHARS
) -> tuple[Message, ...]:
    """Return the turns that go along: the newest that were answered, up to a size.

    A question goes with what went along with it, as far as there is room: the model is
    to know what it spoke of.
    """
    told: list[Message] = []
    for turn in reversed(turns):
        if not turn.is_answered:
            continue
        most_chars -= len(turn.question) + len(turn.reply)
        if most_chars < 0:
            break
        more_chars = max(len(turn.sent) - len(turn.question), 0)
        fits = bool(turn.sent) and more_chars <= most_chars
        most_chars -= more_chars if fits else 0
        told[:0] = [
            {"role": "user", "content": turn.sent if fits else turn.question},
            {"role": "assistant", "content": as_data(turn.reply)},
        ]
    return tuple(told)


def intern_messages(
    told: Sequence[Message], before: Sequence[Message]
) -> tuple[Message, ...]:
    """Return what is told, with the very messages that were told before where equal.

    Every reply keeps what it is the answer to, so that copies of earlier turns would
    add up: 60 MB in 500 questions.
    """
    known = {(one["role"], one["content"]): one for one in before}
    return tuple(known.get((one["role"], one["content"]), one) for one in told)


class Conversation:
    """Remembers the threads of one session; several calls may end at once.

    Attributes
    ----------
    threads : dict of str to list of Turn
        The turns so far, by the thread's name.
    last : Reply or None
        The newest reply, also if it is not whole.
    spent : SessionUsage
        What the calls took together.
    """

    def __init__(self) -> None:
        self.threads: dict[str, list[Turn]] = {}
        self.last: Reply | None = None
        self.spent = SessionUsage()
        self._asked_last: dict[str, PreparedPrompt] = {}
        self._latest: dict[str, Turn] = {}
        self._lock = Lock()

    def asked(self, question: Question, system: str) -> PreparedPrompt:
        """Return what is sent with a question: earlier turns, and what goes along."""
        turns = self.threads.get(question.thread, [])
        before = [] if question.is_fresh else turns_before(turns, question.origin)
        text = question.context_info.text or question.text
        return PreparedPrompt(
            build_messages(text, system, before),
            question.thread,
            lambda now, reply: insert_turn(now, question.answered(reply)),
            question.context_info,
            question.notice,
        )

    def follow_up(
        self,
        turn: Turn,
        told: str,
        thread: str,
        system: str,
        whole: Callable[[Reply], Reply] = lambda reply: reply,
    ) -> PreparedPrompt:
        """Return a prompt that adds to a turn; its reply replaces the turn's."""
        turns = self.threads.get(thread, [])
        before = turns[: index_of(turn, turns)]
        return PreparedPrompt(
            (
                *build_messages(turn.sent or turn.question, system, before),
                {"role": "assistant", "content": as_data(turn.reply)},
                {"role": "user", "content": told},
            ),
            thread,
            replace_reply(turn),
            whole=whole,
        )

    def begin(self, asked: PreparedPrompt) -> None:
        """Remember what is asked now; it has no reply yet."""
        self._asked_last[asked.thread] = asked
        self._latest.pop(asked.thread, None)

    def note(self, asked: PreparedPrompt, reply: Reply | None, may_cost: bool) -> None:
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

    def asked_last(self, thread: str) -> PreparedPrompt | None:
        """Return what was asked last in a thread, also if it failed."""
        return self._asked_last.get(thread)

    def latest(self, thread: str) -> Turn | None:
        """Return the turn of what was asked last; None if nothing of it has arrived."""
        return self._latest.get(thread)

    def reset(self, thread: str) -> int:
        """Forget a thread; return how many turns that were."""
        self._asked_last.pop(thread, None)
        self._latest.pop(thread, None)
        return len(self.threads.pop(thread, []))

    def _is_to_the_last(self, asked: PreparedPrompt, turns: Sequence[Turn]) -> bool:
        """Return whether this was asked last, and is no call that ended late."""
        latest = self._latest.get(asked.thread)
        if latest is not None:
            return all(turn is not latest for turn in turns)
        last = self._asked_last.get(asked.thread)
        return last is None or last.turns_with is asked.turns_with


def replace_reply(turn: Turn) -> Callable[[Sequence[Turn], Reply], list[Turn]]:
    """Return what puts another reply in the place of a turn's own."""
    return lambda now, reply: replace_turn(turn, replace(turn, reply=reply), now)


_CONTINUE = (
    "Your reply was cut off. Go on exactly where it stopped, without repeating any of "
    "it and without a preface."
)


def turn_to_continue(conversation: Conversation, thread: str) -> Turn:
    """Return the turn whose reply was cut off.

    Raises
    ------
    InputError
        If there is no last reply, or it is empty or whole.
    """
    cut = conversation.latest(thread)
    if cut is None or not cut.reply.strip():
        raise InputError(
            "there is no reply to go on with",
            "nothing was sent",
            "For a first one, ask: %nemotron why is this slow?",
        )
    if not cut.reply.is_cut_off:
        raise InputError(
            "the last reply is whole, so there is nothing to go on with",
            "nothing was sent",
            "For more of it, ask: %nemotron tell me more",
        )
    return cut


def continuation_prompt(
    conversation: Conversation, cut: Turn, thread: str, system: str
) -> PreparedPrompt:
    """Ask for the rest of a reply; it becomes whole in its turn."""

    def whole(reply: Reply) -> Reply:
        # The request was for the rest alone.
        metadata = replace(reply.metadata, request_hash="")
        return Reply(join_replies(cut.reply, reply), metadata)

    return conversation.follow_up(cut, _CONTINUE, thread, system, whole)


def correction_prompt(
    conversation: Conversation, complaint: str, thread: str, system: str
) -> PreparedPrompt:
    """Return the prompt that says what is wrong with the last reply.

    Raises
    ------
    InputError
        If there is no last reply.
    """
    wrong = conversation.latest(thread)
    if wrong is None or not wrong.reply.strip():
        raise InputError("there is no reply to correct")
    return conversation.follow_up(wrong, complaint, thread, system)


def retry_prompt(
    conversation: Conversation, wish: str, thread: str, system: str
) -> PreparedPrompt:
    """Ask the last question again, also one that failed.

    Parameters
    ----------
    wish : str
        What to do otherwise this time; empty for nothing.

    Raises
    ------
    InputError
        If nothing has been asked in this thread.
    """
    asked = conversation.asked_last(thread)
    if asked is None:
        raise InputError(
            "there is no question to ask again",
            hint="Type one: %nemotron why is this slow?",
        )
    wish, before = wish.strip(), conversation.latest(thread)
    if wish and before is not None and before.reply.strip():
        told = f"Answer the question again: {wish}"
        return conversation.follow_up(before, told, thread, system)
    if wish:
        last = asked.messages[-1]
        more = {**last, "content": f"{last['content']}\n\n{wish}"}
        asked = replace(asked, messages=(*asked.messages[:-1], more))
    if before is not None:
        asked = replace(asked, turns_with=replace_reply(before))
    return replace(asked, is_anew=True)
