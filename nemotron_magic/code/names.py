"""The names that neither the namespace nor the code itself defines."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import warnings
from collections.abc import Iterator, Mapping
from itertools import chain

from nemotron_magic.code.findings import Finding, nearest
from nemotron_magic.code.forgiven import forgiven_names
from nemotron_magic.code.trees import (
    HARMLESS_MAGICS,
    bound_names,
    magics,
)

__all__ = ["undefined_names"]

# What IPython defines, and what the compiler does.
_GIVEN = re.compile(
    r"get_ipython|display|In|Out|exit|quit|_+|_i{1,3}|_[dio]h|_i?\d+|(?!__file__)__\w+__"
    r"|_\w+__\w+"  # of a class, with its name put before
)
_IMPORTS = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "pl": "import polars as pl",
    "plt": "import matplotlib.pyplot as plt",
    "px": "import plotly.express as px",
    "sns": "import seaborn as sns",
    "tf": "import tensorflow as tf",
    "Path": "from pathlib import Path",
    "Counter": "from collections import Counter",
    "defaultdict": "from collections import defaultdict",
    "datetime": "from datetime import datetime",
    "timedelta": "from datetime import timedelta",
    "train_test_split": "from sklearn.model_selection import train_test_split",
}
_MODULES = frozenset([
    "collections", "csv", "functools", "glob", "io", "itertools", "json", "math",
    "os", "random", "re", "shutil", "sqlite3", "statistics", "string", "subprocess",
    "sys", "time", "warnings", "numpy", "pandas",
])  # fmt: skip
_MOST = 20


def undefined_names(
    text: str, tree: ast.Module, namespace: Mapping[str, object]
) -> list[Finding]:
    """Give a finding for each name that is read and that nothing defines."""
    if _defines_unseen(tree):
        return []
    top = _symbols(text)
    if top is None:
        return []
    bound = {*_bound_in(top), *_bound_in_passing(tree)}
    read = [n for n in _global_reads(top) if n not in bound and n not in namespace]
    early = [name for name in _early(tree) if name in bound and name not in namespace]
    forgiven = forgiven_names(tree, namespace)
    missing = [
        name
        for name in dict.fromkeys(chain(read, early))
        if name not in forgiven and not _is_given(name)
    ]
    places = _places(tree)
    missing.sort(key=lambda name: places.get(name, (0, 0)))
    return [
        Finding("name", name, _near(name, namespace, bound - set(early)))
        for name in missing[:_MOST]
    ]


def _is_given(name: str) -> bool:
    return hasattr(builtins, name) or bool(_GIVEN.fullmatch(name))


def _near(name: str, namespace: Mapping[str, object], bound: set[str]) -> str:
    if name in _IMPORTS:
        return _IMPORTS[name]
    if name in _MODULES:
        return f"import {name}"
    given = (one for one in vars(builtins) if one.islower() and len(one) > 3)
    known = chain(bound, namespace, given)
    return nearest(name, (one for one in known if type(one) is str and one[0] != "_"))


def _symbols(text: str) -> symtable.SymbolTable | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return symtable.symtable(text, "<cell>", "exec")
    except (SyntaxError, RecursionError):
        return None


def _tables(top: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    found = [top]
    while found:
        table = found.pop()
        found += table.get_children()
        yield table


def _bound_in(top: symtable.SymbolTable) -> Iterator[str]:
    """Give the global names that the code binds."""
    for table in _tables(top):
        for symbol in table.get_symbols():
            is_global = table is top or symbol.is_declared_global()
            if is_global and (
                symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
            ):
                yield symbol.get_name()


def _bound_in_passing(tree: ast.Module) -> Iterator[str]:
    """Give the names that `:=` binds.

    From Python 3.12 on, the table of symbols does not tell of those in a comprehension.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.NamedExpr):
            yield node.target.id


def _global_reads(top: symtable.SymbolTable) -> Iterator[str]:
    for table in _tables(top):
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table is top or symbol.is_global()):
                yield symbol.get_name()


def _defines_unseen(tree: ast.Module) -> bool:
    """Tell whether names may be defined in a way that cannot be seen."""
    tested = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(_, [ast.alias("*")]):
                return True
            case ast.Name("exec" | "globals" | "locals") if id(node) not in tested:
                return True
            case ast.Attribute(_, "user_ns" | "push"):
                return True
    return any(
        name not in HARMLESS_MAGICS and not (name == "time" and "=" not in text)
        for name, text in magics(tree)
    )


def _places(tree: ast.Module) -> dict[str, tuple[int, int]]:
    """Give where each name stands first."""
    places: dict[str, tuple[int, int]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            place = (node.lineno, node.col_offset)
            places[node.id] = min(place, places.get(node.id, place))
    return places


def _early(tree: ast.Module) -> Iterator[str]:
    """Give the names that the code reads at its top before it binds them."""
    bound: set[str] = set()
    for statement in tree.body:
        made = bound_names(statement) - _only_changed(statement)
        bound |= made
        yield from (name for name in _read_at_once(statement) if name not in bound)


def _only_changed(statement: ast.stmt) -> set[str]:
    """Give the names that `+=` and the like change, and nothing else binds."""
    targets = [
        node.target
        for node in ast.walk(statement)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
    ]
    ids = {id(target) for target in targets}
    others = {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
        and not isinstance(node.ctx, ast.Load)
        and id(node) not in ids
    }
    return {target.id for target in targets} - others


def _read_at_once(node: ast.AST) -> Iterator[str]:
    """Give the names that are read when a statement runs, not when a function does."""
    match node:
        case ast.Name(name, ast.Load()):
            yield name
        case ast.AugAssign(ast.Name(name)):
            yield name
            yield from _read_at_once(node.value)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
            for part in (*node.decorator_list, *defaults):
                yield from _read_at_once(part)
        case ast.Lambda():
            return
        case ast.GeneratorExp():
            yield from _read_at_once(node.generators[0].iter)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _read_at_once(child)
