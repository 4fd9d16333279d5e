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
from nemotron_magic.core.loose_json import JsonObject, as_dict, as_objects
from nemotron_magic.core.text import sanitize_label
from nemotron_magic.core.usage import Usage


class _Number(float):
    """A number that knows how it was written; a copy of it is a plain one."""

    text: str

    def __new__(cls, text: str) -> _Number:
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)


_DECODER = json.JSONDecoder(strict=False, parse_float=_Number)


def decode(text: str) -> list[Any]:
    """Read JSON as servers write it: control characters, or several values in a row."""
    value, end = _DECODER.raw_decode(text)
    values = [value]
    while end < len(text) and (rest := text[end:].lstrip()):
        text = rest
        value, end = _DECODER.raw_decode(text)
        values.append(value)
    return values


_Kind = type[Text] | type[Reasoning] | type[Refusal]

_PLAIN_CHUNK = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "meta", "provider"}
    | {"system_fingerprint", "service_tier", "obfuscation"}
)
"""What a chunk is made of that is no surprise and reports no error."""

_PLAIN = frozenset({"role", "content"})
_EMPTY: tuple[Any, ...] = (None, [], "")
_HOLDERS = frozenset({"delta", "message", "text"})
_PLAIN_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})
_WHOLE_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs"})
_NAMES_OF: dict[_Kind, tuple[str, ...]] = {
    Reasoning: (
        *("reasoning", "reasoning_content", "reasoning_details"),
        *("reasoning_text", "thinking", "thought", "thinking_blocks", "thoughts"),
        "reasoningContent",
    ),
    Refusal: ("refusal",),
    Text: ("content", "text", "output_text", "parts"),
}
"""Where a delta has what."""

_LISTS = ("candidates", "choices", "results", "generations", "outputs")
"""Where choices are listed, outside of the usual place."""

_LAYERS = (
    *("output", "response", "result", "data"),
    *("contentBlockDelta", "messageStop", "promptFeedback"),
)
"""What may be wrapped around them, or around a text."""

_BODY_NAMES = (
    *("response", "result", "message", "text", "content", "answer", "completion"),
    *("generation", "textDelta", "outputText"),
    *("generated_text", "output_text", "output", "predictions"),
)
"""Where a body without choices has its text."""

_WHOLE_NAMES = frozenset({"generated_text", "output_text", "output", "predictions"})
"""Which of them repeat what came in pieces."""

_WHOLE_TYPES = re.compile(
    r"(done|completed?|stop|end|finish\w*|added|created|start\w*)$"
)
"""Types of events that repeat what came in pieces."""

_END_TYPE = re.compile(r"(message|stream|response)[._-](end|stop|done)|finish")
_TYPE_NAMES = ("type", "event_type", "event")

_TYPES: tuple[tuple[str, _Kind | None], ...] = (
    (r"tool|function|argument|audio|image|code|call|file|search", None),
    (r"reason|think|thought", Reasoning),
    (r"refus", Refusal),
)
"""What the text of an event is by its type, if it is no answer; None: not for us."""

_CODES = frozenset({"code", "status", "statusCode", "error_code"})
_GOOD = frozenset({"0", "200"})

_PART_NAMES = (
    *("text", "content", "thinking", "reasoning", "summary", "parts", "value"),
    *("output_text", "refusal", "response", "generated_text", "outputText"),
    *("reasoningContent", "reasoningText"),
)
_TEXTS = frozenset(_PART_NAMES)
"""Where a part of a text has it."""

_PART_KINDS: dict[str, _Kind] = {
    **dict.fromkeys(("thinking", "reasoning", "thought", "reasoning_text"), Reasoning),
    **dict.fromkeys(("reasoning.text", "reasoning.summary"), Reasoning),
    "refusal": Refusal,
}
_THOUGHTS = frozenset({"reasoningContent", "reasoningText"})
_SILENT_KINDS = frozenset({"redacted_thinking", "reasoning.encrypted", "signature"})
_FINISH_NAMES = (
    *("finish_reason", "finishReason", "stop_reason", "done_reason", "stopReason"),
    *("completionReason", "incomplete_details", "stop_type", "blockReason"),
)
_ENDS = ("done", "stop", "is_end", "is_finished")
"""What is true in the last chunk of servers that tell no reason."""

_FIGURES = frozenset(
    {"cost", "total_cost", "prompt_eval_count", "eval_count"}
    | {"prompt_token_count", "generation_token_count"}
    | {"tokens_evaluated", "tokens_predicted"}
)
_USAGE_NAMES = ("usage", "usageMetadata", "usage_metadata")
_DEEPEST = 8
_DEEPEST_USAGE = 3

_SILENT = frozenset(
    {*_TYPE_NAMES, "role", "name", "id", "meta", "native_finish_reason"}
)
"""What else may stand in a chunk that brings nothing."""

_REASONS = {
    "": r"(finishreason)?(|null|none|unspecified|unfinished|notfinished|inprogress"
    r"|incomplete|continue|ongoing|false|queued|processing|starting|running)",
    "tool_calls": r"tool(calls?|use)",
    "function_call": r"functioncall",
    "content_filter": r".*(filter|safety|recitation|blocklist|prohibited|spii|sensitive"
    r"|guardrail|toxic|moderation|harm|refus|policy|flagged).*",
    "error": r".*(error|fail|cancel|abort|interrupt|timeout|unavailable).*",
    "length": r".*(length|max\w*token|tokenlimit|context|outputlimit|lengthlimit).*"
    r"|limit|maxlen\w*",
    "stop": r"(finishreason)?(stop\w*|eos\w*|eot\w*|end\w*|imend|s|completed?"
    r"|finish(ed)?|done|normal|succe\w*|word)",
}
"""What servers call the reasons of an end, in one writing; the first that fits."""


def finish_reason(reason: Any) -> str:
    """Return why a model stopped in the usual words; empty if it did not.

    >>> finish_reason("MAX_TOKENS"), finish_reason("null"), finish_reason("Odd one")
    ('length', '', 'Odd one')
    """
    if not reason:
        return ""
    if isinstance(reason, str) and reason in _REASONS:
        return reason
    if isinstance(reason, dict):
        return finish_reason(reason.get("type") or reason.get("reason"))
    name = re.sub(r"[\W_]", "", str(reason)).casefold()
    found = (usual for usual, other in _REASONS.items() if re.fullmatch(other, name))
    return next(found, sanitize_label(str(reason)))


def _pieces(
    value: Any, kind: _Kind, depth: int = 0
) -> Iterator[tuple[_Kind | None, str]]:
    """Yield the texts in a value with what each is; None for what cannot be read."""
    if isinstance(value, str):
        yield kind, value
    elif isinstance(value, _Number):
        yield kind, value.text
    elif isinstance(value, int | float):
        if kind is Text or not isinstance(value, bool):  # else it is a flag
            yield kind, json.dumps(value)
    elif isinstance(value, list) and depth < _DEEPEST:
        for one in value:
            yield from _pieces(one, kind, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        name = value.get("type")
        kind = _PART_KINDS.get(name, kind) if isinstance(name, str) else kind
        kind = (
            Reasoning
            if value.get("thought") is True or value.keys() & _THOUGHTS
            else kind
        )
        found = [value[k] for k in _PART_NAMES if value.get(k) is not None]
        if found:
            yield from _pieces(found[0], kind, depth + 1)
        elif value and name not in _SILENT_KINDS and name not in _PART_KINDS:
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
        elif self._growths > is_piece:
            self.grows = True
        if self.grows is None:
            return ""
        return text[len(first) :] if self.grows else "".join(seen[1:])

    def rest(self) -> str:
        """Return what is held back at the end."""
        is_held = self.grows is None and self.is_in_pieces
        return "".join(self._seen[1:]) if is_held else ""


class ChunkParser:
    """Read chunks of a stream, or one whole completion: they differ in one name.

    If one answer was asked for (`n`), all that comes is the first, whatever number a
    server gives it. `lost` counts the values that could not be read, `extra` the
    answers beyond `n`, `pieces` those that the user would miss. Where text came after a
    reason to stop (`is_contradicted`), such a reason ends nothing. What held nothing
    unusual `is_plain`; what held something that told nothing `is_odd`.
    """

    def __init__(self, model: str, n: int = 1) -> None:
        self.said_something = False
        self.lost = 0
        self.extra = 0
        self.pieces = 0
        self.is_contradicted = False
        self.is_plain = True
        self.is_odd = False
        self.has_usage = False
        self._n = n
        self._orphans = may_start_inside(model)
        self._tags: dict[int, ThinkTags] = {}
        self._served = False
        self._finishes: dict[int, str] = {}
        # What came of each answer.
        self._kinds: dict[tuple[int, type], _Text] = {}
        self._is_delta = True
        self._calls: list[str] = []

    @property
    def finished(self) -> int:
        """How many choices have been given a reason for their end."""
        return len(self._finishes)

    @property
    def has_only_reasoning(self) -> bool:
        """Whether the first answer has a thought and nothing else, and ended well."""
        tags, kinds = self._tags.get(0), {kind for at, kind in self._kinds if at == 0}
        says_more = kinds - {Reasoning, Text} or (tags and tags.has_answer)
        return bool(kinds) and not says_more and self._finishes.get(0) != "length"

    def read(self, chunk: JsonObject, events: list[Event]) -> None:
        """Append what `chunk` tells to `events`."""
        if not self._served and chunk.get("model"):
            self._served = True
            model, reply_id = str(chunk["model"]), str(chunk.get("id") or "")
            events.append(ModelInfo(sanitize_label(model), sanitize_label(reply_id)))
        known = len(events)
        found = chunk.get("choices")
        if isinstance(found, dict) and not found.keys() & _HOLDERS:
            found = list(found.values())  # by their numbers
        choices = found if isinstance(found, list) else [found]
        if len(choices) > 1 and self._n == 1:
            self.extra = max(self.extra, len(choices) - 1)
            choices = choices[:1]
        has_place = bool(found) or found == []  # the figures of a stream have no choice
        self.is_plain = is_plain = has_place and _is_plain(chunk, _PLAIN_CHUNK)
        for choice in choices:
            if isinstance(choice, dict):
                self._choice(choice, events)
        if not found and not is_plain and not _tells_of_fault(chunk.get("error")):
            self._without_choices(chunk, events)
        self.is_odd = len(events) == known and _says_more(chunk, choices)
        if not is_plain or chunk.get("usage") or chunk.get("meta"):
            self._figures(chunk, events)

    def close(self) -> list[Event]:
        """Return what was held back because it might have become a tag."""
        events: list[Event] = []
        for (index, kind), text in self._kinds.items():
            held, text.grows = text.rest(), False
            if held:
                self._piece(kind, held, index, events)
        for tags in self._tags.values():
            events += tags.close()
        return events

    def _choice(self, choice: JsonObject, events: list[Event]) -> None:
        index = _number(choice.get("index"), 0) if self._n > 1 else 0
        delta, usual = choice.get("delta"), _PLAIN_CHOICE
        is_whole = delta is None and isinstance(choice.get("message"), dict)
        if is_whole:
            delta = choice["message"]
            usual = _WHOLE_CHOICE if _is_plain(delta, _PLAIN) else _PLAIN_CHOICE
        self._is_delta = not is_whole
        if not isinstance(delta, dict):
            self._texts(delta, Text, index, events)
        elif not _is_plain(delta, _PLAIN):
            self._delta(delta, index, events)
            if not is_whole:
                self._finish(delta, index, events)
        elif not self._came_in_pieces(Text, index):
            content = delta.get("content")
            if not isinstance(content, str):
                self._texts(content, Text, index, events)
            elif content:
                self._piece(Text, content, index, events)
        self._is_delta = True
        if choice.get("logprobs") or not _is_plain(choice, usual):
            self.is_plain = False
            self._beside(choice, is_whole, index, events)
            self._finish(choice, index, events)
            for usage in _usages(choice):
                self.has_usage = True
                events.append(UsageReport(usage))
        elif choice.get("finish_reason"):
            self._finish(choice, index, events)

    def _finish(self, choice: JsonObject, index: int, events: list[Event]) -> None:
        found = (finish_reason(choice.get(name)) for name in _FINISH_NAMES)
        reason = next((one for one in found if one), "")
        if not reason and any(choice.get(name) is True for name in _ENDS):
            reason = "stop"
        if not reason and "output" in choice:
            reason = finish_reason(choice.get("status"))
        if reason and self._finishes.get(index) != reason:
            self._finishes[index] = reason
            self.said_something = True
            events.append(Finish(reason, index))

    def _beside(
        self, choice: JsonObject, is_whole: bool, index: int, events: list[Event]
    ) -> None:
        """Read what else a choice may hold: all of it once more, or its tokens."""
        self._is_delta = False
        for name in ("message", "text", "content", "outputText")[is_whole:]:
            whole = choice.get(name)
            if isinstance(whole, dict):
                self._delta(whole, index, events)
            elif not self._came_in_pieces(Text, index):
                self._texts(whole, Text, index, events)
        self._is_delta = True
        if tokens := as_objects(as_dict(choice.get("logprobs")).get("content")):
            events.append(Logprobs(tuple(tokens), index))

    def _came_in_pieces(self, kind: type, index: int) -> bool:
        """Return whether a whole message only repeats what is known of a kind."""
        known = None if self._is_delta else self._kinds.get((index, kind))
        return known is not None and known.is_in_pieces

    def _delta(self, delta: JsonObject, index: int, events: list[Event]) -> None:
        """Read a delta or a message, which may hold one thing up to three times."""
        delta = as_dict(delta.get("message")) or delta
        for kind, names in _NAMES_OF.items():
            if kind is Text and not self._came_in_pieces(ToolCall, index):
                self._tool_calls(delta, index, events)
            if not self._came_in_pieces(kind, index):
                for name in names:
                    if self._texts(delta.get(name), kind, index, events):
                        break

    def _without_choices(self, chunk: JsonObject, events: list[Event]) -> None:
        """Read a chunk or a body of a server that has a shape of its own."""
        name = next((str(v) for key in _TYPE_NAMES if (v := chunk.get(key))), "")
        kinds = (kind for pattern, kind in _TYPES if re.search(pattern, name))
        kind = next(kinds, Text)
        for layer in _layers(chunk):
            is_piece = layer is chunk and not _WHOLE_TYPES.search(name)
            self._layer(layer, kind, is_piece, events)
        self._is_delta = True
        if _END_TYPE.fullmatch(name) and not self._finishes:
            self._finish({"finish_reason": "stop"}, 0, events)

    def _layer(
        self, layer: JsonObject, kind: _Kind | None, is_piece: bool, events: list[Event]
    ) -> None:
        for choice in (c for name in _LISTS for c in as_objects(layer.get(name))[:1]):
            piece = choice.get("content")
            self._choice({"delta": piece, **choice, "content": None}, events)
        delta, token = layer.get("delta"), as_dict(layer.get("token"))
        self._is_delta = is_piece or delta is not None
        if isinstance(delta, dict):
            self._delta(delta, 0, events)
            self._finish(delta, 0, events)
        elif kind is None:
            self.lost += bool(delta)
        elif not _tells_of_fault(layer):
            self._texts(delta, kind, 0, events)
            self._texts(None if token.get("special") else token, kind, 0, events)
            for name in _BODY_NAMES:
                self._body_text(layer, name, kind, is_piece, events)
        self._finish(layer, 0, events)

    def _body_text(
        self,
        layer: JsonObject,
        name: str,
        kind: _Kind,
        is_piece: bool,
        events: list[Event],
    ) -> None:
        value = layer.get(name)
        is_text = isinstance(value, str | list) or as_dict(value).keys() & _TEXTS
        if not is_text or (name == "message" and layer.keys() & _CODES):
            return
        self._is_delta = is_piece and name not in _WHOLE_NAMES
        if isinstance(value, dict) and name == "message":
            self._delta(value, 0, events)
            return
        is_layer = isinstance(value, dict) and name in _LAYERS
        if not is_layer and not self._came_in_pieces(kind, 0):
            self._texts(value, kind, 0, events)

    def _texts(self, value: Any, kind: _Kind, index: int, events: list[Event]) -> bool:
        """Read the texts in a value; return whether there was one."""
        found = False
        for piece, texts in groupby(_pieces(value, kind), itemgetter(0)):
            text = "".join(text for _, text in texts)
            if piece is None:
                self.lost += 1
            elif text:
                found = True
                self._piece(piece, text, index, events)
        return found

    def _note(self, kind: type, index: int) -> _Text:
        self.said_something = True
        known = self._kinds.get((index, kind))
        if known is None:
            known = self._kinds[index, kind] = _Text()
        if self._is_delta:
            known.is_in_pieces = True
        return known

    def _news(self, kind: _Kind, text: str, index: int) -> str:
        """Return what is new in a text that may hold what has come before."""
        known = self._note(kind, index)
        new = known.take(text, self._is_delta)
        self.lost += known.is_rewritten
        return new

    def _piece(self, kind: _Kind, text: str, index: int, events: list[Event]) -> None:
        known = self._kinds.get((index, kind))
        if known is None or known.grows is not False:
            text = self._news(kind, text, index)
            if not text:
                return
        self.pieces += 1
        if self._finishes and self._finishes.pop(index, ""):
            self.is_contradicted = True
        if kind is not Text:
            if kind is Reasoning:
                self._orphans = False
            events.append(kind(text, index))
            return
        tags = self._tags.get(index)
        if tags is None:
            after = (index, Reasoning) in self._kinds
            tags = self._tags[index] = ThinkTags(self._orphans, index, after)
        events += tags.feed(text)

    def _tool_calls(self, delta: JsonObject, index: int, events: list[Event]) -> None:
        found = delta.get("tool_calls")
        calls = as_objects([found] if as_dict(found).get("function") else found)
        if not calls and as_dict(delta.get("function_call")):
            calls = [{"function": delta["function_call"]}]
        for position, call in enumerate(calls):
            self._note(ToolCall, index)
            self.pieces += 1
            if index == 0:
                events.append(_tool_call(call, self._place(call, position)))

    def _place(self, call: JsonObject, position: int) -> int:
        """Return which call it is: by its number, else by its id or name, its place."""
        call_id = str(call.get("id") or "")
        names_one = call_id or _function(call).get("name")
        number = _number(call.get("index"), -1)
        if number < 0 and call_id and call_id in self._calls:
            number = self._calls.index(call_id)
        elif number < 0:
            known = len(self._calls)
            number = known if names_one else max(position, known - 1)
        self._calls += [""] * (number + 1 - len(self._calls))
        self._calls[number] = self._calls[number] or call_id
        return number

    def _figures(self, chunk: JsonObject, events: list[Event]) -> None:
        usage = Usage.from_wire(None, meta) if (meta := chunk.get("meta")) else Usage()
        for one in _usages(chunk):
            usage = usage.updated(one)
        if usage != Usage() or any(chunk.get(name) for name in _USAGE_NAMES):
            self.has_usage = True
            events.append(UsageReport(usage))


def _layers(chunk: JsonObject, depth: int = 0) -> Iterator[JsonObject]:
    """Yield what of a chunk may hold choices or texts, from without to within."""
    yield chunk
    for name in _LAYERS if depth < _DEEPEST else ():
        if isinstance(layer := chunk.get(name), dict):
            yield from _layers(layer, depth + 1)


def _tells_of_fault(layer: Any) -> bool:
    """Return whether a code says that something went wrong."""
    if not isinstance(layer, dict):
        return bool(layer)
    codes = [str(v) for name in _CODES if (v := layer.get(name)) is not None]
    return layer.get("success") is False or any(
        finish_reason(code) == "error" or (code.isdigit() and code not in _GOOD)
        for code in codes
    )


def _usages(chunk: JsonObject, depth: int = 0) -> Iterator[Usage]:
    """Yield the figures in a chunk; those that stand deep first, if they count tokens.

    What else is called usage there, as that of an account, is not the call's.
    """
    for name, value in chunk.items() if depth < _DEEPEST_USAGE else ():
        if isinstance(value, dict) and name not in _USAGE_NAMES:
            deeper = _usages(value, depth + 1)
            yield from (one for one in deeper if one.counts_tokens)
    if chunk.keys() & _FIGURES:
        yield Usage.from_wire(chunk)
    for name in _USAGE_NAMES:
        if value := chunk.get(name):
            yield _usage(value)


def _usage(value: Any) -> Usage:
    """Read a report, a list of them, which add up, or one with another inside."""
    if isinstance(value, list):
        return sum(map(_usage, as_objects(value)), Usage())
    usage = Usage.from_wire(value)
    if usage.counts_tokens:
        return usage
    deeper = map(Usage.from_wire, filter(None, map(as_dict, as_dict(value).values())))
    return next((one for one in deeper if one.counts_tokens), Usage()).updated(usage)


def _says_more(chunk: JsonObject, choices: list[Any]) -> bool:
    """Return whether there is a text, or more, where a chunk has no place for it."""
    if chunk.get("choices") is None:
        return bool(chunk.keys() - _PLAIN_CHUNK - _SILENT)
    parts = [one for one in choices if isinstance(one, dict)]
    parts += [as_dict(one.get("delta")) for one in parts]
    silent = _SILENT.union(_FINISH_NAMES)
    return any(
        isinstance(value, str) and value and name not in silent
        for part in parts
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


def _function(call: JsonObject) -> JsonObject:
    return as_dict(call.get("function") or call.get("custom"))


def _tool_call(call: JsonObject, index: int) -> ToolCall:
    function = _function(call)
    arguments = function.get("arguments") or function.get("input") or ""
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return ToolCall(
        index, str(call.get("id") or ""), str(function.get("name") or ""), arguments
    )
