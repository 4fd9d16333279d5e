"""A column that is missing is told as long as nothing may have changed its table."""

from __future__ import annotations

import functools
import math
from collections import Counter
from json import dumps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
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
