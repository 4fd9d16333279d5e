"""The saved notebook: its Markdown and its order, which the kernel does not know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from nemotron_magic.context.cells import Cell
from nemotron_magic.context.parts import Part
from nemotron_magic.errors import InputError
from nemotron_magic.untrusted import as_object

__all__ = ["document_part"]

_OLDER = (
    "The file is older than what ran: cells have been run that are not in it. "
    "Where they differ, the cells that ran are right."
)
_HEAD = re.compile(
    r"(?m)^(?=[ \t]*\[(?:markdown|raw|code, not run|code, ran as cell \d+)\])"
)


def document_part(name: str, text: str, ran: Iterable[Cell]) -> Part:
    """Give a notebook file as a part: Markdown and code in the order of the document.

    Parameters
    ----------
    name : str
        The file's name.
    text : str
        Its JSON.
    ran : iterable of Cell
        What ran, newest first, to tell which cells did and whether the file is older.

    Raises
    ------
    InputError
        If it is no notebook.
    """
    try:
        found = [(cell, _source(cell)) for cell in json.loads(text)["cells"]]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{name} is no notebook file") from None
    cells = [(cell, source) for cell, source in found if source]
    seen = [cell for cell in ran if not cell.is_skipped]
    numbers: dict[str, int] = {}
    for cell in seen:
        numbers.setdefault(cell.source.strip(), cell.number)
    told = "\n\n".join(
        _told(str(cell.get("cell_type")), source, numbers) for cell, source in cells
    )
    note = (("note", _OLDER),) if _is_older(cells, seen) else ()
    return Part("notebook", name, (*note, ("document", told)))


def _is_older(cells: list[tuple[Any, str]], ran: list[Cell]) -> bool:
    """Tell whether a cell has run since the file was saved that is not in it.

    The file has each cell's count. One that ran before the last of those is not in the
    file, perhaps, because it was changed and run again, or deleted.
    """
    saved = {(str(c.get("execution_count")), source.strip()) for c, source in cells}
    known = {source for _, source in saved}
    for cell in ran:
        if (str(cell.number), cell.source.strip()) in saved:
            return False
        if not cell.is_ours and cell.source.strip() not in known:
            return True
    return False


def _told(kind: str, source: str, numbers: dict[str, int]) -> str:
    number = numbers.get(source.strip())
    # A line that looks like the head of a cell is none.
    source = _HEAD.sub(r"\\", source)
    if kind != "code":
        return f"[{'raw' if kind == 'raw' else 'markdown'}]\n{source}"
    return f"[code, {f'ran as cell {number}' if number else 'not run'}]\n{source}"


def _source(cell: Any) -> str:
    source = as_object(cell).get("source", "")
    text = "".join(source) if isinstance(source, list) else str(source)
    return "" if Cell(0, text).is_skipped else text.strip("\n")
