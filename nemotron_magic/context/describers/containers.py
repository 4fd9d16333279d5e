"""Say dicts, lists, tuples and sets: what they hold, to a certain depth."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from nemotron_magic.context.describers.look import Describer, Look, and_more, short
from nemotron_magic.context.describers.privacy import HIDDEN, is_personal
from nemotron_magic.context.describers.scalars import is_plain, said
from nemotron_magic.context.describers.statics import (
    bases,
    class_name,
    exact,
    namespace,
    read,
)

__all__ = ["KINDS", "entry"]

_SAMPLE = 1_000
_ENTRIES = 40  # a dict of more is data rather than a record
_SHORT = 8  # a list of more is data as well
_SHOWN = 5
_FULL = 10_000


def _dict(value: dict[object, object], look: Look) -> Iterator[str]:
    size = dict.__len__(value)
    wanted = _wanted(size, _ENTRIES, look)
    kind = class_name(type(value))
    if not size:
        yield f"{kind}, empty"
        return
    # Pairs, not another dict: that would ask the keys for their hashes.
    head = list(islice(dict.items(value), max(wanted, _SAMPLE)))
    keys, values = (_types(part) for part in zip(*head, strict=True))
    yield f"{kind} of {size:,}: {keys} → {values}"
    for key, inner in head[:wanted]:
        yield from entry(look.headline(key, value), inner, value, look)
    if wanted < size:
        yield f"… {size - wanted:,} more entries"


def entry(label: str, inner: object, container: object, look: Look) -> Iterator[str]:
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


def _wanted(size: int, few: int, look: Look) -> int:
    """Give how many entries are shown."""
    if look.is_full:
        return min(size, _FULL)
    if size <= few:
        return size
    return _SHOWN if look.data == "sample" else 0


def _list(value: list[object], look: Look) -> Iterator[str]:
    return _row(value, list.__len__(value), list.__iter__(value), look)


def _tuple(value: tuple[object, ...], look: Look) -> Iterator[str]:
    names = _field_names(type(value))
    items = tuple.__iter__(value)
    if not names:
        return _row(value, tuple.__len__(value), items, look)
    return _named(value, names, items, look)


def _named(
    value: object, names: tuple[object, ...], items: Iterable[object], look: Look
) -> Iterator[str]:
    yield f"{class_name(type(value))} (named tuple) of {len(names)}"
    for name, inner in zip(names, items, strict=False):
        yield from entry(exact(name) or "?", inner, value, look)


def _field_names(cls: type) -> tuple[object, ...]:
    found = (namespace(base).get("_fields") for base in bases(cls))
    return next((one for one in found if type(one) is tuple), ())


def _set(value: set[object] | frozenset[object], look: Look) -> Iterator[str]:
    base = set if set in bases(type(value)) else frozenset
    size = read(base, "__len__", value)()
    return _row(value, size, read(base, "__iter__", value)(), look)


def _deque(value: Any, look: Look) -> Iterator[str]:
    return _row(value, deque.__len__(value), deque.__iter__(value), look)


def _row(
    value: object, size: int, items: Iterator[object], look: Look
) -> Iterator[str]:
    kind = class_name(type(value))
    if not size:
        yield f"{kind}, empty"
        return
    hidden = not look.is_full and is_personal(look.name)
    wanted = 0 if hidden else _wanted(size, _SHORT, look)
    head = list(islice(items, max(wanted, _SAMPLE)))
    what = f"{kind} of {size:,} {_types(head)}"
    if wanted and look.is_inside and all(map(is_plain, head[:wanted])):
        # Within another container a short row stands in the line itself.
        yield f"{what}: {and_more(_short(head[:wanted], value, look), size - wanted)}"
        return
    yield what if wanted == size else f"{what}{_about(head, size, hidden)}"
    for inner in head[:wanted]:
        yield from _item(inner, value, look)


def _short(items: list[object], value: object, look: Look) -> list[str]:
    return [short(look.headline(item, value), 40) for item in items]


def _item(inner: object, value: object, look: Look) -> Iterator[str]:
    first, *others = islice(look.lines(inner, value), 60)
    yield f"  - {first}"
    yield from (f"  {line}" for line in others)


def _about(head: list[object], size: int, hidden: bool) -> str:
    """Say of a long row what its numbers are between, or what its records hold."""
    if hidden:
        return f", {HIDDEN}"
    if all(type(item) is dict for item in head):
        return _records(head)
    if any(type(item) not in (int, float) for item in head):
        return ""
    note = f" (of the first {len(head):,})" if len(head) < size else ""
    low, high = min(head), max(head)  # type: ignore[type-var]  # numbers, as just seen
    return f", {said(low)} to {said(high)}{note}"


def _records(head: list[Any]) -> str:
    keys = (key for item in head[:50] for key in islice(item, 50) if type(key) is str)
    named = list(dict.fromkeys(keys))
    shown = and_more(map(short, named[:_ENTRIES]), len(named) - _ENTRIES)
    return f" with the keys {shown}" if named else ""


def _types(items: Iterable[object]) -> str:
    """Name the classes of some values, the commonest first."""
    counted: Counter[str] = Counter()
    counted.update(class_name(type(item)) for item in islice(items, _SAMPLE))
    names = [name for name, _ in counted.most_common(3)]
    return and_more(names, len(counted) - len(names))


KINDS: dict[tuple[str, str], Describer] = {
    ("builtins", "dict"): _dict,
    ("builtins", "list"): _list,
    ("builtins", "tuple"): _tuple,
    ("builtins", "set"): _set,
    ("builtins", "frozenset"): _set,
    ("collections", "deque"): _deque,
}
