"""What is asked of each row: the table's columns, the text of a row, and its name."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import json
import re
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Literal

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

_Library = Literal["pandas", "polars", ""]


@dataclass(frozen=True, slots=True)
class Table:
    """The input: its columns by place, and what it was.

    `is_bare` says that it has one column without a name of its own to be sent; `index`
    is that of pandas as it was: the user may sort or cut the input in place meanwhile.
    """

    index: Any
    library: _Library
    names: tuple[str, ...]
    column: Callable[[int], Sequence[Any]]
    size: int
    is_bare: bool = False
    part: str = ""


def read_table(values: Any, is_sample: bool = False) -> Table:
    """Return the columns of a Series, a frame or a list; raise InputError otherwise.

    Of Dask's, a sample is of the first partition with rows; `part` then says so.
    """
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    dask = sys.modules.get("dask.dataframe")
    if dask and isinstance(values, dask.DataFrame | dask.Series):
        parts = (one.compute() for one in values.partitions)
        if not is_sample or values.npartitions == 1:
            return read_table(sys.modules["pandas"].concat([*parts]))
        first = next((one for one in parts if len(one)), values._meta)
        part = f" in the first of {values.npartitions:,} partitions"
        return replace(read_table(first), part=part)
    if pandas and isinstance(values, pandas.DataFrame):
        names = tuple(map(str, values.columns))
        return _table("pandas", values, names, lambda n: values.iloc[:, n].tolist())
    if pandas and isinstance(values, pandas.Series | pandas.Index):
        name = (str(values.name or ""),)
        return _table("pandas", values, name, lambda n: values.tolist(), is_bare=True)
    if polars and isinstance(values, polars.DataFrame):
        names = tuple(values.columns)
        return _table("polars", values, names, lambda n: values[:, n].to_list())
    if polars and isinstance(values, polars.Series):
        name = (values.name,)
        return _table("polars", values, name, lambda n: values.to_list(), is_bare=True)
    if type(values).__name__ == "ndarray" and getattr(values, "ndim", 0) == 1:
        values = values.tolist()
    if isinstance(values, list | tuple):
        library: _Library = "pandas" if pandas else "polars" if polars else ""
        copied = list(values)
        return _table(library, copied, ("",), lambda n: copied, is_bare=True)
    kind = type(values).__name__
    hint = "Collect it first: .collect()" if kind == "LazyFrame" else ""
    raise InputError(
        f"rows are a Series, a frame or a list, and this is of type {kind}",
        "nothing was sent",
        hint or 'Such as: df.review, or df[["title", "body"]]',
    )


def _table(
    library: _Library,
    values: Any,
    names: tuple[str, ...],
    column: Callable[[int], Sequence[Any]],
    is_bare: bool = False,
) -> Table:
    # A list has a method of this name, a frame of polars has nothing.
    index: Any = getattr(values, "index", None)
    index = index.copy() if library == "pandas" and hasattr(index, "copy") else None
    return Table(index, library, names, column, len(values), is_bare)


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


@dataclass(frozen=True, slots=True)
class RowTask:
    """One instruction for all rows of a table.

    `parts` are its texts and, between them, the places of columns in `columns`; without
    any, the row follows the instruction.
    """

    instruction: str
    fields: Fields
    settings: Settings
    names: tuple[str, ...]
    columns: tuple[Sequence[Any], ...]
    parts: tuple[str | int, ...]
    is_bare: bool
    hash: str
    systems: Mapping[Rung, str]

    @classmethod
    def of(
        cls,
        instruction: str,
        table: Table,
        fields: Fields,
        settings: Settings,
        base_url: str,
        unsent: str | None = None,
    ) -> RowTask:
        """Return the task; raise InputError if it names no column and has too many.

        `unsent` is a column that must not go out, as it holds the truth.
        """
        # A blank that nobody sees would have every row asked and paid for again.
        lines = instruction.strip().splitlines()
        instruction = "\n".join(line.rstrip() for line in lines)
        if not instruction:
            raise InputError(
                "there is no instruction",
                "nothing was sent",
                "Say what to do with each row; in a cell, below %%nemotron … rows: …",
            )
        if clash := next((one for one in fields.names if one in OWN_COLUMNS), ""):
            raise InputError(
                f"a field cannot be called {clash}: answers have a column of that name",
                "nothing was sent",
                f"Call it {clash.strip('_')}",
            )
        parts = _parts(instruction, table.names)
        _refuse_misspelled(parts, table.names)
        used = sorted({part for part in parts if isinstance(part, int)})
        if not used:
            used = [n for n, one in enumerate(table.names) if one != unsent]
            parts = ()
            if len(used) > _MOST_UNNAMED:
                raise _too_many(len(used), table.names)
        if unsent and parts and unsent in (table.names[one] for one in used):
            raise InputError(
                f"{{{unsent}}} holds the truth, which is not sent",
                "nothing was sent",
                "Leave it out of the text, or compare with another column: --label …",
            )
        twice = [one for one in used if table.names.count(table.names[one]) > 1]
        if twice and parts:
            name = one_line(table.names[twice[0]], 40)
            raise InputError(
                f"two columns are called {name}", hint="Rename one: df.columns = […]"
            )
        names = tuple(table.names[one] for one in used)
        places = {one: at for at, one in enumerate(used)}
        own = tuple(places[p] if isinstance(p, int) else p for p in parts)
        wanted = [fields.schema(), fields.prompt_line()]
        sent = {n: v for n, v in settings.parameters().items() if n != "max_tokens"}
        if "max_tokens" in settings.values:
            sent["max_tokens"] = settings["max_tokens"]
        asked = [_FORMAT, instruction, wanted, *names, _system(settings)]
        message = {"role": "user", "content": json.dumps(asked)}
        sent["redact"] = settings["redact"]
        # By what the user asked for: a default that was replaced is the default.
        sent["model"] = DEFAULT_MODEL if settings.model_is_default else settings.model
        name = request_hash(base_url, sent["model"], [message], sent)
        return cls(
            instruction,
            fields,
            settings,
            names,
            tuple(table.column(one) for one in used),
            own,
            table.is_bare,
            name,
            {rung: _system_text(settings, rung, fields) for rung in RUNGS},
        )

    def text(self, at: int) -> str:
        """Return what is sent of a row: the instruction with it; empty if it is."""
        values = [text_of(column[at]) for column in self.columns]
        if not any(value.strip() for value in values):
            return ""
        if self.parts:
            return "".join(values[p] if isinstance(p, int) else p for p in self.parts)
        lines = (f"{n}: {v}" for n, v in zip(self.names, values, strict=True))
        row = values[0] if self.is_bare else "\n".join(lines)
        return f"{self.instruction}\n\n{row}"

    def key(self, text: str) -> bytes:
        """Return the name of a row: equal ones are asked once."""
        named = f"{self.hash}{text}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(named, digest_size=16).digest()

    def messages(self, text: str, rung: Rung) -> tuple[Message, ...]:
        """Return what is sent: what never changes first, so that it can be cached."""
        system = {"role": "system", "content": self.systems[rung]}
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
        is_text = [f.kind == "str" and not f.labels for f in self.fields.fields]
        return 64 + sum(120 if one else 24 for one in is_text)


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
    if _is_numpy(value) and value.shape:
        value = _lists_of(value)
    if isinstance(value, _PLAIN) or type(value).__name__ in _PANDAS_SCALARS:
        return str(value)
    if _is_numpy(value) and value.dtype.kind not in "SV":
        return str(value)
    if isinstance(value, list | tuple | dict):
        with suppress(TypeError, ValueError, RecursionError):
            return json.dumps(value, ensure_ascii=False, default=_part_of)
    raise InputError(
        f"a value of type {type(value).__name__} has no text that could be sent",
        "nothing was sent",
        "Make it text first: df.column.astype(str)",
    )


_PLAIN = (
    *(bool, int, float, complex, decimal.Decimal, uuid.UUID, PurePath),
    *(datetime.date, datetime.time, datetime.timedelta),
)
_PANDAS_SCALARS = ("Period", "Interval")


def _is_numpy(value: Any) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "dtype")


def _lists_of(array: Any) -> Any:
    """Return an array as lists; its own text is cut short."""
    is_time = array.dtype.kind in "mM"
    return (array.astype(str) if is_time else array).tolist()


def _part_of(value: Any) -> Any:
    """Return what stands in JSON for a value that JSON does not know."""
    if is_missing(value):
        return None
    return _lists_of(value) if _is_numpy(value) else text_of(value)


def _system(settings: Settings) -> str:
    """Return the user's own instruction; ours is for conversations."""
    system = str(settings["system"] or "")
    return "" if system == DEFAULT_SYSTEM else system


def _system_text(settings: Settings, rung: Rung, fields: Fields) -> str:
    return "\n\n".join(filter(None, (_system(settings), body_for(rung, fields)[1])))


def _parts(instruction: str, names: Sequence[str]) -> tuple[str | int, ...]:
    """Return the texts of an instruction, and the places of the columns between."""
    known = {name: at for at, name in reversed([*enumerate(names)]) if name}
    if not known:
        return (instruction,)
    words = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    pieces = re.split(r"\{(" + words + r")\}", instruction)
    return tuple(known[one] if n % 2 else one for n, one in enumerate(pieces))


def _refuse_misspelled(parts: Sequence[str | int], names: Sequence[str]) -> None:
    """Raise InputError for braces around what is nearly the name of a column.

    They would go out as they stand, and maybe with columns that nobody named.
    """
    texts = " ".join(part for part in parts if isinstance(part, str))
    for word in re.findall(r"\{(\w[\w .-]*)\}", texts):
        if near := closest_match(word, names):
            raise InputError(
                f"there is no column {one_line(word, 40)}",
                "nothing was sent",
                f"Did you mean: {{{near}}}",
            )


def _too_many(many: int, names: Sequence[str]) -> InputError:
    shown = one_line(", ".join(names), 120)
    few = ", ".join(repr(name) for name in names[:2])
    return InputError(
        f"all {many} columns would be sent ({shown})",
        f"no more than {_MOST_UNNAMED} are, unless the text names them; "
        "nothing was sent",
        f"Take some: df[[{few}]], or write {{{names[0]}}} where its value belongs",
    )
