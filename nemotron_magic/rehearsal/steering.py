"""Directions to the rehearsal, written as lines of the last user message."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .attached import Attachment, taken_apart

DIRECTION = re.compile(
    r"\s*rehearsal:\s*(?P<verb>\w+)[ \t]?(?P<rest>.*)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Steering:
    """What the last user message asks of the rehearsal; None where it says nothing.

    ``fault_times`` counts for requests with these very messages, so that a client's
    second try gets through.
    """

    say: str | None = None
    length_tokens: int | None = None
    think: bool = False
    fault: str | None = None
    fault_times: int | None = None
    dialect: str | None = None
    tokens_per_s: float | None = None
    mistakes: tuple[str, ...] = ()


def text_of(content: Any) -> str:
    """Give a message's text, be its content a string, parts, or nothing."""
    if isinstance(content, list):
        parts = [p.get("text", "") for p in content if isinstance(p, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def question_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """Give the question of the last user message, without what came along."""
    return taken_apart(_last_of(messages))[1]


def attachments_of(messages: Sequence[Mapping[str, Any]]) -> tuple[Attachment, ...]:
    """Give what came along with the last user message."""
    return taken_apart(_last_of(messages))[0]


def _last_of(messages: Sequence[Mapping[str, Any]]) -> str:
    asked = [text_of(m.get("content")) for m in messages if m.get("role") == "user"]
    return asked[-1] if asked else ""


def steering_of(question: str) -> Steering:
    r"""Read the directions in a message.

    >>> steering_of("rehearsal: fault 503 1\nhello").fault
    '503'
    >>> steering_of("rehearsal: say **a**\nb").say
    '**a**\nb'
    """
    steering = Steering()
    lines = question.split("\n")
    while lines:
        match = DIRECTION.match(lines.pop(0))
        if match and match["verb"].lower() == "say":
            said, lines = _said(match["rest"], lines)
            steering = replace(steering, say=said)
        elif match:
            steering = _after(steering, match["verb"].lower(), match["rest"].split())
    return steering


def _said(first: str, lines: list[str]) -> tuple[str, list[str]]:
    """Split the lines at ``rehearsal: end``; what comes before is to be said."""
    ends = [
        number
        for number, line in enumerate(lines)
        if (match := DIRECTION.match(line)) and match["verb"].lower() == "end"
    ]
    end = ends[0] if ends else len(lines)
    spoken = ([first] if first else []) + lines[:end]
    return "\n".join(spoken), lines[end + 1 :]


def _after(steering: Steering, verb: str, words: list[str]) -> Steering:
    try:
        return replace(steering, **VERBS[verb](*words))
    except (KeyError, TypeError, ValueError):
        mistake = f"rehearsal: {' '.join([verb, *words])}"
        return replace(steering, mistakes=(*steering.mistakes, mistake))


def _length(tokens: str) -> dict[str, Any]:
    return {"length_tokens": max(1, int(tokens))}


def _think() -> dict[str, Any]:
    return {"think": True}


def _fault(name: str, times: str = "") -> dict[str, Any]:
    return {"fault": name, "fault_times": int(times) if times else None}


def _dialect(name: str) -> dict[str, Any]:
    return {"dialect": name}


def _slow(tokens_per_s: str) -> dict[str, Any]:
    return {"tokens_per_s": max(0.1, float(tokens_per_s))}


def _end() -> dict[str, Any]:
    return {}


VERBS: Mapping[str, Any] = {
    "length": _length,
    "think": _think,
    "fault": _fault,
    "dialect": _dialect,
    "slow": _slow,
    "end": _end,
}
