"""Places in a text that are to be taken out, and the marks that are left there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = [
    "MASK",
    "PLACEHOLDER_START",
    "Span",
    "joined",
    "masked",
    "placeholder",
    "replaced",
]

# What stands for a placeholder while rules look at the text: no rule takes it for a
# part of a secret, so that nothing is taken out twice.
MASK = "\ue000"
PLACEHOLDER_START = "[redacted:"
_PLACEHOLDER = re.compile(r"\[redacted:[a-z0-9-]{1,40}\]")


class Span(NamedTuple):
    """A place in a text, from `start` to before `end`, and what stands there."""

    start: int
    end: int
    kind: str
    name: str = ""  # of the environment variable that holds it


def placeholder(kind: str) -> str:
    """Give what stands in a secret's place."""
    return f"{PLACEHOLDER_START}{kind}]"


def masked(text: str) -> str:
    """Give `text`, as long as it was, in small letters and without placeholders."""
    # The one character that is longer in small letters.
    lowered = text.replace("\u0130", "I").lower()
    if PLACEHOLDER_START not in lowered:
        return lowered
    return _PLACEHOLDER.sub(lambda found: MASK * len(found[0]), lowered)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Give the spans in order, those that overlap as one; the first named wins."""
    ranked = sorted(enumerate(spans), key=lambda one: (one[1].start, one[0]))
    found: list[tuple[int, Span]] = []
    for rank, span in ranked:
        if found and span.start < found[-1][1].end:
            last_rank, last = found[-1]
            first = last if last_rank <= rank else span
            whole = first._replace(start=last.start, end=max(last.end, span.end))
            found[-1] = (min(rank, last_rank), whole)
        else:
            found.append((rank, span))
    return [span for _, span in found]


def replaced(text: str, spans: Iterable[Span]) -> str:
    """Give `text` with a placeholder for each span; they are in order and apart."""
    pieces, at = [], 0
    for span in spans:
        pieces += [text[at : span.start], placeholder(span.kind)]
        at = span.end
    return "".join([*pieces, text[at:]])
