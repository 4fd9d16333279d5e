"""Cells that fail when they run, and all that is to be found in them."""

from __future__ import annotations

from typing import Any

from nemotron_magic.code.syntax import Finding


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


INSTALLED = frozenset([
    "__future__", "json", "math", "matplotlib", "numpy", "os", "pandas", "polars",
    "seaborn",
])  # fmt: skip

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
    "two names": ("alpha1 + beta2", [name("alpha1"), name("beta2")]),
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
    # The errors after a restart: what the cell changes, it did not make.
    "dropna of nothing": ("rows = rows.dropna()", [name("rows")]),
    "filter of nothing": ("sales = sales[sales.amount > 0]", [name("sales")]),
    "rename of nothing": (
        "cohort = (\n    cohort\n    .rename(columns=str.lower)\n)",
        [name("cohort")],
    ),
    "column of nothing": ('orders["total"] = orders.price * 2', [name("orders")]),
    "item of nothing": ('settings["a"] = 1', [name("settings")]),
    "append to nothing": ("history.append(1)", [name("history")]),
    "concat with nothing": (
        "everything = pd.concat([everything, df])",
        [name("everything")],
    ),
    "fitted nothing": ("clf.fit(df[['amount']], df['region'])", [name("clf")]),
    "swap of nothing": (
        "left1, right1 = right1, left1",
        [name("right1"), name("left1")],
    ),
    "deleted nothing": ("del interim_result", [name("interim_result")]),
    "axes of nothing": ('ax.plot(df["amount"])', [name("ax")]),
    "figure of nothing": ("fig.savefig('a.png')", [name("fig")]),
    # Names, further.
    "slip in a function that waits": (
        "def late():\n    return totla * 2",
        [name("totla", "total")],
    ),
    "in a function that is called": (
        "def f(x):\n    return x * weight_of(x)\nf(2)",
        [name("weight_of")],
    ),
    "in a function of a function": (
        "def f():\n    return g()\ndef g():\n    return kaput\nf()",
        [name("kaput")],
    ),
    "in a function that is handed on": (
        "def f(x):\n    return x + shift_by\ndf['amount'].apply(f)",
        [name("shift_by")],
    ),
    "in a lambda of apply": (
        "df.apply(lambda row: row['amount'] * vat, axis=1)",
        [name("vat")],
    ),
    "in a lambda of assign": (
        "df.assign(net=lambda d: d['amount'] * vat)",
        [name("vat")],
    ),
    "in a key": ("sorted([3, 1], key=lambda v: -v * sign_of)", [name("sign_of")]),
    "in a method that is called": (
        "class A:\n    def go(self):\n        return engine9\nA().go()",
        [name("engine9")],
    ),
    "in a property's class": (
        "class A:\n    size = default_size",
        [name("default_size")],
    ),
    "in a generator": ("sum(v * unit_price for v in [1, 2])", [name("unit_price")]),
    "in a condition of a comprehension": (
        "[v for v in [1] if v > cutoff_value]",
        [name("cutoff_value")],
    ),
    "in a dict comprehension": (
        "{k: table_of[k] for k in 'ab'}",
        [name("table_of")],
    ),
    "in a nested f-string": (
        "print(f'{total:{digits_shown}}')",
        [name("digits_shown")],
    ),
    "in an assertion": ("assert expected_rows == 3", [name("expected_rows")]),
    "raised": ("raise CustomFailure('x')", [name("CustomFailure")]),
    "caught": (
        "try:\n    1 / 0\nexcept HTTPError:\n    pass",
        [name("HTTPError")],
    ),
    "error after its handler": (
        "try:\n    1 / 0\nexcept ValueError as err1:\n    pass\nprint(err1)",
        [name("err1")],
    ),
    "in a while": ("while budget_left > 0:\n    break", [name("budget_left")]),
    "iterated": ("for row in result_rows:\n    print(row)", [name("result_rows")]),
    "sliced": ("print([1, 2][:cut_at])", [name("cut_at")]),
    "unpacked": ("print({**extra_options})", [name("extra_options")]),
    "walrus": ("if (n := total_rows) > 1:\n    print(n)", [name("total_rows")]),
    "async for": ("async for part in stream_of():\n    pass", [name("stream_of")]),
    "async with": ("async with client_for() as c:\n    pass", [name("client_for")]),
    "deep in await": (
        "print(await gathered(one_more))",
        [name("gathered"), name("one_more")],
    ),
    "main is called first": (
        "run_everything()\ndef run_everything():\n    pass",
        [name("run_everything")],
    ),
    "only annotated": ("budget: float\nprint(budget)", [name("budget")]),
    "pandas, not imported": (
        "frame = pandas.DataFrame()",
        [name("pandas", "import pandas")],
    ),
    "Counter without import": (
        "Counter('abc')",
        [name("Counter", "from collections import Counter")],
    ),
    "split without import": (
        "train_test_split(df)",
        [
            name(
                "train_test_split",
                "from sklearn.model_selection import train_test_split",
            )
        ],
    ),
    "px without import": (
        "px.bar(df, x='region', y='amount')",
        [name("px", "import plotly.express as px")],
    ),
    "re in a function without import": (
        "def clean(t):\n    return re.sub('a', 'b', t)",
        [name("re", "import re")],
    ),
    "%%capture": ("%%capture\nprint(hidden_value)", [name("hidden_value")]),
    "%%time above %%capture": ("%%time\n%%capture\nlost_one", [name("lost_one")]),
    "below a future": (
        "%%capture\nfrom __future__ import annotations\nprint(odd_one)",
        [name("odd_one")],
    ),
    "function named top": (
        "def top(n):\n    return n\ntop(how_many)",
        [name("how_many")],
    ),
    # Columns, further.
    "at": ('df.at[0, "amont"]', [column("df", "amont", "amount")]),
    "plot with a literal colour": (
        'import matplotlib\ndf.plot(x="day", y="amount", color="steelblue")',
        [column("df", "day")],
    ),
    "set_index": ('df.set_index("dates")', [column("df", "dates", "date")]),
    "nlargest": ('df.nlargest(3, "amounts")', [column("df", "amounts", "amount")]),
    "value_counts": ('df.value_counts("regions")', [column("df", "regions", "region")]),
    "dropna": ('df = df.dropna(subset=["price"])', [column("df", "price")]),
    "drop_duplicates": ('df.drop_duplicates("client")', [column("df", "client")]),
    "melt": ('df.melt(id_vars=["region"], value_vars=["q1"])', [column("df", "q1")]),
    "made of another": ('df["tax"] = df["net"] * 0.2', [column("df", "net")]),
    "in an if": ('if df["stock"].sum() > 1:\n    pass', [column("df", "stock")]),
    "in a subplot": (
        'fig, ax = plt.subplots()\nax.plot(df["date"], df["valeu"])',
        [column("df", "valeu")],
    ),
    "two tables": (
        'df["id"], customers["region"]',
        [column("df", "id"), column("customers", "region")],
    ),
    "polars select": ('trips.select("kms")', [column("trips", "kms", "km")]),
    "polars with_columns": (
        'trips.with_columns((pl.col("mile") * 2).alias("x"))',
        [column("trips", "mile")],
    ),
    "drawn": (
        'import seaborn as sns\nsns.lineplot(data=df, x="date", y="amuont")',
        [column("df", "amuont", "amount")],
    ),
    "drawn in a literal colour": (
        'import seaborn as sns\nsns.barplot(df, x="regio", y="amount", color="red")',
        [column("df", "regio", "region")],
    ),
    "hue": (
        'import seaborn as sns\nsns.kdeplot(data=df, x="amount", hue="kind")',
        [column("df", "kind")],
    ),
    "aggregated": (
        'df.groupby("region")[["amount", "units"]].sum()',
        [column("df", "units")],
    ),
    "in a call of a library": ('np.log(df["price"])', [column("df", "price")]),
    "in a keyword": ('plt.hist(x=df["price"], bins=3)', [column("df", "price")]),
    "below a harmless magic": (
        '%matplotlib inline\ndf["cost"]',
        [column("df", "cost")],
    ),
    "above a change": (
        'df["cost"].sum()\ndf.columns = ["a", "b", "c"]',
        [column("df", "cost")],
    ),
    "below a function that is not called": (
        'def f(df):\n    return df["x"]\ndf["cost"]',
        [column("df", "cost")],
    ),
    "described": ('df["amuont"].describe()', [column("df", "amuont", "amount")]),
    "in a list": ("print([totl, total])", [name("totl", "total")]),
    "summed by group": (
        'df.groupby("regoin").agg({"amount": "sum"})',
        [column("df", "regoin", "region")],
    ),
    "negated": ('df[~df["valid"]]', [column("df", "valid")]),
}
