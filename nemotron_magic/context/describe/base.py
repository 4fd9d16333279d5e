"""What a description may show, and descriptions of single values."""

from __future__ import annotations

import ast
import csv
import datetime
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal, TypeAlias

from nemotron_magic.context.describe.privacy import (
    HIDDEN,
    are_keys,
    is_field_value,
    is_personal,
    is_vocabulary,
    tells_of_person,
)
from nemotron_magic.core.introspection import bases, class_name, home, read

__all__ = [
    "CELL_CHARS",
    "SCALAR_KINDS",
    "Data",
    "DescribeContext",
    "Describer",
    "and_more",
    "data_in",
    "is_open",
    "is_plain",
    "is_printed_table",
    "said",
    "short",
]


Data = Literal["schema", "sample", "full"]
CELL_CHARS = 80
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class DescribeContext:
    """How to look at one value.

    Parameters
    ----------
    describe : Callable
        Gives the lines of any value, for what a container holds; raises nothing.
    is_late : Callable
        Tells whether the time for looking is over.
    source : bool
        Whether the source of functions and classes is wanted.
    path : tuple of int
        The identities of the containers around the value, outermost first.
    """

    describe: Describer
    is_late: Callable[[], bool]
    data: Data = "schema"
    source: bool = False
    name: str = ""
    path: tuple[int, ...] = ()

    @property
    def is_full(self) -> bool:
        """Whether values may be shown whatever they are."""
        return self.data == "full"

    @property
    def is_inside(self) -> bool:
        """Whether the value stands in another one."""
        return bool(self.path)

    def inside(self, container: object, name: str = "") -> DescribeContext:
        """Return how to look at what `container` holds."""
        return replace(self, name=name, path=(*self.path, id(container)), source=False)

    def headline(self, value: object, container: object, name: str = "") -> str:
        """Say in a few words what a container holds."""
        return short(next(self.describe(value, self.inside(container, name)), "?"))

    def lines(self, value: object, container: object, name: str = "") -> Iterator[str]:
        """Yield the lines of what a container holds; deep down, the first one."""
        found = self.describe(value, self.inside(container, name))
        yield next(found, "?")
        if len(self.path) < _DEEPEST:
            yield from found


# Its first line says what the value is; the others come one by one, as they are asked
# for, so that nothing is looked at for which there is no room.
Describer: TypeAlias = Callable[[Any, DescribeContext], Iterator[str]]


def short(text: str, longest: int = CELL_CHARS) -> str:
    """Return the beginning of a text, with a sign where it was cut."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def and_more(shown: Iterable[str], more: int) -> str:
    """Join a list of words and say how many it lacks.

    Examples
    --------
    >>> and_more(["a", "b"], 3)
    'a, b and 3 more'
    """
    listed = ", ".join(shown)
    return f"{listed} and {more:,} more" if more > 0 else listed


_MOST_CHARS = 1_000_000
_MOST_LITERAL_CHARS = 20_000  # for longer ones, Python's own reader takes its time
_MOST_LINES = 1_000
_DEEPEST_TEXTS = 20
_CALL = re.compile(r"[A-Za-z_][\w.]*\((.*)\)", re.DOTALL)
_HEAD = re.compile(r"[^()={}\[\]<>]{0,60}")
_LOOKED_AT_CHARS = 10_000
_BEGINNINGS = (
    *("shape: (", "pyarrow.", "array(", "masked_array(", "Index(", "MultiIndex("),
    *("DatetimeIndex(", "CategoricalIndex(", "PeriodIndex(", "TimedeltaIndex("),
    *("IntervalIndex(", "<xarray.", "<pyarrow.", "<Arrow", "<StringArray>", "<table"),
)
_END_CHARS = 500
_END = re.compile(
    r"\bdtype: \S.*$|\[\d+ rows x \d+ columns\]$|\nCategories \(\d.*$", re.DOTALL
)


def data_in(text: str) -> object | None:
    """Return the lists and dicts that a text is written form of; None for others.

    Nothing is evaluated. Of separated values, each row is a dict.
    """
    plain = text.strip()[:_MOST_CHARS]
    if plain[:1] in ("[", "{", "("):
        found = _json(plain)
        return found if found is not None else _literal(plain)
    if (call := _CALL.fullmatch(plain)) and call[1][:1] in ("[", "{", "("):
        return _literal(call[1])
    return _separated(plain)


def _json(text: str) -> object | None:
    lines = text.splitlines()
    try:
        return _holder(json.loads(text))
    except (ValueError, RecursionError):
        pass
    if len(lines) < 2 or text[:1] != "{":
        return None
    try:
        return _holder([json.loads(line) for line in lines[:_MOST_LINES] if line])
    except (ValueError, RecursionError):
        return None


def _literal(text: str) -> object | None:
    if len(text) > _MOST_LITERAL_CHARS:
        return None
    try:
        return _holder(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _holder(found: object) -> object | None:
    return found if type(found) in (list, dict, tuple, set) else None


def _separated(text: str) -> list[dict[str, str]] | None:
    lines = [line for line in islice(text.splitlines(), _MOST_LINES) if line.strip()]
    if len(lines) < 2:
        return None
    for mark in ("\t", ";", "|", ","):
        if mark not in lines[0]:
            continue
        try:
            rows = list(csv.reader(lines, delimiter=mark))
        except csv.Error:
            continue
        head = [cell.strip() for cell in rows[0]]
        alike = sum(len(row) == len(head) for row in rows)
        if alike > 0.9 * len(rows) and all(map(_HEAD.fullmatch, head)):
            names = [name or f"column {place}" for place, name in enumerate(head, 1)]
            return [dict(zip(names, row, strict=False)) for row in rows[1:]]
    return None


def is_printed_table(text: str) -> bool:
    """Return whether a text is a table or an array as its library writes it.

    A frame of pandas has lines of one length, as its columns end at the same places.
    """
    if "\n" not in text and "(" not in text:
        return text.startswith(_BEGINNINGS)
    head = text[:_LOOKED_AT_CHARS].split("\n")
    lines = head[:-1] if len(text) > _LOOKED_AT_CHARS else head
    is_aligned = len(lines) > 1 and len({*map(len, lines)}) == 1 and "  " in lines[0]
    begins = text.startswith(_BEGINNINGS)
    return is_aligned or begins or _END.search(text[-_END_CHARS:]) is not None


def is_open(text: str) -> bool:
    """Return whether a text that stands for an object may be told as it is."""
    if is_printed_table(text):
        return False
    held = data_in(text)
    if held is not None:
        return _is_open(held, "", 0)
    return not tells_of_person(text.strip("'\""))


def _is_open(value: object, label: str, depth: int) -> bool:
    """Return whether all that plain lists and dicts hold may be told."""
    if depth > _DEEPEST_TEXTS:
        return False
    if type(value) is str:
        return is_field_value(value, label)
    if type(value) is dict:
        keys = [key for key in value if type(key) is str]
        alike = len({type(inner) for inner in value.values()}) == 1 < len(value)
        return are_keys(keys, alike) and all(
            _is_open(inner, str(key), depth + 1) for key, inner in value.items()
        )
    if type(value) in (list, tuple, set):
        items = list(value)  # type: ignore[call-overload]
        if items and all(type(inner) is str for inner in items):
            return is_vocabulary(Counter(items), label)
        return all(_is_open(inner, label, depth + 1) for inner in items)
    return True


_LONGEST_INT_BITS = 1_000
_TEXT_CHARS = 400
_LOOKED_AT_CHARS_SCALARS = 20_000
_ZONES = ("datetime", "zoneinfo", "pytz", "dateutil")
_DATE = ("year", "month", "day")
_TIME = ("hour", "minute", "second", "microsecond")
_DURATION = ("days", "seconds", "microseconds")


def _number(value: int, look: DescribeContext) -> Iterator[str]:
    bits = int.bit_length(value)
    # Python takes seconds for the digits of very long numbers, or refuses.
    long = bits > _LONGEST_INT_BITS
    yield _typed(f"of {bits:,} bits" if long else int.__repr__(value), value, look)


def _float(value: float, look: DescribeContext) -> Iterator[str]:
    yield _typed(float.__repr__(value), value, look)


def _complex(value: complex, look: DescribeContext) -> Iterator[str]:
    yield _typed(complex.__repr__(value), value, look)


def _constant(value: object, look: DescribeContext) -> Iterator[str]:
    yield repr(value)


def _text(value: str, look: DescribeContext) -> Iterator[str]:
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
        is_hidden = tells_of_person(text[:_LOOKED_AT_CHARS_SCALARS])
    yield f"{size}, {HIDDEN}" if is_hidden else size
    if not is_hidden:
        yield _quoted(text, _TEXT_CHARS)


def _quoted(text: str, longest: int) -> str:
    """Return the head of a text in quotes, and of a long one the tail as well."""
    if len(text) <= longest:
        return repr(text)
    if longest <= CELL_CHARS:
        return f"{text[: longest - 20]!r}… ({len(text):,} characters)"
    head, tail = text[: longest * 3 // 4], text[-longest // 4 :]
    return f"{head!r} … {len(text) - longest:,} characters … {tail!r}"


def _bytes(value: bytes | bytearray, look: DescribeContext) -> Iterator[str]:
    kind = bytes if bytes in bases(type(value)) else bytearray
    size = read(kind, "__len__", value)()
    yield f"{class_name(type(value))} of {size:,} bytes"


def _path(value: Any, look: DescribeContext) -> Iterator[str]:
    # The class of the user's would be asked for its `__str__`.
    is_ours = home(type(value))[0] == "pathlib"
    yield _typed(repr(str(value)), value, look) if is_ours else class_name(type(value))


def _day(value: datetime.date, look: DescribeContext) -> Iterator[str]:
    yield _typed(_date(value).isoformat(), value, look)


def _moment(value: datetime.datetime, look: DescribeContext) -> Iterator[str]:
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


def _time(value: datetime.time, look: DescribeContext) -> Iterator[str]:
    parts = (read(datetime.time, part, value) for part in _TIME)
    yield _typed(datetime.time(*parts).isoformat(), value, look)


def _duration(value: datetime.timedelta, look: DescribeContext) -> Iterator[str]:
    cls = datetime.timedelta
    plain = cls(*(read(cls, part, value) for part in _DURATION))
    yield _typed(str(plain), value, look)


def _own(value: object, look: DescribeContext) -> Iterator[str]:
    """Say a value of a class that is known to write itself well, and of no other."""
    text = str(value) if home(type(value)) in SCALAR_KINDS else "a class of its own"
    yield _typed(text, value, look)


def _typed(text: str, value: object, look: DescribeContext) -> str:
    if look.is_inside:
        return text
    if is_personal(look.name) and not look.is_full:
        return f"{class_name(type(value))}, {HIDDEN}"
    return f"{class_name(type(value))} {text}"


def is_plain(value: object) -> bool:
    """Return whether a value is single and small, so that it can stand in a line."""
    return any(home(cls) in SCALAR_KINDS for cls in bases(type(value)))


def said(value: object) -> str:
    """Say an extreme of a range: a number or a date."""
    # NumPy's float64 is one as well.
    if float in bases(type(value)):
        return f"{value:.6g}"
    text = str(value)
    return text.removesuffix(" 00:00:00")


SCALAR_KINDS: dict[tuple[str, str], Describer] = {
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
