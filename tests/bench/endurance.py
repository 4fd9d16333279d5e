"""A thousand questions in one real kernel: memory, threads and handles stay flat.

    python tests/bench/endurance.py [QUESTIONS]

Loopback only. IPython itself keeps every cell and every value of `Out`; what that takes
is shown beside it, with cells that give a text of the same size.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.extend(str(Path(__file__).parents[1] / name) for name in ("", "support"))

from service import serve
from shells import LOAD, Kernel, running

_LOOK = """
import gc, os, threading
_ = gc.collect()
with open("/proc/self/status") as _status:
    _kb = _status.read().partition("VmRSS:")[2].split()[0]
print(_kb, threading.active_count(), len(os.listdir("/proc/self/fd")))
"""
_QUESTION = "%nemotron rehearsal: say answer {n}, in some words, and `code`"
_LEAST = "'answer {n}, in some words, and `code`'"


@dataclass(frozen=True, slots=True)
class Look:
    """A kernel as it is at one moment."""

    cells: int
    rss_mb: float
    threads: int
    handles: int


@contextmanager
def kernel() -> Iterator[Kernel]:
    """Begin a kernel that asks a rehearsal."""
    with tempfile.TemporaryDirectory() as folder, serve() as url:
        environ = {"AIMLAPI_API_BASE": str(url), "NEMOTRON_MAGIC_HOME": folder}
        with running(Path(folder), LOAD, **environ) as one:
            yield one


def looks(one: Kernel, cell: str, cells: int, every: int) -> Iterator[Look]:
    """Run a cell so many times; look at the kernel every so often."""
    for n in range(cells + 1):
        if n % every == 0:
            kb, threads, handles = map(int, one.run(_LOOK).text.split())
            yield Look(n, kb / 1024, threads, handles)
        outcome = one.run(cell.format(n=n), f"cell-{n}")
        if outcome.status != "ok":
            raise RuntimeError(outcome.error)


def main(cells: int = 1_000) -> None:
    """Print the table."""
    every = max(cells // 10, 1)
    print(
        f"{'cells':>6}{'RSS, MB':>10}{'threads':>9}{'handles':>9}   least cell: RSS, MB"
    )
    with kernel() as asking, kernel() as least:
        others = looks(least, _LEAST, cells, every)
        for look, other in zip(
            looks(asking, _QUESTION, cells, every), others, strict=True
        ):
            print(
                f"{look.cells:>6}{look.rss_mb:>10.1f}{look.threads:>9}"
                f"{look.handles:>9}{other.rss_mb:>22.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
