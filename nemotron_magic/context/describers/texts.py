"""Find the data that a text holds: JSON, a literal of Python's, separated values."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections import Counter
from itertools import islice

from nemotron_magic.context.describers.privacy import (
    are_keys,
    is_field_value,
    is_vocabulary,
    tells_of_person,
)

__all__ = ["data_in", "is_open", "is_printed_table"]

_MOST_CHARS = 1_000_000
_MOST_LITERAL_CHARS = 20_000  # for longer ones, Python's own reader takes its time
_MOST_LINES = 1_000
_DEEPEST = 20
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
    if depth > _DEEPEST:
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
