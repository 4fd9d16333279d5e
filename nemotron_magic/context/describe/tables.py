"""Describe a table of any library: its columns, and rows if they are wanted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from nemotron_magic.context.describe.base import (
    DescribeContext,
    and_more,
    format_extreme,
    shorten,
)
from nemotron_magic.context.describe.privacy import (
    HIDDEN,
    LEAST_SEEN,
    MOST_VALUES,
    is_personal,
    is_vocabulary,
    person,
    safe_labels,
)
from nemotron_magic.core.introspection import class_name, home

__all__ = [
    "LEAST_ROWS",
    "MOST_COLUMNS",
    "Column",
    "Kind",
    "column_lines",
    "format_label",
    "format_labels",
    "level_text",
    "quote_label",
    "step_of",
    "table_lines",
]


Kind: TypeAlias = Literal["number", "date", "text", "other"]
MOST_COLUMNS = 40
LEAST_ROWS = 5  # of fewer, the ends of a range are most of the cells
_SAMPLE_CELLS = 300_000
_SAMPLE_ROWS = 50_000
_SHOWN_ROWS = 5
_CHUNK_ROWS = 50
_MOST_TEXTS = 2_000  # of a column are looked at
_TYPICAL = 200  # texts that tell whether a column has few values
_LEVELS = 10
_KINDS = 4
_MISSING = (("pandas", "NAType"), ("pandas", "NaTType"))
_TEXT = re.compile(r"[^\W\d](?:[^\x00-\x1f|]*[^\s:|])?")
_CONSTANTS = ("None", "True", "False", "nan", "NaT", "inf")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, of which a sample of the rows is looked at.

    Parameters
    ----------
    label, dtype : str
        Its name, and the type of its values in the words of its library.
    kind : str
        What can be said of its values.
    size : int
        The rows of the sample.
    sample : Callable
        Returns every so many values of the sample.
    rows : Callable
        Returns the values between two places.
    missing_share, extremes : Callable, optional
        What a library finds faster than Python: the share of missing values, and the
        smallest and the largest one of the sample, if it has any.
    """

    label: str
    dtype: str
    kind: Kind
    size: int
    sample: Callable[[int], Sequence[Any]]
    rows: Callable[[int, int], Sequence[Any]]
    missing_share: Callable[[], float] | None = None
    extremes: Callable[[], tuple[object, object] | None] | None = None

    def texts(self) -> Sequence[Any]:
        """Return values of the sample, at most 2,000."""
        return self.sample(-(-self.size // _MOST_TEXTS) or 1)


def step_of(rows: int, columns: int) -> int:
    """Return the step between rows looked at; odd, as data repeat in even steps."""
    most = min(_SAMPLE_ROWS, _SAMPLE_CELLS // max(1, min(columns, MOST_COLUMNS)))
    return 1 if rows <= most else (rows // most + 1) | 1


def format_label(label: object, ctx: DescribeContext) -> str:
    """Return the name of a column, which may be any object, as code can take it.

    A text is in quotes where it would be read as something else: `'2024'`, `' price'`.
    """
    if type(label) is str:
        is_plain = label.isprintable() and bool(_TEXT.fullmatch(label))
        is_clear = is_plain and label not in _CONSTANTS
        return shorten(label) if is_clear else repr(shorten(label))
    if type(label) is not tuple:
        return ctx.headline(label, ctx)
    levels = ", ".join(
        repr(shorten(one)) if type(one) is str else ctx.headline(one, label)
        for one in label[:_LEVELS]
    )
    return shorten(f"({levels}{',' if len(label) == 1 else ''})")


def quote_label(label: object, ctx: DescribeContext) -> str:
    """Return the name of what stands alone: a text always in quotes."""
    return repr(shorten(label)) if type(label) is str else format_label(label, ctx)


def format_labels(
    labels: Sequence[object],
    ctx: DescribeContext,
    names: Sequence[object] = (),
    types: Iterable[object] = (),
) -> list[str]:
    """Return the names of columns, but for those that are people themselves.

    Parameters
    ----------
    names : sequence of object
        What the labels of each level are called. Those of a pivot have been values of
        the column that was called so.
    types : iterable of object
        The types of the columns, if the library has made them: those of a table that
        was turned are of one class.
    """
    found = [format_label(label, ctx) for label in labels]
    if ctx.is_full:
        return found
    if all(_may_be_labels(labels, name, level) for level, name in enumerate(names)):
        return safe_labels(found, len({id(type(one)) for one in types}) == 1)
    return [person(place) for place in range(1, len(found) + 1)]


def _may_be_labels(labels: Sequence[object], name: object, level: int) -> bool:
    if type(name) is not str:
        return True
    found = [one[level] if type(one) is tuple else one for one in labels]
    texts = Counter(one for one in found if type(one) is str)
    return not is_personal(name) and (not texts or is_vocabulary(texts, name))


def table_lines(
    kind: str,
    size: tuple[int, int],
    columns: Sequence[Column],
    ctx: DescribeContext,
    step: int = 1,
    index: Column | None = None,
) -> Iterator[str]:
    """Yield the lines on a table, with rows if `ctx.data` allows them.

    Parameters
    ----------
    kind : str
        What it is, as in "pandas DataFrame".
    size : tuple of int
        How many rows and columns it has; of a wide one, `columns` has the first.
    step : int
        Every how many rows one is looked at.
    index : Column, optional
        What names the rows.
    """
    rows, width = size
    yield f"{kind}, {rows:,} rows × {width:,} columns"
    if index is not None:
        yield _index_line(index, ctx)
    if width:
        yield f"columns{_sampled(step)}:"
    is_late = False
    for column in columns:
        if not is_late and ctx.is_late():
            is_late = True
            yield "  (no time was left for more than the names of these)"
        figures = "" if is_late else f", {_figures(column, ctx, (column.label,))}"
        yield f"  {column.label}: {column.dtype}{figures}"
    if more := width - len(columns):
        yield f"  … and {more:,} more columns, not looked at"
    yield from _rows([index, *columns], rows, ctx)


def column_lines(
    kind: str,
    column: Column,
    rows: int,
    step: int,
    ctx: DescribeContext,
    index: Column | None = None,
) -> Iterator[str]:
    """Yield the lines on a single column, such as a Series."""
    name = f" {column.label}" if column.label else ""
    yield f"{kind}{name}, {rows:,} rows, {column.dtype}"
    if index is not None:
        yield _index_line(index, ctx)
    # A column that stands alone is also called as its variable.
    names = tuple(filter(None, (column.label, ctx.name)))
    yield f"values{_sampled(step)}: {_figures(column, ctx, names)}"
    yield from _rows([index, column], rows, ctx)


def level_text(level: Column, ctx: DescribeContext) -> str:
    """Return the name of a level of an index, and its values if they are told."""
    values = _values(level, ctx, (level.label,), is_index=True).removeprefix(", ")
    return f"{level.label} ({values or f'{level.size:,} values'})"


def _sampled(step: int) -> str:
    return f" (figures from one row in {step:,})" if step > 1 else ""


def _index_line(index: Column, ctx: DescribeContext) -> str:
    """Return the line on an index, whose values need not repeat."""
    figures = _figures(index, ctx, (index.label,), is_index=True)
    return f"{index.label}: {index.dtype}, {figures}"


def _figures(
    column: Column, ctx: DescribeContext, names: Sequence[str], is_index: bool = False
) -> str:
    """Return what is missing, and between what or which the values are."""
    try:
        if column.missing_share:
            share = column.missing_share()
        else:
            share = 1 - len(_present(column.sample(1))) / (column.size or 1)
        percent = "under 0.1%" if share < 0.001 else f"{share:.1%}"
        missing = f"{percent} missing" if share else "none missing"
        return f"{missing}{_values(column, ctx, names, is_index)}"
    except Exception as error:
        return f"its values could not be read: {type(error).__name__}"


def _present(cells: Sequence[Any]) -> list[Any]:
    # Of all numbers, nan is not itself.
    return [cell for cell in cells if cell is not None and cell == cell]


def _values(
    column: Column, ctx: DescribeContext, names: Sequence[str], is_index: bool
) -> str:
    if column.kind == "other":
        return ""
    if not ctx.is_full and any(map(is_personal, names)):
        return f", {HIDDEN}"
    if column.kind == "text":
        return _text_values(column.texts(), ctx, names[0] if names else "", is_index)
    if ctx.data == "schema" and len(column.rows(0, LEAST_ROWS)) < LEAST_ROWS:
        return ""
    if column.extremes:
        ends = column.extremes()
    else:
        cells = _present(column.sample(1))
        ends = (min(cells), max(cells)) if cells else None
    return f", {format_extreme(ends[0])} to {format_extreme(ends[1])}" if ends else ""


def _text_values(
    cells: Sequence[object], ctx: DescribeContext, label: str, is_index: bool
) -> str:
    """Name the values of a text column if they are few; of many, none."""
    texts = [cell for cell in cells if type(cell) is str]
    if kinds := sorted({class_name(type(c)) for c in cells if not _is_text(c)}):
        # To name the texts alone would tell of another column.
        mixed = ["str"] * bool(texts) + kinds
        return f", {and_more(mixed[:_KINDS], len(mixed) - _KINDS)} in it"
    if not texts:
        return ""
    counted = Counter(texts)
    number = "many" if len(counted) > MOST_VALUES else str(len(counted))
    count = "1 value" if number == "1" else f"{number} different values"
    if ctx.live.columns.issuperset(counted):
        return f", columns: {and_more(map(repr, counted), 0)}"
    are_few = _are_few(texts) or (is_index and len(counted) <= MOST_VALUES)
    if not are_few or not (ctx.is_full or is_vocabulary(counted, label)):
        return f", {count}, none of them named"
    least = 1 if is_index else LEAST_SEEN
    often = sorted(text for text, seen in counted.items() if seen >= least)
    more = len(counted) - len(often)
    named = and_more((repr(shorten(one, 40)) for one in often), more)
    return f", {count}: {named}" if often else ""


def _is_text(cell: object) -> bool:
    """Return whether a cell is a text, or missing."""
    if type(cell) is float:
        return cell != cell
    return type(cell) is str or cell is None or home(type(cell)) in _MISSING


def _are_few(texts: list[str]) -> bool:
    most = min(MOST_VALUES, len(texts) // LEAST_SEEN)
    is_typical = len(set(texts[:_TYPICAL])) <= MOST_VALUES
    return bool(texts) and is_typical and len(set(texts)) <= most


def _rows(found: list[Column | None], rows: int, ctx: DescribeContext) -> Iterator[str]:
    columns = [column for column in found if column is not None]
    if ctx.data == "schema" or not rows or not columns:
        return
    wanted = rows if ctx.is_full else min(rows, _SHOWN_ROWS)
    are_open = [ctx.is_full or _may_be_shown(column) for column in columns]
    yield f"{'rows' if ctx.is_full else 'first rows'}, cells divided by |:"
    yield "  " + " | ".join(column.label or "value" for column in columns)
    for start in range(0, wanted, _CHUNK_ROWS):
        stop = min(start + _CHUNK_ROWS, wanted)
        cells = [
            column.rows(start, stop) if is_open else ["(hidden)"] * (stop - start)
            for column, is_open in zip(columns, are_open, strict=True)
        ]
        for row in zip(*cells, strict=False):
            yield "  " + " | ".join(_cell(cell, ctx) for cell in row)


def _may_be_shown(column: Column) -> bool:
    """Return whether a few cells may be shown: of texts, only those of few values."""
    if is_personal(column.label):
        return False
    if column.kind != "text":
        return column.kind != "other" or column.dtype.lower().startswith("bool")
    texts = [cell for cell in column.texts() if type(cell) is str]
    return _are_few(texts) and is_vocabulary(Counter(texts), column.label)


def _cell(cell: object, ctx: DescribeContext) -> str:
    if type(cell) is str:
        return " ".join(shorten(cell).split())
    return shorten(ctx.headline(cell, ctx))
