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

from nemotron_magic.code import syntax
from nemotron_magic.code.syntax import Finding, Namespace, names_in
from nemotron_magic.core.introspection import bases, home
from nemotron_magic.core.text import closest_match

_MOST = 20
_MADE_UP = ("index", "value", "variable")
_TABLES: dict[str, frozenset[str]] = {
    name: frozenset(all.split()) for name, all in syntax.LIBRARIES["tables"].items()
}
# With these, the names are no columns, or need not be there.
_OTHERWISE = frozenset(["axis", "errors", "how", "level", "strict", None])
_LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)
_USERS = ("", "__main__")
_PLAIN_LABELS = [("pandas", "Index"), ("pandas", "RangeIndex")]
_ROWS = frozenset([("pandas", "DatetimeIndex"), ("pandas", "MultiIndex")])


@dataclass(frozen=True, slots=True)
class _Table:
    """What can be named in a table."""

    columns: set[str]
    rows: int
    levels: frozenset[str] = frozenset()  # of its index
    attributes: frozenset[str] = frozenset()  # none if columns are no attributes


_Tables = Mapping[str, _Table]


def missing_columns(tree: ast.Module, namespace: Namespace) -> list[Finding]:
    """Return a finding for each column that a table does not have."""
    named = {name: namespace[name] for name in names_in(tree) if name in namespace}
    # Two names of one table share what is known of it.
    known = {id(value): _table(value) for value in named.values()}
    tables = {name: t for name in named if (t := known[id(named[name])])}
    user_code = {name for name, value in named.items() if _is_users(value)}
    imported = syntax.bound_names(*syntax.nodes_of(ast.alias, tree))
    made, tested = syntax.bound_names(tree) - imported, syntax.tested_texts(tree)
    found: dict[str, Finding] = {}
    for part in _in_order(tree.body) if tables else ():
        value = getattr(part, "value", part)
        takes_out = isinstance(part, ast.Delete) or syntax.is_call_of(value, "pop")
        uses = [*_uses(part, tables)] if takes_out else []
        is_users = _may_run_user_code(part, user_code, made)
        lost = set(tables) if is_users else _lost(part, tables)
        tables = {
            name: table
            for name, table in tables.items()
            if not any(table is tables.get(other) for other in lost)
        }
        for name, table, column in (*uses, *_uses(part, tables)):
            if column not in tested:
                near, what = closest_match(column, table.columns), f"{name}[{column!r}]"
                found.setdefault(what, Finding("column", what, near))
        for one in syntax.nodes_of(ast.Subscript, part):
            name, columns = _labels(one)
            if name in tables and isinstance(one.ctx, ast.Store):
                tables[name].columns.update(columns)
    return list(found.values())[:_MOST]


def _table(value: Any) -> _Table | None:
    """Return what is known of a table; None for all else, such as derived ones."""
    place = home(type(value))
    if place == ("polars", "DataFrame"):
        return _Table(set(value.columns), value.height)
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
    attributes = frozenset([*dir(type(value)), *vars(value)])
    return _Table(columns, len(index), levels, attributes)


def _in_order(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield statements, and what runs first of them before the rest."""
    for statement in body:
        match statement:
            case ast.Assign(targets, value):
                yield from (value, *targets)
            case ast.AnnAssign(target, _, ast.expr() as value):
                yield from (value, target)
            case ast.For(_, first) | ast.If(first) | ast.While(first):
                yield from (first, statement)
            case _:
                yield statement


def _may_run_user_code(part: ast.AST, names: Collection[str], made: set[str]) -> bool:
    """Return whether user code may run, by its names or by what the cell has made."""
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
        case ast.Call() if syntax.is_call_of(part, "run_line_magic", "run_cell_magic"):
            magics = {name for name, *_ in syntax.magics(part)}
            return not magics <= syntax.words("harmless_magics")
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


def _lost(part: ast.AST, tables: _Tables) -> set[str]:
    """Return the names whose tables may be others after a piece of code, or changed."""
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
        return {part.name}
    nodes, lost = list(ast.walk(part)), syntax.bound_names(part)
    read_only = {id(name) for node in nodes for name in _read_only(node, tables)}
    for node in nodes:
        match node:
            case ast.Name(name) if id(node) not in read_only:
                lost.add(name)
            case ast.Subscript(ast.Attribute(_, "iloc" | "iat")):
                pass  # changes cells only
            case ast.Subscript(_, _, ast.Store()) if _labels(node)[0] in tables:
                pass  # adds columns
            case (
                ast.Subscript(ctx=ast.Store() | ast.Del())
                | ast.Attribute(ctx=ast.Store() | ast.Del())
            ):
                lost.add(syntax.root_name(node))
            case ast.Call(ast.Attribute(ast.Name(name)), _, keywords) if any(
                keyword.arg in ("inplace", "in_place", None) for keyword in keywords
            ):
                lost.add(name)
    return lost


def _read_only(node: ast.AST, tables: _Tables) -> Iterator[ast.AST]:
    """Yield the parts of a node that are left as they are, and get no second name."""
    match node:
        case ast.Subscript(value):
            yield value
        case ast.Attribute(ast.Name(name) as value, part) if table := tables.get(name):
            is_error = bool(table.attributes) and part not in table.attributes
            if part in _TABLES["read_only"] or part in table.columns or is_error:
                yield value
        case ast.Call(ast.Name(name) | ast.Attribute(ast.Name(name)) as func):
            libraries = _TABLES["libraries"] | {*tables}
            is_plain = isinstance(func, ast.Name)
            if name in (_TABLES["builtins"] if is_plain else libraries):
                for one in syntax.arguments_of(node):
                    yield one
                    if isinstance(one, ast.List | ast.Tuple | ast.Dict | ast.Starred):
                        yield from ast.iter_child_nodes(one)
        case _ if isinstance(node, _LOOPS):
            yield node.iter
        case _ if isinstance(node, syntax.kinds("new_values")):
            yield from ast.iter_child_nodes(node)


def _labels(node: ast.AST) -> tuple[str, list[str]]:
    """Return the name that is subscripted by texts, and these; else nothing."""
    match node:
        case (
            ast.Subscript(ast.Name(name), place)
            | ast.AugAssign(ast.Subscript(ast.Name(name), place))
            | ast.Subscript(
                ast.Attribute(ast.Name(name), "loc" | "at"), ast.Tuple([_, place])
            )
            | ast.Subscript(ast.Call(ast.Attribute(ast.Name(name), "groupby")), place)
        ) if labels := syntax.constant_texts(place):
            return name, labels
    return "", []


def _uses(node: ast.AST, tables: _Tables) -> Iterator[tuple[str, _Table, str]]:
    """Yield the columns that are surely taken when code runs, and are not there."""
    if isinstance(node, syntax.kinds("not_sure")):
        return
    for name, column, may_be_level in _named_in(node, tables):
        # polars may read a pattern, and plotly makes up three names.
        is_other = column[:1] in ("", "^", "*") or column in _MADE_UP
        if (table := tables.get(name)) and not (
            is_other
            or column in table.columns
            or (may_be_level and column in table.levels)
        ):
            yield name, table, column
    for part in ast.iter_child_nodes(node):
        yield from _uses(part, tables)


def _named_in(node: ast.AST, tables: _Tables) -> Iterator[tuple[str, str, bool]]:
    """Yield a name, a column that is taken from it, and if a level may be meant."""
    match node:
        case ast.Subscript(ctx=ast.Load() | ast.Del()) | ast.AugAssign():
            name, columns = _labels(node)
            yield from ((name, column, False) for column in columns)
        case ast.Attribute(ast.Name(name), part, ast.Load()) if name in tables:
            attributes = tables[name].attributes
            if attributes and part not in attributes and part[0] != "_":
                yield name, part, False
        case ast.Call(ast.Attribute(ast.Name("sns" | "seaborn" | "px")), args, given):
            named = {one.arg: one.value for one in given}
            data = named.get("data", named.get("data_frame", *args[:1]))
            for one in ("x", "y", "hue"):
                match data, named.get(one):
                    case ast.Name(name), ast.Constant(str(column)):
                        yield name, column, True
        case (
            ast.Call(ast.Attribute(ast.Attribute(ast.Name(name), "plot" as method)))
            | ast.Call(
                ast.Attribute(
                    ast.Call(ast.Attribute(ast.Name(name), "groupby")), method
                )
            )
            | ast.Call(ast.Attribute(ast.Name(name), method))
        ) if name in tables:
            for argument in _arguments(node, method):
                columns = syntax.constant_texts(argument)
                # As many in a list as there are rows may be their values.
                is_list = method == "groupby" and isinstance(argument, ast.List)
                if not is_list or len(columns) != tables[name].rows:
                    yield from ((name, column, True) for column in columns)


def _arguments(node: ast.Call, method: str) -> Iterator[ast.AST]:
    """Yield the arguments of a method that name columns."""
    given = {one.arg: one.value for one in node.keywords}
    place, *named = syntax.LIBRARIES["arguments"].get(method, "").split() or [""]
    if given.keys() & _OTHERWISE:
        return
    yield from (given[one] for one in (place, *named) if one in given)
    if place.isdecimal() and len(node.args) == int(place) + 1:
        yield node.args[-1]
    if method in ("agg", "astype"):
        dicts = (one for one in node.args if isinstance(one, ast.Dict))
        yield from (key for one in dicts for key in one.keys if key)
        pairs = (one for one in given.values() if isinstance(one, ast.Tuple))
        yield from (one.elts[0] for one in pairs)
    # What polars takes by `pl.col`, unless some are of another table.
    calls = [*syntax.nodes_of(ast.Call, node)]
    by_expressions = syntax.words("by_expressions")
    if sum(syntax.is_call_of(one, *by_expressions) for one in calls) == 1:
        for call in calls:
            yield from call.args if syntax.is_call_of(call, "col") else ()
