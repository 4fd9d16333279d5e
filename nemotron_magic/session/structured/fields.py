"""Fields of a typed answer: what is sent of them, and whether a value fits."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, Literal

from nemotron_magic.core.text import one_line, well_formed

Kind = Literal["str", "int", "float", "bool", "date"]

_LARGEST_INT = 2**63
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class Misfit(ValueError):
    """A value does not fit its field; the message says which and why."""


_KINDS: dict[Kind, tuple[str, str, str]] = {
    "str": ("string", "string", "is no text"),
    "int": ("integer", "integer", "is no whole number"),
    "float": ("number", "number", "is no number"),
    "bool": ("boolean", "true or false", "is not true or false"),
    "date": ("string", "date as YYYY-MM-DD", "is no date as YYYY-MM-DD"),
}
"""Of each kind the JSON type, the words for a model, and what a misfit is not."""


def _read(kind: Kind, value: Any) -> Any:
    """Return a JSON value as a value of a kind; None if it is none."""
    match kind:
        # A control character was meant to be the \f of \frac, or the \b of \beta.
        case "str" if isinstance(value, str) and not _CONTROLS.search(value):
            return well_formed(value)
        case "int" if _is_number(value) and value == int(value):
            return int(value) if -_LARGEST_INT <= value < _LARGEST_INT else None
        case "float" if _is_number(value):
            return float(value)
        case "bool" if isinstance(value, bool):
            return value
        case "date" if isinstance(value, str) and _DATE.fullmatch(value.strip()):
            with suppress(ValueError):
                return date.fromisoformat(value.strip())
    return None


def _is_number(value: Any) -> bool:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and abs(value) <= sys.float_info.max


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, and what its value may be.

    `labels` are the only values, as they are written; `about` describes the field to
    the model; `cast` makes a member of an `Enum` of a value.
    """

    name: str
    kind: Kind = "str"
    labels: tuple[str, ...] = ()
    is_list: bool = False
    is_nullable: bool = False
    least: float | None = None
    most: float | None = None
    about: str = ""
    cast: Callable[[Any], Any] | None = field(default=None, compare=False)

    @property
    def is_enum(self) -> bool:
        """Whether its values are texts out of a few."""
        return bool(self.labels) and self.kind == "str"

    def schema(self) -> dict[str, Any]:
        """Return its JSON schema: nothing that any server is known to refuse."""
        one: dict[str, Any] = {"type": _KINDS[self.kind][0]}
        if self.is_enum:
            one["enum"] = [*self.labels]
        if self.is_list:
            one = {"type": "array", "items": one}
        if self.is_nullable:
            one["type"] = [one["type"], "null"]
            if "enum" in one:
                one["enum"].append(None)
        return one

    def words(self) -> str:
        """Return what its value is to be, for the model."""
        one = _KINDS[self.kind][1]
        if self.labels:
            labels = map(_quoted, self.labels) if self.is_enum else self.labels
            one = f"one of {', '.join(labels)}"
        elif self.limits:
            one = f"{one} in {self.limits}"
        one = f"list of: {one}" if self.is_list else one
        one = f"{one}, or null if missing" if self.is_nullable else one
        return f"{one} ({self.about})" if self.about else one

    @property
    def limits(self) -> str:
        """Its range as it is typed, such as `1..5`; empty without one."""
        ends = (self.least, self.most)
        shown = "..".join("" if end is None else f"{end:g}" for end in ends)
        return "" if shown == ".." else shown

    def check(self, value: Any) -> Any:
        """Return a JSON value as a Python value; raise Misfit if it does not fit."""
        if value is None and self.is_nullable:
            return None
        if self.is_list and isinstance(value, list):
            return [self._checked(one) for one in value]
        if self.is_list:
            raise self._misfit(value, "is no list")
        return self._checked(value)

    def _checked(self, value: Any) -> Any:
        if self.is_enum and _is_number(value):
            value = str(value)  # a label that is written as a number
        read = _read(self.kind, value)
        if read is None:
            raise self._misfit(value, _KINDS[self.kind][2])
        if self.labels:
            near = self._label(str(read)) if self.is_enum else str(read)
            if near not in self.labels:
                known = one_line(", ".join(self.labels), 120)
                raise self._misfit(value, f"is not one of {known}")
            read = near if self.is_enum else read
        elif (self.least is not None and read < self.least) or (
            self.most is not None and read > self.most
        ):
            raise self._misfit(value, f"is not in {self.limits}")
        return self.cast(read) if self.cast else read

    def _label(self, text: str) -> str:
        """Return the one label that a text is, but for its marks; or the text."""
        if text in self.labels:
            return text
        near = [one for one in self.labels if _plain(one) == _plain(text)]
        return near[0] if len(near) == 1 else text

    def as_label(self, value: Any) -> str:
        """Return a value as it is compared with others, however it was written."""
        if isinstance(value, list | tuple | set):
            return ", ".join(sorted(map(self.as_label, value)))
        if self.kind == "date" and hasattr(value, "isoformat"):
            return str(value.isoformat())[:10]
        if hasattr(value, "__float__") and not isinstance(value, bool):
            number = float(value)
            value = int(number) if number.is_integer() else number
            value = bool(number) if self.kind == "bool" else value
        return self._label(str(value).strip())

    def _misfit(self, value: Any, why: str) -> Misfit:
        shown = "null" if value is None else repr(value)
        return Misfit(f"{self.name} {one_line(shown, 60)} {why}")


@dataclass(frozen=True)
class Fields:
    """The fields of an answer.

    `is_single` says that the answer is the value of the only field, and no mapping;
    `make` makes the user's own type of the values by name.
    """

    fields: tuple[Field, ...]
    is_single: bool = False
    make: Callable[[dict[str, Any]], Any] | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, in order."""
        return tuple(one.name for one in self.fields)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of an answer: one flat object."""
        return {
            "type": "object",
            "properties": {one.name: one.schema() for one in self.fields},
            "required": [*self.names],
            "additionalProperties": False,
        }

    def prompt_line(self) -> str:
        """Return the line that tells a model what to answer with."""
        keys = "; ".join(f"{_quoted(one.name)}: {one.words()}" for one in self.fields)
        return (
            "Answer with one JSON object and nothing else. "
            f"It has exactly these keys: {keys}."
        )

    def named(self, name: str) -> Fields:
        """Return the same with `name` for the field of a single value."""
        if not self.is_single or not name:
            return self
        return replace(self, fields=(replace(self.fields[0], name=name),))

    def keys_in(self, found: Any) -> dict[str, str]:
        """Return the key of each field in an object, as it is written there."""
        if not isinstance(found, dict):
            return {}
        if found.keys() >= {*self.names}:
            return {name: name for name in self.names}
        near = {_plain(key): key for key in found} | {key: key for key in found}
        keys = ((name, near.get(name, near.get(_plain(name)))) for name in self.names)
        return {name: key for name, key in keys if key is not None}

    def matches(self, found: Any) -> bool:
        """Return whether an object has the keys of an answer; null may be left out."""
        keys = self.keys_in(found)
        return len(keys) == len(self.fields) or (
            bool(keys) and all(f.is_nullable for f in self.fields if f.name not in keys)
        )

    def check(self, found: Any) -> dict[str, Any]:
        """Return the values by field; raise Misfit, which says what does not fit."""
        keys = self.keys_in(found)
        needed = (one.name for one in self.fields if not one.is_nullable)
        missing = [repr(name) for name in needed if name not in keys]
        if missing or not keys:
            verb = "is" if len(missing) == 1 else "are"
            raise Misfit(f"{', '.join(missing)} {verb} missing")
        values = {
            one.name: one.check(found[keys[one.name]]) if one.name in keys else None
            for one in self.fields
        }
        self.build(values)
        return values

    def build(self, values: dict[str, Any]) -> Any:
        """Return what the user gets: their own type, one value, or a mapping."""
        if self.is_single:
            return values[self.fields[0].name]
        if self.make is None:
            return values
        try:
            return self.make(values)
        except Exception as error:  # the user's own checks
            said = f"{type(error).__name__}: {error}"
            if hasattr(error, "errors"):  # pydantic's, without type and link
                found = ((map(str, e["loc"]), e["msg"]) for e in error.errors())
                faults = (f"{'.'.join(place)}: {why}" for place, why in found)
                said = "; ".join(one.removeprefix(": ") for one in faults)
            raise Misfit(one_line(said, 200)) from None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _plain(label: str) -> str:
    """Return a label or key without what does not tell it from others."""
    label = re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", label.casefold())
    return label.strip(" \t\r\n\"'`*“”‘’").rstrip(" .,;:!\"'`*“”’")
