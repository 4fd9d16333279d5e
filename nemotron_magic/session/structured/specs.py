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

__all__ = ["is_type", "of_own_type", "parse_fields"]

_TYPES: dict[str, Kind] = {
    **{"str": "str", "int": "int", "float": "float", "bool": "bool", "date": "date"},
    **{"string": "str", "text": "str", "integer": "int", "number": "float"},
    "boolean": "bool",
}
_SHORT = ("str", "int", "float", "bool", "date", "list")
_RANGE = re.compile(r"(-?\d*\.?\d+)?\.\.(-?\d*\.?\d+)?")
_HOW = "A field is NAME TYPE: DESCRIPTION, or NAME: a|b|c; types: " + ", ".join(_SHORT)
_FLAT = (
    "A field is str, int, float, bool, date, Literal[…], a list of one of them, or "
    "| None: no object in an object"
)
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


def of_own_type(fields: Fields, names: Mapping[str, Any]) -> Fields:
    """Return the fields of a type of the user's, if only its name was typed."""
    name = fields.names[0]
    found = names.get(name) if fields == Fields((Field(name),)) else None
    is_one = isinstance(found, type) or typing.get_origin(found) is not None
    return parse_fields(found) if is_one else fields


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
        parts = [*parts[: at - 1], f"{parts[at - 1]}, {parts[at]}", *parts[at + 1 :]]
        what, separator = f"{what}; ; stands between descriptions with commas", ";"
    else:
        parts = [*parts[:at], corrected, *parts[at + 1 :]]
    text = f"{separator if separator == ',' else ';'} ".join(parts)
    return _unreadable(what, f'Did you mean: "{one_line(text, 300)}"')


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
    return re.sub(r"[\[\]]", " ", head.replace("?", " ? ")).split()


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


# --- Python types, as JSON schemas ----------------------------------------------------

_SCHEMAS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    date: {"type": "string", "format": "date"},
    list: {"type": "array"},
    types.NoneType: {"type": "null"},
}


def _of_type(spec: Any) -> Fields:
    if hasattr(spec, "model_json_schema"):  # pydantic
        fields = _of_schema(spec.model_json_schema())
        return dataclasses.replace(fields, make=spec.model_validate)
    if isinstance(spec, type) and dataclasses.is_dataclass(spec):
        hints = _hints(spec)
        names = [one.name for one in dataclasses.fields(spec) if one.init]
        fields = _of_schema({name: hints[name] for name in names})
        return dataclasses.replace(fields, make=lambda values: spec(**values))
    if typing.is_typeddict(spec):
        return _of_schema(_hints(spec))
    return Fields((_property("value", _schema(spec), {}),), is_single=True)


def _hints(spec: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(spec, include_extras=True)
    except NameError as error:
        what = f"a type in {spec.__name__} is not known: {error}"
        raise _unreadable(what, "Define it before") from None


def _schema(hint: Any) -> dict[str, Any]:
    """Return the JSON schema of an annotation."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and hint in _SCHEMAS:
        return _SCHEMAS[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint], "cast": hint}
    if origin is typing.Literal:
        return {"enum": [*arguments]}
    if origin is typing.Annotated:
        return _schema(arguments[0]) | _notes(arguments[1:])
    if origin is typing.Required:
        return _schema(arguments[0])
    if origin in (typing.Union, types.UnionType, typing.NotRequired):
        others = {} if origin is not typing.NotRequired else {types.NoneType: None}
        return {"anyOf": [_schema(one) for one in (*arguments, *others)]}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    return {"type": getattr(hint, "__name__", None) or str(hint)}


def _notes(notes: tuple[Any, ...]) -> dict[str, Any]:
    """Return what `Annotated` says: a description, and the ends of a range."""
    said = [("description", note) for note in notes if isinstance(note, str)][:1]
    for one in (one for note in notes for one in getattr(note, "metadata", [note])):
        said += [("minimum", one.ge)] if hasattr(one, "ge") else []
        said += [("maximum", one.le)] if hasattr(one, "le") else []
    return dict(said)


# --- JSON schemas ---------------------------------------------------------------------


def _of_schema(schema: Mapping[str, Any]) -> Fields:
    """Return the fields of a JSON schema, or of a dict of types by name."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        if {"type", "enum", "anyOf", "const"} & {*schema}:
            return Fields((_property("value", schema, schema),), is_single=True)
        fields = (
            _of_text(f"{name}: {one};").fields[0]
            if isinstance(one, str)
            else _property(str(name), _schema(one), {})
            for name, one in schema.items()
        )
        return Fields(tuple(fields))
    return Fields(tuple(_property(n, one, schema) for n, one in properties.items()))


def _property(name: str, one: Any, whole: Mapping[str, Any]) -> Field:
    """Return the field of one property; what cannot be sent is left out or refused."""
    one = _resolved(one, whole)
    about = one_line(str(one.get("description", "")), 500)
    unions = (one[union] for union in ("anyOf", "oneOf", "allOf") if union in one)
    for union in unions:
        others = [o for o in union if o != _SCHEMAS[types.NoneType]]
        numbers = [o for o in others if o.get("type") in ("number", "integer")]
        others = numbers if len(numbers) == 1 else others  # a Decimal
        if len(others) == 1:
            field = _property(name, others[0], whole)
            is_nullable = field.is_nullable or _SCHEMAS[types.NoneType] in union
            about = about or field.about
            return dataclasses.replace(field, is_nullable=is_nullable, about=about)
    kinds = one.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else [*kinds]
    values = [one["const"]] if "const" in one else one.get("enum")
    is_nullable = "null" in kinds or None in (values or [])
    kinds = [kind for kind in kinds if kind != "null"]
    if isinstance(values, list):
        field = _of_values(name, [value for value in values if value is not None])
        field = dataclasses.replace(field, cast=one.get("cast"))
    elif kinds == ["array"]:
        field = _property(name, one.get("items", _SCHEMAS[str]), whole)
        if field.is_list:
            raise _unreadable(f"{name} is a list of lists", _FLAT)
        field = dataclasses.replace(field, is_list=True)
    elif len(kinds) == 1 and kinds[0] in _TYPES:
        kind = "date" if one.get("format") == "date" else _TYPES[kinds[0]]
        ends = (one.get("minimum"), one.get("maximum"))
        is_number = kind in ("int", "float")
        least, most = ends if is_number else (None, None)
        field = Field(name, kind, least=least, most=most)
    else:
        raise _unreadable(
            f"{name} cannot be {one_line(', '.join(map(str, kinds)) or 'this', 60)}",
            _FLAT,
        )
    return dataclasses.replace(field, is_nullable=is_nullable, about=about)


def _resolved(one: Any, whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return a property with what its `$ref` names."""
    one = one if isinstance(one, Mapping) else {}
    found: Any = whole
    for step in str(one.get("$ref", "")).removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, Mapping) else None
    return {**(found if isinstance(found, Mapping) else {}), **one}


def _of_values(name: str, values: list[Any]) -> Field:
    kinds = {type(value) for value in values}
    if kinds not in ({str}, {int}):
        raise _unreadable(f"the values of {name} are not all str or all int", _HOW)
    kind: Kind = "str" if kinds == {str} else "int"
    return Field(name, kind, labels=tuple(map(str, values)))
