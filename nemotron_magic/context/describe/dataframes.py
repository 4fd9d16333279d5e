"""Read pandas, polars and Arrow tables for `describe.tables`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nemotron_magic.context.describe.base import DescribeContext, Describer, short
from nemotron_magic.context.describe.tables import (
    MOST_TEXTS,
    Kind,
    Table,
    column_lines,
    labelled,
    labels_of,
    quoted,
    step_of,
    table_lines,
)
from nemotron_magic.core.introspection import as_library, class_name, home, library

__all__ = [
    "ARROW_KINDS",
    "PANDAS_KINDS",
    "POLARS_KINDS",
]


@dataclass(frozen=True, slots=True)
class _Column:
    """An Arrow column seen through every so many of its rows."""

    label: str
    whole: Any
    step: int

    @property
    def dtype(self) -> str:
        return _said(self.whole.type)

    @property
    def kind(self) -> Kind:
        types = library("pyarrow").types
        dtype = self.whole.type
        if types.is_integer(dtype) or types.is_floating(dtype):
            return "number"
        if types.is_temporal(dtype):
            return "date"
        value = dtype.value_type if types.is_dictionary(dtype) else dtype
        is_text = types.is_string(value) or types.is_large_string(value)
        return "text" if is_text else "other"

    def missing_share(self) -> float:
        sample = self._sample(self.step)
        return float(sample.null_count / (len(sample) or 1))

    def extremes(self) -> tuple[object, object] | None:
        there = [
            cell for cell in self._sample(self.step).to_pylist() if _is_there(cell)
        ]
        return (min(there), max(there)) if there else None

    def texts(self) -> Sequence[object]:
        every = max(self.step, -(-len(self.whole) // MOST_TEXTS))
        found: list[object] = self._sample(every).to_pylist()
        return found

    def cells(self, start: int, stop: int) -> Sequence[object]:
        found: list[object] = self.whole.slice(start, stop - start).to_pylist()
        return found

    def _sample(self, every: int) -> Any:
        places = library("pyarrow").array(range(0, len(self.whole), every))
        return self.whole.take(places)


def _said(dtype: object) -> str:
    """Say a type; one that the user made has a `__str__` of its own."""
    is_own = home(type(dtype))[0] != "pyarrow"
    return class_name(type(dtype)) if is_own else short(str(dtype))


def _is_there(cell: Any) -> bool:
    return cell is not None and cell == cell  # of all numbers, nan alone is not itself


def _table(value: Any, look: DescribeContext) -> Iterator[str]:
    rows, width = value.num_rows, value.num_columns
    # Arrow takes rows by a list of their places: dearer than a view.
    step = max(step_of(rows, width), rows // 4_000 | 1)
    names = labels_of(value.schema.names[:50], look)

    def column(place: int) -> _Column:
        return _Column(names[place], value.column(place), step)

    kind = f"pyarrow {type(value).__name__}"
    return table_lines(Table(kind, rows, width, column, step), look)


def _array(value: Any, look: DescribeContext) -> Iterator[str]:
    rows = len(value)
    step = max(1, rows // 20_000 | 1)
    kind = f"pyarrow {type(value).__name__}"
    return column_lines(kind, _Column("", value, step), rows, step, look)


def _schema(value: Any, look: DescribeContext) -> Iterator[str]:
    yield f"pyarrow Schema of {len(value.names)} columns"
    for name, part in zip(labels_of(value.names, look), value, strict=True):
        yield f"  {name}: {_said(part.type)}"


ARROW_KINDS: dict[tuple[str, str], Describer] = {
    ("pyarrow", "Table"): _table,
    ("pyarrow", "RecordBatch"): _table,
    ("pyarrow", "Array"): _array,
    ("pyarrow", "ChunkedArray"): _array,
    ("pyarrow", "Schema"): _schema,
}

_KINDS: dict[str, Kind] = {
    "i": "number",
    "u": "number",
    "f": "number",
    "m": "date",
    "M": "date",
}
_TEXT_DTYPES = ("StringDtype", "CategoricalDtype", "ArrowDtype")


@dataclass(frozen=True, slots=True)
class _PandasColumn:
    """A Series or Index seen through every so many of its rows."""

    label: str
    whole: Any
    sample: Any

    @property
    def dtype(self) -> str:
        dtype = self.whole.dtype
        if not _is_known(dtype):
            return class_name(type(dtype))
        return short(str(dtype))

    @property
    def kind(self) -> Kind:
        dtype = self.whole.dtype
        if not _is_known(dtype) or type(dtype).__name__ == "SparseDtype":
            return "other"
        is_text = dtype.kind == "O" or type(dtype).__name__ in _TEXT_DTYPES
        return _KINDS.get(dtype.kind, "text" if is_text else "other")

    def missing_share(self) -> float:
        if not _is_known(self.whole.dtype):
            return 0.0
        return float(self.sample.isna().mean()) if len(self.sample) else 0.0

    def extremes(self) -> tuple[object, object] | None:
        there = self.sample.dropna()
        return (there.min(), there.max()) if len(there) else None

    def texts(self) -> Sequence[object]:
        every = -(-len(self.sample) // MOST_TEXTS) or 1
        return self._listed(self.sample, slice(None, None, every))

    def cells(self, start: int, stop: int) -> Sequence[object]:
        return self._listed(self.whole, slice(start, stop))

    def _listed(self, values: Any, part: slice) -> Sequence[object]:
        if not _is_known(self.whole.dtype):
            return ["(not inspected)"] * len(range(len(values))[part])
        found: list[object] = _by_place(values)[part].tolist()
        return found


def _is_known(dtype: Any) -> bool:
    """Return whether the cells are kept by pandas, not by some class of the user's."""
    return home(type(dtype))[0] in ("pandas", "numpy")


def _column(label: str, values: Any, step: int) -> _PandasColumn:
    return _PandasColumn(label, values, _by_place(values)[::step])


def _by_place(values: Any) -> Any:
    """Return what takes the places of rows: an Index does so itself."""
    return getattr(values, "iloc", values)


def _frame(value: Any, look: DescribeContext) -> Iterator[str]:
    frame = as_library(value, "pandas")
    rows, width = frame.shape
    step = step_of(rows, width)
    columns = frame.columns
    names, types = list(columns.names), frame.dtypes.tolist()
    labels = labels_of(columns[: min(width, 50)].tolist(), look, names, types)

    def column(place: int) -> _PandasColumn:
        return _column(labels[place], frame.iloc[:, place], step)

    kind = f"pandas DataFrame{_levels(frame.index, look)}"
    index = _index_of(frame, step, look)
    return table_lines(Table(kind, rows, width, column, step, index), look)


def _levels(index: Any, look: DescribeContext) -> str:
    if type(index).__name__ != "MultiIndex":
        return ""
    return f" with the index levels {_names(index, look)}"


def _index_of(values: Any, step: int, look: DescribeContext) -> _PandasColumn | None:
    """Return what names the rows, if it is one column and more than their numbers."""
    index = values.index
    if type(index).__name__ in ("MultiIndex", "RangeIndex"):
        return None
    name = "" if index.name is None else labelled(index.name, look)
    return _column(f"index {name}".strip(), index, step)


def _names(index: Any, look: DescribeContext) -> str:
    return ", ".join(labelled(name, look) for name in index.names)


def _series(value: Any, look: DescribeContext) -> Iterator[str]:
    series = as_library(value, "pandas")
    kind = f"pandas Series{_levels(series.index, look)}"
    index = _index_of(series, step_of(len(series), 1), look)
    return _single(kind, series, look, index)


def _index(value: Any, look: DescribeContext) -> Iterator[str]:
    index = as_library(value, "pandas")
    kind = f"pandas {type(index).__name__}"
    if kind == "pandas MultiIndex":
        return iter([f"{kind}, {len(index):,} rows, levels {_names(index, look)}"])
    if kind == "pandas RangeIndex":
        return iter([f"{kind}, {len(index):,} rows from {index.start}"])
    return _single(kind, index, look)


def _single(
    kind: str, values: Any, look: DescribeContext, index: _PandasColumn | None = None
) -> Iterator[str]:
    rows = len(values)
    step = step_of(rows, 1)
    name = "" if values.name is None else quoted(values.name, look)
    return column_lines(kind, _column(name, values, step), rows, step, look, index)


PANDAS_KINDS: dict[tuple[str, str], Describer] = {
    ("pandas", "DataFrame"): _frame,
    ("pandas", "Series"): _series,
    ("pandas", "Index"): _index,
}


@dataclass(frozen=True, slots=True)
class _PolarsColumn:
    """A Series seen through every so many of its rows."""

    label: str
    sample: Any
    rows: Callable[[int, int], Any]

    @property
    def dtype(self) -> str:
        base = self.sample.dtype.base_type().__name__
        # The long name of these would list all their values.
        lists_values = base in ("Enum", "Categorical", "Object")
        return base if lists_values else short(str(self.sample.dtype))

    @property
    def kind(self) -> Kind:
        dtype = self.sample.dtype
        if dtype.is_numeric():
            return "number"
        if dtype.is_temporal():
            return "date"
        is_text = dtype.base_type().__name__ in ("String", "Enum", "Categorical")
        return "text" if is_text else "other"

    def missing_share(self) -> float:
        return float(self.sample.null_count() / (len(self.sample) or 1))

    def extremes(self) -> tuple[object, object] | None:
        low, high = self.sample.min(), self.sample.max()
        return None if low is None else (low, high)

    def texts(self) -> Sequence[object]:
        every = -(-len(self.sample) // MOST_TEXTS) or 1
        found: list[object] = _every(self.sample, every).to_list()
        return found

    def cells(self, start: int, stop: int) -> Sequence[object]:
        found: list[object] = self.rows(start, stop).to_list()
        return found


def _frame_polars_tables(value: Any, look: DescribeContext) -> Iterator[str]:
    frame = as_library(value, "polars")
    rows, width = frame.shape
    step = step_of(rows, width)
    # Of all columns at once: one that repeats a single value is never written out.
    sample = _every(frame, step)
    labels = labels_of(frame.columns[:50], look, types=frame.dtypes)

    def column(place: int) -> _PolarsColumn:
        def part(start: int, stop: int) -> Any:
            return frame.slice(start, stop - start).to_series(place)

        return _PolarsColumn(labels[place], sample.to_series(place), part)

    return table_lines(Table("polars DataFrame", rows, width, column, step), look)


def _series_polars_tables(value: Any, look: DescribeContext) -> Iterator[str]:
    series = as_library(value, "polars")
    rows = len(series)
    step = step_of(rows, 1)

    def part(start: int, stop: int) -> Any:
        return series.slice(start, stop - start)

    name = quoted(series.name, look) if series.name else ""
    column = _PolarsColumn(name, _every(series, step), part)
    return column_lines("polars Series", column, rows, step, look)


def _every(values: Any, step: int) -> Any:
    # The first time, even `gather_every(1)` takes a tenth of a second.
    return values if step == 1 else values.gather_every(step)


def _lazy(value: Any, look: DescribeContext) -> Iterator[str]:
    # Even its schema may open files, ask a network, or call a function of the user's.
    yield "polars LazyFrame (a query that has not run; nothing was read for it)"


POLARS_KINDS: dict[tuple[str, str], Describer] = {
    ("polars", "DataFrame"): _frame_polars_tables,
    ("polars", "LazyFrame"): _lazy,
    ("polars", "Series"): _series_polars_tables,
}
