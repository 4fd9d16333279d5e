"""Describe dicts, lists, tuples and sets."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from nemotron_magic.context.describe.base import (
    DescribeContext,
    Describer,
    and_more,
    is_plain,
    said,
    short,
)
from nemotron_magic.context.describe.privacy import (
    HIDDEN,
    are_keys,
    is_personal,
    is_vocabulary,
)
from nemotron_magic.context.describe.tables import (
    LEAST_ROWS,
    Kind,
    Table,
    labels_of,
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

__all__ = [
    "CONTAINER_KINDS",
    "entry",
]


_SAMPLE = 1_000
_ENTRIES = 40  # a dict of more is data rather than a record
_SHORT = 8  # a list of more is data as well
_SHOWN = 5
_RECORDS = 300
_KEYS = 60
_FULL = 10_000


def _dict(value: dict[object, object], look: DescribeContext) -> Iterator[str]:
    size = dict.__len__(value)
    wanted = _wanted(size, _ENTRIES, look)
    kind = class_name(type(value))
    if not size:
        yield f"{kind}, empty"
        return
    # Pairs, not another dict: that would ask the keys for their hashes.
    head = list(islice(dict.items(value), max(wanted, _SAMPLE)))
    keys, values = zip(*head, strict=True)
    said = f"{kind} of {size:,}: {_types(keys)} → {_types(values)}"
    if not (look.is_full or _are_fields(value, keys, values, look.name)):
        yield f"{said}, keys not named{_about(list(values), size, look)}"
        if all(type(inner) is dict for inner in values):
            yield from (f"  {line}" for line in _records("values", values, size, look))
        return
    if not look.is_full and _is_column(keys, values, look.name):
        yield f"{said}, texts not named"
        return
    yield said
    for key, inner in head[:wanted]:
        label = repr(short(key)) if type(key) is str else look.headline(key, value)
        yield from entry(label, inner, value, look)
    if wanted < size:
        yield f"… {size - wanted:,} more entries"


def _is_column(keys: Sequence[object], values: Sequence[object], name: str) -> bool:
    """Return whether a dict holds texts by number, as a column does, and is closed."""
    texts = [value for value in values if type(value) is str]
    if len(texts) < len(values) or is_vocabulary(Counter(texts), name):
        return False
    return all(type(key) is int or (type(key) is str and key.isdigit()) for key in keys)


def _kind_of(value: object) -> str:
    return "number" if type(value) in (int, float) else class_name(type(value))


def _are_fields(
    value: object, keys: Sequence[object], values: Sequence[object], name: str
) -> bool:
    """Return whether the keys of a dict may be told: as fields, or as a vocabulary."""
    texts = [key for key in keys if type(key) is str]
    are_alike = len({_kind_of(one) for one in values if one is not None}) <= 1
    if is_personal(name) and are_alike and is_plain(values[0]):
        return False
    if any(home(cls) == ("collections", "Counter") for cls in bases(type(value))):
        seen = {
            key: count if type(count) is int else 1
            for key, count in zip(keys, values, strict=True)
            if type(key) is str
        }
        return not seen or is_vocabulary(seen, name)
    return are_keys(texts, are_alike and len(keys) > 1)


def entry(
    label: str, inner: object, container: object, look: DescribeContext
) -> Iterator[str]:
    """Say one entry of a container, and what it holds itself in lines below."""
    if not look.is_full and is_personal(label) and not _is_hollow(inner):
        yield f"  {label}: {class_name(type(inner))}, {HIDDEN}"
        return
    name = label.strip("'\"")
    first, *_ = lines = list(islice(look.lines(inner, container, name), 60))
    yield f"  {label}: {first}"
    yield from (f"  {line}" for line in lines[1:])


def _is_hollow(value: object) -> bool:
    return value is None or value is True or value is False


def _wanted(size: int, few: int, look: DescribeContext) -> int:
    """Return how many entries are shown."""
    if look.is_full:
        return min(size, _FULL)
    if size <= few:
        return size
    return _SHOWN if look.data == "sample" else 0


def _list(value: list[object], look: DescribeContext) -> Iterator[str]:
    return _row(value, list.__len__(value), list.__iter__(value), look)


def _tuple(value: tuple[object, ...], look: DescribeContext) -> Iterator[str]:
    names = _field_names(type(value))
    items = tuple.__iter__(value)
    if not names:
        return _row(value, tuple.__len__(value), items, look)
    return _named(value, names, items, look)


def _named(
    value: object,
    names: tuple[object, ...],
    items: Iterable[object],
    look: DescribeContext,
) -> Iterator[str]:
    yield f"{class_name(type(value))} (named tuple) of {len(names)}"
    for name, inner in zip(names, items, strict=False):
        yield from entry(exact(name) or "?", inner, value, look)


def _field_names(cls: type) -> tuple[object, ...]:
    found = (namespace(base).get("_fields") for base in bases(cls))
    return next((one for one in found if type(one) is tuple), ())


def _set(
    value: set[object] | frozenset[object], look: DescribeContext
) -> Iterator[str]:
    base = set if set in bases(type(value)) else frozenset
    size = read(base, "__len__", value)()
    return _row(value, size, read(base, "__iter__", value)(), look)


def _deque(value: Any, look: DescribeContext) -> Iterator[str]:
    return _row(value, deque.__len__(value), deque.__iter__(value), look)


def _row(
    value: object, size: int, items: Iterator[object], look: DescribeContext
) -> Iterator[str]:
    kind = class_name(type(value))
    if not size:
        yield f"{kind}, empty"
        return
    wanted = _wanted(size, _SHORT, look)
    head = list(islice(items, max(wanted, _SAMPLE)))
    what = f"{kind} of {size:,} {_types(head)}"
    if not look.is_full and all(type(item) is dict for item in head):
        yield from _records(what, head, size, look)
        return
    if note := _closed(head, look):
        yield f"{what}, {note}"
        return
    if wanted and look.is_inside and all(map(is_plain, head[:wanted])):
        # Within another container a short row stands in the line itself.
        yield f"{what}: {and_more(_short(head[:wanted], value, look), size - wanted)}"
        return
    yield what if wanted == size else f"{what}{_about(head, size, look)}"
    for inner in head[:wanted]:
        yield from _item(inner, value, look)


def _closed(items: list[object], look: DescribeContext) -> str:
    """Say why the items of a row are not shown; empty if they may be."""
    if look.is_full:
        return ""
    if is_personal(look.name):
        return HIDDEN
    counted = Counter(item for item in items if type(item) is str)
    if not counted or is_vocabulary(counted, look.name):
        return ""
    # Beside objects that are no data, a text is a word of the program's.
    return "texts not named" if all(map(is_plain, items)) else ""


def _short(items: list[object], value: object, look: DescribeContext) -> list[str]:
    return [
        repr(short(item))
        if type(item) is str
        else short(look.headline(item, value), 40)
        for item in items
    ]


def _item(inner: object, value: object, look: DescribeContext) -> Iterator[str]:
    first, *others = islice(look.lines(inner, value, look.name), 60)
    yield f"  - {first}"
    yield from (f"  {line}" for line in others)


def _about(head: list[object], size: int, look: DescribeContext) -> str:
    """Say of many values what the numbers are between."""
    is_short = len(head) < LEAST_ROWS or is_personal(look.name)
    if is_short or any(type(item) not in (int, float) for item in head):
        return ""
    note = f" (of the first {len(head):,})" if len(head) < size else ""
    low, high = min(head), max(head)  # type: ignore[type-var]  # numbers, as just seen
    return f", {said(low)} to {said(high)}{note}"


@dataclass(frozen=True, slots=True)
class _Column:
    """What the first records have under one key."""

    label: str
    values: list[Any]

    @property
    def dtype(self) -> str:
        return _types(self._there) or "None"

    @property
    def kind(self) -> Kind:
        types = {type(value) for value in self._there}
        if types and types <= {int, float}:
            return "number"
        return "text" if types == {str} else "other"

    @property
    def _there(self) -> list[Any]:
        return [value for value in self.values if value is not None]

    def missing_share(self) -> float:
        return 1 - len(self._there) / (len(self.values) or 1)

    def extremes(self) -> tuple[object, object] | None:
        there = [value for value in self._there if value == value]  # nan is not itself
        return (min(there), max(there)) if there else None

    def texts(self) -> Sequence[object]:
        return self.values

    def cells(self, start: int, stop: int) -> Sequence[object]:
        return self.values[start:stop]


def _records(
    kind: str, items: Sequence[Any], size: int, look: DescribeContext
) -> Iterator[str]:
    """Say a list of dicts as the table that it is, by its first rows."""
    # A key of another class would be asked to compare.
    rows = [
        {key: value for key, value in islice(item.items(), _KEYS) if type(key) is str}
        for item in items[:_RECORDS]
    ]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    first = rows[0].values() if rows else ()
    labels = labels_of(keys[:_KEYS], look, types=first)

    def column(place: int) -> _Column:
        return _Column(labels[place], [row.get(keys[place]) for row in rows])

    note = f" (figures of the first {len(rows):,})" if len(rows) < size else ""
    table = Table(f"{kind}{note}", size, len(keys), column, step=1)
    return table_lines(table, look)


def _types(items: Iterable[object]) -> str:
    """Name the classes of some values, the commonest first."""
    counted: Counter[str] = Counter()
    counted.update(class_name(type(item)) for item in islice(items, _SAMPLE))
    names = [name for name, _ in counted.most_common(3)]
    return and_more(names, len(counted) - len(names))


CONTAINER_KINDS: dict[tuple[str, str], Describer] = {
    ("builtins", "dict"): _dict,
    ("builtins", "list"): _list,
    ("builtins", "tuple"): _tuple,
    ("builtins", "set"): _set,
    ("builtins", "frozenset"): _set,
    ("collections", "deque"): _deque,
}
