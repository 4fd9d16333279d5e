"""Describe dicts, lists, tuples and sets."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from nemotron_magic.context.describe.base import (
    DescribeContext,
    Describer,
    and_more,
    format_extreme,
    is_scalar,
    shorten,
)
from nemotron_magic.context.describe.privacy import (
    HIDDEN,
    are_keys,
    is_personal,
    is_vocabulary,
)
from nemotron_magic.context.describe.tables import (
    LEAST_ROWS,
    MOST_COLUMNS,
    Column,
    Kind,
    format_labels,
    table_lines,
)
from nemotron_magic.core.introspection import (
    bases,
    class_name,
    exact,
    home,
    namespace,
    read,
)

__all__ = ["CONTAINER_KINDS", "entry_lines"]


_SAMPLE = 1_000
_ENTRIES = 40  # a dict of more is data rather than a record
_SHORT = 8  # a list of more is data as well
_SHOWN = 5
_RECORDS = 300
_KEYS = 60
_FULL = 10_000
_ENTRY_LINES = 60
_DTYPES = {("pandas", "ExtensionDtype"), ("numpy", "dtype"), ("polars", "DataType")}
_SEQUENCES = (list, tuple, set, frozenset, deque)


def _dict(value: dict[object, object], ctx: DescribeContext) -> Iterator[str]:
    size, kind = dict.__len__(value), class_name(type(value))
    if not size:
        yield f"{kind}, empty"
        return
    wanted = _wanted(size, _ENTRIES, ctx)
    # Pairs, not another dict: that would ask the keys for their hashes.
    head = list(islice(dict.items(value), max(wanted, _SAMPLE)))
    keys, values = zip(*head, strict=True)
    title = f"{kind} of {size:,}: {_types(keys)} → {_types(values)}"
    if not (ctx.is_full or _are_fields(value, keys, values, ctx)):
        yield f"{title}, keys not named{_range(values, size, ctx)}"
        wanted = 0
    elif not ctx.is_full and _is_closed_column(keys, values, ctx.name):
        yield f"{title}, texts not named"
        return
    else:
        yield title
        for key, inner in head[:wanted]:
            label = repr(shorten(key)) if type(key) is str else ctx.headline(key, value)
            yield from entry_lines(label, inner, value, ctx)
        if wanted < size:
            yield f"… {size - wanted:,} more entries"
    if wanted:
        return
    if all(type(inner) is dict for inner in values):
        yield from (f"  {line}" for line in _records("values", values, size, ctx))
    elif not is_scalar(values[0]):
        yield f"  an entry: {ctx.headline(values[0], value).partition(': ')[0]}"


def _is_closed_column(keys: Any, values: Sequence[object], name: str) -> bool:
    """Return whether a dict holds texts by number, as a column does, and is closed."""
    texts = Counter(value for value in values if type(value) is str)
    are_numbers = all(type(key) is int or exact(key).isdigit() for key in keys)
    is_column = texts.total() == len(values) and are_numbers
    return is_column and not is_vocabulary(texts, name)


def _are_fields(
    value: object,
    keys: Sequence[object],
    values: Sequence[object],
    ctx: DescribeContext,
) -> bool:
    """Return whether the keys of a dict may be told: as fields, or as a vocabulary."""
    texts = [key for key in keys if type(key) is str]
    kinds = {float if type(one) is int else type(one) for one in values}
    are_alike = len(kinds - {type(None)}) <= 1
    if is_personal(ctx.name) and are_alike and is_scalar(values[0]):
        return False
    if ctx.live.columns.issuperset(texts):
        return True
    if not any(home(cls) == ("collections", "Counter") for cls in bases(type(value))):
        return are_keys(texts, are_alike and len(keys) > 1)
    seen = {
        key: count if type(count) is int else 1
        for key, count in zip(keys, values, strict=True)
        if type(key) is str
    }
    return is_vocabulary(seen, ctx.name)


def entry_lines(
    label: str, inner: object, container: object, ctx: DescribeContext
) -> Iterator[str]:
    """Yield the lines on one entry of a container, and on what it holds itself."""
    is_type = any(home(cls) in _DTYPES for cls in bases(type(inner)))
    tells_nothing = inner is None or inner is True or inner is False or is_type
    if not ctx.is_full and is_personal(label) and not tells_nothing:
        yield f"  {label}: {class_name(type(inner))}, {HIDDEN}"
        return
    lines = ctx.lines(inner, container, label.strip("'\""))
    yield f"  {label}: {next(lines)}"
    yield from (f"  {line}" for line in islice(lines, _ENTRY_LINES))


def _wanted(size: int, few: int, ctx: DescribeContext) -> int:
    if ctx.is_full:
        return min(size, _FULL)
    if size <= few:
        return size
    return _SHOWN if ctx.data == "sample" else 0


def _sequence(value: object, ctx: DescribeContext) -> Iterator[str]:
    """Describe a list, tuple, set or deque, past the methods of user code."""
    classes = bases(type(value))
    base = next(cls for cls in classes if any(cls is one for one in _SEQUENCES))
    size: int = read(base, "__len__", value)()
    items: Iterator[object] = read(base, "__iter__", value)()
    found = (namespace(cls).get("_fields") for cls in classes)
    names = next((one for one in found if type(one) is tuple), ())
    kind = class_name(type(value))
    if base is tuple and names:
        yield f"{kind} (named tuple) of {len(names)}"
        for name, inner in zip(names, items, strict=False):
            yield from entry_lines(exact(name) or "?", inner, value, ctx)
        return
    if not size:
        yield f"{kind}, empty"
        return
    wanted = _wanted(size, _SHORT, ctx)
    head = list(islice(items, max(wanted, _SAMPLE)))
    title = f"{kind} of {size:,} {_types(head)}"
    if not ctx.is_full and all(type(item) is dict for item in head):
        yield from _records(title, head, size, ctx)
    elif is_personal(ctx.name) and not ctx.is_full:
        yield f"{title}, {HIDDEN}"
    elif not ctx.is_full and _are_closed(head, ctx):
        yield f"{title}, texts not named"
    elif wanted and ctx.is_inside and all(map(is_scalar, head[:wanted])):
        # Within another container a short row stands in the line itself.
        texts = (
            repr(shorten(item))
            if type(item) is str
            else shorten(ctx.headline(item, value), 40)
            for item in head[:wanted]
        )
        yield f"{title}: {and_more(texts, size - wanted)}"
    else:
        yield title if wanted == size else f"{title}{_range(head, size, ctx)}"
        for inner in head[:wanted]:
            lines = ctx.lines(inner, value, ctx.name)
            yield f"  - {next(lines)}"
            yield from (f"  {line}" for line in islice(lines, _ENTRY_LINES))


def _are_closed(items: list[object], ctx: DescribeContext) -> bool:
    """Return whether there are texts among the items of a row that are not shown."""
    counted = Counter(item for item in items if type(item) is str)
    if ctx.live.columns.issuperset(counted) or is_vocabulary(counted, ctx.name):
        return False
    # Beside objects that are no data, a text is a word of the program.
    return all(map(is_scalar, items))


def _range(items: Sequence[Any], size: int, ctx: DescribeContext) -> str:
    """Return between which ends many numbers are."""
    is_short = len(items) < LEAST_ROWS or is_personal(ctx.name)
    if is_short or any(type(item) not in (int, float) for item in items):
        return ""
    note = f" (of the first {len(items):,})" if len(items) < size else ""
    low, high = format_extreme(min(items)), format_extreme(max(items))
    return f", {low} to {high}{note}"


def _records(
    title: str, items: Sequence[Any], size: int, ctx: DescribeContext
) -> Iterator[str]:
    """Describe a list of dicts as the table that it is, by its first rows."""
    # A key of another class would be asked to compare.
    rows = [
        {key: value for key, value in islice(item.items(), _KEYS) if type(key) is str}
        for item in items[:_RECORDS]
    ]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    labels = format_labels(keys[:_KEYS], ctx, types=rows[0].values())
    columns = [
        _record_column(label, [row.get(key) for row in rows])
        for label, key in zip(labels[:MOST_COLUMNS], keys, strict=False)
    ]
    note = f" (figures of the first {len(rows):,})" if len(rows) < size else ""
    return table_lines(f"{title}{note}", (size, len(keys)), columns, ctx)


def _record_column(label: str, cells: list[Any]) -> Column:
    present = [cell for cell in cells if cell is not None]
    types = frozenset(map(type, present))
    is_number = bool(types) and types <= {int, float}
    kind: Kind = "number" if is_number else "text" if types == {str} else "other"
    return Column(label, _types(present) or "None", kind, cells.__getitem__)


def _types(items: Iterable[object]) -> str:
    """Return the names of the classes of some values, the commonest first."""
    counted = Counter(class_name(type(item)) for item in islice(items, _SAMPLE))
    names = [name for name, _ in counted.most_common(3)]
    return and_more(names, len(counted) - len(names))


CONTAINER_KINDS: dict[tuple[str, str], Describer] = {
    ("builtins", "dict"): _dict,
    ("builtins", "list"): _sequence,
    ("builtins", "tuple"): _sequence,
    ("builtins", "set"): _sequence,
    ("builtins", "frozenset"): _sequence,
    ("collections", "deque"): _sequence,
}
