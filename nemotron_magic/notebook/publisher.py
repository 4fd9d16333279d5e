"""Where displays go: a shell's own way to show them, by id, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Display", "Publisher", "ShellPublisher", "is_captured"]


@dataclass(frozen=True, slots=True)
class Display:
    """One display of a cell, made or painted again by its id.

    Parameters
    ----------
    text : str
        What stands for the HTML where that is not shown; empty if nothing does.
    about : mapping, optional
        What is saved beside it, fit for JSON.
    """

    id: str
    html: str
    text: str = ""
    about: Mapping[str, Any] | None = None

    def bundle(self) -> dict[str, str]:
        """Give what stands in it, by its media type."""
        plain = {"text/plain": self.text} if self.text else {}
        return {"text/html": self.html, **plain}

    def metadata(self) -> dict[str, Any]:
        """Give what is saved beside it, under our name."""
        return {"nemotron": dict(self.about)} if self.about else {}


class Publisher(Protocol):
    """Where displays go."""

    def show(self, display: Display, *, again: bool = False) -> None:
        """Make a display, or paint the one of that id `again`."""

    def clear(self) -> None:
        """Let the cell's outputs go when the next one comes."""


def is_captured(shell: Any) -> bool:
    """Tell whether displays are kept, as by `%%capture`, and not shown."""
    from IPython.core.displaypub import CapturingDisplayPublisher

    return isinstance(shell.display_pub, CapturingDisplayPublisher)


class ShellPublisher:
    """Displays of a running shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def show(self, display: Display, *, again: bool = False) -> None:
        """Make a display, or paint the one of that id `again`."""
        # Looked up each time, because `%%capture` puts another in its place.
        self._shell.display_pub.publish(
            data=display.bundle(),
            metadata=display.metadata(),
            transient={"display_id": display.id},
            update=again,
        )

    def clear(self) -> None:
        """Let the cell's outputs go when the next one comes."""
        self._shell.display_pub.clear_output(wait=True)
