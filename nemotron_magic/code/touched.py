"""What a piece of code may change in tables: their columns, or what a name stands for.

Whatever is not known to leave a table alone may change it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from nemotron_magic.code.frames import Frame
from nemotron_magic.code.taken import constant_texts
from nemotron_magic.code.trees import bound_names, root_name

__all__ = ["Effects", "effects_of"]

_LEAVE_ALONE = frozenset([
    "abs", "add", "agg", "aggregate", "all", "any", "apply", "asfreq", "assign",
    "astype", "between", "bfill", "boxplot", "clip", "clone", "combine_first",
    "copy", "corr", "count", "cov", "cummax", "cummin", "cumprod", "cumsum",
    "describe", "diff", "div", "dot", "drop", "drop_duplicates", "drop_nulls",
    "dropna", "duplicated", "eq", "equals", "estimated_size", "ewm", "expanding",
    "explode", "ffill", "fill_nan", "fill_null", "fillna", "filter", "first", "get",
    "get_column", "glimpse", "group_by", "groupby", "gt", "head", "hist", "idxmax",
    "idxmin", "infer_objects", "info", "interpolate", "is_duplicated", "isin",
    "isna", "isnull", "items", "iter_rows", "iterrows", "itertuples", "join",
    "keys", "kurt", "last", "lazy", "le", "limit", "lt", "map", "mask", "max",
    "mean", "median", "melt", "memory_usage", "merge", "min", "mod", "mode", "mul",
    "n_unique", "ne", "nlargest", "notna", "notnull", "nsmallest", "null_count",
    "nunique", "pct_change", "pivot", "pivot_table", "plot", "pow", "prod",
    "quantile", "rank", "reindex", "rename", "rename_axis", "replace", "resample",
    "reset_index", "rolling", "round", "sample", "select", "select_dtypes", "sem",
    "set_index", "shift", "skew", "slice", "sort", "sort_index", "sort_values",
    "squeeze", "stack", "std", "style", "sub", "sum", "tail", "take", "to_arrow",
    "to_csv", "to_dict", "to_dicts", "to_excel", "to_frame", "to_html", "to_json",
    "to_latex", "to_markdown", "to_numpy", "to_pandas", "to_parquet", "to_period",
    "to_pickle", "to_records", "to_series", "to_sql", "to_string", "transform",
    "transpose", "unique", "unpivot", "unstack", "value_counts", "var", "where",
    "with_columns", "with_row_index", "write_csv", "write_parquet", "xs",
])  # fmt: skip
_PARTS = frozenset([
    "T", "at", "columns", "dtypes", "empty", "height", "iat", "iloc", "index",
    "loc", "ndim", "plot", "schema", "shape", "size", "style", "values", "width",
])  # fmt: skip
_BUILTINS = frozenset([
    "all", "any", "display", "enumerate", "id", "isinstance", "iter", "len", "list",
    "max", "min", "print", "range", "repr", "reversed", "set", "sorted", "str",
    "sum", "tuple", "type", "zip",
])  # fmt: skip
_EVALUATE = frozenset([
    "delattr", "eval", "exec", "globals", "locals", "setattr", "vars",
])  # fmt: skip
_LIBRARIES = frozenset([
    "alt", "np", "numpy", "pandas", "pd", "pl", "plt", "px", "seaborn", "sns",
])  # fmt: skip
_IN_PLACE = frozenset(["inplace", "in_place", None])
_NEW_VALUES = (ast.BinOp, ast.Compare, ast.Expr, ast.FormattedValue, ast.UnaryOp)
_HOLD = (ast.Dict, ast.List, ast.Set, ast.Starred, ast.Tuple, ast.keyword)


@dataclass(slots=True)
class Effects:
    """Which tables are not what they were, and which columns others have besides."""

    lost: set[str] = field(default_factory=set)
    added: list[tuple[str, str]] = field(default_factory=list)


def effects_of(
    node: ast.AST, frames: Mapping[str, Frame], is_own: Callable[[ast.Call], bool]
) -> Effects:
    """Give what may change when a piece of code runs, in whichever order it does.

    Parameters
    ----------
    frames
        The tables by their names.
    is_own
        Tells whether a call may run code of the user's, which can change all tables.
    """
    if any(_may_reach_all(one, is_own) for one in ast.walk(node)):
        return Effects(set(frames))
    effects = Effects(bound_names(node) & set(frames))
    effects.lost.update(_handed_on(node, frames))
    for one in ast.walk(node):
        if isinstance(one, ast.Subscript | ast.Attribute):
            _add_assigned(effects, one, frames)
    return effects


def _add_assigned(
    effects: Effects, node: ast.Subscript | ast.Attribute, frames: Mapping[str, Frame]
) -> None:
    """Note what changes if a part of something is assigned or deleted."""
    if isinstance(node.ctx, ast.Load):
        return
    match node:
        case ast.Subscript(ast.Name(name), place, ast.Store()) | ast.Subscript(
            ast.Attribute(ast.Name(name), "loc" | "at"),
            ast.Tuple([_, place]),
            ast.Store(),
        ) if constant_texts(place):
            effects.added += [(name, text) for text in constant_texts(place)]
        case ast.Subscript(ast.Attribute(ast.Name(), "iloc" | "iat")):
            pass  # changes cells only
        case _:
            effects.lost |= {root_name(node)} & set(frames)


def _may_reach_all(node: ast.AST, is_own: Callable[[ast.Call], bool]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in _EVALUATE
    return isinstance(node, ast.Call) and is_own(node)


def _handed_on(
    node: ast.AST, frames: Mapping[str, Frame], is_safe: bool = False
) -> Iterator[str]:
    """Give the tables that get a second name, or go where they may be changed."""
    match node:
        case ast.Name(name):
            yield from [name] if name in frames and not is_safe else []
        case ast.Call():
            yield from _called(node, frames)
        case ast.Attribute(ast.Name(name), part) if name in frames:
            known = part in _PARTS | _LEAVE_ALONE or part in frames[name].columns
            yield from [] if known else [name]
        case ast.Subscript(value, place):
            yield from _handed_on(value, frames, isinstance(value, ast.Name))
            yield from _handed_on(place, frames)
        case ast.comprehension() | ast.For() | ast.AsyncFor():
            for child in ast.iter_child_nodes(node):
                yield from _handed_on(child, frames, child is node.iter)
        case _:
            is_safe = isinstance(node, _NEW_VALUES) or (
                is_safe and isinstance(node, _HOLD)
            )
            for child in ast.iter_child_nodes(node):
                yield from _handed_on(child, frames, is_safe)


def _called(node: ast.Call, frames: Mapping[str, Frame]) -> Iterator[str]:
    match node.func:
        case ast.Attribute(ast.Name(name), method) if name in frames:
            leaves = method in _LEAVE_ALONE and not any(
                keyword.arg in _IN_PLACE for keyword in node.keywords
            )
            yield from [] if leaves else [name]
            is_safe = True
        case ast.Name(function):
            is_safe = function in _BUILTINS
        case ast.Attribute(ast.Name(library)):
            is_safe = library in _LIBRARIES
        case _:
            is_safe = False
            yield from _handed_on(node.func, frames)
    for part in (*node.args, *node.keywords):
        yield from _handed_on(part, frames, is_safe)
