"""Read pandas, polars and Arrow tables for `describe.tables`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from nemotron_magic.context.describe.base import (
    DescribeContext,
    Describer,
    and_more,
    shorten,
)
from nemotron_magic.context.describe.privacy import is_personal
from nemotron_magic.context.describe.summaries import (
    summary_lines,
    text_values,
)
from nemotron_magic.context.describe.tables import (
    MOST_COLUMNS,
    Column,
    Kind,
    column_lines,
    format_label,
    format_labels,
    level_text,
    quote_label,
    step_of,
    table_lines,
)
from nemotron_magic.core.introspection import (
    as_library,
    class_name,
    home,
    library,
    state,
)

__all__ = ["DATAFRAME_KINDS"]


def _arrow_column(label: str, values: Any, step: int) -> Column:
    types, dtype = library("pyarrow").types, values.type
    value = dtype.value_type if types.is_dictionary(dtype) else dtype
    kind: Kind = "other"
    if types.is_integer(dtype) or types.is_floating(dtype):
        kind = "number"
    elif types.is_temporal(dtype):
        kind = "date"
    elif types.is_string(value) or types.is_large_string(value):
        kind = "text"

    def sample(every: int) -> Any:
        places = library("pyarrow").array(range(0, len(values), step * every))
        return values.take(places).to_pylist()

    def rows(start: int, stop: int) -> Any:
        return values.slice(start, stop - start).to_pylist()

    size = -(-len(values) // step)
    return Column(label, _arrow_type(dtype), kind, size, sample, rows)


def _arrow_type(dtype: object) -> str:
    """Return the name of a type; one of user code has a `__str__` of its own."""
    is_own = home(type(dtype))[0] != "pyarrow"
    return class_name(type(dtype)) if is_own else shorten(str(dtype))


def _arrow_table(value: Any, ctx: DescribeContext) -> Iterator[str]:
    rows, width = value.num_rows, value.num_columns
    # Arrow takes rows by a list of their places: dearer than a view.
    step = max(step_of(rows, width), rows // 4_000 | 1)
    labels = format_labels(value.schema.names[:50], ctx)[:MOST_COLUMNS]
    columns = [
        _arrow_column(one, value.column(i), step) for i, one in enumerate(labels)
    ]
    kind = f"pyarrow {type(value).__name__}"
    return table_lines(kind, (rows, width), columns, ctx, step)


def _arrow_array(value: Any, ctx: DescribeContext) -> Iterator[str]:
    rows = len(value)
    step = max(1, rows // 20_000 | 1)
    column = _arrow_column("", value, step)
    return column_lines(f"pyarrow {type(value).__name__}", column, rows, step, ctx)


def _arrow_schema(value: Any, ctx: DescribeContext) -> Iterator[str]:
    yield f"pyarrow Schema of {len(value.names)} columns"
    for name, part in zip(format_labels(value.names, ctx), value, strict=True):
        yield f"  {name}: {_arrow_type(part.type)}"


_KINDS: dict[str, Kind] = {
    **dict.fromkeys("iuf", "number"),
    **dict.fromkeys("mM", "date"),
}
_MOST_LABELS = 300
_TEXT_DTYPES = ("StringDtype", "CategoricalDtype", "ArrowDtype")


def _pandas_column(label: str, values: Any, step: int) -> Column:
    """Return a Series or Index as a column."""
    dtype, by_place = values.dtype, getattr(values, "iloc", values)
    sample = by_place[::step]
    if home(type(dtype))[0] not in ("pandas", "numpy"):
        # The cells are kept by a class of user code.
        name = class_name(type(dtype))
        unread = partial(_unread, len(values))
        return Column(label, name, "other", 0, unread, unread, lambda: 0.0)
    is_text = dtype.kind == "O" or type(dtype).__name__ in _TEXT_DTYPES
    kind = _KINDS.get(dtype.kind, "text" if is_text else "other")

    def extremes() -> tuple[object, object] | None:
        present = sample.dropna()
        return (present.min(), present.max()) if len(present) else None

    return Column(
        label,
        shorten(str(dtype)),
        "other" if type(dtype).__name__ == "SparseDtype" else kind,
        len(sample),
        lambda every: getattr(sample, "iloc", sample)[::every].tolist(),
        lambda start, stop: by_place[start:stop].tolist(),
        lambda: float(sample.isna().mean()) if len(sample) else 0.0,
        extremes,
    )


def _unread(size: int, start: int, stop: int = 0) -> list[str]:
    return ["(not inspected)"] * len(range(size)[start:stop])


def _pandas_frame(value: Any, ctx: DescribeContext) -> Iterator[str]:
    frame = as_library(value, "pandas")
    if summary := summary_lines(frame, ctx):
        return summary
    rows, width = frame.shape
    step = step_of(rows, width)
    names, types = list(frame.columns.names), frame.dtypes.tolist()
    labels = format_labels(frame.columns[:50].tolist(), ctx, names, types)
    columns = [
        _pandas_column(label, frame.iloc[:, place], step)
        for place, label in enumerate(labels[:MOST_COLUMNS])
    ]
    kind = f"pandas DataFrame{_levels(frame.index, ctx)}"
    index = _pandas_index(frame, step, ctx)
    return table_lines(kind, (rows, width), columns, ctx, step, index)


def _levels(index: Any, ctx: DescribeContext) -> str:
    if type(index).__name__ != "MultiIndex":
        return ""
    return f" with the index levels {_level_names(index, ctx)}"


def _level_names(index: Any, ctx: DescribeContext) -> str:
    """Return the names of the levels of an index, each with what it holds."""
    found = []
    for name, values in zip(index.names, index.levels, strict=True):
        label, step = format_label(name, ctx), step_of(len(values), 1)
        found.append(level_text(_pandas_column(label, values, step), ctx))
    return ", ".join(found)


def _pandas_index(values: Any, step: int, ctx: DescribeContext) -> Column | None:
    """Return what names the rows, if it is one column and more than their numbers."""
    index = values.index
    if type(index).__name__ in ("MultiIndex", "RangeIndex"):
        return None
    name = "" if index.name is None else format_label(index.name, ctx)
    return _pandas_column(f"index {name}".strip(), index, step)


def _pandas_array(value: Any, ctx: DescribeContext) -> Iterator[str]:
    """Describe what `unique` returns: an array of pandas, or one of objects."""
    size, kind = len(value), class_name(type(value))
    cells = value[:_MOST_LABELS].tolist()
    texts = [cell for cell in cells if type(cell) is str]
    named = text_values(texts, ctx) if len(cells) == size else []
    shown = f": {and_more(map(repr, named), 0)}" if named else ""
    yield f"{kind} of {size:,}, {shorten(str(value.dtype))}{shown}"


def _pandas_single(value: Any, ctx: DescribeContext) -> Iterator[str]:
    """Describe a Series or Index."""
    values = as_library(value, "pandas")
    rows, kind = len(values), f"pandas {type(values).__name__}"
    if kind == "pandas MultiIndex":
        return iter([f"{kind}, {rows:,} rows, levels {_level_names(values, ctx)}"])
    if kind == "pandas RangeIndex":
        return iter([f"{kind}, {rows:,} rows from {values.start}"])
    name = "" if values.name is None else quote_label(values.name, ctx)
    if kind == "pandas Index" and rows <= _MOST_LABELS and not is_personal(name):
        texts = [one for one in values.tolist() if type(one) is str]
        if len(texts) == rows and (named := text_values(texts, ctx)):
            title = f"{kind} {name}".strip()
            labels = ", ".join(format_label(one, ctx) for one in named)
            return iter([f"{title}, {rows:,} rows: {labels}"])
    step, index = step_of(rows, 1), None
    if kind == "pandas Series":
        if summary := summary_lines(values, ctx):
            return summary
        kind += _levels(values.index, ctx)
        index = _pandas_index(values, step, ctx)
    column = _pandas_column(name, values, step)
    return column_lines(kind, column, rows, step, ctx, index)


def _polars_column(label: str, sample: Any, rows: Any) -> Column:
    dtype = sample.dtype
    base = dtype.base_type().__name__
    kind: Kind = "other"
    if dtype.is_numeric():
        kind = "number"
    elif dtype.is_temporal():
        kind = "date"
    elif base in ("String", "Enum", "Categorical"):
        kind = "text"
    # The long name of these would list all their values.
    lists_values = base in ("Enum", "Categorical", "Object")

    def extremes() -> tuple[object, object] | None:
        low = sample.min()
        return None if low is None else (low, sample.max())

    return Column(
        label,
        base if lists_values else shorten(str(dtype)),
        kind,
        len(sample),
        lambda every: _every(sample, every).to_list(),
        lambda start, stop: rows(start, stop - start).to_list(),
        lambda: float(sample.null_count() / (len(sample) or 1)),
        extremes,
    )


def _polars_frame(value: Any, ctx: DescribeContext) -> Iterator[str]:
    frame = as_library(value, "polars")
    if summary := summary_lines(frame, ctx):
        return summary
    rows, width = frame.shape
    step = step_of(rows, width)
    # Of all columns at once: one that repeats a single value is never written out.
    sample = _every(frame, step)
    labels = format_labels(frame.columns[:50], ctx, types=frame.dtypes)
    columns = [
        _polars_column(
            label, sample.to_series(place), partial(_polars_rows, frame, place)
        )
        for place, label in enumerate(labels[:MOST_COLUMNS])
    ]
    return table_lines("polars DataFrame", (rows, width), columns, ctx, step)


def _polars_rows(frame: Any, place: int, start: int, size: int) -> Any:
    return frame.slice(start, size).to_series(place)


def _polars_series(value: Any, ctx: DescribeContext) -> Iterator[str]:
    series = as_library(value, "polars")
    step = step_of(len(series), 1)
    name = quote_label(series.name, ctx) if series.name else ""
    column = _polars_column(name, _every(series, step), series.slice)
    return column_lines("polars Series", column, len(series), step, ctx)


def _every(values: Any, step: int) -> Any:
    # The first time, even `gather_every(1)` takes a tenth of a second.
    return values if step == 1 else values.gather_every(step)


def _polars_lazy(value: Any, ctx: DescribeContext) -> Iterator[str]:
    # Even its schema may open files, ask a network, or call user code.
    yield "polars LazyFrame (a query that has not run; nothing was read for it)"


def _pandas_view(value: Any, ctx: DescribeContext) -> Iterator[str]:
    """Describe groups, a window or a style of a table: by what, and the table."""
    own = state(value)
    keys = own.get("keys")
    names = keys if type(keys) is list else [keys]
    by = ", ".join(format_label(name, ctx) for name in names if type(name) is str)
    kind = class_name(type(value)).rpartition(".")[2]
    yield f"pandas {kind}{by and f' by {by}'} of:"
    table = own.get("obj", own.get("data"))
    yield from (f"  {line}" for line in ctx.lines(table, value))


def _dtype(value: Any, ctx: DescribeContext) -> Iterator[str]:
    """Describe the type of a column, unless user code would name it."""
    name = class_name(type(value)).rpartition(".")[2]
    # The long names of these would list all their values.
    lists_values = name in ("Enum", "Categorical")
    is_library = home(type(value))[0] in ("numpy", "pandas", "polars")
    return iter([shorten(str(value)) if is_library and not lists_values else name])


DATAFRAME_KINDS: dict[tuple[str, str], Describer] = {
    ("pandas", "DataFrame"): _pandas_frame,
    ("pandas", "Series"): _pandas_single,
    ("pandas", "Index"): _pandas_single,
    ("pandas", "BaseGroupBy"): _pandas_view,
    ("pandas", "BaseWindow"): _pandas_view,
    ("pandas", "StylerRenderer"): _pandas_view,
    ("pandas", "ExtensionArray"): _pandas_array,
    ("pandas", "ExtensionDtype"): _dtype,
    ("numpy", "dtype"): _dtype,
    ("polars", "DataType"): _dtype,
    ("polars", "DataFrame"): _polars_frame,
    ("polars", "LazyFrame"): _polars_lazy,
    ("polars", "Series"): _polars_series,
    ("pyarrow", "Table"): _arrow_table,
    ("pyarrow", "RecordBatch"): _arrow_table,
    ("pyarrow", "Array"): _arrow_array,
    ("pyarrow", "ChunkedArray"): _arrow_array,
    ("pyarrow", "Schema"): _arrow_schema,
}
