"""Describe a table of any library: its columns, and rows if they are wanted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

from nemotron_magic.context.describe.base import (
    CELL_CHARS,
    DescribeContext,
    and_more,
    said,
    short,
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
    "MOST_TEXTS",
    "Column",
    "Kind",
    "Table",
    "column_lines",
    "labelled",
    "labels_of",
    "quoted",
    "step_of",
    "table_lines",
]


Kind = Literal["number", "date", "text", "other"]
_COLUMNS = 40
_SAMPLE_CELLS = 300_000
_SAMPLE_ROWS = 50_000
_SHOWN_ROWS = 5
_CHUNK_ROWS = 50
MOST_TEXTS = 2_000  # of a column are looked at
LEAST_ROWS = 5  # of fewer, the ends of a range are most of the cells
_TYPICAL = 200  # texts that tell whether a column has few values
_LEVELS = 10
_KINDS = 4
_MISSING = (("pandas", "NAType"), ("pandas", "NaTType"))
_TEXT = re.compile(r"[^\W\d](?:[^\x00-\x1f|]*[^\s:|])?")
_CONSTANTS = ("None", "True", "False", "nan", "NaT", "inf")


class Column(Protocol):
    """One column of a table, of which a sample of the rows is looked at."""

    @property
    def label(self) -> str:
        """The name that is said of it."""

    @property
    def dtype(self) -> str:
        """The type of its values, in the words of its library."""

    @property
    def kind(self) -> Kind:
        """What can be said of its values."""

    def missing_share(self) -> float:
        """Return the share of missing values in the sample, from 0 to 1."""

    def extremes(self) -> tuple[object, object] | None:
        """Return the smallest and the largest value of the sample, if it has any."""

    def texts(self) -> Sequence[object]:
        """Return values of the sample, about `MOST_TEXTS` at most."""

    def cells(self, start: int, stop: int) -> Sequence[object]:
        """Return the values of some rows."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as its library gives it.

    Parameters
    ----------
    kind : str
        What it is, as in "pandas DataFrame".
    column : Callable
        Makes a column from its place.
    step : int
        Every how many rows one is looked at.
    index : Column, optional
        What names the rows.
    """

    kind: str
    rows: int
    width: int
    column: Callable[[int], Column]
    step: int = 1
    index: Column | None = None


def step_of(rows: int, columns: int) -> int:
    """Return the step between rows looked at; odd, as data repeat in even steps."""
    most = min(_SAMPLE_ROWS, _SAMPLE_CELLS // max(1, min(columns, _COLUMNS)))
    return 1 if rows <= most else (rows // most + 1) | 1


def labelled(label: object, look: DescribeContext) -> str:
    """Say the name of a column, which may be any object, as code can take it.

    A text is in quotes where it would be read as something else: `'2024'`, `' price'`.
    """
    if type(label) is str:
        return short(label) if _reads_as_text(label) else repr(short(label))
    if type(label) is not tuple:
        return look.headline(label, look)
    levels = ", ".join(
        repr(short(one)) if type(one) is str else look.headline(one, label)
        for one in label[:_LEVELS]
    )
    return short(f"({levels}{',' if len(label) == 1 else ''})")


def labels_of(
    labels: Sequence[object],
    look: DescribeContext,
    names: Sequence[object] = (),
    types: Iterable[object] = (),
) -> list[str]:
    """Say the names of columns, but for those that are people themselves.

    Parameters
    ----------
    names : sequence of object
        What the labels of each level are called. Those of a pivot have been values of
        the column that was called so.
    types : iterable of object
        The types of the columns, as far as the library has made them: those of a table
        that was turned are of one class.
    """
    said = [labelled(label, look) for label in labels]
    if look.is_full:
        return said
    if all(_may_be_labels(labels, name, level) for level, name in enumerate(names)):
        return safe_labels(said, len({id(type(one)) for one in types}) == 1)
    return [person(place) for place in range(1, len(said) + 1)]


def _may_be_labels(labels: Sequence[object], name: object, level: int) -> bool:
    if type(name) is not str:
        return True
    found = [one[level] if type(one) is tuple else one for one in labels]
    texts = Counter(one for one in found if type(one) is str)
    return not is_personal(name) and (not texts or is_vocabulary(texts, name))


def quoted(label: object, look: DescribeContext) -> str:
    """Say the name of what stands alone: a text always in quotes."""
    return repr(short(label)) if type(label) is str else labelled(label, look)


def _reads_as_text(label: str) -> bool:
    is_plain = label.isprintable() and bool(_TEXT.fullmatch(label))
    return is_plain and label not in _CONSTANTS


def table_lines(table: Table, look: DescribeContext) -> Iterator[str]:
    """Say a table, its columns, and rows as far as the `data` of `look` allows."""
    yield f"{table.kind}, {table.rows:,} rows × {table.width:,} columns"
    if table.index is not None:
        yield _said_index(table.index, look)
    if table.width:
        yield f"columns{_sampled(table.step)}:"
    shown = [table.column(place) for place in range(min(table.width, _COLUMNS))]
    yield from _columns(shown, look)
    if more := table.width - len(shown):
        yield f"  … and {more:,} more columns, not looked at"
    columns = [table.index] if table.index is not None else []
    yield from _rows([*columns, *shown], table.rows, look)


def column_lines(
    kind: str,
    column: Column,
    rows: int,
    step: int,
    look: DescribeContext,
    index: Column | None = None,
) -> Iterator[str]:
    """Say a single column, such as a Series."""
    name = f" {column.label}" if column.label else ""
    yield f"{kind}{name}, {rows:,} rows, {column.dtype}"
    if index is not None:
        yield _said_index(index, look)
    yield f"values{_sampled(step)}: {_figures(column, look, _names(column, look))}"
    yield from _rows([column] if index is None else [index, column], rows, look)


def _sampled(step: int) -> str:
    return f" (figures from one row in {step:,})" if step > 1 else ""


def _columns(columns: list[Column], look: DescribeContext) -> Iterator[str]:
    was_late = False
    for column in columns:
        if not look.is_late():
            yield f"  {column.label}: {_said_column(column, look)}"
            continue
        if not was_late:
            yield "  (no time was left for more than the names of these)"
        was_late = True
        yield f"  {column.label}: {column.dtype}"


def _names(column: Column, look: DescribeContext) -> tuple[str, ...]:
    """Return what a column that stands alone is called, also by its variable."""
    return tuple(filter(None, (column.label, look.name)))


def _said_column(column: Column, look: DescribeContext) -> str:
    return f"{column.dtype}, {_figures(column, look, (column.label,))}"


def _said_index(index: Column, look: DescribeContext) -> str:
    """Say an index: as what names the rows, its values need not repeat."""
    figures = _figures(index, look, (index.label,), is_index=True)
    return f"{index.label}: {index.dtype}, {figures}"


def _figures(
    column: Column,
    look: DescribeContext,
    names: tuple[str, ...],
    is_index: bool = False,
) -> str:
    """Say what is missing, and between what or which the values are."""
    try:
        share = column.missing_share()
        missing = f"{_percent(share)} missing" if share else "none missing"
        return f"{missing}{_values(column, look, names, is_index)}"
    except Exception as error:
        return f"its values could not be read: {type(error).__name__}"


def _percent(share: float) -> str:
    return "under 0.1%" if share < 0.001 else f"{share:.1%}"


def _values(
    column: Column, look: DescribeContext, names: tuple[str, ...], is_index: bool
) -> str:
    if column.kind == "other":
        return ""
    if not look.is_full and any(map(is_personal, names)):
        return f", {HIDDEN}"
    if column.kind == "text":
        return _few(column.texts(), look, names[0] if names else "", is_index)
    if look.data == "schema" and len(column.cells(0, LEAST_ROWS)) < LEAST_ROWS:
        return ""
    ends = column.extremes()
    return f", {said(ends[0])} to {said(ends[1])}" if ends else ""


def _few(
    cells: Sequence[object], look: DescribeContext, label: str, is_index: bool
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
    few = _has_few(texts) or (is_index and len(counted) <= MOST_VALUES)
    if not few or not (look.is_full or is_vocabulary(counted, label)):
        return f", {_count(len(counted))}, none of them named"
    least = 1 if is_index else LEAST_SEEN
    often = sorted(text for text, seen in counted.items() if seen >= least)
    named = and_more((repr(short(one, 40)) for one in often), len(counted) - len(often))
    return f", {_count(len(counted))}: {named}" if often else ""


def _is_text(cell: object) -> bool:
    """Return whether a cell is a text, or missing."""
    if type(cell) is float:
        return cell != cell  # of all numbers, nan alone is not itself
    return type(cell) is str or cell is None or home(type(cell)) in _MISSING


def _count(different: int) -> str:
    if different == 1:
        return "1 value"
    return f"{'many' if different > MOST_VALUES else different} different values"


def _has_few(texts: list[str]) -> bool:
    return (
        bool(texts)
        and len(set(texts[:_TYPICAL])) <= MOST_VALUES
        and len(set(texts)) <= min(MOST_VALUES, len(texts) // LEAST_SEEN)
    )


def _rows(columns: list[Column], rows: int, look: DescribeContext) -> Iterator[str]:
    if look.data == "schema" or not rows or not columns:
        return
    wanted = rows if look.is_full else min(rows, _SHOWN_ROWS)
    open_ = [look.is_full or _may_be_shown(column, look) for column in columns]
    yield f"{'rows' if look.is_full else 'first rows'}, cells divided by |:"
    yield "  " + " | ".join(column.label or "value" for column in columns)
    for start in range(0, wanted, _CHUNK_ROWS):
        stop = min(start + _CHUNK_ROWS, wanted)
        cells = [
            column.cells(start, stop) if shown else ["(hidden)"] * (stop - start)
            for column, shown in zip(columns, open_, strict=True)
        ]
        for row in islice(zip(*cells, strict=False), stop - start):
            yield "  " + " | ".join(_cell(cell, look) for cell in row)


def _may_be_shown(column: Column, look: DescribeContext) -> bool:
    """Return whether a few cells may be shown: of texts, only those of few values."""
    if any(map(is_personal, _names(column, look)[:1])):
        return False
    if column.kind != "text":
        return column.kind != "other" or column.dtype.lower().startswith("bool")
    texts = [cell for cell in column.texts() if type(cell) is str]
    return _has_few(texts) and is_vocabulary(Counter(texts), column.label)


def _cell(cell: object, look: DescribeContext) -> str:
    if type(cell) is str:
        return " ".join(short(cell).split())
    return short(look.headline(cell, look), CELL_CHARS)
