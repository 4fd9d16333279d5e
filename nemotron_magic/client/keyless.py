"""What a service says, without the key that it was sent: some repeat all they get."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import fields, replace
from typing import Any

from nemotron_magic.events import (
    Event,
    Logprobs,
    Reasoning,
    Reclassified,
    Refusal,
    Text,
    ToolCall,
)
from nemotron_magic.key import Key
from nemotron_magic.untrusted import as_text

__all__ = ["without_key", "without_key_in"]

_MARK = "[key]"
_TELLING = 12
"""So much of a key is one, where the rest of it was cut off."""

_Piece = Text | Reasoning | Refusal | ToolCall
_PIECES = (Text, Reasoning, Refusal, ToolCall)


def without_key(
    events: Generator[Event, None, None], key: Key | None
) -> Generator[Event, None, None]:
    """Return the events with `[key]` in place of the key, also if it comes in pieces.

    What may be its beginning is held back until it is known what follows: whatever
    else comes in between, the pieces of one text end up side by side.
    """
    if key is None:
        yield from events
        return
    keyless = _Keyless(key)
    with closing(events):
        try:
            for event in events:
                told = keyless.told(event)
                if told is not None:
                    yield told
        except GeneratorExit:
            raise
        except BaseException:
            yield from keyless.rest()
            raise
    yield from keyless.rest()


def without_key_in(value: Any, key: Key | None) -> Any:
    """Return a JSON value with `[key]` in place of the key, in all texts and names."""
    if key is None or value is None:
        return value
    if isinstance(value, str):
        return _without(value, key)
    if isinstance(value, Mapping):
        return {
            without_key_in(name, key): without_key_in(one, key)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        is_key = _MARK in key.redact(_as_bytes(value))
        return [] if is_key else [without_key_in(one, key) for one in value]
    return value


class _Keyless:
    """Takes the key out of the events of one reply."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._held: dict[tuple[type, int], _Piece] = {}
        self._tokens: dict[int, list[dict[str, Any]]] = {}

    def told(self, event: Event) -> Event | None:
        """Return what can be told by now of an event, and of those before it."""
        if isinstance(event, _PIECES):
            return self._parted(event)
        if isinstance(event, Logprobs):
            return self._logprobs(event)
        if isinstance(event, Reclassified):
            # It holds all of the text so far, also what was held back of it.
            self._held.pop((Text, event.choice), None)
        cleaned: Event = _cleaned(event, self._key)
        return cleaned

    def rest(self) -> Iterator[Event]:
        """Return what was held back, now that nothing follows."""
        for piece in self._held.values():
            text = _text_of(piece)
            yield _with_text(piece, _MARK if len(text) >= _TELLING else text)
        for choice, tokens in self._tokens.items():
            if tokens:
                size = self._key.begun_in("".join(map(_token, tokens)))
                shown = [{"token": _MARK}] if size >= _TELLING else tokens
                yield Logprobs(tuple(without_key_in(shown, self._key)), choice)

    def _parted(self, piece: _Piece) -> _Piece | None:
        """Return what can be told of a text, and hold back what must wait."""
        where = (type(piece), _which(piece))
        held = self._held.pop(where, None)
        before, more = "" if held is None else _text_of(held), _text_of(piece)
        text = self._key.redact(before + more)
        size = self._key.begun_in(text)
        if size:
            self._held[where] = _with_text(_bare(piece), text[len(text) - size :])
        if not size and text is more:
            return _cleaned(piece, self._key) if type(piece) is ToolCall else piece
        told = _with_text(piece, text[: len(text) - size])
        if type(told) is ToolCall:
            told = _cleaned(told, self._key)
        return told if _text_of(told) or type(told) is ToolCall else None

    def _logprobs(self, event: Logprobs) -> Logprobs | None:
        """Return the tokens that can be told, and hold back what may begin the key."""
        key = self._key
        tokens = [*self._tokens.pop(event.choice, []), *event.content]
        begun = key.begun_in("".join(map(_token, tokens)))
        ready = len(tokens)
        while begun > 0 and ready:
            ready -= 1
            begun -= len(_token(tokens[ready]))
        self._tokens[event.choice] = tokens[ready:]
        told = [*_hidden(tokens[:ready], key)]
        return Logprobs(tuple(told), event.choice) if told else None


def _hidden(tokens: list[dict[str, Any]], key: Key) -> Iterator[dict[str, Any]]:
    """Return tokens with a mark in place of each that is a part of the key."""
    places = key.places("".join(map(_token, tokens)))
    at = 0
    for token in tokens:
        end = at + len(_token(token))
        is_part = any(at < last and end > first for first, last in places)
        yield {"token": _MARK} if is_part else without_key_in(token, key)
        at = end


def _token(entry: Mapping[str, Any]) -> str:
    return as_text(entry.get("token"))


def _as_bytes(values: list[Any] | tuple[Any, ...]) -> str:
    """Return the text that numbers are the bytes of; nothing of any other list."""
    if not values or not all(type(one) is int and 0 <= one < 256 for one in values):
        return ""
    return bytes(values).decode("latin-1")


def _which(piece: _Piece) -> int:
    return piece.index if isinstance(piece, ToolCall) else piece.choice


def _text_of(piece: _Piece) -> str:
    return piece.arguments if isinstance(piece, ToolCall) else piece.text


def _with_text(piece: _Piece, text: str) -> _Piece:
    if isinstance(piece, ToolCall):
        return replace(piece, arguments=text)
    return type(piece)(text, piece.choice)


def _bare(piece: _Piece) -> _Piece:
    return ToolCall(piece.index) if isinstance(piece, ToolCall) else piece


def _cleaned(event: Any, key: Key) -> Any:
    """Return an event without the key in any of its texts."""
    texts = {
        field.name: value
        for field in fields(event)
        if isinstance(value := getattr(event, field.name), str)
    }
    clean = {name: _without(text, key) for name, text in texts.items()}
    return event if clean == texts else replace(event, **clean)


def _without(text: str, key: Key) -> str:
    """Return a text without the key, nor a good part of it where the text was cut."""
    text = key.redact(text)
    size = key.begun_in(text)
    return text[: len(text) - size] + _MARK if size >= _TELLING else text
