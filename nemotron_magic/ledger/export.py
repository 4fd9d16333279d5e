"""Writing calls to a file for other programs: CSV or JSON, by its ending."""

from __future__ import annotations

import csv
import json
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import mkstemp
from typing import Any, TextIO

from nemotron_magic.errors import InputError
from nemotron_magic.ledger.call import Call
from nemotron_magic.storage import Foreign, beginning, check_regular
from nemotron_magic.text import without_hidden

__all__ = ["export"]


def export(calls: Iterable[Call], path: Path) -> int:
    """Write calls to `path`, for their owner's eyes alone; return how many.

    An earlier export of that name is replaced, and only when the new one is whole.

    Raises
    ------
    InputError
        If the name ends in neither `.csv` nor `.json`, something else has that name, or
        the file cannot be written.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise InputError(
            f"calls are exported to .csv or .json, got {path.name}",
            todo="Such as: %nemotron usage: export calls.csv",
        )
    try:
        _check_is_export(path)
        return _replace(path, lambda file: write(file, map(_row, calls)))
    except (OSError, ValueError, Foreign) as error:
        raise InputError(
            f"cannot write {path}: {_reason(error)}",
            todo="Name another path: %nemotron usage: export calls.csv",
        ) from None


def _check_is_export(path: Path) -> None:
    """Raise Foreign if there is something at `path` that no export has made."""
    if check_regular(path) is None:
        return
    start = beginning(path, 100)
    if not start.startswith(_STARTS) and start != _NO_CALLS:
        raise Foreign("there is a file that is no export of calls")


def _replace(path: Path, write: Callable[[TextIO], int]) -> int:
    # Made with a name that nobody can foresee, and with no rights for others.
    handle, name = mkstemp(dir=path.parent, prefix=".calls-")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            number = write(file)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return number


def _reason(error: Exception) -> str:
    told = error.strerror if isinstance(error, OSError) else str(error)
    return (told or "it cannot be opened").lower()


def _row(call: Call) -> dict[str, Any]:
    told = asdict(call)
    return {"started_at": call.started_at.isoformat("T", "milliseconds"), **told}


def _write_csv(file: TextIO, rows: Iterator[dict[str, Any]]) -> int:
    names = ["started_at", *(field.name for field in fields(Call))]
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    cells = ({name: _as_cell(value) for name, value in row.items()} for row in rows)
    return sum(bool(writer.writerow(row)) for row in cells)


def _as_cell(value: object) -> object:
    """Put a quote before a text that a spreadsheet would take for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection

    >>> _as_cell("=1+1"), _as_cell("a=1"), _as_cell(-1)
    ("'=1+1", 'a=1', -1)
    """
    if not isinstance(value, str):
        return value
    # Full-width forms are taken for the signs that they stand for.
    read = unicodedata.normalize("NFKC", without_hidden(value)).lstrip()
    is_formula = read.startswith(_BEGIN_A_FORMULA) or value.startswith(_MOVE_ON)
    return f"'{value}" if is_formula else value


def _write_json(file: TextIO, rows: Iterator[dict[str, Any]]) -> int:
    number = 0
    file.write("[")
    for number, row in enumerate(rows, 1):
        file.write(",\n" if number > 1 else "\n")
        json.dump(row, file, ensure_ascii=False)
    file.write("\n]\n")
    return number


_BEGIN_A_FORMULA = ("=", "+", "-", "@")
_MOVE_ON = ("\t", "\r", "\n")
_STARTS = (b"started_at,number,started_s,session,", b'[\n{"started_at": "')
_NO_CALLS = b"[\n]\n"

_WRITERS: dict[str, Callable[[TextIO, Iterator[dict[str, Any]]], int]] = {
    ".csv": _write_csv,
    ".json": _write_json,
}
