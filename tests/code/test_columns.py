"""A column that is missing is told as long as nothing may have changed its table."""

from __future__ import annotations

import functools
import math
from collections import Counter
from json import dumps
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from warnings import catch_warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from bad_cells import live
from IPython.core.inputtransformer2 import TransformerManager

from nemotron_magic.code.check import check


def of_users(thing: Any) -> Any:
    """Give a function or a class as if a cell of the notebook had made it."""
    thing.__module__ = "__main__"
    return thing


@pytest.fixture(scope="module")
def namespace() -> dict[str, Any]:
    mine = of_users(type("Mine", (), {"go": lambda self: None, "df": None}))
    return {
        "df": pd.DataFrame({"a": range(12), "b": range(12)}),
        "other": pd.DataFrame({"a": [1], "c": [2]}),
        "trips": pl.DataFrame({"a": [1]}),
        "change": of_users(lambda *args: None),
        "unnamed": type("U", (), {"__module__": ""}),
        "partial": functools.partial(print),
        "Mine": mine,
        "mine": mine(),
        "holder": SimpleNamespace(),
        "dumps": dumps,
        "sqrt": math.sqrt,
        "Counter": Counter,
        "Path": Path,
        "x": np.arange(3),
        "np": np,
        "pd": pd,
        "pl": pl,
    }


def missing(source: str, namespace: dict[str, Any]) -> list[str]:
    """Give what is said of columns."""
    found = check(source, namespace, TransformerManager().transform_cell)
    return [one.what for one in found if one.kind == "column"]


@pytest.mark.parametrize(
    "first",
    [
        "print(df.head(), len(df))",
        "y = df['a'].sum()",
        "y = df[df['a'] > 1]",
        "y = {'k': df['a'], 'l': [df.shape]}",
        "y = f'{df}'",
        "df == 1",
        "df.iloc[0, 0] = df.iat[1, 1] = 0",
        "df['c'] = 1",
        "df.loc[:, 'c'] = 1",
        "other['nope'] = 1",
        "other = 1",
        "df.sort_values('a')",
        "other.merge(df)",
        "np.mean(df)",
        "pd.concat([df, df])",
        "y = dumps(1), sqrt(2), Counter('a'), Path('x')",
        "y = x.sum(), x.mean()",
        "import json\njson.loads('1')",
        "from json import loads\nloads('1')",
        "%timeit 1",
        "!ls",
        "def f():\n    return 1",
        "for y in x:\n    print(y)",
        "with open('x') as file:\n    pass",
        "df.T, df.values, df.a",
        "y = [len(df) for _ in x]",
        "for row in df.iterrows():\n    pass",
    ],
)
def test_what_leaves_a_table_alone_hides_nothing(
    namespace: dict[str, Any], first: str
) -> None:
    assert missing(f"{first}\ndf['nope']", namespace) == ["df['nope']"]


@pytest.mark.parametrize(
    "first",
    [
        "df = pd.read_csv('x')",
        "df: object = 1",
        "df += 1",
        "del df",
        "del df['a']",
        "df.columns = ['nope']",
        "df.columns.values[0] = 'nope'",
        "df['nope'] = 1",
        "df['nope'], y = 1, 2",
        "df.loc[:, 'nope'] = 1",
        "df[['nope', 'c']] = 1",
        "df[x] = 1",
        "df.loc[0] = 1",
        "df.nope = 1",
        "df.insert(0, 'nope', 1)",
        "pd.DataFrame.insert(df, 0, 'nope', 1)",
        "add = df.insert\nadd(0, 'nope', 1)",
        "df.rename(columns={'a': 'nope'}, inplace=True)",
        "df.rename(**x)",
        "df.pipe(np.sum)",
        "y = df",
        "y = [df]",
        "y = {'k': df}",
        "y = (1, df)[1]",
        "y = {'k': df}['k']",
        "holder.df = df",
        "holder.append(df)",
        "for y in [df]:\n    y['nope'] = 1",
        "with df as y:\n    pass",
        "(y := df)",
        "y = df if x else other",
        "change()",
        "change(df)",
        "unnamed()",
        "partial()",
        "x[0]()",
        "Mine()",
        "mine.go()",
        "np.frompyfunc(x, 1, 1)(df)",
        "def f():\n    pass\nf()",
        "f = lambda: 1\nf()",
        "class A:\n    def go(self): ...\nholder.go()",
        "exec('1')",
        "globals()['df'] = 1",
        "setattr(df, 'nope', 1)",
        "%run other.py",
        "if x:\n    df['nope'] = 1",
        "for y in x:\n    df['nope'] = 1",
        "while x:\n    df = 1",
        "try:\n    df['nope'] = 1\nfinally:\n    pass",
        "match x:\n    case 1:\n        df = 1",
        "match x:\n    case df:\n        pass",
        "for df in x:\n    pass",
        "import df",
        "def df():\n    pass",
    ],
)
def test_what_may_change_a_table_ends_what_is_said_of_it(
    namespace: dict[str, Any], first: str
) -> None:
    assert missing(f"{first}\ndf['nope']", namespace) == []


INDEXED = pd.Index([1, 2], name="id")
DAYS = pd.date_range("2024-01-01", periods=2)
ROWS = pd.MultiIndex.from_tuples([(1, 2), (3, 4)])


class Table(pd.DataFrame):
    """A table of the user's, which may take other names."""


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pl.DataFrame({"a": [1]}), True),
        (pd.DataFrame({"a": [1, 2], 3: [4, 5]}), True),
        (pd.DataFrame(np.eye(2)), True),
        (pd.DataFrame({"a": [1, 2]}, INDEXED), True),
        (pd.DataFrame({"a": [1, 2]}, DAYS), False),  # its text may be a day
        (pd.DataFrame({"a": [1, 2]}, ROWS), False),  # or one of two labels
        (pd.DataFrame([[1]], columns=DAYS[:1]), False),
        (pd.DataFrame([[1]], columns=ROWS[:1]), False),
        (Table({"a": [1]}), False),
        (pd.Series([1]), False),
        ({"a": [1]}, False),
    ],
)
def test_columns_are_known_of_plain_tables(table: Any, said: bool) -> None:
    assert missing("t['nope']", {"t": table}) == (["t['nope']"] if said else [])


def test_two_names_of_one_table_share_its_columns(namespace: dict[str, Any]) -> None:
    both = namespace | {"same": namespace["df"]}

    assert missing("same['new'] = 1\ndf['new'], df['old']", both) == ["df['old']"]
    assert missing("same.insert(0, 'new', 1)\ndf['new']", both) == []


@pytest.mark.parametrize(
    ("source", "columns"),
    [
        # In brackets.
        ("t['p']['q']", "p"),
        ("t[['p', 'q', 1, x]]", "p q"),
        ("t.loc[1, 'p'], t.at[1, 'q']", "p q"),
        ("t.loc['p']", ""),
        ("t[x]", ""),
        ("t['p'] += 1", "p"),
        ("t.groupby('p')['q']", "p q"),
        ("t.rolling(2)['p']", ""),
        # As arguments.
        ("t.sort_values(by=['p', 'q'])", "p q"),
        ("t.sort_values('p', axis=1)", ""),
        ("t.sort_values(x, 'p')", ""),
        ("t.nlargest(3, 'p')", "p"),
        ("t.drop('p')", ""),
        ("t.drop(columns='p')", "p"),
        ("t.drop(columns='p', errors='ignore')", ""),
        ("t.drop(index='p')", ""),
        ("t.merge(u, left_on='p', right_on='q')", "p"),
        ("t.merge(u, on='p', how='cross')", ""),
        ("t.boxplot(column='p', by='q')", "p q"),
        ("t.plot.bar(x='p', color='steelblue')", "p"),
        ("t.rename(columns={'p': 'q'})", ""),
        ("t.get('p')", ""),
        ("t.groupby(['p', 'q']).size()", ""),  # as many as there are rows
        ("t.groupby(['p']).size()", "p"),
        ("t.groupby('id').size(), t.sort_values('id')", ""),
        ("t['id']", "id"),
        # In expressions of polars.
        ("v.select('p', pl.col('q', 'r'))", "q r"),
        ("v.filter(pl.col('p') > 1)", "p"),
        ("v.filter(x.is_in(v.select(pl.col('p'))))", "p"),  # the inner one only
        ("v.group_by('p').agg(pl.col('q'))", "p"),
        ("v.select(pl.col('^p.*$'))", ""),
        # In plots.
        ("sns.lineplot(data=t, x='p', y='q')", "p q"),
        ("sns.lineplot(t, hue='p', color='steelblue', style='--')", "p"),
        ("px.bar(data_frame=t, x='p', color='red')", "p"),
        ("px.bar(t, x=['p'], title='q')", ""),
        ("plt.scatter('p', 'q', data=t, color='red')", ""),
        # Only what surely runs.
        ("lambda: t['p']", ""),
        ("t['p'] if x else 1", ""),
        ("x and t['p']", ""),
        ("[t['p'] for _ in x]", ""),
        ("f = print(1, *t['p'])", "p"),
    ],
)
def test_what_is_taken_is_named(source: str, columns: str) -> None:
    table = pd.DataFrame({"a": [1, 2]}, INDEXED)
    named = {"t": table, "u": {}, "v": pl.DataFrame({"a": [1]}), "pl": pl, "x": 1}
    found = [one.partition("'")[2].rstrip("']") for one in missing(source, named)]

    assert sorted(found) == columns.split()


@pytest.mark.parametrize("name", ["title", "source"])
def test_an_attribute_that_an_earlier_cell_set_is_there(name: str) -> None:
    df = pd.DataFrame({"a": [1]})
    with catch_warnings(action="ignore"):  # pandas takes it for a column
        setattr(df, name, ["x"])

    assert check(f"df.{name}", {"df": df}) == ()
    assert [one.what for one in check("df.other", {"df": df})] == ["df['other']"]


MISSING = [
    'df["reigon"].unique()',
    'df[df["amout"] > 2]',
    'df.groupby("regin")["amount"].sum()',
    'df.groupby("region")["amout"].sum()',
    'df.groupby("region").agg({"amout": "sum"})',
    'df.groupby("region").agg(total=("amout", "sum"))',
    'df.sort_values("amout", ascending=False).head()',
    'df.drop(columns=["amout"])',
    'df.astype({"amout": float})',
    'df.plot(x="date", y="amout")',
    'plt.plot(df["date"], df["price"])',
    'df["date"] = pd.to_datetime(df["Date"])',
    'df["amount"].fillna(df["price"].mean())',
    'if df["amout"].sum() > 1:\n    print(1)',
    "print(f\"{df['amout'].mean():.2f}\")",
    'len(df[df["amout"].isna()])',
    'df.dropna(subset=["amout"])',
    'df.nlargest(3, "amout")',
    'df.value_counts("regin")',
    'df.hist(column="amout")',
    'trips.select("kms")',
    'trips.with_columns((pl.col("kms") * 2).alias("d"))',
    'df.at[0, "amout"]',
    'del df["amout"]',
    'df.pop("amout")',
    'np.mean(df["amout"])',
    'sum(df["amout"])',
    'max(df["amout"])',
    'df["amount"].corr(df["price"])',
    'df.loc[:, ["region", "amout"]]',
    'df.loc[:, "amout"]',
    '%time df["amout"].sum()',
    '%timeit df["amout"].sum()',
    '%%time\ndf["amout"].sum()',
    '_ = df["amout"]',
    'df["amount"] = df["amout"].astype(int)',
    'df.region.value_counts(), df["regin"]',
    's = df["amout"]\ns.plot()',
    'df.sort_values(by=["region", "amout"])',
    'df.sort_values(by="amout")',
    'df.to_csv("x.csv", columns=["amout"])',
    'df.plot.bar(x="region", y="amout")',
    "df.amout.sum()",
    "df.regin.unique()",
    "df.loc[df.amout > 1]",
    'df[df.regin == "N"]',
    'np.where(df["amout"] > 1, 1, 0)',
    'list(df["amout"])',
    'zip(df["region"], df["amout"])',
    'pd.cut(df["amout"], bins=3)',
    'pd.concat([df["region"], df["amout"]], axis=1)',
    'df.agg({"amount": "sum", "amout": "mean"})',
    'df.groupby("region")[["amount", "qty"]].sum()',
    'df.groupby(by="regin").size()',
    'df.pivot(index="region", columns="date", values="amout")',
    'y = df.pop("target")',
]


@pytest.mark.parametrize("source", MISSING)
def test_a_column_is_missed_wherever_it_is_taken(source: str) -> None:
    found = check(source, live(), TransformerManager().transform_cell, lambda _: True)

    assert {one.kind for one in found} == {"column"}
