"""What a conversation remembers: its turns, and what they took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nemotron_magic.context.prompt import as_data
from nemotron_magic.reply import Attached, Message, Reply
from nemotron_magic.usage import Usage

__all__ = [
    "MAIN",
    "MEMORY_CHARS",
    "Asked",
    "Question",
    "Spent",
    "Turn",
    "earlier",
    "in_place_of",
    "index_of",
    "messages",
    "remembered",
    "shared",
    "with_turn",
]

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
    attached : Attached
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
    attached: Attached = field(default_factory=Attached)
    origin: str = ""
    cell: int = 0
    thread: str = MAIN
    is_fresh: bool = False
    notice: str = ""

    def answered(self, reply: Reply) -> Turn:
        """Give the turn that it becomes with a reply."""
        sent = self.attached.text
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
        return bool(self.reply.strip()) and self.reply.details.ending == "complete"


@dataclass(frozen=True, slots=True)
class Spent:
    """What the calls of a session took together.

    A call that never reached the service, or that it refused, cost nothing and is not
    among them.

    Attributes
    ----------
    unpriced : int
        Calls whose cost the service did not tell: `usage.cost_usd` leaves them out.
    """

    calls: int = 0
    unpriced: int = 0
    usage: Usage = field(default_factory=Usage)

    def __add__(self, usage: Usage) -> Spent:
        unpriced = self.unpriced + (usage.cost_usd is None)
        return Spent(self.calls + 1, unpriced, self.usage + usage)


@dataclass(frozen=True, slots=True)
class Asked:
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

    told: tuple[Message, ...]
    thread: str
    turns_with: Callable[[Sequence[Turn], Reply], list[Turn]]
    attached: Attached = field(default_factory=Attached)
    notice: str = ""
    whole: Callable[[Reply], Reply] = lambda reply: reply
    is_anew: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The whole request, as it is sent."""
        model = self.fields.get("model", "")
        return {"model": model, "messages": [*self.told], **self.fields}


def earlier(turns: Sequence[Turn], origin: str) -> list[Turn]:
    """Give the turns before the one of this origin: all, if there is none yet."""
    places = (n for n, turn in enumerate(turns) if origin and turn.origin == origin)
    return [*turns[: next(places, len(turns))]]


def with_turn(turns: Sequence[Turn], turn: Turn) -> list[Turn]:
    """Give the turns with `turn` in place of the one of its origin, else at the end."""
    before = earlier(turns, turn.origin)
    return [*before, turn, *turns[len(before) + 1 :]]


def index_of(turn: Turn, turns: Sequence[Turn]) -> int:
    """Give where a turn stands, by identity; the end if it does not."""
    return next((n for n, one in enumerate(turns) if one is turn), len(turns))


def in_place_of(old: Turn, new: Turn, turns: Sequence[Turn]) -> list[Turn]:
    """Give the turns with `new` in place of `old`, else at the end."""
    at = index_of(old, turns)
    return [*turns[:at], new, *turns[at + 1 :]]


def messages(question: str, system: str, turns: Sequence[Turn]) -> tuple[Message, ...]:
    """Give what is sent with a question: instruction, earlier turns, the question."""
    instruction = [{"role": "system", "content": system}] if system.strip() else []
    return (*instruction, *remembered(turns), {"role": "user", "content": question})


def remembered(
    turns: Sequence[Turn], most_chars: int = MEMORY_CHARS
) -> tuple[Message, ...]:
    """Give the turns that go along: the newest that were answered, up to a size.

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


def shared(told: Sequence[Message], before: Sequence[Message]) -> tuple[Message, ...]:
    """Give what is told, with the very messages that were told before where equal.

    Every reply keeps what it is the answer to, so that copies of earlier turns would
    add up: 60 MB in 500 questions.
    """
    known = {(one["role"], one["content"]): one for one in before}
    return tuple(known.get((one["role"], one["content"]), one) for one in told)
