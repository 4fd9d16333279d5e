"""Say what stands for data elsewhere by what is known of it, asking nobody.

None of these is iterated, measured or asked for its repr: that could start a
computation, a query or a download.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import Any

from nemotron_magic.context.describers.arrays import array_text
from nemotron_magic.context.describers.look import Describer, Look, short
from nemotron_magic.context.describers.statics import (
    class_name,
    exact,
    field,
    home,
    state,
)
from nemotron_magic.context.describers.tables import labels_of, quoted

__all__ = ["KINDS"]

_COLUMNS = 40
_ARRAYS = ("numpy", "dask", "xarray", "pandas")


def _dask_frame(value: Any, look: Look) -> Iterator[str]:
    yield f"dask {type(value).__name__} (lazy; nothing was computed)"
    # An expression keeps what it once found out; what it has not, is not asked for.
    kept = state(field(value, "_expr")).get("_meta")
    meta: Any = state(value).get("_meta", kept)
    if home(type(meta)) == ("pandas", "DataFrame"):
        names = labels_of(meta.columns.tolist(), look, list(meta.columns.names))
        yield from _columns(zip(names, map(str, meta.dtypes.tolist()), strict=True))
    elif home(type(meta)) == ("pandas", "Series"):
        yield f"  {quoted(meta.name, look)}: {meta.dtype}"


def _dask_array(value: Any, look: Look) -> Iterator[str]:
    found: Any = field(value, "_Array__chunks")
    chunks = found if type(found) is tuple else ()
    sizes = [sum(axis) for axis in chunks]
    shape = " × ".join("unknown" if isnan(one) else f"{one:,}" for one in sizes)
    dtype = short(str(getattr(field(value, "_meta"), "dtype", "unknown type")))
    yield f"dask array (lazy; nothing was computed), {shape}, {dtype}"
    count = " × ".join(f"{len(axis):,}" for axis in chunks)
    yield f"  in {count} chunks"


def _lazy(value: Any, look: Look) -> Iterator[str]:
    yield f"{class_name(type(value))} (lazy; nothing was computed)"


def _spark_frame(value: Any, look: Look) -> Iterator[str]:
    yield "Spark DataFrame (lazy; nothing was computed)"
    own = state(value)
    schema = own.get("_schema", own.get("_cached_schema"))
    fields = field(schema, "fields")
    if type(fields) is list:
        yield from _columns(
            (exact(field(one, "name")), type(field(one, "dataType")).__name__)
            for one in fields
        )


def _columns(columns: Any) -> Iterator[str]:
    listed = list(columns)
    for name, dtype in listed[:_COLUMNS]:
        yield f"  {short(name)}: {short(dtype)}"
    if len(listed) > _COLUMNS:
        yield f"  … and {len(listed) - _COLUMNS:,} more columns"


def _engine(value: Any, look: Look) -> Iterator[str]:
    url: Any = field(value, "url")
    if home(type(url)) != ("sqlalchemy", "URL"):
        yield "SQLAlchemy Engine"
        return
    parts = list(tuple.__iter__(url))
    driver, _, _, host, port, database, *_ = parts
    place = f"{host or ''}{f':{port}' if port else ''}/{database or ''}"
    yield f"SQLAlchemy Engine of {driver}://{place} (no query was made)"


def _sql_table(value: Any, look: Look) -> Iterator[str]:
    kept = field(field(value, "_columns"), "_collection")
    columns = [one[1] for one in kept] if type(kept) is list else []
    own: dict[str, Any] = state(value)
    name = str.__str__(own["name"])
    yield f"SQLAlchemy Table {name!r}, {len(columns)} columns"
    yield from _columns(map(_sql_column, columns))


def _sql_column(column: Any) -> tuple[str, str]:
    own: dict[str, Any] = state(column)
    marks = [
        "primary key" if own.get("primary_key") is True else "",
        "not null" if own.get("nullable") is False else "",
    ]
    words = [type(own.get("type")).__name__, *filter(None, marks)]
    return str.__str__(own.get("name") or "?"), ", ".join(words)


def _sql_row(value: Any, look: Look) -> Iterator[str]:
    names = [str(name) for name in value._fields]
    yield f"SQLAlchemy Row of {len(names)} columns"
    cells = (class_name(type(cell)) for cell in tuple(value._data))
    yield from _columns(zip(names, cells, strict=False))


def _dataset(value: Any, look: Look) -> Iterator[str]:
    variables = field(value, "_variables")
    coordinates = field(value, "_coord_names")
    if type(variables) is not dict or type(coordinates) is not set:
        yield "xarray Dataset"
        return
    yield f"xarray Dataset of {len(variables) - len(coordinates)} data variables"
    for name, variable in list(variables.items())[:_COLUMNS]:
        kind = "coordinate" if exact(name) in coordinates else "variable"
        yield f"  {kind} {quoted(name, look)}: {_variable(variable)}"
    if (more := len(variables) - _COLUMNS) > 0:
        yield f"  … and {more:,} more"


def _data_array(value: Any, look: Look) -> Iterator[str]:
    name = exact(field(value, "_name"))
    label = f" {name!r}" if name else ""
    yield f"xarray DataArray{label}, {_variable(field(value, '_variable'))}"
    found = field(value, "_coords")
    coordinates = list(found.items()) if type(found) is dict else []
    for label, one in coordinates[:_COLUMNS]:
        yield f"  coordinate {quoted(label, look)}: {_variable(one)}"


def _variable(variable: object) -> str:
    """Say the dimensions, sizes and type of a variable, whose values may be on disk."""
    data, dims = field(variable, "_data"), field(variable, "_dims")
    names = ", ".join(map(exact, dims)) if type(dims) is tuple else ""
    if home(type(data))[0] not in _ARRAYS:
        return f"({names})"
    return array_text(f"({names})", data)


KINDS: dict[tuple[str, str], Describer] = {
    ("dask", "DataFrame"): _dask_frame,
    ("dask", "Series"): _dask_frame,
    ("dask", "Index"): _lazy,
    ("dask", "Array"): _dask_array,
    ("dask", "Bag"): _lazy,
    ("dask", "Delayed"): _lazy,
    ("pyspark", "DataFrame"): _spark_frame,
    ("sqlalchemy", "Engine"): _engine,
    ("sqlalchemy", "Row"): _sql_row,
    ("sqlalchemy", "Table"): _sql_table,
    ("xarray", "DataArray"): _data_array,
    ("xarray", "Dataset"): _dataset,
}
