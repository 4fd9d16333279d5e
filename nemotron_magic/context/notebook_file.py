"""The saved notebook: find this kernel's own file, and read its Markdown and order."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from nemotron_magic.context.history import Cell, cell_id_of, notebook_path
from nemotron_magic.context.prompt import ContextPart
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.loose_json import as_dict, as_list, as_text

__all__ = [
    "OwnFile",
    "notebook_part",
]


_OLDER = (
    "The file is older than what ran: cells have been run that are not in it. "
    "Where they differ, the cells that ran are right."
)
_HEAD = re.compile(
    r"(?m)^(?=[ \t]*\[(?:markdown|raw|code, not run|code, ran as cell \d+)\])"
)


def notebook_part(name: str, text: str, ran: Iterable[Cell]) -> ContextPart:
    """Return a notebook file as a part: Markdown and code in the order of the document.

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
    return ContextPart("notebook", name, (*note, ("document", told)))


def _is_older(cells: list[tuple[Any, str]], ran: list[Cell]) -> bool:
    """Return whether a cell has run since the file was saved that is not in it.

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
    source = as_dict(cell).get("source", "")
    text = "".join(source) if isinstance(source, list) else str(source)
    return "" if Cell(0, text).is_skipped else text.strip("\n")


_MOST_BYTES = 100_000_000
_MOST_FILES_BESIDE = 50
_MOST_BYTES_BESIDE = 50_000_000
# In VS Code the id of a cell is the address of its document, with a mark of its own.
# Where Jupyter's server runs the notebook, its file may hold any id.
_OF_VS_CODE = "vscode-notebook-cell:"
_ID = re.compile(rb'"id"\s*:\s*"([^"\\]{1,64})"')


class OwnFile:
    """Finds the file, also after the notebook was renamed.

    The server names a file only when the kernel starts. The name stays when the
    notebook is renamed, and another notebook may take it.

    Parameters
    ----------
    shell : InteractiveShell
        Whose cells ran.
    environ : mapping
        The process's environment, where Jupyter's server names the file.
    ids : mapping of int to str
        Which cell each run was of, as far as the front end told.
    """

    def __init__(
        self, shell: Any, environ: Mapping[str, str], ids: Mapping[int, str]
    ) -> None:
        self._shell = shell
        self._environ = environ
        self._ids = ids

    def path(self) -> str:
        """Return the path of the file; "" if none is known to be this notebook's.

        Of several that hold its cells, as copies do, the one named comes first and then
        the newest; one that holds the cell that asks comes before the others.
        """
        asking = cell_id_of(self._shell)
        ran = [name for _, name in sorted(self._ids.items(), reverse=True)]
        newest = next(iter([*filter(None, (asking,)), *ran]), "")
        is_served = "JPY_SESSION_NAME" in self._environ
        if newest.startswith(_OF_VS_CODE) and not is_served:
            return _path_in(newest)
        named = notebook_path(self._shell, self._environ)
        if not named or not newest:
            return ""
        if _holds(named, {asking}):
            return named
        for wanted in ({asking}, {asking, *ran}):
            for path in (named, *_beside(Path(named))):
                if _holds(path, wanted):
                    return path
        return ""


def _path_in(cell: str) -> str:
    """Return the path in the address of a cell, if there is such a file."""
    path = unquote(urlsplit(cell).path)
    if re.match(r"/[A-Za-z]:", path):
        path = path[1:]
    is_file = path.endswith(".ipynb") and os.path.isabs(path) and os.path.isfile(path)
    return path if is_file else ""


def _beside(named: Path) -> Iterator[str]:
    """Return the other notebooks in the folder, newest first, as far as is cheap."""
    try:
        names = [
            one.path
            for one in os.scandir(named.parent)
            if one.name.endswith(".ipynb") and not one.name.startswith(".")
        ]
    except OSError:
        return
    found = [version for version in map(_version, names) if version]
    found.sort(key=lambda version: version.modified_ns, reverse=True)
    left = _MOST_BYTES_BESIDE
    for version in found[:_MOST_FILES_BESIDE]:
        left -= version.size
        if left >= 0 and version.path != str(named):
            yield version.path


class _Version(NamedTuple):
    """A file as it was when it was looked at."""

    path: str
    modified_ns: int
    size: int


def _version(path: str) -> _Version | None:
    """Return what a file is now; None if it is none, or cannot be looked at."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    is_file = S_ISREG(found.st_mode) and found.st_size <= _MOST_BYTES
    return _Version(path, found.st_mtime_ns, found.st_size) if is_file else None


def _holds(path: str, wanted: set[str]) -> bool:
    """Return whether a notebook has a cell with one of these ids."""
    version = _version(path)
    try:
        # Most files have none of them anywhere, and that is seen much sooner.
        return version is not None and not (
            _texts(version).isdisjoint(wanted) or _cell_ids(version).isdisjoint(wanted)
        )
    except OSError:
        return False


@lru_cache(maxsize=200)
def _texts(version: _Version) -> frozenset[str]:
    """Return whatever may be the id of a cell in a notebook's JSON."""
    found = _ID.findall(Path(version.path).read_bytes())
    return frozenset(one.decode("utf-8", "replace") for one in found)


@lru_cache(maxsize=20)
def _cell_ids(version: _Version) -> frozenset[str]:
    try:
        document = as_dict(json.loads(Path(version.path).read_bytes()))
    except (ValueError, RecursionError):
        return frozenset()
    cells = map(as_dict, as_list(document.get("cells")))
    return frozenset(as_text(cell.get("id")) for cell in cells) - {""}
