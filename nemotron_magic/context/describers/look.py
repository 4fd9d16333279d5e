"""How to look at a value: what may be shown of it, how long, and within what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

__all__ = ["CELL_CHARS", "Data", "Describer", "Look", "and_more", "short"]

Data = Literal["schema", "sample", "full"]
CELL_CHARS = 80
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Look:
    """How to look at one value.

    Parameters
    ----------
    describe : Callable
        Gives the lines of any value, for what a container holds; raises nothing.
    is_late : Callable
        Tells whether the time for looking is over.
    source : bool
        Whether the source of functions and classes is wanted.
    path : tuple of int
        The identities of the containers around the value, outermost first.
    """

    describe: Describer
    is_late: Callable[[], bool]
    data: Data = "schema"
    source: bool = False
    name: str = ""
    path: tuple[int, ...] = ()

    @property
    def is_full(self) -> bool:
        """Whether values may be shown whatever they are."""
        return self.data == "full"

    @property
    def is_inside(self) -> bool:
        """Whether the value stands in another one."""
        return bool(self.path)

    def inside(self, container: object, name: str = "") -> Look:
        """Give how to look at what `container` holds."""
        return replace(self, name=name, path=(*self.path, id(container)), source=False)

    def headline(self, value: object, container: object, name: str = "") -> str:
        """Say in a few words what a container holds."""
        return short(next(self.describe(value, self.inside(container, name)), "?"))

    def lines(self, value: object, container: object, name: str = "") -> Iterator[str]:
        """Give the lines of what a container holds; deep down, the first one."""
        found = self.describe(value, self.inside(container, name))
        yield next(found, "?")
        if len(self.path) < _DEEPEST:
            yield from found


# Its first line says what the value is; the others come one by one, as they are asked
# for, so that nothing is looked at for which there is no room.
Describer: TypeAlias = Callable[[Any, Look], Iterator[str]]


def short(text: str, longest: int = CELL_CHARS) -> str:
    """Give the beginning of a text, with a sign where it was cut."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def and_more(shown: Iterable[str], more: int) -> str:
    """Join a list of words and say how many it lacks.

    Examples
    --------
    >>> and_more(["a", "b"], 3)
    'a, b and 3 more'
    """
    listed = ", ".join(shown)
    return f"{listed} and {more:,} more" if more > 0 else listed
