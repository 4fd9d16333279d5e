"""The columns that code surely takes from a table, however it names them."""

from __future__ import annotations

import ast

import pytest

from nemotron_magic.code.taken import Taken, taken_columns


def taken(source: str) -> list[str]:
    tree = ast.parse(source)
    return [f"{one.table}.{one.column}" for one in taken_columns(tree, {"t", "u"})]


@pytest.mark.parametrize(
    ("source", "columns"),
    [
        # In brackets.
        ("t['a']", "t.a"),
        ("t['a']['b']", "t.a"),
        ("t[['a', 'b', 1, x]]", "t.a t.b"),
        ("t['a'] = u['b']", "u.b"),
        ("del t['a']", ""),
        ("t[x]", ""),
        ("v['a']", ""),
        ("t.loc[1, 'a']", "t.a"),
        ("t.at[1, 'a']", "t.a"),
        ("t.loc['a']", ""),
        ("t.iloc[1, 'a']", ""),
        ("t.groupby('a')['b']", "t.b t.a"),
        ("t.rolling(2)['b']", ""),
        # As arguments.
        ("t.sort_values('a')", "t.a"),
        ("t.sort_values(by=['a', 'b'])", "t.a t.b"),
        ("t.sort_values('a', axis=1)", ""),
        ("t.sort_values(**x)", ""),
        ("t.sort_values(x, 'a')", ""),
        ("t.nlargest(3, 'a')", "t.a"),
        ("t.nlargest('a')", ""),
        ("t.drop('a')", ""),
        ("t.drop(columns='a')", "t.a"),
        ("t.drop(columns='a', errors='ignore')", ""),
        ("t.drop(index='a')", ""),
        ("t.merge(u, on='a')", "t.a"),
        ("t.merge(u, left_on='a', right_on='b')", "t.a"),
        ("t.merge(u, on='a', how='cross')", ""),
        ("t.melt(id_vars='a', value_vars=['b', 'c'])", "t.a t.b t.c"),
        ("t.boxplot(column='a', by='b')", "t.a t.b"),
        ("t.pivot(index='a', columns='b', values='c')", "t.a t.b t.c"),
        ("t.plot(x='a', y='b')", "t.a t.b"),
        ("t.plot.bar(x='a')", "t.a"),
        ("t.style.bar(x='a')", ""),
        ("t.rename(columns={'a': 'b'})", ""),
        ("t.get('a')", ""),
        # In expressions of polars.
        ("t.select('a', pl.col('b', 'c'))", "t.b t.c"),
        ("t.select('a')", "t.a"),
        ("t.filter(pl.col('a') > 1)", "t.a"),
        ("t.filter(u.select(pl.col('b')))", "u.b"),
        ("t.filter(lambda x: pl.col('a'))", ""),
        ("t.group_by('a').agg(pl.col('b'))", "t.a"),
        ("t.head(pl.col('a'))", ""),
        # In plots.
        ("sns.lineplot(data=t, x='a', y='b')", "t.a t.b"),
        ("sns.lineplot(t, hue='a')", "t.a"),
        ("px.bar(data_frame=t, x='a')", "t.a"),
        ("px.bar(t, x=['a'])", ""),  # a list of columns, or of values
        ("px.bar(t, title='a')", ""),
        ("px.bar(v, x='a')", ""),
        ("px.bar(x='a')", ""),
        ("px.bar(**x)", ""),
        ("other.bar(t, x='a')", ""),
        # Only what surely runs.
        ("lambda: t['a']", ""),
        ("def f(): t['a']", ""),
        ("t['a'] if t['b'] else t['c']", "t.b"),
        ("t['a'] and t['b']", "t.a"),
        ("[t['a'] for x in t['b']]", "t.a t.b"),
        ("[t['a'] for x in t['b'] if x]", "t.b"),
        ("{t['a']: 1 for x in t['b']}", "t.a t.b"),
        ("(t['a'] for x in t['b'])", "t.b"),
        ("f(x=t['a'], *t['b'])", "t.b t.a"),
    ],
)
def test_what_is_taken_is_named(source: str, columns: str) -> None:
    assert sorted(taken(source)) == sorted(columns.split())


@pytest.mark.parametrize(
    ("source", "may_be_level", "is_listed_key"),
    [
        ("t['a']", False, False),
        ("t.sort_values('a')", True, False),
        ("t.plot.bar(x='a')", True, False),
        ("sns.lineplot(t, x='a')", True, False),
        ("t.groupby('a')", True, False),
        ("t.groupby(['a'])", True, True),
        ("t.pivot_table('a', index='a')", True, False),
        ("t.pivot_table(index=['a'])", True, True),
    ],
)
def test_what_it_may_be_besides_is_told(
    source: str, may_be_level: bool, is_listed_key: bool
) -> None:
    (found,) = taken_columns(ast.parse(source), {"t"})

    assert found == Taken("t", "a", may_be_level, is_listed_key)
