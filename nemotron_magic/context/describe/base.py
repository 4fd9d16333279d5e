"""How a value is looked at to describe it; descriptions of texts and single values."""

from __future__ import annotations

import ast
import csv
import datetime
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any, Literal, TypeAlias

from nemotron_magic.context.describe import privacy
from nemotron_magic.core import introspection
from nemotron_magic.core.introspection import bases, class_name, home, kinds

Data = Literal["schema", "sample", "full"]
Lines: TypeAlias = Iterator[str]
_CELL_CHARS = 80
_DEEPEST = 4
_FRAMES = {"pandas.DataFrame", "polars.DataFrame"}
_LIVE_COLUMNS = 1_000
_MOST_CODE_CHARS = 200_000
_WORD = re.compile(r"[^\W\d_]+")


class LiveTables:
    """The tables of a notebook, looked for when a description first needs them."""

    def __init__(self, variables: Mapping[str, object]) -> None:
        self._variables = variables

    @cached_property
    def tables(self) -> list[Any]:
        """The pandas and polars frames, as objects of the libraries' own classes."""
        values = {id(one): one for one in list(self._variables.values())}.values()
        frames = (one for one in values if not _FRAMES.isdisjoint(kinds(one)))
        return [*map(introspection.as_library, frames)]

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of their columns and of the code, but for what it quotes."""
        cells: Any = self._variables.get("In")
        typed = [cell for cell in cells if type(cell) is str] if cells else []
        code = privacy.LOOKS["quoted"].sub(" ", "\n".join(typed)[-_MOST_CODE_CHARS:])
        found = " ".join((code, *self._variables, *self.columns))
        return frozenset(word.casefold() for word in _WORD.findall(found))

    @cached_property
    def columns(self) -> frozenset[str]:
        """The names of their columns, but for those that may be people."""
        return frozenset().union(*map(_columns_of, self.tables))


def _columns_of(table: Any) -> list[str]:
    columns = table.columns
    labels = [label for label in list(columns)[:_LIVE_COLUMNS] if type(label) is str]
    if privacy.are_of_people(labels, getattr(columns, "names", ())):
        return []
    types = {id(type(dtype)) for dtype in list(table.dtypes)}
    shown = privacy.safe_labels(labels, are_alike=len(types) == 1)
    return [label for label, safe in zip(labels, shown, strict=True) if label == safe]


@dataclass(frozen=True, slots=True)
class DescribeContext:
    """How to look at one value."""

    describe: Describer  # any value, raising nothing: for what a container holds
    data: Data = "schema"
    source: bool = False  # whether that of functions and classes is wanted
    name: str = ""
    path: tuple[int, ...] = ()  # the identities of the containers, outermost first
    live: LiveTables = field(default_factory=lambda: LiveTables({}))
    plain: str = ""  # what the object shows of itself, if it is a result

    @property
    def is_full(self) -> bool:
        """Whether values may be shown whatever they are."""
        return self.data == "full"

    def hides(self, *names: str) -> bool:
        """Return whether values of such names are hidden, as they look personal."""
        return not self.is_full and any(map(privacy.is_personal, names))

    def may_name(self, counted: Mapping[str, int], label: str) -> bool:
        """Return whether texts may be shown: names of columns, or a vocabulary."""
        is_known = self.is_full or self.live.columns.issuperset(counted)
        return is_known or privacy.is_vocabulary(counted, label)

    def headline(self, value: object, holder: object, name: str = "") -> str:
        """Return in a few words what a container holds."""
        return shorten(next(self.lines(value, holder, name)))

    def word(self, value: Any, holder: object) -> str:
        """Return a text in quotes, and of others what they are in a few words."""
        is_text = type(value) is str
        return repr(shorten(value)) if is_text else self.headline(value, holder)

    def lines(self, value: object, holder: object, name: str = "") -> Lines:
        """Yield the lines on what a container holds; deep down, only the first."""
        path = (*self.path, id(holder))
        found = self.describe(value, replace(self, name=name, path=path, source=False))
        yield next(found, "?")
        if len(self.path) < _DEEPEST:
            yield from found

    def entry(self, head: str, value: object, holder: object, name: str = "") -> Lines:
        """Yield the lines on one of many things in a holder, below its own lines."""
        lines = self.lines(value, holder, name)
        yield f"  {head}{next(lines)}"
        yield from (f"    {line}" for line in lines)


# The first line says what the value is; the others are made as they are asked for, so
# that nothing is looked at for which there is no room.
Describer: TypeAlias = Callable[[Any, DescribeContext], Lines]
# By library and name of a class; a key may name several.
Kinds: TypeAlias = dict[str, Describer]


def shorten(text: str, longest: int = _CELL_CHARS) -> str:
    """Return the beginning of a text, with a sign where it was cut."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def and_more(shown: Iterable[str], more: int = 0) -> str:
    """Join a list of words and say how many it lacks."""
    listed = ", ".join(shown)
    return f"{listed} and {more:,} more" if more > 0 else listed


_MOST_CHARS = 1_000_000
_MOST_LITERAL_CHARS = 20_000  # for longer ones, Python's own reader takes its time
_MOST_LINES = 1_000
_DEEPEST_TEXTS = 20
_LOOKED_AT_CHARS = 10_000
_END_CHARS = 500
_LEAST_BASE64 = 150


def fold_base64(text: str) -> str:
    """Return the text with encoded files, such as images, as their length alone."""

    def fold(match: re.Match[str]) -> str:
        encoded = match[0]
        kinds = (str.isupper, str.islower, str.isdigit)
        is_mixed = all(any(map(kind, encoded)) for kind in kinds)
        if len(encoded) < _LEAST_BASE64 or not is_mixed:
            return encoded
        return f"[… {len(encoded):,} characters of base64]"

    return privacy.LOOKS["base64"].sub(fold, text)


def parse_data(text: str) -> object | None:
    """Return the lists and dicts that a text writes out; None for other texts."""
    plain = text.strip()[:_MOST_CHARS]
    call = privacy.LOOKS["call"].fullmatch(plain)
    written = call[1] if call else plain
    if written[:1] not in ("[", "{", "("):
        return _separated(plain)
    readers: list[Callable[[str], object]] = [json.loads, _json_lines]
    if len(written) <= _MOST_LITERAL_CHARS:
        readers.append(ast.literal_eval)
    for reader in readers:
        with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            data = reader(written)
            if type(data) in (list, dict, tuple, set):
                return data
    return None


def _json_lines(text: str) -> list[object]:
    return [json.loads(line) for line in text.splitlines()[:_MOST_LINES] if line]


def _separated(text: str) -> list[dict[str, str]] | None:
    lines = [line for line in islice(text.splitlines(), _MOST_LINES) if line.strip()]
    for mark in "\t;|,":
        if len(lines) < 2 or mark not in lines[0]:
            continue
        with suppress(csv.Error):
            head, *rows = csv.reader(lines, delimiter=mark)
            names = [cell.strip() or f"column {n}" for n, cell in enumerate(head, 1)]
            alike = sum(len(row) == len(head) for row in rows)
            is_head = all(map(privacy.LOOKS["head"].fullmatch, names))
            if is_head and alike > 0.9 * len(rows):
                return [dict(zip(names, row, strict=False)) for row in rows]
    return None


def is_printed_table(text: str) -> bool:
    """Return whether a text is a table or an array as its library writes it."""
    if privacy.shows(text, "beginning"):
        return True
    if "\n" not in text and "(" not in text:
        return False
    head = text[:_LOOKED_AT_CHARS].split("\n")
    lines = head[:-1] if len(text) > _LOOKED_AT_CHARS else head
    is_aligned = len(lines) > 1 and len({*map(len, lines)}) == 1 and "  " in lines[0]
    return is_aligned or privacy.shows(text[-_END_CHARS:], "end")


def is_open(text: str) -> bool:
    """Return whether a text that stands for an object may be shown as it is."""
    if is_printed_table(text):
        return False
    data = parse_data(text)
    if data is not None:
        return _is_open(data, "", 0)
    return not privacy.tells_of_person(text.strip("'\""))


def _is_open(value: object, label: str, depth: int) -> bool:
    """Return whether all that plain lists and dicts hold may be shown."""
    if depth > _DEEPEST_TEXTS:
        return False
    if type(value) is str:
        return privacy.is_field_value(value, label)
    if type(value) is dict:
        keys = [key for key in value if type(key) is str]
        alike = len({type(inner) for inner in value.values()}) == 1 < len(value)
        return privacy.are_keys(keys, alike) and all(
            _is_open(inner, str(key), depth + 1) for key, inner in value.items()
        )
    if type(value) in (list, tuple, set):
        items = list(value)  # type: ignore[call-overload]
        if items and all(type(inner) is str for inner in items):
            return privacy.is_vocabulary(Counter(items), label)
        return all(_is_open(inner, label, depth + 1) for inner in items)
    return True


def plain_lines(text: str, words: Collection[str], is_full: bool) -> list[str]:
    """Return what an unknown object shows, but for lines that may name people."""
    plain = privacy.LOOKS["address"].sub("", text[:_LOOKED_AT_CHARS])
    if not is_full:
        is_ended = privacy.shows(text[-_END_CHARS:], "end")
        are_rows = len(privacy.LOOKS["row"].findall(text)) > 1
        if privacy.shows(text, "beginning") or is_ended or are_rows:
            return []
        plain = privacy.LOOKS["numbers"].sub("[…]", plain)
    lines = [line for line in plain.splitlines() if line.strip()]
    shown = [line for line in lines if is_full or privacy.is_harmless_line(line, words)]
    if shown and (hidden := len(lines) - len(shown)):
        shown.append(f"({hidden} lines may name people and are not shown)")
    return shown


_LONGEST_INT_BITS = 1_000
_TEXT_CHARS = 400
_SEARCHED_CHARS = 20_000
_WRITERS = ("decimal", "numpy", "pandas", "pathlib", "uuid")
_ZONES = ("datetime", "zoneinfo", "pytz", "dateutil")


def _text(value: str, ctx: DescribeContext) -> Lines:
    text = str.__str__(value)
    size = f"{class_name(type(value))} of {len(text):,} characters"
    is_shown = ctx.is_full or privacy.is_field_value(text, ctx.name)
    if ctx.path:
        yield _quote(text, _CELL_CHARS) if is_shown else size
    elif not ctx.is_full and (data := parse_data(text)) is not None:
        yield f"{size}, which holds data:"
        yield from ctx.describe(data, ctx)
    elif not is_shown and (
        ctx.hides(ctx.name) or privacy.tells_of_person(text[:_SEARCHED_CHARS])
    ):
        yield f"{size}, {privacy.HIDDEN}"
    elif not ctx.is_full and is_printed_table(text):
        yield f"{size}, a table"
    else:
        yield size
        yield _quote(text, len(text) if ctx.is_full else _TEXT_CHARS)


def _quote(text: str, longest: int) -> str:
    """Return a text in quotes, of a long one the head and the tail."""
    if len(text) <= longest:
        return repr(text)
    head, tail = text[: longest * 3 // 4], text[-longest // 4 :]
    return f"{head!r} … {len(text) - longest:,} characters … {tail!r}"


def _constant(value: object, ctx: DescribeContext) -> Lines:
    yield repr(value)


def _bytes(value: bytes | bytearray, ctx: DescribeContext) -> Lines:
    kind = bytes if bytes in bases(type(value)) else bytearray
    size = introspection.read(kind, "__len__", value)()
    yield f"{class_name(type(value))} of {size:,} bytes"


def _integer_text(value: int) -> str:
    # Python takes seconds for the digits of very long numbers, or refuses.
    bits = int.bit_length(value)
    return int.__repr__(value) if bits <= _LONGEST_INT_BITS else f"of {bits:,} bits"


def _datetime_text(value: datetime.datetime) -> str:
    # `isoformat` would ask the time zone, which may be a class of user code.
    cls = datetime.datetime
    zone = introspection.read(cls, "tzinfo", value)
    is_known = home(type(zone))[0] in _ZONES
    suffix = "" if zone is None else f" {zone}" if is_known else " in a time zone"
    return f"{cls.date(value)} {cls.time(value)}{suffix}"


def _time_text(value: datetime.time) -> str:
    return str(datetime.datetime.combine(datetime.date.min, value).time())


def _own_text(value: object) -> str:
    """Return the text of a value whose library is known to write it well."""
    library, name = home(type(value))
    return str(value) if library in _WRITERS and name != "void" else "(not inspected)"


def _writer(write: Callable[[Any], str]) -> Describer:
    def describe(value: Any, ctx: DescribeContext) -> Lines:
        kind = "" if ctx.path else class_name(type(value))
        is_hidden = kind and ctx.hides(ctx.name)
        shown = f", {privacy.HIDDEN}" if is_hidden else f" {write(value)}"
        yield f"{kind}{shown}".lstrip()

    return describe


def is_scalar(value: object) -> bool:
    """Return whether a value is single and small, so that it can stand in a line."""
    return not _SCALARS.isdisjoint(kinds(value))


def format_extreme(value: object) -> str:
    """Return the text of one end of a range: a number or a date."""
    # NumPy's float64 is a float as well.
    if float in bases(type(value)):
        return f"{value:.6g}"
    return str(value).removesuffix(" 00:00:00")


def format_range(low: object, high: object) -> str:
    """Return the range between two numbers or dates, in words."""
    return f"{format_extreme(low)} to {format_extreme(high)}"


KINDS: Kinds = {
    "builtins.NoneType builtins.bool builtins.ellipsis builtins.range": _constant,
    "builtins.int": _writer(_integer_text),
    "builtins.float": _writer(float.__repr__),
    "builtins.complex": _writer(complex.__repr__),
    "builtins.str": _text,
    "builtins.bytes builtins.bytearray": _bytes,
    "datetime.date": _writer(datetime.date.isoformat),
    "datetime.datetime": _writer(_datetime_text),
    "datetime.time": _writer(_time_text),
    "datetime.timedelta": _writer(datetime.timedelta.__str__),
    "decimal.Decimal numpy.generic pathlib.PurePath uuid.UUID": _writer(_own_text),
    "pandas.NaTType pandas.NAType pandas.Period": _writer(_own_text),
}
_SCALARS = frozenset(" ".join(KINDS).split())
