"""Parse the body of a response into events, in any server's dialect."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from nemotron_magic.client.chunks import ChunkParser, decode
from nemotron_magic.client.error_body import ServiceErrorBody
from nemotron_magic.client.http_errors import RequestInfo, error_for
from nemotron_magic.client.sse import (
    MAX_EVENT_BYTES,
    EventStreamDecoder,
    ServerSentEvent,
)
from nemotron_magic.core.errors import NemotronError, OutcomeUnknownError, ServiceError
from nemotron_magic.core.events import (
    Damaged,
    Event,
    Notice,
    Piece,
    ToolCall,
    Truncated,
)
from nemotron_magic.core.loose_json import JsonObject, as_dict, read_cut_json
from nemotron_magic.core.text import one_line, plural

_DONE_S = 0.5
"""Longest wait for more once the model is done and has told its figures."""

_FIGURES_S = 2.0
"""Longest wait for the figures once the model is done."""

_NEXT_S = 5.0
"""Longest wait where the first text came with a reason to stop, as all may."""

PROGRESS = (Piece, ToolCall)
"""The events that bring something that the user would miss."""

_LONGEST_WHOLE_BYTES = 2**20
_BLANK = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*")
_PREFIXES = re.compile(r"(?:\s*data:)+\s*")
_DONE = re.compile(r'"?\[DONE\]|"?DONE"?$', re.IGNORECASE)
_ALIVE = re.compile(r'"?(ping|pong|keep.?alive|heart.?beat|null|ok)"?', re.IGNORECASE)
_ONLY_REASONING = (
    "All of the reply came as reasoning, and no answer. Read it: _nemotron.reasoning"
)
_COMPATIBLE = (
    "Set base_url to its OpenAI-compatible address, which often ends in /v1: "
    "%config Nemotron.base_url = 'https://HOST/v1'"
)
_DOCTOR = "Is base_url right? %nemotron doctor"
_FIELD = re.compile(rb"(?:data|event|id|retry|error)?[ \t]?:")


def _is_whole(data: bytes) -> bool:
    """Return whether nothing can belong to an event, or a body, that has not ended."""
    if data[-1:] != b"}":
        return data == b"[DONE]"
    try:
        values = decode(data.decode())
        return bool(as_dict(values[-1]).keys() & {"choices", "error"})
    except (ValueError, RecursionError):
        return False


class CompletionParser:
    """Read one response body, fed as it arrives."""

    def __init__(self, about: RequestInfo, content_type: str = "", n: int = 1) -> None:
        self.error: NemotronError | None = None
        self.done = False
        self._about = about
        self._is_stream = "event-stream" in content_type.lower()
        self._decoder: EventStreamDecoder | None = None
        self._body = bytearray()
        self._n = n
        self._chunks = ChunkParser(about.model, n)
        self._is_quiet = False
        self._texts = 0
        self._payloads = 0
        self._unreadable = 0
        self._odd = ""
        self._is_cut = False

    @property
    def is_finished(self) -> bool:
        """Whether the model has said of all answers that they are done.

        It counts for nothing from a server that says so of each piece.
        """
        chunks = self._chunks
        return chunks.finished >= self._n and not chunks.is_contradicted

    @property
    def has_usage(self) -> bool:
        """Whether it has told what the call took."""
        return self._chunks.has_usage

    @property
    def rest_s(self) -> float | None:
        """Longest wait for what may come after the end, in seconds; None before it."""
        if not self.is_finished:
            return None
        if self._texts == 1 and not self._is_quiet:
            return _NEXT_S
        return _DONE_S if self.has_usage else _FIGURES_S

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes of the body; return the events that they complete."""
        events: list[Event] = []
        try:
            if self._decoder is None:
                data = self._sniff(data)
            if self._decoder is not None:
                self._take(self._decoder.feed(data), events)
                if not self.done and _is_whole(
                    self._decoder.pending(_LONGEST_WHOLE_BYTES)
                ):
                    self._take(self._decoder.close(), events)
            elif len(self._body) <= _LONGEST_WHOLE_BYTES:
                self.done = _is_whole(bytes(self._body.rstrip()))
        except NemotronError as error:
            self.error = error
        return events

    def close(self) -> list[Event]:
        """Take the end of the body; return what was held back and how it ended."""
        events: list[Event] = []
        if self.error is None and self._decoder is None:
            self._whole(events)
        else:
            self._end(events)
        events += self._chunks.close()
        if self.error is None:
            self._judge(events)
        return events

    def break_off(self) -> list[Event]:
        """Return what is there, also half an event, when no more will come."""
        events: list[Event] = []
        self._end(events)
        return events + self._chunks.close()

    def _end(self, events: list[Event]) -> None:
        """Read what has come of a last event, or of a body that is no stream."""
        self._is_cut = True
        if self.error is not None:
            return
        try:
            if self._decoder is not None:
                self._take(self._decoder.close(), events)
            elif not self.done:
                self._completion(self._text(), events)
        except NemotronError as error:
            self.error = error

    def _sniff(self, data: bytes) -> bytes:
        """Gather the first bytes until they tell a stream from a single object."""
        self._body += data
        # Servers pad a slow reply with blanks, to keep the connection alive.
        blank = _BLANK.match(self._body)
        at = blank.end() if blank else 0
        start = bytes(self._body[at : at + 64])
        looks_like_one = start[:1] in (b"{", b"[", b"<")
        if len(start) >= 8 or b"\n" in start:
            is_stream = bool(_FIELD.match(start)) or self._is_stream
            if is_stream and not looks_like_one:
                self._decoder = EventStreamDecoder()
                return bytes(self._body)
        if len(self._body) > MAX_EVENT_BYTES:
            raise ServiceError(
                f"{self._about.endpoint.netloc} sent more than a chat reply can be",
                f"{MAX_EVENT_BYTES // 2**20} MiB came, and no reply among them",
                _DOCTOR,
            )
        return b""

    def _take(self, sent: Iterable[ServerSentEvent], events: list[Event]) -> None:
        for event in sent:
            if self.done or self.error:
                return
            data = event.data
            if data[:1] != "{":
                data = _PREFIXES.sub("", data, count=1).strip()
            if data[:1] != "{" and _DONE.match(data):
                self.done = True
            elif event.name == "error":
                self._fail(ServiceErrorBody.read(data))
            elif data and not (self._payloads and _ALIVE.fullmatch(data)):
                self._payload(data, events)

    def _payload(self, data: str, events: list[Event]) -> None:
        self._payloads += 1
        try:
            chunks = decode(data)
        except (ValueError, RecursionError):
            chunks = [read_cut_json(data) if self._is_cut else None]
        if not self._read_all(chunks, events):
            self._skip(data)

    def _read_all(self, chunks: list[Any], events: list[Event]) -> bool:
        """Read values that ought to be chunks; return whether all of them are."""
        for chunk in chunks:
            if isinstance(chunk, list) and chunk:
                if not self._read_all(chunk, events):
                    return False
                continue
            if not isinstance(chunk, dict):
                return False
            self._read(chunk, events)
        return True

    def _read(self, chunk: JsonObject, events: list[Event]) -> None:
        chunks = self._chunks
        before, lost = chunks.pieces, chunks.lost
        events += chunks.read(chunk)
        self._is_quiet = chunks.pieces == before
        self._texts += not self._is_quiet
        if (chunks.is_odd or chunks.lost > lost) and not self._odd:
            self._odd = json.dumps(chunk, ensure_ascii=False)
        if chunks.is_plain:
            return
        complaint = ServiceErrorBody.in_reply(chunk)
        if complaint is not None:
            self._fail(complaint)

    def _skip(self, data: str) -> None:
        if self._payloads == 1:
            self.error = ServiceError(
                f"{self._about.endpoint.netloc} sent a stream that is no chat reply",
                f"it began: {one_line(self._about.redact(data), 200)}",
                _DOCTOR,
            )
        self._unreadable += 1

    def _fail(self, complaint: ServiceErrorBody) -> None:
        self.error = error_for(complaint.status or 0, complaint, self._about)
        # The service accepted the request before it failed: trying again may cost.
        self.error.final = True

    def _whole(self, events: list[Event]) -> None:
        """Read a body that was no stream."""
        text = self._text()
        if not text:
            return
        self._payloads += 1
        self._completion(text, events)
        if not self._chunks.said_something and self.error is None:
            self.error = self._not_a_reply(text)

    def _text(self) -> str:
        return bytes(self._body).decode("utf-8-sig", "replace").strip()

    def _completion(self, text: str, events: list[Event]) -> None:
        """Read a whole completion, or as much of one as there is."""
        try:
            found = decode(text)
            self.done = len(found) == 1 and isinstance(found[0], dict | list)
        except (ValueError, RecursionError):
            found = [read_cut_json(text)]
        self._read_all(found, events)

    def _not_a_reply(self, text: str) -> NemotronError:
        complaint = ServiceErrorBody.read(text)
        said = complaint.message if complaint.is_html else text
        hint = _DOCTOR
        if complaint.is_html:
            hint = "Does this network ask you to log in first? Else: %nemotron doctor"
        return ServiceError(
            f"{self._about.endpoint.netloc} answered, but not with a chat reply",
            f"it began: {one_line(self._about.redact(said), 200)}",
            hint,
            final=True,
        )

    def _judge(self, events: list[Event]) -> None:
        """Report how a body ended that had no error in it."""
        chunks = self._chunks
        if self._unreadable:
            pieces = plural(self._unreadable, "unreadable piece")
            events.append(Notice(f"{pieces} of the stream skipped"))
        if chunks.lost:
            parts = plural(chunks.lost, "part")
            events.append(Notice(f"{parts} of the reply in a shape that is not known"))
        if chunks.extra:
            more = plural(chunks.extra, "more answer")
            events.append(Notice(f"{more} came than asked for; the first is shown"))
        if self._odd and not chunks.pieces:
            self.error = OutcomeUnknownError(
                f"{self._about.endpoint.netloc} sent a reply that cannot be read",
                f"it began: {one_line(self._about.redact(self._odd), 80)}",
                _COMPATIBLE,
                final=True,
            )
        elif not chunks.said_something:
            self.error = OutcomeUnknownError(
                f"{self._about.endpoint.netloc} sent an empty reply",
                "it may have been billed all the same",
                "Ask again, with -c none if it is long, or see: %nemotron doctor",
            )
        elif not (self.done or chunks.finished):
            events.append(Truncated())
        elif self._unreadable or chunks.lost:
            events.append(Damaged())
        elif chunks.has_only_reasoning:
            events.append(Notice(_ONLY_REASONING))
