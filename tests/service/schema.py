"""Small checks of JSON values, to be put together as a schema is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong, and where: ``path`` as in ``messages.0.role``."""

    path: str
    message: str


Issues = Iterator[Issue]
Check = Callable[[str, Any], Issues]


def kind(value: Any) -> str:
    """Name a JSON value's type as zod does.

    >>> kind(1.5), kind(None), kind([])
    ('number', 'null', 'array')
    """
    return KINDS.get(type(value), "unknown")


KINDS = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def is_a(expected: str) -> Check:
    """Pass values of this type."""

    def check(path: str, value: Any) -> Issues:
        if kind(value) != expected:
            yield Issue(path, f"Expected {expected}, received {kind(value)}")

    return check


def number(low: float | None, high: float | None, *, whole: bool = False) -> Check:
    """Pass numbers from ``low`` to ``high``; None is no bound."""

    def check(path: str, value: Any) -> Issues:
        if kind(value) != "number":
            yield Issue(path, f"Expected number, received {kind(value)}")
        elif whole and value != int(value):
            yield Issue(path, "Expected integer, received float")
        elif low is not None and value < low:
            yield Issue(path, f"Number must be greater than or equal to {low}")
        elif high is not None and value > high:
            yield Issue(path, f"Number must be less than or equal to {high}")

    return check


def one_of(*allowed: str) -> Check:
    """Pass these strings."""

    def check(path: str, value: Any) -> Issues:
        if value not in allowed:
            listed = " | ".join(f"'{name}'" for name in allowed)
            yield Issue(
                path, f"Invalid enum value. Expected {listed}, received '{value}'"
            )

    return check


def list_of(item: Check, *, most: int | None = None, least: int = 0) -> Check:
    """Pass arrays whose members pass, and are not too many or few."""

    def check(path: str, value: Any) -> Issues:
        if not isinstance(value, list):
            yield Issue(path, f"Expected array, received {kind(value)}")
            return
        if len(value) < least:
            yield Issue(path, f"Array must contain at least {least} element(s)")
        if most is not None and len(value) > most:
            yield Issue(path, f"Array must contain at most {most} element(s)")
        for position, member in enumerate(value):
            yield from item(f"{path}.{position}", member)

    return check


def an_object(
    fields: dict[str, Check], *, required: tuple[str, ...] = (), strict: bool = False
) -> Check:
    """Pass objects whose fields pass; if strict, with no others."""

    def check(path: str, value: Any) -> Issues:
        if not isinstance(value, dict):
            yield Issue(path, f"Expected object, received {kind(value)}")
            return
        yield from (
            Issue(f"{path}.{n}", "Required") for n in required if n not in value
        )
        if unknown := [n for n in value if n not in fields and strict]:
            yield Issue(path, f"Unrecognized key(s) in object: {unknown}")
        for name in fields.keys() & value.keys():
            yield from fields[name](f"{path}.{name}", value[name])

    return check


def either(*checks: Check) -> Check:
    """Pass if one check passes; otherwise say what the last one said."""

    def check(path: str, value: Any) -> Issues:
        verdicts = [list(one(path, value)) for one in checks]
        if all(verdicts):
            yield from verdicts[-1]

    return check


def anything(path: str, value: Any) -> Issues:
    """Pass."""
    yield from ()


def matches(pattern: re.Pattern[str]) -> Check:
    """Pass strings that match in full."""

    def check(path: str, value: Any) -> Issues:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            yield Issue(path, f"Must match {pattern.pattern}")

    return check
