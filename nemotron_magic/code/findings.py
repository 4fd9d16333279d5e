"""What is found wrong with code before it runs, and how it is said."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from nemotron_magic.text import one_line

__all__ = ["Finding", "nearest", "said", "told"]

_MOST_TOLD = 5
_LONGEST = 300
_CANDIDATES = 200
_SAID = {
    "syntax": "it does not compile ({})",
    "name": "{} is not defined",
    "module": "{} is not installed",
    "column": "{} is no column",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that will not work.

    Parameters
    ----------
    what
        The message of the compiler with its line, the name, the module, or the table
        with the column, as in `df['reigon']`.
    near
        What was meant, perhaps: a name or column much like it, or an import to add.
    """

    kind: Literal["syntax", "name", "module", "column"]
    what: str
    near: str = ""


def told(findings: Collection[Finding]) -> str:
    """Say all findings in one line; nothing if there are none.

    >>> told([Finding("name", "totl", "total"), Finding("module", "foo")])
    'Look before you run it: totl is not defined (total?); foo is not installed.'
    """
    if not findings:
        return ""
    parts = [said(finding) for finding in islice(findings, _MOST_TOLD)]
    more = len(findings) - len(parts)
    parts += [f"and {more} more"] if more else []
    return one_line(f"Look before you run it: {'; '.join(parts)}.", _LONGEST)


def nearest(word: str, known: Iterable[str], cutoff: float = 0.75) -> str:
    """Return the known word that looks most like another one; empty if none does."""
    lower, room = word.lower(), max(2, len(word) // 3)
    close = (
        one
        for one in known
        if abs(len(one) - len(word)) <= room
        and (one[:1].lower() == lower[:1] or one[-2:].lower() == lower[-2:])
    )
    candidates = {one.lower(): one for one in islice(close, _CANDIDATES)}
    found = difflib.get_close_matches(lower, candidates, n=1, cutoff=cutoff)
    return candidates[found[0]] if found else ""


def said(finding: Finding) -> str:
    """Say one finding in a few words.

    >>> said(Finding("name", "totl", "total"))
    'totl is not defined (total?)'
    """
    words = _SAID[finding.kind].format(one_line(finding.what, 120))
    return f"{words} ({finding.near}?)" if finding.near else words
