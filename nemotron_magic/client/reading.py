"""One response being read: its events, within the time that it may take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import httpx

from nemotron_magic.client.http import FOREIGN, request_id_of
from nemotron_magic.dialect import ReplyReader
from nemotron_magic.errors import NemotronError, OutcomeUnknown
from nemotron_magic.events import (
    Event,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    UsageReport,
)
from nemotron_magic.refusal import Asked
from nemotron_magic.settings import Settings
from nemotron_magic.text import one_line
from nemotron_magic.usage import Usage

__all__ = ["events_of", "is_progress"]

_ENCODINGS = frozenset({"", "identity", "gzip", "deflate", "br", "zstd"})
_PROGRESS = (Text, Reasoning, Refusal, ToolCall)


def is_progress(event: Event) -> bool:
    """Tell whether an event brings something that the user would miss."""
    return isinstance(event, _PROGRESS)


def events_of(
    response: httpx.Response,
    settings: Settings,
    about: Asked,
    clock_s: Callable[[], float],
) -> Iterator[Event]:
    """Give the events of a response that succeeded.

    Raises
    ------
    NemotronError
        After the events that came before it.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise OutcomeUnknown(
            f"{about.endpoint.netloc} sent a reply in another encoding than asked for",
            f"it is called {one_line(about.redact(encoding), 40)}",
            "It may have been billed all the same. %nemotron doctor",
        )
    reader = ReplyReader(about, response.headers.get("content-type", ""))
    try:
        yield from _read(response, reader, settings, clock_s)
    except NemotronError as error:
        error.request_id = error.request_id or request_id_of(response, about)
        raise
    yield from _cost_in(response.headers)


def _read(
    response: httpx.Response,
    reader: ReplyReader,
    settings: Settings,
    clock_s: Callable[[], float],
) -> Iterator[Event]:
    started_s = progress_s = clock_s()
    streams = settings["stream"]
    most_s, longest_s = settings["total_timeout_s"], settings["progress_timeout_s"]
    try:
        for data in response.iter_bytes():
            events = reader.feed(data)
            now_s = clock_s()
            if not streams or any(map(is_progress, events)):
                progress_s = now_s
            yield from events
            if reader.done or reader.error is not None:
                break
            if now_s - started_s > most_s or now_s - progress_s > longest_s:
                _check_time(now_s - started_s, now_s - progress_s, settings)
    except (*FOREIGN, NemotronError):
        yield from reader.break_off()
        raise
    yield from reader.close()
    if reader.error is not None:
        raise reader.error


def _check_time(total_s: float, idle_s: float, settings: Settings) -> None:
    for name, passed_s, what in (
        ("total_timeout_s", total_s, "the reply took longer than {:g} s"),
        ("progress_timeout_s", idle_s, "no new text came for {:g} s"),
    ):
        if passed_s > settings[name]:
            raise OutcomeUnknown(
                what.format(settings[name]),
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
