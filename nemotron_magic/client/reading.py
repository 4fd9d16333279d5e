"""One response being read: its events, within the time that it may take."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress

import httpx

from nemotron_magic.client.deadline import Deadline
from nemotron_magic.client.http import FOREIGN
from nemotron_magic.client.refused import request_id_of
from nemotron_magic.client.unpack import ENCODINGS, body_of, encoding_of
from nemotron_magic.dialect import ReplyReader
from nemotron_magic.errors import ASK_AGAIN, NemotronError, OutcomeUnknown
from nemotron_magic.events import (
    Event,
    Notice,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    UsageReport,
)
from nemotron_magic.refusal import About
from nemotron_magic.settings import Settings
from nemotron_magic.text import one_line
from nemotron_magic.usage import Usage

__all__ = ["events_of", "is_progress", "late"]

_AFTER_FINISH_S = 5.0
"""Longest wait for figures once the model has said that it is done."""

_READ_OUT_S = 0.02
"""Longest wait for a body to end that has nothing more to say."""

_LONGEST_BODY_BYTES = 256 * 1024 * 1024
"""More than the longest reply of any model takes, log-probabilities and all."""

_PROGRESS = (Text, Reasoning, Refusal, ToolCall)


def is_progress(event: Event) -> bool:
    """Tell whether an event brings something that the user would miss."""
    return isinstance(event, _PROGRESS)


def events_of(
    response: httpx.Response,
    settings: Settings,
    about: About,
    clock_s: Callable[[], float],
    deadline: Deadline,
) -> Generator[Event, None, None]:
    """Give the events of a response that succeeded.

    Raises
    ------
    NemotronError
        After the events that came before it.
    """
    encoding = encoding_of(response)
    if encoding not in ENCODINGS:
        raise OutcomeUnknown(
            f"{about.endpoint.netloc} sent a reply in another encoding than asked for",
            f"it is called {one_line(about.redact(encoding), 40)}",
            "It may have been billed all the same. %nemotron doctor",
        )
    reader = ReplyReader(about, response.headers.get("content-type", ""))
    try:
        yield from _read(response, reader, settings, clock_s, deadline)
    except NemotronError as error:
        error.request_id = error.request_id or request_id_of(response, about)
        raise
    yield from _cost_in(response.headers)


def _read(
    response: httpx.Response,
    reader: ReplyReader,
    settings: Settings,
    clock_s: Callable[[], float],
    deadline: Deadline,
) -> Iterator[Event]:
    progress_s = clock_s()
    streams, longest_s = settings["stream"], settings["progress_timeout_s"]
    body = _bounded(body_of(response))
    try:
        for data in body:
            events = reader.feed(data)
            now_s = clock_s()
            if not streams or any(map(is_progress, events)):
                progress_s = now_s
            yield from events
            if reader.done or reader.error is not None:
                break
            if reader.finished >= (settings["n"] or 1):
                deadline.shorten(_AFTER_FINISH_S)
            elif slow := _too_slow(deadline, settings):
                raise slow
            if now_s - progress_s > longest_s:
                raise _overdue("no new text came for", "progress_timeout_s", settings)
    except (*FOREIGN, NemotronError):
        yield from reader.break_off()
        if reader.finished < (settings["n"] or 1):
            raise
        yield Notice("The connection broke off after the end; figures may be missing")
        return
    yield from reader.close()
    if reader.error is not None:
        raise reader.error
    _read_out(body, deadline)


def _read_out(body: Iterator[bytes], deadline: Deadline) -> None:
    """Read what is left, which is nothing, so that the connection can be used again."""
    deadline.shorten(_READ_OUT_S)
    with suppress(*FOREIGN):
        next(body, None)


def _too_slow(deadline: Deadline, settings: Settings) -> NemotronError | None:
    """Give the error of a call whose time is over; None while it is not."""
    if deadline.left_s > 0:
        return None
    return _overdue("the reply took longer than", "total_timeout_s", settings)


def late(
    error: Exception, deadline: Deadline, about: About, settings: Settings
) -> NemotronError | None:
    """Give the error of a call that ran into one of its limits; None of any other."""
    if not isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
        return None
    if slow := _too_slow(deadline, settings):
        return slow
    if isinstance(error, httpx.WriteTimeout) or not deadline.is_sent:
        return None
    what = f"{about.endpoint.netloc} fell silent for"
    return _overdue(what, "gap_timeout_s", settings)


def _bounded(body: Iterator[bytes]) -> Iterator[bytes]:
    """Give a body as it comes, but not without end."""
    size_bytes = 0
    for data in body:
        yield data
        size_bytes += len(data)
        if size_bytes > _LONGEST_BODY_BYTES:
            raise OutcomeUnknown(
                f"the reply has no end: {size_bytes // 2**20} MiB came",
                "what came before is kept; it may have been billed",
                ASK_AGAIN,
            )


def _overdue(what: str, name: str, settings: Settings) -> NemotronError:
    return OutcomeUnknown(
        f"{what} {settings[name]:g} s",
        "it may have been billed",
        f"Allow more: %config Nemotron.{name} = {settings[name] * 2:g}",
    )


def _cost_in(headers: Mapping[str, str]) -> Iterator[Event]:
    """Give the cost that stands in a header when the reply was no stream."""
    try:
        usd_spent = float(headers.get("x-aimlapi-usd-spent", ""))
    except ValueError:
        return
    yield UsageReport(Usage.from_wire(None, {"usage": {"usd_spent": usd_spent}}))
