"""Directives that only the full stand-in knows: dialects and faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nemotron_magic.rehearsal.replies import VERBS, read_directives


@dataclass(frozen=True, slots=True)
class Steering:
    """What the last user message asks of the stand-in; None where it says nothing.

    ``fault_times`` counts for requests with these very messages, so that a client's
    second try gets through.
    """

    say: str | None = None
    length_tokens: int | None = None
    tokens_per_s: float | None = None
    think: bool = False
    fault: str | None = None
    fault_times: int | None = None
    dialect: str | None = None


def steering_of(question: str) -> Steering:
    """Read the directives in a message.

    >>> steering_of("rehearsal: fault 503 1\\nhello").fault
    '503'
    """
    return Steering(**read_directives(question, ALL_VERBS))


def _fault(name: str, times: str = "") -> dict[str, Any]:
    return {"fault": name, "fault_times": int(times) if times else None}


ALL_VERBS = {
    **VERBS,
    "think": lambda: {"think": True},
    "fault": _fault,
    "dialect": lambda name: {"dialect": name},
}
