"""Parse the body of a response into events, in any server's dialect."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from nemotron_magic.client.chunks import ChunkParser, decode
from nemotron_magic.client.http_errors import RequestInfo, ServiceErrorBody, error_for
from nemotron_magic.client.sse import (
    LONGEST_WHOLE_BYTES,
    MAX_EVENT_BYTES,
    EventStreamDecoder,
    ServerSentEvent,
)
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.events import (
    Damaged,
    Event,
    Notice,
    Piece,
    ToolCall,
    Truncated,
)
from nemotron_magic.core.loose_json import JsonObject, as_dict, read_cut_json
from nemotron_magic.core.text import plural

_NEXT_S, _FIGURES_S, _DONE_S = 5.0, 2.0, 0.5
"""Longest waits after a reason to stop: where it came with the first text, as with all
perhaps; for the figures; and once they are told."""

PROGRESS = (Piece, ToolCall)
"""The events that bring something that the user would miss."""

# Servers pad a slow reply with blanks, to keep the connection alive.
_START = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*(.{0,64})", re.DOTALL)
_FIELD = re.compile(rb"(?:data|event|id|retry|error)?[ \t]?:")
_PREFIXES = re.compile(r"(?:\s*data:)+\s*")
_DONE = re.compile(r'"?\[DONE\]|"?DONE"?$', re.IGNORECASE)
_ALIVE = re.compile(r'"?(ping|pong|keep.?alive|heart.?beat|null|ok)"?', re.IGNORECASE)
_ONLY_REASONING = (
    "All of the reply came as reasoning, and no answer. Read it: _nemotron.reasoning"
)


def _is_whole(data: bytes) -> bool:
    """Return whether nothing can belong to an event, or a body, that has not ended."""
    if data[-1:] != b"}":
        return data == b"[DONE]"
    with suppress(ValueError, RecursionError):
        last = as_dict(decode(data.decode())[-1])
        return not last.keys().isdisjoint(("choices", "error"))
    return False


class CompletionParser:
    """Read one response body, fed as it arrives."""

    def __init__(self, about: RequestInfo, content_type: str = "", n: int = 1) -> None:
        self.error: NemotronError | None = None
        self.done = False
        self.chunks = ChunkParser(about.model, n)
        self._about = about
        self._is_stream = "event-stream" in content_type.lower()
        self._decoder: EventStreamDecoder | None = None
        self._body = bytearray()
        self._n = n
        self._texts = self._payloads = self._unreadable = 0
        self._is_quiet = self._is_closed = False
        self._odd = ""
        self._events: list[Event] = []

    @property
    def is_finished(self) -> bool:
        """Whether the model has said of all answers that they are done.

        It counts for nothing from a server that says so of each piece.
        """
        return len(self.chunks.finishes) >= self._n and not self.chunks.is_contradicted

    @property
    def rest_s(self) -> float | None:
        """Longest wait for what may come after the end, in seconds; None before it."""
        if not self.is_finished:
            return None
        if self._texts == 1 and not self._is_quiet:
            return _NEXT_S
        return _DONE_S if self.chunks.has_usage else _FIGURES_S

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes of the body; return the events that they complete."""
        self._events = []
        try:
            if self._decoder is None:
                data = self._sniff(data)
            if self._decoder is not None:
                self._take(self._decoder.feed(data))
                if not self.done and _is_whole(self._decoder.pending()):
                    self._take(self._decoder.close())
            elif len(self._body) <= LONGEST_WHOLE_BYTES:
                self.done = _is_whole(bytes(self._body.rstrip()))
        except NemotronError as error:
            self.error = error
        return self._events

    def close(self, broke_off: bool = False) -> list[Event]:
        """Take the end of the body; return what was held back and how it ended.

        What broke off says nothing of its end, and half an event may be left.
        """
        self._events = []
        self._is_closed = True
        try:
            if self._decoder is not None and self.error is None:
                self._take(self._decoder.close())
            elif self.error is None:
                self._whole()
        except NemotronError as error:
            self.error = error
        self._events += self.chunks.close()
        if self.error is None and not broke_off:
            self._judge()
        return self._events

    def _sniff(self, data: bytes) -> bytes:
        """Gather the first bytes until they tell a stream from a single object."""
        self._body += data
        start = next(_START.finditer(self._body))[1]
        if len(start) >= 8 or b"\n" in start:
            is_stream = self._is_stream or _FIELD.match(start)
            if is_stream and start[:1] not in (b"{", b"[", b"<"):
                self._decoder = EventStreamDecoder()
                return bytes(self._body)
        if len(self._body) > MAX_EVENT_BYTES:
            size_mib = MAX_EVENT_BYTES // 2**20
            raise self._about.failure("no_reply_ends", size_mib=size_mib)
        return b""

    def _take(self, sent: Iterable[ServerSentEvent]) -> None:
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
                self._payload(data)

    def _whole(self) -> None:
        """Read a body that was no stream, or as much of one as there is."""
        text = bytes(self._body).decode("utf-8-sig", "replace").strip()
        if text:
            self._payload(text)
        if text and not self.chunks.said_something and self.error is None:
            self._refuse(text)

    def _payload(self, data: str) -> None:
        self._payloads += 1
        try:
            chunks = decode(data)
            if self._decoder is None:
                self.done = len(chunks) == 1 and isinstance(chunks[0], dict | list)
        except (ValueError, RecursionError):
            chunks = [read_cut_json(data) if self._is_closed else None]
        if not self._read_all(chunks):
            self._unreadable += 1
            if self._payloads == 1 and not self.chunks.said_something:
                self._refuse(data)

    def _read_all(self, chunks: list[Any]) -> bool:
        """Read values that ought to be chunks; return whether all of them are."""
        for chunk in chunks:
            if isinstance(chunk, dict):
                self._read(chunk)
            elif not (isinstance(chunk, list) and chunk and self._read_all(chunk)):
                return False
        return True

    def _read(self, chunk: JsonObject) -> None:
        chunks = self.chunks
        before, lost = chunks.pieces, chunks.lost
        self._events += chunks.read(chunk)
        self._is_quiet = chunks.pieces == before
        self._texts += not self._is_quiet
        if (chunks.is_odd or chunks.lost > lost) and not self._odd:
            self._odd = json.dumps(chunk, ensure_ascii=False)
        if not chunks.is_plain and (complaint := ServiceErrorBody.in_reply(chunk)):
            self._fail(complaint)

    def _fail(self, complaint: ServiceErrorBody) -> None:
        self.error = error_for(complaint.status or 0, complaint, self._about)
        # The service accepted the request before it failed: trying again may cost.
        self.error.final = True

    def _refuse(self, text: str) -> None:
        """Fail because a body is no reply."""
        case, began = "no_stream", text
        if self._decoder is None:
            page = ServiceErrorBody.read(text)
            case = "page" if page.is_html else "no_reply"
            began = page.message if page.is_html else text
        self.error = self._about.failure(case, began=self._about.quote(began, 200))

    def _judge(self) -> None:
        """Report how a body ended that had no error in it."""
        chunks = self.chunks
        for number, what, fault in (
            (self._unreadable, "unreadable piece", "of the stream skipped"),
            (chunks.lost, "part", "of the reply in a shape that is not known"),
            (chunks.extra, "more answer", "came than asked for; the first is shown"),
        ):
            if number:
                self._events.append(Notice(f"{plural(number, what)} {fault}"))
        if self._odd and not chunks.pieces:
            began = self._about.quote(self._odd, 80)
            self.error = self._about.failure("unreadable", began=began)
        elif not chunks.said_something:
            self.error = self._about.failure("empty")
        elif not (self.done or chunks.finishes):
            self._events.append(Truncated())
        elif self._unreadable or chunks.lost:
            self._events.append(Damaged())
        elif chunks.has_only_reasoning:
            self._events.append(Notice(_ONLY_REASONING))
