"""Replies from the cache and from a notebook's saved outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from nemotron_magic.core import events
from nemotron_magic.core.loose_json import (
    JsonObject,
    as_dict,
    as_list,
    as_text,
    at_path,
)
from nemotron_magic.core.text import sanitize_label
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.reply import Reply


@dataclass(frozen=True, slots=True)
class CachedReply:
    """A reply that is kept on `disk` or in a `notebook`, as `source` says.

    `texts` are several answers if several were asked for; `asked_at` is in UTC, ISO
    8601.
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
        about, kept = reply.metadata, [one.name for one in fields(cls)][3:]
        known = {name: getattr(about, name) for name in kept}
        return cls("disk", reply.choices, about.served_model, **known)

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
    """Read the whole replies in a notebook's JSON, by the name of their request.

    What is not as it should be is passed over.
    """
    found: dict[str, CachedReply] = {}
    with suppress(ValueError, RecursionError):
        for cell in as_list(as_dict(json.loads(text)).get("cells")):
            for output in as_list(as_dict(cell).get("outputs")):
                about = as_dict(at_path(output, "metadata.nemotron"))
                reply = _saved(output, about)
                if reply and (name := as_text(about.get("request_hash"))):
                    found[name] = reply
    return found


def _saved(output: Any, about: JsonObject) -> CachedReply | None:
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


_MOST_BYTES = 100_000_000


class NotebookReplyCache:
    """Reads the replies in the notebook's file, again only when it has changed.

    What has been seen in it once stays known: running a cell again empties its output,
    and the file is saved meanwhile. `path` returns where the file is, or "".
    """

    def __init__(self, path: Callable[[], str]) -> None:
        self._path = path
        self._seen: tuple[str, int, int] = ("", 0, 0)
        self._known: dict[str, CachedReply] = {}

    def find(self, request: str) -> CachedReply | None:
        """Return the reply to a request, or None."""
        if path := self._path():
            with suppress(OSError):
                self._read(Path(path))
        return self._known.get(request)

    def _read(self, path: Path) -> None:
        found = path.stat()
        now = (str(path), found.st_mtime_ns, found.st_size)
        if now != self._seen and found.st_size <= _MOST_BYTES:
            self._known |= saved_replies(path.read_text("utf-8", "replace"))
            self._seen = now
