"""A reply: the text that a model wrote, as a value, with all that is known of it.

What the events of a call add up to, one by one, is a `Draft`; it gives the reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nemotron_magic.errors import NemotronError
from nemotron_magic.events import Recalled, ToolCall
from nemotron_magic.markdown import CodeBlock, code_blocks
from nemotron_magic.usage import Usage

__all__ = [
    "ORDINARY_REASONS",
    "Attached",
    "Details",
    "Ending",
    "Message",
    "Reply",
    "partial_reply",
]

ORDINARY_REASONS = ("stop", "tool_calls", "function_call", "end_turn", "eos")
"""Why a model stops that has said all it wanted to."""

Ending = Literal["complete", "truncated", "interrupted", "failed"]
Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attached:
    """What went along with a question.

    Attributes
    ----------
    text : str
        It and the question as they are sent; empty if nothing goes along.
    titles, cut : tuple of str
        Names of the parts that went, and of those of them that were shortened.
    left_out : tuple of int
        Numbers of the cells that there was no room for.
    tokens : tuple of int
        What each of those that went takes, by an estimate.
    redacted : tuple of str
        Kinds of the secrets that were taken out, one for each.
    files : tuple of str
        Which of the parts that went are files, with where links led to them.
    """

    text: str = ""
    titles: tuple[str, ...] = ()
    tokens: tuple[int, ...] = ()
    cut: tuple[str, ...] = ()
    left_out: tuple[int, ...] = ()
    redacted: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Details:
    """All that is known of a reply but its text.

    Attributes
    ----------
    model : str
        The model asked for.
    served_model : str
        The model that answered, by its own account; empty if it did not say.
    messages : tuple of mapping
        What was sent, one mapping a message, keys `role` and `content`.
    parameters : mapping
        The other fields of the request.
    ending : str
        `complete`; `truncated` (the stream ended early); `interrupted` (by the user);
        `failed` (an error came after the first text).
    finish_reason : str or None
        As the service gave it: `stop`, `length`, `content_filter`, `tool_calls`, ….
    choices : tuple of str
        All answers when several were asked for; the first is the reply itself.
    request_hash : str
        Name of the request: equal requests have equal ones.
    recalled : Recalled or None
        Where the reply was kept, if it is not new; `usage` is what this call took.
    estimated_usd : float or None
        What it cost by the catalogue's prices, where the service did not tell.
    appended : str
        Markdown of ours that is shown below the reply, such as a diff.
    inserted : str
        Code of the reply that was put into a cell, and is folded where it stood.
    elapsed_s, first_text_s : float or None
        Seconds from the question to the end, and to the first text.
    asked_at : str
        When it was asked, UTC, ISO 8601.
    """

    model: str = ""
    served_model: str = ""
    messages: tuple[Message, ...] = ()
    attached: Attached = field(default_factory=Attached)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    base_url: str = ""
    ending: Ending = "complete"
    finish_reason: str | None = None
    reasoning: str = ""
    refusal: str = ""
    choices: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[dict[str, Any], ...] = ()
    usage: Usage = field(default_factory=Usage)
    estimated_usd: float | None = None
    request_hash: str = ""
    recalled: Recalled | None = None
    completion_id: str = ""
    request_id: str | None = None
    client_request_id: str = ""
    attempts: int = 0
    notices: tuple[str, ...] = ()
    appended: str = ""
    inserted: str = ""
    elapsed_s: float | None = None
    first_text_s: float | None = None
    asked_at: str = ""

    @property
    def body(self) -> dict[str, Any]:
        """The whole request, as it was sent."""
        return {
            "model": self.model,
            "messages": [*self.messages],
            **self.parameters,
        }


class Reply(str):
    r"""A model's answer: the Markdown it wrote, as a string, with all that is known.

    Parameters
    ----------
    text : str
        The Markdown source.
    details : Details
        Everything else.

    Examples
    --------
    >>> reply = Reply("Use `sum`:\n\n```python\nsum([1, 2])\n```")
    >>> reply.code
    'sum([1, 2])\n'
    >>> reply.upper()[:3]
    'USE'
    """

    details: Details

    def __new__(cls, text: str = "", details: Details | None = None) -> Reply:
        """Make a reply of its Markdown source."""
        reply = super().__new__(cls, text)
        reply.details = details or Details()
        return reply

    def __reduce__(self) -> tuple[type[Reply], tuple[str, Details]]:
        return (type(self), (str(self), self.details))

    @property
    def blocks(self) -> tuple[CodeBlock, ...]:
        """The fenced code blocks, in order."""
        return code_blocks(self)

    @property
    def code(self) -> str:
        """The Python code, as it can be run: no fences, no prompts, no outputs."""
        from nemotron_magic.code.cells import cells_of

        sources = [cell.source for cell in cells_of(self, ())]
        return "\n\n".join(sources) + "\n" if sources else ""

    @property
    def model(self) -> str:
        """The model that answered, or else the one that was asked."""
        return self.details.served_model or self.details.model

    @property
    def usage(self) -> Usage:
        """Tokens and cost; what is not known is None."""
        return self.details.usage

    @property
    def cost_usd(self) -> float | None:
        """What the service says it charged, in US dollars; None if it did not say."""
        return self.details.usage.cost_usd

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped, as the service gave it."""
        return self.details.finish_reason

    @property
    def is_whole(self) -> bool:
        """Whether the model itself ended it, or the length that it was allowed did."""
        known = self.details
        says_something = bool(self.strip() or known.tool_calls or known.refusal)
        ended_well = known.finish_reason in (*ORDINARY_REASONS, "length")
        return says_something and known.ending == "complete" and ended_well

    @property
    def is_cut_off(self) -> bool:
        """Whether it has a text that the model could go on with."""
        return bool(self.strip()) and not (
            self.is_whole and self.finish_reason != "length"
        )

    @property
    def messages(self) -> tuple[Message, ...]:
        """What was sent, one mapping a message, keys `role` and `content`."""
        return self.details.messages

    @property
    def reasoning(self) -> str:
        """What the model thought before it answered; empty if it did not tell."""
        return self.details.reasoning

    @property
    def choices(self) -> tuple[str, ...]:
        """All answers when several were asked for."""
        return self.details.choices or (str(self),)


def partial_reply(error: NemotronError) -> Reply | None:
    """Return what had arrived of a reply before an error; None if nothing had."""
    return error.reply if isinstance(error.reply, Reply) else None
