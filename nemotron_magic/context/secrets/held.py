"""Secrets that variables hold: strings under telling names, also in containers."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import chain, islice
from threading import local
from types import FunctionType, MemberDescriptorType
from typing import Any, TypeAlias

from nemotron_magic.context.secrets import values
from nemotron_magic.context.secrets.values import Strength, Telling
from nemotron_magic.core import introspection
from nemotron_magic.core.endpoint import secret_value, without_traceback
from nemotron_magic.core.introspection import bases, exact, home, namespace, read

_CLASSES = 2_000
_COLUMNS = _ROWS = 1_000  # of a column at either end
_ENTRIES = 500  # of a container are looked at; of one with a telling name:
_TOLD_ENTRIES = 4_000
_LIBRARIES = os.path.dirname(os.__file__)
_LEFT_OUT = ("IPython", "builtins", "ipykernel", "nemotron_magic", "traitlets")
_SEQUENCES = (list, tuple, set, frozenset, deque)
_WRITE = {"numpy": "tolist", "pandas": "tolist", "polars": "to_list"}
_WRITE |= {"pyarrow": "to_pylist"}

_Pairs: TypeAlias = Iterable[tuple[object, object]]
_Parts: TypeAlias = Callable[[Any], _Pairs]


class _Column(partial[Any]):
    """A call that reads a column, made only if its name is telling."""


def _text_of(value: Any) -> str | None:
    """Return a text, or what bytes say; None if the value is neither."""
    cls = type(value)
    if cls is bytes or cls is bytearray:
        return bytes(value).decode("utf-8", "replace")
    return str.__str__(value) if any(base is str for base in bases(cls)) else None


def _parts_of(cls: type) -> _Parts | None:
    """Return the function that yields what values of a class hold; None if none may."""
    # By identity: the hash of a class may be code of its metaclass.
    found = _known.get(id(cls))
    if found is None:
        if len(_known) >= _CLASSES:
            _known.clear()
        found = _known[id(cls)] = (cls, _new_parts_of(cls))
    return found[1]


def _new_parts_of(cls: type) -> _Parts | None:
    classes = bases(cls)
    if any(base is BaseException for base in classes):
        return _attributes
    for base in classes:
        where = home(base)
        if where in _PARTS:
            return _PARTS[where]
        if where[0] in _LEFT_OUT and base is not object:
            return None
    has_own = any("__dict__" in namespace(base) for base in classes)
    return _attributes if has_own or _slots(cls) else None


def _items(value: Any) -> _Pairs:
    classes = bases(type(value))
    cls = next(one for one in classes if any(one is kind for kind in _SEQUENCES))
    items: Iterator[object] = read(cls, "__iter__", value)()
    found = (namespace(base).get("_fields") for base in classes)
    names = next((one for one in found if type(one) is tuple), None)
    if names is not None:
        return zip(names, items, strict=False)
    if type(value) is tuple and len(value) == 2:
        # Of two, the first may name the second, as in a list of headers.
        return [(None, value[0]), value]
    return ((None, item) for item in items)


def _attributes(value: object) -> _Pairs:
    yield from list(introspection.state(value).items())
    for cls, name in _slots(type(value)):
        with suppress(AttributeError):
            yield name, read(cls, name, value)


def _slots(cls: type) -> list[tuple[type, str]]:
    return [
        (base, name)
        for base in bases(cls)
        for name, slot in namespace(base).items()
        if type(slot) is MemberDescriptorType and name[:2] != "__"
    ]


def _members(value: type) -> _Pairs:
    # The descriptions that dataclasses and others keep hold words of their own.
    return [
        (name, part)
        for name, part in list(namespace(value).items())
        if (type(part) is FunctionType or exact(name)[:2] != "__")
        and home(value)[0] not in _LEFT_OUT
    ]


def _globals(value: object) -> _Pairs:
    """Return the names of a module of user code, from a file or made by hand."""
    own = introspection.state(value)
    file = exact(own.get("__file__"))
    is_of_library = "site-packages" in file or file.startswith(_LIBRARIES)
    is_builtin = not file and own.get("__spec__") is not None
    return () if is_of_library or is_builtin else list(own.items())


def _of_function(value: Any) -> _Pairs:
    """Yield the defaults of a function, its attributes and what it closes over."""
    yield from introspection.defaults(value).items()
    yield from list(introspection.state(value).items())
    cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
    for name, cell in cells:
        with suppress(ValueError):  # an empty cell
            yield name, cell.cell_contents


def _of_context(value: Any) -> _Pairs:
    with suppress(LookupError):
        yield value.name, value.get()


def _frame(value: Any) -> _Pairs:
    frame = introspection.as_library(value)
    labels = frame.columns[:_COLUMNS]
    if type(labels) is list:  # of polars, whose rows have no names
        return _columns(labels, frame.to_series)
    columns = _columns(labels.tolist(), lambda place: frame.iloc[:, place])
    return chain(_index(frame.index), columns)


def _polars_series(value: Any) -> _Pairs:
    series = introspection.as_library(value)
    return [(series.name, _Column(lambda: series))]


def _pandas_series(value: Any) -> _Pairs:
    series = introspection.as_library(value)
    named = _index(series.index)
    labels = series.index.tolist() if named and len(series) <= _ENTRIES else []
    cells = zip(labels, _cells(series) if labels else (), strict=True)
    return chain(named, [(series.name, _Column(lambda: series))], cells)


def _index(index: Any) -> list[tuple[object, object]]:
    is_plain = type(index).__name__ == "Index"
    return [(index.name, _Column(lambda: index))] if is_plain else []


def _arrow_table(value: Any) -> _Pairs:
    return _columns(value.schema.names[:_COLUMNS], value.column)


def _columns(names: list[object], column: Callable[[int], Any]) -> _Pairs:
    return ((name, _Column(column, i)) for i, name in enumerate(names))


def _unnamed(value: Any) -> _Pairs:
    column = value() if type(value) is _Column else value
    return ((None, cell) for cell in _cells(column))


def _cells(column: Any) -> list[object]:
    """Return the first and the last cells of a column or array of any library."""
    kind = next(home(cls)[0] for cls in bases(type(column)) if home(cls)[0] in _WRITE)
    if kind == "numpy":
        numpy = introspection.library("numpy")
        column = numpy.ndarray.view(column, numpy.ndarray).ravel()
        column = column if column.dtype.kind in "OUS" else column[:0]
    # Others keep their cells in an array of their own.
    if kind == "pandas" and home(type(column.dtype))[0] not in ("pandas", "numpy"):
        return []
    rows = getattr(column, "iloc", column)
    parts = rows[:_ROWS], rows[max(_ROWS, len(column) - _ROWS) :]
    return [cell for part in parts for cell in getattr(part, _WRITE[kind])()]


_known: dict[int, tuple[type, _Parts | None]] = {}
_PARTS: dict[tuple[str, str], _Parts | None] = {
    ("builtins", "dict"): dict.items,
    **{(cls.__module__, cls.__name__): _items for cls in _SEQUENCES},
    ("builtins", "function"): _of_function,
    ("_thread", "_local"): lambda value: list(
        local.__getattribute__(value, "__dict__").items()
    ),
    ("builtins", "method"): lambda value: [(None, value.__self__)],
    ("_contextvars", "ContextVar"): _of_context,
    ("builtins", "type"): _members,
    ("builtins", "module"): _globals,
    ("numpy", "ndarray"): _unnamed,
    ("pandas", "DataFrame"): _frame,
    ("pandas", "Series"): _pandas_series,
    ("pandas", "Index"): _index,
    ("polars", "DataFrame"): _frame,
    ("polars", "Series"): _polars_series,
    ("pyarrow", "Table"): _arrow_table,
    ("pyarrow", "RecordBatch"): _arrow_table,
    ("pyarrow", "Array"): _unnamed,
    ("pyarrow", "ChunkedArray"): _unnamed,
    ("nemotron_magic", "_Column"): _unnamed,
}
_CONTAINERS = {_attributes, dict.items, _items}
_TABLES = {_arrow_table, _frame}

_MOST = 2_000  # secrets are remembered
_DEEPEST = 3
_LOOKS = 200  # at parts of what has no telling name, together; the first time:
_FIRST_LOOKS = 20_000
_TOLD_LOOKS = 5_000  # at parts of one that has
_IN_TURN = 200  # variables that nothing names come with each look
_TURN = 50  # variables further on begins the next look
_LONGEST_CELL = 10_000
_TABLE = 70  # as dear as this number of parts
_PLAIN = {id(cls) for cls in (str, int, float, bool, type(None))}  # have no parts
_TYPICAL = 100  # that tell whether a list is one of words

_Waiting: TypeAlias = "deque[tuple[Any, _Parts, int, Telling | None]]"


class Held:
    """Finds the secrets that variables hold, and remembers them."""

    __slots__ = ("_found", "_known", "_labels", "_looks", "_telling", "_variables")

    def __init__(self, variables: Mapping[str, object]) -> None:
        self._variables = variables
        self._known: dict[str, int] = {}
        self._labels: set[str] = set()
        self._looks = 0
        self._telling: set[str] = set()
        self._found = secret_value(dict[str, str]())

    def look(self) -> None:
        """Note what variables hold now."""
        without_traceback(self._look)

    def secrets(self) -> dict[str, str]:
        """Return the secrets held now and before, each with its kind."""
        return without_traceback(self._secrets)

    def _secrets(self) -> dict[str, str]:
        self._look()
        # The name of a variable or of a column is none, whichever name holds it.
        names, labels, found = self._variables, self._labels, self._found(0).copy()
        return {k: v for k, v in found.items() if k not in labels and k not in names}

    def _look(self) -> None:
        # A session may have thousands, of which next to none are new.
        found, variables = self._found(0), dict(self._variables)
        ids = dict(zip(variables, map(id, variables.values()), strict=True))
        before, self._known = self._known.get, ids
        new = [name for name, one in ids.items() if before(name) != one]
        self._telling |= {name for name in new if _told_by(name)}
        cells = variables.get("In")
        last = exact(cells[-1]) if type(cells) is list and cells else ""
        # The last cell may have changed what it names.
        named = self._telling.union(re.findall(r"[^\W\d]\w*", last[:_LONGEST_CELL]))
        first = sorted(named & ids.keys())
        kinds = map(type, variables.values())
        rest = [k for k, t in zip(variables, kinds, strict=True) if id(t) not in _PLAIN]
        start = self._looks * _TURN % (len(rest) or 1)
        turn = (rest[start:] + rest[:start])[:_IN_TURN]
        turn = [name for name in turn if variables[name] is not cells]
        look = _Look(found, self._labels)
        pairs = [(name, variables[name]) for name in (*first, *new, *turn)]
        look.at_all(pairs, _LOOKS if self._looks else _FIRST_LOOKS)
        self._looks += 1
        for oldest in list(found)[:-_MOST]:
            found.pop(oldest, None)


class _Look:
    """One look at all variables: telling names first, then the rest."""

    def __init__(self, found: dict[str, str], labels: set[str]) -> None:
        self._found, self._labels = found, labels
        self._seen: dict[int, object] = {}
        self._later: _Waiting = deque()
        self._others: _Waiting = deque()

    def at_all(self, pairs: list[tuple[str, object]], looks: int) -> None:
        """Look at all variables, and in a number of parts of the others."""
        for name, value in pairs:
            self._at(value, _told_by(name), 0)
        self._look(self._later, _TOLD_LOOKS)
        self._look(self._others, looks)

    def _look(self, waiting: _Waiting, left: int) -> None:
        """Look at what waits, and then at what is found there to be telling."""
        while waiting and left > 0:
            left -= 1
            with suppress(Exception):  # another thread changes it, or it is broken
                left -= self._within(*waiting.popleft())
            if waiting is self._others:
                self._look(self._later, _TOLD_LOOKS)

    def _at(self, value: object, telling: Telling | None, depth: int) -> None:
        if telling and (text := _text_of(value)) is not None:
            if text not in self._found:
                kinds = dict.fromkeys(values.secrets_in(telling, text), telling.kind)
                self._found.update(kinds)
            return
        is_plain = id(type(value)) in _PLAIN or depth > _DEEPEST
        parts = None if is_plain else _parts_of(type(value))
        if telling and parts:
            self._later.append((value, parts, depth, telling))
        elif parts not in (None, _unnamed) and id(value) not in self._seen:
            self._seen[id(value)] = value
            self._others.append((value, parts, depth, None))

    def _within(
        self, value: Any, parts: _Parts, depth: int, telling: Telling | None
    ) -> int:
        """Look at the parts of a value; return what that cost."""
        pairs = list(islice(parts(value), _TOLD_ENTRIES if telling else _ENTRIES))
        is_table = parts in _TABLES
        if telling and telling.strength is Strength.HINT:
            unnamed = [part for name, part in pairs if name is None]
            is_record = is_table or parts is _attributes or (depth and not unnamed)
            telling = None if is_record or _is_prose(unnamed, telling) else telling
        if is_table:
            self._labels.update(name for name, _ in pairs if type(name) is str)
        for name, part in pairs:
            own = _told_by(name)
            if own is None and telling and not telling.passes_over(name):
                own = telling
                if type(name) is str and values.looks_random(name):
                    self._found.setdefault(name, telling.kind)
            self._at(part, own, depth + 1)
        return len(pairs) + _TABLE * is_table


def _told_by(name: object) -> Telling | None:
    """Return what a name tells, or a part of it, as in a MultiIndex."""
    if type(name) is tuple:
        return next(filter(None, map(_told_by, reversed(name))), None)
    return values.told_by(name) if type(name) is str else None


def _is_prose(parts: list[object], telling: Telling) -> bool:
    """Return whether tokens or keys are the words of a text or the names of fields."""
    texts = [text for text in map(_text_of, parts[:_TYPICAL]) if text is not None]
    return 2 * sum(any(values.secrets_in(telling, text)) for text in texts) < len(texts)


def is_held_secret(name: str, value: object) -> bool:
    """Return whether a value is or contains a secret, if its name says so."""
    telling = values.told_by(name)
    if telling is None or value is None or value is True or value is False:
        return False
    parts = _parts_of(type(value))
    if telling.strength is not Strength.HINT:  # nothing of it is to be shown
        is_number = telling.is_password and type(value) in (int, float)
        return is_number or parts in _CONTAINERS or _text_of(value) is not None
    held: _Pairs = [(None, value)]
    if parts in _CONTAINERS:
        held = list(islice(parts(value), _ENTRIES))
    return any(
        (type(key) is str and values.looks_random(key))
        or any(values.secrets_in(telling, _text_of(part) or ""))
        for key, part in held
    )
