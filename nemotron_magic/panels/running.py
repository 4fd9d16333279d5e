"""Whether a cell runs, and which was the last: a panel may ask at any time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nemotron_magic.notebook.execution import cell_number

__all__ = ["Running"]


class Running:
    """Follows the cells of a shell from one of them on.

    Parameters
    ----------
    ended : callable
        Called when a cell has ended.
    """

    def __init__(self, shell: Any, ended: Callable[[], None]) -> None:
        self._shell = shell
        self._ended = ended
        self._is_running = True  # it is a cell that opens a panel
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)

    @property
    def last(self) -> int:
        """The number of the last cell that has ended."""
        return cell_number(self._shell) - self._is_running

    def close(self) -> None:
        """Follow them no more."""
        self._shell.events.unregister("pre_run_cell", self._begin)
        self._shell.events.unregister("post_run_cell", self._end)

    def _begin(self, info: Any) -> None:
        self._is_running = True

    def _end(self, result: Any) -> None:
        self._is_running = False
        self._ended()
