"""What is known of the tables that names stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nemotron_magic.code.frames import Frame, frame_of


class Table(pd.DataFrame):
    """A table of the user's."""


class Labels(pd.Index):
    """Labels of the user's."""


INDEX = pd.Index([1, 2], name="id")
DAYS = pd.date_range("2024-01-01", periods=2)


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (pl.DataFrame({"a": [1]}), Frame(frozenset("a"))),
        (pd.DataFrame({"a": [1, 2], 3: [4, 5]}), Frame(frozenset("a"), rows=2)),
        (pd.DataFrame(np.eye(2)), Frame(frozenset(), rows=2)),
        (
            pd.DataFrame({"a": [1, 2]}, INDEX),
            Frame(frozenset("a"), frozenset(["id"]), 2),
        ),
        (
            pd.DataFrame({"a": [1, 2]}, pd.MultiIndex.from_tuples([(1, 2), (3, 4)])),
            Frame(frozenset("a"), rows=2, is_deep=True),
        ),
        (pd.DataFrame({"a": [1, 2]}, DAYS), None),  # its text may be a day
        (pd.DataFrame([[1]], columns=DAYS[:1]), None),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), None),
        (Table({"a": [1]}), None),
        (pd.Series([1]), None),
        ({"a": [1]}, None),
    ],
    ids=[
        *("polars", "pandas", "numbered", "with an index", "with two"),
        *("by days", "days across"),
        *("labels of two levels", "the user's own", "a series", "a dict"),
    ],
)
def test_a_table_is_known_by_its_columns(value: Any, known: Frame | None) -> None:
    assert frame_of({"df": value}, "df") == known
    assert frame_of({}, "df") is None


def test_a_table_with_an_index_of_the_users_is_not_known() -> None:
    table = pd.DataFrame({"a": [1, 2]})
    index = object.__new__(Labels)
    index.__dict__.update(INDEX.__dict__)
    table.index = index

    assert type(table.index) is Labels
    assert frame_of({"df": table}, "df") is None
