"""What is asked of each row: the table's columns, the text of a row, and its name."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import json
import re
import sys
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from nemotron_magic.context.prompt import Message
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import BY_NAME, DEFAULT_MODEL, DEFAULT_SYSTEM
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import closest_match, one_line
from nemotron_magic.session.reply import request_hash
from nemotron_magic.session.structured.asking import RUNGS, Rung, body_for
from nemotron_magic.session.structured.fields import Fields

_MOST_UNNAMED = 5
_FORMAT = 1
"""Of a row's text: a later one never finds what was answered to an earlier one."""

OWN_COLUMNS = ("_error", "_note", "_cost_usd")
"""What the frame of answers has beside the fields."""

_UNSENT = "nothing was sent"


@dataclass(frozen=True, slots=True)
class Table:
    """The input: its columns by place, and the library it is of.

    `is_bare` says that it has one column without a name of its own to be sent; `index`
    is that of pandas as it was: the user may sort or cut the input in place meanwhile.
    """

    index: Any
    library: Any
    names: tuple[str, ...]
    values: Any
    size: int
    is_bare: bool = False
    part: str = ""

    def column(self, at: int) -> Sequence[Any]:
        """Return the values of a column, by its place."""
        one = self.values
        if not self.is_bare:
            one = getattr(one, "iloc", one)[:, at]
        return one if isinstance(one, list) else [*one.to_list()]


def read_table(values: Any, is_sample: bool = False) -> Table:
    """Return the columns of a Series, a frame or a list; raise InputError otherwise.

    Of Dask's, a sample is of the first partition with rows; `part` then says so.
    """
    if isinstance(values, Table):
        return values
    dask = sys.modules.get("dask.dataframe")
    if dask and isinstance(values, dask.DataFrame | dask.Series):
        parts = (one.compute() for one in values.partitions)
        if not is_sample or values.npartitions == 1:
            return read_table(sys.modules["pandas"].concat([*parts]))
        first = next((one for one in parts if len(one)), values._meta)
        part = f" in the first of {values.npartitions:,} partitions"
        return replace(read_table(first), part=part)
    if type(values).__name__ == "ndarray" and getattr(values, "ndim", 0) == 1:
        values = values.tolist()
    known = [sys.modules[name] for name in ("pandas", "polars") if name in sys.modules]
    if isinstance(values, list | tuple):
        library = known[0] if known else None
        return Table(None, library, ("",), [*values], len(values), True)
    for library in known:
        series = library.Series | getattr(library, "Index", library.Series)
        is_frame = isinstance(values, library.DataFrame)
        if is_frame or isinstance(values, series):
            names = map(str, values.columns if is_frame else [values.name or ""])
            index = values.index.copy() if hasattr(values, "index") else None
            size = len(values)
            return Table(index, library, tuple(names), values, size, not is_frame)
    kind = type(values).__name__
    hint = 'Such as: df.review, or df[["title", "body"]]'
    hint = "Collect it first: .collect()" if kind == "LazyFrame" else hint
    what = f"rows are a Series, a frame or a list, and this is of type {kind}"
    raise InputError(what, _UNSENT, hint)


@dataclass(frozen=True, slots=True)
class RowsQuestion:
    """What a user wants of the rows of a table; see `Session.map`."""

    instruction: str
    values: Any
    as_: Any = "reply"
    at_once: int = 16
    rpm: float | None = None
    tpm: float | None = None
    sample: int | None = None
    again: tuple[str, ...] = ()
    label: Any = None
    name: str = ""
    engine: Any = None


class RowTask:
    """One instruction for all rows of a table; `names` are the columns that go out.

    Raise InputError for an instruction that cannot be sent. `unsent` is a column that
    must not go out, as it holds the truth.
    """

    def __init__(
        self,
        instruction: str,
        table: Table,
        fields: Fields,
        settings: Settings,
        base_url: str,
        unsent: str | None = None,
    ) -> None:
        # A blank that nobody sees would have every row asked and paid for again.
        lines = instruction.strip().splitlines()
        self.instruction = "\n".join(line.rstrip() for line in lines)
        if not self.instruction:
            hint = "Say what to do with each row; in a cell, below %%nemotron … rows: …"
            raise InputError("there is no instruction", _UNSENT, hint)
        if clash := next((one for one in fields.names if one in OWN_COLUMNS), ""):
            what = f"a field cannot be called {clash}: answers have a column of"
            hint = f"Call it {clash.strip('_')}"
            raise InputError(f"{what} that name", _UNSENT, hint)
        self.table, self.fields, self.settings = table, fields, settings
        # Texts and, between them, places in `_columns`; without any, the row follows.
        parts, used = _parts(self.instruction, table.names, unsent)
        self._parts = [used.index(p) if isinstance(p, int) else p for p in parts]
        self._columns = [table.column(one) for one in used]
        self.names = [table.names[one] for one in used]
        # Ours is for conversations.
        system = str(settings["system"] or "")
        system = "" if system == DEFAULT_SYSTEM else system
        self._systems = {
            rung: "\n\n".join(filter(None, (system, body_for(rung, fields)[1])))
            for rung in RUNGS
        }
        self.hash = self._hash(system, base_url)

    def _hash(self, system: str, base_url: str) -> str:
        """Return the name of a task: with another one, each row is paid for again."""
        settings, fields = self.settings, self.fields
        sent = {n: v for n, v in settings.parameters().items() if n != "max_tokens"}
        if "max_tokens" in settings.values:
            sent["max_tokens"] = settings["max_tokens"]
        sent["redact"] = settings["redact"]
        # By what the user asked for: a default that was replaced is the default.
        sent["model"] = DEFAULT_MODEL if settings.model_is_default else settings.model
        wanted = [fields.schema(), fields.prompt_line()]
        asked = [_FORMAT, self.instruction, wanted, *self.names, system]
        message = {"role": "user", "content": json.dumps(asked)}
        return request_hash(base_url, sent["model"], [message], sent)

    def values(self, at: int) -> list[str]:
        """Return the texts of a row's columns."""
        return [text_of(column[at]) for column in self._columns]

    def text(self, at: int) -> str:
        """Return what is sent of a row: the instruction with it; empty if it is."""
        values = self.values(at)
        if not any(value.strip() for value in values):
            return ""
        if self._parts:
            return "".join(values[p] if isinstance(p, int) else p for p in self._parts)
        lines = (f"{n}: {v}" for n, v in zip(self.names, values, strict=True))
        row = values[0] if self.table.is_bare else "\n".join(lines)
        return f"{self.instruction}\n\n{row}"

    def key(self, text: str) -> bytes:
        """Return the name of a row: equal ones are asked once."""
        named = f"{self.hash}{text}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(named, digest_size=16).digest()

    def messages(self, text: str, rung: Rung) -> tuple[Message, ...]:
        """Return what is sent: what never changes first, so that it can be cached."""
        system = {"role": "system", "content": self._systems[rung]}
        return (system, {"role": "user", "content": text})

    def request_fields(self, rung: Rung, max_tokens: int) -> dict[str, Any]:
        """Return the fields of a request but model and messages."""
        own = {n: v for n, v in self.settings.parameters().items() if n != "model"}
        if "max_tokens" not in self.settings.values:
            own["max_tokens"] = max_tokens
        return {**own, **body_for(rung, self.fields)[0]}

    @property
    def max_tokens(self) -> int:
        """How long a reply may be, as long as none was cut off."""
        if "max_tokens" in self.settings.values:
            return int(self.settings["max_tokens"])
        fields = self.fields.fields
        return 64 + sum(24 if f.labels or f.kind != "str" else 120 for f in fields)


_NOT_FOR_ROWS = (
    *("stream", "n", "tools", "tool_choice", "parallel_tool_calls", "echo"),
    *("response_format", "logprobs", "top_logprobs", "prediction"),
)


def row_settings(settings: Settings) -> Settings:
    """Return the settings for rows: the same answer each time, as a whole."""
    own = {
        name: value
        for name, value in settings.values.items()
        if name not in _NOT_FOR_ROWS and value != BY_NAME[name].default
    }
    values = {"temperature": 0, "seed": 1, **own, "stream": False}
    return Settings(values, settings.extra, settings.model_is_default)


def is_missing(value: Any) -> bool:
    """Return whether there is nothing in a cell of a table."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, decimal.Decimal):
        return value.is_nan()
    is_scalar = isinstance(value, float) or (_is_numpy(value) and not value.shape)
    return is_scalar and bool(value != value)


def text_of(value: Any) -> str:
    """Return a value of a table as it is sent; raise InputError if it has no text."""
    if isinstance(value, str):
        return str(value)
    if is_missing(value):
        return ""
    is_scalar = isinstance(value, _PLAIN) or type(value).__name__ in _PANDAS_SCALARS
    if _is_numpy(value):
        is_scalar = not value.shape and value.dtype.kind not in "SV"
        value = _part_of(value) if value.shape else value
    if is_scalar:
        return str(value)
    if isinstance(value, list | tuple | dict):
        with suppress(TypeError, ValueError, RecursionError):
            return json.dumps(value, ensure_ascii=False, default=_part_of)
    what = f"a value of type {type(value).__name__} has no text that could be sent"
    raise InputError(what, _UNSENT, "Make it text first: df.column.astype(str)")


_PLAIN = (
    *(bool, int, float, complex, decimal.Decimal, uuid.UUID, PurePath),
    *(datetime.date, datetime.time, datetime.timedelta),
)
_PANDAS_SCALARS = ("Period", "Interval")


def _is_numpy(value: Any) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "dtype")


def _part_of(value: Any) -> Any:
    """Return what stands in JSON for a value that JSON does not know."""
    if is_missing(value):
        return None
    if _is_numpy(value):  # an array's own text is cut short
        is_time = value.dtype.kind in "mM"
        return (value.astype(str) if is_time else value).tolist()
    return text_of(value)


def _parts(
    instruction: str, names: Sequence[str], unsent: str | None
) -> tuple[Sequence[str | int], list[int]]:
    """Return the texts of an instruction with places of columns, and those it sends."""
    known = {name: at for at, name in reversed([*enumerate(names)]) if name}
    words = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    pieces = re.split(r"\{(" + words + r")\}", instruction) if known else [instruction]
    # Braces around what is nearly a name would go out as they stand.
    for word in re.findall(r"\{\s*\w[\w .-]*\}", " ".join(pieces[::2])):
        if near := closest_match(word.strip("{ \n}"), names):
            what = f"there is no column for {one_line(word, 40)}"
            raise InputError(what, _UNSENT, f"Did you mean: {{{near}}}")
    if unsent in pieces[1::2]:
        what = f"{{{unsent}}} holds the truth, which is not sent"
        hint = "Leave it out of the text, or compare with another column: --label …"
        raise InputError(what, _UNSENT, hint)
    parts = [known[one] if n % 2 else one for n, one in enumerate(pieces)]
    used = sorted({known[one] for one in pieces[1::2]})
    if twice := [name for at in used if names.count(name := names[at]) > 1]:
        what = f"two columns are called {one_line(twice[0], 40)}"
        raise InputError(what, hint="Rename one: df.columns = […]")
    if used:
        return parts, used
    used = [at for at, name in enumerate(names) if name != unsent]
    if len(used) > _MOST_UNNAMED:
        few, shown = ", ".join(map(repr, names[:2])), ", ".join(names)
        raise InputError(
            f"all {len(used)} columns would be sent ({one_line(shown, 120)})",
            f"no more than {_MOST_UNNAMED} are, unless the text names them; {_UNSENT}",
            f"Take some: df[[{few}]], or write {{{names[0]}}} where its value belongs",
        )
    return (), used
