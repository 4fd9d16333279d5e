"""Cells as analysts write them, none of which has anything wrong with it.

Each runs in the namespace that `live` gives; where one does not, it is for want of a
file, a network or a server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def live() -> dict[str, Any]:
    """Give what the user's names stand for."""
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd
    import polars as pl

    dates = pd.date_range("2024-01-01", periods=6, freq="D")
    df = pd.DataFrame(
        {
            "region": ["N", "S", "N", "W", "S", "N"],
            "product": ["a", "b", "a", "c", "b", "c"],
            "amount": [1.5, 2.0, 3.5, 4.0, 0.5, 9.0],
            "quantity": [1, 2, 3, 4, 5, 6],
            "date": dates,
        }
    )

    def load(path: str) -> pd.DataFrame:
        return df.copy()

    def add_margin() -> None:
        df["margin"] = df["amount"] * 0.1

    add_margin.__module__ = "__main__"  # as of a function made in a notebook
    return {
        "df": df,
        "daily": df.set_index("date"),
        "people": pd.DataFrame({"id": [1, 2], "name": ["Ana", "Bo"]}).set_index("id"),
        "wide": pd.DataFrame([[1, 2]], columns=[["a", "a"], [1, 2]]),
        "grouped": df.groupby(["region", "product"])[["amount"]].sum(),
        "numbered": pd.DataFrame(np.eye(3)),
        "trips": pl.DataFrame({"km": [1.0, 12.5], "city": ["Turin", "Bern"]}),
        "scores": [0.5, 0.75],
        "config": {"path": "x.csv", "limit": 3},
        "load": load,
        "add_margin": add_margin,
        "np": np,
        "pd": pd,
        "pl": pl,
        "plt": plt,
        "x": np.linspace(0, 1, 5),
        "y": np.linspace(1, 2, 5),
        "i": 3,
    }  # fmt: skip


TEXT = Path(__file__).with_name("good_cells.txt").read_text("utf-8")
GOOD = TEXT.removesuffix("\n").split("\n# %%\n")
