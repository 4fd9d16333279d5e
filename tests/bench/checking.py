"""What it costs to check a cell before it is inserted.

    python tests/bench/checking.py

The namespace of the user is large, the cell is one that a model would write. The cost
is to grow with the cell, and not with the namespace; a misspelt name is looked for
among all that there are.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import pandas as pd
from IPython.core.inputtransformer2 import TransformerManager

from nemotron_magic.code.check import check

CELL = '''\
import pandas as pd

def monthly(sales: pd.DataFrame, column: str = "amount") -> pd.DataFrame:
    """Sum a column by month."""
    months = sales["date"].dt.to_period("M")
    return sales.groupby(months)[column].sum().reset_index()

total = monthly(df[df["amount"] > threshold_17])
df["share"] = df["amount"] / df["amount"].sum()
for name, part in df.groupby("region"):
    print(f"{name}: {part['share'].sum():.1%} {limits[name]}")
df.sort_values("share", ascending=False).head(10)
'''
MISSPELT = CELL.replace("threshold_17", "treshold_17").replace('"region"', '"reigon"')


def namespace(names: int) -> dict[str, Any]:
    """Give a namespace with so many names, and a table of 100 columns."""
    columns = ["amount", "date", "region", *(f"column_{n}" for n in range(97))]
    table = pd.DataFrame({name: range(1_000) for name in columns})
    return {f"threshold_{n}": n for n in range(names)} | {"df": table, "limits": {}}


def check_s(names: int, cell: str = CELL, times: int = 9) -> float:
    """Give the median time to check a cell, in seconds."""
    live = namespace(names)
    transform = TransformerManager().transform_cell
    taken: list[float] = []
    for _ in range(times):
        started_s = time.perf_counter()
        check(cell, live, transform)
        taken.append(time.perf_counter() - started_s)
    return statistics.median(taken)


def main(sizes: tuple[int, ...] = (100, 5_000, 50_000)) -> None:
    """Print the table."""
    check_s(10)
    print(f"{'cell':<12}" + "".join(f"{size:>9,} names" for size in sizes))
    for title, cell in (("as it is", CELL), ("misspelt", MISSPELT)):
        times = [check_s(size, cell) for size in sizes]
        print(f"{title:<12}" + "".join(f"{1000 * t:>12.1f} ms" for t in times))
    times = [check_s(5_000, CELL * n, 3) for n in (10, 100)]
    print("5,000 names, 130 and 1,300 lines: ", *(f"{1000 * t:.0f} ms" for t in times))


if __name__ == "__main__":
    main()
