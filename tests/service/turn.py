"""What a fault starts from: the request's place, and the reply that would have been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .bodies import Place
from .response import Part, Response, joined


@dataclass(frozen=True, slots=True)
class Turn:
    """One request that a fault answers.

    ``good`` gives the reply that would have been; with True as a stream, though JSON
    was asked for. ``argument`` is what stood after the colon of the fault's name.
    """

    place: Place
    origin: str
    token: str = field(repr=False)
    good: Callable[[bool | None], Response]
    argument: str = ""

    def number(self, default: float) -> float:
        """Give the argument as a number."""
        return float(self.argument) if self.argument else default

    def parts(self, stream: bool | None = None) -> list[Part]:
        """Give the good reply's pieces and pauses; JSON comes in two pieces."""
        parts = list(self.good(stream).parts)
        if len(parts) > 1:
            return parts
        content = joined(parts)
        return [content[: len(content) // 2], content[len(content) // 2 :]]

    def half(self, stream: bool | None = None) -> list[Part]:
        """Give the first half of those."""
        parts = self.parts(stream)
        return parts[: max(1, len(parts) // 2)]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, with one line about it.

    ``takes_url`` tells that a URL may stand after the colon of its name; otherwise it
    is a number.
    """

    note: str
    act: Callable[[Turn], Response]
    takes_url: bool = False
