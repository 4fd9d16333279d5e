"""What a service says, without the key that it was sent: some repeat all they get."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

from nemotron_magic.events import (
    Event,
    Finish,
    Reasoning,
    Refusal,
    Served,
    Text,
    ToolCall,
)
from nemotron_magic.key import Key

__all__ = ["without_key"]

_Piece = Text | Reasoning | Refusal


def without_key(
    events: Generator[Event, None, None], key: Key | None
) -> Generator[Event, None, None]:
    """Give the events with `[key]` in place of the key, also if it comes in pieces.

    What may be its beginning is held back until it is known what follows.
    """
    if key is None:
        yield from events
        return
    held: _Piece | None = None
    with closing(events):
        try:
            for event in events:
                if isinstance(event, _Piece):
                    if held and not _goes_on(held, event):
                        yield held
                        held = None
                    told, held = _parted(event, held.text if held else "", key)
                    if told is not None:
                        yield told
                    continue
                if held:
                    yield held
                    held = None
                yield _told(event, key)
        except GeneratorExit:
            raise
        except BaseException:
            if held:
                yield held
            raise
    if held:
        yield held


def _goes_on(held: _Piece, piece: _Piece) -> bool:
    return type(held) is type(piece) and held.choice == piece.choice


def _parted(
    piece: _Piece, before: str, key: Key
) -> tuple[_Piece | None, _Piece | None]:
    """Give what can be told, and what must wait."""
    text = key.redact(before + piece.text)
    size = key.begun_in(text)
    if not size and text is piece.text:
        return piece, None
    kind, choice = type(piece), piece.choice
    told, rest = text[: len(text) - size], text[len(text) - size :]
    return (
        kind(told, choice) if told else None,
        kind(rest, choice) if rest else None,
    )


def _told(event: Event, key: Key) -> Event:
    match event:
        case Served(model, completion_id):
            return Served(key.redact(model), key.redact(completion_id))
        case Finish(reason):
            return replace(event, reason=key.redact(reason))
        case ToolCall(_, _, name, arguments):
            called = key.redact(name), key.redact(arguments)
            return replace(event, name=called[0], arguments=called[1])
        case _:
            return event
