"""Look at what polars holds: DataFrame, Series, and LazyFrame without running it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nemotron_magic.context.describers.look import Describer, Look, short
from nemotron_magic.context.describers.statics import as_library
from nemotron_magic.context.describers.tables import (
    MOST_TEXTS,
    Kind,
    Table,
    column_lines,
    labels_of,
    quoted,
    step_of,
    table_lines,
)

__all__ = ["KINDS"]


@dataclass(frozen=True, slots=True)
class _Column:
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


def _frame(value: Any, look: Look) -> Iterator[str]:
    frame = as_library(value, "polars")
    rows, width = frame.shape
    step = step_of(rows, width)
    # Of all columns at once: one that repeats a single value is never written out.
    sample = _every(frame, step)
    labels = labels_of(frame.columns[:50], look, types=frame.dtypes)

    def column(place: int) -> _Column:
        def part(start: int, stop: int) -> Any:
            return frame.slice(start, stop - start).to_series(place)

        return _Column(labels[place], sample.to_series(place), part)

    return table_lines(Table("polars DataFrame", rows, width, column, step), look)


def _series(value: Any, look: Look) -> Iterator[str]:
    series = as_library(value, "polars")
    rows = len(series)
    step = step_of(rows, 1)

    def part(start: int, stop: int) -> Any:
        return series.slice(start, stop - start)

    name = quoted(series.name, look) if series.name else ""
    column = _Column(name, _every(series, step), part)
    return column_lines("polars Series", column, rows, step, look)


def _every(values: Any, step: int) -> Any:
    # The first time, even `gather_every(1)` takes a tenth of a second.
    return values if step == 1 else values.gather_every(step)


def _lazy(value: Any, look: Look) -> Iterator[str]:
    # Even its schema may open files, ask a network, or call a function of the user's.
    yield "polars LazyFrame (a query that has not run; nothing was read for it)"


KINDS: dict[tuple[str, str], Describer] = {
    ("polars", "DataFrame"): _frame,
    ("polars", "LazyFrame"): _lazy,
    ("polars", "Series"): _series,
}
