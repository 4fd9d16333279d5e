"""Where a reply is painted in a panel: displays by id, as in a notebook's cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

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
        if not self._is_open:
            return
        if self._is_cleared:
            self._shown.clear()
        self._shown[display_id] = html
        clear, self._is_cleared = self._is_cleared, False
        # The page has the style sheet.
        self._say("show", id=display_id, html=_without_style(html), clear=clear)

    def clear(self) -> None:
        """Let the displays go when the next one comes."""
        self._is_cleared = True

    def close(self) -> None:
        """Show nothing more."""
        self._is_open = False

    def again(self) -> None:
        """Send all that is shown, to a page that has come later."""
        for number, (display_id, html) in enumerate([*self._shown.items()]):
            self._say(
                "show", id=display_id, html=_without_style(html), clear=number == 0
            )


def _without_style(html: str) -> str:
    """Give the HTML of one display without the style sheet at its end."""
    return html.partition("\n<style>")[0]
