"""Say dataclasses, pydantic models, enums and exceptions by their fields."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

from nemotron_magic.context.describers.containers import entry
from nemotron_magic.context.describers.look import Describer, Look, short
from nemotron_magic.context.describers.privacy import tells_of_person
from nemotron_magic.context.describers.statics import (
    MISSING,
    bases,
    class_name,
    exact,
    field,
    home,
    namespace,
    read,
    state,
)

__all__ = ["KINDS", "dataclass_lines", "enum_lines", "is_dataclass", "is_enum"]

_FIELDS = 40
_CAUSES = 3
_MESSAGE_CHARS = 400
_PLACES = 3


def is_enum(value: object) -> bool:
    """Tell whether a value is a member of an enumeration."""
    return any(home(cls) == ("enum", "Enum") for cls in bases(type(value)))


def enum_lines(value: object, look: Look) -> Iterator[str]:
    """Say a member of an enumeration."""
    name = exact(field(value, "_name_")) or "?"
    inner = look.headline(field(value, "_value_"), value, name)
    yield f"{class_name(type(value))}.{name} = {inner}"


def is_dataclass(value: object) -> bool:
    """Tell whether the class of a value is a dataclass."""
    return bool(_dataclass_fields(value))


def _dataclass_fields(value: object) -> dict[str, object]:
    for cls in bases(type(value)):
        found = namespace(cls).get("__dataclass_fields__")
        if type(found) is dict:
            return found
    return {}


def dataclass_lines(value: object, look: Look) -> Iterator[str]:
    """Say a dataclass: its fields, but for those kept out of its repr."""
    names = _said(_dataclass_fields(value))
    return _fields("dataclass", names, value, look)


def _said(fields: dict[str, object]) -> list[str]:
    """Give the fields that their class does not keep out of its own repr."""
    return [name for name, part in fields.items() if field(part, "repr") is not False]


def _fields(kind: str, names: list[str], value: object, look: Look) -> Iterator[str]:
    yield f"{class_name(type(value))} ({kind}) of {len(names)} fields"
    for name in names[:_FIELDS]:
        inner = field(value, name)
        if inner is MISSING:
            yield f"  {name}: not kept in the object, not read"
        else:
            yield from entry(name, inner, value, look)
    if len(names) > _FIELDS:
        yield f"  … and {len(names) - _FIELDS:,} more fields"


def _model(value: object, look: Look) -> Iterator[str]:
    for cls in bases(type(value)):
        found = namespace(cls).get("__pydantic_fields__")
        if type(found) is dict:
            return _fields("pydantic model", _said(found), value, look)
    return _fields("pydantic model", list(state(value)), value, look)


def _exception(value: Any, look: Look) -> Iterator[str]:
    yield _error(value, look)
    for place in _places(read(BaseException, "__traceback__", value)):
        yield f"  at {place}"
    seen = {id(value)}
    cause = _cause(value)
    while cause is not None and id(cause) not in seen and len(seen) <= _CAUSES:
        seen.add(id(cause))
        yield f"  after {_error(cause, look)}"
        cause = _cause(cause)


def _error(value: Any, look: Look) -> str:
    args = read(BaseException, "args", value)
    said = ", ".join(_argument(arg, value, look) for arg in args[:5])
    return f"{class_name(type(value))}({said})"


def _argument(arg: object, value: object, look: Look) -> str:
    if type(arg) is str and (look.is_full or not tells_of_person(arg)):
        return repr(short(arg, _MESSAGE_CHARS))
    return look.headline(arg, value)


def _cause(value: Any) -> BaseException | None:
    cause = read(BaseException, "__cause__", value)
    context = read(BaseException, "__context__", value)
    found: BaseException | None = cause if cause is not None else context
    return found


def _places(trace: TracebackType | None) -> list[str]:
    """Name the last calls of a traceback: function and line."""
    places: list[str] = []
    while trace is not None:
        name = trace.tb_frame.f_code.co_qualname
        places = [*places[1 - _PLACES :], f"{name}, line {trace.tb_lineno}"]
        trace = trace.tb_next
    return places


KINDS: dict[tuple[str, str], Describer] = {
    ("builtins", "BaseException"): _exception,
    ("pydantic", "BaseModel"): _model,
}
