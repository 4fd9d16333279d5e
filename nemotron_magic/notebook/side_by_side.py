"""Which columns of a table fit side by side in a terminal, and how wide they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from unicodedata import east_asian_width

__all__ = ["column_groups", "fitting_widths", "least_width", "width_of"]

_LONGEST_WORD_CHARS = 12
"""A longer word is broken to make room for other columns; a shorter one is not."""


def column_groups(
    least: Sequence[int], room_chars: int, gap_chars: int
) -> list[list[int]]:
    """Part columns into groups that fit; the first column stands in all of them.

    Parameters
    ----------
    least
        How wide each column must be at least, in characters.
    room_chars
        The width of the terminal.
    gap_chars
        What stands between two columns.

    Examples
    --------
    >>> column_groups([4, 12, 6], 24, 1)
    [[0, 1, 2]]
    >>> column_groups([4, 12, 6], 20, 1)
    [[0, 1], [0, 2]]
    """
    widths = [width + gap_chars for width in least]
    groups, taken = [[0]], widths[0]
    for at in range(1, len(widths)):
        if len(groups[-1]) > 1 and taken + widths[at] > room_chars + gap_chars:
            groups.append([0])
            taken = widths[0]
        groups[-1].append(at)
        taken += widths[at]
    return groups


def least_width(cells: Iterable[str]) -> int:
    """Give how narrow a column of these cells may be: its words stay whole.

    >>> least_width(["Tokens out", "at least 1,171"])
    6
    """
    return min(_longest_word(cells), _LONGEST_WORD_CHARS)


def fitting_widths(columns: Sequence[Sequence[str]], room_chars: int) -> list[int]:
    """Give how wide columns are, to take no more room than there is.

    Headings and long cells are broken between words before short cells such as `2.5 s`
    are, and before a word is.

    Parameters
    ----------
    columns
        The cells of each; the first is its heading.

    >>> fitting_widths([["Tokens out", "1,000,000"], ["name-of-14-or-so"]], 25)
    [9, 16]
    >>> fitting_widths([["Tokens out", "1,000,000"], ["name-of-14-or-so"]], 23)
    [9, 14]
    """
    widths = [max(map(width_of, cells), default=0) for cells in columns]
    for floor in (_whole_width, least_width):
        least = [*map(floor, columns)]
        while sum(widths) > room_chars:
            spare = [at for at, width in enumerate(widths) if width > least[at]]
            if not spare:
                break
            widths[max(spare, key=widths.__getitem__)] -= 1
    return widths


def _whole_width(cells: Sequence[str]) -> int:
    """Give how narrow a column may be with all words and short cells whole."""
    short = (width_of(cell) for cell in cells[1:])
    widths = (width for width in short if width <= _LONGEST_WORD_CHARS)
    return max(_longest_word(cells), *widths, 0)


def _longest_word(cells: Iterable[str]) -> int:
    words = (word for cell in cells for word in cell.split())
    return max(map(width_of, words), default=0)


def width_of(text: str) -> int:
    """Give how many places a text takes; a Chinese sign takes two."""
    return sum(1 + (east_asian_width(sign) in "WF") for sign in text)
