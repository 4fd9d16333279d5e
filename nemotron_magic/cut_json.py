"""JSON that was cut: what of it can still be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["read_cut_json"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?P<end>"?)|[{}\[\],]', re.DOTALL)
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_CLOSERS = {"{": "}", "[": "]"}


def read_cut_json(text: str) -> Any:
    r"""Read a JSON text that may end too soon; None if nothing can be made of it.

    >>> read_cut_json('{"a": [1, {"b": "so fa')
    {'a': [1, {'b': 'so fa'}]}
    >>> read_cut_json('{"a": [1, 2], "b')
    {'a': [1, 2]}
    """
    for whole in (text, *_completed(text)):
        try:
            return json.loads(whole)
        except (ValueError, RecursionError):
            continue
    return None


def _completed(text: str) -> Iterator[str]:
    """Give the text with what is open closed, then up to its last comma."""
    opened: list[str] = []
    comma, around_comma, in_string = 0, "", False
    for token in _TOKEN.finditer(text):
        sign = token[0][0]
        if sign == '"':
            in_string = not token["end"]
        elif sign == ",":
            comma, around_comma = token.start(), _closing(opened)
        elif sign in _CLOSERS:
            opened.append(sign)
        elif opened:
            opened.pop()
    if in_string:
        yield f'{text}"{_closing(opened)}'
        yield f'{_HALF_ESCAPE.sub("", text)}"{_closing(opened)}'
    else:
        yield text + _closing(opened)
    if comma:
        yield text[:comma] + around_comma


def _closing(opened: list[str]) -> str:
    return "".join(_CLOSERS[sign] for sign in reversed(opened))
