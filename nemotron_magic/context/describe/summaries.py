"""Describe the results of aggregations: their numbers always, their labels if known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, takewhile
from typing import Any, NamedTuple

from nemotron_magic.context.describe import base, privacy
from nemotron_magic.context.describe.base import DescribeContext, Lines, shorten
from nemotron_magic.core.introspection import class_name, home, kinds, library
from nemotron_magic.core.text import plural

_BETWEEN = "  "  # cells, as pandas writes them; within labels are single blanks
_LEAST_LARGE = 1e6
_ROWS = 60
_COLUMNS = 40
_MOST_SEARCHED = 200_000  # rows of a table, for its groups
_MOST_TEXTS = 300
_LONGEST_LABEL = 1_000  # a longer text names no row
_MOST_OWNERS = 3
_MOST_ENDS = 3  # columns whose largest and smallest numbers are looked for
_NUMBERS = 5  # of a column are looked for in a table
_COMPARED = 2_000_000  # cells for each column, about 2 ms
_LIBRARIES = ("builtins", "datetime", "decimal", "numpy", "pandas")
_WORD = re.compile(r"\w+")
_STATISTICS = privacy.WORDS["statistics"]
# With these, a number is that of one row.
_OF_ONE_ROW = {"min", "max", "first", "last", "top", "mode"}


class _Grid(NamedTuple):
    """The first rows and columns of a table that may be a summary."""

    kind: str
    size: tuple[int, int]
    names: Sequence[Any]  # of the levels of the labels of rows
    rows: list[tuple[Any, ...]]  # the labels of each
    column_names: Sequence[Any]  # of the levels of the labels of columns
    columns: list[Any]
    cells: list[list[Any]]  # by column
    is_indexed: bool  # whether the labels of rows are an index, and no columns


def summary_lines(table: Any, ctx: DescribeContext) -> Lines | None:
    """Return the lines on a table if it is the result of an aggregation, or None."""
    if ctx.is_full or not len(table) > 0:
        return None
    grid = _polars_grid(table) if hasattr(table, "get_columns") else _pandas_grid(table)
    if grid is None or not grid.columns:
        return None
    labels = [grid.names, grid.column_names, grid.columns, *grid.rows]
    # One of a class of user code could run when it is compared.
    parts = chain.from_iterable(map(_levels_of, chain.from_iterable(labels)))
    if not all(home(type(part))[0] in _LIBRARIES for part in parts):
        return None
    if _is_labelled(grid, ctx):
        return _lines(grid, 1, ctx)
    owners = [one for one in ctx.live.tables if _may_own(one, grid)][:_MOST_OWNERS]
    if owners:
        are_new = all(_is_aggregated(grid, one) for one in owners)
        return _lines(grid, privacy.LEAST_SEEN, ctx) if are_new else None
    label = grid.columns[0]
    is_counted = _is_statistic(label) and label not in ctx.live.columns
    is_single = len(grid.columns) == 1 and grid.is_indexed
    return _lines(grid, 1, ctx) if is_counted and is_single else None


def _levels_of(label: Any) -> tuple[Any, ...]:
    return label if type(label) is tuple else (label,)


def _is_comparable(column: Any) -> bool:
    """Return whether the cells of a column can be compared without user code."""
    dtype, name = column.dtype, type(column.dtype).__name__
    if (library_name := home(type(dtype))[0]) == "polars":
        return name != "Object"
    if name == "CategoricalDtype" and library_name == "pandas":
        return _is_comparable(dtype.categories)
    if library_name not in _LIBRARIES or dtype.kind != "O" or name == "StringDtype":
        return library_name in _LIBRARIES
    kind: str = library("pandas").api.types.infer_dtype(column, skipna=True)
    return kind not in ("mixed", "mixed-integer", "unknown-array")


def column_at(table: Any, place: int) -> Any:
    """Return a column of a frame of pandas or polars."""
    is_pandas = hasattr(table, "iloc")
    return table.iloc[:, place] if is_pandas else table.to_series(place)


def _columns(table: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the first columns of a table that can be compared, with their names."""
    for place, label in enumerate(list(table.columns)[:_COLUMNS]):
        column = column_at(table, place)
        if _is_comparable(column):
            yield label, column


def _pandas_grid(table: Any) -> _Grid | None:
    index, kind = table.index, f"pandas {type(table).__name__}"
    if not all(map(_is_comparable, getattr(index, "levels", [index]))):
        return None
    is_single = kind == "pandas Series"
    frame = table.to_frame() if is_single else table
    columns = [table.name] if is_single else list(table.columns[:_COLUMNS])
    head, over = frame.iloc[:_ROWS], [None] if is_single else list(table.columns.names)
    cells = [_plain(head.iloc[:, place]) for place in range(len(columns))]
    if type(index).__name__ == "RangeIndex":
        return None if is_single else _keyed(kind, frame.shape, columns, cells)
    if not index.is_unique:
        return None
    rows, names = list(map(_levels_of, head.index.tolist())), list(index.names)
    return _Grid(kind, frame.shape, names, rows, over, columns, cells, True)


def _plain(values: Any) -> list[Any]:
    """Return cells without the number types of NumPy, which mixed columns have."""
    if home(type(values.dtype))[0] not in _LIBRARIES:
        return [None] * len(values)
    cells = values.tolist()
    return [one.item() if "numpy.generic" in kinds(one) else one for one in cells]


def _polars_grid(table: Any) -> _Grid | None:
    columns, kind = table.columns[:_COLUMNS], "polars DataFrame"
    cells = [one.to_list() for one in table.head(_ROWS).get_columns()[:_COLUMNS]]
    if columns[0] != "statistic":
        return _keyed(kind, table.shape, columns, cells)
    size, rows = (len(table), len(columns) - 1), [(label,) for label in cells[0]]
    return _Grid(kind, size, [None], rows, [None], columns[1:], cells[1:], True)


def _keyed(
    kind: str, size: tuple[int, int], columns: list[Any], cells: list[list[Any]]
) -> _Grid | None:
    """Return a table whose first columns name the rows, and the others are numbers."""
    labels = list(takewhile(lambda one: _types(one) and not _are_numbers(one), cells))
    count = len(labels)
    has_text = any(not _types(rest).isdisjoint((str, bool)) for rest in cells[count:])
    texts = (cell for cell in chain.from_iterable(labels) if type(cell) is str)
    rows = list(zip(*labels, strict=True)) or [()] * len(cells[0])
    if has_text or size[0] > _ROWS or any(len(one) > _LONGEST_LABEL for one in texts):
        return None
    if len(set(map(str, rows))) < len(rows):
        return None
    names, rest, size = columns[:count], columns[count:], (size[0], size[1] - count)
    return _Grid(kind, size, names, rows, [None], rest, cells[count:], False)


def _types(cells: Sequence[object]) -> set[type]:
    return {type(cell) for cell in cells} - {type(None)}


def _are_numbers(cells: Sequence[object]) -> bool:
    types = _types(cells)
    return bool(types) and types <= {int, float}


def _is_statistic(label: Any) -> bool:
    last = label[-1] if type(label) is tuple and label else label
    return type(last) is str and last in _STATISTICS


def _is_known(label: Any, ctx: DescribeContext) -> bool:
    return all(
        type(part) is str
        and (part in _STATISTICS or part in ctx.live.columns or _is_term(part, ctx))
        for part in _levels_of(label)
    )


def _is_term(label: str, ctx: DescribeContext) -> bool:
    """Return whether a label is a term of a formula: `C(region)[T.north]:rooms`."""
    if label in privacy.WORDS["formula"]:
        return True
    level = privacy.LOOKS["level"]
    words = map(str.casefold, _WORD.findall(level.sub(" ", label)))
    return (
        privacy.LOOKS["term"].fullmatch(label) is not None
        and not any(map(privacy.is_personal, level.split(label)))
        and not {*words}.isdisjoint(map(str.casefold, ctx.live.columns))
        and privacy.is_harmless_line(label, ctx.live.words)
    )


def text_values(cells: Any, ctx: DescribeContext) -> list[str]:
    """Return the different texts of a row of cells, in order, if they may be shown."""
    texts = cells.tolist() if len(cells) <= _MOST_TEXTS else [None]
    if any(type(text) is not str for text in texts) or privacy.is_personal(ctx.name):
        return []
    few = list(dict.fromkeys(texts))
    if ctx.live.columns.issuperset(few):
        return few
    vocabularies = chain.from_iterable(map(_vocabularies, ctx.live.tables))
    owners = [name for name, values in vocabularies if values.issuperset(few)]
    seen = dict.fromkeys(few, privacy.LEAST_SEEN if owners else 1)
    labels = (*owners, ctx.name)
    return few if all(privacy.is_vocabulary(seen, one) for one in labels) else []


def _vocabularies(table: Any) -> Iterator[tuple[str, set[Any]]]:
    """Yield the names and values of the columns that hold few texts."""
    if not 0 < len(table) <= _MOST_SEARCHED:
        return
    for name, column in _columns(table):
        if type(name) is str and str in _types(list(column[:_ROWS])):
            values = set(column.unique())
            if privacy.are_few(len(values), len(table)):
                yield name, values


def _is_labelled(grid: _Grid, ctx: DescribeContext) -> bool:
    """Return whether all labels are those of columns and statistics.

    Of a Series, the name tells a row of a table, which is called by a place or a
    value, from the sums of its columns.
    """
    names, rows = list(grid.names), grid.rows
    if any(name is not None for name in grid.column_names):
        # A summary that was turned, and not some rows.
        return names == [None] and all(map(_is_statistic, rows))
    indexes = [one.index for one in ctx.live.tables if hasattr(one, "iloc")]
    is_place = any(str(index.dtype).startswith("float") for index in indexes)

    def is_share(label: Any) -> bool:
        """Return whether `quantile` may have made the label."""
        return type(label) is float and 0 <= label <= 1 and not is_place

    if names != [None] or not all(is_share(row[0]) for row in rows):
        # Names of columns in a column, such as those of features, are labels as well.
        is_called = grid.is_indexed and any(name is not None for name in names)
        if is_called or not names or not all(_is_known(row, ctx) for row in rows):
            return False
    if grid.kind != "pandas Series":
        return not grid.is_indexed or all(_is_known(one, ctx) for one in grid.columns)
    name = grid.columns[0]
    return name is None or is_share(name) or _is_known(name, ctx)


def _may_own(table: Any, grid: _Grid) -> bool:
    """Return whether the rows of a result may be groups of the rows of a table."""
    names = [name for name, _ in _columns(table) if type(name) is str]
    are_few = 2 * grid.size[0] <= len(table) and len(set(names)) == len(names)
    return are_few and all(type(one) is str and one in names for one in grid.names)


def _is_aggregated(grid: _Grid, owner: Any) -> bool:
    """Return whether a result has numbers of its own, or each group's largest ones."""
    columns = list(zip(grid.columns, grid.cells, strict=True))
    if type(grid.column_names[0]) is str and all(map(_are_numbers, grid.cells)):
        # Those of a crosstab are counts of all rows.
        counts = [cell for cells in grid.cells for cell in cells if cell == cell]
        if int(sum(counts)) == len(owner):
            return True
    own = {name: column for name, column in _columns(owner) if type(name) is str}
    are_new = (
        (_is_statistic(label) and label not in own) or not _holds(owner, label, cells)
        for label, cells in columns
    )
    if grid.names and not grid.is_indexed:
        return all(are_new)
    if any(are_new):
        return True
    figures = {label: set(cells) for label, cells in columns if _are_numbers(cells)}
    is_small = hasattr(owner, "groupby") and len(owner) <= _MOST_SEARCHED
    if not (grid.is_indexed and figures and is_small and own.keys() >= figures.keys()):
        return False
    few = list(figures.items())[:_MOST_ENDS]
    groups = owner.groupby(list(grid.names), observed=True)
    # One column after the other: most fail at once.
    return 2 * groups.ngroups <= len(owner) and any(
        all(cells <= set(getattr(groups[name], end)()) for name, cells in few)
        for end in ("max", "min")
    )


def _holds(owner: Any, label: Any, cells: list[Any]) -> bool:
    """Return whether a column of a table, of this name if any, has these numbers."""
    if not _are_numbers(cells):
        return True
    different = {cell for cell in cells if type(cell) in (int, float) and cell == cell}
    few = max(1, min(_NUMBERS, _COMPARED // len(owner)))
    # A mean is seldom whole, so that those with digits behind the point come first.
    numbers = sorted(different, key=lambda number: number % 1 == 0)[:few]
    columns = list(_columns(owner))
    named = [column for name, column in columns if type(name) is str and name == label]
    return any(
        all(bool((column == number).any()) for number in numbers)
        for column in named or [column for _, column in columns]
        if _is_numeric(column.dtype)
    )


def _is_numeric(dtype: Any) -> bool:
    is_polars = hasattr(dtype, "is_numeric")
    return bool(dtype.is_numeric()) if is_polars else dtype.kind in "iuf"


def _lines(grid: _Grid, seen: int, ctx: DescribeContext) -> Lines:
    rows, width = grid.size
    labels = _texts(grid.rows, grid.names, ctx, seen)
    columns = list(map(_levels_of, grid.columns))
    heads = _texts(columns, grid.column_names, ctx, seen)
    size = f"{rows:,} rows × {width:,} columns"
    if grid.kind == "pandas Series":
        size = f"{rows:,} rows"
        heads = ["value" if grid.columns[0] is None else heads[0]]
    yield f"{grid.kind}, {size}, a summary:"
    names = ", ".join(str(name) for name in grid.names if name is not None)
    lines = [(names, *heads)]
    most = max(map(len, ctx.live.tables), default=0)
    for place, label in enumerate(labels):
        parts, cells = grid.rows[place], (cells[place] for cells in grid.cells)
        pairs = zip(cells, columns, strict=True)
        shown = (_cell(cell, (*parts, *column), most) for cell, column in pairs)
        lines.append((label, *shown))
    yield from (_BETWEEN + _BETWEEN.join(filter(None, line)) for line in lines)
    for more, what in ((rows - len(labels), "row"), (width - len(columns), "column")):
        if more > 0:
            yield f"  … {plural(more, f'more {what}')}"


def _texts(
    rows: list[tuple[Any, ...]], names: Sequence[Any], ctx: DescribeContext, seen: int
) -> list[str]:
    """Return labels, seen so often as values; those that may be people are numbered."""
    levels = [
        _level([row[i] for row in rows], name if type(name) is str else "", ctx, seen)
        for i, name in enumerate(names)
    ]
    return [", ".join(parts) for parts in zip(*levels, strict=True)] or [""] * len(rows)


def _level(labels: list[Any], name: str, ctx: DescribeContext, seen: int) -> list[str]:
    unknown = {one for one in labels if type(one) is str and not _is_known(one, ctx)}
    if privacy.is_personal(name):
        unknown = set(labels)
    elif not unknown or privacy.is_vocabulary(dict.fromkeys(unknown, seen), name):
        unknown = set()
    elif not name:
        found = sorted(unknown)
        safe = privacy.safe_labels(found, are_alike=False)
        unknown = {one for one, text in zip(found, safe, strict=True) if one != text}
    places = {label: place for place, label in enumerate(dict.fromkeys(labels), 1)}
    return [f"value {places[one]}" if one in unknown else _text(one) for one in labels]


def _text(value: Any) -> str:
    if type(value) is str:
        return " ".join(shorten(value, 40).split()) or repr(value)
    if type(value) is float and (value % 1 == 0 or abs(value) >= _LEAST_LARGE):
        return str(round(value, 2))
    if type(value) in (int, float) or base.is_scalar(value):
        return shorten(base.format_extreme(value))
    # The types of columns are objects, and a bin is one of pandas.
    is_library = home(type(value))[0] in ("numpy", "pandas", "polars")
    return shorten(str(value)) if is_library else class_name(type(value))


def _cell(value: Any, parts: Sequence[Any], most: int) -> str:
    """Return a cell; of personal columns, no number that may be that of one row."""
    words = [part for part in parts if type(part) is str]
    is_shown = True
    if type(value) is str:
        is_open = privacy.is_field_value(value, words[-1] if words else "")
        is_shown = is_open and not any(map(privacy.is_personal, words))
    elif type(value) in (int, float) and any(map(privacy.is_personal, words)):
        is_one = any(word in _OF_ONE_ROW or word.endswith("%") for word in words)
        is_shown = not is_one and (value % 1 != 0 or value <= most)
    return _text(value) if is_shown else "(hidden)"
