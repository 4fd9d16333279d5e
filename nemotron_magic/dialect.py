"""The body of a response to events, in the dialect of any server.

The service is a router, so one reply may come in the shape of OpenAI, OpenRouter, vLLM,
llama.cpp, LiteLLM, NVIDIA or a translated Anthropic stream. Nothing here validates a
chunk: captured streams of the service do not fit its own published schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from nemotron_magic.cut_json import read_cut_json
from nemotron_magic.errors import NemotronError, OutcomeUnknown, ServiceError
from nemotron_magic.events import (
    Event,
    Finish,
    Logprobs,
    Notice,
    Reasoning,
    Refusal,
    Served,
    ToolCall,
    Truncated,
    UsageReport,
)
from nemotron_magic.refusal import Asked, Complaint, error_for
from nemotron_magic.stream import MAX_EVENT_BYTES, EventStreamDecoder, ServerSentEvent
from nemotron_magic.text import as_name, one_line
from nemotron_magic.thinking import ThinkTags, may_start_inside
from nemotron_magic.usage import Usage

__all__ = ["ReplyReader"]

_BLANK = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*")
_PLAIN = frozenset({"role", "content"})
_read_json = json.JSONDecoder().decode
_FIELD = re.compile(rb"(?:data|event|id|retry|error)?[ \t]?:")
_Object = dict[str, Any]


class ReplyReader:
    """Read one response body, fed as it arrives.

    Whether it is a stream or one JSON object is decided by its first bytes, since some
    servers ignore what was asked and mislabel what they send.

    Parameters
    ----------
    asked : Asked
        What error messages may mention.
    content_type : str
        As the response names it; may be empty.

    Attributes
    ----------
    error : NemotronError or None
        What the body said went wrong; to be raised once the events before it are used.
    done : bool
        Whether the reply is over, so that the rest of the body need not be read.
    """

    def __init__(self, asked: Asked, content_type: str = "") -> None:
        self.error: NemotronError | None = None
        self.done = False
        self._asked = asked
        self._is_stream = "event-stream" in content_type.lower()
        self._decoder: EventStreamDecoder | None = None
        self._body = bytearray()
        self._chunks = _Chunks(asked)
        self._payloads = 0
        self._unreadable = 0
        self._is_cut = False

    @property
    def finished(self) -> int:
        """How many of the answers the model has said to be done."""
        return self._chunks.finished

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes of the body; give the events that they complete."""
        events: list[Event] = []
        try:
            if self._decoder is None:
                data = self._sniff(data)
            if self._decoder is not None:
                self._take(self._decoder.feed(data), events)
        except NemotronError as error:
            self.error = error
        return events

    def close(self) -> list[Event]:
        """Take the end of the body; give what was held back and how it ended."""
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
        """Give what is there, also half an event, when no more will come than this."""
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
                f"{self._asked.endpoint.netloc} sent more than a chat reply can be",
                f"{MAX_EVENT_BYTES // 2**20} MiB came, and no reply among them",
                "Is base_url right? %nemotron doctor",
            )
        return b""

    def _take(self, sent: Iterable[ServerSentEvent], events: list[Event]) -> None:
        for event in sent:
            if self.done or self.error:
                return
            data = event.data
            if data[:1] == "{" and event.name != "error":
                self._payload(data, events)
            elif data.strip().startswith("[DONE]"):
                self.done = True
            elif event.name == "error":
                self._fail(Complaint.read(data))
            elif data.strip():
                self._payload(data, events)

    def _payload(self, data: str, events: list[Event]) -> None:
        self._payloads += 1
        try:
            chunk = _read_json(data)
        except (ValueError, RecursionError):
            chunk = read_cut_json(data) if self._is_cut else None
        if not isinstance(chunk, dict):
            self._skip(data)
            return
        self._chunks.read(chunk, events)
        self._look_for_error(chunk)

    def _skip(self, data: str) -> None:
        if self._payloads == 1:
            self.error = ServiceError(
                f"{self._asked.endpoint.netloc} sent a stream that is no chat reply",
                f"it began: {one_line(self._asked.redact(data), 200)}",
                "Is base_url right? %nemotron doctor",
            )
        self._unreadable += 1

    def _look_for_error(self, chunk: _Object) -> None:
        is_flat = "choices" not in chunk and (
            chunk.get("object") == "error"
            or ("message" in chunk and ("statusCode" in chunk or "code" in chunk))
            or ("status" in chunk and ("title" in chunk or "detail" in chunk))
        )
        if chunk.get("error") not in (None, "", False) or is_flat:
            self._fail(Complaint.of(chunk))

    def _fail(self, complaint: Complaint) -> None:
        self.error = error_for(complaint.status or 0, complaint, self._asked)
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
            completion = json.loads(text)
            self.done = isinstance(completion, dict)
        except (ValueError, RecursionError):
            completion = read_cut_json(text)
        if isinstance(completion, dict):
            self._chunks.read(completion, events)
            self._look_for_error(completion)

    def _not_a_reply(self, text: str) -> NemotronError:
        complaint = Complaint.read(text)
        said = complaint.message if complaint.is_html else text
        todo = "Is base_url right? %nemotron doctor"
        if complaint.is_html:
            todo = "Does this network ask you to log in first? Else: %nemotron doctor"
        return ServiceError(
            f"{self._asked.endpoint.netloc} answered, but not with a chat reply",
            f"it began: {one_line(self._asked.redact(said), 200)}",
            todo,
            final=True,
        )

    def _judge(self, events: list[Event]) -> None:
        """Say how a body ended that told of no error."""
        if self._unreadable:
            s = "s" if self._unreadable > 1 else ""
            skipped = f"{self._unreadable} unreadable piece{s} of the stream skipped"
            events.append(Notice(skipped))
        if not self._chunks.said_something:
            self.error = OutcomeUnknown(
                f"{self._asked.endpoint.netloc} sent an empty reply",
                "it may have been billed all the same",
                "Run the cell again, or see: %nemotron doctor",
            )
        elif not (self.done or self._chunks.finished):
            events.append(Truncated())


class _Chunks:
    """Read chunks of a stream, or one whole completion: they differ in one name."""

    def __init__(self, asked: Asked) -> None:
        self.said_something = False
        self._orphans = may_start_inside(asked.model)
        self._tags: dict[int, ThinkTags] = {}
        self._served = False
        self._finishes: dict[int, str] = {}

    @property
    def finished(self) -> int:
        """How many choices have been given a reason for their end."""
        return len(self._finishes)

    def read(self, chunk: _Object, events: list[Event]) -> None:
        """Append what `chunk` tells to `events`."""
        if not self._served and chunk.get("model"):
            self._served = True
            model, reply_id = str(chunk["model"]), str(chunk.get("id") or "")
            events.append(Served(as_name(model), as_name(reply_id)))
        for choice in _objects(chunk.get("choices")):
            self._choice(choice, events)
        if chunk.get("usage") or chunk.get("meta"):
            usage = Usage.from_wire(chunk.get("usage"), chunk.get("meta"))
            events.append(UsageReport(usage))

    def close(self) -> list[Event]:
        """Give what was held back because it might have become a tag."""
        return [event for tags in self._tags.values() for event in tags.close()]

    def _choice(self, choice: _Object, events: list[Event]) -> None:
        index = choice.get("index")
        index = index if isinstance(index, int) else 0
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._delta(delta, index, events)
        logprobs = choice.get("logprobs")
        tokens = _objects(logprobs.get("content")) if isinstance(logprobs, dict) else ()
        if tokens:
            events.append(Logprobs(tuple(tokens), index))
        reason = choice.get("finish_reason")
        if reason and self._finishes.get(index) != reason:
            self._finishes[index] = reason
            self.said_something = True
            events.append(Finish(as_name(str(reason)), index))

    def _delta(self, delta: _Object, index: int, events: list[Event]) -> None:
        content = delta.get("content")
        if not delta.keys() <= _PLAIN:
            self._others(delta, index, events)
        if not isinstance(content, str):
            content = _parts(content)
        if not content:
            return
        self.said_something = True
        tags = self._tags.get(index)
        if tags is None:
            tags = self._tags[index] = ThinkTags(self._orphans, index)
        events += tags.feed(content)

    def _others(self, delta: _Object, index: int, events: list[Event]) -> None:
        reasoning = _reasoning(delta)
        if reasoning:
            self.said_something = True
            self._orphans = False
            events.append(Reasoning(reasoning, index))
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self.said_something = True
            events.append(Refusal(refusal, index))
        for position, call in enumerate(_objects(delta.get("tool_calls"))):
            self.said_something = True
            if index == 0:
                events.append(_tool_call(call, position))


def _objects(value: Any) -> list[_Object]:
    """Give the objects of a list; nothing of anything else."""
    if not isinstance(value, list):
        return []
    return [one for one in value if isinstance(one, dict)]


def _reasoning(delta: _Object) -> str:
    """Give the reasoning, which one chunk may hold up to three times, once."""
    for name in ("reasoning", "reasoning_content"):
        text = delta.get(name)
        if text and isinstance(text, str):
            return text
    return _parts(delta.get("reasoning_details"))


def _parts(value: Any) -> str:
    """Give the text of a list of `{type, text}` parts; nothing of anything else."""
    if not value:
        return ""
    texts = (part.get("text") for part in _objects(value))
    return "".join(text for text in texts if isinstance(text, str))


def _tool_call(call: _Object, position: int) -> ToolCall:
    index = call.get("index")
    function = call.get("function") or call.get("custom") or {}
    function = function if isinstance(function, dict) else {}
    return ToolCall(
        index if isinstance(index, int) else position,
        str(call.get("id") or ""),
        str(function.get("name") or ""),
        _as_text(function.get("arguments") or function.get("input") or ""),
    )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
