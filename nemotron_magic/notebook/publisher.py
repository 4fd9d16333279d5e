"""Where displays go: a shell's own way to show them, by id, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Publisher", "ShellPublisher"]


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


class ShellPublisher:
    """Displays of a running shell."""

    def __init__(self, shell: Any) -> None:
        self._publisher = shell.display_pub

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
        self._publisher.publish(
            data={"text/html": html, **({"text/plain": text} if text else {})},
            metadata={"nemotron": dict(about)} if about else {},
            transient={"display_id": display_id},
            update=again,
        )

    def clear(self) -> None:
        """Let the cell's outputs go when the next one comes."""
        self._publisher.clear_output(wait=True)
