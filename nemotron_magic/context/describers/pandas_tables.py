"""Look at what pandas holds: DataFrame, Series and Index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nemotron_magic.context.describers.look import Describer, Look, short
from nemotron_magic.context.describers.statics import as_library, class_name, home
from nemotron_magic.context.describers.tables import (
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

__all__ = ["KINDS"]

_KINDS: dict[str, Kind] = {
    "i": "number",
    "u": "number",
    "f": "number",
    "m": "date",
    "M": "date",
}
_TEXT_DTYPES = ("StringDtype", "CategoricalDtype", "ArrowDtype")


@dataclass(frozen=True, slots=True)
class _Column:
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
    """Tell whether the cells are kept by pandas, not by some class of the user's."""
    return home(type(dtype))[0] in ("pandas", "numpy")


def _column(label: str, values: Any, step: int) -> _Column:
    return _Column(label, values, _by_place(values)[::step])


def _by_place(values: Any) -> Any:
    """Give what takes the places of rows: an Index does so itself."""
    return getattr(values, "iloc", values)


def _frame(value: Any, look: Look) -> Iterator[str]:
    frame = as_library(value, "pandas")
    rows, width = frame.shape
    step = step_of(rows, width)
    columns = frame.columns
    names, types = list(columns.names), frame.dtypes.tolist()
    labels = labels_of(columns[: min(width, 50)].tolist(), look, names, types)

    def column(place: int) -> _Column:
        return _column(labels[place], frame.iloc[:, place], step)

    kind = f"pandas DataFrame{_levels(frame.index, look)}"
    index = _index_of(frame, step, look)
    return table_lines(Table(kind, rows, width, column, step, index), look)


def _levels(index: Any, look: Look) -> str:
    if type(index).__name__ != "MultiIndex":
        return ""
    return f" with the index levels {_names(index, look)}"


def _index_of(values: Any, step: int, look: Look) -> _Column | None:
    """Give what names the rows, if it is one column and more than their numbers."""
    index = values.index
    if type(index).__name__ in ("MultiIndex", "RangeIndex"):
        return None
    name = "" if index.name is None else labelled(index.name, look)
    return _column(f"index {name}".strip(), index, step)


def _names(index: Any, look: Look) -> str:
    return ", ".join(labelled(name, look) for name in index.names)


def _series(value: Any, look: Look) -> Iterator[str]:
    series = as_library(value, "pandas")
    kind = f"pandas Series{_levels(series.index, look)}"
    index = _index_of(series, step_of(len(series), 1), look)
    return _single(kind, series, look, index)


def _index(value: Any, look: Look) -> Iterator[str]:
    index = as_library(value, "pandas")
    kind = f"pandas {type(index).__name__}"
    if kind == "pandas MultiIndex":
        return iter([f"{kind}, {len(index):,} rows, levels {_names(index, look)}"])
    if kind == "pandas RangeIndex":
        return iter([f"{kind}, {len(index):,} rows from {index.start}"])
    return _single(kind, index, look)


def _single(
    kind: str, values: Any, look: Look, index: _Column | None = None
) -> Iterator[str]:
    rows = len(values)
    step = step_of(rows, 1)
    name = "" if values.name is None else quoted(values.name, look)
    return column_lines(kind, _column(name, values, step), rows, step, look, index)


KINDS: dict[tuple[str, str], Describer] = {
    ("pandas", "DataFrame"): _frame,
    ("pandas", "Series"): _series,
    ("pandas", "Index"): _index,
}
