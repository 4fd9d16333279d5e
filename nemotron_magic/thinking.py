"""Reasoning that a model writes into its answer between `<think>` tags."""

from __future__ import annotations

import re

from nemotron_magic.events import Event, Reasoning, Reclassified, Text
from nemotron_magic.text import LongText

__all__ = ["ThinkTags", "may_start_inside"]

_OPEN, _CLOSE = "<think>", "</think>"
_ORPHAN = re.compile(r"(?:^|\n)[ \t]*</think>[ \t]{0,20}\r?\n")
_MENTIONS = 20
"""An answer in which the tag stood so often, and never alone, is about the tag."""

_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_FAMILIES = ("nemotron", "deepseek-r1", "qwen3", "qwq")


def may_start_inside(model: str) -> bool:
    """Tell whether a model's template may swallow the opening tag.

    Nemotron's does, so that its output starts in mid-thought
    (https://github.com/NVIDIA/NemoClaw/issues/6992).
    """
    return any(family in model.lower() for family in _FAMILIES)


class ThinkTags:
    """Tell the answer from the reasoning, piece by piece, wherever the tags are cut.

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
        """Take the next piece of content; give what it is."""
        return self._read(piece)

    def close(self) -> list[Event]:
        """Take the end of the reply; give what was held back."""
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
        reasoning = Reclassified(said[: tag.start()].strip(), self._choice)
        return [reasoning, *self._after_reasoning(said[tag.end() :])]


def _outside(text: str, tag: re.Match[str]) -> bool:
    return len(_FENCE.findall(text, 0, tag.start())) % 2 == 0


def _overlap(text: str) -> int:
    """Give the length of the longest end of `text` that may begin a closing tag."""
    sizes = range(min(len(text), len(_CLOSE) - 1), 0, -1)
    return next((n for n in sizes if _CLOSE.startswith(text[-n:])), 0)
