"""Say single values: numbers, texts, dates, paths."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from nemotron_magic.context.describers.look import CELL_CHARS, Describer, Look
from nemotron_magic.context.describers.privacy import (
    HIDDEN,
    is_field_value,
    is_personal,
    tells_of_person,
)
from nemotron_magic.context.describers.statics import bases, class_name, home, read
from nemotron_magic.context.describers.texts import data_in, is_printed_table

__all__ = ["KINDS", "is_plain", "said"]

_LONGEST_INT_BITS = 1_000
_TEXT_CHARS = 400
_LOOKED_AT_CHARS = 20_000
_ZONES = ("datetime", "zoneinfo", "pytz", "dateutil")
_DATE = ("year", "month", "day")
_TIME = ("hour", "minute", "second", "microsecond")
_DURATION = ("days", "seconds", "microseconds")


def _number(value: int, look: Look) -> Iterator[str]:
    bits = int.bit_length(value)
    # Python takes seconds for the digits of very long numbers, or refuses.
    long = bits > _LONGEST_INT_BITS
    yield _typed(f"of {bits:,} bits" if long else int.__repr__(value), value, look)


def _float(value: float, look: Look) -> Iterator[str]:
    yield _typed(float.__repr__(value), value, look)


def _complex(value: complex, look: Look) -> Iterator[str]:
    yield _typed(complex.__repr__(value), value, look)


def _constant(value: object, look: Look) -> Iterator[str]:
    yield repr(value)


def _text(value: str, look: Look) -> Iterator[str]:
    plain = str.__str__(value)
    size = f"{class_name(type(value))} of {len(plain):,} characters"
    if look.is_inside:
        is_open = look.is_full or is_field_value(plain, look.name)
        yield _quoted(plain, CELL_CHARS) if is_open else size
        return
    if look.is_full:
        yield size
        yield _quoted(plain, len(plain))
    elif (held := data_in(plain)) is not None:
        yield f"{size}, which holds data:"
        yield from look.describe(held, look)
    else:
        yield from _prose(plain, size, look.name)


def _prose(text: str, size: str, name: str) -> Iterator[str]:
    """Say a text that stands alone, unless it looks personal."""
    is_hidden = is_personal(name) or is_printed_table(text)
    if not is_hidden and not is_field_value(text, name):
        is_hidden = tells_of_person(text[:_LOOKED_AT_CHARS])
    yield f"{size}, {HIDDEN}" if is_hidden else size
    if not is_hidden:
        yield _quoted(text, _TEXT_CHARS)


def _quoted(text: str, longest: int) -> str:
    """Give the head of a text in quotes, and of a long one the tail as well."""
    if len(text) <= longest:
        return repr(text)
    if longest <= CELL_CHARS:
        return f"{text[: longest - 20]!r}… ({len(text):,} characters)"
    head, tail = text[: longest * 3 // 4], text[-longest // 4 :]
    return f"{head!r} … {len(text) - longest:,} characters … {tail!r}"


def _bytes(value: bytes | bytearray, look: Look) -> Iterator[str]:
    kind = bytes if bytes in bases(type(value)) else bytearray
    size = read(kind, "__len__", value)()
    yield f"{class_name(type(value))} of {size:,} bytes"


def _path(value: Any, look: Look) -> Iterator[str]:
    # The class of the user's would be asked for its `__str__`.
    is_ours = home(type(value))[0] == "pathlib"
    yield _typed(repr(str(value)), value, look) if is_ours else class_name(type(value))


def _day(value: datetime.date, look: Look) -> Iterator[str]:
    yield _typed(_date(value).isoformat(), value, look)


def _moment(value: datetime.datetime, look: Look) -> Iterator[str]:
    # `isoformat` would ask the time zone, which may be a class of the user's.
    cls = datetime.datetime
    time = datetime.time(*(read(cls, part, value) for part in _TIME))
    plain = cls.combine(_date(value), time)
    zone = _zone(read(cls, "tzinfo", value))
    yield _typed(plain.isoformat(" ") + zone, value, look)


def _date(value: datetime.date) -> datetime.date:
    return datetime.date(*(read(datetime.date, part, value) for part in _DATE))


def _zone(zone: object) -> str:
    if zone is None:
        return ""
    return f" {zone}" if home(type(zone))[0] in _ZONES else " in a time zone"


def _time(value: datetime.time, look: Look) -> Iterator[str]:
    parts = (read(datetime.time, part, value) for part in _TIME)
    yield _typed(datetime.time(*parts).isoformat(), value, look)


def _duration(value: datetime.timedelta, look: Look) -> Iterator[str]:
    cls = datetime.timedelta
    plain = cls(*(read(cls, part, value) for part in _DURATION))
    yield _typed(str(plain), value, look)


def _own(value: object, look: Look) -> Iterator[str]:
    """Say a value of a class that is known to write itself well, and of no other."""
    text = str(value) if home(type(value)) in KINDS else "a class of its own"
    yield _typed(text, value, look)


def _typed(text: str, value: object, look: Look) -> str:
    if look.is_inside:
        return text
    if is_personal(look.name) and not look.is_full:
        return f"{class_name(type(value))}, {HIDDEN}"
    return f"{class_name(type(value))} {text}"


def is_plain(value: object) -> bool:
    """Tell whether a value is single and small, so that it can stand in a line."""
    return any(home(cls) in KINDS for cls in bases(type(value)))


def said(value: object) -> str:
    """Say an extreme of a range: a number or a date."""
    # NumPy's float64 is one as well.
    if float in bases(type(value)):
        return f"{value:.6g}"
    text = str(value)
    return text.removesuffix(" 00:00:00")


KINDS: dict[tuple[str, str], Describer] = {
    ("builtins", "NoneType"): _constant,
    ("builtins", "bool"): _constant,
    ("builtins", "ellipsis"): _constant,
    ("builtins", "range"): _constant,
    ("builtins", "int"): _number,
    ("builtins", "float"): _float,
    ("builtins", "complex"): _complex,
    ("builtins", "str"): _text,
    ("builtins", "bytes"): _bytes,
    ("builtins", "bytearray"): _bytes,
    ("datetime", "date"): _day,
    ("datetime", "datetime"): _moment,
    ("datetime", "time"): _time,
    ("datetime", "timedelta"): _duration,
    ("decimal", "Decimal"): _own,
    ("pandas", "NaTType"): _own,
    ("pandas", "NAType"): _own,
    ("pandas", "Period"): _own,
    ("pathlib", "PurePath"): _path,
    ("uuid", "UUID"): _own,
}
