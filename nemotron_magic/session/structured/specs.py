"""Read what fields are wanted: the language of `--as`, Python types, JSON schemas."""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from enum import Enum
from typing import Any

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.text import closest_match, one_line
from nemotron_magic.session.structured.fields import Field, Fields, Kind

_TYPES: dict[str, Kind] = {
    **{"str": "str", "int": "int", "float": "float", "bool": "bool", "date": "date"},
    **{"string": "str", "text": "str", "integer": "int", "number": "float"},
    "boolean": "bool",
}
_SHORT = ("str", "int", "float", "bool", "date", "list")
_RANGE = re.compile(r"(-?\d*\.?\d+)?\.\.(-?\d*\.?\d+)?")
_FORM = "A field is NAME TYPE 1..5: DESCRIPTION, or NAME: a|b|c"
_HOW = f"{_FORM}; types: {', '.join(_SHORT)}"
_FLAT = (
    "A field is str, int, float, bool, date, Literal[…], a list of one of them, or "
    "| None: no object in an object"
)
_MOST_FIELDS = 64


def parse_fields(spec: Any, name: str = "") -> Fields:
    """Return the fields that are asked for; `name` is that of a single value's."""
    if isinstance(spec, Fields):
        return spec.named(name)
    if isinstance(spec, str):
        fields = _of_text(spec)
    elif isinstance(spec, Mapping):
        fields = _of_schema(spec)
    else:
        fields = _of_type(spec)
    names = [one.casefold() for one in fields.names]
    if twice := [one for one in names if names.count(one) > 1]:
        raise _unreadable(f"there are two fields {twice[0]}", "Name each once")
    if not 0 < len(names) <= _MOST_FIELDS:
        many = f"there are {len(names)} fields, and {_MOST_FIELDS} at most"
        raise _unreadable(many if names else "there are no fields")
    return fields.named(name)


def is_type(word: str) -> bool:
    """Return whether a word is a type in the language of `--as`."""
    return word.rstrip("?") in _SHORT


def of_own_type(fields: Fields, names: Mapping[str, Any]) -> Fields:
    """Return the fields of a type in user code, if only its name was typed."""

    def is_type(value: Any) -> bool:
        return isinstance(value, type) or typing.get_origin(value) is not None

    name = fields.names[0]
    if fields != Fields((Field(name),)):
        return fields
    if name in names:
        return parse_fields(names[name]) if is_type(names[name]) else fields
    known = (one for one, value in names.items() if is_type(value))
    if name[0].isupper() and (near := closest_match(name, known)):
        hint = f'Did you mean: --as {near}   For a text: --as "{name} str"'
        raise _unreadable(f"there is no type {name}", hint)
    return fields


def _unreadable(what: str, hint: str = _HOW) -> InputError:
    return InputError(f"--as: {what}", "nothing was sent", hint)


class _Wrong(Exception):
    """A text cannot be read; holds what is wrong, and the text as it may be meant."""


def _of_text(spec: str) -> Fields:
    wrong, meant = "", spec
    for _ in range(_MOST_FIELDS + 1):  # each may be wrong
        try:
            fields = _fields(meant)
        except _Wrong as error:
            what, meant = error.args
            wrong = wrong or what
            continue
        if not wrong:
            return fields
        raise _unreadable(wrong, f'Did you mean: "{one_line(meant, 300)}"')
    raise _unreadable(wrong)


def _fields(spec: str) -> Fields:
    separator = next((one for one in ("\n", ";") if one in spec.strip()), ",")
    parts = [stripped for part in spec.split(separator) if (stripped := part.strip())]
    if len(parts) == 1 and (single := _single(parts[0])):
        return Fields((single,), is_single=True)
    fields: dict[str, Field] = {}
    for at, part in enumerate(parts):
        try:
            one = _field(part)
            if (name := one.name.casefold()) in fields:
                meant = part.replace(one.name, f"{one.name}_2", 1)
                raise _Wrong(f"there are two fields {name}", meant)
            fields[name] = one
        except _Wrong as error:
            wrong, parts[at] = error.args
            begun = parts[at - 1] if at and separator == "," else ""
            if ":" in begun and not {":", "|"} & {*part}:
                # A description with a comma in it.
                parts[at - 1 : at + 1], separator = [f"{begun}, {part}"], ";"
            # What ends in a semicolon is not parted at its commas.
            end = ";" if separator == ";" and len(parts) == 1 else ""
            meant = f"{separator.strip() or ';'} ".join(parts) + end
            raise _Wrong(wrong, meant) from None
    return Fields(tuple(fields.values()))


def _single(part: str) -> Field | None:
    """Return the field of a lone type or of lone labels; None if it has a name."""
    head, colon, tail = (one.strip() for one in part.partition(":"))
    shape = _tokens(head)
    if shape and shape[0] in _SHORT:
        return _shaped(Field("value"), shape, tail, part)
    first, bar, _ = head.partition("|")
    is_name = " " in first.strip() and not re.fullmatch(r"\s*(['\"]).*\1\s*", first)
    is_named = colon or not bar or is_name
    return None if is_named else _shaped(Field("label"), [], head, part)


def _tokens(head: str) -> list[str]:
    return re.sub(r"[\[\]]", " ", head.replace("?", " ? ")).split()


def _field(part: str) -> Field:
    head, _, tail = (one.strip() for one in part.partition(":"))
    shown = one_line(part, 60)
    if "|" in head:
        name, _, labels = part.partition(" ")
        labels = labels.strip(" ()[]")
        is_named = name.isidentifier() and labels
        meant = f"{name}: {labels}" if is_named else f"label: {part}"
        raise _Wrong(f"{shown} lacks a colon", meant)
    name, *shape = _tokens(head) or [""]
    if not name or (name in _SHORT and name != "date"):
        raise _Wrong(f"{shown} has no name", f"name{' ' * bool(name)}{part}")
    if not name.isidentifier() or name.startswith("_"):
        plain = re.sub(r"\W+", "_", name).strip("_") or "name"
        plain = plain if plain.isidentifier() else f"n{plain}"
        raise _Wrong(f"{one_line(name, 40)} is no name", part.replace(name, plain, 1))
    typed = _tokens(tail)
    if not shape and all(t == "?" or t in _SHORT or _RANGE.fullmatch(t) for t in typed):
        shape, tail = typed, ""  # total: float
    has_labels = "|" in tail
    if "enum" in shape and not has_labels:
        raise _Wrong(f"{name} has no labels", f"{name}: one|another")
    one = Field(name, "date" if name == "date" and not has_labels else "str")
    return _shaped(one, shape, tail, part)


def _shaped(one: Field, shape: list[str], tail: str, part: str) -> Field:
    """Return a field with its type, range and `?`, and its description or labels."""
    for token in shape:
        limits = _RANGE.fullmatch(token)
        if token == "?":
            one = replace(one, is_nullable=True)
        elif token == "list":
            one = replace(one, is_list=True)
        elif token in _TYPES:
            one = replace(one, kind=_TYPES[token])
        elif limits and any(limits.groups()):
            one = _limited(one, limits, part)
        elif token not in ("enum", "of"):
            what = f"{one_line(part, 60)}: {one_line(token, 30)} is no type"
            raise _Wrong(what, _meant(part, token))
    if "|" not in tail:
        return replace(one, about=one_line(tail, 500))
    texts = tail.rstrip("? ").split("|")
    plain = (re.sub(r"^(['\"])(.*)\1$", r"\2", text.strip()) for text in texts)
    labels = tuple(dict.fromkeys(filter(None, plain)))
    are_numbers = all(re.fullmatch(r"-?\d+", label) for label in labels)
    if not labels or one.kind not in ("str", "int" if are_numbers else "str"):
        what = f"{one.name} has labels that are no {one.kind}"
        raise _Wrong(what, f"{one.name}: {'|'.join(labels) or 'one|another'}")
    is_nullable = one.is_nullable or tail.endswith("?")
    return replace(one, labels=labels, is_nullable=is_nullable)


def _limited(one: Field, limits: re.Match[str], part: str) -> Field:
    least, most = (None if end is None else float(end) for end in limits.groups())
    kind = one.kind
    if kind == "str":
        kind = "float" if "." in "".join(filter(None, limits.groups())) else "int"
    if kind not in ("int", "float"):
        what = f"{one.name} has a range, but is no number"
        raise _Wrong(what, f"{one.name} int {limits[0]}")
    if least is not None and most is not None and least > most:
        turned = part.replace(limits[0], f"{limits[2]}..{limits[1]}", 1)
        raise _Wrong(f"{limits[0]} ends before it begins", turned)
    return replace(one, kind=kind, least=least, most=most)


def _meant(part: str, token: str) -> str:
    """Return what may have been meant by a field with what is no type in it."""
    if dash := re.fullmatch(r"(-?[\d.]+)[-–—](-?[\d.]+)", token):
        return part.replace(token, f"{dash[1]}..{dash[2]}", 1)
    if near := difflib.get_close_matches(token.lower(), [*_TYPES, "list"], 1, 0.7):
        return part.replace(token, near[0], 1)
    name = _tokens(part)[0]
    rest = part.partition(name)[2].replace(":", " –", 1)
    return f"{name}: {rest.strip(' ?[]')}"


_NULL = {"type": "null"}
_SCHEMAS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    date: {"type": "string", "format": "date"},
    list: {"type": "array"},
    types.NoneType: _NULL,
}


def _of_type(spec: Any) -> Fields:
    if hasattr(spec, "model_json_schema"):  # pydantic
        return replace(_of_schema(spec.model_json_schema()), make=spec.model_validate)
    is_filled = isinstance(spec, type) and dataclasses.is_dataclass(spec)
    if not is_filled and not typing.is_typeddict(spec):
        return _of_schema(_schema(spec))
    try:
        hints = typing.get_type_hints(spec, include_extras=True)
    except NameError as error:
        what = f"a type in {spec.__name__} is not known: {error}"
        raise _unreadable(what, "Define it before") from None
    if is_filled:
        names = [one.name for one in dataclasses.fields(spec) if one.init]
        fields = _of_schema({name: hints[name] for name in names})
        return replace(fields, make=lambda values: spec(**values))
    # Where annotations are texts, it does not know what is `Required`.
    origins = {name: typing.get_origin(hint) for name, hint in hints.items()}
    loose = {n for n in spec.__optional_keys__ if origins[n] is not typing.Required}
    own = _of_schema(hints).fields
    made = (replace(f, is_nullable=f.is_nullable or f.name in loose) for f in own)
    return Fields(tuple(made))


def _schema(hint: Any) -> dict[str, Any]:
    """Return the JSON schema of an annotation."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and hint in _SCHEMAS:
        return _SCHEMAS[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint], "cast": hint}
    if origin is typing.Literal:
        return {"enum": [*arguments]}
    if origin in (typing.Annotated, typing.Required):
        return _schema(arguments[0]) | _notes(arguments[1:])
    if origin in (typing.Union, types.UnionType, typing.NotRequired):
        others = [types.NoneType] if origin is typing.NotRequired else []
        return {"anyOf": [_schema(one) for one in (*arguments, *others)]}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    return {"type": getattr(hint, "__name__", None) or str(hint)}


def _notes(notes: tuple[Any, ...]) -> dict[str, Any]:
    """Return what `Annotated` says: a description, and the ends of a range."""
    parts = [one for note in notes for one in getattr(note, "metadata", [note])]
    said = [("description", note) for note in notes if isinstance(note, str)][:1]
    said += [("description", d) for n in notes if (d := getattr(n, "description", ""))]
    said += [("minimum", one.ge) for one in parts if hasattr(one, "ge")]
    said += [("maximum", one.le) for one in parts if hasattr(one, "le")]
    return dict(said)


def _of_schema(schema: Mapping[str, Any]) -> Fields:
    """Return the fields of a JSON schema, or of a dict of types by name."""
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        return Fields(tuple(_property(n, p, schema) for n, p in properties.items()))
    if {"type", "enum", "anyOf", "const"} & {*schema}:
        return Fields((_property("value", schema, schema),), is_single=True)
    texts = {n: f"{n}: {one};" for n, one in schema.items() if isinstance(one, str)}
    fields = (
        _of_text(texts[n]).fields[0]
        if n in texts
        else _property(str(n), _schema(t), {})
        for n, t in schema.items()
    )
    return Fields(tuple(fields))


def _property(name: str, one: Any, whole: Mapping[str, Any]) -> Field:
    """Return the field of one property; what cannot be sent is left out or refused."""
    one = _resolved(one, whole)
    about = one_line(str(one.get("description", "")), 500)
    union = one.get("anyOf") or one.get("allOf") or []
    others = [other for other in union if other != _NULL]
    numbers = [other for other in others if other.get("type") == "number"]
    others = numbers if len(numbers) == 1 else others  # a Decimal
    if len(others) == 1:
        one = _resolved(others[0], whole)
    kinds = one.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else [*kinds]
    values = [one["const"]] if "const" in one else one.get("enum") or []
    is_nullable = _NULL in union or "null" in kinds or None in values
    kinds = [kind for kind in kinds if kind != "null"]
    if values:
        values = [value for value in values if value is not None]
        types_ = {type(value) for value in values}
        if types_ not in ({str}, {int}):
            raise _unreadable(f"the values of {name} are not all str or all int")
        kind: Kind = "str" if types_ == {str} else "int"
        field = Field(name, kind, (*map(str, values),), cast=one.get("cast"))
    elif kinds == ["array"]:
        field = _property(name, one.get("items", _SCHEMAS[str]), whole)
        if field.is_list:
            raise _unreadable(f"{name} is a list of lists", _FLAT)
        field = replace(field, is_list=True)
    elif len(kinds) == 1 and kinds[0] in _TYPES:
        kind = "date" if one.get("format") == "date" else _TYPES[kinds[0]]
        is_number = kind in ("int", "float")
        ends = (one.get("minimum"), one.get("maximum")) if is_number else (None, None)
        field = Field(name, kind, least=ends[0], most=ends[1])
    else:
        either = " or ".join(str(other.get("type", "object")) for other in others)
        shown = ", ".join(map(str, kinds)) or either or "of any type"
        raise _unreadable(f"{name} cannot be {one_line(shown, 60)}", _FLAT)
    return replace(field, is_nullable=is_nullable, about=about)


def _resolved(one: Any, whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return a property with what its `$ref` names."""
    one = one if isinstance(one, Mapping) else {}
    found: Any = whole
    for step in str(one.get("$ref", "")).removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, Mapping) else None
    return {**(found if isinstance(found, Mapping) else {}), **one}
