"""Turns of a conversation, requests that follow up on one, continued replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from nemotron_magic.context.prompt import ContextInfo, Message, as_data
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.events import Event, EventCallback, Text
from nemotron_magic.markdown.join import join_replies
from nemotron_magic.session.reply import Reply
from nemotron_magic.session.structured.fields import Fields

Messages = tuple[Message, ...]
MAIN = "main"  # the thread of a notebook that names none
MEMORY_CHARS = 24_000  # of the earlier turns, newest first: about 6,000 tokens
_HELD_CHARS = 400  # after the cut, until it is seen how it continues
_CONTINUE = (
    "Your reply was cut off. Go on exactly where it stopped, without repeating any of "
    "it and without a preface."
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its reply; `prompt` is the question with its context, if any.

    Asked again, it replaces its turn of the same `origin` in the notebook, if known,
    and `identity` stays; `cell` is the number of the cell that asked, or 0.
    """

    question: str
    reply: Reply = field(default_factory=Reply)
    origin: str = ""
    cell: int = 0
    prompt: str = ""
    identity: object = field(default_factory=object, repr=False, compare=False)

    @property
    def is_answered(self) -> bool:
        """Whether the reply may stand in a later prompt."""
        return bool(self.reply.strip()) and self.reply.metadata.ending == "complete"


@dataclass(frozen=True, slots=True)
class PreparedPrompt:
    """What is sent, and the turn that its reply completes.

    `begun` is the reply that was cut off, if this asks for its rest; `fields` are those
    of the request beside its messages; `wanted` is what a typed answer is to hold.
    """

    messages: Messages
    thread: str
    turn: Turn
    context_info: ContextInfo = field(default_factory=ContextInfo)
    notice: str = ""
    begun: str = ""
    bypass_cache: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    wanted: Fields | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The whole request, as it is sent."""
        model = self.fields.get("model", "")
        return {"model": model, "messages": [*self.messages], **self.fields}

    def whole(self, reply: Reply) -> Reply:
        """Return the reply that the user gets for what has arrived."""
        if not self.begun:
            return reply
        # The request was for the rest alone.
        metadata = replace(reply.metadata, request_hash="")
        return Reply(join_replies(self.begun, reply), metadata)


@dataclass(frozen=True, slots=True)
class Question:
    """A question in the user's own words; `origin` and `cell` as in `Turn`.

    `without_history` leaves the earlier turns out, for this once.
    """

    text: str
    context_info: ContextInfo = field(default_factory=ContextInfo)
    origin: str = ""
    cell: int = 0
    thread: str = MAIN
    without_history: bool = False
    notice: str = ""
    wanted: Fields | None = None

    def prepare(self, conversation: Conversation, system: str) -> PreparedPrompt:
        """Return what is sent with it: earlier turns, and its context."""
        turns = conversation.threads.get(self.thread, [])
        before = [] if self.without_history else turns_before(turns, self.origin)
        prompt = self.context_info.text
        return PreparedPrompt(
            build_messages(prompt or self.text, system, before),
            self.thread,
            Turn(self.text, origin=self.origin, cell=self.cell, prompt=prompt),
            self.context_info,
            self.notice,
            wanted=self.wanted,
        )


@dataclass(frozen=True, slots=True)
class Continuation:
    """Asks for the rest of the last reply, which was cut off."""

    thread: str = MAIN

    def prepare(self, conversation: Conversation, system: str) -> PreparedPrompt:
        """Return what is sent; raise InputError if no last reply is cut off."""
        what = "there is no reply to continue"
        if last := conversation.answered(self.thread):
            if last.reply.is_cut_off:
                prompt = conversation.follow_up(last, _CONTINUE, self.thread, system)
                return replace(prompt, begun=str(last.reply))
            what = "the last reply is complete, so there is nothing to continue"
        raise InputError(what, "nothing was sent", "Ask: %nemotron tell me more")


@dataclass(frozen=True, slots=True)
class Correction:
    """Says what is wrong with the last reply; a new one replaces it."""

    complaint: str
    thread: str = MAIN

    def prepare(self, conversation: Conversation, system: str) -> PreparedPrompt:
        """Return what is sent; raise InputError if there is no last reply."""
        if last := conversation.answered(self.thread):
            return conversation.follow_up(last, self.complaint, self.thread, system)
        raise InputError("there is no reply to correct")


@dataclass(frozen=True, slots=True)
class Regeneration:
    """Asks the last question again, also one that failed; replaces its turn.

    `wish` is what to do otherwise this time, such as `shorter`.
    """

    wish: str = ""
    thread: str = MAIN

    def prepare(self, conversation: Conversation, system: str) -> PreparedPrompt:
        """Return what is sent; raise InputError if nothing has been asked."""
        prompt = conversation.asked_last.get(self.thread)
        if prompt is None:
            hint = "Type one: %nemotron why is this slow?"
            raise InputError("there is no question to ask again", hint=hint)
        wish, last = self.wish.strip(), conversation.answered(self.thread)
        if wish and last is not None:
            wish = f"Answer the question again: {wish}"
            again = conversation.follow_up(last, wish, self.thread, system)
            return replace(again, wanted=prompt.wanted)
        if wish:
            *others, asked = prompt.messages
            more = {**asked, "content": f"{asked['content']}\n\n{wish}"}
            prompt = replace(prompt, messages=(*others, more))
        return replace(prompt, bypass_cache=True)


FollowUp = Continuation | Correction | Regeneration


class Conversation:
    """Keeps turns by thread, also what failed or is not whole, and the last reply."""

    def __init__(self) -> None:
        self.threads: dict[str, list[Turn]] = {}
        self.asked_last: dict[str, PreparedPrompt] = {}
        self.last: Reply | None = None
        self._lock = Lock()

    @property
    def turns(self) -> list[Turn]:
        """The main thread, failed and interrupted turns among it."""
        return self.threads.get(MAIN, [])

    def latest(self, thread: str = MAIN) -> Turn | None:
        """Return the turn that was asked last, if anything of its reply has arrived."""
        asked, turns = self.asked_last.get(thread), self.threads.get(thread, [])
        at = _place(turns, asked.turn) if asked else len(turns) - 1
        return turns[at] if turns and at is not None else None

    def cut_off(self, thread: str = MAIN) -> Turn | None:
        """Return the turn that a `Continuation` would continue; None if none is cut."""
        last = self.latest(thread)
        return last if last and last.reply.is_cut_off else None

    def answered(self, thread: str) -> Turn | None:
        """Return the latest turn, if any text of its reply has arrived."""
        last = self.latest(thread)
        return last if last and last.reply.strip() else None

    def follow_up(
        self, turn: Turn, text: str, thread: str, system: str
    ) -> PreparedPrompt:
        """Return a prompt that adds to a turn; its reply replaces the turn's."""
        turns = self.threads.get(thread, [])
        before = turns[: _place(turns, turn)]
        asked = build_messages(turn.prompt or turn.question, system, before)
        reply = {"role": "assistant", "content": as_data(turn.reply)}
        more = {"role": "user", "content": text}
        return PreparedPrompt((*asked, reply, more), thread, turn)

    def end(self, prompt: PreparedPrompt, reply: Reply | None) -> None:
        """Remember what has arrived."""
        if reply is not None:
            turn, thread = replace(prompt.turn, reply=reply), prompt.thread
            with self._lock:  # another call may have ended in the meantime
                self.last = reply
                self.threads[thread] = replace_turn(self.threads.get(thread, []), turn)

    def reset(self, thread: str = MAIN) -> int:
        """Forget a thread; return how many turns it had."""
        self.asked_last.pop(thread, None)
        return len(self.threads.pop(thread, []))


def turns_before(turns: Sequence[Turn], origin: str) -> list[Turn]:
    """Return the turns before the one of this origin: all, if it has none yet."""
    places = (n for n, turn in enumerate(turns) if origin and turn.origin == origin)
    return [*turns[: next(places, len(turns))]]


def replace_turn(turns: Sequence[Turn], new: Turn) -> list[Turn]:
    """Return the turns with `new` in place of itself, or of its origin, or last."""
    at = _place(turns, new)
    at = len(turns_before(turns, new.origin)) if at is None else at
    return [*turns[:at], new, *turns[at + 1 :]]


def _place(turns: Sequence[Turn], turn: Turn) -> int | None:
    same = (n for n, one in enumerate(turns) if one.identity is turn.identity)
    return next(same, None)


def build_messages(question: str, system: str, turns: Sequence[Turn]) -> Messages:
    """Return what is sent with a question: instruction, earlier turns, the question."""
    first = {"role": "system", "content": system}
    last = {"role": "user", "content": question}
    return (*[first] * bool(system.strip()), *recent_messages(turns), last)


def recent_messages(turns: Sequence[Turn], most_chars: int = MEMORY_CHARS) -> Messages:
    """Return the turns that are sent: the newest that were answered, up to a size.

    A question has its context where there is room: what the reply was about.
    """
    messages: list[Message] = []
    for turn in filter(lambda turn: turn.is_answered, reversed(turns)):
        most_chars -= len(turn.question) + len(turn.reply)
        if most_chars < 0:
            break
        more_chars = max(len(turn.prompt) - len(turn.question), 0)
        fits = bool(turn.prompt) and more_chars <= most_chars
        most_chars -= more_chars if fits else 0
        messages[:0] = [
            {"role": "user", "content": turn.prompt if fits else turn.question},
            {"role": "assistant", "content": as_data(turn.reply)},
        ]
    return tuple(messages)


class ContinuationStream:
    """Passes events on as if a reply, cut off as `begun`, came in one piece."""

    def __init__(self, begun: str, watch: EventCallback) -> None:
        self._begun, self._watch = begun, watch
        self._held = "" if begun else None

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
