"""Which cell each run was of, which IPython keeps no note of."""

from __future__ import annotations

from typing import Any

from nemotron_magic.notebook.execution import cell_id_of, cell_number

__all__ = ["CellIds"]


class CellIds:
    """Notes the id that the front end sends with each run.

    Parameters
    ----------
    known : dict of int to str
        Where they are noted, by the number of the run.
    """

    def __init__(self, shell: Any, known: dict[int, str]) -> None:
        self._shell = shell
        self._known = known
        shell.events.register("post_run_cell", self.note)

    def close(self) -> None:
        """Note none any more."""
        self._shell.events.unregister("post_run_cell", self.note)

    def note(self, result: Any) -> None:
        """Note the id of a run that has ended, if it was counted."""
        if result is None or not result.info.store_history:
            return
        raw = self._shell.history_manager.input_hist_raw
        # An empty cell has no number of its own.
        if not raw or raw[-1] != result.info.raw_cell.rstrip("\n"):
            return
        number, cell_id = cell_number(self._shell), cell_id_of(self._shell)
        # After a reset the numbers begin anew.
        self._known.pop(number, None)
        if cell_id:
            self._known[number] = cell_id
