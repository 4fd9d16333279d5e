"""Where a reply is painted in a panel: displays by id, as in a notebook's cell."""

from __future__ import annotations

from collections.abc import Callable

from nemotron_magic.notebook.publisher import Display

__all__ = ["Stage"]


class Stage:
    """Sends each display of one reply to the page as one message.

    It is a `Publisher`, so that the painter of cells paints here, too: at the same
    pace and in the same number of messages.

    Parameters
    ----------
    say : callable
        Sends a message to the page: its kind, and what it holds by name.
    """

    def __init__(self, say: Callable[..., None]) -> None:
        self._say = say
        self._shown: dict[str, str] = {}
        self._is_cleared = False
        self._is_open = True

    def show(self, display: Display, *, again: bool = False) -> None:
        """Make a display, or paint the one of that id `again`."""
        if not self._is_open:
            return
        if self._is_cleared:
            self._shown.clear()
        self._shown[display.id] = display.html
        clear, self._is_cleared = self._is_cleared, False
        self._tell(display.id, display.html, clear)

    def clear(self) -> None:
        """Let the displays go when the next one comes."""
        self._is_cleared = True

    def close(self) -> None:
        """Show nothing more."""
        self._is_open = False

    def again(self) -> None:
        """Send all that is shown, to a page that has come later."""
        for number, (display_id, html) in enumerate([*self._shown.items()]):
            self._tell(display_id, html, number == 0)

    def _tell(self, display_id: str, html: str, clear: bool) -> None:
        # The page has the style sheet that stands at the end.
        content = html.partition("\n<style>")[0]
        self._say("show", id=display_id, html=content, clear=clear)
