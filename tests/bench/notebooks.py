"""Notebooks as people write them, for `context_quality.py`.

In `notebooks.txt` a line of `# ===` begins a notebook, with the packages in brackets
without which it is left out, and a line of `# %%` ends a cell. Lines that begin with
`#?` are no part of a cell: each is a pattern for a fact that an answer needs once the
cell has run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Notebook:
    """Cells in their order, and patterns of facts with the cell they come from."""

    name: str
    needs: tuple[str, ...]
    cells: tuple[str, ...]
    facts: tuple[tuple[int, str], ...]


def read(text: str) -> Iterator[Notebook]:
    """Yield the notebooks of a text."""
    for part in re.split(r"(?m)^# === ", text)[1:]:
        title, _, body = part.partition("\n")
        name, _, needs = title.rstrip("]").partition(" [")
        cells: list[str] = []
        facts: list[tuple[int, str]] = []
        for number, cell in enumerate(re.split(r"(?m)^# %%\n", body), 1):
            lines = cell.strip("\n").splitlines()
            facts += ((number, one[2:].strip()) for one in lines if one[:2] == "#?")
            cells.append("\n".join(one for one in lines if one[:2] != "#?"))
        yield Notebook(name, tuple(needs.split()), tuple(cells), tuple(facts))


def long_notebook() -> str:
    """Return a notebook of 120 cells: loading first, then small steps and a failure."""
    head = """# === 120 cells
import numpy as np
import pandas as pd
from pathlib import Path
#? import pandas as pd
# %%
rng = np.random.default_rng(11)
features = {f"feature_{k:02}": rng.normal(k, 1 + k / 10, 800) for k in range(20)}
houses = pd.DataFrame(features)
houses["price"] = 200 + 10 * houses.feature_03 - 5 * houses.feature_07
#? houses = pd.DataFrame
#? 10 \\* houses.feature_03
# %%
def summary(column):
    s = houses[column]
    print(s.describe().round(3).to_string())
    return float(s.mean()), float(s.std())
#? def summary\\(column\\)
# %%
results = {}
#? results = \\{\\}
"""
    steps = [
        f"""
results["feature_{k % 20:02}", {k}] = summary("feature_{k % 20:02}")
print("correlation with price", round(houses.feature_{k % 20:02}.corr(houses.price), 3))
if {k} % 10 == 0:
    print(pd.cut(houses.feature_{k % 20:02}, 8).value_counts().sort_index().to_string())
"""
        for k in range(114)
    ]
    tail = [
        """
best = max(results, key=lambda key: results[key][1])
best
#? feature_19
""",
        """
summary("feature_20")
#? KeyError: 'feature_20'
""",
    ]
    return "# %%\n".join([head, *steps, *tail])


NOTEBOOKS = (
    *read(Path(__file__).with_suffix(".txt").read_text("utf-8")),
    *read(long_notebook()),
)
