"""How much of the package one question runs through, in a real kernel.

    python tests/bench/modules.py

A page asks the rehearsal for prose and a table, once to import what that takes and once
to be counted: the modules of ours whose functions ran (in threads, too), the functions,
the pairs of modules of which one calls the other, and how deep the calls were nested.
The goals: at most 65 modules and 140 pairs. (Checking code in a reply takes six more.)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.extend(str(Path(__file__).parents[1] / name) for name in ("", "support"))

from shells import Kernel

from nemotron_magic import rehearsal

TABLE = "| a | b |\n|:--|--:|\n| 1 | 2 |"
QUESTION = f"%%nemotron\nrehearsal: say A **left join** keeps rows.\n\n{TABLE}"
BEGIN = """
import json, sys, threading
_functions, _pairs, _deepest = {}, set(), [0]

def _module(frame):
    name = frame.f_globals.get("__name__") or ""
    is_ours = name.partition(".")[0] == "nemotron_magic"
    return name if is_ours and frame.f_code.co_name != "<module>" else ""

def _count(frame, event, value):
    if event != "call" or not (here := _module(frame)):
        return
    _functions.setdefault(here, set()).add(frame.f_code.co_qualname)
    above = frame.f_back and _module(frame.f_back)
    if above and above != here:
        _pairs.add((above, here))
    depth = 0
    while frame is not None:
        depth += bool(_module(frame))
        frame = frame.f_back
    _deepest[0] = max(_deepest[0], depth)

threading.setprofile(_count)
sys.setprofile(_count)
"""
END = """
sys.setprofile(None)
threading.setprofile(None)
_sorted = {name: sorted(found) for name, found in _functions.items()}
print(json.dumps([_sorted, sorted(_pairs), _deepest[0]]))
"""


@dataclass(frozen=True)
class Way:
    """What a question ran through.

    Attributes
    ----------
    functions : mapping
        The functions of each module that ran, by its name.
    pairs : sequence
        Each two modules of which the first called the second.
    deepest : int
        The most calls of ours that were open at once.
    """

    functions: Mapping[str, Sequence[str]]
    pairs: Sequence[Sequence[str]]
    deepest: int


def way(question: str = QUESTION) -> Way:
    """Ask twice in a fresh kernel; return what the second question ran through."""
    with rehearsal.serve() as url, TemporaryDirectory() as folder:
        kernel = Kernel(Path(folder), AIMLAPI_API_BASE=str(url))
        try:
            for cell in ("%load_ext nemotron_magic", question, BEGIN, question):
                assert kernel.run(cell).status == "ok"
            return Way(*json.loads(kernel.run(END).text))
        finally:
            kernel.close()


def main() -> None:
    """Print the modules with their functions, then the figures."""
    found = way()
    for name in sorted(found.functions):
        names = found.functions[name]
        print(f"{len(names):4}  {name:<44}{', '.join(names)[:100]}")
    functions = sum(map(len, found.functions.values()))
    print(
        f"\n{len(found.functions)} modules, {functions} functions, "
        f"{len(found.pairs)} pairs of modules, {found.deepest} calls deep"
    )


if __name__ == "__main__":
    main()
