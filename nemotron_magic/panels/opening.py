"""Opening panels, and closing those that are still open."""

from __future__ import annotations

from nemotron_magic.panels.desk import Desk
from nemotron_magic.panels.panel import Panel

__all__ = ["Panels"]

_VIEW = "application/vnd.jupyter.widget-view+json"


class Panels:
    """The open panels of one notebook."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._open: list[Panel] = []

    def open(self) -> Panel:
        """Show a panel in the cell that runs now."""
        panel = Panel(self._desk, self._open.remove)
        self._open.append(panel)
        view = {"version_major": 2, "version_minor": 0, "model_id": panel.model_id}
        self._desk.shell.display_pub.publish(
            {_VIEW: view, "text/plain": "The panel of %nemotron"}
        )
        return panel

    def close(self) -> None:
        """Close them all."""
        for panel in [*self._open]:
            panel.close()
