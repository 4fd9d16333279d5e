"""Which texts that stand for objects may be shown, and what data texts hold."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from itertools import islice

from nemotron_magic.context.describe.privacy import (
    LOOKS,
    are_keys,
    is_field_value,
    is_harmless_line,
    is_vocabulary,
    tells_of_person,
)

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

    return LOOKS["base64"].sub(fold, text)


def parse_data(text: str) -> object | None:
    """Return the lists and dicts that a text writes out; None for other texts.

    Nothing is evaluated. A row of separated values becomes a dict.
    """
    plain = text.strip()[:_MOST_CHARS]
    call = LOOKS["call"].fullmatch(plain)
    written = call[1] if call else plain
    if written[:1] not in ("[", "{", "("):
        return _separated(plain)
    for reader in (json.loads, _json_lines, _literal):
        with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            data: object = reader(written)
            if type(data) in (list, dict, tuple, set):
                return data
    return None


def _json_lines(text: str) -> list[object]:
    return [json.loads(line) for line in text.splitlines()[:_MOST_LINES] if line]


def _literal(text: str) -> object:
    return ast.literal_eval(text) if len(text) <= _MOST_LITERAL_CHARS else None


def _separated(text: str) -> list[dict[str, str]] | None:
    lines = [line for line in islice(text.splitlines(), _MOST_LINES) if line.strip()]
    for mark in "\t;|,":
        if len(lines) < 2 or mark not in lines[0]:
            continue
        with suppress(csv.Error):
            head, *rows = csv.reader(lines, delimiter=mark)
            names = [cell.strip() or f"column {n}" for n, cell in enumerate(head, 1)]
            alike = sum(len(row) == len(head) for row in rows)
            if alike > 0.9 * len(rows) and all(map(LOOKS["head"].fullmatch, names)):
                return [dict(zip(names, row, strict=False)) for row in rows]
    return None


def is_printed_table(text: str) -> bool:
    """Return whether a text is a table or an array as its library writes it.

    A frame of pandas has lines of one length, as its columns end at the same places.
    """
    if LOOKS["beginning"].match(text):
        return True
    if "\n" not in text and "(" not in text:
        return False
    head = text[:_LOOKED_AT_CHARS].split("\n")
    lines = head[:-1] if len(text) > _LOOKED_AT_CHARS else head
    is_aligned = len(lines) > 1 and len({*map(len, lines)}) == 1 and "  " in lines[0]
    return is_aligned or LOOKS["end"].search(text[-_END_CHARS:]) is not None


def is_open(text: str) -> bool:
    """Return whether a text that stands for an object may be shown as it is."""
    if is_printed_table(text):
        return False
    data = parse_data(text)
    if data is not None:
        return _is_open(data, "", 0)
    return not tells_of_person(text.strip("'\""))


def _is_open(value: object, label: str, depth: int) -> bool:
    """Return whether all that plain lists and dicts hold may be shown."""
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


def plain_lines(text: str, words: Collection[str], is_full: bool) -> list[str]:
    """Return what an unknown object shows, without lines that may name people.

    `words` are those of the notebook's code; where `is_full`, every line is shown.
    """
    plain = LOOKS["address"].sub("", text[:_LOOKED_AT_CHARS])
    if not is_full:
        ends = LOOKS["end"].search(text[-_END_CHARS:])
        if (
            ends
            or LOOKS["beginning"].match(text)
            or len(LOOKS["row"].findall(text)) > 1
        ):
            return []
        plain = LOOKS["numbers"].sub("[…]", plain)
    lines = [line for line in plain.splitlines() if line.strip()]
    shown = [line for line in lines if is_full or is_harmless_line(line, words)]
    if shown and (hidden := len(lines) - len(shown)):
        shown.append(f"({hidden} lines may name people and are not shown)")
    return shown
