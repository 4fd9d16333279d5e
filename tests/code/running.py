"""Run the good cells in a shell of their own, and print those that fail as JSON."""

from __future__ import annotations

import contextlib
import io
import json
import re
import warnings
from collections.abc import Iterator

import matplotlib as mpl
from good_cells import GOOD, live
from IPython.core.interactiveshell import InteractiveShell

from nemotron_magic.code.check import is_installed

# For want of a page, a network, a file, an extension; one slows what follows.
LACKING = (
    "%autoreload",
    "%matplotlib",
    "%pip",
    "%run",
    "%sql",
    "%store",
    "my_local_module",
    "In[-1]",
)
IMPORTED = re.compile(r"^(?:import|from) (\w+)", re.MULTILINE)


def may_run(cell: str) -> bool:
    """Tell whether all is there that a cell needs."""
    return not any(word in cell for word in LACKING) and all(
        map(is_installed, IMPORTED.findall(cell))
    )


def failures() -> Iterator[tuple[str, str]]:
    """Give each cell that fails, and its error."""
    shell = InteractiveShell.instance()
    initial = set(shell.user_ns)
    for cell in filter(may_run, GOOD):
        for name in set(shell.user_ns) - initial:
            del shell.user_ns[name]
        shell.user_ns.update(live())
        result = shell.run_cell(cell, store_history=True)
        if error := result.error_before_exec or result.error_in_exec:
            yield cell, repr(error)


if __name__ == "__main__":
    mpl.use("agg")
    warnings.simplefilter("ignore")
    silence = io.StringIO()
    with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        found = list(failures())
    print(json.dumps(found))
