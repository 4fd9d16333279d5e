"""Of a cell that ran several times, the newest run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nemotron_magic.context.cells import Cell

__all__ = ["newest_runs"]


def newest_runs(cells: Iterable[Cell], asking: Cell | None = None) -> Iterator[Cell]:
    """Give of each cell its newest run, at the place of that.

    The id that the front end sends tells which cell it was, whatever its text is by
    then. A run of which no id is known, as from before the extension was loaded, is of
    a cell with an id if that has run with the very same text since.

    Where no front end sends ids, as in a terminal, nothing is left out. What was typed
    twice stands there twice, and may be needed twice: `x += 1`, or `df.shape` before a
    filter and after it. To leave one out would tell the model something else than what
    happened, to send both takes some tokens.

    A question takes the place of no code: it may be asked in the very cell that failed.

    Parameters
    ----------
    cells : iterable of Cell
        Newest first.
    asking : Cell, optional
        The one that runs now. Runs of it with the same text are left out: they asked
        this question before, and it did not go along then.
    """
    ids: set[str] = set()
    sources: set[str] = set()
    for cell in cells:
        if cell.is_ours:
            yield cell
        elif not cell.cell_id:
            if cell.source not in sources:
                yield cell
        elif asking is None or not _is_same(cell, asking):
            if cell.cell_id not in ids:
                yield cell
            ids.add(cell.cell_id)
            sources.add(cell.source)


def _is_same(cell: Cell, asking: Cell) -> bool:
    return (cell.cell_id, cell.source) == (asking.cell_id, asking.source)
