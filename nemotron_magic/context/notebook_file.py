"""The saved notebook: find this kernel's own file, and read its Markdown and order."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import product, takewhile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from nemotron_magic.context.cells import Cell, cell_id_of
from nemotron_magic.context.prompt import ContextPart
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.loose_json import as_dict, as_list, as_text

_OLDER = (
    "The file is older than what ran: cells have been run that are not in it. "
    "Where they differ, the cells that ran are right."
)
_HEAD = re.compile(
    r"(?m)^(?=[ \t]*\[(?:markdown|raw|code, not run|code, ran as cell \d+)\])"
)
_ID = re.compile(rb'"id"\s*:\s*"([^"\\]+)"')
_MOST_BYTES = 100_000_000
_MOST_FILES_BESIDE = 50


def notebook_part(name: str, text: str, ran: Iterable[Cell]) -> ContextPart:
    """Return a notebook file as a part; `ran` has the cells that ran, newest first."""
    try:
        found = [(cell, _source(cell)) for cell in json.loads(text)["cells"]]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{name} is not a notebook file") from None
    cells = [(cell, source) for cell, source in found if source]
    seen = [(cell.source.strip(), cell) for cell in ran if cell.mark != "skip"]
    numbers = {source: cell.number for source, cell in reversed(seen)}
    document = "\n\n".join(
        _head(cell.get("cell_type"), numbers.get(source.strip()))
        # A line that looks like the head of a cell is none.
        + _HEAD.sub(r"\\", source)
        for cell, source in cells
    )
    # The file has each cell's count: one that ran before the last of those was changed
    # and run again, or deleted.
    saved = {(source.strip(), cell.get("execution_count")) for cell, source in cells}
    texts = {source for source, _ in saved}
    later = takewhile(lambda one: (one[0], one[1].number) not in saved, seen)
    is_older = any(not c.is_ours and source not in texts for source, c in later)
    note = (("note", _OLDER),) if is_older else ()
    return ContextPart("notebook", name, (*note, ("document", document)))


def _head(kind: object, number: int | None) -> str:
    if kind != "code":
        return "[raw]\n" if kind == "raw" else "[markdown]\n"
    return f"[code, ran as cell {number}]\n" if number else "[code, not run]\n"


def _source(cell: Any) -> str:
    source = as_dict(cell).get("source", "")
    text = "".join(source) if isinstance(source, list) else str(source)
    return "" if Cell(0, text).mark == "skip" else text.strip("\n")


def own_file(shell: Any, environ: Mapping[str, str], ids: Mapping[int, str]) -> str:
    """Return the path of the notebook's file by the ids of its cells; "" if unknown.

    Jupyter's server names a file in `environ` only when the kernel starts: that name
    stays when the notebook is renamed, and another notebook may take it. Of several
    that hold the cells, as copies do, the one named comes first and then the newest;
    one that holds the cell that asks comes before the others.
    """
    asking = cell_id_of(shell)
    ran = [cell for _, cell in sorted(ids.items(), reverse=True)]
    newest = next(filter(None, (asking, *ran)), "")
    # In VS Code the id of a cell is the address of its document and a mark. Where
    # Jupyter's server runs the notebook, its file may hold any id.
    is_served = "JPY_SESSION_NAME" in environ
    if newest.startswith("vscode-notebook-cell:") and not is_served:
        return _path_in(newest)
    of_vs_code = str(shell.user_ns.get("__vsc_ipynb_file__", ""))
    named = environ.get("JPY_SESSION_NAME") or of_vs_code
    if not named.endswith(".ipynb") or not newest:
        return ""
    if _holds(named, {asking}):
        return named
    paths = [named, *_beside(named)]
    searches = product(({asking}, {asking, *ran}), paths)
    return next((path for some, path in searches if _holds(path, some)), "")


def _path_in(cell: str) -> str:
    """Return the path in the address of a cell, if there is such a file."""
    path = re.sub(r"^/(?=[A-Za-z]:)", "", unquote(urlsplit(cell).path))
    is_file = path.endswith(".ipynb") and os.path.isabs(path) and os.path.isfile(path)
    return path if is_file else ""


def _beside(named: str) -> list[str]:
    """Return the other notebooks in the folder, the newest first."""
    found: list[tuple[float, str]] = []
    for path in Path(named).parent.glob("[!.]*.ipynb"):
        with suppress(OSError):
            found.append((path.stat().st_mtime, str(path)))
    newest = sorted(found, reverse=True)[:_MOST_FILES_BESIDE]
    return [other for _, other in newest if other != named]


def _holds(path: str, wanted: set[str]) -> bool:
    """Return whether a notebook has a cell with one of these ids."""
    ids = wanted - {""}
    try:
        file = Path(path)
        if not file.is_file() or file.stat().st_size > _MOST_BYTES:
            return False
        data = file.read_bytes()
        # Most files have none of them anywhere, and that is seen much sooner.
        if {one.encode() for one in ids}.isdisjoint(_ID.findall(data)):
            return False
        cells = map(as_dict, as_list(as_dict(json.loads(data)).get("cells")))
    except (OSError, ValueError, RecursionError):
        return False
    return not ids.isdisjoint(as_text(cell.get("id")) for cell in cells)
