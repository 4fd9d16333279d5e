"""Parse chunks of a stream, or a whole completion, into events.

Nothing here validates a chunk: captured streams of the service do not fit its own
published schema.
"""

from __future__ import annotations

import json
import re
from typing import Any

from nemotron_magic.core.events import (
    Event,
    Finish,
    Logprobs,
    ModelInfo,
    Reasoning,
    Refusal,
    Text,
    TextWasReasoning,
    ToolCall,
    UsageReport,
)
from nemotron_magic.core.loose_json import JsonObject, as_dict, as_objects, as_text
from nemotron_magic.core.text import LongText, sanitize_label
from nemotron_magic.core.usage import Usage

__all__ = [
    "ChunkParser",
    "ThinkTags",
    "may_start_inside",
]


_OPEN, _CLOSE = "<think>", "</think>"
_ORPHAN = re.compile(r"(?:^|\n)[ \t]*</think>[ \t]{0,20}\r?\n")
_MENTIONS = 20
"""An answer in which the tag stood so often, and never alone, is about the tag."""

_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_FAMILIES = ("nemotron", "deepseek-r1", "qwen3", "qwq")


def may_start_inside(model: str) -> bool:
    """Return whether a model's template may swallow the opening tag.

    Nemotron's does, so that its output starts in mid-thought
    (https://github.com/NVIDIA/NemoClaw/issues/6992).
    """
    return any(family in model.lower() for family in _FAMILIES)


class ThinkTags:
    """Split answer and reasoning, piece by piece, wherever the tags are cut.

    An opening tag counts only as the first thing in the reply. A closing tag without
    an opening one counts only on a line of its own, outside fenced code, and only for
    models that are known to start inside: an answer may talk about the tag.

    Parameters
    ----------
    orphans : bool
        Whether to look for a closing tag without an opening one.
    """

    def __init__(self, orphans: bool, choice: int = 0) -> None:
        self._orphans = orphans
        self._choice = choice
        self._held = ""
        self._said = LongText()
        self._tail = ""
        self._mentions = 0
        self._read = self._at_start

    def feed(self, piece: str) -> list[Event]:
        """Take the next piece of content; return what it is."""
        return self._read(piece)

    def close(self) -> list[Event]:
        """Take the end of the reply; return what was held back."""
        if self._orphans and self._read == self._in_answer and _CLOSE in self._tail:
            return self._split(str(self._said) + "\n")
        held, self._held = self._held, ""
        if not held:
            return []
        inside = self._read == self._in_reasoning
        kind = Reasoning if inside else Text
        return [kind(held, self._choice)]

    def _at_start(self, piece: str) -> list[Event]:
        self._held += piece
        text = self._held.lstrip()
        if text.startswith(_OPEN):
            self._held = ""
            self._read = self._in_reasoning
            return self._in_reasoning(text.removeprefix(_OPEN))
        if _OPEN.startswith(text):
            return []
        text, self._held = self._held, ""
        self._read = self._in_answer
        return self._in_answer(text)

    def _in_reasoning(self, piece: str) -> list[Event]:
        thought, closed, answer = (self._held + piece).partition(_CLOSE)
        if closed:
            self._held = ""
            self._read = self._after_reasoning
            return self._thought(thought) + self._after_reasoning(answer)
        keep = _overlap(thought)
        self._held = thought[len(thought) - keep :]
        return self._thought(thought[: len(thought) - keep])

    def _thought(self, text: str) -> list[Event]:
        return [Reasoning(text, self._choice)] if text else []

    def _after_reasoning(self, piece: str) -> list[Event]:
        piece = piece.lstrip()
        if not piece:
            return []
        self._orphans = False
        self._read = self._in_answer
        return [Text(piece, self._choice)]

    def _in_answer(self, piece: str) -> list[Event]:
        if self._orphans:
            return self._watch(piece)
        return [Text(piece, self._choice)]

    def _watch(self, piece: str) -> list[Event]:
        """Pass text on, but notice when it turns out to have been reasoning."""
        self._said.add(piece)
        tail, window = self._tail, self._tail + piece
        self._tail = window[-40:]
        if _CLOSE not in window:
            return [Text(piece, self._choice)]
        self._mentions += window.count(_CLOSE) - tail.count(_CLOSE)
        if "\n" not in piece:
            return [Text(piece, self._choice)]
        self._orphans = self._mentions < _MENTIONS
        return self._split(str(self._said)) or [Text(piece, self._choice)]

    def _split(self, said: str) -> list[Event]:
        """Split what was said at a closing tag that stands alone, if there is one."""
        tag = next((m for m in _ORPHAN.finditer(said) if _outside(said, m)), None)
        if tag is None:
            return []
        self._said = LongText()
        self._orphans = False
        self._read = self._after_reasoning
        reasoning = TextWasReasoning(said[: tag.start()].strip(), self._choice)
        return [reasoning, *self._after_reasoning(said[tag.end() :])]


def _outside(text: str, tag: re.Match[str]) -> bool:
    return len(_FENCE.findall(text, 0, tag.start())) % 2 == 0


def _overlap(text: str) -> int:
    """Return the length of the longest end of `text` that may begin a closing tag."""
    sizes = range(min(len(text), len(_CLOSE) - 1), 0, -1)
    return next((n for n in sizes if _CLOSE.startswith(text[-n:])), 0)


_PLAIN = frozenset({"role", "content"})


class ChunkParser:
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

    def read(self, chunk: JsonObject, events: list[Event]) -> None:
        """Append what `chunk` tells to `events`."""
        if not self._served and chunk.get("model"):
            self._served = True
            model, reply_id = str(chunk["model"]), str(chunk.get("id") or "")
            events.append(ModelInfo(sanitize_label(model), sanitize_label(reply_id)))
        for choice in as_objects(chunk.get("choices")):
            self._choice(choice, events)
        if chunk.get("usage") or chunk.get("meta"):
            usage = Usage.from_wire(chunk.get("usage"), chunk.get("meta"))
            events.append(UsageReport(usage))

    def close(self) -> list[Event]:
        """Return what was held back because it might have become a tag."""
        return [event for tags in self._tags.values() for event in tags.close()]

    def _choice(self, choice: JsonObject, events: list[Event]) -> None:
        index = _number(choice.get("index"), 0)
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._delta(delta, index, events)
        if choice.get("logprobs"):
            tokens = as_objects(as_dict(choice["logprobs"]).get("content"))
            if tokens:
                events.append(Logprobs(tuple(tokens), index))
        reason = choice.get("finish_reason")
        if reason and self._finishes.get(index) != reason:
            self._finishes[index] = reason
            self.said_something = True
            events.append(Finish(sanitize_label(str(reason)), index))

    def _delta(self, delta: JsonObject, index: int, events: list[Event]) -> None:
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

    def _others(self, delta: JsonObject, index: int, events: list[Event]) -> None:
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
    """Return which choice or call it is: a whole number from 0, or else `otherwise`."""
    return value if type(value) is int and value >= 0 else otherwise


def _reasoning(delta: JsonObject) -> str:
    """Return the reasoning, which one chunk may hold up to three times, once."""
    for name in ("reasoning", "reasoning_content"):
        text = as_text(delta.get(name))
        if text:
            return text
    return _parts(delta.get("reasoning_details"))


def _parts(value: Any) -> str:
    """Return the text of a list of `{type, text}` parts; nothing of anything else."""
    if not value:
        return ""
    return "".join(as_text(part.get("text")) for part in as_objects(value))


def _tool_call(call: JsonObject, position: int) -> ToolCall:
    function = as_dict(call.get("function") or call.get("custom"))
    return ToolCall(
        _number(call.get("index"), position),
        str(call.get("id") or ""),
        str(function.get("name") or ""),
        _as_text(function.get("arguments") or function.get("input") or ""),
    )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
