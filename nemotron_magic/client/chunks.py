"""Parse chunks of a stream, or a whole completion, into events.

Nothing here validates a chunk: captured streams of the service do not fit its own
published schema. Tables name where servers put what they say; what is there and cannot
be read is counted, so that no reply that lost something is called whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from nemotron_magic.client import names_in, table
from nemotron_magic.client.models import usage_in
from nemotron_magic.client.think_tags import ThinkTags, may_start_inside
from nemotron_magic.core.events import (
    Event,
    Finish,
    Logprobs,
    ModelInfo,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    UsageReport,
)
from nemotron_magic.core.loose_json import JsonObject, as_dict, as_objects, as_text
from nemotron_magic.core.text import sanitize_label


class _Number(float):
    """A number that knows how it was written; a copy of it is a plain one."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)


_DECODER = json.JSONDecoder(strict=False, parse_float=_Number)


def decode(text: str) -> list[Any]:
    """Read JSON as servers write it: control characters, or several values in a row."""
    values: list[Any] = []
    while text or not values:
        value, end = _DECODER.raw_decode(text)
        values.append(value)
        text = text[end:].lstrip()
    return values


_Kind = type[Text] | type[Reasoning] | type[Refusal]

_SHAPES, _NAMES = table("shapes.toml"), names_in("chunk")
_KINDS: dict[str, _Kind] = {"reasoning": Reasoning, "refusal": Refusal, "text": Text}
_NAMES_OF = {kind: _NAMES[name] for name, kind in _KINDS.items()}
_PART_KINDS = {"refusal": Refusal} | dict.fromkeys(_NAMES["thoughts"], Reasoning)
_PLAIN_CHUNK = frozenset(_NAMES["plain"])
_PLAIN_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})
_PLAIN = frozenset({"role", "content"})
_EMPTY: tuple[Any, ...] = (None, [], "")
_CODES, _SILENT = frozenset(_NAMES["codes"]), frozenset(_NAMES["silent"])
_DEEPEST = 8


def finish_reason(reason: Any) -> str:
    """Return why a model stopped in the usual words; empty if it did not.

    >>> finish_reason("MAX_TOKENS"), finish_reason("null"), finish_reason("Odd one")
    ('length', '', 'Odd one')
    """
    if isinstance(reason, dict):
        reason = reason.get("type") or reason.get("reason")
    if not reason:
        return ""
    if isinstance(reason, str) and reason in _SHAPES["reasons"]:
        return reason
    name = re.sub(r"[\W_]", "", str(reason)).casefold()
    reasons = _SHAPES["reasons"].items()
    found = (usual for usual, others in reasons if re.fullmatch(others, name))
    return next(found, sanitize_label(str(reason)))


def _pieces(
    value: Any, kind: _Kind, depth: int = 0
) -> Iterator[tuple[_Kind | None, str]]:
    """Yield the texts in a value with what each is; None for what cannot be read."""
    if isinstance(value, str):
        yield kind, value
    elif isinstance(value, int | float):
        if kind is Text or not isinstance(value, bool):  # else it is a flag
            yield kind, value.text if type(value) is _Number else json.dumps(value)
    elif isinstance(value, list) and depth < _DEEPEST:
        for one in value:
            yield from _pieces(one, kind, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        name = as_text(value.get("type"))
        is_named = value.keys() & {"reasoningContent", "reasoningText"}
        is_thought = is_named or value.get("thought") is True
        kind = Reasoning if is_thought else _PART_KINDS.get(name, kind)
        found = [value[k] for k in _NAMES["parts"] if value.get(k) is not None]
        if found:
            yield from _pieces(found[0], kind, depth + 1)
        elif value and name not in _NAMES["mute"] and name not in _PART_KINDS:
            yield None, ""
    elif value is not None:
        yield None, ""


class _Text:
    """Distinguish pieces of a text from a whole text that grows with each chunk.

    The latter is sure once it has grown: once where whole texts stand, and twice
    where pieces do, since a piece may well begin as the one before it. `grows` is None
    until then.
    """

    def __init__(self) -> None:
        self.grows: bool | None = None
        self.is_in_pieces = False
        self.is_rewritten = False
        self._seen: list[str] = []
        self._growths = 0

    def take(self, text: str, is_piece: bool) -> str:
        """Return what is new in the next text; it may hold back what is not sure."""
        seen = self._seen
        seen.append(text)
        if len(seen) == 1:
            return text
        first, last = seen[0], seen[-2]
        if self.grows:
            del seen[1:-1]
            self.is_rewritten = not text.startswith(last)
            return text[len(last) :]
        self._growths += text != last
        if not text.startswith(last) or (is_piece and text == first):
            self.grows = False
            return "".join(seen[1:])
        if self._growths <= is_piece:
            return ""
        self.grows = True
        return text[len(first) :]

    def rest(self) -> str:
        """Return what is held back at the end."""
        is_held = self.grows is None and self.is_in_pieces
        return "".join(self._seen[1:]) if is_held else ""


class ChunkParser:
    """Read chunks of a stream, or one whole completion: they differ in one name.

    If one answer was asked for (`n`), all that comes is the first, whatever number a
    server gives it. `lost` counts the values that could not be read, `extra` the
    answers beyond `n`, `pieces` those that the user would miss; `finishes` has the
    reason of each end. Where text came after one (`is_contradicted`), such a reason
    ends nothing. What held nothing unusual `is_plain`; what told nothing `is_odd`.
    """

    def __init__(self, model: str, n: int = 1) -> None:
        self.lost = self.extra = self.pieces = 0
        self.said_something = self.is_contradicted = self.has_usage = False
        self.is_plain, self.is_odd = True, False
        self._n = n
        self._orphans = may_start_inside(model)
        self._tags: dict[int, ThinkTags] = {}
        self._served = False
        self.finishes: dict[int, str] = {}
        self._kinds: dict[tuple[int, type], _Text] = {}
        self._calls: dict[int, str] = {}
        # What is being read: events so far, which answer, a piece of it or all.
        self._events: list[Event] = []
        self._index = 0
        self._is_piece = True

    @property
    def has_only_reasoning(self) -> bool:
        """Whether the first answer has a thought and nothing else, and ended well."""
        tags, kinds = self._tags.get(0), {kind for at, kind in self._kinds if at == 0}
        says_more = kinds - {Reasoning, Text} or (tags and tags.has_answer)
        has_thought = Reasoning in kinds or (tags and tags.has_thought)
        is_whole = self.finishes.get(0) != "length"
        return bool(has_thought and not says_more and is_whole)

    def read(self, chunk: JsonObject) -> list[Event]:
        """Return what `chunk` tells."""
        events: list[Event] = []
        self._events = events
        if not self._served and chunk.get("model"):
            self._served = True
            model, reply_id = str(chunk["model"]), str(chunk.get("id") or "")
            events.append(ModelInfo(sanitize_label(model), sanitize_label(reply_id)))
        known = len(events)
        found = chunk.get("choices")
        if isinstance(found, dict) and not found.keys() & {"delta", "message", "text"}:
            found = list(found.values())  # by their numbers
        choices = found if isinstance(found, list) else [found]
        if len(choices) > 1 and self._n == 1:
            self.extra = max(self.extra, len(choices) - 1)
            choices = choices[:1]
        has_place = bool(found) or found == []  # the figures of a stream have no choice
        self.is_plain = has_place and _is_plain(chunk, _PLAIN_CHUNK)
        for choice in choices:
            if isinstance(choice, dict):
                self._choice(choice)
        if not found and not self.is_plain and not _tells_of_fault(chunk.get("error")):
            self._without_choices(chunk)
        self.is_odd = len(events) == known and _says_more(chunk, choices)
        has_more = not self.is_plain or chunk.get("usage") or chunk.get("meta")
        if has_more and (usage := usage_in(chunk)):
            self.has_usage = True
            events.append(UsageReport(usage))
        return events

    def close(self) -> list[Event]:
        """Return what was held back because it might have become a tag."""
        self._events = []
        for (index, kind), text in self._kinds.items():
            self._index, held, text.grows = index, text.rest(), False
            if held:
                self._piece(kind, held)
        for tags in self._tags.values():
            self._events += tags.close()
        return self._events

    def _choice(self, choice: JsonObject) -> None:
        self._index = _number(choice.get("index"), 0) if self._n > 1 else 0
        delta = choice.get("delta")
        is_plain = _is_plain(choice, _PLAIN_CHOICE) and not choice.get("logprobs")
        if not is_plain or not isinstance(delta, dict):
            self.is_plain = False
            self._place(choice, Text, is_piece=False)
            return
        self._is_piece = True
        self._delta(delta)
        if choice.get("finish_reason"):
            self._finish(choice)

    def _without_choices(self, chunk: JsonObject) -> None:
        """Read a chunk or a body of a server that has a shape of its own."""
        self._index = 0
        names = ("type", "event_type", "event")
        name = next((str(v) for key in names if (v := chunk.get(key))), "")
        types = _SHAPES["types"].items()
        found = next(kind for kind, pattern in types if re.search(pattern, name))
        is_whole = re.search(_SHAPES["chunk"]["whole_types"], name)
        for layer in _layers(chunk):
            for choice in (
                c for one in _NAMES["lists"] for c in as_objects(layer.get(one))[:1]
            ):
                piece = choice.get("content")
                self._choice({"delta": piece, **choice, "content": None})
            kind = None if _tells_of_fault(layer) else _KINDS.get(found)
            self._place(layer, kind, layer is chunk and not is_whole)
        if re.fullmatch(_SHAPES["chunk"]["end_types"], name) and not self.finishes:
            self._finish({"finish_reason": "stop"})

    def _place(self, place: JsonObject, kind: _Kind | None, is_piece: bool) -> None:
        """Read a choice, or what holds a text without one: a delta, or what is whole.

        What stands beside a delta may be all of it once more.
        """
        delta, token = place.get("delta"), as_dict(place.get("token"))
        self._is_piece = is_piece or delta is not None
        if isinstance(delta, dict):
            self._delta(delta)
        elif kind:
            self._texts(delta, kind)
        else:
            self.lost += bool(delta)
        if kind:
            self._is_piece = is_piece
            if token and not token.get("special"):
                self._texts(token, kind)
            for name in _NAMES["bodies"]:
                if name in place:
                    self._is_piece = is_piece and name not in _NAMES["whole"]
                    self._body_text(place, name, kind)
        if tokens := as_objects(as_dict(place.get("logprobs")).get("content")):
            self._events.append(Logprobs(tuple(tokens), self._index))
        self._finish(place)

    def _body_text(self, place: JsonObject, name: str, kind: _Kind) -> None:
        value = place.get(name)
        if name == "message" and isinstance(value, dict):
            self._delta(value)
            return
        if isinstance(value, dict):
            has_part = not value.keys().isdisjoint(_NAMES["parts"])
            is_text = has_part and name not in _NAMES["layers"]
        elif isinstance(value, str | list):
            is_text = name != "message" or _CODES.isdisjoint(place)
        else:
            is_flag = isinstance(value, bool) and "index" not in place
            is_text = name in ("text", "content") and not is_flag
        if is_text:
            self._texts(value, kind)

    def _delta(self, delta: JsonObject) -> None:
        """Read a delta or a message, which may hold one thing up to three times."""
        content = delta.get("content")
        if isinstance(content, str) and _is_plain(delta, _PLAIN):
            if content and not self._came_in_pieces(Text):
                self._piece(Text, content)
            return
        delta = as_dict(delta.get("message")) or delta
        for kind, names in _NAMES_OF.items():
            if kind is Text and not self._came_in_pieces(ToolCall):
                self._tool_calls(delta)
            any(self._texts(delta.get(name), kind) for name in names)
        self._finish(delta)

    def _finish(self, place: JsonObject) -> None:
        said = [place[name] for name in _NAMES["finishes"] if name in place]
        if any(place.get(name) is True for name in _NAMES["ends"]):
            said.append("stop")
        if "output" in place:
            said.append(place.get("status"))
        reason = next(filter(None, map(finish_reason, said)), "")
        if reason and self.finishes.get(self._index) != reason:
            self.finishes[self._index] = reason
            self.said_something = True
            self._events.append(Finish(reason, self._index))

    def _came_in_pieces(self, kind: type) -> bool:
        """Return whether a whole message only repeats what is known of a kind."""
        known = None if self._is_piece else self._kinds.get((self._index, kind))
        return known is not None and known.is_in_pieces

    def _texts(self, value: Any, kind: _Kind) -> bool:
        """Read the texts in a value that are news; return whether there was one."""
        if value is None or self._came_in_pieces(kind):
            return False
        found = False
        for piece, texts in groupby(_pieces(value, kind), itemgetter(0)):
            text = "".join(text for _, text in texts)
            if piece is None:
                self.lost += 1
            elif text:
                found = True
                self._piece(piece, text)
        return found

    def _note(self, kind: type) -> _Text:
        self.said_something = True
        known = self._kinds.setdefault((self._index, kind), _Text())
        known.is_in_pieces = known.is_in_pieces or self._is_piece
        return known

    def _piece(self, kind: _Kind, text: str) -> None:
        index = self._index
        known = self._kinds.get((index, kind))
        if known is None or known.grows is not False:
            known = self._note(kind)
            text = known.take(text, self._is_piece)
            self.lost += known.is_rewritten
            if not text:
                return
        self.pieces += 1
        if self.finishes and self.finishes.pop(index, ""):
            self.is_contradicted = True
        if kind is not Text:
            if kind is Reasoning:
                self._orphans = False
            self._events.append(kind(text, index))
            return
        tags = self._tags.get(index)
        if tags is None:
            after = (index, Reasoning) in self._kinds
            tags = self._tags[index] = ThinkTags(self._orphans, index, after)
        self._events += tags.feed(text)

    def _tool_calls(self, delta: JsonObject) -> None:
        found = delta.get("tool_calls")
        calls = as_objects([found] if as_dict(found).get("function") else found)
        if not calls and as_dict(delta.get("function_call")):
            calls = [{"function": delta["function_call"]}]
        for position, call in enumerate(calls):
            self._note(ToolCall)
            self.pieces += 1
            if self._index == 0:
                self._events.append(self._tool_call(call, position))

    def _tool_call(self, call: JsonObject, position: int) -> ToolCall:
        """Return a call, or a piece of one, with its number.

        It goes by the number it has, else by its id or name, else by its place.
        """
        function = as_dict(call.get("function") or call.get("custom"))
        call_id, name = str(call.get("id") or ""), str(function.get("name") or "")
        calls, number = self._calls, _number(call.get("index"), -1)
        if number < 0 and call_id:
            number = next((n for n, known in calls.items() if known == call_id), -1)
        if number < 0:
            last = max(calls, default=-1)
            number = last + 1 if call_id or name else max(position, last)
        calls[number] = calls.get(number) or call_id
        arguments = function.get("arguments") or function.get("input") or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        return ToolCall(number, call_id, name, arguments)


def _layers(chunk: JsonObject, depth: int = 0) -> Iterator[JsonObject]:
    """Yield what of a chunk may hold choices or texts, from without to within."""
    yield chunk
    for name in _NAMES["layers"] if depth < _DEEPEST else ():
        if isinstance(layer := chunk.get(name), dict):
            yield from _layers(layer, depth + 1)


def _tells_of_fault(layer: Any) -> bool:
    """Return whether a code says that something went wrong."""
    if not isinstance(layer, dict):
        return bool(layer)
    codes = [str(v) for name in _CODES if (v := layer.get(name)) is not None]
    return layer.get("success") is False or any(
        finish_reason(code) == "error" or (code.isdigit() and code not in ("0", "200"))
        for code in codes
    )


def _says_more(chunk: JsonObject, choices: list[Any]) -> bool:
    """Return whether there is a text, or more, where a chunk has no place for it."""
    if chunk.get("choices") is None:
        return bool(chunk.keys() - _PLAIN_CHUNK - _SILENT)
    return any(
        isinstance(value, str) and value and name not in _SILENT | {*_NAMES["finishes"]}
        for choice in as_objects(choices)
        for part in (choice, as_dict(choice.get("delta")))
        for name, value in part.items()
    )


def _is_plain(value: JsonObject, usual: frozenset[str]) -> bool:
    """Return whether nothing but the usual stands in a part of a chunk."""
    return usual.issuperset(value) or all(
        value[name] in _EMPTY for name in value.keys() - usual
    )


def _number(value: Any, otherwise: int) -> int:
    """Return which choice or call it is: a whole number from 0, or else `otherwise`."""
    return value if type(value) is int and value >= 0 else otherwise
