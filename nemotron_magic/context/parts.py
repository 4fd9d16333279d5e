"""What goes along with a question, piece by piece, cut to what fits.

A part is a cell, a value, a file: a title and fields of text. Parts are cut and left
out here, by their tokens; how they are written into a message is told in `prompt`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from nemotron_magic.context.cells import Cell
from nemotron_magic.errors import InputError

__all__ = ["Fitted", "Part", "fit", "part_of_cell"]

_Kind = Literal["cell", "value", "file", "notebook"]
_Count = Callable[[str], int]

_FRAME_TOKENS = 24
"""What the delimiters around a part take."""

_LONGEST_FIELD_TOKENS = 1_500
"""A longer output keeps its head and its tail."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of context.

    Attributes
    ----------
    fields : tuple of (str, str)
        Name and text, such as `("source", "x = 1")`; empty texts are left out.
    cut_chars : int
        How much of it was cut.
    """

    kind: _Kind
    title: str
    fields: tuple[tuple[str, str], ...]
    cut_chars: int = 0

    def tokens(self, count: _Count) -> int:
        """Give what it takes, delimiters included."""
        return _FRAME_TOKENS + sum(
            count(f"{name}{text}") + 4 for name, text in self.fields
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """What goes along and what does not.

    Attributes
    ----------
    kept : tuple of Part
        In the order in which they are told.
    left_out : tuple of str
        Titles.
    tokens : int
        What the kept ones take, by the estimate.
    """

    kept: tuple[Part, ...] = ()
    left_out: tuple[str, ...] = ()
    tokens: int = 0

    @property
    def cut(self) -> tuple[Part, ...]:
        """The parts that were shortened."""
        return tuple(part for part in self.kept if part.cut_chars)


def part_of_cell(cell: Cell) -> Part:
    """Give a cell as a part."""
    fields = (
        ("source", cell.source),
        ("printed", cell.printed),
        ("result", cell.result),
        ("error", cell.error),
    )
    shown = tuple((name, text) for name, text in fields if text.strip())
    return Part("cell", _title(cell), shown)


def fit(
    asked_for: Sequence[Part],
    newest_first: Iterable[Cell],
    load: Callable[[Cell], Cell],
    budget: int,
    count: _Count,
) -> Fitted:
    """Choose what fits into `budget` tokens.

    What the user asked for by name comes first and must fit. Of the cells the newest
    are kept; the first that does not fit ends it, so that what goes along has no holes
    but before a pinned cell.

    Parameters
    ----------
    newest_first : iterable of Cell
        Cells of which only number and source are known yet.
    load : callable
        Gives a cell with its outputs; called only for those that may go along.

    Raises
    ------
    InputError
        If what was asked for by name does not fit, naming the largest.
    """
    kept = [_shortened(part, count, budget) for part in asked_for]
    used = sum(part.tokens(count) for part in kept)
    if used > budget:
        raise _too_large(kept, used, budget, count)
    cells: list[Part] = []
    left_out: list[str] = []
    for cell in newest_first:
        if not left_out or cell.is_pinned:
            part = _shortened(part_of_cell(load(cell)), count, _LONGEST_FIELD_TOKENS)
            size = part.tokens(count)
            if used + size <= budget:
                cells.append(part)
                used += size
                continue
        left_out.append(_title(cell))
    return Fitted((*kept, *reversed(cells)), tuple(reversed(left_out)), used)


def _title(cell: Cell) -> str:
    return f"cell {cell.number}"


def _shortened(part: Part, count: _Count, most_tokens: int) -> Part:
    """Give the part with its long fields cut in the middle."""
    fields = []
    cut_chars = 0
    for name, text in part.fields:
        short = _head_and_tail(text, count, most_tokens)
        cut_chars += len(text) - len(short) if len(short) < len(text) else 0
        fields.append((name, short))
    return (
        replace(part, fields=tuple(fields), cut_chars=cut_chars) if cut_chars else part
    )


def _head_and_tail(text: str, count: _Count, most_tokens: int) -> str:
    # Text that is far too long is not counted: that would cost more than it tells.
    is_huge = len(text) > most_tokens * 40
    text_tokens = most_tokens * 5 if is_huge else count(text)
    if text_tokens <= most_tokens:
        return text
    keep = max(int(len(text) * most_tokens / text_tokens * 0.9), 40)
    head, tail = text[: keep * 2 // 3], text[len(text) - keep // 3 :]
    head = head[: head.rfind("\n") + 1] or head
    tail = tail[tail.find("\n") + 1 :] or tail
    gone = len(text) - len(head) - len(tail)
    return f"{head}[… {gone:,} characters cut …]\n{tail}"


def _too_large(
    parts: Sequence[Part], used: int, budget: int, count: _Count
) -> InputError:
    largest = max(parts, key=lambda part: part.tokens(count))
    return InputError(
        f"what goes along takes about {used:,} tokens, and {budget:,} are allowed",
        f"the largest is {largest.title}, about {largest.tokens(count):,} tokens",
        "Leave it out, or allow more: %config Nemotron.context_tokens = "
        f"{used + used // 10}",
    )
