"""The cell that runs now, as the shell and whoever asked for it tell of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

__all__ = [
    "cell_id_of",
    "cell_number",
    "execution_of",
    "notebook_path",
    "origin_of",
    "request_of",
    "source_of",
]


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
