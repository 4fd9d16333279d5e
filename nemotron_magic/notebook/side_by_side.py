"""Which columns of a table fit side by side in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["column_groups"]

_LEAST_CHARS = 12
"""A column is folded down to here to make room for others; a narrower one never is."""


def column_groups(
    widths: Sequence[int], room_chars: int, gap_chars: int
) -> list[list[int]]:
    """Part columns into groups that fit; the first column stands in all of them.

    Parameters
    ----------
    widths
        How wide each column would like to be, in characters.
    room_chars
        The width of the terminal.
    gap_chars
        What stands between two columns.

    Examples
    --------
    >>> column_groups([4, 30, 6], 24, 1)
    [[0, 1, 2]]
    >>> column_groups([4, 30, 6], 20, 1)
    [[0, 1], [0, 2]]
    """
    least = [min(width, _LEAST_CHARS) + gap_chars for width in widths]
    groups, taken = [[0]], least[0]
    for at in range(1, len(widths)):
        if len(groups[-1]) > 1 and taken + least[at] > room_chars + gap_chars:
            groups.append([0])
            taken = least[0]
        groups[-1].append(at)
        taken += least[at]
    return groups
