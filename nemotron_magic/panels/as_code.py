"""The settings that differ from the defaults, as code that sets them again: pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nemotron_magic.parameters import BY_NAME, PARAMETERS, Parameter

__all__ = ["config_lines", "flags_line", "is_changed"]


def is_changed(name: str, value: Any) -> bool:
    """Tell whether a setting is not at its default."""
    return bool(value != BY_NAME[name].default)


def config_lines(values: Mapping[str, Any]) -> str:
    """Give the lines that set these values for a session.

    >>> config_lines({"temperature": 0.2})
    '%config Nemotron.temperature = 0.2'
    """
    return "\n".join(
        f"%config Nemotron.{name} = {value!r}"
        for name, value in values.items()
        if is_changed(name, value)
    )


def flags_line(values: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Give the flags that set these values for one call, and what has none.

    >>> flags_line({"temperature": 0.2, "redact": False})
    ('%nemotron -t 0.2', ('redact',))
    """
    flags, without = ["%nemotron"], []
    for parameter in PARAMETERS:
        value = values.get(parameter.name, parameter.default)
        if not is_changed(parameter.name, value):
            continue
        written = _flags(parameter, value)
        if written and "\n" not in written:
            flags.append(written)
        else:
            without.append(parameter.name)
    return " ".join(flags), tuple(without)


def _flags(parameter: Parameter, value: Any) -> str:
    """Give the flags of one value; empty if it cannot be set for one call."""
    flag = min(parameter.flags, key=len, default="")
    if parameter.kind == "boolean" and flag:
        says = flag.startswith("--no-") is not value
        return flag if says else _field(parameter, value)
    if value is None or not flag:
        return _field(parameter, value)
    if parameter.kind == "texts":
        return " ".join(f"{flag} {_quoted(text)}" for text in value)
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{flag}{'=' if parameter.bare else ' '}{_quoted(text)}"


def _field(parameter: Parameter, value: Any) -> str:
    if not parameter.sent:
        return ""
    return f"-p {parameter.name}={json.dumps(value, separators=(',', ':'))}"


def _quoted(text: str) -> str:
    """Put quotes around what would be more than one word, or a flag."""
    is_word = text.split() == [text] and not set(text) & set("\"'\\=")
    if is_word and (text[0] != "-" or _is_number(text)):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_number(text: str) -> bool:
    try:
        return bool(float(text) or True)
    except ValueError:
        return False
