"""Writing calls to a file for other programs: CSV or JSON, by its ending."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TextIO

from nemotron_magic.errors import InputError
from nemotron_magic.ledger.call import Call

__all__ = ["export"]


def export(calls: Iterable[Call], path: Path) -> int:
    """Write calls to `path`; give how many.

    A file of that name is replaced, and only when the new one is whole.

    Raises
    ------
    InputError
        If the name ends in neither `.csv` nor `.json`, or the file cannot be written.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise InputError(
            f"calls are exported to .csv or .json, got {path.name}",
            todo="Such as: %nemotron usage: export calls.csv",
        )
    growing = path.with_name(f"{path.name}.part")
    try:
        with growing.open("w", encoding="utf-8", newline="") as file:
            number = write(file, map(_row, calls))
        growing.replace(path)
    except OSError as error:
        why = (error.strerror or "it cannot be opened").lower()
        raise InputError(
            f"cannot write {path}: {why}",
            todo="Name another path: %nemotron usage: export calls.csv",
        ) from None
    finally:
        with suppress(OSError):
            growing.unlink()
    return number


def _row(call: Call) -> dict[str, Any]:
    told = asdict(call)
    return {"started_at": call.started_at.isoformat("T", "milliseconds"), **told}


def _write_csv(file: TextIO, rows: Iterator[dict[str, Any]]) -> int:
    names = ["started_at", *(field.name for field in fields(Call))]
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    return sum(bool(writer.writerow(row)) for row in rows)


def _write_json(file: TextIO, rows: Iterator[dict[str, Any]]) -> int:
    number = 0
    file.write("[")
    for number, row in enumerate(rows, 1):
        file.write(",\n" if number > 1 else "\n")
        json.dump(row, file, ensure_ascii=False)
    file.write("\n]\n")
    return number


_WRITERS: dict[str, Callable[[TextIO, Iterator[dict[str, Any]]], int]] = {
    ".csv": _write_csv,
    ".json": _write_json,
}
