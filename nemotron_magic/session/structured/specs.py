"""Read what fields are wanted: the language of `--as`, Python types, JSON schemas."""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.text import one_line
from nemotron_magic.session.structured.fields import Field, Fields, Kind

__all__ = ["is_type", "parse_fields"]

_TYPES: dict[str, Kind] = {
    "str": "str",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "date": "date",
    "string": "str",
    "text": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
}
_SHORT = ("str", "int", "float", "bool", "date", "list")
_RANGE = re.compile(r"(-?\d*\.?\d+)?\.\.(-?\d*\.?\d+)?")
_HOW = "A field is NAME TYPE: DESCRIPTION, or NAME: a|b|c; types: " + ", ".join(_SHORT)
_MOST_FIELDS = 64


def parse_fields(spec: Any, name: str = "") -> Fields:
    """Return the fields that are asked for; raise InputError if that cannot be read.

    `name` is that of a single value's field.
    """
    if isinstance(spec, Fields):
        return spec.named(name)
    if isinstance(spec, str):
        fields = _of_text(spec)
    elif isinstance(spec, Mapping):
        fields = _of_schema(spec)
    else:
        fields = _of_type(spec)
    names = [one.name.casefold() for one in fields.fields]
    if twice := next((one for one in names if names.count(one) > 1), ""):
        raise _unreadable(f"there are two fields {twice}", "Name each once")
    if not 0 < len(names) <= _MOST_FIELDS:
        raise _unreadable("there are no fields" if not names else "too many", _HOW)
    return fields.named(name)


def is_type(word: str) -> bool:
    """Return whether a word is a type in the language of `--as`."""
    return word.rstrip("?") in _SHORT


def _unreadable(what: str, hint: str) -> InputError:
    return InputError(f"--as: {what}", "nothing was sent", hint)


# --- text -----------------------------------------------------------------------------


class _Wrong(Exception):
    """A field's text cannot be read; holds what is wrong, and the text corrected."""

    def __init__(self, what: str, corrected: str) -> None:
        super().__init__(what)
        self.corrected = corrected


def _of_text(spec: str) -> Fields:
    separator = next((one for one in ("\n", ";") if one in spec.strip()), ",")
    parts = [part.strip() for part in spec.split(separator)]
    parts = [part for part in parts if part]
    if len(parts) == 1 and (single := _single(parts[0])):
        return Fields((single,), is_single=True)
    fields: list[Field] = []
    for at, part in enumerate(parts):
        try:
            fields.append(_field(part))
        except _Wrong as wrong:
            raise _corrected(
                str(wrong), parts, at, wrong.corrected, separator
            ) from None
    return Fields(tuple(fields))


def _corrected(
    what: str, parts: list[str], at: int, corrected: str, separator: str
) -> InputError:
    """Return the error with the whole text as it should be typed."""
    goes_on = separator == "," and at > 0 and ":" in parts[at - 1]
    if goes_on and ":" not in parts[at] and "|" not in parts[at]:
        # A description with a comma in it.
        joined = [*parts[: at - 1], f"{parts[at - 1]}, {parts[at]}", *parts[at + 1 :]]
        text, why = (
            "; ".join(joined),
            "put ; between fields if a description has commas",
        )
        return InputError(f"--as: {what}", f"{why}; nothing was sent", _typed(text))
    joined = [*parts[:at], corrected, *parts[at + 1 :]]
    separator = {"\n": "; ", ";": "; "}.get(separator, ", ")
    why = "nothing was sent"
    hint = _typed(separator.join(joined)) if corrected else _HOW
    return InputError(f"--as: {what}", why, hint)


def _typed(text: str) -> str:
    return f'Such as: "{one_line(text, 300)}"'


def _single(part: str) -> Field | None:
    """Return the field of a lone type or of lone labels; None if it has a name."""
    head, colon, tail = (one.strip() for one in part.partition(":"))
    shape = _tokens(head)
    if shape and shape[0] in _SHORT:
        try:
            return _described(_shaped(Field("value"), shape, part), tail)
        except _Wrong as wrong:
            raise _unreadable(str(wrong), _HOW) from None
    if colon:
        return None
    if "|" in part:
        first = part.partition("|")[0].strip()
        if re.search(r"\s", first) and not re.fullmatch(r"(['\"]).*\1", first):
            name, _, rest = part.partition(" ")
            raise _unreadable(
                f"in {one_line(part, 60)}, is {name} a name or part of a label?",
                f'Type: "{name}: {rest.strip()}"   or: "label: {part}"',
            )
        labels, is_nullable = _labels(part)
        return Field("label", labels=labels, is_nullable=is_nullable)
    return None


def _tokens(head: str) -> list[str]:
    return (
        re.sub(r"([?\[\]])", r" \1 ", head).replace("[", " ").replace("]", " ").split()
    )


def _field(part: str) -> Field:
    head, _, tail = (one.strip() for one in part.partition(":"))
    tokens = _tokens(head)
    if "|" in head:
        name, _, rest = part.partition(" ")
        is_named = name.isidentifier() and rest
        corrected = f"{name}: {rest.strip()}" if is_named else f"label: {part}"
        raise _Wrong(f"{one_line(part, 60)} lacks a colon", corrected)
    if not tokens:
        raise _Wrong(f"{one_line(part, 60)} has no name", f"name{part}")
    name, *shape = tokens
    if name in _SHORT and name != "date":
        raise _Wrong(f"{one_line(part, 60)} has no name", f"name {part}")
    if not name.isidentifier() or name.startswith("_"):
        plain = re.sub(r"\W+", "_", name).strip("_") or "name"
        corrected = part.replace(
            name, plain if plain.isidentifier() else f"n{plain}", 1
        )
        raise _Wrong(f"{one_line(name, 40)} is no name", corrected)
    if tail and not shape and _is_shape(tail):
        shape, tail = _tokens(tail), ""  # total: float
    is_date = name == "date" and "|" not in tail
    one = _shaped(Field(name, "date" if is_date else "str"), shape, part)
    if "enum" in shape and "|" not in tail:
        raise _Wrong(f"{name} has no labels", f"{name}: one|another")
    return _described(one, tail)


def _described(one: Field, tail: str) -> Field:
    """Return a field with its description, or its labels."""
    name = one.name
    if "|" not in tail:
        return dataclasses.replace(one, about=one_line(tail, 500))
    labels, is_nullable = _labels(tail)
    if one.kind in ("bool", "date", "float"):
        raise _Wrong(f"{name} has a type and labels", f"{name}: {tail}")
    if one.kind == "int" and not all(re.fullmatch(r"-?\d+", label) for label in labels):
        raise _Wrong(f"{name} has labels that are no int", f"{name}: {tail}")
    if len(set(labels)) < len(labels) or not all(labels):
        kept = "|".join(dict.fromkeys(filter(None, labels)))
        raise _Wrong(f"{name} has an empty or repeated label", f"{name}: {kept}")
    is_nullable = is_nullable or one.is_nullable
    return dataclasses.replace(one, labels=labels, is_nullable=is_nullable)


def _is_shape(tail: str) -> bool:
    tokens = _tokens(tail)
    is_type = bool(tokens) and tokens[0] in _SHORT
    return is_type and all(
        t in _SHORT or t == "?" or _RANGE.fullmatch(t) for t in tokens
    )


def _labels(text: str) -> tuple[tuple[str, ...], bool]:
    is_nullable = text.endswith("?")
    labels = (one.strip() for one in text.rstrip("? ").split("|"))
    return tuple(re.sub(r"^(['\"])(.*)\1$", r"\2", one) for one in labels), is_nullable


def _shaped(one: Field, shape: list[str], part: str) -> Field:
    """Return a field with the type, range and `?` that are typed behind its name."""
    for token in shape:
        limits = _RANGE.fullmatch(token)
        if token == "?":
            one = dataclasses.replace(one, is_nullable=True)
        elif token == "list":
            one = dataclasses.replace(one, is_list=True)
        elif token in ("of", "enum"):
            continue
        elif token in _TYPES:
            one = dataclasses.replace(one, kind=_TYPES[token])
        elif limits and any(limits.groups()):
            one = _limited(one, limits, part)
        else:
            raise _Wrong(
                f"{one_line(part, 60)}: {one_line(token, 30)} is no type",
                _mended(part, token),
            )
    return one


def _limited(one: Field, limits: re.Match[str], part: str) -> Field:
    least, most = (None if end is None else float(end) for end in limits.groups())
    if one.kind not in ("int", "float"):
        kind = "float" if "." in "".join(filter(None, limits.groups())) else "int"
        corrected = part.replace(limits[0], f"{kind} {limits[0]}")
        raise _Wrong(f"{one.name} has a range, but is no number", corrected)
    if least is not None and most is not None and least > most:
        raise _Wrong(
            f"{limits[0]} ends before it begins",
            part.replace(limits[0], f"{most:g}..{least:g}"),
        )
    return dataclasses.replace(one, least=least, most=most)


def _mended(part: str, token: str) -> str:
    """Return a field's text with what is no type in it as it may have been meant."""
    if dash := re.fullmatch(r"(-?[\d.]+)[-–—](-?[\d.]+)", token):
        return part.replace(token, f"{dash[1]}..{dash[2]}", 1)
    if near := difflib.get_close_matches(token.lower(), [*_TYPES, "list"], 1, 0.7):
        return part.replace(token, near[0], 1)
    name, _, rest = part.partition(" ")
    return f"{name}: {rest.replace(':', ' –', 1).strip()}"


# --- Python types ---------------------------------------------------------------------


def _of_type(spec: Any) -> Fields:
    if hasattr(spec, "model_json_schema"):  # pydantic
        return dataclasses.replace(
            _of_schema(spec.model_json_schema()), make=spec.model_validate
        )
    if isinstance(spec, type) and dataclasses.is_dataclass(spec):
        hints = _hints(spec)
        names = [one.name for one in dataclasses.fields(spec) if one.init]
        fields = tuple(_of_hint(name, hints[name]) for name in names)
        return Fields(fields, make=lambda values: spec(**values))
    if typing.is_typeddict(spec):
        return Fields(tuple(_of_hint(name, one) for name, one in _hints(spec).items()))
    return Fields((_of_hint("value", spec),), is_single=True)


def _hints(spec: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(spec, include_extras=True)
    except NameError as error:
        name = getattr(spec, "__name__", "")
        raise _unreadable(
            f"a type in {name} is not known: {error}", "Define it before"
        ) from None


_KINDS: dict[Any, Kind] = {
    str: "str",
    int: "int",
    float: "float",
    bool: "bool",
    date: "date",
}


def _of_hint(name: str, hint: Any) -> Field:
    """Return the field of an annotation."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _KINDS if isinstance(hint, type) else False:
        return Field(name, _KINDS[hint])
    if isinstance(hint, type) and issubclass(hint, Enum):
        one = _of_values(name, [member.value for member in hint])
        return dataclasses.replace(one, cast=hint)
    if origin is typing.Literal:
        has_null = None in arguments
        one = _of_values(name, [value for value in arguments if value is not None])
        return dataclasses.replace(one, is_nullable=has_null)
    if origin is typing.Annotated:
        return _annotated(_of_hint(name, arguments[0]), arguments[1:])
    if origin in (typing.Required, typing.NotRequired):
        one = _of_hint(name, arguments[0])
        return dataclasses.replace(one, is_nullable=origin is typing.NotRequired)
    if origin in (typing.Union, types.UnionType):
        others = [one for one in arguments if one is not types.NoneType]
        if len(others) == 1:
            return dataclasses.replace(_of_hint(name, others[0]), is_nullable=True)
    if hint is list or origin is list:
        one = _of_hint(name, arguments[0] if arguments else str)
        if not one.is_list:
            return dataclasses.replace(one, is_list=True)
    shown = getattr(hint, "__name__", None) or str(hint)
    raise _unreadable(
        f"{name} cannot be {one_line(shown, 60)}",
        "A field is str, int, float, bool, date, Literal[…], a list of one of them, or "
        "| None: no object in an object",
    )


def _annotated(one: Field, notes: tuple[Any, ...]) -> Field:
    """Return a field with what `Annotated` says: a description, `ge` and `le`."""
    about = next((note for note in notes if isinstance(note, str)), one.about)
    limits = [limit for note in notes for limit in getattr(note, "metadata", [note])]
    for limit in limits:
        least, most = getattr(limit, "ge", one.least), getattr(limit, "le", one.most)
        one = dataclasses.replace(one, least=least, most=most)
    return dataclasses.replace(one, about=about)


def _of_values(name: str, values: list[Any]) -> Field:
    kinds = {type(value) for value in values}
    if not values or kinds not in ({str}, {int}):
        raise _unreadable(f"the values of {name} are not all str or all int", _HOW)
    kind: Kind = "str" if kinds == {str} else "int"
    return Field(name, kind, labels=tuple(map(str, values)))


# --- JSON schemas ---------------------------------------------------------------------


def _of_schema(schema: Mapping[str, Any]) -> Fields:
    whole = {**schema}
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        if not {"type", "enum", "anyOf", "const"} & {*schema}:
            return Fields(tuple(_of_entry(*entry) for entry in schema.items()))
        return Fields((_of_property("value", schema, whole),), is_single=True)
    return Fields(tuple(_of_property(n, one, whole) for n, one in properties.items()))


def _of_entry(name: Any, value: Any) -> Field:
    """Return the field of a dict of types, or of texts such as `a|b`, by name."""
    if not isinstance(value, str):
        return _of_hint(str(name), value)
    fields = _of_text(f"{name}: {value};").fields
    return fields[0]


def _of_property(name: str, one: Any, whole: Mapping[str, Any]) -> Field:
    """Return the field of one property; what cannot be sent is left out or refused."""
    if isinstance(one, Mapping) and str(one.get("$ref", "")).startswith("#/"):
        found: Any = whole
        for step in one["$ref"][2:].split("/"):
            found = found.get(step) if isinstance(found, Mapping) else None
        one = {**found, **one, "$ref": ""} if isinstance(found, Mapping) else None
    one = one if isinstance(one, Mapping) else {}
    about = one_line(str(one.get("description", "")), 500)
    for union in ("anyOf", "oneOf", "allOf"):
        if not isinstance(one.get(union), list):
            continue
        others = [o for o in one[union] if o != {"type": "null"}]
        numbers = [o for o in others if o.get("type") in ("number", "integer")]
        others = numbers if len(numbers) == 1 else others  # a Decimal
        if len(others) == 1:
            inner = _of_property(name, others[0], whole)
            is_nullable = inner.is_nullable or len(others) < len(one[union])
            return dataclasses.replace(
                inner, is_nullable=is_nullable, about=about or inner.about
            )
    kinds = one.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else [*kinds]
    is_nullable = "null" in kinds
    values = [one["const"]] if "const" in one else one.get("enum")
    kinds = [kind for kind in kinds if kind != "null"]
    if isinstance(values, list):
        field = _of_values(name, [value for value in values if value is not None])
        is_nullable = is_nullable or None in values
    elif kinds == ["array"]:
        field = _of_property(name, one.get("items", {"type": "string"}), whole)
        if field.is_list:
            raise _unreadable(f"{name} is a list of lists", _HOW)
        field = dataclasses.replace(field, is_list=True)
    elif len(kinds) == 1 and kinds[0] in _TYPES:
        is_date = one.get("format") == "date"
        kind = "date" if is_date else _TYPES[kinds[0]]
        least, most = (_number(one, end, kind) for end in ("minimum", "maximum"))
        field = Field(name, kind, least=least, most=most)
    else:
        raise _unreadable(
            f"{name} is no string, number, boolean or a list of them",
            "An answer is one flat object: no object in an object",
        )
    return dataclasses.replace(field, is_nullable=is_nullable, about=about)


def _number(one: Mapping[str, Any], end: str, kind: Kind) -> float | None:
    limit = one.get(end)
    is_number = isinstance(limit, int | float) and kind in ("int", "float")
    return float(limit) if is_number and limit is not None else None
