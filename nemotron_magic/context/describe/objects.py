"""Describe functions, classes, modules, dataclasses, enums and exceptions."""

from __future__ import annotations

import importlib
import inspect
import linecache
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType, TracebackType
from typing import Any

from nemotron_magic.context.describe.base import (
    DescribeContext,
    Describer,
    and_more,
    short,
)
from nemotron_magic.context.describe.builtins import entry
from nemotron_magic.context.describe.privacy import tells_of_person
from nemotron_magic.core.introspection import (
    MISSING,
    bases,
    class_name,
    defaults,
    exact,
    field,
    home,
    namespace,
    read,
    state,
)

__all__ = [
    "CODE_KINDS",
    "RECORD_KINDS",
    "dataclass_lines",
    "enum_lines",
    "is_dataclass",
    "is_enum",
    "parameters",
]


_WRAPPERS = 20
_NOTES = ("types.GenericAlias", "types.UnionType", "typing.Union")
_NAMES = 40
_SOURCE_LINES = 200
_DOC_CHARS = 600


def _function(value: FunctionType, look: DescribeContext) -> Iterator[str]:
    inner = _unwrapped(value)
    name = exact(inner.__qualname__) or "?"
    asynchronous = "async " if inspect.iscoroutinefunction(inner) else ""
    yield f"{asynchronous}function {name}{_signature(inner, look)}"
    yield from _doc(inner.__doc__)
    if look.source:
        yield from _source(inner.__code__)


def _unwrapped(value: FunctionType) -> FunctionType:
    """Return the function that a decorator wraps, as far as it is one."""
    for _ in range(_WRAPPERS):
        inner = state(value).get("__wrapped__")
        if type(inner) is not FunctionType:
            break
        value = inner
    return value


def _method(value: MethodType, look: DescribeContext) -> Iterator[str]:
    inner = value.__func__
    if type(inner) is not FunctionType:
        yield f"method of {class_name(type(value.__self__))}"
        return
    first, *others = _function(inner, look)
    yield f"method {first.removeprefix('function ')}"
    yield from others


def _cached(value: object, look: DescribeContext) -> Iterator[str]:
    inner = state(value).get("__wrapped__")
    if type(inner) is FunctionType:
        yield from _function(inner, look)
    else:
        yield "function with a cache"


def _builtin(value: Any, look: DescribeContext) -> Iterator[str]:
    signature = exact(value.__text_signature__) or "(…)"
    plain = signature.replace("$module, ", "").replace("$self, ", "")
    yield f"builtin function {exact(value.__qualname__) or '?'}{plain}"
    yield from _doc(value.__doc__)


def parameters(function: FunctionType) -> list[tuple[str, str]]:
    """Return the parameters of a function, each with its stars, in their order."""
    code = function.__code__
    names = code.co_varnames
    places, only = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    found = [("", name) for name in names[:places]]
    rest = list(names[only:])
    if code.co_flags & inspect.CO_VARARGS:
        found.append(("*", rest.pop(0)))
    elif code.co_kwonlyargcount:
        found.append(("*", ""))
    found += [("", name) for name in names[places:only]]
    if code.co_flags & inspect.CO_VARKEYWORDS:
        found.append(("**", rest.pop(0)))
    if code.co_posonlyargcount:
        found.insert(code.co_posonlyargcount, ("/", ""))
    return found


def _signature(function: FunctionType, look: DescribeContext) -> str:
    given, notes = defaults(function), _annotations(function)
    parts = []
    for stars, name in parameters(function):
        note = f": {_note(notes[name], look)}" if name in notes else ""
        value = look.headline(given[name], function, name) if name in given else ""
        value = short(value, 40)
        equals = " = " if note else "="
        parts.append(f"{stars}{name}{note}{equals + value if value else ''}")
    returns = f" -> {_note(notes['return'], look)}" if "return" in notes else ""
    return f"({', '.join(parts)}){returns}"


def _annotations(function: FunctionType) -> dict[str, object]:
    # From 3.14 on they are evaluated when they are read, which would run them; the
    # library that gives them as texts is there from 3.14 on as well.
    if sys.version_info >= (3, 14):
        library: Any = importlib.import_module("annotationlib")
        texts = library.get_annotations(function, format=library.Format.STRING)
        return dict(texts)
    return dict(function.__annotations__)


def _note(note: Any, look: DescribeContext) -> str:
    """Say an annotation: a class by its name, and others only if Python made them."""
    if type in bases(type(note)):
        return class_name(note)
    if type(note) is str:
        return short(note, 60)
    if note is None:
        return "None"
    # `list[int]` and `int | None` are Python's own; others may be of any class.
    kind = class_name(type(note))
    if kind not in _NOTES:
        return "…"
    inner = [_note(part, look) for part in note.__args__]
    if kind != "types.GenericAlias":
        return " | ".join("None" if one == "NoneType" else one for one in inner)
    return f"{class_name(note.__origin__)}[{', '.join(inner)}]"


def _doc(doc: object) -> Iterator[str]:
    """Yield the first paragraph of a docstring."""
    text = inspect.cleandoc(exact(doc)[: 4 * _DOC_CHARS])
    first = " ".join(text.partition("\n\n")[0].split())
    if first:
        yield f"  {short(first, _DOC_CHARS)}"


def _source(code: CodeType) -> Iterator[str]:
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    block = inspect.getblock(lines[: 10 * _SOURCE_LINES]) if lines else []
    yield "source:" if block else "source: not to be found"
    yield from (line.rstrip("\n") for line in block[:_SOURCE_LINES])
    if len(block) > _SOURCE_LINES:
        yield f"… {len(block) - _SOURCE_LINES:,} more lines"


def _class(value: type, look: DescribeContext) -> Iterator[str]:
    own = namespace(value)
    yield f"class {class_name(value)}{_call(value, look)}"
    parents = [class_name(one) for one in bases(value)[1:-1]]
    if parents:
        yield f"  derived from {and_more(parents[:8], len(parents) - 8)}"
    yield from _doc(own.get("__doc__"))
    functions = [name for name, part in own.items() if type(part) is FunctionType]
    methods = [name for name in functions if exact(name)[:1] not in ("_", "")]
    if methods:
        yield f"  methods: {and_more(methods[:_NAMES], len(methods) - _NAMES)}"
    if look.source:
        yield from _class_source(value, own)


def _call(cls: type, look: DescribeContext) -> str:
    """Return how the class is called, as far as its `__init__` tells."""
    found = (namespace(base).get("__init__") for base in bases(cls))
    init = next((one for one in found if one is not None), None)
    if type(init) is not FunctionType:
        return ""
    return "(" + _signature(init, look).removeprefix("(self").removeprefix(", ")


def _class_source(value: type, own: Any) -> Iterator[str]:
    """Yield the source of a class, found by that of its first method."""
    codes = [part.__code__ for part in own.values() if type(part) is FunctionType]
    try:
        is_python = type(value) is type
        lines = inspect.getsource(value).splitlines() if is_python and codes else []
    except (OSError, TypeError):
        lines = []
    yield "source:" if lines else "source: not to be found"
    yield from lines[:_SOURCE_LINES]


def _module(value: ModuleType, look: DescribeContext) -> Iterator[str]:
    own = state(value)
    version = exact(own.get("__version__"))
    name = exact(own.get("__name__")) or "?"
    yield f"module {name}{f' {version}' if version else ''}"
    yield from _doc(own.get("__doc__"))
    listed = own.get("__all__")
    others = [one for one, part in own.items() if type(part) is not ModuleType]
    names = [exact(one) for one in (listed if type(listed) is list else others)]
    public = [one for one in names if one and one[0] != "_"]
    if public:
        yield f"  names: {and_more(public[:_NAMES], len(public) - _NAMES)}"


CODE_KINDS: dict[tuple[str, str], Describer] = {
    ("builtins", "function"): _function,
    ("builtins", "method"): _method,
    ("builtins", "builtin_function_or_method"): _builtin,
    ("builtins", "type"): _class,
    ("builtins", "module"): _module,
    ("functools", "_lru_cache_wrapper"): _cached,
}

_FIELDS = 40
_CAUSES = 3
_MESSAGE_CHARS = 400
_PLACES = 3


def is_enum(value: object) -> bool:
    """Return whether a value is a member of an enumeration."""
    return any(home(cls) == ("enum", "Enum") for cls in bases(type(value)))


def enum_lines(value: object, look: DescribeContext) -> Iterator[str]:
    """Say a member of an enumeration."""
    name = exact(field(value, "_name_")) or "?"
    inner = look.headline(field(value, "_value_"), value, name)
    yield f"{class_name(type(value))}.{name} = {inner}"


def is_dataclass(value: object) -> bool:
    """Return whether the class of a value is a dataclass."""
    return bool(_dataclass_fields(value))


def _dataclass_fields(value: object) -> dict[str, object]:
    for cls in bases(type(value)):
        found = namespace(cls).get("__dataclass_fields__")
        if type(found) is dict:
            return found
    return {}


def dataclass_lines(value: object, look: DescribeContext) -> Iterator[str]:
    """Say a dataclass: its fields, but for those kept out of its repr."""
    names = _said(_dataclass_fields(value))
    return _fields("dataclass", names, value, look)


def _said(fields: dict[str, object]) -> list[str]:
    """Return the fields that their class does not keep out of its own repr."""
    return [name for name, part in fields.items() if field(part, "repr") is not False]


def _fields(
    kind: str, names: list[str], value: object, look: DescribeContext
) -> Iterator[str]:
    yield f"{class_name(type(value))} ({kind}) of {len(names)} fields"
    for name in names[:_FIELDS]:
        inner = field(value, name)
        if inner is MISSING:
            yield f"  {name}: not kept in the object, not read"
        else:
            yield from entry(name, inner, value, look)
    if len(names) > _FIELDS:
        yield f"  … and {len(names) - _FIELDS:,} more fields"


def _model(value: object, look: DescribeContext) -> Iterator[str]:
    for cls in bases(type(value)):
        found = namespace(cls).get("__pydantic_fields__")
        if type(found) is dict:
            return _fields("pydantic model", _said(found), value, look)
    return _fields("pydantic model", list(state(value)), value, look)


def _exception(value: Any, look: DescribeContext) -> Iterator[str]:
    yield _error(value, look)
    for place in _places(read(BaseException, "__traceback__", value)):
        yield f"  at {place}"
    seen = {id(value)}
    cause = _cause(value)
    while cause is not None and id(cause) not in seen and len(seen) <= _CAUSES:
        seen.add(id(cause))
        yield f"  after {_error(cause, look)}"
        cause = _cause(cause)


def _error(value: Any, look: DescribeContext) -> str:
    args = read(BaseException, "args", value)
    said = ", ".join(_argument(arg, value, look) for arg in args[:5])
    return f"{class_name(type(value))}({said})"


def _argument(arg: object, value: object, look: DescribeContext) -> str:
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


RECORD_KINDS: dict[tuple[str, str], Describer] = {
    ("builtins", "BaseException"): _exception,
    ("pydantic", "BaseModel"): _model,
}
