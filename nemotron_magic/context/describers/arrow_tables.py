"""Look at what Arrow holds: Table, RecordBatch, arrays, schemas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nemotron_magic.context.describers.look import Describer, Look, short
from nemotron_magic.context.describers.statics import class_name, home, library
from nemotron_magic.context.describers.tables import (
    MOST_TEXTS,
    Kind,
    Table,
    column_lines,
    labels_of,
    step_of,
    table_lines,
)

__all__ = ["KINDS"]


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


def _table(value: Any, look: Look) -> Iterator[str]:
    rows, width = value.num_rows, value.num_columns
    # Arrow takes rows by a list of their places: dearer than a view.
    step = max(step_of(rows, width), rows // 4_000 | 1)
    names = labels_of(value.schema.names[:50], look)

    def column(place: int) -> _Column:
        return _Column(names[place], value.column(place), step)

    kind = f"pyarrow {type(value).__name__}"
    return table_lines(Table(kind, rows, width, column, step), look)


def _array(value: Any, look: Look) -> Iterator[str]:
    rows = len(value)
    step = max(1, rows // 20_000 | 1)
    kind = f"pyarrow {type(value).__name__}"
    return column_lines(kind, _Column("", value, step), rows, step, look)


def _schema(value: Any, look: Look) -> Iterator[str]:
    yield f"pyarrow Schema of {len(value.names)} columns"
    for name, part in zip(labels_of(value.names, look), value, strict=True):
        yield f"  {name}: {_said(part.type)}"


KINDS: dict[tuple[str, str], Describer] = {
    ("pyarrow", "Table"): _table,
    ("pyarrow", "RecordBatch"): _table,
    ("pyarrow", "Array"): _array,
    ("pyarrow", "ChunkedArray"): _array,
    ("pyarrow", "Schema"): _schema,
}
