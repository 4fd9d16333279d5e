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
from nemotron_magic.text import one_line

__all__ = ["Fitted", "Part", "fit", "part_of_cell"]

_Kind = Literal["cell", "value", "file", "notebook"]
_Count = Callable[[str], int]

_FRAME_TOKENS = 24
"""What the delimiters around a part take."""

_FIELD_TOKENS = 18
"""What the tags around a field take."""

_LONGEST_FIELD_TOKENS = 1_500
"""A longer output keeps its head and its tail."""

_HUGE_CHARS = 60_000
_COUNTED_CHARS = 15_000
"""Of a huge output only so much is counted: more would cost more than it tells."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of context.

    Attributes
    ----------
    fields : tuple of (str, str)
        Name and text, such as `("source", "x = 1")`; a text that is all that there is
        needs no name.
    cut_chars : int
        How much of it was cut.
    target : str
        Where links led to it, if the title does not say: the user sees it, and it is
        not sent.
    """

    kind: _Kind
    title: str
    fields: tuple[tuple[str, str], ...]
    cut_chars: int = 0
    target: str = ""

    @property
    def shown(self) -> str:
        """What the user is told of it: its title, and where links led."""
        return f"{self.title} → {one_line(self.target)}" if self.target else self.title

    def tokens(self, count: _Count) -> int:
        """Give what it takes, delimiters included."""
        tags = sum(_FIELD_TOKENS for name, _ in self.fields if name)
        return _FRAME_TOKENS + tags + sum(count(text) for _, text in self.fields)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What goes along and what does not.

    Attributes
    ----------
    kept : tuple of Part
        In the order in which they are told.
    sizes : tuple of int
        What each of the kept ones takes, in tokens by the estimate.
    left_out : tuple of int
        Numbers of cells that there was no room for.
    """

    kept: tuple[Part, ...] = ()
    sizes: tuple[int, ...] = ()
    left_out: tuple[int, ...] = ()

    @property
    def tokens(self) -> int:
        """What the kept ones take together."""
        return sum(self.sizes)

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
    sizes = [part.tokens(count) for part in asked_for]
    left = budget - sum(sizes)
    if left < 0:
        raise _too_large(asked_for, sizes, budget)
    cells: list[tuple[Part, int]] = []
    left_out: list[int] = []
    for cell in newest_first:
        if not left_out or cell.is_pinned:
            part, size = _shortened(part_of_cell(load(cell)), count)
            if size <= left:
                cells.append((part, size))
                left -= size
                continue
        left_out.append(cell.number)
    cells.reverse()
    return Fitted(
        (*asked_for, *(part for part, _ in cells)),
        (*sizes, *(size for _, size in cells)),
        tuple(reversed(left_out)),
    )


def _title(cell: Cell) -> str:
    return f"cell {cell.number}"


def _shortened(part: Part, count: _Count) -> tuple[Part, int]:
    """Give the part with its long fields cut in the middle, and what it takes."""
    fields: list[tuple[str, str]] = []
    tokens, cut_chars = _FRAME_TOKENS, 0
    for name, text in part.fields:
        short, size = _head_and_tail(text, count)
        fields.append((name, short))
        tokens += size + _FIELD_TOKENS
        cut_chars += max(len(text) - len(short), 0)
    if cut_chars:
        part = replace(part, fields=tuple(fields), cut_chars=cut_chars)
    return part, tokens


def _head_and_tail(text: str, count: _Count) -> tuple[str, int]:
    """Give a text that is not too long, and its tokens."""
    most = _LONGEST_FIELD_TOKENS
    seen = _ends(text, _COUNTED_CHARS) if len(text) > _HUGE_CHARS else text
    tokens = count(seen)
    if tokens <= most and seen is text:
        return text, tokens
    keep = len(seen) * most // max(tokens, most) * 9 // 10
    while True:
        short = _ends(text, keep)
        if (size := count(short)) <= most or keep < 40:
            return short, size
        # The ends are denser than the whole.
        keep = keep * 2 // 3


def _ends(text: str, keep: int) -> str:
    """Give about so many characters of both ends, in whole lines if there are any."""
    head, tail = text[: keep * 2 // 3], text[len(text) - keep // 3 :]
    head = head[: head.rfind("\n") + 1] or head
    tail = tail[tail.find("\n") + 1 :] or tail
    gone = len(text) - len(head) - len(tail)
    return f"{head}[… {gone:,} characters cut …]\n{tail}"


def _too_large(parts: Sequence[Part], sizes: Sequence[int], budget: int) -> InputError:
    used = sum(sizes)
    size, largest = max(zip(sizes, parts, strict=True), key=lambda pair: pair[0])
    return InputError(
        f"what goes along takes about {used:,} tokens, and {budget:,} are allowed",
        f"the largest is {largest.title}, about {size:,} tokens",
        "Leave it out, or allow more: %config Nemotron.context_tokens = "
        f"{used + used // 10}",
    )
