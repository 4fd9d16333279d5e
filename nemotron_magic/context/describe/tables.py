"""Describe tables of any library: their columns, and rows if they are wanted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from nemotron_magic.context.describe import base, privacy, summaries
from nemotron_magic.context.describe.base import DescribeContext, Lines, shorten
from nemotron_magic.context.describe.summaries import text_values
from nemotron_magic.core import introspection
from nemotron_magic.core.introspection import as_library, class_name, home
from nemotron_magic.core.text import plural

Kind: TypeAlias = Literal["number", "date", "text", "other"]
MOST_COLUMNS = 40
LEAST_ROWS = 5  # of fewer, the ends of a range are most of the cells
_SAMPLE_CELLS = 300_000
_SAMPLE_ROWS = 50_000
_SHOWN_ROWS = 5
_FULL_ROWS = 10_000
_MOST_TEXTS = 2_000  # of a column are looked at
_LONG_CHARS = 1_000  # to hash whole texts would take as long as to read them all
_KINDS = 4
_TEXT = re.compile(r"[^\W\d](?:[^\x00-\x1f|]*[^\s:|])?")
_SIGNS: dict[Kind, re.Pattern[str]] = {  # of the texts of types, in this order
    "number": re.compile(r"(sparse\[)?u?int\d|(sparse\[)?float|double|decimal"),
    "date": re.compile(r"date|time|duration"),
    "text": re.compile(r"(large_)?str(ing)?\b|object|categor|enum|dictionary<.*str"),
    "other": re.compile(""),
}
_LIBRARIES = ("numpy", "pandas", "polars", "pyarrow")
_CONSTANTS = ("None", "True", "False", "nan", "NaT", "inf")


class Column(NamedTuple):
    """One column of a table, of which one cell in `step` is looked at."""

    label: str
    dtype: str  # in the words of its library
    kind: Kind  # what can be said of its values
    values: Any  # what has the cells when it is sliced
    step: int = 1
    is_index: bool = False  # whose values need not repeat

    def present(self) -> tuple[Any, float]:
        """Return the cells looked at that are not missing, and the share of others."""
        sample: Any = self.values[:: self.step]
        drop = getattr(sample, "dropna", None) or getattr(sample, "drop_nulls", None)
        if drop:
            present = drop()
        else:
            known = (cell for cell in _listed(sample) if cell is not None)
            # Of all numbers, nan is not itself.
            present = [one for one in known if type(one) is not float or one == one]
        return present, (len(sample) - len(present)) / (len(sample) or 1)


def _listed(part: Any) -> list[Any]:
    """Return some cells of any library as a list."""
    names = (name for name in ("to_pylist", "to_list") if hasattr(part, name))
    cells: list[Any] = getattr(part, next(names))() if type(part) is not list else part
    return cells


def _texts(present: Any) -> tuple[Counter[str], list[str]]:
    """Return how often texts are among some cells, and the classes of the others."""
    every = -(-len(present) // _MOST_TEXTS) or 1
    cells, most = _listed(present[::every]), _LONG_CHARS
    others = {class_name(type(cell)) for cell in cells if type(cell) is not str}
    counted = Counter(
        one if len(one) <= most else f"{one[:most]}{len(one)}{one[-most:]}"
        for one in cells
        if type(one) is str
    )
    return counted, sorted(others)


def _step_of(rows: int, columns: int = 1) -> int:
    """Return the step between rows looked at; odd, as data repeat in even steps."""
    most = min(_SAMPLE_ROWS, _SAMPLE_CELLS // max(1, min(columns, MOST_COLUMNS)))
    return 1 if rows <= most else (rows // most + 1) | 1


def _format_label(label: object, ctx: DescribeContext) -> str:
    """Return the name of a column as code can take it: `'2024'`, `' price'` quoted."""
    if type(label) is str:
        is_plain = label.isprintable() and bool(_TEXT.fullmatch(label))
        is_clear = is_plain and label not in _CONSTANTS
        return shorten(label) if is_clear else repr(shorten(label))
    if type(label) is not tuple:
        return ctx.headline(label, ctx)
    levels = ", ".join(ctx.word(one, label) for one in label)
    return shorten(f"({levels}{',' if len(label) == 1 else ''})")


def quote_label(label: object, ctx: DescribeContext) -> str:
    """Return the name of what stands alone, a text in quotes; "" if it has none."""
    if type(label) is str:
        return label and repr(shorten(label))
    return "" if label is None else _format_label(label, ctx)


def format_labels(
    labels: Sequence[object],
    ctx: DescribeContext,
    names: Sequence[object] = (),
    types: Iterable[object] = (),
) -> list[str]:
    """Return the names of columns, but for those that are people themselves.

    `names` are those of the levels of the labels: of a pivot, the labels have been
    values of the column that was called so. By its `types`, a table that was turned is
    known: its columns are of one class.
    """
    found = [_format_label(label, ctx) for label in labels]
    if ctx.is_full:
        return found
    if privacy.are_of_people(labels, names):
        return [privacy.person(place) for place in range(1, len(found) + 1)]
    return privacy.safe_labels(found, len({id(type(one)) for one in types}) == 1)


def table_lines(
    kind: str, size: tuple[int, int], columns: list[Column], ctx: DescribeContext
) -> Lines:
    """Yield the lines on a table of `size`, of its first columns and of its index."""
    rows, width = size
    yield f"{kind}, {rows:,} rows × {width:,} columns"
    own = [column for column in columns if not column.is_index]
    for column in columns:
        if own and column is own[0]:
            yield f"columns{_sampled(column)}:"
        indent = "" if column.is_index else "  "
        yield f"{indent}{column.label}: {column.dtype}, {_figures(column, ctx)}"
    if more := width - len(own):
        yield f"  … and {plural(more, 'more column')}, not looked at"
    yield from _rows(columns, rows, ctx)


def _column_lines(
    kind: str, columns: list[Column], rows: int, ctx: DescribeContext
) -> Lines:
    """Yield the lines on a single column, such as a Series, and on its index."""
    *index, column = columns
    name = f" {column.label}" if column.label else ""
    yield f"{kind}{name}, {rows:,} rows, {column.dtype}"
    for one in index:
        yield f"{one.label}: {one.dtype}, {_figures(one, ctx)}"
    # A column that stands alone is also called as its variable.
    yield f"values{_sampled(column)}: {_figures(column, ctx, ctx.name)}"
    yield from _rows(columns, rows, ctx)


def _sampled(column: Column) -> str:
    step = column.step
    return f" (figures from one row in {step:,})" if step > 1 else ""


def _figures(column: Column, ctx: DescribeContext, name: str = "") -> str:
    """Return how much is missing, and the range or the names of the values."""
    try:
        present, share = column.present()
        percent = "under 0.1%" if share < 0.001 else f"{share:.1%}"
        missing = f"{percent} missing" if share else "none missing"
        values = _values(column, present, ctx, name)
        return f"{missing}, {values}" if values else missing
    except Exception as error:
        return f"its values could not be read: {type(error).__name__}"


def _values(column: Column, present: Any, ctx: DescribeContext, name: str = "") -> str:
    if column.kind == "other":
        return ""
    if ctx.hides(column.label, name):
        return privacy.HIDDEN
    if column.kind == "text":
        return _text_values(present, ctx, column.label or name, column.is_index)
    if len(present) < (LEAST_ROWS if ctx.data == "schema" else 1):
        return ""
    if type(present) is list:
        return base.format_range(min(present), max(present))
    return base.format_range(present.min(), present.max())


def _text_values(present: Any, ctx: DescribeContext, label: str, is_index: bool) -> str:
    """Name the values of a text column if they are few; of many, none."""
    counted, kinds = _texts(present)
    if kinds:
        # To name the texts alone would mislead about the column.
        mixed = ["str"] * bool(counted) + kinds
        return f"{base.and_more(mixed[:_KINDS], len(mixed) - _KINDS)} in it"
    if not counted:
        return ""
    number = "many" if len(counted) > privacy.MOST_VALUES else str(len(counted))
    count = "1 value" if number == "1" else f"{number} different values"
    if ctx.live.columns.issuperset(counted):
        return f"{count}, all names of columns: {base.and_more(map(repr, counted))}"
    least = 1 if is_index else privacy.LEAST_SEEN
    are_few = privacy.are_few(len(counted), counted.total(), least)
    if not (are_few and ctx.may_name(counted, label)):
        return f"{count}, none of them named"
    often = sorted(text for text, seen in counted.items() if seen >= least)
    named = (repr(shorten(one, 40)) for one in often)
    listed = base.and_more(named, len(counted) - len(often))
    return f"{count}: {listed}" if often else ""


def _rows(columns: list[Column], rows: int, ctx: DescribeContext) -> Lines:
    if ctx.data == "schema" or not rows or not columns:
        return
    wanted = min(rows, _FULL_ROWS if ctx.is_full else _SHOWN_ROWS)
    yield f"{'rows' if ctx.is_full else 'first rows'}, cells divided by |:"
    yield "  " + " | ".join(column.label or "value" for column in columns)
    cells = [
        _listed(column.values[:wanted])
        if ctx.is_full or _may_be_shown(column)
        else ["(hidden)"] * wanted
        for column in columns
    ]
    for row in zip(*cells, strict=False):
        yield "  " + " | ".join(
            " ".join(shorten(one).split())
            if type(one) is str
            else ctx.headline(one, ctx)
            for one in row
        )


def _may_be_shown(column: Column) -> bool:
    """Return whether a few cells may be shown: of texts, only those of few values."""
    if privacy.is_personal(column.label):
        return False
    if column.kind != "text":
        return column.kind != "other" or column.dtype.lower().startswith("bool")
    counted, _ = _texts(column.present()[0])
    are_few = privacy.are_few(len(counted), counted.total())
    return are_few and privacy.is_vocabulary(counted, column.label)


def _type_text(dtype: Any) -> str:
    """Return what a type of columns is called, unless user code would name it."""
    name = class_name(type(dtype)).rpartition(".")[2]
    # The long names of these would list all their values.
    lists_values = name in ("Enum", "Categorical", "Object")
    is_library = home(type(dtype))[0] in _LIBRARIES
    return shorten(str(dtype)) if is_library and not lists_values else name


def _column(label: str, values: Any, step: int, is_index: bool = False) -> Column:
    """Return a Series, an Index or an array of Arrow as a column."""
    dtype = values.dtype if hasattr(values, "dtype") else values.type
    if home(type(dtype))[0] not in _LIBRARIES:
        # The cells are kept by a class of user code.
        unread = ["(not inspected)"] * min(len(values), _FULL_ROWS)
        kept_by = class_name(type(dtype))
        return Column(label, kept_by, "other", unread, is_index=is_index)
    text, by_place = str(dtype).lower(), getattr(values, "iloc", values)
    kind = next(kind for kind, sign in _SIGNS.items() if sign.match(text))
    return Column(label, _type_text(dtype), kind, by_place, step, is_index)


def _arrow_table(value: Any, ctx: DescribeContext) -> Lines:
    rows, width = value.num_rows, value.num_columns
    # Arrow takes rows by a list of their places: dearer than a view.
    step = max(_step_of(rows, width), rows // 4_000 | 1)
    labels = format_labels(value.schema.names[:MOST_COLUMNS], ctx)
    columns = [_column(one, value.column(i), step) for i, one in enumerate(labels)]
    return table_lines(f"pyarrow {type(value).__name__}", (rows, width), columns, ctx)


def _arrow_array(value: Any, ctx: DescribeContext) -> Lines:
    column = _column("", value, len(value) // 20_000 | 1)
    return _column_lines(f"pyarrow {type(value).__name__}", [column], len(value), ctx)


def _frame(value: Any, ctx: DescribeContext) -> Lines:
    """Describe a frame of pandas or polars."""
    frame = as_library(value)
    if summary := summaries.summary_lines(frame, ctx):
        return summary
    size, names = frame.shape, getattr(frame.columns, "names", ())
    step = _step_of(*size)
    types, at = list(frame.dtypes), summaries.column_at
    labels = format_labels(list(frame.columns[:MOST_COLUMNS]), ctx, names, types)
    columns = [_column(one, at(frame, i), step) for i, one in enumerate(labels)]
    levels, index = _index(getattr(frame, "index", None), step, ctx)
    kind = f"{home(type(frame))[0]} DataFrame{levels}"
    return table_lines(kind, size, index + columns, ctx)


def _index(index: Any, step: int, ctx: DescribeContext) -> tuple[str, list[Column]]:
    """Return what names the rows: levels in words, or a column, or their numbers."""
    kind = type(index).__name__
    if kind == "MultiIndex":
        return f" with the index levels {_level_names(index, ctx)}", []
    if kind in ("RangeIndex", "NoneType"):
        return "", []
    name = "" if index.name is None else _format_label(index.name, ctx)
    return "", [_column(f"index {name}".strip(), index, step, is_index=True)]


def _level_names(index: Any, ctx: DescribeContext) -> str:
    """Return the names of the levels of an index, each with what it holds."""
    found = []
    for name, values in zip(index.names, index.levels, strict=True):
        label = _format_label(name, ctx)
        level = _column(label, values, _step_of(len(values)), is_index=True)
        present, _ = level.present()
        text = _values(level, present, ctx) or f"{len(present):,} values"
        found.append(f"{label} ({text})")
    return ", ".join(found)


def _pandas_array(value: Any, ctx: DescribeContext) -> Lines:
    """Describe what `unique` returns: an array of pandas, or one of objects."""
    kind = class_name(type(value))
    if home(type(value))[0] != "pandas":
        yield f"{kind} object (not inspected)"
        return
    named = ", ".join(map(repr, text_values(value.dropna(), ctx)))
    dtype = shorten(str(value.dtype))
    yield f"{kind} of {len(value):,}, {dtype}{named and f': {named}'}"


def _single(value: Any, ctx: DescribeContext) -> Lines:
    """Describe a Series of pandas or polars, or an Index."""
    values = as_library(value)
    rows, kind = len(values), " ".join(home(type(values)))
    if kind == "pandas MultiIndex":
        return iter([f"{kind}, {rows:,} rows, levels {_level_names(values, ctx)}"])
    name = quote_label(values.name, ctx)
    texts = text_values(values, ctx) if kind == "pandas Index" else []
    if texts and not privacy.is_personal(name):
        labels = ", ".join(_format_label(one, ctx) for one in texts)
        return iter([f"{f'{kind} {name}'.strip()}, {rows:,} rows: {labels}"])
    if kind == "pandas Series" and (summary := summaries.summary_lines(values, ctx)):
        return summary
    step = _step_of(rows)
    levels, index = _index(getattr(values, "index", None), step, ctx)
    columns = [*index, _column(name, values, step)]
    return _column_lines(kind + levels, columns, rows, ctx)


def _polars_lazy(value: Any, ctx: DescribeContext) -> Lines:
    # Even its schema may open files, ask a network, or call user code.
    yield "polars LazyFrame (a query that has not run; nothing was read for it)"


def _pandas_view(value: Any, ctx: DescribeContext) -> Lines:
    """Describe groups, a window or a style of a table: by what, and the table."""
    own = introspection.state(value)
    keys = own.get("keys")
    names = keys if type(keys) is list else [keys]
    by = ", ".join(_format_label(name, ctx) for name in names if type(name) is str)
    kind = class_name(type(value)).rpartition(".")[2]
    yield f"pandas {kind}{by and f' by {by}'} of:"
    table = own.get("obj", own.get("data"))
    yield from (f"  {line}" for line in ctx.lines(table, value))


def _dtype(value: Any, ctx: DescribeContext) -> Lines:
    yield _type_text(value)


KINDS: base.Kinds = {
    "pandas.DataFrame polars.DataFrame": _frame,
    "pandas.Series pandas.Index polars.Series": _single,
    "pandas.BaseGroupBy pandas.BaseWindow pandas.StylerRenderer": _pandas_view,
    "pandas.ExtensionArray": _pandas_array,
    "pandas.ExtensionDtype numpy.dtype polars.DataType": _dtype,
    "polars.LazyFrame": _polars_lazy,
    "pyarrow.Table pyarrow.RecordBatch": _arrow_table,
    "pyarrow.Array pyarrow.ChunkedArray": _arrow_array,
}
