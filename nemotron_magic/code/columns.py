"""Find columns that code takes from a live table that does not have them.

Only straight lines are read, from the top down. As soon as a table may be another, or
may have other columns, nothing is said of it any more.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from nemotron_magic.code.syntax import (
    HARMLESS_MAGICS,
    LIBRARIES,
    Finding,
    bound_names,
    constant_texts,
    is_call_of,
    magics,
    names_in,
    root_name,
    tested_texts,
)
from nemotron_magic.core.introspection import bases, home
from nemotron_magic.core.text import closest_match

__all__ = [
    "ColumnUse",
    "missing_columns",
]


_MOST = 20
_TABLES: dict[str, frozenset[str]] = {
    name: frozenset(words.split()) for name, words in LIBRARIES["tables"].items()
}
# With these, the names are no columns, or need not be there.
_OTHERWISE = frozenset(["axis", "errors", "how", "level", "strict", None])
_PLOTS = frozenset(["sns", "seaborn", "px"])
_PLOTTED = frozenset(["x", "y", "hue"])  # a colour may be a literal one
# What is in these may run later, or never.
_NOT_SURE = (
    ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.BoolOp, ast.ClassDef,
    ast.DictComp, ast.For, ast.FunctionDef, ast.GeneratorExp, ast.If, ast.IfExp,
    ast.Lambda, ast.ListComp, ast.Match, ast.SetComp, ast.Try, ast.TryStar, ast.While,
    ast.With,
)  # fmt: skip
_BY_EXPRESSIONS = frozenset(["filter", "group_by", "select", "sort", "with_columns"])
_OF_TABLES = _BY_EXPRESSIONS | {"agg", "eval", "join"}
_NEW_VALUES = (ast.BinOp, ast.Compare, ast.Expr, ast.FormattedValue, ast.UnaryOp)
_LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)
_USERS = ("", "__main__")
_PLAIN_LABELS = [("pandas", "Index"), ("pandas", "RangeIndex")]
_ROWS = frozenset([("pandas", "DatetimeIndex"), ("pandas", "MultiIndex")])


@dataclass(slots=True)
class _Table:
    """What can be named in a table."""

    columns: set[str]
    levels: frozenset[str] = frozenset()
    rows: int = -1


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """Columns taken from a table, and whether they may be index levels, or values."""

    table: str
    columns: list[str]
    may_be_levels: bool = False
    may_be_values: bool = False


def missing_columns(tree: ast.Module, namespace: Mapping[str, object]) -> list[Finding]:
    """Return a finding for each column that a table does not have."""
    named = {name: namespace[name] for name in names_in(tree) if name in namespace}
    # Two names of one table share what is known of it.
    known = {id(value): _table(value) for value in named.values()}
    tables = {name: t for name in named if (t := known[id(named[name])])}
    user_code = {name for name, value in named.items() if _is_users(value)}
    kinds = ast.Import | ast.ImportFrom
    imports = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    made, tested = bound_names(tree) - bound_names(*imports), tested_texts(tree)
    found: dict[str, Finding] = {}
    for part in _in_order(tree.body) if tables else ():
        lost = _lost(part, tables)
        lost = set(tables) if _may_run_user_code(part, user_code, made) else lost
        tables = {
            name: table
            for name, table in tables.items()
            if not any(table is tables.get(other) for other in lost)
        }
        for use in _uses(part, tables):
            table = tables[use.table]
            for column in _missing(use, table):
                if column not in tested:
                    near = closest_match(column, table.columns)
                    what = f"{use.table}[{column!r}]"
                    found.setdefault(what, Finding("column", what, near))
        for name, columns in _added(part, tables):
            tables[name].columns.update(columns)
    return list(found.values())[:_MOST]


def _table(value: Any) -> _Table | None:
    """Return what is known of a table; None for anything else.

    A class that derives from a table may take other names for columns.
    """
    place = home(type(value))
    if place == ("polars", "DataFrame"):
        return _Table(set(value.columns))
    if place != ("pandas", "DataFrame"):
        return None
    labels, index = value.columns, value.index
    kinds = [home(cls) for cls in bases(type(index))]
    # A text can stand for rows if they have dates, or several labels.
    has_rows = kinds[0][0] != "pandas" or not _ROWS.isdisjoint(kinds)
    if has_rows or home(type(labels)) not in _PLAIN_LABELS:
        return None
    columns = {label for label in labels.tolist() if type(label) is str}
    levels = frozenset(level for level in index.names if type(level) is str)
    return _Table(columns, levels, len(index))


def _missing(use: ColumnUse, table: _Table) -> Iterator[str]:
    if use.may_be_values and len(use.columns) == table.rows:
        return
    there = table.columns | (table.levels if use.may_be_levels else set())
    for column in use.columns:
        # polars may read a pattern, and plotly makes up three names.
        is_made_up = column in ("index", "value", "variable")
        if column not in there and column[:1] not in ("", "^", "*") and not is_made_up:
            yield column


def _in_order(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield statements, and what runs first of them before the rest."""
    for statement in body:
        match statement:
            case ast.Assign(targets, value):
                yield from (value, *targets)
            case ast.AnnAssign(target, _, value) if value:
                yield from (value, target)
            case ast.For(_, first) | ast.If(first) | ast.While(first):
                yield from (first, statement)
            case ast.With(items):
                yield from (*items, statement)
            case _:
                yield statement


def _may_run_user_code(part: ast.AST, names: Collection[str], made: set[str]) -> bool:
    """Return whether code of the user's may run with a piece of code.

    `names` stand for such code, and `made` are defined in the cell itself.
    """
    match part:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return bool(part.decorator_list)
        case ast.ClassDef() | ast.Await():
            return True
        case ast.Name(name) if name in names or name in _TABLES["evaluate"]:
            return True
        case ast.Call(ast.Name(name)) if name in made:
            return True
        case ast.Call(func) if not isinstance(func, ast.Attribute | ast.Name):
            return True
        case ast.Call() if is_call_of(part, "run_line_magic", "run_cell_magic"):
            return not HARMLESS_MAGICS.issuperset(name for name, _ in magics(part))
    parts = ast.iter_child_nodes(part)
    return any(_may_run_user_code(one, names, made) for one in parts)


def _is_users(value: Any) -> bool:
    """Return whether something was made in the notebook, or may call what was."""
    if type(value) is FunctionType:
        return value.__module__ in _USERS
    if type in bases(type(value)):
        return home(value)[0] in _USERS
    if type(value) in (BuiltinFunctionType, ModuleType):
        return False
    return callable(value) or home(type(value))[0] in _USERS


def _lost(part: ast.AST, tables: Mapping[str, _Table]) -> set[str]:
    """Return the names whose tables may be others after a piece of code, or changed."""
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
        return {part.name}
    nodes, lost = list(ast.walk(part)), bound_names(part)
    read_only = {id(name) for node in nodes for name in _read_only(node, tables)}
    for node in nodes:
        match node:
            case ast.Name(name) if id(node) not in read_only:
                lost.add(name)
            case ast.Subscript(ast.Attribute(_, "iloc" | "iat")) | ast.Subscript(
                _, _, ast.Load()
            ):
                pass  # changes cells only, or nothing
            case ast.Subscript() if not list(_added(node, tables)):
                lost.add(root_name(node))
            case ast.Attribute(_, _, ast.Store() | ast.Del()):
                lost.add(root_name(node))
            case ast.Call(ast.Attribute(ast.Name(name)), _, keywords) if any(
                keyword.arg in ("inplace", "in_place", None) for keyword in keywords
            ):
                lost.add(name)
    return lost


def _read_only(node: ast.AST, tables: Mapping[str, _Table]) -> Iterator[ast.AST]:
    """Yield the parts of a node that are left as they are, and get no second name."""
    match node:
        case ast.Subscript(value):
            yield value
        case ast.Attribute(ast.Name(name), part):
            if part in _TABLES["read_only"] or (
                name in tables and part in tables[name].columns
            ):
                yield node.value
        case ast.Call(
            ast.Name(name) | ast.Attribute(ast.Name(name)) as func, args, keywords
        ):
            owners = (
                _TABLES["builtins"]
                if isinstance(func, ast.Name)
                else _TABLES["libraries"] | {*tables}
            )
            if name in owners:
                for one in (*args, *(keyword.value for keyword in keywords)):
                    yield one
                    if isinstance(one, ast.List | ast.Tuple | ast.Dict | ast.Starred):
                        yield from ast.iter_child_nodes(one)
        case _ if isinstance(node, _LOOPS):
            yield node.iter
        case _ if isinstance(node, _NEW_VALUES):
            yield from ast.iter_child_nodes(node)


def _added(
    part: ast.AST, tables: Mapping[str, _Table]
) -> Iterator[tuple[str, list[str]]]:
    """Yield the columns that assignments by name give to tables."""
    for node in ast.walk(part):
        match node:
            case ast.Subscript(ast.Name(name), place, ast.Store()) | ast.Subscript(
                ast.Attribute(ast.Name(name), "loc" | "at"),
                ast.Tuple([_, place]),
                ast.Store(),
            ) if name in tables and (columns := constant_texts(place)):
                yield name, columns


def _uses(node: ast.AST, tables: Mapping[str, _Table]) -> Iterator[ColumnUse]:
    """Yield the columns that are surely taken when a piece of code runs."""
    if isinstance(node, _NOT_SURE):
        return
    match node:
        case ast.Subscript(ast.Name(name), place, ast.Load()) | ast.AugAssign(
            ast.Subscript(ast.Name(name), place)
        ) if name in tables:
            yield ColumnUse(name, constant_texts(place))
        case ast.Subscript(
            ast.Attribute(ast.Name(name), "loc" | "at"),
            ast.Tuple([_, place]),
            ast.Load(),
        ) | ast.Subscript(
            ast.Call(ast.Attribute(ast.Name(name), "groupby")), place
        ) if name in tables:
            yield ColumnUse(name, constant_texts(place))
        case ast.Call(ast.Attribute(ast.Name(name), method)) if name in tables:
            yield from _by_method(node, name, method)
        case ast.Call(ast.Attribute(ast.Attribute(ast.Name(name), "plot"))) if (
            name in tables
        ):
            yield from _by_method(node, name, "plot")
        case ast.Call(ast.Attribute(ast.Name(library))) if library in _PLOTS:
            yield from _plotted(node, tables)
    for part in ast.iter_child_nodes(node):
        yield from _uses(part, tables)


def _by_method(node: ast.Call, name: str, method: str) -> Iterator[ColumnUse]:
    if method in _BY_EXPRESSIONS:
        yield from _by_expressions(node, name)
    named = LIBRARIES["arguments"].get(method, "").split()
    if not named or any(one.arg in _OTHERWISE for one in node.keywords):
        return
    values = [keyword.value for keyword in node.keywords if keyword.arg in named]
    if named[0].isdecimal() and len(node.args) == int(named[0]) + 1:
        values.append(node.args[-1])
    for value in values:
        may_be_values = method in ("groupby", "pivot_table") and isinstance(
            value, ast.List
        )
        yield ColumnUse(name, constant_texts(value), True, may_be_values=may_be_values)


def _by_expressions(node: ast.Call, name: str) -> Iterator[ColumnUse]:
    """Yield what polars takes by `pl.col`, unless some are of another table."""
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
    if sum(is_call_of(one, *_OF_TABLES) for one in calls) == 1:
        for call in calls:
            for text in call.args if is_call_of(call, "col") else ():
                yield ColumnUse(name, constant_texts(text))


def _plotted(node: ast.Call, tables: Mapping[str, _Table]) -> Iterator[ColumnUse]:
    words = {keyword.arg: keyword.value for keyword in node.keywords}
    table = words.get("data", words.get("data_frame", next(iter(node.args), None)))
    if isinstance(table, ast.Name) and table.id in tables:
        for word in _PLOTTED & words.keys():
            if isinstance(words[word], ast.Constant):
                yield ColumnUse(
                    table.id, constant_texts(words[word]), may_be_levels=True
                )
