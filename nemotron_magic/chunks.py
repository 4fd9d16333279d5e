"""The chunks of a stream, or one whole completion, to events.

Nothing here validates a chunk: captured streams of the service do not fit its own
published schema.
"""

from __future__ import annotations

import json
from typing import Any

from nemotron_magic.events import (
    Event,
    Finish,
    Logprobs,
    Reasoning,
    Refusal,
    Served,
    ToolCall,
    UsageReport,
)
from nemotron_magic.text import as_name
from nemotron_magic.thinking import ThinkTags, may_start_inside
from nemotron_magic.untrusted import Object, as_object, as_objects, as_text
from nemotron_magic.usage import Usage

__all__ = ["Chunks"]

_PLAIN = frozenset({"role", "content"})


class Chunks:
    """Read chunks of a stream, or one whole completion: they differ in one name.

    Parameters
    ----------
    model : str
        The one asked, as some models' templates begin in mid-thought.

    Attributes
    ----------
    said_something : bool
        Whether any of them held a part of a reply.
    """

    def __init__(self, model: str) -> None:
        self.said_something = False
        self._orphans = may_start_inside(model)
        self._tags: dict[int, ThinkTags] = {}
        self._served = False
        self._finishes: dict[int, str] = {}

    @property
    def finished(self) -> int:
        """How many choices have been given a reason for their end."""
        return len(self._finishes)

    def read(self, chunk: Object, events: list[Event]) -> None:
        """Append what `chunk` tells to `events`."""
        if not self._served and chunk.get("model"):
            self._served = True
            model, reply_id = str(chunk["model"]), str(chunk.get("id") or "")
            events.append(Served(as_name(model), as_name(reply_id)))
        for choice in as_objects(chunk.get("choices")):
            self._choice(choice, events)
        if chunk.get("usage") or chunk.get("meta"):
            usage = Usage.from_wire(chunk.get("usage"), chunk.get("meta"))
            events.append(UsageReport(usage))

    def close(self) -> list[Event]:
        """Give what was held back because it might have become a tag."""
        return [event for tags in self._tags.values() for event in tags.close()]

    def _choice(self, choice: Object, events: list[Event]) -> None:
        index = _number(choice.get("index"), 0)
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._delta(delta, index, events)
        if choice.get("logprobs"):
            tokens = as_objects(as_object(choice["logprobs"]).get("content"))
            if tokens:
                events.append(Logprobs(tuple(tokens), index))
        reason = choice.get("finish_reason")
        if reason and self._finishes.get(index) != reason:
            self._finishes[index] = reason
            self.said_something = True
            events.append(Finish(as_name(str(reason)), index))

    def _delta(self, delta: Object, index: int, events: list[Event]) -> None:
        content = delta.get("content")
        if not delta.keys() <= _PLAIN:
            self._others(delta, index, events)
        if not isinstance(content, str):
            content = _parts(content)
        if not content:
            return
        self.said_something = True
        tags = self._tags.get(index)
        if tags is None:
            tags = self._tags[index] = ThinkTags(self._orphans, index)
        events += tags.feed(content)

    def _others(self, delta: Object, index: int, events: list[Event]) -> None:
        reasoning = _reasoning(delta)
        if reasoning:
            self.said_something = True
            self._orphans = False
            events.append(Reasoning(reasoning, index))
        refusal = as_text(delta.get("refusal"))
        if refusal:
            self.said_something = True
            events.append(Refusal(refusal, index))
        for position, call in enumerate(as_objects(delta.get("tool_calls"))):
            self.said_something = True
            if index == 0:
                events.append(_tool_call(call, position))


def _number(value: Any, otherwise: int) -> int:
    """Give which choice or call it is: a whole number from 0, or else `otherwise`."""
    return value if type(value) is int and value >= 0 else otherwise


def _reasoning(delta: Object) -> str:
    """Give the reasoning, which one chunk may hold up to three times, once."""
    for name in ("reasoning", "reasoning_content"):
        text = as_text(delta.get(name))
        if text:
            return text
    return _parts(delta.get("reasoning_details"))


def _parts(value: Any) -> str:
    """Give the text of a list of `{type, text}` parts; nothing of anything else."""
    if not value:
        return ""
    return "".join(as_text(part.get("text")) for part in as_objects(value))


def _tool_call(call: Object, position: int) -> ToolCall:
    function = as_object(call.get("function") or call.get("custom"))
    return ToolCall(
        _number(call.get("index"), position),
        str(call.get("id") or ""),
        str(function.get("name") or ""),
        _as_text(function.get("arguments") or function.get("input") or ""),
    )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
