"""Look at NumPy arrays and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nemotron_magic.context.describers.look import Describer, Look, short
from nemotron_magic.context.describers.privacy import HIDDEN, is_personal
from nemotron_magic.context.describers.scalars import said
from nemotron_magic.context.describers.statics import (
    bases,
    class_name,
    home,
    library,
    read,
)
from nemotron_magic.context.describers.tables import LEAST_ROWS

__all__ = ["KINDS", "array_text"]

_SAMPLE = 100_000
_SHOWN = 5
_NOT_READ = {"mmap": "on disk", "memmap": "on disk", "MaskedArray": "masked"}


def _array(value: Any, look: Look) -> Iterator[str]:
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
    """Tell why values are not looked at: those of a file, also behind some views."""
    for _ in range(10):
        names = [home(cls)[1] for cls in bases(type(value))]
        if reasons := [_NOT_READ[name] for name in names if name in _NOT_READ]:
            return reasons[0]
        if "ndarray" not in names:
            return ""
        value = read(library("numpy").ndarray, "base", value)
    return ""


def _range(array: Any, look: Look) -> str:
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
    """Give an even part of the array, a view of it, on every axis."""
    parts, room = [], _SAMPLE
    for size in array.shape:
        step = -(-size // room) or 1
        parts.append(slice(None, None, step | 1 if step > 1 else 1))
        room = max(1, room // -(-size // step))
    return array[tuple(parts)]


def _shown(array: Any, look: Look) -> Iterator[str]:
    if look.data == "schema" or (is_personal(look.name) and not look.is_full):
        return
    rows = array.reshape(1) if not array.ndim else array
    wanted = len(rows) if look.is_full else min(len(rows), _SHOWN)
    yield "rows:" if look.is_full else "first rows:"
    for place in range(wanted):
        row = rows[place].ravel()[:50].tolist()
        yield f"  {', '.join(said(cell) for cell in row)}"


def _number(value: Any, look: Look) -> Iterator[str]:
    numpy = library("numpy")
    kind = next(home(cls)[1] for cls in bases(type(value)) if home(cls)[0] == "numpy")
    if type(value) is not getattr(numpy, kind, None) or value.dtype.kind in "VO":
        return iter([f"{class_name(type(value))} object (not inspected)"])
    text = str(value) if value.dtype.kind in "mM" else None
    inner = f"{text}" if text else look.headline(value.item(), value)
    return iter([inner if look.is_inside else f"numpy {kind} {inner}"])


KINDS: dict[tuple[str, str], Describer] = {
    ("numpy", "ndarray"): _array,
    ("numpy", "generic"): _number,
}
