"""Where displays go: a shell's own way to show them, by id, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Publisher", "ShellPublisher", "is_captured"]


class Publisher(Protocol):
    """Where displays go."""

    def show(
        self,
        display_id: str,
        html: str,
        text: str = "",
        about: Mapping[str, Any] | None = None,
        *,
        again: bool = False,
    ) -> None:
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

    def show(
        self,
        display_id: str,
        html: str,
        text: str = "",
        about: Mapping[str, Any] | None = None,
        *,
        again: bool = False,
    ) -> None:
        """Make a display, or paint the one of that id `again`."""
        # Looked up each time, because `%%capture` puts another in its place.
        self._shell.display_pub.publish(
            data={"text/html": html, **({"text/plain": text} if text else {})},
            metadata={"nemotron": dict(about)} if about else {},
            transient={"display_id": display_id},
            update=again,
        )

    def clear(self) -> None:
        """Let the cell's outputs go when the next one comes."""
        self._shell.display_pub.clear_output(wait=True)
