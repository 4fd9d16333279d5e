"""The columns of the tables that the user's names stand for, as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nemotron_magic.context.describers.statics import bases, home

__all__ = ["Frame", "frame_of"]


@dataclass(frozen=True, slots=True)
class Frame:
    """What can be named in a table.

    Parameters
    ----------
    columns
        The names of its columns; those that are no text are left out.
    levels
        The names of what names its rows, which pandas takes for columns in places.
    is_deep
        Whether rows are named by several values, so that the second one in `loc` may be
        such a value and no column.
    """

    columns: frozenset[str]
    levels: frozenset[str] = frozenset()
    rows: int = 0
    is_deep: bool = False


def frame_of(namespace: Mapping[str, object], name: str) -> Frame | None:
    """Give what is known of a table; None for what is none, or is of another class.

    A class that derives from a table may take other names for columns.
    """
    value: Any = namespace.get(name)
    place = home(type(value))
    if place == ("polars", "DataFrame"):
        return Frame(frozenset(value.columns))
    if place != ("pandas", "DataFrame"):
        return None
    labels, index = value.columns, value.index
    if home(type(labels)) not in _PLAIN:
        return None
    # A text can stand for rows where they are named by dates.
    if home(type(index))[0] != "pandas" or "DatetimeIndex" in _names(index):
        return None
    columns = frozenset(label for label in labels.tolist() if type(label) is str)
    levels = frozenset(level for level in index.names if type(level) is str)
    return Frame(columns, levels, len(index), "MultiIndex" in _names(index))


_PLAIN = [("pandas", "Index"), ("pandas", "RangeIndex")]


def _names(value: object) -> list[str]:
    return [home(cls)[1] for cls in bases(type(value))]
