"""What a conversation remembers: its turns, and what they took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nemotron_magic.reply import Message, Reply
from nemotron_magic.usage import Usage

__all__ = ["MEMORY_CHARS", "Spent", "Turn", "messages", "remembered"]

MEMORY_CHARS = 24_000
"""How much of the earlier turns goes along, newest first: about 6,000 tokens."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came of it.

    Attributes
    ----------
    begun : str
        What earlier replies said of the answer that `reply` goes on with.
    """

    question: str
    reply: Reply
    begun: str = ""

    @property
    def answer(self) -> str:
        """The whole answer, as far as it came."""
        return self.begun + self.reply

    @property
    def is_answered(self) -> bool:
        """Whether the answer may stand in a later prompt."""
        return bool(self.answer.strip()) and self.reply.details.ending == "complete"

    def continued(self, reply: Reply) -> Turn:
        """Give the same turn with its answer gone on with."""
        return Turn(self.question, reply, self.answer)


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


def messages(question: str, system: str, turns: Sequence[Turn]) -> tuple[Message, ...]:
    """Give what is sent with a question: instruction, earlier turns, the question."""
    instruction = [{"role": "system", "content": system}] if system.strip() else []
    return (*instruction, *remembered(turns), {"role": "user", "content": question})


def remembered(
    turns: Sequence[Turn], most_chars: int = MEMORY_CHARS
) -> tuple[Message, ...]:
    """Give the turns that go along: the newest that were answered, up to a size."""
    told: list[Message] = []
    for turn in reversed(turns):
        if not turn.is_answered:
            continue
        most_chars -= len(turn.question) + len(turn.answer)
        if most_chars < 0:
            break
        told[:0] = [
            {"role": "user", "content": turn.question},
            {"role": "assistant", "content": turn.answer},
        ]
    return tuple(told)
