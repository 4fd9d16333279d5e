"""Describe functions, classes, modules, dataclasses, enums and exceptions."""

from __future__ import annotations

import importlib
import inspect
import linecache
import sys
from collections import deque
from collections.abc import Iterator
from traceback import walk_tb
from types import FunctionType, MethodType, ModuleType
from typing import Any

from nemotron_magic.context.describe.base import (
    DescribeContext,
    Describer,
    and_more,
    shorten,
)
from nemotron_magic.context.describe.builtins import entry_lines
from nemotron_magic.context.describe.privacy import tells_of_person
from nemotron_magic.core.introspection import (
    MISSING,
    bases,
    class_name,
    defaults,
    exact,
    field,
    namespace,
    read,
    state,
)

__all__ = [
    "OBJECT_KINDS",
    "dataclass_fields",
    "dataclass_lines",
    "find_init",
]


_WRAPPERS = 20
_NOTES = ("types.GenericAlias", "types.UnionType", "typing.Union")
_NAMES = 40
_SOURCE_LINES = 200
_DOC_CHARS = 600
_FIELDS = 40
_CAUSES = 3
_MESSAGE_CHARS = 400
_PLACES = 3


def _function(value: Any, ctx: DescribeContext) -> Iterator[str]:
    """Describe a function, also within a method, a cache or another wrapper."""
    kind = "method" if type(value) is MethodType else "function"
    inner, owner = value.__func__ if kind == "method" else value, value
    for _ in range(_WRAPPERS):
        if type(wrapped := state(inner).get("__wrapped__")) is not FunctionType:
            break
        inner = wrapped
    if type(inner) is not FunctionType:
        is_method = kind == "method"
        name = class_name(type(owner.__self__)) if is_method else "a cache"
        yield f"method of {name}" if is_method else f"function with {name}"
        return
    asynchronous = "async " if inspect.iscoroutinefunction(inner) else ""
    name = exact(inner.__qualname__) or "?"
    yield f"{asynchronous}{kind} {name}{_signature(inner, ctx)}"
    yield from _doc(inner.__doc__)
    if ctx.source:
        code = inner.__code__
        lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
        yield from _source(
            inspect.getblock(lines[: 10 * _SOURCE_LINES]) if lines else []
        )


def _builtin(value: Any, ctx: DescribeContext) -> Iterator[str]:
    signature = exact(value.__text_signature__) or "(…)"
    plain = signature.replace("$module, ", "").replace("$self, ", "")
    yield f"builtin function {exact(value.__qualname__) or '?'}{plain}"
    yield from _doc(value.__doc__)


def find_init(cls: type) -> FunctionType | None:
    """Return the `__init__` of a class if it is written in Python."""
    found = (namespace(base).get("__init__") for base in bases(cls))
    init = next((one for one in found if one is not None), None)
    return init if type(init) is FunctionType else None


class _Verbatim(str):
    """A text that `inspect` writes as it is."""

    __slots__ = ()
    __repr__ = str.__str__


def _signature(function: FunctionType, ctx: DescribeContext) -> str:
    code = function.__code__
    places = code.co_varnames[: code.co_argcount]
    values = {
        name: _Verbatim(shorten(ctx.headline(value, function, name), 40))
        for name, value in defaults(function).items()
    }
    # A twin without the attributes by which user code could answer for it.
    by_place = tuple(values[name] for name in places if name in values)
    twin = FunctionType(code, {}, "twin", by_place, function.__closure__)
    twin.__kwdefaults__ = values
    notes = _annotations(function).items()
    twin.__annotations__ = {name: _Verbatim(_note(note)) for name, note in notes}
    return str(inspect.signature(twin))


def _annotations(function: FunctionType) -> dict[str, object]:
    # From 3.14 on they are evaluated when they are read, which would run them; the
    # library that returns them as texts is there from 3.14 on as well.
    if sys.version_info >= (3, 14):
        library: Any = importlib.import_module("annotationlib")
        texts = library.get_annotations(function, format=library.Format.STRING)
        return dict(texts)
    return dict(function.__annotations__)


def _note(note: Any) -> str:
    """Return an annotation: a class by its name, another only if Python made it."""
    if type in bases(type(note)):
        return class_name(note)
    if type(note) is str:
        return shorten(note, 60)
    if note is None:
        return "None"
    # `list[int]` and `int | None` are Python's own; others may be of any class.
    kind = class_name(type(note))
    if kind not in _NOTES:
        return "…"
    inner = [_note(part) for part in note.__args__]
    if kind != "types.GenericAlias":
        return " | ".join("None" if one == "NoneType" else one for one in inner)
    return f"{class_name(note.__origin__)}[{', '.join(inner)}]"


def _doc(doc: object) -> Iterator[str]:
    """Yield the first paragraph of a docstring."""
    text = inspect.cleandoc(exact(doc)[: 4 * _DOC_CHARS])
    if first := " ".join(text.partition("\n\n")[0].split()):
        yield f"  {shorten(first, _DOC_CHARS)}"


def _source(block: list[str]) -> Iterator[str]:
    yield "source:" if block else "source: not to be found"
    yield from (line.rstrip("\n") for line in block[:_SOURCE_LINES])
    if len(block) > _SOURCE_LINES:
        yield f"… {len(block) - _SOURCE_LINES:,} more lines"


def _class(value: type, ctx: DescribeContext) -> Iterator[str]:
    own, init = namespace(value), find_init(value)
    call = _signature(init, ctx) if init else ""
    call = "(" + call.removeprefix("(self").removeprefix(", ") if call else ""
    yield f"class {class_name(value)}{call}"
    parents = [class_name(one) for one in bases(value)[1:-1]]
    if parents:
        yield f"  derived from {and_more(parents[:8], len(parents) - 8)}"
    yield from _doc(own.get("__doc__"))
    functions = [name for name, part in own.items() if type(part) is FunctionType]
    yield from _names_line("methods", functions)
    if ctx.source:
        # Its source is found by that of its first method.
        try:
            is_python = type(value) is type and functions
            lines = inspect.getsource(value).splitlines() if is_python else []
        except (OSError, TypeError):
            lines = []
        yield from _source(lines)


def _names_line(what: str, names: list[str]) -> Iterator[str]:
    public = [one for one in names if exact(one)[:1] not in ("_", "")]
    if public:
        yield f"  {what}: {and_more(public[:_NAMES], len(public) - _NAMES)}"


def _module(value: ModuleType, ctx: DescribeContext) -> Iterator[str]:
    own = state(value)
    version = exact(own.get("__version__"))
    yield f"module {exact(own.get('__name__')) or '?'}{version and f' {version}'}"
    yield from _doc(own.get("__doc__"))
    listed = own.get("__all__")
    others = [name for name, part in own.items() if type(part) is not ModuleType]
    yield from _names_line("names", listed if type(listed) is list else others)


def _enum(value: object, ctx: DescribeContext) -> Iterator[str]:
    name = exact(field(value, "_name_")) or "?"
    inner = ctx.headline(field(value, "_value_"), value, name)
    yield f"{class_name(type(value))}.{name} = {inner}"


def dataclass_fields(value: object, key: str = "__dataclass_fields__") -> list[str]:
    """Return the fields of a dataclass, but for those kept out of its repr."""
    found = (namespace(cls).get(key) for cls in bases(type(value)))
    fields = next((one for one in found if type(one) is dict), {})
    return [name for name, part in fields.items() if field(part, "repr") is not False]


def dataclass_lines(value: object, ctx: DescribeContext) -> Iterator[str]:
    """Yield the lines on a dataclass and its fields."""
    return _fields("dataclass", dataclass_fields(value), value, ctx)


def _model(value: object, ctx: DescribeContext) -> Iterator[str]:
    names = dataclass_fields(value, "__pydantic_fields__") or list(state(value))
    return _fields("pydantic model", names, value, ctx)


def _fields(
    kind: str, names: list[str], value: object, ctx: DescribeContext
) -> Iterator[str]:
    yield f"{class_name(type(value))} ({kind}) of {len(names)} fields"
    for name in names[:_FIELDS]:
        inner = field(value, name)
        if inner is MISSING:
            yield f"  {name}: not kept in the object, not read"
        else:
            yield from entry_lines(name, inner, value, ctx)
    if len(names) > _FIELDS:
        yield f"  … and {len(names) - _FIELDS:,} more fields"


def _exception(value: Any, ctx: DescribeContext) -> Iterator[str]:
    yield _error(value, ctx)
    trace = read(BaseException, "__traceback__", value)
    places = deque(((f.f_code, line) for f, line in walk_tb(trace)), maxlen=_PLACES)
    for code, line in places:
        yield f"  at {code.co_qualname}, line {line}"
    seen: list[object] = []
    while len(seen) < _CAUSES:
        seen.append(value)
        cause = read(BaseException, "__cause__", value)
        value = read(BaseException, "__context__", value) if cause is None else cause
        if value is None or any(value is one for one in seen):
            break
        yield f"  after {_error(value, ctx)}"


def _error(value: Any, ctx: DescribeContext) -> str:
    args = read(BaseException, "args", value)
    shown = ", ".join(
        repr(shorten(arg, _MESSAGE_CHARS))
        if type(arg) is str and (ctx.is_full or not tells_of_person(arg))
        else ctx.headline(arg, value)
        for arg in args[:5]
    )
    return f"{class_name(type(value))}({shown})"


OBJECT_KINDS: dict[tuple[str, str], Describer] = {
    ("builtins", "BaseException"): _exception,
    ("builtins", "builtin_function_or_method"): _builtin,
    ("builtins", "function"): _function,
    ("builtins", "method"): _function,
    ("builtins", "module"): _module,
    ("builtins", "type"): _class,
    ("enum", "Enum"): _enum,
    ("functools", "_lru_cache_wrapper"): _function,
    ("pydantic", "BaseModel"): _model,
}
