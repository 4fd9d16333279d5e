"""Try each cell on a copy, then really run it; print where the two differ, as JSON."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import bad_cells
import good_cells
import matplotlib as mpl
from IPython.core.interactiveshell import InteractiveShell
from running import may_run

from nemotron_magic.code.trial import Trials, finished

# More kinds of cells than the static check looks at: files, databases, models, plots,
# threads, coroutines; and errors of all kinds.
CELLS = Path(__file__).with_name("trial_cells.txt").read_text("utf-8")


def compared() -> dict[str, Any]:
    """Return how often trial and run said what, and the cells that tell of a fault."""
    shell = InteractiveShell.instance()
    initial = set(shell.user_ns)
    trials = Trials(shell)
    counts, wrong, times = Counter[str](), [], []
    corpora = [
        *((cell, good_cells.live) for cell in CELLS.split("\n# %%\n")),
        *((cell, good_cells.live) for cell in good_cells.GOOD if may_run(cell)),
        *(
            (cell, bad_cells.live)
            for cell, _ in bad_cells.BAD.values()
            if "%%capture" not in cell  # it swallows the error of the real run
        ),
    ]
    for cell, live in corpora:
        for name in set(shell.user_ns) - initial:
            del shell.user_ns[name]
        shell.user_ns.update(live())
        begun_s = time.monotonic()
        [verdict] = finished(trials.run([cell]))
        times.append(time.monotonic() - begun_s - verdict.elapsed_s)
        result = shell.run_cell(cell)
        error = result.error_before_exec or result.error_in_exec
        really = "error" if error else "ok"
        counts[f"{verdict.kind}, {really}"] += 1
        if (verdict.kind, really) in (("runs", "error"), ("fails", "ok")):
            wrong.append((cell, str(verdict), repr(error)))
        elif verdict.kind == "not tried":
            counts[verdict.reason] += 1
    return {
        "counts": counts,
        "wrong": wrong,
        "median_s": sorted(times)[len(times) // 2],
    }


if __name__ == "__main__":
    mpl.use("agg")
    warnings.simplefilter("ignore")
    silence, here = io.StringIO(), os.getcwd()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(silence),
        contextlib.redirect_stderr(silence),
    ):
        os.chdir(folder)
        found = compared()
        os.chdir(here)
    json.dump(found, sys.stdout)
