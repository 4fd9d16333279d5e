"""The directions in a request body, with those marked that cannot be followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nemotron_magic.rehearsal.replies import question_of

from .faults import fault_named
from .options import check_dialect
from .steering import Steering, steering_of


def directions(body: Any) -> Steering:
    """Read the directions, if the body is such that there can be any."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        return Steering()
    messages = [m for m in body["messages"] if isinstance(m, dict)]
    return _corrected(steering_of(question_of(messages)))


def _corrected(steering: Steering) -> Steering:
    """Note a dialect or fault that there is not, to be told in the reply."""
    wrong = [
        f"rehearsal: {verb} {name} ({_complaint(check, name)})"
        for verb, name, check in (
            ("dialect", steering.dialect, check_dialect),
            ("fault", steering.fault, fault_named),
        )
        if name and _complaint(check, name)
    ]
    return replace(steering, mistakes=(*steering.mistakes, *wrong))


def _complaint(check: Callable[[str], Any], name: str) -> str:
    try:
        check(name)
    except ValueError as error:
        return str(error)
    return ""


def is_known(fault: str) -> bool:
    """Tell whether there is such a fault."""
    return not _complaint(fault_named, fault)
