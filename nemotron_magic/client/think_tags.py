"""Separate reasoning from the answer where a model writes both into one text.

Models mark their thoughts by tags, which come cut anywhere, in any case, and from some
without the opening one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from nemotron_magic.core.events import Event, Reasoning, Text, TextWasReasoning
from nemotron_magic.core.text import LongText

_TAGS = ("<think>", "<thinking>", "<thought>", "</think>", "</thinking>", "</thought>")
_NAME = r"[ \t]{0,4}(think|thinking|thought)[ \t]{0,4}>"
_TAG = re.compile(rf"<[ \t]{{0,4}}(/?){_NAME}", re.IGNORECASE)
_OPENED = re.compile(rf"<{_NAME}", re.IGNORECASE)
_CLOSED = re.compile(
    rf"<[ \t]{{0,4}}/{_NAME}(?=([ \t]{{0,20}})(\r?\n|[^ \t\r\n]))", re.IGNORECASE
)
_LONGEST_TAG = 24
_LONGEST_CLOSED = _LONGEST_TAG + 24
"""Characters of a closing tag and of what must follow to know what it is."""

_LINE_HEAD = 40
_MENTIONS = 20
"""An answer in which the tag stood so often, and never alone, is about the tag."""

_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_SENTENCE_ENDS = ".!?…:;)*。！？"
_QUOTES = "`'\"“”‘’«»<(["
_FAMILIES = ("nemotron", "deepseek-r1", "qwen3", "qwq")


def _may_begin_tag(text: str) -> bool:
    """Return whether more characters could make a tag of a text."""
    if len(text) > _LONGEST_TAG or ">" in text:
        return False
    name = text.replace(" ", "").replace("\t", "").casefold()
    return any(tag.startswith(name) for tag in _TAGS)


def may_start_inside(model: str) -> bool:
    """Return whether a model's template may swallow the opening tag.

    Nemotron's does, so that its output starts in mid-thought
    (https://github.com/NVIDIA/NemoClaw/issues/6992).
    """
    return any(family in model.lower() for family in _FAMILIES)


class ThinkTags:
    """Split answer and reasoning, piece by piece, wherever the tags are cut.

    An opening tag counts as the first thing in the reply, or, once one was there, as
    the first thing in a line outside of fenced code. A closing tag without an opening
    one counts only where prose would not put it, and only for models that are known to
    start inside (`orphans`), or first, after reasoning that came apart from the text.
    """

    def __init__(
        self, orphans: bool, choice: int = 0, after_reasoning: bool = False
    ) -> None:
        self.has_answer = False
        self._orphans = orphans
        self._may_close_first = orphans or after_reasoning
        self._choice = choice
        self._held = ""
        self._close = ""
        self._is_first = True
        self._text = LongText()
        self._mentions = 0
        self._line = ""
        self._in_fence = False
        self._read: Callable[[ThinkTags, list[Event]], bool] = ThinkTags._at_start

    @property
    def has_thought(self) -> bool:
        """Whether there was a tag, and so reasoning."""
        return not self._is_first

    def feed(self, piece: str) -> list[Event]:
        """Take the next piece of content; return what it is."""
        if self._read is ThinkTags._in_plain_answer:
            return [Text(piece, self._choice)]
        is_watched = self._read is ThinkTags._in_watched_answer
        if is_watched and not self._line and "<" not in piece:
            self._text.add(piece)
            return [Text(piece, self._choice)]
        events: list[Event] = []
        self._held += piece
        while self._held and self._read(self, events):
            pass
        return events

    def close(self) -> list[Event]:
        """Take the end of the reply; return what was held back."""
        events: list[Event] = []
        held, self._held = self._held, ""
        if self._read is ThinkTags._in_watched_answer:
            self._look_for_orphan("", events, "\n")
        elif held:
            kind = Reasoning if self._read is ThinkTags._in_reasoning else Text
            events.append(kind(held, self._choice))
        return events

    # Each reads what is held and returns whether to read on.

    def _at_start(self, events: list[Event]) -> bool:
        text = self._held.lstrip()
        tag = _TAG.match(text)
        if tag and (not tag[1] or self._may_close_first):
            self._held, self._close = text[tag.end() :], tag[2].casefold()
            self._read = ThinkTags._at_start if tag[1] else ThinkTags._in_reasoning
            self._is_first = False
            return True
        if _may_begin_tag(text):
            return False
        self.has_answer = True
        if not self._is_first:
            self._held, self._read = text, ThinkTags._in_tagged_answer
        elif self._orphans:
            self._read = ThinkTags._in_watched_answer
        else:
            self._read = ThinkTags._in_plain_answer
        return True

    def _in_reasoning(self, events: list[Event]) -> bool:
        held = self._held
        tags = _TAG.finditer(held)
        named = (tag for tag in tags if tag[2].casefold() == self._close)
        closed = next((tag for tag in named if tag[1]), None)
        last = held.rfind("<")
        keeps = closed is None and last >= 0 and _may_begin_tag(held[last:])
        end = closed.start() if closed else last if keeps else len(held)
        self._held = held[closed.end() if closed else end :]
        if thought := held[:end]:
            events.append(Reasoning(thought, self._choice))
        if closed:
            self._read = ThinkTags._at_start
        return closed is not None

    def _in_plain_answer(self, events: list[Event]) -> bool:
        events.append(Text(self._held, self._choice))
        self._held = ""
        return False

    def _in_tagged_answer(self, events: list[Event]) -> bool:
        """Pass text on up to a further thought, which begins a line."""
        at, held, tag = 0, self._held, None
        while at < len(held):
            end = held.find("\n", at) + 1
            line = self._line + held[at : end or len(held)]
            text = line.lstrip(" \t")
            if not self._line.strip() and not self._in_fence:
                tag = _OPENED.match(text)
                if tag or (not end and _may_begin_tag(text)):
                    break
            self._line = "" if end else line[:_LINE_HEAD]
            if end and _FENCE.match(line):
                self._in_fence = not self._in_fence
            at = end or len(held)
        if at:
            events.append(Text(held[:at], self._choice))
        self._held = held[at:]
        if tag is None:
            return False
        self._held = self._held.lstrip(" \t")[tag.end() :]
        self._close, self._line = tag[1].casefold(), ""
        self._read = ThinkTags._in_reasoning
        events.append(Reasoning("\n\n", self._choice))
        return True

    def _in_watched_answer(self, events: list[Event]) -> bool:
        """Pass text on, but notice when it turns out to have been reasoning."""
        piece, self._held = self._held, ""
        self._text.add(piece)
        if not self._look_for_orphan(piece, events):
            events.append(Text(piece, self._choice))
        return bool(self._held)

    def _look_for_orphan(self, piece: str, events: list[Event], end: str = "") -> bool:
        window, known = self._line + piece + end, 0
        for tag in _CLOSED.finditer(window) if "<" in window else ():
            said = str(self._text)
            at = len(said) + len(end) - len(window) + tag.start()
            if _is_orphan(said, at, tag):
                events.append(TextWasReasoning(said[:at].strip(), self._choice))
                self._held = said[at + len(tag[0]) :]
                self._text, self._line = LongText(), ""
                self._read = ThinkTags._at_start
                self._is_first = self.has_answer = False
                return True
            known = tag.end()  # it is not looked at again
            self._mentions += 1
            if self._mentions >= _MENTIONS:
                self._read = ThinkTags._in_plain_answer
                break
        last = window.rfind("<")
        is_near = last >= max(known, len(window) - _LONGEST_CLOSED)
        self._line = window[last:] if is_near else ""
        return False


def _is_orphan(said: str, at: int, tag: re.Match[str]) -> bool:
    """Return whether a closing tag ends a thought, and is not written about."""
    before = said[:at]
    line = before[before.rfind("\n") + 1 :]
    if _OPENED.search(before) or line.count("`") % 2 or len(_FENCE.findall(before)) % 2:
        return False
    blanks, follows = tag[2], tag[3]
    ends_line = follows.endswith("\n")
    is_joined = not blanks and not ends_line and follows not in _QUOTES + ".,;:)]}"
    is_apart = ends_line or is_joined
    if not line.strip():
        return is_apart
    if line[-1] in " \t":
        return is_apart and line.rstrip()[-1] in _SENTENCE_ENDS
    return line[-1] not in _QUOTES and (is_apart or bool(blanks))
