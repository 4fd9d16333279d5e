"""Say functions, methods, classes and modules."""

from __future__ import annotations

import importlib
import inspect
import linecache
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from nemotron_magic.context.describers.look import Describer, Look, and_more, short
from nemotron_magic.context.describers.statics import (
    bases,
    class_name,
    exact,
    namespace,
    state,
)

__all__ = ["KINDS", "defaults", "parameters"]

_WRAPPERS = 20
_NOTES = ("types.GenericAlias", "types.UnionType", "typing.Union")
_NAMES = 40
_SOURCE_LINES = 200
_DOC_CHARS = 600


def _function(value: FunctionType, look: Look) -> Iterator[str]:
    inner = _unwrapped(value)
    name = exact(inner.__qualname__) or "?"
    asynchronous = "async " if inspect.iscoroutinefunction(inner) else ""
    yield f"{asynchronous}function {name}{_signature(inner, look)}"
    yield from _doc(inner.__doc__)
    if look.source:
        yield from _source(inner.__code__)


def _unwrapped(value: FunctionType) -> FunctionType:
    """Give the function that a decorator wraps, as far as it is one."""
    for _ in range(_WRAPPERS):
        inner = state(value).get("__wrapped__")
        if type(inner) is not FunctionType:
            break
        value = inner
    return value


def _method(value: MethodType, look: Look) -> Iterator[str]:
    inner = value.__func__
    if type(inner) is not FunctionType:
        yield f"method of {class_name(type(value.__self__))}"
        return
    first, *others = _function(inner, look)
    yield f"method {first.removeprefix('function ')}"
    yield from others


def _cached(value: object, look: Look) -> Iterator[str]:
    inner = state(value).get("__wrapped__")
    if type(inner) is FunctionType:
        yield from _function(inner, look)
    else:
        yield "function with a cache"


def _builtin(value: Any, look: Look) -> Iterator[str]:
    signature = exact(value.__text_signature__) or "(…)"
    plain = signature.replace("$module, ", "").replace("$self, ", "")
    yield f"builtin function {exact(value.__qualname__) or '?'}{plain}"
    yield from _doc(value.__doc__)


def parameters(function: FunctionType) -> list[tuple[str, str]]:
    """Give the parameters of a function, each with its stars, in their order."""
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


def defaults(function: FunctionType) -> dict[str, object]:
    """Give the values that parameters have when none is given."""
    code = function.__code__
    values = function.__defaults__ or ()
    places = code.co_varnames[: code.co_argcount]
    found = dict(zip(places[len(places) - len(values) :], values, strict=False))
    return found | dict(function.__kwdefaults__ or {})


def _signature(function: FunctionType, look: Look) -> str:
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


def _note(note: Any, look: Look) -> str:
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
    """Give the first paragraph of a docstring."""
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


def _class(value: type, look: Look) -> Iterator[str]:
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


def _call(cls: type, look: Look) -> str:
    """Give how the class is called, as far as its `__init__` tells."""
    found = (namespace(base).get("__init__") for base in bases(cls))
    init = next((one for one in found if one is not None), None)
    if type(init) is not FunctionType:
        return ""
    return "(" + _signature(init, look).removeprefix("(self").removeprefix(", ")


def _class_source(value: type, own: Any) -> Iterator[str]:
    """Give the source of a class, found by that of its first method."""
    codes = [part.__code__ for part in own.values() if type(part) is FunctionType]
    try:
        is_python = type(value) is type
        lines = inspect.getsource(value).splitlines() if is_python and codes else []
    except (OSError, TypeError):
        lines = []
    yield "source:" if lines else "source: not to be found"
    yield from lines[:_SOURCE_LINES]


def _module(value: ModuleType, look: Look) -> Iterator[str]:
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


KINDS: dict[tuple[str, str], Describer] = {
    ("builtins", "function"): _function,
    ("builtins", "method"): _method,
    ("builtins", "builtin_function_or_method"): _builtin,
    ("builtins", "type"): _class,
    ("builtins", "module"): _module,
    ("functools", "_lru_cache_wrapper"): _cached,
}
