"""Read JSON that is cut off or has unexpected types."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?P<end>"?)|[{}\[\],]', re.DOTALL)
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")


def read_cut_json(text: str) -> Any:
    r"""Read a JSON text that may end too soon; None if nothing can be made of it.

    >>> read_cut_json('{"a": [1, {"b": "so fa')
    {'a': [1, {'b': 'so fa'}]}
    """
    for whole in (text, *_completed(text)):
        with suppress(ValueError, RecursionError):
            return json.loads(whole)
    return None


def _completed(text: str) -> Iterator[str]:
    """Yield the text with what is open closed, then up to its last comma."""
    closers, comma, around_comma, in_string = "", 0, "", False
    for token in _TOKEN.finditer(text):
        sign = token[0][0]
        if sign == '"':
            in_string = not token["end"]
        elif sign == ",":
            comma, around_comma = token.start(), closers[::-1]
        elif sign in "{[":
            closers += "}" if sign == "{" else "]"
        else:
            closers = closers[:-1]
    if in_string:
        yield f'{text}"{closers[::-1]}'
        yield f'{_HALF_ESCAPE.sub("", text)}"{closers[::-1]}'
    else:
        yield text + closers[::-1]
    if comma:
        yield text[:comma] + around_comma


JsonObject = dict[str, Any]
"""A JSON object, as it was read."""

_LARGEST = 1e15
"""What is larger is no figure but a fault, and may not even fit into a float."""


def as_dict(value: Any) -> JsonObject:
    """Return `value` if it is an object; else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return `value` if it is a list; else an empty one."""
    return value if isinstance(value, list) else []


def as_objects(value: Any) -> list[JsonObject]:
    """Return the objects of a list; nothing of anything else."""
    return [one for one in as_list(value) if isinstance(one, dict)]


def as_text(value: Any) -> str:
    """Return `value` if it is a text; else an empty one."""
    return value if isinstance(value, str) else ""


def as_number(value: Any) -> float | None:
    """Return `value` if it is a finite number of a plausible size; else None."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and -_LARGEST < value < _LARGEST else None


def as_amount(value: Any) -> float | None:
    """Return a number from 0, also one that is written as a text; else None."""
    with suppress(ValueError):
        value = float(value) if isinstance(value, str) else value
    amount = as_number(value)
    return None if amount is None or amount < 0 else amount


def at_path(value: Any, path: str) -> Any:
    """Return what stands at a path of names in an object; None if nothing does."""
    for name in filter(None, path.split(".")):
        value = as_dict(value).get(name)
    return value
