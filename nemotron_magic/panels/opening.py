"""Opening panels, and closing those that are still open."""

from __future__ import annotations

from typing import Any

from nemotron_magic.panels.desk import Desk
from nemotron_magic.panels.panel import Panel
from nemotron_magic.panels.running import Running
from nemotron_magic.reply import Reply

__all__ = ["Panels"]


class Panels:
    """The open panels of one notebook."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._open: list[Panel] = []
        self._running: Running | None = None
        self._last: Reply | None = desk.session.last

    def open(self, comm: Any = None) -> Panel:
        """Show a panel in the cell that runs now."""
        if self._running is None:
            self._running = Running(self._desk.shell, self._look)
        running = self._running
        panel = Panel(
            self._desk, lambda: running.last, self._drop, self._tell_news, comm
        )
        self._close_earlier(panel)
        self._open.append(panel)
        panel.show()
        return panel

    def close(self) -> None:
        """Close them all."""
        for panel in [*self._open]:
            panel.close()

    def _close_earlier(self, panel: Panel) -> None:
        """Close what an earlier run of the same cell opened: its output is gone."""
        for other in [*self._open]:
            is_same_cell = bool(panel.cell_id) and other.cell_id == panel.cell_id
            if is_same_cell and other.execution != panel.execution:
                other.close()

    def _drop(self, panel: Panel) -> None:
        self._open.remove(panel)
        if not self._open and self._running is not None:
            self._running.close()
            self._running = None

    def _look(self) -> None:
        """Tell the pages when a cell has asked something."""
        if self._desk.session.last is not self._last:
            self._tell_news()

    def _tell_news(self, teller: Panel | None = None) -> None:
        self._last = self._desk.session.last
        for panel in [*self._open]:
            if panel is not teller:
                panel.tell_news()
