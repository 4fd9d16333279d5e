"""Describe arrays, models, figures, lazy and remote data, and compute nothing."""

from __future__ import annotations

from math import isnan
from typing import Any

from nemotron_magic.context.describe import base, privacy, tables
from nemotron_magic.context.describe.base import DescribeContext, Lines, shorten
from nemotron_magic.context.describe.objects import find_init
from nemotron_magic.context.describe.summaries import text_values
from nemotron_magic.core import introspection
from nemotron_magic.core.introspection import class_name, exact, field, home, state
from nemotron_magic.core.text import plural

_SAMPLE = 100_000
_SHOWN_ROWS = 5
_NOT_READ = {"mmap": "on disk", "memmap": "on disk", "MaskedArray": "masked"}
_SHOWN_NUMBERS = 40
_PLAIN = (type(None), bool, int, float, str)
_FOUND = (
    *("best_params_", "best_score_", "coef_", "intercept_", "feature_importances_"),
    *("explained_variance_ratio_", "inertia_", "n_iter_", "oob_score_"),
)
_DRAWN = ("lines", "patches", "collections", "images", "texts")
_PLOTTED = ("list", "tuple", "ndarray")
_ARRAYS = ("numpy", "dask", "xarray", "pandas")
_LAZY = "(lazy; nothing was computed)"


def _array(value: Any, ctx: DescribeContext) -> Lines:
    numpy = introspection.library("numpy")
    # A view as the library's own class has none of the methods of user code.
    array = numpy.ndarray.view(value, numpy.ndarray)
    is_own = home(type(value))[0] != "numpy"
    yield _shape("numpy array" + f" ({class_name(type(value))})" * is_own, array)
    # The values of a file are not looked at, also behind a view.
    viewed = introspection.read(numpy.ndarray, "base", value)
    kinds = [*introspection.kinds(value), *introspection.kinds(viewed)]
    names = (kind.rpartition(".")[2] for kind in kinds)
    if why := next((_NOT_READ[name] for name in names if name in _NOT_READ), ""):
        yield f"values: {why}, not read"
    elif array.dtype.kind in "OU" and array.ndim == 1:
        if named := text_values(array, ctx):
            yield f"values: {', '.join(map(repr, named))}"
    elif array.dtype.kind in "iufmM" and array.size:
        is_hidden = ctx.hides(ctx.name)
        yield f"values: {privacy.HIDDEN if is_hidden else _range(array, ctx)}"
        if not is_hidden and ctx.data != "schema":
            rows = array.reshape(1) if not array.ndim else array
            yield "rows:" if ctx.is_full else "first rows:"
            for row in rows if ctx.is_full else rows[:_SHOWN_ROWS]:
                cells = map(base.format_extreme, row.ravel()[:50].tolist())
                yield f"  {', '.join(cells)}"


def _shape(kind: str, array: Any) -> str:
    shape = " × ".join(f"{size:,}" for size in array.shape) or "no dimensions"
    return f"{kind}, {shape}, {shorten(str(array.dtype))}"


def _range(array: Any, ctx: DescribeContext) -> str:
    if ctx.data == "schema" and array.ndim and array.size < tables.LEAST_ROWS:
        return "too few for a range"
    sample = array.flat[:: array.size // _SAMPLE | 1]
    # Of all numbers and times, those that are missing are not themselves.
    present = sample[sample == sample]
    note = f" (of {sample.size:,} looked at)" if sample.size < array.size else ""
    if not present.size:
        return f"all missing{note}"
    share = 1 - present.size / sample.size
    missing = f", {share:.1%} missing" if share else ""
    ends = base.format_range(present.min().item(), present.max().item())
    return f"{ends}{missing}{note}"


def _estimator(value: object, ctx: DescribeContext) -> Lines:
    own = state(value)
    yield f"{class_name(type(value))} (scikit-learn), {_fitted(own)}"
    for name in _FOUND:
        if name in own:
            yield f"  {name} = {_found_text(own[name], value, ctx)}"
    if not (init := find_init(type(value))):
        return
    code, usual = init.__code__, introspection.defaults(init)
    for name in code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]:
        given, by_default = field(value, name), usual.get(name)
        # Only what is plain runs no code when it is compared.
        is_plain = type(given) is type(by_default) and type(given) in _PLAIN
        is_same = given is by_default or (is_plain and given == by_default)
        if given is not introspection.MISSING and not is_same:
            yield from ctx.entry(f"{name} = ", given, value, name)


def _found_text(value: Any, estimator: object, ctx: DescribeContext) -> str:
    """Return what fitting found: figures of the whole data, and names of columns."""
    if home(type(value)) == ("numpy", "ndarray") and value.dtype.kind in "iuf":
        numbers = value.ravel()[:_SHOWN_NUMBERS].tolist()
        shown = map(base.format_extreme, numbers)
        text = base.and_more(shown, value.size - len(numbers))
        return f"{text} ({' × '.join(map(str, value.shape))})"
    if type(value) is dict:
        # Its keys are the names of parameters.
        items = [(exact(key), one) for key, one in value.items()]
        return ", ".join(f"{k}: {ctx.headline(one, estimator, k)}" for k, one in items)
    return ctx.headline(value, estimator)


def _fitted(own: dict[str, object]) -> str:
    """Return whether it was fitted, as attributes that end in an underscore say."""
    learnt = [name for name in own if name[-1:] == "_" and name[:1] != "_"]
    if learnt:
        width = own.get("n_features_in_")
        on = f" on {plural(width, 'feature')}" if type(width) is int else ""
        return f"fitted{on} ({base.and_more(learnt[:8], len(learnt) - 8)})"
    # A pipeline fits its steps in place, and keeps nothing itself.
    parts = own.get("steps", own.get("transformer_list"))
    steps = [step[1] for step in parts] if type(parts) is list else []
    states = [_fitted(state(step)) for step in steps if type(step) is not str]
    is_fitted = bool(states) and states[-1] != "not fitted"
    return "fitted, as its steps are" if is_fitted else "not fitted"


def _results(value: object, ctx: DescribeContext) -> Lines:
    """Describe a fitted model of statsmodels by its parameters."""
    own = state(state(value).get("_results", value))
    about = state(model := own.get("model"))
    rows, params = own.get("nobs", about.get("nobs")), own.get("params")
    size = f", {rows:,.0f} rows" if type(rows) in (int, float) else ""
    yield f"{class_name(type(model))} fitted (statsmodels){size}"
    given: Any = state(about.get("data")).get("orig_exog")
    if home(type(given)) == ("pandas", "DataFrame"):
        pandas = introspection.library("pandas")
        series = pandas.Series(params, index=given.columns)
        yield from (f"  {line}" for line in ctx.lines(series, value, "params"))
    elif home(type(params)) == ("numpy", "ndarray"):
        yield f"  params = {_found_text(params, value, ctx)}"


def _figure(figure: Any, ctx: DescribeContext) -> Lines:
    cls = _matplotlib_class(figure, "Figure")
    axes = list(cls.get_axes(figure))
    title = _figure_text(cls.get_suptitle(figure), ctx, " ")
    wide, high = cls.get_size_inches(figure).tolist()
    yield f"matplotlib Figure{title}, {wide:g} × {high:g} inches, {len(axes)} axes"
    for one in axes:
        yield from (f"  {line}" for line in ctx.lines(one, figure))


def _axes(axes: Any, ctx: DescribeContext) -> Lines:
    cls = _matplotlib_class(axes, "Axes")
    yield f"matplotlib Axes{_figure_text(cls.get_title(axes), ctx, ' ')}"
    for axis in "xy":
        names = (f"get_{axis}{what}" for what in ("label", "lim", "scale"))
        label, (low, high), scale = (getattr(cls, name)(axes) for name in names)
        name = _figure_text(label, ctx) or "no label"
        yield f"  {axis} axis: {name}, {float(low):.6g} to {float(high):.6g}, {scale}"
    drawn = {name: list(getattr(cls, name).__get__(axes)) for name in _DRAWN}
    counts = [f"{len(parts):,} {name}" for name, parts in drawn.items() if parts]
    yield f"  drawn: {', '.join(counts) or 'nothing'}"
    if labels := cls.get_legend_handles_labels(axes)[1]:
        yield f"  labels: {', '.join(_figure_text(one, ctx) for one in labels)}"


def _matplotlib_class(value: Any, name: str) -> Any:
    """Return the class of matplotlib itself, whose methods are no user code."""
    classes = introspection.bases(type(value))
    return next(cls for cls in classes if home(cls) == ("matplotlib", name))


def _figure_text(text: str, ctx: DescribeContext, before: str = "") -> str:
    """Return a text of a figure in quotes, unless a person seems to be in it."""
    is_open = ctx.is_full or not privacy.tells_of_person(text)
    return text and before + (repr(shorten(text)) if is_open else "(not named)")


def _plotly(figure: Any, ctx: DescribeContext) -> Lines:
    """Describe a figure by the plain dicts that its library keeps it in."""
    own = state(figure)
    layout = _plain_dict(own.get("_layout"))
    found: Any = own.get("_data")
    traces = [one for one in found if type(one) is dict] if type(found) is list else []
    title = _plotly_title(layout, ctx)
    yield f"plotly Figure{title and f' {title}'}, {len(traces)} traces"
    for name, axis in layout.items():
        if type(axis) is dict and exact(name)[1:5] == "axis":
            yield f"  {name}: {_plotly_title(axis, ctx) or 'no label'}"
    for trace in traces:
        kind, name = exact(trace.get("type")) or "trace", exact(trace.get("name"))
        sizes = [
            f"{len(one):,} {key}"
            for key, one in trace.items()
            if home(type(one))[1] in _PLOTTED and getattr(one, "shape", True)
        ]
        data = ", ".join(sizes) or "no data"
        yield f"  {kind}{_figure_text(name, ctx, ' ')}: {data}"


def _plotly_title(part: dict[str, Any], ctx: DescribeContext) -> str:
    return _figure_text(exact(_plain_dict(part.get("title")).get("text")), ctx)


def _plain_dict(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


def _lazy(value: Any, ctx: DescribeContext) -> Lines:
    yield f"{class_name(type(value))} {_LAZY}"


def _column(name: str, dtype: str) -> str:
    return f"  {shorten(name)}: {shorten(dtype)}"


def _dask_frame(value: Any, ctx: DescribeContext) -> Lines:
    yield f"dask {type(value).__name__} {_LAZY}"
    # An expression keeps what it once found out; what it has not, is not asked for.
    found = state(field(value, "_expr")).get("_meta")
    meta: Any = state(value).get("_meta", found)
    if home(type(meta)) == ("pandas", "DataFrame"):
        columns = meta.columns
        names = tables.format_labels(columns.tolist(), ctx, list(columns.names))
        yield from map(_column, names, map(str, meta.dtypes.tolist()))
    elif home(type(meta)) == ("pandas", "Series"):
        yield f"  {tables.quote_label(meta.name, ctx)}: {meta.dtype}"


def _dask_array(value: Any, ctx: DescribeContext) -> Lines:
    found: Any = field(value, "_Array__chunks")
    chunks = found if type(found) is tuple else ()
    sizes = [sum(axis) for axis in chunks]
    shape = " × ".join("unknown" if isnan(one) else f"{one:,}" for one in sizes)
    dtype = shorten(str(getattr(field(value, "_meta"), "dtype", "unknown type")))
    yield f"dask array {_LAZY}, {shape}, {dtype}"
    yield f"  in {' × '.join(f'{len(axis):,}' for axis in chunks)} chunks"


def _spark_frame(value: Any, ctx: DescribeContext) -> Lines:
    yield f"Spark DataFrame {_LAZY}"
    own = state(value)
    fields = field(own.get("_schema", own.get("_cached_schema")), "fields")
    for one in fields if type(fields) is list else ():
        yield _column(exact(field(one, "name")), type(field(one, "dataType")).__name__)


def _engine(value: Any, ctx: DescribeContext) -> Lines:
    url: Any = field(value, "url")
    if home(type(url)) != ("sqlalchemy", "URL"):
        yield "SQLAlchemy Engine"
        return
    driver, _, _, host, port, database, *_ = tuple.__iter__(url)
    place = f"{host or ''}{f':{port}' if port else ''}/{database or ''}"
    yield f"SQLAlchemy Engine of {driver}://{place} (no query was made)"


def _sql_table(value: Any, ctx: DescribeContext) -> Lines:
    found = field(field(value, "_columns"), "_collection")
    columns = [state(one[1]) for one in found] if type(found) is list else []
    name = exact(str(state(value)["name"]))
    yield f"SQLAlchemy Table {name!r}, {len(columns)} columns"
    for own in columns:
        key = ", primary key" * (own.get("primary_key") is True)
        null = ", not null" * (own.get("nullable") is False)
        column: Any = own.get("name") or "?"
        dtype = f"{type(own.get('type')).__name__}{key}{null}"
        yield _column(str.__str__(column), dtype)


def _sql_row(value: Any, ctx: DescribeContext) -> Lines:
    yield f"SQLAlchemy Row of {len(value._fields)} columns"
    cells = (class_name(type(cell)) for cell in tuple(value._data))
    yield from map(_column, map(str, value._fields), cells)


def _xarray(value: Any, ctx: DescribeContext) -> Lines:
    """Describe a Dataset or DataArray by its variables; their values may be on disk."""
    found: Any = field(value, "_variables")
    if type(found) is dict:
        coordinates: Any = field(value, "_coord_names")
        yield f"xarray Dataset of {len(found) - len(coordinates)} data variables"
    else:
        found = coordinates = field(value, "_coords")
        name = exact(field(value, "_name"))
        label = f" {name!r}" if name else ""
        yield f"xarray DataArray{label}, {_variable(field(value, '_variable'))}"
    for name, one in found.items():
        kind = "coordinate" if exact(name) in coordinates else "variable"
        yield f"  {kind} {tables.quote_label(name, ctx)}: {_variable(one)}"


def _variable(variable: object) -> str:
    """Return dimensions, sizes and type of a variable."""
    data, dims = field(variable, "_data"), field(variable, "_dims")
    names = ", ".join(map(exact, dims)) if type(dims) is tuple else ""
    is_array = home(type(data))[0] in _ARRAYS
    return _shape(f"({names})", data) if is_array else f"({names})"


KINDS: base.Kinds = {
    "dask.Array": _dask_array,
    "dask.Bag dask.Delayed dask.Index": _lazy,
    "dask.DataFrame dask.Series": _dask_frame,
    "matplotlib.Axes": _axes,
    "matplotlib.Figure": _figure,
    "numpy.ndarray": _array,
    "plotly.BaseFigure": _plotly,
    "pyspark.DataFrame": _spark_frame,
    "sklearn.BaseEstimator": _estimator,
    "sqlalchemy.Engine": _engine,
    "sqlalchemy.Row": _sql_row,
    "sqlalchemy.Table": _sql_table,
    "statsmodels.Results statsmodels.ResultsWrapper": _results,
    "xarray.DataArray xarray.Dataset": _xarray,
}
