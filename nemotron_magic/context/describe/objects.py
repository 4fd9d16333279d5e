"""Describe containers, functions, classes, modules, dataclasses and exceptions."""

from __future__ import annotations

import importlib
import inspect
import linecache
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from types import FunctionType, MethodType, ModuleType, NoneType
from typing import Any

from nemotron_magic.context.describe import base, privacy, tables
from nemotron_magic.context.describe.base import DescribeContext, Lines, shorten
from nemotron_magic.core import introspection
from nemotron_magic.core.introspection import bases, class_name, defined, exact, field
from nemotron_magic.core.text import plural

_SAMPLE = 1_000
_ENTRIES = 40  # a dict of more is data rather than a record
_SHORT = 8  # a list of more is data as well
_SHOWN = 5
_RECORDS = 300
_FULL = 10_000
_DTYPES = {"pandas.ExtensionDtype", "numpy.dtype", "polars.DataType"}
_SEQUENCES = (list, tuple, set, frozenset, deque)
_WRAPPERS = 20
_NOTES = ("types.GenericAlias", "types.UnionType", "typing.Union")
_SOURCE_LINES = 2_000
_DOC_CHARS = 600
_MESSAGE_CHARS = 400


def _dict(value: dict[object, object], ctx: DescribeContext) -> Lines:
    size, kind = dict.__len__(value), class_name(type(value))
    if not size:
        yield f"{kind}, empty"
        return
    wanted = _wanted(size, _ENTRIES, ctx)
    # Pairs, not another dict: that would ask the keys for their hashes.
    head = list(islice(dict.items(value), max(wanted, _SAMPLE)))
    keys, values = zip(*head, strict=True)
    title = f"{kind} of {size:,}: {_types(keys)} → {_types(values)}"
    if not (ctx.is_full or _are_fields(value, keys, values, ctx)):
        yield f"{title}, keys not named{_range(values, size, ctx)}"
        wanted = 0
    elif _is_closed_column(keys, values, ctx):
        yield f"{title}, texts not named"
        return
    else:
        yield title
        for key, inner in head[:wanted]:
            yield from _entry(ctx.word(key, value), inner, value, ctx)
        if wanted < size:
            yield f"… {plural(size - wanted, 'more entry', 'more entries')}"
    if not wanted and all(type(inner) is dict for inner in values):
        yield from (f"  {line}" for line in _records("values", values, size, ctx))
    elif not (wanted or base.is_scalar(values[0])):
        yield f"  an entry: {ctx.headline(values[0], value).partition(': ')[0]}"


def _is_closed_column(keys: Any, values: Sequence[Any], ctx: DescribeContext) -> bool:
    """Return whether a dict holds texts by number, as a column does, and is closed."""
    return (
        all(type(one) is str for one in values)
        and all(type(key) is int or exact(key).isdigit() for key in keys)
        and not ctx.may_name(Counter(values), ctx.name)
    )


def _are_fields(value: object, keys: Any, values: Any, ctx: DescribeContext) -> bool:
    """Return whether the keys of a dict may be shown: as fields, or as a vocabulary."""
    texts = [key for key in keys if type(key) is str]
    kinds = {float if type(one) is int else type(one) for one in values}
    are_alike = len(kinds - {NoneType}) <= 1
    if privacy.is_personal(ctx.name) and are_alike and base.is_scalar(values[0]):
        return False
    if "collections.Counter" not in introspection.kinds(value):
        is_known = ctx.live.columns.issuperset(texts)
        return is_known or privacy.are_keys(texts, are_alike and len(keys) > 1)
    counts = zip(keys, values, strict=True)
    ours = {key: n if type(n) is int else 1 for key, n in counts if type(key) is str}
    return ctx.may_name(ours, ctx.name)


def _entry(label: str, inner: object, container: object, ctx: DescribeContext) -> Lines:
    """Yield the lines on one entry of a container, and on what it holds itself."""
    is_type = not _DTYPES.isdisjoint(introspection.kinds(inner))
    tells_nothing = inner is None or inner is True or inner is False or is_type
    if ctx.hides(label) and not tells_nothing:
        yield f"  {label}: {class_name(type(inner))}, {privacy.HIDDEN}"
    else:
        yield from ctx.entry(f"{label}: ", inner, container, label.strip("'\""))


def _wanted(size: int, few: int, ctx: DescribeContext) -> int:
    if ctx.is_full:
        return min(size, _FULL)
    if size <= few:
        return size
    return _SHOWN if ctx.data == "sample" else 0


def _sequence(value: object, ctx: DescribeContext) -> Lines:
    """Describe a list, tuple, set or deque, past the methods of user code."""
    classes = bases(type(value))
    cls = next(cls for cls in classes if any(cls is one for one in _SEQUENCES))
    size: int = introspection.read(cls, "__len__", value)()
    items: Iterator[object] = introspection.read(cls, "__iter__", value)()
    names, kind = defined(type(value), "_fields"), class_name(type(value))
    if cls is tuple and type(names) is tuple:
        yield f"{kind} (named tuple) of {len(names)}"
        for name, inner in zip(names, items, strict=False):
            yield from _entry(exact(name) or "?", inner, value, ctx)
        return
    if not size:
        yield f"{kind}, empty"
        return
    wanted = _wanted(size, _SHORT, ctx)
    head = list(islice(items, max(wanted, _SAMPLE)))
    texts = Counter(item for item in head if type(item) is str)
    are_scalars = all(map(base.is_scalar, head))
    title = f"{kind} of {size:,} {_types(head)}"
    if not ctx.is_full and all(type(item) is dict for item in head):
        yield from _records(title, head, size, ctx)
    elif ctx.hides(ctx.name):
        yield f"{title}, {privacy.HIDDEN}"
    # Beside objects that are no data, a text is a word of the program.
    elif are_scalars and not ctx.may_name(texts, ctx.name):
        yield f"{title}, texts not named"
    elif wanted and ctx.path and all(map(base.is_scalar, head[:wanted])):
        # Within another container a short row stands in the line itself.
        words = (ctx.word(item, value) for item in head[:wanted])
        yield f"{title}: {base.and_more(words, size - wanted)}"
    else:
        yield title if wanted == size else f"{title}{_range(head, size, ctx)}"
        for inner in head[:wanted]:
            yield from ctx.entry("- ", inner, value, ctx.name)


def _range(items: Sequence[Any], size: int, ctx: DescribeContext) -> str:
    """Return the range of many numbers, in words; empty if it is not to be told."""
    is_short = len(items) < tables.LEAST_ROWS or privacy.is_personal(ctx.name)
    if is_short or any(type(item) not in (int, float) for item in items):
        return ""
    note = f" (of the first {len(items):,})" if len(items) < size else ""
    return f", {base.format_range(min(items), max(items))}{note}"


def _records(
    title: str, items: Sequence[Any], size: int, ctx: DescribeContext
) -> Lines:
    """Describe a list of dicts as the table that it is, by its first rows."""
    # A key of another class would be asked to compare.
    rows = [
        {key: value for key, value in item.items() if type(key) is str}
        for item in items[:_RECORDS]
    ]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    shown = keys[: tables.MOST_COLUMNS]
    labels = tables.format_labels(shown, ctx, types=rows[0].values())
    columns = []
    for label, key in zip(labels, keys, strict=False):
        cells = [row.get(key) for row in rows]
        types = {type(cell) for cell in cells} - {NoneType}
        kind: tables.Kind = "text" if types == {str} else "other"
        kind = "number" if types and types <= {int, float} else kind
        named = _types(cell for cell in cells if cell is not None) or "None"
        columns.append(tables.Column(label, named, kind, cells))
    note = f" (figures of the first {len(rows):,})" if len(rows) < size else ""
    return tables.table_lines(f"{title}{note}", (size, len(keys)), columns, ctx)


def _types(items: Iterable[object]) -> str:
    """Return the names of the classes of some values, the commonest first."""
    counted = Counter(class_name(type(item)) for item in islice(items, _SAMPLE))
    names = [name for name, _ in counted.most_common(3)]
    return base.and_more(names, len(counted) - len(names))


def _function(value: Any, ctx: DescribeContext) -> Lines:
    """Describe a function, also within a method, a cache or another wrapper."""
    is_method = type(value) is MethodType
    kind, inner = ("method", value.__func__) if is_method else ("function", value)
    for _ in range(_WRAPPERS):
        wrapped = introspection.state(inner).get("__wrapped__")
        if type(wrapped) is not FunctionType:
            break
        inner = wrapped
    if type(inner) is not FunctionType:
        yield f"{kind} that is not written in Python"
        return
    start = "async " if inspect.iscoroutinefunction(inner) else ""
    yield f"{start}{kind} {exact(inner.__qualname__) or '?'}{_signature(inner, ctx)}"
    yield from _doc(inner.__doc__)
    code = inner.__code__
    lines = linecache.getlines(code.co_filename) if ctx.source else []
    lines = lines[code.co_firstlineno - 1 :][:_SOURCE_LINES]
    yield from _source(inspect.getblock(lines) if lines else [], ctx)


def find_init(cls: type) -> FunctionType | None:
    """Return the `__init__` of a class if it is written in Python."""
    init = defined(cls, "__init__")
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
        for name, value in introspection.defaults(function).items()
    }
    # A twin without the attributes by which user code could answer for it.
    by_place = tuple(values[name] for name in places if name in values)
    twin = FunctionType(code, {}, "twin", by_place, function.__closure__)
    twin.__kwdefaults__ = values
    notes: dict[str, object] = {}
    if sys.version_info < (3, 14):
        notes = function.__annotations__
    else:
        # They are evaluated when they are read, which would run user code.
        lazy: Any = importlib.import_module("annotationlib")
        notes = lazy.get_annotations(function, format=lazy.Format.STRING)
    twin.__annotations__ = {name: _Verbatim(_note(one)) for name, one in notes.items()}
    return str(inspect.signature(twin))


def _note(note: Any) -> str:
    """Return an annotation: a class by its name, another only if Python made it."""
    if note is None or note is NoneType:
        return "None"
    if type in bases(type(note)):
        return class_name(note)
    if type(note) is str:
        return shorten(note, 60)
    # `list[int]` and `int | None` are Python's own; others may be of any class.
    if (kind := class_name(type(note))) not in _NOTES:
        return "…"
    inner = map(_note, note.__args__)
    if kind == _NOTES[0]:
        return f"{class_name(note.__origin__)}[{', '.join(inner)}]"
    return " | ".join(inner)


def _doc(doc: object) -> Lines:
    """Yield the first paragraph of a docstring."""
    text = inspect.cleandoc(exact(doc)[: 4 * _DOC_CHARS])
    if first := " ".join(text.partition("\n\n")[0].split()):
        yield f"  {shorten(first, _DOC_CHARS)}"


def _source(block: list[str], ctx: DescribeContext) -> Lines:
    if ctx.source:
        yield "source:" if block else "source: not to be found"
    yield from (line.rstrip("\n") for line in block)


def _class(value: type, ctx: DescribeContext) -> Lines:
    own, init = introspection.namespace(value), find_init(value)
    call = _signature(init, ctx).removeprefix("(self") if init else ""
    yield f"class {class_name(value)}{call and '(' + call.removeprefix(', ')}"
    if parents := ", ".join(map(class_name, bases(value)[1:-1])):
        yield f"  derived from {parents}"
    yield from _doc(own.get("__doc__"))
    functions = [name for name, part in own.items() if type(part) is FunctionType]
    if public := [name for name in functions if exact(name)[:1] not in ("_", "")]:
        yield f"  methods: {', '.join(public)}"
    lines: list[str] = []
    # Its source is found by that of its first method.
    if ctx.source and type(value) is type and functions:
        with suppress(OSError, TypeError):
            lines = inspect.getsource(value).splitlines()
    yield from _source(lines, ctx)


def _module(value: ModuleType, ctx: DescribeContext) -> Lines:
    own = introspection.state(value)
    name, version = (exact(own.get(key)) for key in ("__name__", "__version__"))
    yield f"module {name or '?'} {version}".rstrip()
    yield from _doc(own.get("__doc__"))


def _enum(value: object, ctx: DescribeContext) -> Lines:
    name = exact(field(value, "_name_")) or "?"
    inner = ctx.headline(field(value, "_value_"), value, name)
    yield f"{class_name(type(value))}.{name} = {inner}"


def record_fields(value: object) -> list[str]:
    """Return the fields of a dataclass or pydantic model that its repr shows."""
    keys = ("__dataclass_fields__", "__pydantic_fields__")
    found = (defined(type(value), key) for key in keys)
    fields = next((one for one in found if type(one) is dict), {})
    return [name for name, part in fields.items() if field(part, "repr") is not False]


def record_lines(value: object, ctx: DescribeContext) -> Lines:
    """Yield the lines on an object that says which fields it has."""
    names = record_fields(value)
    yield f"{class_name(type(value))} of {len(names)} fields"
    for name in names:
        inner = field(value, name)
        if inner is introspection.MISSING:
            yield f"  {name}: not kept in the object, not read"
        else:
            yield from _entry(name, inner, value, ctx)


def _exception(value: Any, ctx: DescribeContext) -> Lines:
    shown = (
        repr(shorten(arg, _MESSAGE_CHARS))
        if type(arg) is str and (ctx.is_full or not privacy.tells_of_person(arg))
        else ctx.headline(arg, value)
        for arg in introspection.read(BaseException, "args", value)[:5]
    )
    yield f"{class_name(type(value))}({', '.join(shown)})"


KINDS: base.Kinds = {
    "builtins.BaseException": _exception,
    "builtins.dict": _dict,
    "builtins.list builtins.tuple collections.deque": _sequence,
    "builtins.set builtins.frozenset": _sequence,
    "builtins.function builtins.method functools._lru_cache_wrapper": _function,
    "builtins.module": _module,
    "builtins.type": _class,
    "enum.Enum": _enum,
}
