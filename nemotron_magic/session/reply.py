"""A reply as a value, accumulated from events, cached, or saved in a notebook."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from nemotron_magic.code.cells import cells_of
from nemotron_magic.context.prompt import ContextInfo, Message
from nemotron_magic.core import events, public
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.loose_json import as_dict, as_list, as_text, at_path
from nemotron_magic.core.text import LongText, sanitize_label, well_formed
from nemotron_magic.core.usage import Usage
from nemotron_magic.markdown.parser import CodeBlock, code_blocks

# Why a model stops that has said all it wanted to.
ORDINARY_REASONS = ("stop", "tool_calls", "function_call", "end_turn", "eos")
Ending = Literal["complete", "truncated", "damaged", "interrupted", "failed"]

_FORMAT = 1  # of what is kept: a later one never finds what an earlier one kept
_HOW_IT_TRAVELS = ("stream", "stream_options")
_MOST_BYTES = 100_000_000


def request_hash(
    base_url: str,
    model: str,
    messages: Sequence[Mapping[str, str]],
    parameters: Mapping[str, Any],
) -> str:
    """Return a name for a request: equal if and only if it asks for the same.

    Nothing of the request can be read from the name, and the key is not in it.
    """
    asked = {name: v for name, v in parameters.items() if name not in _HOW_IT_TRAVELS}
    asked_for = [_FORMAT, base_url, model, [dict(one) for one in messages], asked]
    text = json.dumps(asked_for, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


_NO_CONTEXT, _NO_USAGE = ContextInfo(), Usage()


@dataclass(slots=True)
class ReplyMetadata:
    """All that is known of a reply but its text; not frozen, as each row has one.

    `recalled` says where a reply was kept that is not new. What was not reported is
    estimated, also what a rehearsal would cost. `remarks` are on the code that was put
    in: `inserted` at `placed`. `appended` is our own Markdown below the reply, `shown`
    in place of it. `asked_at` is UTC, ISO 8601.
    """

    model: str = ""
    served_model: str = ""
    messages: tuple[Message, ...] = ()
    context_info: ContextInfo = _NO_CONTEXT
    parameters: Mapping[str, Any] = field(default_factory=dict)
    base_url: str = ""
    ending: Ending = "complete"
    finish_reason: str | None = None
    reasoning: str = ""
    refusal: str = ""
    choices: tuple[str, ...] = ()
    tool_calls: tuple[events.ToolCall, ...] = ()
    logprobs: tuple[dict[str, Any], ...] = ()
    usage: Usage = _NO_USAGE
    is_rehearsal: bool = False
    estimated_usage: Usage | None = None
    estimated_usd: float | None = None
    request_hash: str = ""
    recalled: events.CacheHit | None = None
    completion_id: str = ""
    request_id: str | None = None
    client_request_id: str = ""
    attempts: int = 0
    notices: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    appended: str = ""
    inserted: str = ""
    placed: str = ""
    value: Any = None
    shown: str = ""
    elapsed_s: float | None = None
    first_text_s: float | None = None
    asked_at: str = ""

    @property
    def body(self) -> dict[str, Any]:
        """The whole request, as it was sent."""
        sent = {"model": self.model, "messages": [*self.messages]}
        return {**sent, **self.parameters}


@public
class Reply(str):
    r"""A model's answer: the Markdown it wrote, as a string, with all that is known.

    Examples
    --------
    >>> reply = Reply("Use `sum`:\n\n```python\nsum([1, 2])\n```")
    >>> reply.code
    'sum([1, 2])\n'
    >>> reply.upper()[:3]
    'USE'
    """

    metadata: ReplyMetadata

    def __new__(cls, text: str = "", metadata: ReplyMetadata | None = None) -> Reply:
        """Make a reply of its Markdown source."""
        reply = super().__new__(cls, text)
        reply.metadata = metadata or ReplyMetadata()
        return reply

    @property
    def blocks(self) -> tuple[CodeBlock, ...]:
        """The fenced code blocks, in order."""
        return code_blocks(self)

    @property
    def code(self) -> str:
        """The Python code, as it can be run: no fences, no prompts, no outputs."""
        sources = [cell.source for cell in cells_of(self, ())]
        return "\n\n".join(sources) + "\n" if sources else ""

    @property
    def value(self) -> Any:
        """What was asked for with `as_` or `--as`, checked; None if nothing was."""
        return self.metadata.value

    @property
    def model(self) -> str:
        """The model that answered, or else the one that was asked."""
        return self.metadata.served_model or self.metadata.model

    @property
    def usage(self) -> Usage:
        """Tokens and cost; what is not known is None."""
        return self.metadata.usage

    @property
    def cost_usd(self) -> float | None:
        """What the service says it charged, in US dollars; None if it did not say."""
        return self.metadata.usage.cost_usd

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped, as the service gave it."""
        return self.metadata.finish_reason

    @property
    def is_whole(self) -> bool:
        """Whether the model itself ended it, or the length that it was allowed did."""
        known = self.metadata
        says_something = bool(self.strip() or known.tool_calls or known.refusal)
        ended_well = known.finish_reason in (*ORDINARY_REASONS, "length")
        return says_something and known.ending == "complete" and ended_well

    @property
    def is_cut_off(self) -> bool:
        """Whether it has a text that the model could go on with."""
        is_ended = self.is_whole and self.finish_reason != "length"
        return bool(self.strip()) and not is_ended

    @property
    def messages(self) -> tuple[Message, ...]:
        """What was sent, one mapping a message, keys `role` and `content`."""
        return self.metadata.messages

    @property
    def reasoning(self) -> str:
        """What the model thought before it answered; empty if it did not tell."""
        return self.metadata.reasoning

    @property
    def choices(self) -> tuple[str, ...]:
        """All answers when several were asked for."""
        return self.metadata.choices or (str(self),)


def partial_reply(error: NemotronError) -> Reply | None:
    """Return what had arrived of a reply before an error; None if nothing had."""
    return error.reply if isinstance(error.reply, Reply) else None


class ReplyAccumulator:
    """A reply that is being written; one that is `accepted` may be billed.

    It takes time linear in the text: a reply that is made again for every token would
    copy the text each time, 33 GB for 1 MB.
    """

    def __init__(self, metadata: ReplyMetadata | None = None) -> None:
        self._metadata = metadata
        self._known: dict[str, Any] = {}
        self._texts: defaultdict[int, LongText] = defaultdict(LongText)
        self._reasoning, self._refusal = LongText(), LongText()
        self._tools: dict[int, events.ToolCall] = {}
        self._logprobs: list[dict[str, Any]] = []
        self._notices: list[str] = []
        self.attempts, self.accepted = 0, False

    @property
    def has_text(self) -> bool:
        """Whether anything arrived that a user would miss."""
        return bool(self._texts[0] or self._reasoning or self._refusal or self._tools)

    @property
    def is_truncated(self) -> bool:
        """Whether the stream ended before the model said that it was done."""
        return self._known.get("ending") == "truncated"

    def add(self, event: events.Event) -> None:
        """Take in what happened."""
        if type(event) is events.Text:
            self._texts[event.choice].add(event.text)
        elif type(event) is not events.Reasoning:
            self._add_rare(event)
        elif event.choice == 0:
            self._reasoning.add(event.text)

    def reply(self, **known: Any) -> Reply:
        """Return the reply as it stands, with `known` details put in."""
        texts = [self._texts[choice] for choice in sorted({0, *self._texts})]
        choices = tuple(well_formed(str(text)) for text in texts)
        known |= self._known | {
            "reasoning": well_formed(str(self._reasoning)).strip("\n"),
            "refusal": well_formed(str(self._refusal)),
            "choices": choices if len(choices) > 1 else (),
            "tool_calls": tuple(self._tools[i] for i in sorted(self._tools)),
            "logprobs": tuple(self._logprobs),
            "notices": tuple(self._notices),
            "attempts": self.attempts,
        }
        # Rows have none, as they are many.
        about = replace(self._metadata, **known) if self._metadata else None
        return Reply(choices[0], about or ReplyMetadata(**known))

    def _add_rare(self, event: events.Event) -> None:
        known = self._known
        match event:
            case events.Sent(client_request_id):
                self.attempts += 1
                known["client_request_id"] = client_request_id
            case events.Answered(status, request_id):
                self.accepted = 200 <= status < 300
                known["request_id"] = request_id
            case events.ModelInfo(model, completion_id):
                known |= {"served_model": model, "completion_id": completion_id}
            case events.Finish(reason, 0):
                known["finish_reason"] = reason
            case events.UsageReport(usage):
                before = known.get("usage")
                known["usage"] = before.updated(usage) if before else usage
            case events.TextWasReasoning(reasoning, choice):
                self._texts[choice] = LongText()
                self._reasoning.add(reasoning if choice == 0 else "")
            case events.Refusal(text, 0):
                self._refusal.add(text)
            case events.ToolCall(index, call_id, name, more):
                old = self._tools.get(index, events.ToolCall(index))
                whole = (old.call_id or call_id, old.name or name, old.arguments + more)
                self._tools[index] = events.ToolCall(index, *whole)
            case events.Logprobs(content, 0):
                self._logprobs += content
            case events.Notice(text):
                self._notices.append(text)
            case events.Retry(why):
                self._notices.append(f"{why}; asked again")
            case events.CacheHit():
                known |= {"recalled": event, "usage": Usage(0, 0, 0, 0, 0.0)}
            case events.Truncated() | events.Damaged():
                known["ending"] = type(event).__name__.lower()


@dataclass(frozen=True, slots=True)
class CachedReply:
    """A reply that is kept on `disk` or in a `notebook`, as `source` says.

    `texts` are several answers if several were asked for; `asked_at` is ISO 8601.
    """

    source: str
    texts: tuple[str, ...]
    model: str = ""
    finish_reason: str | None = None
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[events.ToolCall, ...] = ()
    logprobs: tuple[dict[str, Any], ...] = ()
    usage: Usage = field(default_factory=Usage)
    asked_at: str = ""

    @classmethod
    def of(cls, reply: Reply) -> CachedReply:
        """Return what is kept of a reply."""
        known = attrgetter(*[one.name for one in fields(cls)][3:])(reply.metadata)
        return cls("disk", reply.choices, reply.metadata.served_model, *known)

    def events(self) -> Iterator[events.Event]:
        """Yield the events a service would, marked as not new."""
        # As careful as with a service: a notebook's file may come from anyone.
        yield events.CacheHit(self.source, self.usage, sanitize_label(self.asked_at))
        # Which model it was only a service can tell, and our own notes of it.
        model = self.model if self.source == "disk" else ""
        yield events.ModelInfo(sanitize_label(model))
        if self.reasoning:
            yield events.Reasoning(self.reasoning)
        for choice, text in enumerate(self.texts):
            yield events.Text(text, choice)
        if self.refusal:
            yield events.Refusal(self.refusal)
        yield from self.tool_calls
        if self.logprobs:
            yield events.Logprobs(self.logprobs)
        if self.finish_reason:
            yield events.Finish(sanitize_label(self.finish_reason))

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> CachedReply | None:
        """Read it; None if it cannot be read, whatever the reason."""
        try:
            known = json.loads(text)
            known["texts"] = tuple(map(str, known["texts"]))
            tools = known["tool_calls"]
            known["tool_calls"] = tuple(events.ToolCall(**one) for one in tools)
            known["logprobs"] = tuple(map(dict, known["logprobs"]))
            known["usage"] = Usage.from_dict(known["usage"])
            return cls(**known)
        except (ValueError, TypeError, KeyError, RecursionError):
            return None


def saved_replies(text: str) -> dict[str, CachedReply]:
    """Return the whole replies in a notebook's JSON, by the name of their request."""
    found: dict[str, CachedReply] = {}
    with suppress(ValueError, RecursionError):
        for cell in as_list(as_dict(json.loads(text)).get("cells")):
            for output in as_list(at_path(cell, "outputs")):
                about = as_dict(at_path(output, "metadata.nemotron"))
                reply = _saved(output, about)
                if reply and (name := as_text(about.get("request_hash"))):
                    found[name] = reply
    return found


def _saved(output: Any, about: dict[str, Any]) -> CachedReply | None:
    """Return the reply, if all of it is in the output: a text that ended well."""
    plain = at_path(output, "data.text/plain")
    text = "".join(map(as_text, plain if isinstance(plain, list) else [plain]))
    size = about.get("characters")
    if not isinstance(size, int) or not 0 < size <= len(text):
        return None
    # A reply that was itself recalled says what it cost when it was new.
    asked = as_dict(about.get("cached")) or about
    return CachedReply(
        "notebook",
        (text[:size],),
        as_text(about.get("served_model")),
        as_text(about.get("finish_reason")) or None,
        usage=Usage.from_dict(asked.get("usage")),
        asked_at=as_text(asked.get("asked_at")),
    )


class NotebookReplyCache:
    """Reads the replies in the file at `path()`, again only when it has changed.

    What was seen once stays known: running a cell again empties its output on disk.
    """

    def __init__(self, path: Callable[[], str]) -> None:
        self._path = path
        self._seen: tuple[str, int, int] = ("", 0, 0)
        self._known: dict[str, CachedReply] = {}

    def find(self, request: str) -> CachedReply | None:
        """Return the reply to a request, or None."""
        path = self._path()
        with suppress(OSError):
            found = Path(path).stat()
            now = (path, found.st_mtime_ns, found.st_size)
            if path and now != self._seen and found.st_size <= _MOST_BYTES:
                text = Path(path).read_text("utf-8", "replace")
                self._known |= saved_replies(text)
                self._seen = now
        return self._known.get(request)
