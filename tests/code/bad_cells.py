"""Cells that fail when they run, and all that is to be found in them."""

from __future__ import annotations

from typing import Any

from nemotron_magic.code.findings import Finding


def live() -> dict[str, Any]:
    """Give what the user's names stand for."""
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd
    import polars as pl

    sales = {
        "region": ["N", "S"] * 6,
        "amount": [1.5, 2.0] * 6,
        "date": ["2024-01-01"] * 12,
    }
    return {
        "df": pd.DataFrame(sales),
        "customers": pd.DataFrame({"id": [1], "name": ["Ana"]}).set_index("id"),
        "trips": pl.DataFrame({"km": [1.0], "city": ["Turin"]}),
        "total": 3.5,
        "threshold": 2,
        "model_scores": [0.5],
        "load_data": lambda path: path,
        "np": np,
        "pd": pd,
        "pl": pl,
        "plt": plt,
    }


def syntax(line: int) -> Finding:
    """Give what is the same for all versions of Python: not the words."""
    return Finding("syntax", f"line {line}")


def name(what: str, near: str = "") -> Finding:
    return Finding("name", what, near)


def module(what: str, near: str = "") -> Finding:
    return Finding("module", what, near)


def column(table: str, label: str, near: str = "") -> Finding:
    return Finding("column", f"{table}[{label!r}]", near)


INSTALLED = frozenset(["json", "math", "matplotlib", "numpy", "os", "pandas", "polars"])

BAD: dict[str, tuple[str, list[Finding]]] = {
    # Names.
    "misspelt": ("print(totl)", [name("totl", "total")]),
    "never made": ("result = compute_everything(df)", [name("compute_everything")]),
    "in a function": (
        "def f(x):\n    return x + thresold\n",
        [name("thresold", "threshold")],
    ),
    "in a lambda": ("df.map(lambda x: x + offset)", [name("offset")]),
    "in a comprehension": ("[x * factor for x in range(3)]", [name("factor")]),
    "source of a comprehension": ("[x for x in rows]", [name("rows")]),
    "variable of a comprehension, after": ("[v for v in [1]]\nprint(v)", [name("v")]),
    "in an f-string": ('print(f"{totals:.2f}")', [name("totals", "total")]),
    "default": ("def f(x=missing):\n    return x", [name("missing")]),
    "decorator": ("@cached\ndef f():\n    return 1", [name("cached")]),
    "base class": ("class Shop(Store):\n    pass", [name("Store")]),
    "annotation": ("def f(x: Optional[int]) -> int:\n    return 1", [name("Optional")]),
    "used before it is made": ("print(late)\nlate = 1", [name("late")]),
    "changed before it is made": ("counter += 1", [name("counter")]),
    "changed in a loop": ("for n in range(3):\n    hits += n", [name("hits")]),
    "local to a function": (
        "def f():\n    inside = 1\nprint(inside)",
        [name("inside")],
    ),
    "attribute of the class": (
        "class A:\n    size = 1\n    def get(self):\n        return size\nA().get()",
        [name("size")],
    ),
    "numpy without import": ("num = numpy.zeros(3)", [name("numpy", "import numpy")]),
    "seaborn without import": (
        'sns.lineplot(data=df, x="date", y="amount")',
        [name("sns", "import seaborn as sns")],
    ),
    "json without import": ("json.dumps({})", [name("json", "import json")]),
    "Path without import": ('Path("x")', [name("Path", "from pathlib import Path")]),
    "file of a script": ("print(__file__)", [name("__file__")]),
    "two names": ("alpha1 + beta2", [name("alpha1"), name("beta2")]),
    "caught with more": (
        "try:\n    x = absent\n    print(x)\nexcept:\n    pass",
        [name("absent")],
    ),
    "case": ("print(Total)", [name("Total", "total")]),
    "builtin misspelt": ("pritn(total)", [name("pritn", "print")]),
    "function misspelt": ('laod_data("x")', [name("laod_data", "load_data")]),
    "awaited": ("await fetch_all()", [name("fetch_all")]),
    "below a magic": ("%matplotlib inline\nplt.plot(curve)", [name("curve")]),
    "timed": ("%%time\nresult = heavy()", [name("heavy")]),
    "under a condition": ("if verbose:\n    print(1)", [name("verbose")]),
    "caught as something else": (
        "try:\n    print(absent)\nexcept ValueError:\n    pass",
        [name("absent")],
    ),
    "with": ('with opened("x") as f:\n    pass', [name("opened", "open")]),
    "keyword": ("dict(a=unknown_a)", [name("unknown_a")]),
    "match": ("match total:\n    case 1:\n        print(one)", [name("one")]),
    "star": ("print(*args)", [name("args")]),
    "global that nobody binds": (
        "def f():\n    global gg\n    print(gg)\nf()",
        [name("gg")],
    ),
    # Syntax.
    "open bracket": ("print((1)", [syntax(1)]),
    "cut": ("x = 1\ndef f(x):", [syntax(2)]),
    "return at the top": ("x = 1\nreturn x", [syntax(2)]),
    "break at the top": ("break", [syntax(1)]),
    "python 2": ('print "hello"', [syntax(1)]),
    "unterminated": ('x = "a', [syntax(1)]),
    "indented too far": ("x = 1\n\n  y = 2", [syntax(3)]),
    "below %%time": ("%%time\nx = (1", [syntax(2)]),
    "a diff": ("-x = 1\n+x = 2", [syntax(1)]),
    "prose": ("Here is the code", [syntax(1)]),
    "await in a function": ("def f():\n    await g()", [syntax(2)]),
    # Modules.
    "not installed": ("import torchx", [module("torchx", "torch")]),
    "not installed, known": (
        "from sklearn.svm import SVC",
        [module("sklearn", "%pip install scikit-learn")],
    ),
    "made up": ("import magic_insights as mi\nmi.run()", [module("magic_insights")]),
    "two modules": (
        "import yaml, math, bs4",
        [
            module("yaml", "%pip install pyyaml"),
            module("bs4", "%pip install beautifulsoup4"),
        ],
    ),
    "in a function, not installed": (
        "def f():\n    import cv2\n    return cv2",
        [module("cv2", "%pip install opencv-python")],
    ),
    "caught as something else, not installed": (
        "try:\n    import q_q\nexcept ValueError:\n    pass",
        [module("q_q")],
    ),
    # Columns.
    "column misspelt": ('df["reigon"].unique()', [column("df", "reigon", "region")]),
    "column of other case": ('df["Amount"].sum()', [column("df", "Amount", "amount")]),
    "column made up": ('df["profit_margin"]', [column("df", "profit_margin")]),
    "one of two columns": ('df[["region", "price"]]', [column("df", "price")]),
    "column in a condition": (
        'big = df[df["amout"] > threshold]',
        [column("df", "amout", "amount")],
    ),
    "loc": ('df.loc[:, "dates"]', [column("df", "dates", "date")]),
    "groupby": ('df.groupby("area")["amount"].sum()', [column("df", "area")]),
    "groupby, then a column": (
        'df.groupby("region")["sum"].sum()',
        [column("df", "sum")],
    ),
    "groupby of a small table": (
        'customers.groupby("nme").size()',
        [column("customers", "nme", "name")],
    ),
    "groupby of a list": ('df.groupby(["region", "yr"]).size()', [column("df", "yr")]),
    "sort_values": (
        'df.sort_values(by="amnt", ascending=False)',
        [column("df", "amnt", "amount")],
    ),
    "merge": ('df.merge(customers, on="customer")', [column("df", "customer")]),
    "drop": ('df = df.drop(columns=["ragion"])', [column("df", "ragion", "region")]),
    "before it is rebound": (
        'df = df[df["when"] > 1]\ndf["whenever"]',
        [column("df", "when")],
    ),
    "before it is rebound, annotated": (
        'df: object = df[df["when"] > 1]',
        [column("df", "when")],
    ),
    "after another was added": (
        'df["tax"] = df["amount"] * 0.2\ndf["net"]',
        [column("df", "net")],
    ),
    "of the index": ('customers["id"]', [column("customers", "id")]),
    "pivot": (
        'df.pivot_table(index="region", columns="month", values="amount")',
        [column("df", "month")],
    ),
    "plot": ('df.plot(x="date", y="amounts")', [column("df", "amounts", "amount")]),
    "in a loop": (
        'for r in df["regions"].unique():\n    print(r)',
        [column("df", "regions", "region")],
    ),
    "polars": ('trips["citi"]', [column("trips", "citi", "city")]),
    "polars filter": ('trips.filter(pl.col("miles") > 1)', [column("trips", "miles")]),
    "polars group": (
        'trips.group_by("town").agg(pl.col("km").sum())',
        [column("trips", "town")],
    ),
    "printed": ("print(f\"{df['amuont'].sum()}\")", [column("df", "amuont", "amount")]),
    "name and column": (
        'df["reigon"].map(lookup)',
        [name("lookup"), column("df", "reigon", "region")],
    ),
    "module, name and column": (
        'import torchx\nprint(totl, df["x"])',
        [module("torchx", "torch"), name("totl", "total"), column("df", "x")],
    ),
}
