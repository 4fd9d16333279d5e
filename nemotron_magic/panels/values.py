"""Values as a page shows and edits them, and back: pure.

Numbers and booleans stay what they are. Lists of texts are lines, JSON is its source.
None is "not set".
"""

from __future__ import annotations

import json
from typing import Any

from nemotron_magic.errors import InputError
from nemotron_magic.parameters import Parameter

__all__ = ["read", "shown"]

_LINE_CHARS = 60
"""Longer JSON is shown on several lines."""


def shown(parameter: Parameter, value: Any) -> Any:
    r"""Give a value as it is shown: a number, a boolean, a text, or None.

    >>> from nemotron_magic.parameters import BY_NAME
    >>> shown(BY_NAME["stop"], ["END", "\n\n"])
    'END\n"\\n\\n"'
    """
    if value is None:
        return None
    if parameter.kind == "texts":
        return "\n".join(map(_line, value))
    if parameter.kind == "json":
        line = json.dumps(value, ensure_ascii=False)
        is_short = len(line) <= _LINE_CHARS
        return line if is_short else json.dumps(value, ensure_ascii=False, indent=1)
    return value


def read(parameter: Parameter, value: Any) -> Any:
    """Give the value that is meant by what a page sent.

    Raises
    ------
    InputError
        If it is none for this row.
    """
    if parameter.kind in ("text", "texts", "json") and value is not None:
        value = _from_text(parameter, str(value))
    checked = parameter.check(value)
    if checked is None and not parameter.may_be_unset:
        raise InputError(f"{parameter.name} must be {parameter.describe()}")
    return checked


def _from_text(parameter: Parameter, text: str) -> Any:
    if parameter.kind == "text":
        return None if not text and parameter.may_be_unset else text
    if parameter.kind == "texts":
        return [_text(line) for line in text.split("\n") if line.strip()]
    return parameter.parse(text.strip()) if text.strip() else None


def _line(text: str) -> str:
    """Write a text on one line: as JSON if it could not be told apart otherwise."""
    is_plain = text.strip() and not {"\n", "\r"} & {*text} and text[0] != '"'
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _text(line: str) -> str:
    if not line.startswith('"'):
        return line
    try:
        text = json.loads(line)
    except ValueError:
        return line
    return text if isinstance(text, str) else line
