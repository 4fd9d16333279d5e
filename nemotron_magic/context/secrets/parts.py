"""What a value holds, part by part with their names, and no code of the user's runs."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import MemberDescriptorType
from typing import Any, TypeAlias

from nemotron_magic.context.describers.code import defaults
from nemotron_magic.context.describers.statics import (
    as_library,
    bases,
    exact,
    home,
    library,
    namespace,
    read,
    state,
)

__all__ = [
    "Parts",
    "is_container",
    "is_object",
    "is_table",
    "needs_name",
    "parts_of",
    "text_of",
]

_CLASSES = 2_000
_COLUMNS = 1_000
_PAIR = 2
_LABELS = 500
_ROWS = 1_000  # of a column at either end
_LIBRARIES = os.path.dirname(os.__file__)
_LEFT_OUT = ("IPython", "builtins", "ipykernel", "nemotron_magic", "traitlets")
_SEQUENCES = (list, tuple, set, frozenset, deque)

Parts: TypeAlias = Callable[[Any], Iterable[tuple[object, object]]]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that is read only if its name is telling."""

    read: Callable[[], Iterable[object]]


def text_of(value: object) -> str | None:
    """Return a text, or what bytes say; None if the value is neither."""
    cls = type(value)
    if cls is str:
        return str.__str__(value)
    if cls is bytes or cls is bytearray:
        return bytes(value).decode("utf-8", "replace")  # type: ignore[call-overload,no-any-return]
    return str.__str__(value) if str in bases(cls) else None


def parts_of(cls: type) -> Parts | None:
    """Return how to see what values of a class hold; None if that is not looked at."""
    # By identity: the hash of a class may be code of its metaclass.
    found = _known.get(id(cls))
    if found is None:
        if len(_known) >= _CLASSES:
            _known.clear()
        found = _known[id(cls)] = (cls, _new_parts_of(cls))
    return found[1]


def needs_name(parts: Parts) -> bool:
    """Return whether there is nothing to see in it unless its name is telling."""
    return parts in _NEED_A_NAME


def is_container(parts: Parts | None) -> bool:
    """Return whether all that a value holds is kept in it, one by one."""
    return parts in (_attributes, _entries, _items)


def is_object(parts: Parts) -> bool:
    """Return whether the parts are the attributes of an object."""
    return parts is _attributes


def is_table(parts: Parts) -> bool:
    """Return whether the names of the parts are those of columns."""
    return parts in _TABLES


def _new_parts_of(cls: type) -> Parts | None:
    classes = bases(cls)
    for base in classes:
        where = home(base)
        if where in _PARTS:
            return _PARTS[where]
        if where[0] in _LEFT_OUT and base is not object:
            return None
    has_own = any("__dict__" in namespace(base) for base in classes)
    return _attributes if has_own or _slots(cls) else None


def _entries(value: dict[object, object]) -> Iterable[tuple[object, object]]:
    return dict.items(value)


def _items(value: Any) -> Iterator[tuple[object, object]]:
    classes = bases(type(value))
    cls = next(one for one in classes if any(one is kind for kind in _SEQUENCES))
    items: Iterator[object] = read(cls, "__iter__", value)()
    found = (namespace(base).get("_fields") for base in classes)
    names = next((one for one in found if type(one) is tuple), None)
    if names is not None:
        return zip(names, items, strict=False)
    if type(value) is tuple and len(value) == _PAIR:
        # Of two, the first may name the second, as in a list of headers.
        return iter([(None, value[0]), value])
    return ((None, item) for item in items)


def _attributes(value: object) -> Iterator[tuple[object, object]]:
    yield from list(state(value).items())
    for cls, name in _slots(type(value)):
        try:
            yield name, read(cls, name, value)
        except AttributeError:
            continue


def _slots(cls: type) -> list[tuple[type, str]]:
    return [
        (base, name)
        for base in bases(cls)
        for name, slot in namespace(base).items()
        if type(slot) is MemberDescriptorType and name[:2] != "__"
    ]


def _members(value: type) -> Iterable[tuple[object, object]]:
    return () if home(value)[0] in _LEFT_OUT else list(namespace(value).items())


def _globals(value: object) -> Iterable[tuple[object, object]]:
    """Return the names of a module of the user's, such as one of settings."""
    own = state(value)
    file = exact(own.get("__file__"))
    is_library = not file or "site-packages" in file or file.startswith(_LIBRARIES)
    return () if is_library else list(own.items())


def _pandas_frame(value: Any) -> Iterator[tuple[object, object]]:
    frame = as_library(value, "pandas")
    yield from _pandas_index(frame.index)
    labels = frame.columns
    labels = labels if len(labels) <= _COLUMNS else labels[:_COLUMNS]
    for place, name in enumerate(labels.tolist()):
        yield name, _pandas_column(frame, place)


def _pandas_column(frame: Any, place: int) -> _Column:
    return _Column(lambda: _pandas_cells(frame.iloc[:, place]))


def _pandas_series(value: Any) -> Iterator[tuple[object, object]]:
    series = as_library(value, "pandas")
    yield from _pandas_index(series.index)
    yield series.name, _Column(lambda: _pandas_cells(series))
    if len(series) <= _LABELS and type(series.index).__name__ == "Index":
        yield from zip(series.index.tolist(), _pandas_cells(series), strict=True)


def _pandas_index(index: Any) -> Iterator[tuple[object, object]]:
    if type(index).__name__ == "Index":
        yield index.name, _Column(lambda: _pandas_cells(index))


def _pandas_cells(values: Any) -> list[object]:
    # Others keep their cells in an array of the user's.
    if home(type(values.dtype))[0] not in ("pandas", "numpy"):
        return []
    rows = getattr(values, "iloc", values)
    return _ends(len(values), lambda start, stop: rows[start:stop].tolist())


def _polars_frame(value: Any) -> Iterator[tuple[object, object]]:
    frame = as_library(value, "polars")
    for name in frame.columns[:_COLUMNS]:
        yield name, _polars_column(frame, name)


def _polars_column(frame: Any, name: str) -> _Column:
    return _Column(lambda: _polars_cells(frame.get_column(name)))


def _polars_series(value: Any) -> Iterator[tuple[object, object]]:
    series = as_library(value, "polars")
    yield series.name, _Column(lambda: _polars_cells(series))


def _polars_cells(series: Any) -> list[object]:
    return _ends(
        len(series), lambda start, stop: series.slice(start, stop - start).to_list()
    )


def _arrow_table(value: Any) -> Iterator[tuple[object, object]]:
    for place, name in enumerate(value.schema.names[:_COLUMNS]):
        yield name, _arrow_column(value, place)


def _arrow_column(table: Any, place: int) -> _Column:
    return _Column(lambda: [cell for _, cell in _arrow_array(table.column(place))])


def _arrow_array(value: Any) -> Iterator[tuple[object, object]]:
    cells = _ends(
        len(value), lambda start, stop: value.slice(start, stop - start).to_pylist()
    )
    return ((None, cell) for cell in cells)


def _array(value: Any) -> Iterator[tuple[object, object]]:
    numpy = library("numpy")
    array = numpy.ndarray.view(value, numpy.ndarray)
    cells = array.ravel()[: 2 * _ROWS].tolist() if array.dtype.kind in "OUS" else []
    return ((None, cell) for cell in cells)


def _cells(value: _Column) -> Iterator[tuple[object, object]]:
    return ((None, cell) for cell in value.read())


def _ends(size: int, part: Callable[[int, int], list[object]]) -> list[object]:
    """Return the first and the last rows."""
    if size <= 2 * _ROWS:
        return part(0, size)
    return [*part(0, _ROWS), *part(size - _ROWS, size)]


_known: dict[int, tuple[type, Parts | None]] = {}
_PARTS: dict[tuple[str, str], Parts | None] = {
    ("builtins", "dict"): _entries,
    ("builtins", "list"): _items,
    ("builtins", "tuple"): _items,
    ("builtins", "set"): _items,
    ("builtins", "frozenset"): _items,
    ("collections", "deque"): _items,
    ("builtins", "function"): lambda value: defaults(value).items(),
    ("builtins", "type"): _members,
    ("builtins", "module"): _globals,
    ("numpy", "ndarray"): _array,
    ("pandas", "DataFrame"): _pandas_frame,
    ("pandas", "Series"): _pandas_series,
    ("pandas", "Index"): _pandas_index,
    ("polars", "DataFrame"): _polars_frame,
    ("polars", "Series"): _polars_series,
    ("pyarrow", "Table"): _arrow_table,
    ("pyarrow", "RecordBatch"): _arrow_table,
    ("pyarrow", "Array"): _arrow_array,
    ("pyarrow", "ChunkedArray"): _arrow_array,
    ("nemotron_magic", "_Column"): _cells,
}
_NEED_A_NAME = {_array, _arrow_array, _cells}
_TABLES = {_arrow_table, _pandas_frame, _polars_frame}
