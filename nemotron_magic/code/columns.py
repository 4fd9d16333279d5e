"""Find columns that code takes from a live table that does not have them.

Only straight lines are read, from the top down. As soon as a table may be another, or
may have other columns, nothing is said of it any more.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
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
    try_to_parse,
)
from nemotron_magic.core.introspection import bases, home
from nemotron_magic.core.text import closest_match

__all__ = ["missing_columns"]


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
_COMPREHENSIONS = (ast.DictComp, ast.GeneratorExp, ast.ListComp, ast.SetComp)
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
    attributes: frozenset[str] = frozenset()  # none if they are not known


@dataclass(frozen=True, slots=True)
class _Use:
    """Columns taken from a table, and whether they may be index levels, or values."""

    table: _Table
    name: str
    columns: Collection[str]
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
    for part, target in _in_order(tree.body) if tables else ():
        takes_out = isinstance(part, ast.Delete) or is_call_of(
            getattr(part, "value", part), "pop"
        )
        uses = [*_uses(part, tables)] if takes_out else []
        lost = _lost(part, tables)
        lost = set(tables) if _may_run_user_code(part, user_code, made) else lost
        tables = {
            name: table
            for name, table in tables.items()
            if not any(table is tables.get(other) for other in lost)
        }
        for use in (*uses, *_uses(part, tables)):
            for column in _missing(use):
                if column not in tested:
                    near = closest_match(column, use.table.columns)
                    what = f"{use.name}[{column!r}]"
                    found.setdefault(what, Finding("column", what, near))
        for name, columns in _added(part, tables):
            tables[name].columns.update(columns)
        if target:
            made_table = _derive(part, tables)
            tables.pop(target, None)
            tables |= {target: made_table} if made_table else {}
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
    attributes = frozenset([*dir(type(value)), *vars(value)])
    return _Table(columns, levels, len(index), attributes)


def _derive(node: ast.AST, tables: Mapping[str, _Table]) -> _Table | None:
    """Return what is known of the table that an expression is; at most these columns.

    What may lack some of them, as after `head`, is one that has no others.
    """
    match node:
        case ast.Name(name):
            return tables.get(name)
        case ast.Subscript(owner) | ast.Call(ast.Attribute(owner)):
            table = _derive(owner, tables)
        case _:
            return None
    if table is None:
        return None
    columns, levels, attributes = set(table.columns), table.levels, table.attributes
    keeping = "keep_columns" if attributes else "keep_columns_in_polars"
    match node:
        case ast.Subscript(_, ast.List() as place) if constant_texts(place):
            columns = set(constant_texts(place))
            if len(place.elts) != len(columns):
                return None
        case ast.Subscript(_, place) if _is_mask(place):
            pass
        case ast.Call(ast.Attribute(_, method)) if method in _TABLES[keeping]:
            pass
        case ast.Call(ast.Attribute(_, method), [], []) if (
            method in _TABLES["reduce_to_columns"]
        ):
            attributes = frozenset()
        case ast.Call(ast.Attribute(_, "set_index"), args):
            levels |= {text for one in args for text in constant_texts(one)}
        case ast.Call(ast.Attribute(_, "reset_index"), [], [] | [ast.keyword("drop")]):
            columns |= levels | {"index", "level_0"}
        case ast.Call(ast.Attribute(_, "assign"), [], words) if all(
            word.arg for word in words
        ):
            columns |= {word.arg for word in words if word.arg}
        case ast.Call(ast.Attribute(_, "drop"), [], [ast.keyword("columns", value)]):
            columns -= set(constant_texts(value))
        case ast.Call(
            ast.Attribute(_, "rename"),
            [],
            [ast.keyword("columns", ast.Dict(keys, values))],
        ):
            old = [text for key in keys if key for text in constant_texts(key)]
            new = [text for value in values for text in constant_texts(value)]
            if len(old) != len(keys) or len(new) != len(values):
                return None
            columns = columns - set(old) | set(new)
        case _:
            return None
    return _Table(columns, levels, attributes=attributes)


def _is_mask(place: ast.expr) -> bool:
    """Return whether what stands in brackets chooses rows, and no columns."""
    match place:
        case ast.BinOp(_, ast.BitAnd() | ast.BitOr() | ast.BitXor()):
            return True
        case ast.Compare() | ast.Slice() | ast.UnaryOp(ast.Invert()):
            return True
    return is_call_of(place, *_TABLES["masks"])


def _missing(use: _Use) -> Iterator[str]:
    table = use.table
    if use.may_be_values and len(use.columns) == table.rows:
        return
    there = table.columns | (table.levels if use.may_be_levels else set())
    for column in use.columns:
        # polars may read a pattern, and plotly makes up three names.
        is_made_up = column in ("index", "value", "variable")
        if column not in there and column[:1] not in ("", "^", "*") and not is_made_up:
            yield column


def _in_order(body: list[ast.stmt]) -> Iterator[tuple[ast.AST, str]]:
    """Yield statements, what runs first of them before the rest, and a name for it."""
    for statement in body:
        parts: tuple[ast.AST, ...] = (statement,)
        match statement:
            case ast.Assign([ast.Name(name)], value):
                yield value, name
                continue
            case ast.Assign(targets, value):
                parts = (value, *targets)
            case ast.AnnAssign(target, _, ast.expr() as value):
                parts = (value, target)
            case ast.For(_, first) | ast.If(first) | ast.While(first):
                parts = (first, statement)
            case ast.With(items):
                parts = (*items, statement)
        yield from ((part, "") for part in parts)


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
        case ast.Attribute(ast.Name(name) as value, part):
            table = tables.get(name, _Table(set()))
            is_error = bool(table.attributes) and part not in table.attributes
            if part in _TABLES["read_only"] or part in table.columns or is_error:
                yield value
        case ast.Call(
            ast.Name(name) | ast.Attribute(ast.Name(name)) as func, args, keywords
        ):
            libraries = _TABLES["libraries"] | {*tables}
            is_plain = isinstance(func, ast.Name)
            if name in (_TABLES["builtins"] if is_plain else libraries):
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


def _uses(node: ast.AST, tables: Mapping[str, _Table]) -> Iterator[_Use]:
    """Yield the columns that are surely taken when a piece of code runs."""
    if isinstance(node, _COMPREHENSIONS):
        yield from _uses(node.generators[0].iter, tables)
    if isinstance(node, _NOT_SURE):
        return
    match node:
        case (
            ast.Subscript(ast.Attribute(owner, "loc" | "at"), ast.Tuple([_, place]))
            | ast.Subscript(ast.Call(ast.Attribute(owner, "groupby")), place)
            | ast.Subscript(owner, place, ast.Load() | ast.Del())
            | ast.AugAssign(ast.Subscript(owner, place))
        ) if table := _derive(owner, tables):
            is_set = isinstance(getattr(node, "ctx", None), ast.Store)
            columns = [] if is_set else constant_texts(place)
            is_made = not isinstance(owner, ast.Name)
            yield _Use(table, root_name(owner), columns, may_be_levels=is_made)
        case ast.Attribute(owner, name, ast.Load()) if (
            table := _derive(owner, tables)
        ) and table.attributes:
            if name not in table.attributes and name[0] != "_":
                yield _Use(table, root_name(owner), [name])
        case (
            ast.Call(ast.Attribute(ast.Call(ast.Attribute(owner, "groupby")), method))
            | ast.Call(ast.Attribute(ast.Attribute(owner, "plot" as method)))
            | ast.Call(ast.Attribute(owner, method))
        ) if table := _derive(owner, tables):
            yield from _by_method(node, table, root_name(owner), method)
            yield from _by_lambda(node, table, method, tables)
        case ast.Call(ast.Attribute(ast.Name("pd" | "pandas"), name), [owner, *_]) if (
            table := _derive(owner, tables)
        ):
            yield from _by_keyword(node, table, root_name(owner), "functions", name)
        case ast.Call(ast.Attribute(ast.Name(library))) if library in _PLOTS:
            yield from _plotted(node, tables)
    for part in ast.iter_child_nodes(node):
        yield from _uses(part, tables)


def _by_method(node: ast.Call, table: _Table, name: str, method: str) -> Iterator[_Use]:
    if method in _BY_EXPRESSIONS:
        yield from _by_expressions(node, table, name)
    if method in ("agg", "aggregate", "astype"):
        named = (one.value for one in node.keywords)
        parts = [one.elts[0] for one in named if isinstance(one, ast.Tuple)]
        dicts = (one for one in node.args if isinstance(one, ast.Dict))
        for part in (*parts, *(key for one in dicts for key in one.keys if key)):
            yield _Use(table, name, constant_texts(part), True)
    elif method == "query" and node.args:
        for text in constant_texts(node.args[0]):
            yield _Use(table, name, _names_of_query(text), True)
    yield from _by_keyword(node, table, name, "arguments", method)


def _by_keyword(
    node: ast.Call, table: _Table, name: str, listed: str, method: str
) -> Iterator[_Use]:
    named = LIBRARIES[listed].get(method, "").split()
    are_values = listed == "arguments" and method in ("groupby", "pivot_table")
    if not named or any(one.arg in _OTHERWISE for one in node.keywords):
        return
    values = [keyword.value for keyword in node.keywords if keyword.arg in named]
    if named[0].isdecimal() and len(node.args) == int(named[0]) + 1:
        values.append(node.args[-1])
    for value in values:
        may_be_values = are_values and isinstance(value, ast.List)
        yield _Use(table, name, constant_texts(value), True, may_be_values)


def _by_lambda(
    node: ast.Call, table: _Table, method: str, tables: Mapping[str, _Table]
) -> Iterator[_Use]:
    """Yield what a function in place takes of the table, or of each of its rows."""
    words = {one.arg: one.value for one in node.keywords}
    axis = words.get("axis")
    is_row = method == "apply" and table.rows > 0 and isinstance(axis, ast.Constant)
    if method == "assign":
        columns = table.columns | {word for word in words if word}
        handed = replace(table, columns=columns)
    elif is_row and axis.value in (1, "columns"):  # type: ignore[union-attr]
        handed = replace(table, attributes=frozenset())
    else:
        return
    for value in (*node.args, *words.values()):
        match value:
            case ast.Lambda(ast.arguments(args=[ast.arg(name)]), body):
                yield from _uses(body, {**tables, name: handed})


def _names_of_query(text: str) -> set[str]:
    """Return the names that a query takes for columns; none if it cannot be read."""
    match try_to_parse(text.strip()):
        case ast.Module([ast.Expr(value)]):
            calls = [one.func for one in ast.walk(value) if isinstance(one, ast.Call)]
            return names_in(value) - names_in(*calls)
    return set()  # `@` and backticks are no Python


def _by_expressions(node: ast.Call, table: _Table, name: str) -> Iterator[_Use]:
    """Yield what polars takes by `pl.col`, unless some are of another table."""
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
    if sum(is_call_of(one, *_OF_TABLES) for one in calls) == 1:
        for call in calls:
            for text in call.args if is_call_of(call, "col") else ():
                yield _Use(table, name, constant_texts(text))


def _plotted(node: ast.Call, tables: Mapping[str, _Table]) -> Iterator[_Use]:
    words = {keyword.arg: keyword.value for keyword in node.keywords}
    owner = words.get("data", words.get("data_frame", next(iter(node.args), None)))
    if owner and (table := _derive(owner, tables)):
        for word in _PLOTTED & words.keys():
            if isinstance(words[word], ast.Constant):
                columns = constant_texts(words[word])
                yield _Use(table, root_name(owner), columns, may_be_levels=True)
