"""A reply as it is kept: what the service said, and what it took then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from nemotron_magic.events import (
    Event,
    Finish,
    Logprobs,
    Reasoning,
    Recalled,
    Refusal,
    Served,
    Text,
    ToolCall,
)
from nemotron_magic.reply import Reply
from nemotron_magic.text import as_name
from nemotron_magic.usage import Usage

__all__ = ["Kept"]


@dataclass(frozen=True, slots=True)
class Kept:
    """One reply.

    Attributes
    ----------
    source : str
        Where it is kept: `disk` or `notebook`.
    texts : tuple of str
        The answer; several if several were asked for.
    asked_at : str
        When it was asked, UTC, ISO 8601.
    """

    source: str
    texts: tuple[str, ...]
    model: str = ""
    finish_reason: str | None = None
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[dict[str, Any], ...] = ()
    usage: Usage = field(default_factory=Usage)
    asked_at: str = ""

    @classmethod
    def of(cls, reply: Reply) -> Kept:
        """Give what is kept of a reply."""
        known = reply.details
        return cls(
            "disk",
            reply.choices,
            known.served_model,
            known.finish_reason,
            known.reasoning,
            known.refusal,
            known.tool_calls,
            known.logprobs,
            known.usage,
            known.asked_at,
        )

    def events(self) -> Iterator[Event]:
        """Tell it as a service would, but that it is not new."""
        # As careful as with a service: a notebook's file may come from anyone.
        yield Recalled(self.source, self.usage, as_name(self.asked_at))
        # Which model it was only a service can tell, and our own notes of it.
        yield Served(as_name(self.model) if self.source == "disk" else "")
        if self.reasoning:
            yield Reasoning(self.reasoning)
        for choice, text in enumerate(self.texts):
            yield Text(text, choice)
        if self.refusal:
            yield Refusal(self.refusal)
        yield from self.tool_calls
        if self.logprobs:
            yield Logprobs(self.logprobs)
        if self.finish_reason:
            yield Finish(as_name(self.finish_reason))

    def to_json(self) -> str:
        """Give it as text."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Kept | None:
        """Read it; None if it cannot be read, whatever the reason."""
        try:
            told = json.loads(text)
            told["texts"] = tuple(str(one) for one in told["texts"])
            told["tool_calls"] = tuple(ToolCall(**call) for call in told["tool_calls"])
            told["logprobs"] = tuple(dict(one) for one in told["logprobs"])
            told["usage"] = Usage.from_dict(told["usage"])
            return cls(**told)
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
