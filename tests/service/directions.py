"""The directions in a request body."""

from __future__ import annotations

from typing import Any

from nemotron_magic.rehearsal.replies import question_of

from .steering import Steering, steering_of


def directions(body: Any) -> Steering:
    """Read the directions, if the body is such that there can be any."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        return Steering()
    messages = [m for m in body["messages"] if isinstance(m, dict)]
    return steering_of(question_of(messages))
