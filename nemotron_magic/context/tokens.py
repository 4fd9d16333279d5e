"""Estimate how many tokens a text takes, without a tokenizer.

A text is split as Llama 3's tokenizer splits it before it merges bytes: most pieces
are one token then. What is left to estimate are words it does not know as a whole.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from importlib.resources import files
from itertools import pairwise
from math import ceil, sqrt
from typing import Any

# The weights were fitted to Llama 3's vocabulary, on Python code, its documentation and
# printed tables; `tests/bench/tokens.py` shows what is left of the errors, and writes
# the words. Raised, and by more where words are unknown, so that hardly any text is
# estimated too low.
_RAISED = 1.05
_RAISED_FOR_UNKNOWN = 0.9
_WORDS = frozenset(files(__package__).joinpath("words.txt").read_text("utf-8").split())
_PAIRS = Counter(
    pair for word in _WORDS for pair in map("".join, pairwise(word.lower()))
)

_PIECE = re.compile(
    r"(?:[^\r\n\w]|_)?[^\W\d_]+|\d{1,3}| ?(?:[^\s\w]|_)+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+|.",
    re.DOTALL,
)
_PART_OF_WORD = re.compile(r"[A-Z]?[a-zß-ɏ]+|[A-Z]+(?![a-z])|.", re.DOTALL)
_RUN = re.compile(r"(.)\1*", re.DOTALL)

# Tokens a character takes, from this one on, where the text is not ASCII.
_SCRIPTS = (
    *((0, 0.45), (0x80, 1.0), (0xC0, 0.45), (0x250, 2.0)),  # Latin
    *((0x370, 0.46), (0x400, 0.35), (0x460, 1.2), (0x530, 2.2)),  # Greek, Cyrillic
    *((0x590, 1.25), (0x600, 0.45), (0x660, 2.0)),  # Hebrew, Arabic
    *((0x900, 0.68), (0x980, 1.6), (0xE00, 0.52), (0xE80, 3.0)),  # Devanagari, Thai
    *((0x1E00, 1.0), (0x2000, 1.2), (0x2190, 2.0), (0x2500, 1.2), (0x2600, 2.5)),
    *((0x3000, 0.75), (0x3400, 2.5), (0x4E00, 0.8), (0xA000, 3.0)),  # kana, Chinese
    *((0xAC00, 0.68), (0xD7A4, 2.5), (0x10000, 2.8)),  # Korean, emoji
)
_STARTS = [start for start, _ in _SCRIPTS]


def estimate_tokens(text: str, *, digits_apart: bool = False) -> int:
    """Return about how many tokens `text` takes, rather too many than too few.

    With `digits_apart` each digit is one, as in newer vocabularies; else three are.
    """
    pieces = Counter(_PIECE.findall(text))
    total = sum(n * _cost(piece) for piece, n in pieces.items())
    if digits_apart:
        total += sum(n * (len(p) - 1) for p, n in pieces.items() if p.isdigit())
    # A word that comes again is mistaken again, so that those errors do not cancel.
    unknown = sum(n * n for piece, n in pieces.items() if not _is_known(piece))
    return ceil(_RAISED * total + _RAISED_FOR_UNKNOWN * sqrt(unknown))


def estimate_field_tokens(body: Mapping[str, Any]) -> int:
    """Return about how many tokens the fields of a request take beside its messages."""
    own = ("model", "messages", "stream_options")
    read = {name: value for name, value in body.items() if name not in own}
    texts = {k: v for k, v in read.items() if not isinstance(v, int | float | None)}
    return estimate_tokens(json.dumps(texts, ensure_ascii=False)) if texts else 0


def _is_known(piece: str) -> bool:
    """Return whether it is ASCII, and every part of a word in it a usual word."""
    parts = _PART_OF_WORD.findall(piece.lstrip(" _.(")) if piece[-1].isalpha() else ()
    return piece.isascii() and all({one, one.lower()} & _WORDS for one in parts)


def _cost(piece: str) -> float:
    if not piece.isascii() and not (piece[-1].isalpha() and max(piece) < "ɐ"):
        scripts = (_SCRIPTS[bisect_right(_STARTS, ord(one)) - 1] for one in piece)
        return max(1.0, sum(weight for _, weight in scripts))
    if piece[-1].isalpha():
        return _cost_of_word(piece)
    if piece[-1].isdigit():
        return 1.0
    if piece < "\t":
        return len(piece)
    if piece.isspace():
        runs = len(_RUN.findall(piece.replace("\r", "")))
        lines = piece.count("\n") + 2 * piece.count("\r")
        return max(1.0, 0.7 * runs, lines / 11, len(piece) / 60)
    lengths = [len(run[0]) for run in _RUN.finditer(piece.strip())]
    rules = sum(length > 4 for length in lengths) - 0.6 * (len(lengths) == 1)
    several = max(0.5 * len(lengths) + 1.3 * rules, 0.9 * len(lengths) - 3)
    return max(1.0, several) + len(piece) // 64


def _cost_of_word(piece: str) -> float:
    """Return what a word takes, with the sign that may stand before it."""
    head = "" if piece[0].isalpha() else piece[0]
    word = piece[len(head) :]
    cost = 0.0 if head in ("", " ") else 0.1 if head in "_.(" else 0.35
    cost += 0.4 * (head == "_" and word.isupper())
    if word in _WORDS:
        return cost + 1
    for part in _PART_OF_WORD.findall(word):
        if len(part) == 1:
            cost += 1
        elif {part, part.lower()} & _WORDS:
            cost += 1 + 0.1 * (part not in _WORDS) + 0.4 * part.isupper()
        else:
            pairs = map("".join, pairwise(part.lower()))
            # Pairs of letters that are rare are split more.
            times = (_PAIRS[one] if one.isascii() else 10 for one in pairs)
            rarity = sum(0.9 if n < 6 else 0.65 if n < 20 else 0.19 for n in times)
            usual = (0.2 if head == " " else 0.5) + rarity
            cost += max(1.0, usual, 0.55 * len(part) * part.isupper())
        head = ""
    return cost
