"""Values from JSON that anyone may have written: what was hoped for, or nothing.

Services, notebook files and caches hold what they hold; nobody reads a field of theirs
without asking first what it is.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Object", "as_list", "as_number", "as_object", "as_objects", "as_text"]

Object = dict[str, Any]
"""A JSON object, as it was read."""

_LARGEST = 1e15
"""What is larger is no figure but a fault, and may not even fit into a float."""


def as_object(value: Any) -> Object:
    """Give `value` if it is an object; else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Give `value` if it is a list; else an empty one."""
    return value if isinstance(value, list) else []


def as_objects(value: Any) -> list[Object]:
    """Give the objects of a list; nothing of anything else."""
    if not isinstance(value, list):
        return []
    return [one for one in value if isinstance(one, dict)]


def as_text(value: Any) -> str:
    """Give `value` if it is a text; else an empty one."""
    return value if isinstance(value, str) else ""


def as_number(value: Any) -> float | None:
    """Give `value` if it is a number that can be reckoned with; else None.

    >>> as_number(3), as_number(True), as_number("3"), as_number(float("nan"))
    (3, None, None, None)
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and -_LARGEST < value < _LARGEST else None
