"""Read the events of a response within its time limits, without the key."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import fields, replace
from functools import partial
from typing import Any

import httpx

from nemotron_magic.client.deadline import Deadline
from nemotron_magic.client.http_errors import RequestInfo, request_id_of
from nemotron_magic.client.models import read_usage
from nemotron_magic.client.network import FOREIGN, map_httpx_error
from nemotron_magic.client.parser import PROGRESS, CompletionParser
from nemotron_magic.client.sse import ENCODINGS, encoding_of, iter_decompressed
from nemotron_magic.core.endpoint import Key
from nemotron_magic.core.errors import NemotronError, OutcomeUnknownError
from nemotron_magic.core.events import (
    Event,
    Logprobs,
    Notice,
    Piece,
    Text,
    TextWasReasoning,
    ToolCall,
    UsageReport,
)
from nemotron_magic.core.loose_json import as_text
from nemotron_magic.core.settings import Settings

_MARK = "[key]"
_TELLING = 12
"""So much of a key is one, where the rest of it was cut off."""

_Piece = Piece | ToolCall


def redact_key(
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
                if (clean := keyless.redact(event)) is not None:
                    yield clean
        except (Exception, KeyboardInterrupt):
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
        clean = partial(without_key_in, key=key)
        return {clean(name): clean(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        is_key = _MARK in key.redact(_as_bytes(value))
        return [] if is_key else [without_key_in(one, key) for one in value]
    return value


class _Keyless:
    """Takes the key out of the events of one reply."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._held: dict[tuple[type[_Piece], int], str] = {}
        self._tokens: dict[int, list[dict[str, Any]]] = {}

    def redact(self, event: Event) -> Event | None:
        """Return an event without the key, and with what was held back before it."""
        if isinstance(event, PROGRESS):
            return self._parted(event)
        if isinstance(event, Logprobs):  # nobody reads them before the end
            self._tokens.setdefault(event.choice, []).extend(event.content)
            return None
        if isinstance(event, TextWasReasoning):
            # It holds all of the text so far, also what was held back of it.
            self._held.pop((Text, event.choice), None)
        return self._cleaned(event)

    def rest(self) -> Iterator[Event]:
        """Return what was held back, now that nothing follows."""
        for (kind, number), text in self._held.items():
            text = _MARK if len(text) >= _TELLING else text
            if issubclass(kind, ToolCall):
                yield kind(number, arguments=text)
            else:
                yield kind(text, number)
        for choice, tokens in self._tokens.items():
            yield Logprobs(tuple(_hidden(tokens, self._key)), choice)

    def _parted(self, piece: Any) -> Event | None:
        """Return what is sure of a text, and hold back what must wait."""
        is_call = type(piece) is ToolCall
        name, number = ("arguments", "index") if is_call else ("text", "choice")
        where, more = (type(piece), getattr(piece, number)), getattr(piece, name)
        text = self._key.redact(self._held.pop(where, "") + more)
        size = self._key.begun_in(text)
        if size:
            self._held[where] = text[len(text) - size :]
        if size or text is not more:
            text = text[: len(text) - size]
            if not text and not is_call:
                return None
            piece = replace(piece, **{name: text})
        return self._cleaned(piece) if is_call else piece

    def _cleaned(self, event: Any) -> Event:
        """Return an event without the key in any of its texts."""
        values = {field.name: getattr(event, field.name) for field in fields(event)}
        clean = {name: without_key_in(one, self._key) for name, one in values.items()}
        made: Event = event if clean == values else replace(event, **clean)
        return made


def _hidden(tokens: list[dict[str, Any]], key: Key) -> Iterator[dict[str, Any]]:
    """Return tokens with a mark in place of each that is a part of the key."""
    text = "".join(as_text(token.get("token")) for token in tokens)
    begun = key.begun_in(text)
    cut_off = [(len(text) - begun, len(text))] if begun >= _TELLING else []
    places, at = [*key.places(text), *cut_off], 0
    for token in tokens:
        end = at + len(as_text(token.get("token")))
        is_part = any(at < last and end > first for first, last in places)
        yield {"token": _MARK} if is_part else without_key_in(token, key)
        at = end


def _as_bytes(values: list[Any] | tuple[Any, ...]) -> str:
    """Return the text that numbers are the bytes of; nothing of any other list."""
    are_bytes = all(type(one) is int and 0 <= one < 256 for one in values)
    return bytes(values).decode("latin-1") if are_bytes else ""


def _without(text: str, key: Key) -> str:
    """Return a text without the key, nor a good part of it where the text was cut."""
    text = key.redact(text)
    size = key.begun_in(text)
    return text[: len(text) - size] + _MARK if size >= _TELLING else text


_READ_OUT_S = 0.02
"""Longest wait for a body to end that has nothing more to say."""

_LONGEST_BODY_BYTES = 256 * 1024 * 1024
"""More than the longest reply of any model takes, log-probabilities and all."""

_COSTS = ("x-aimlapi-usd-spent", "x-litellm-response-cost")


def read_events(
    response: httpx.Response, settings: Settings, about: RequestInfo, deadline: Deadline
) -> Generator[Event, None, None]:
    """Yield the events of a response that succeeded."""
    encoding = encoding_of(response)
    if encoding not in ENCODINGS:
        raise about.failure("encoding", encoding=about.quote(encoding, 40))
    content_type = response.headers.get("content-type", "")
    reader = CompletionParser(about, content_type, settings["n"] or 1)
    body = _bounded(iter_decompressed(response), about)
    try:
        yield from _read(body, reader, settings, deadline)
    except NemotronError as error:
        error.request_id = error.request_id or request_id_of(response, about)
        raise
    said = [one for name in _COSTS if (one := response.headers.get(name))]
    costs = (read_usage({"cost": one}) for one in said)
    # Nought is no figure there.
    if cost := next((cost for cost in costs if cost.cost_usd), None):
        yield UsageReport(cost)


def _read(
    body: Iterator[bytes],
    reader: CompletionParser,
    settings: Settings,
    deadline: Deadline,
) -> Iterator[Event]:
    progress_s = deadline.clock_s()
    try:
        for data in body:
            events = reader.feed(data)
            now_s = deadline.clock_s()
            deadline.has_begun = deadline.has_begun or bool(events)
            if any(isinstance(event, PROGRESS) for event in events):
                progress_s = now_s
            yield from events
            if reader.done or reader.error is not None:
                break
            if reader.rest_s is not None:
                deadline.shorten(reader.rest_s)
                continue
            deadline.lift()
            if deadline.left_s <= 0:
                raise _too_slow(settings)
            limit = "progress_timeout_s" if settings["stream"] else "total_timeout_s"
            if now_s - progress_s > settings[limit]:
                raise _overdue("no new text came for", limit, settings)
    except (*FOREIGN, NemotronError) as error:
        yield from reader.close(broke_off=True)
        if not reader.is_finished:
            raise
        if not reader.chunks.has_usage:
            is_open = isinstance(error, httpx.TimeoutException)
            how = "stayed open" if is_open else "broke off"
            yield Notice(f"The connection {how} after the end; figures may be missing")
        return
    yield from reader.close()
    if reader.error is not None:
        raise reader.error
    # What is left is nothing; once it is read, the connection can be used again.
    deadline.shorten(_READ_OUT_S)
    with suppress(*FOREIGN):
        next(body, None)


def gap_limit(settings: Settings, about: RequestInfo, has_begun: bool) -> str:
    """Return the name of the setting that limits a silence of the service.

    Before a reply begins, a model may have to be loaded: on this machine from a disk.
    """
    if not settings["stream"] or (about.endpoint.is_loopback and not has_begun):
        return "total_timeout_s"
    return "gap_timeout_s" if has_begun else "progress_timeout_s"


def error_of_call(
    error: Exception, deadline: Deadline, about: RequestInfo, settings: Settings
) -> NemotronError:
    """Return our error for one of httpx's, or for the limit of time behind it."""
    is_read = isinstance(error, httpx.ReadTimeout)
    if (is_read or isinstance(error, httpx.WriteTimeout)) and deadline.left_s <= 0:
        return _too_slow(settings)
    if is_read and deadline.is_sent:
        limit = gap_limit(settings, about, deadline.has_begun)
        return _overdue(f"{about.host} fell silent for", limit, settings)
    return map_httpx_error(error, about, deadline.is_sent)


def _bounded(body: Iterator[bytes], about: RequestInfo) -> Iterator[bytes]:
    """Yield a body as it comes, but not without end."""
    size_bytes = 0
    for data in body:
        yield data
        size_bytes += len(data)
        if size_bytes > _LONGEST_BODY_BYTES:
            raise about.failure("endless", size_mib=size_bytes // 2**20)


def _too_slow(settings: Settings) -> NemotronError:
    return _overdue("the reply took longer than", "total_timeout_s", settings)


def _overdue(what: str, name: str, settings: Settings) -> NemotronError:
    return OutcomeUnknownError(
        f"{what} {settings[name]:g} s",
        "it may have been billed",
        f"Allow more: %config Nemotron.{name} = {settings[name] * 2:g}",
    )
