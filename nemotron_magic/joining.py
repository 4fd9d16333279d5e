"""Watching a reply that is gone on with, as if it had never been cut off."""

from __future__ import annotations

from nemotron_magic.events import Event, Text
from nemotron_magic.exchange import Watch
from nemotron_magic.markdown.seam import joined

__all__ = ["Joining"]

_HELD_CHARS = 400
"""What comes after the cut is held back so long: then it is seen how it goes on."""


class Joining:
    """Shows what had come before, with the first of what comes after.

    Parameters
    ----------
    begun : str
        The reply as it was cut off.
    watch : callable
        Told each event, as if the reply came in one piece.
    """

    def __init__(self, begun: str, watch: Watch) -> None:
        self._begun = begun
        self._watch = watch
        self._held: str | None = ""

    def __call__(self, event: Event) -> None:
        """Pass an event on, or hold it back for a moment."""
        if self._held is None or type(event) is not Text or event.choice:
            self._watch(event)
            return
        self._held += event.text
        if len(self._held) >= _HELD_CHARS:
            self.end()

    def end(self) -> None:
        """Show what is held back."""
        if self._held:
            self._watch(Text(joined(self._begun, self._held)))
        self._held = None
