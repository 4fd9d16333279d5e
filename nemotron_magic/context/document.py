"""The saved notebook: its Markdown and its order, which the kernel does not know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from nemotron_magic.context.cells import Cell
from nemotron_magic.context.parts import Part
from nemotron_magic.errors import InputError

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
        What ran, to tell which cells did and whether the file is older than that.

    Raises
    ------
    InputError
        If it is no notebook.
    """
    try:
        cells = json.loads(text)["cells"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{name} is no notebook file") from None
    numbers = {cell.source.strip(): cell.number for cell in ran}
    sources = [(str(c.get("cell_type")), _source(c)) for c in cells if _source(c)]
    told = "\n\n".join(_told(kind, source, numbers) for kind, source in sources)
    in_file = {source.strip() for _, source in sources}
    is_older = any(source not in in_file for source in numbers)
    note = (("note", _OLDER),) if is_older else ()
    return Part("notebook", name, (*note, ("document", told)))


def _told(kind: str, source: str, numbers: dict[str, int]) -> str:
    number = numbers.get(source.strip())
    # A line that looks like the head of a cell is none.
    source = _HEAD.sub(r"\\", source)
    if kind != "code":
        return f"[{'raw' if kind == 'raw' else 'markdown'}]\n{source}"
    return f"[code, {f'ran as cell {number}' if number else 'not run'}]\n{source}"


def _source(cell: Any) -> str:
    source = cell.get("source", "") if isinstance(cell, dict) else ""
    text = "".join(source) if isinstance(source, list) else str(source)
    return "" if text.lstrip().startswith("# nemotron: skip") else text.strip("\n")
