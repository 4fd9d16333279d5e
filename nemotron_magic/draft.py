"""A reply that is being written: what the events of a call add up to, so far.

It grows with every event, in time linear in the text. (A frozen reply that is made anew
for every token would copy the text each time: 33 GB for a reply of 1 MB.)
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from nemotron_magic.events import (
    Answered,
    Event,
    Finish,
    Logprobs,
    Notice,
    Reasoning,
    Recalled,
    Reclassified,
    Refusal,
    Retry,
    Sent,
    Served,
    Text,
    ToolCall,
    Truncated,
    UsageReport,
)
from nemotron_magic.reply import Details, Reply
from nemotron_magic.text import LongText, well_formed
from nemotron_magic.usage import Usage

__all__ = ["Draft"]

_NOTHING = Usage(0, 0, 0, 0, 0.0)


class Draft:
    """A reply that is being written.

    Attributes
    ----------
    attempts : int
        How many requests went out.
    accepted : bool
        Whether the service took one of them on, so that it may be billed.
    """

    def __init__(self, details: Details | None = None) -> None:
        self._details = details or Details()
        self._known: dict[str, Any] = {}
        self._texts = defaultdict(LongText, {0: LongText()})
        self._reasoning = LongText()
        self._refusal: list[str] = []
        self._tools: dict[int, ToolCall] = {}
        self._logprobs: list[dict[str, Any]] = []
        self._notices: list[str] = []
        self.attempts = 0
        self.accepted = False

    @property
    def has_text(self) -> bool:
        """Whether anything arrived that a user would miss."""
        return bool(self._texts[0] or self._reasoning or self._refusal or self._tools)

    def add(self, event: Event) -> None:
        """Take in what happened."""
        if type(event) is Text:
            self._texts[event.choice].add(event.text)
        elif type(event) is Reasoning:
            if event.choice == 0:
                self._reasoning.add(event.text)
        else:
            self._add_rare(event)

    def reply(self, **known: Any) -> Reply:
        """Give the reply as it stands, with `known` details put in."""
        choices = tuple(well_formed(str(self._texts[i])) for i in sorted(self._texts))
        details = replace(
            self._details,
            reasoning=well_formed(str(self._reasoning)).strip("\n"),
            refusal=well_formed("".join(self._refusal)),
            choices=choices if len(choices) > 1 else (),
            tool_calls=tuple(self._tools[i] for i in sorted(self._tools)),
            logprobs=tuple(self._logprobs),
            notices=tuple(self._notices),
            attempts=self.attempts,
            **self._known,
            **known,
        )
        return Reply(choices[0], details)

    def _add_rare(self, event: Event) -> None:
        match event:
            case Reclassified(reasoning, choice):
                self._texts[choice] = LongText()
                self._reasoning.add(reasoning if choice == 0 else "")
            case Refusal(text, 0):
                self._refusal.append(text)
            case ToolCall(index):
                self._tools[index] = _joined(self._tools.get(index), event)
            case Logprobs(content, 0):
                self._logprobs += content
            case Notice(text):
                self._notices.append(text)
            case Retry(why):
                self._notices.append(f"{why}; asked again")
            case Sent(client_request_id):
                self.attempts += 1
                self._known["client_request_id"] = client_request_id
            case Answered(status, request_id):
                self.accepted = 200 <= status < 300
                self._known["request_id"] = request_id
            case _:
                usage = self._known.get("usage", self._details.usage)
                self._known.update(_details_of(event, usage))


def _details_of(event: Event, usage: Usage) -> dict[str, Any]:
    match event:
        case Recalled():
            return {"recalled": event, "usage": _NOTHING}
        case Served(model, completion_id):
            return {"served_model": model, "completion_id": completion_id}
        case Finish(reason, 0):
            return {"finish_reason": reason}
        case UsageReport(more):
            return {"usage": usage.updated(more)}
        case Truncated():
            return {"ending": "truncated"}
        case _:
            return {}


def _joined(call: ToolCall | None, more: ToolCall) -> ToolCall:
    if call is None:
        return more
    return ToolCall(
        call.index,
        call.call_id or more.call_id,
        call.name or more.name,
        call.arguments + more.arguments,
    )
