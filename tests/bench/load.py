"""What `%load_ext nemotron_magic` costs, against the least that an extension can.

    python tests/bench/load.py

Every load is in a fresh process with its bytecode cached, and what is compared is the
median of the processor time, which a busy machine disturbs least. The goal is at most
three times an extension that does nothing but register one magic.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
EMPTY = "an_empty_magic"
OURS = "nemotron_magic"
OTHER = "jupyter_ai_magics"

EMPTY_SOURCE = '''
from IPython.core.magic import Magics, line_magic, magics_class

@magics_class
class Empty(Magics):
    @line_magic
    def empty(self, line):
        """Do nothing."""

def load_ipython_extension(shell):
    shell.register_magics(Empty(shell))
'''
LOAD = """
import sys, time
from traitlets.config import Config
from IPython.core.interactiveshell import InteractiveShell

config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell(config=config)
before = len(sys.modules)
started_s = time.process_time()
if sys.argv[1].startswith("%load_ext "):
    shell.run_line_magic("load_ext", sys.argv[1].split()[1])
else:
    exec(sys.argv[1])
print(time.process_time() - started_s, len(sys.modules) - before)
"""


def load_s(cell: str, place: Path) -> tuple[float, int]:
    """Load in a fresh process; give the processor time and the number of modules.

    Parameters
    ----------
    cell : str
        `%load_ext NAME`, or an import.
    """
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ |= {
        "PYTHONPATH": os.pathsep.join([str(place), str(ROOT)]),
        "PYTHONPYCACHEPREFIX": str(place / "bytecode"),
        "IPYTHONDIR": str(place / "ipython"),
    }
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD, cell],
        env=environ,
        cwd=place,
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, modules = told.stdout.split()[-2:]
    return float(seconds), int(modules)


def measure(cells: Mapping[str, str], rounds: int) -> dict[str, tuple[float, int]]:
    """Give the median time of each cell by its name, in seconds, and its modules.

    Among them always one named EMPTY: the least that an extension can take.
    """
    cells = {EMPTY: f"%load_ext {EMPTY}", **cells}
    loads: dict[str, list[tuple[float, int]]] = {name: [] for name in cells}
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / f"{EMPTY}.py").write_text(EMPTY_SOURCE, "utf-8")
        # The first round is not counted: it writes the bytecode.
        for number in range(rounds + 1):
            for name, cell in cells.items():
                one = load_s(cell, place)
                loads[name] += [one] if number else []
    return {
        name: (median(seconds for seconds, _ in taken), taken[0][1])
        for name, taken in loads.items()
    }


def main() -> None:
    """Print the table."""
    measured = measure({OURS: f"%load_ext {OURS}"}, rounds=15)
    if find_spec(OTHER):
        measured |= {
            OTHER: measure({OTHER: f"%load_ext {OTHER}"}, rounds=3)[OTHER],
        }
    least_s = measured[EMPTY][0]
    print(f"{'extension':<20}{'CPU ms':>9}{'ratio':>8}{'modules':>9}")
    for name, (seconds, modules) in measured.items():
        print(f"{name:<20}{seconds * 1e3:9.1f}{seconds / least_s:8.1f}{modules:9}")
    if OTHER not in measured:
        print(f"For a row of {OTHER}: pip install --group bench")


if __name__ == "__main__":
    main()
