"""Load the words that tell what a column holds.

All are lower case without accents, as `privacy` folds what it looks up.
"""

from __future__ import annotations

import re
from importlib.resources import files

__all__ = ["FIRST_NAMES", "KNOWN_PHRASES", "KNOWN_WORDS", "ORDINARY_WORDS", "WORDS"]

_LINES = files(__package__).joinpath("vocabulary.txt").read_text("utf-8").splitlines()
_TEXT = "\n".join(line for line in _LINES if not line.startswith("#"))
_PIECES = re.split(r"(?m)^\[(\w+)\]\n", _TEXT)
_SECTIONS = dict(zip(_PIECES[1::2], _PIECES[2::2], strict=True))
WORDS = {name: frozenset(text.split()) for name, text in _SECTIONS.items()}
"""The words of each section of the file."""

_KNOWN = ("calendar", "places", "qualities", "goods")
KNOWN_WORDS = frozenset[str]().union(*(WORDS[n] for n in _KNOWN)) - WORDS["not_known"]
"""Values that belong to a known vocabulary."""

KNOWN_PHRASES = {" ".join(p.split()) for p in _SECTIONS["known_phrases"].split(",")}

_LABELS = (
    *(
        "things",
        "people",
        "sensitive",
        "pay",
        "identity",
        "names",
        "labels",
        "software",
    ),
)
ORDINARY_WORDS = (
    KNOWN_WORDS.union(
        *(WORDS[name] for name in _LABELS), " ".join(KNOWN_PHRASES).split()
    )
    - WORDS["not_ordinary"]
)
"""Words of which names of columns, settings and titles are made."""

FIRST_NAMES = WORDS["first_names"] - KNOWN_WORDS
"""Common names of people that are no ordinary words or places as well."""
