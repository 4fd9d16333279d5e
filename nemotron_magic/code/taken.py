"""The columns that a piece of code takes from tables by name."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from nemotron_magic.code.trees import is_call_of

__all__ = ["Taken", "constant_texts", "taken_columns"]

# Which arguments of a method name columns: its place, and its names.
_ARGUMENTS: dict[str, tuple[int | None, tuple[str, ...]]] = {
    "boxplot": (None, ("column", "by")),
    "drop": (None, ("columns",)),
    "drop_duplicates": (0, ("subset",)),
    "drop_nulls": (0, ("subset",)),
    "dropna": (None, ("subset",)),
    "duplicated": (0, ("subset",)),
    "explode": (0, ("column",)),
    "get_column": (0, ()),
    "group_by": (0, ()),
    "groupby": (0, ("by",)),
    "hist": (None, ("column", "by")),
    "join": (None, ("on", "left_on")),
    "melt": (None, ("id_vars", "value_vars")),
    "merge": (None, ("on", "left_on")),
    "nlargest": (1, ("columns",)),
    "nsmallest": (1, ("columns",)),
    "pivot": (None, ("index", "columns", "values")),
    "pivot_table": (None, ("index", "columns", "values")),
    "plot": (None, ("x", "y")),
    "select": (0, ()),
    "set_index": (0, ("keys",)),
    "sort": (0, ("by",)),
    "sort_values": (0, ("by",)),
    "unique": (0, ("subset",)),
    "value_counts": (0, ("subset",)),
}
# With these, the names are no columns, or need not be there.
_OTHERWISE = frozenset(["axis", "errors", "how", "level", "strict", None])
_PLOTS = frozenset(["sns", "seaborn", "px"])
_CHANNELS = frozenset([
    "x", "y", "hue", "size", "style", "color", "facet_col", "facet_row",
    "hover_name", "line_group", "names", "symbol",
])  # fmt: skip
_EXPRESSIONS = frozenset(["select", "filter", "with_columns", "sort", "group_by"])
_OTHER_TABLES = ("agg", "eval", "filter", "group_by", "join", "select", "with_columns")


@dataclass(frozen=True, slots=True)
class Taken:
    """A column of a table.

    Parameters
    ----------
    may_be_level
        Whether it can be the name of what names the rows, too.
    is_listed_key
        Whether rows are grouped by it and others: a list as long as the table is no
        list of names.
    may_be_row
        Whether it can be a part of what names a row, too.
    """

    table: str
    column: str
    may_be_level: bool = False
    is_listed_key: bool = False
    may_be_row: bool = False


def taken_columns(node: ast.AST, names: Collection[str]) -> Iterator[Taken]:
    """Give what is surely taken when the code runs.

    Parameters
    ----------
    names
        The names of the tables.
    """
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from _by_brackets(node, names)
    elif isinstance(node, ast.Call):
        yield from _by_call(node, names)
    for part in _surely_run(node):
        yield from taken_columns(part, names)


def constant_texts(node: ast.expr) -> list[str]:
    """Give the texts of a constant or a list of them; nothing of anything else."""
    parts = node.elts if isinstance(node, ast.List) else [node]
    return [
        one.value
        for one in parts
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]


def _surely_run(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return
        case ast.IfExp(test):
            yield test
        case ast.BoolOp(_, [first, *_]):
            yield first
        case ast.comprehension(_, source):
            yield source
        case ast.GeneratorExp(_, [ast.comprehension(_, source), *_]):
            yield source  # the rest waits until something is taken from it
        case ast.ListComp() | ast.SetComp() | ast.DictComp():
            # With a condition, what stands before it may never be looked at.
            has_ifs = any(one.ifs for one in node.generators)
            yield from node.generators[:1] if has_ifs else ast.iter_child_nodes(node)
        case _:
            yield from ast.iter_child_nodes(node)


def _by_brackets(node: ast.Subscript, names: Collection[str]) -> Iterator[Taken]:
    match node:
        case ast.Subscript(ast.Name(name), place) if name in names:
            yield from (Taken(name, text) for text in constant_texts(place))
        case ast.Subscript(
            ast.Attribute(ast.Name(name), "loc" | "at"), ast.Tuple([_, place])
        ) if name in names:
            for text in constant_texts(place):
                yield Taken(name, text, may_be_row=True)
        case ast.Subscript(
            ast.Call(ast.Attribute(ast.Name(name), "groupby")), place
        ) if name in names:
            yield from (Taken(name, text) for text in constant_texts(place))


def _by_call(node: ast.Call, names: Collection[str]) -> Iterator[Taken]:
    match node.func:
        case ast.Attribute(ast.Name(name), method) if name in names:
            values = (*node.args, *(keyword.value for keyword in node.keywords))
            is_listed_key = method in ("groupby", "pivot_table") and any(
                isinstance(value, ast.List) for value in values
            )
            for text in _arguments(node, method):
                yield Taken(name, text, True, is_listed_key)
        case ast.Attribute(ast.Attribute(ast.Name(name), "plot")) if name in names:
            yield from (Taken(name, text, True) for text in _arguments(node, "plot"))
        case ast.Attribute(ast.Name(library)) if library in _PLOTS:
            yield from _drawn(node, names)


def _arguments(node: ast.Call, method: str) -> Iterator[str]:
    if method in _EXPRESSIONS:
        yield from _in_expressions(node)
    if method not in _ARGUMENTS or any(one.arg in _OTHERWISE for one in node.keywords):
        return
    place, words = _ARGUMENTS[method]
    if place is not None and len(node.args) == place + 1:
        yield from constant_texts(node.args[place])
    for keyword in node.keywords:
        if keyword.arg in words:
            yield from constant_texts(keyword.value)


def _in_expressions(node: ast.AST) -> Iterator[str]:
    """Give the names in `pl.col("name")`, but for those that mean another table's."""
    for part in ast.iter_child_nodes(node):
        match part:
            case ast.Call(ast.Attribute(ast.Name("pl"), "col"), args):
                yield from (text for arg in args for text in constant_texts(arg))
            case ast.Lambda():
                continue
            case _ if not is_call_of(part, *_OTHER_TABLES):
                yield from _in_expressions(part)


def _drawn(node: ast.Call, names: Collection[str]) -> Iterator[Taken]:
    words = {keyword.arg: keyword.value for keyword in node.keywords}
    table = words.get("data", words.get("data_frame", next(iter(node.args), None)))
    if isinstance(table, ast.Name) and table.id in names:
        for word in _CHANNELS.intersection(filter(None, words)):
            if isinstance(words[word], ast.Constant):
                yield from (
                    Taken(table.id, text, True) for text in constant_texts(words[word])
                )
