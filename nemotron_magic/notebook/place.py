"""Where in its cell a question stands, as far as painting its reply depends on it."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

__all__ = [
    "Place",
    "cell_id_of",
    "cell_number",
    "execution_of",
    "notebook_path",
    "origin_of",
    "place_of",
    "request_of",
    "source_of",
]

_RUNNERS = ("run_line_magic", "run_cell_magic")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question stands.

    Attributes
    ----------
    is_first : bool
        Nothing in the cell ran before it, so the cell has no other output yet.
    is_shown : bool
        One is the cell's last expression, so IPython will display its value.
    is_only : bool
        There is no other in the cell.
    is_named : bool
        The cell ends with an expression of the user's own, whose value it may be.
    """

    is_first: bool = False
    is_shown: bool = False
    is_only: bool = False
    is_named: bool = False


def place_of(source: str) -> Place:
    r"""Find the question in a cell's source after IPython's transforms.

    >>> place_of("get_ipython().run_line_magic('nemotron', 'why?')")
    Place(is_first=True, is_shown=True, is_only=True, is_named=False)
    >>> place_of("x = get_ipython().run_line_magic('nemotron', 'why?')\nx")
    Place(is_first=True, is_shown=False, is_only=True, is_named=True)
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return Place()
    body = tree.body
    if not body:
        return Place()
    first, last = body[0], body[-1]
    assigned = isinstance(first, ast.Assign | ast.AnnAssign | ast.Expr)
    is_first = assigned and _is_question(getattr(first, "value", None))
    value = last.value if isinstance(last, ast.Expr) else None
    return Place(
        is_first,
        _is_question(value),
        sum(map(_is_question, ast.walk(tree))) == 1,
        value is not None and not _is_magic(value),
    )


def cell_number(shell: Any) -> int:
    """Give the number of the cell that runs now, from 1; 0 before the first."""
    # The execution count is one more in newer versions; this is the same in all.
    return len(shell.user_ns.get("In") or [""]) - 1


def cell_id_of(shell: Any) -> str:
    """Give the id of the cell that runs now; "" where no front end tells it."""
    return str(request_of(shell).get("metadata", {}).get("cellId", ""))


def request_of(shell: Any) -> dict[str, Any]:
    """Give the message that asked for the cell that runs now; empty in a terminal."""
    if getattr(shell, "kernel", None) is None:
        return {}
    return shell.get_parent() or {}


def execution_of(shell: Any) -> object:
    """Give a marker of the cell that runs now."""
    if getattr(shell, "kernel", None) is None:
        return cell_number(shell)
    return request_of(shell).get("header", {}).get("msg_id")


def source_of(shell: Any) -> str:
    """Give the source of the cell that runs now, after IPython's transforms."""
    if getattr(shell, "kernel", None) is None:
        return str((shell.user_ns.get("In") or [""])[-1])
    code = str(request_of(shell).get("content", {}).get("code", ""))
    history = shell.history_manager
    # A run may ask to leave no trace there; to transform a cell again takes a while.
    if (history.input_hist_raw or [""])[-1] == code.rstrip("\n"):
        return str(history.input_hist_parsed[-1])
    return str(shell.transform_cell(code))


def origin_of(shell: Any) -> str:
    """Tell which cell runs now, so that running it again is known as that.

    JupyterLab, Notebook and VS Code name the cell; elsewhere its source does.
    """
    if cell_id := cell_id_of(shell):
        return cell_id
    source = (shell.history_manager.input_hist_raw or [""])[-1]
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:16]


def notebook_path(shell: Any, environ: Mapping[str, str]) -> str:
    """Give the path of the notebook's file; "" where no front end tells it.

    Jupyter's server names it in the environment, VS Code in a variable.
    """
    path = environ.get("JPY_SESSION_NAME", "")
    path = path or str(shell.user_ns.get("__vsc_ipynb_file__", ""))
    return path if path.endswith(".ipynb") else ""


def _is_question(node: object) -> bool:
    first = node.args[:1] if _is_magic(node) else []
    return [getattr(one, "value", None) for one in first] == ["nemotron"]


def _is_magic(node: object) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _RUNNERS
    )
