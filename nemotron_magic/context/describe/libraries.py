"""Describe arrays, estimators, figures, lazy and remote data.

None of these is iterated, measured or asked for its repr: that could start a
computation, a query or a download.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from types import FunctionType
from typing import Any

from nemotron_magic.context.describe.base import (
    DescribeContext,
    Describer,
    and_more,
    said,
    short,
)
from nemotron_magic.context.describe.objects import parameters
from nemotron_magic.context.describe.privacy import HIDDEN, is_personal, tells_of_person
from nemotron_magic.context.describe.tables import LEAST_ROWS, labels_of, quoted
from nemotron_magic.core.introspection import (
    MISSING,
    bases,
    class_name,
    defaults,
    exact,
    field,
    home,
    library,
    namespace,
    read,
    state,
)

__all__ = [
    "ARRAY_KINDS",
    "ESTIMATOR_KINDS",
    "FIGURE_KINDS",
    "LAZY_KINDS",
    "array_text",
]


_SAMPLE = 100_000
_SHOWN = 5
_NOT_READ = {"mmap": "on disk", "memmap": "on disk", "MaskedArray": "masked"}


def _array(value: Any, look: DescribeContext) -> Iterator[str]:
    numpy = library("numpy")
    # A view as the library's own class: none of the methods of a class of the user's.
    array = numpy.ndarray.view(value, numpy.ndarray)
    is_own = home(type(value))[0] != "numpy"
    kind = "numpy array" + (f" ({class_name(type(value))})" if is_own else "")
    yield array_text(kind, array)
    if array.dtype.names:
        for name in array.dtype.names:
            yield f"  {name}: {short(str(array.dtype[name]))}"
    elif not_read := _not_read(value):
        yield f"values: {not_read}, not read"
    elif array.dtype.kind in "iufmM" and array.size:
        yield f"values: {_range(array, look)}"
        yield from _shown(array, look)


def array_text(kind: str, array: Any) -> str:
    """Say the shape and the type of an array."""
    shape = " × ".join(f"{size:,}" for size in array.shape) or "no dimensions"
    return f"{kind}, {shape}, {short(str(array.dtype))}"


def _not_read(value: Any) -> str:
    """Return why values are not looked at: those of a file, also behind some views."""
    for _ in range(10):
        names = [home(cls)[1] for cls in bases(type(value))]
        if reasons := [_NOT_READ[name] for name in names if name in _NOT_READ]:
            return reasons[0]
        if "ndarray" not in names:
            return ""
        value = read(library("numpy").ndarray, "base", value)
    return ""


def _range(array: Any, look: DescribeContext) -> str:
    if is_personal(look.name) and not look.is_full:
        return HIDDEN
    if look.data == "schema" and array.ndim and array.size < LEAST_ROWS:
        return "too few for a range"
    numpy = library("numpy")
    sample = _sample(array).ravel()
    is_missing = (numpy.isnat if array.dtype.kind in "mM" else numpy.isnan)(sample)
    there = sample[~is_missing]
    missing = f", {is_missing.mean():.1%} missing" if is_missing.any() else ""
    note = f" (of {sample.size:,} looked at)" if sample.size < array.size else ""
    if not there.size:
        return f"all missing{note}"
    low, high = (said(end) for end in (there.min().item(), there.max().item()))
    return f"{low} to {high}{missing}{note}"


def _sample(array: Any) -> Any:
    """Return an even part of the array, a view of it, on every axis."""
    parts, room = [], _SAMPLE
    for size in array.shape:
        step = -(-size // room) or 1
        parts.append(slice(None, None, step | 1 if step > 1 else 1))
        room = max(1, room // -(-size // step))
    return array[tuple(parts)]


def _shown(array: Any, look: DescribeContext) -> Iterator[str]:
    if look.data == "schema" or (is_personal(look.name) and not look.is_full):
        return
    rows = array.reshape(1) if not array.ndim else array
    wanted = len(rows) if look.is_full else min(len(rows), _SHOWN)
    yield "rows:" if look.is_full else "first rows:"
    for place in range(wanted):
        row = rows[place].ravel()[:50].tolist()
        yield f"  {', '.join(said(cell) for cell in row)}"


def _number(value: Any, look: DescribeContext) -> Iterator[str]:
    numpy = library("numpy")
    kind = next(home(cls)[1] for cls in bases(type(value)) if home(cls)[0] == "numpy")
    if type(value) is not getattr(numpy, kind, None) or value.dtype.kind in "VO":
        return iter([f"{class_name(type(value))} object (not inspected)"])
    text = str(value) if value.dtype.kind in "mM" else None
    inner = f"{text}" if text else look.headline(value.item(), value)
    return iter([inner if look.is_inside else f"numpy {kind} {inner}"])


ARRAY_KINDS: dict[tuple[str, str], Describer] = {
    ("numpy", "ndarray"): _array,
    ("numpy", "generic"): _number,
}

_PLAIN = (type(None), bool, int, float, str)
_SHOWN_ESTIMATORS = 40


def _estimator(value: object, look: DescribeContext) -> Iterator[str]:
    init = _init(type(value))
    names = [name for _, name in parameters(init) if name] if init else []
    given = {name: field(value, name) for name in names[1:]}
    usual = defaults(init) if init else {}
    changed = [name for name in given if not _is_same(given[name], usual.get(name))]
    yield f"{class_name(type(value))} (scikit-learn), {_fitted(state(value))}"
    for name in changed[:_SHOWN_ESTIMATORS]:
        first, *others = look.lines(given[name], value, name)
        yield f"  {name} = {first}"
        yield from (f"  {line}" for line in others)
    kept = [name for name in given if name not in changed]
    if kept:
        more = len(kept) - _SHOWN_ESTIMATORS
        yield f"  at their defaults: {and_more(kept[:_SHOWN_ESTIMATORS], more)}"


def _init(cls: type) -> FunctionType | None:
    found = (namespace(base).get("__init__") for base in bases(cls))
    return next((one for one in found if type(one) is FunctionType), None)


def _is_same(given: object, usual: object) -> bool:
    """Compare two values of which neither can run code when it is compared."""
    if given is usual or given is MISSING:
        return True
    return type(given) is type(usual) and type(given) in _PLAIN and given == usual


def _fitted(own: dict[str, object]) -> str:
    """Say whether it was fitted: then it has attributes that end in an underscore."""
    learnt = [name for name in own if name[-1:] == "_" and name[:1] != "_"]
    if not learnt:
        return "not fitted"
    width = own.get("n_features_in_")
    on = f" on {width} features" if type(width) is int else ""
    return f"fitted{on} ({and_more(learnt[:8], len(learnt) - 8)})"


ESTIMATOR_KINDS: dict[tuple[str, str], Describer] = {
    ("sklearn", "BaseEstimator"): _estimator
}

_AXES = 12
_LABELS = 8
_DRAWN = ("lines", "patches", "collections", "images", "texts")


def _own(value: Any, name: str) -> Any:
    """Return the class of matplotlib's, whose methods are called instead of others'."""
    return next(cls for cls in bases(type(value)) if home(cls) == ("matplotlib", name))


def _figure(figure: Any, look: DescribeContext) -> Iterator[str]:
    cls = _own(figure, "Figure")
    axes = list(cls.get_axes(figure))
    title = cls.get_suptitle(figure)
    wide, high = cls.get_size_inches(figure).tolist()
    named = f" {_said(title, look)}" if title else ""
    yield f"matplotlib Figure{named}, {wide:g} × {high:g} inches, {len(axes)} axes"
    for one in axes[:_AXES]:
        yield from (f"  {line}" for line in look.lines(one, figure))
    if len(axes) > _AXES:
        yield f"  … and {len(axes) - _AXES} more axes"


def _axes(axes: Any, look: DescribeContext) -> Iterator[str]:
    cls = _own(axes, "Axes")
    title = cls.get_title(axes)
    yield f"matplotlib Axes{f' {_said(title, look)}' if title else ''}"
    for axis, *get in (
        ("x", cls.get_xlabel, cls.get_xlim, cls.get_xscale),
        ("y", cls.get_ylabel, cls.get_ylim, cls.get_yscale),
    ):
        label, limits, scale = (one(axes) for one in get)
        yield f"  {axis} axis: {_axis(label, limits, scale, look)}"
    drawn = {name: list(getattr(cls, name).__get__(axes)) for name in _DRAWN}
    said = [f"{len(parts):,} {name}" for name, parts in drawn.items() if parts]
    yield f"  drawn: {', '.join(said) or 'nothing'}"
    labels = [str(line.get_label()) for line in drawn["lines"][:_LABELS]]
    if named := [_said(label, look) for label in labels if label[:1] != "_"]:
        yield f"  lines: {', '.join(named)}"
    if (legend := cls.get_legend(axes)) is not None:
        texts = (_said(text.get_text(), look) for text in legend.get_texts()[:_LABELS])
        yield f"  legend: {', '.join(texts)}"


def _axis(label: str, limits: Any, scale: str, look: DescribeContext) -> str:
    low, high = (float(end) for end in limits)
    name = _said(label, look) if label else "no label"
    return f"{name}, {low:.6g} to {high:.6g}, {scale}"


def _said(text: str, look: DescribeContext) -> str:
    """Return a text of a figure in quotes, unless a person seems to be in it."""
    is_open = look.is_full or not tells_of_person(text)
    return repr(short(text)) if is_open else "(not named)"


FIGURE_KINDS: dict[tuple[str, str], Describer] = {
    ("matplotlib", "Figure"): _figure,
    ("matplotlib", "Axes"): _axes,
}

_COLUMNS = 40
_ARRAYS = ("numpy", "dask", "xarray", "pandas")


def _dask_frame(value: Any, look: DescribeContext) -> Iterator[str]:
    yield f"dask {type(value).__name__} (lazy; nothing was computed)"
    # An expression keeps what it once found out; what it has not, is not asked for.
    kept = state(field(value, "_expr")).get("_meta")
    meta: Any = state(value).get("_meta", kept)
    if home(type(meta)) == ("pandas", "DataFrame"):
        names = labels_of(meta.columns.tolist(), look, list(meta.columns.names))
        yield from _columns(zip(names, map(str, meta.dtypes.tolist()), strict=True))
    elif home(type(meta)) == ("pandas", "Series"):
        yield f"  {quoted(meta.name, look)}: {meta.dtype}"


def _dask_array(value: Any, look: DescribeContext) -> Iterator[str]:
    found: Any = field(value, "_Array__chunks")
    chunks = found if type(found) is tuple else ()
    sizes = [sum(axis) for axis in chunks]
    shape = " × ".join("unknown" if isnan(one) else f"{one:,}" for one in sizes)
    dtype = short(str(getattr(field(value, "_meta"), "dtype", "unknown type")))
    yield f"dask array (lazy; nothing was computed), {shape}, {dtype}"
    count = " × ".join(f"{len(axis):,}" for axis in chunks)
    yield f"  in {count} chunks"


def _lazy(value: Any, look: DescribeContext) -> Iterator[str]:
    yield f"{class_name(type(value))} (lazy; nothing was computed)"


def _spark_frame(value: Any, look: DescribeContext) -> Iterator[str]:
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


def _engine(value: Any, look: DescribeContext) -> Iterator[str]:
    url: Any = field(value, "url")
    if home(type(url)) != ("sqlalchemy", "URL"):
        yield "SQLAlchemy Engine"
        return
    parts = list(tuple.__iter__(url))
    driver, _, _, host, port, database, *_ = parts
    place = f"{host or ''}{f':{port}' if port else ''}/{database or ''}"
    yield f"SQLAlchemy Engine of {driver}://{place} (no query was made)"


def _sql_table(value: Any, look: DescribeContext) -> Iterator[str]:
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


def _sql_row(value: Any, look: DescribeContext) -> Iterator[str]:
    names = [str(name) for name in value._fields]
    yield f"SQLAlchemy Row of {len(names)} columns"
    cells = (class_name(type(cell)) for cell in tuple(value._data))
    yield from _columns(zip(names, cells, strict=False))


def _dataset(value: Any, look: DescribeContext) -> Iterator[str]:
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


def _data_array(value: Any, look: DescribeContext) -> Iterator[str]:
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


LAZY_KINDS: dict[tuple[str, str], Describer] = {
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
