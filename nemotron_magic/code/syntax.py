"""The Python of a cell, its syntax tree, and what findings say about it."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from nemotron_magic.core.text import closest_match, one_line

__all__ = [
    "HARMLESS_MAGICS",
    "Finding",
    "bound_names",
    "catches",
    "compile_error",
    "describe_finding",
    "format_findings",
    "import_of",
    "is_call_of",
    "magics",
    "missing_modules",
    "names_in",
    "python_source",
    "root_name",
    "tested_texts",
]


_MOST_TOLD = 5
_LONGEST = 300
_SAID = {
    "syntax": "it does not compile ({})",
    "name": "{} is not defined",
    "module": "{} is not installed",
    "column": "{} is no column",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that will not work.

    Parameters
    ----------
    what
        The message of the compiler with its line, the name, the module, or the table
        with the column, as in `df['reigon']`.
    near
        What was meant, perhaps: a name or column much like it, or an import to add.
    """

    kind: Literal["syntax", "name", "module", "column"]
    what: str
    near: str = ""


def format_findings(findings: Collection[Finding]) -> str:
    """Say all findings in one line; nothing if there are none.

    >>> format_findings([Finding("name", "totl", "total"), Finding("module", "foo")])
    'Look before you run it: totl is not defined (total?); foo is not installed.'
    """
    if not findings:
        return ""
    parts = [describe_finding(finding) for finding in islice(findings, _MOST_TOLD)]
    more = len(findings) - len(parts)
    parts += [f"and {more} more"] if more else []
    return one_line(f"Look before you run it: {'; '.join(parts)}.", _LONGEST)


def describe_finding(finding: Finding) -> str:
    """Say one finding in a few words.

    >>> describe_finding(Finding("name", "totl", "total"))
    'totl is not defined (total?)'
    """
    words = _SAID[finding.kind].format(one_line(finding.what, 120))
    return f"{words} ({finding.near}?)" if finding.near else words


_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_DEEPEST = 18  # of the compiler's 20


def python_source(source: str, transform: Callable[[str], str]) -> str:
    """Return a cell with its magics made into calls.

    Raises
    ------
    SyntaxError
        If the transformer cannot read it, whatever that raises: IPython's own gives an
        IndexError for `x = %`, and it can have others of the user's.
    """
    try:
        return transform(source)
    except SyntaxError:
        raise
    except Exception as error:
        why = type(error).__name__
        raise SyntaxError(f"IPython cannot read it, {why}") from error


def compile_error(text: str) -> ast.Module:
    """Compile Python as a notebook does, where `await` needs no function around it.

    What nests deeper than anyone writes is read and not compiled: the compiler of
    Python 3.12 and later ends the process at it
    (https://github.com/python/cpython/issues/156091).

    Raises
    ------
    SyntaxError
        If it cannot be compiled, also where the compiler gives up otherwise.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it warns of shows when it runs
            tree = compile(text, "<cell>", "exec", _FLAGS | ast.PyCF_ONLY_AST, True)
            assert isinstance(tree, ast.Module)
            if not _is_deep(tree):
                compile(tree, "<cell>", "exec", _FLAGS, True)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(f"it cannot be read, {type(error).__name__}") from error
    return tree


def _is_deep(tree: ast.Module) -> bool:
    """Return whether blocks stand in one another deeper than the compiler can count."""
    inside: list[tuple[ast.AST, int]] = [(tree, 0)]
    while inside:
        node, depth = inside.pop()
        depth += _blocks(node)
        if depth > _DEEPEST:
            return True
        inside += [(child, depth) for child in ast.iter_child_nodes(node)]
    return False


def _blocks(node: ast.AST) -> int:
    """Return how many blocks a node opens at most."""
    match node:
        case ast.With(items) | ast.AsyncWith(items):
            return len(items)
        case ast.Try() | ast.TryStar():
            return 3
        case _:
            return isinstance(node, _COMPREHENSIONS + _LOOPS)


# These neither bind a name nor change a value.
HARMLESS_MAGICS = frozenset([
    "alias_magic", "autoreload", "bash", "cd", "conda", "config", "env",
    "getoutput", "html", "javascript", "js", "latex", "load_ext", "ls",
    "matplotlib", "memit", "nemotron", "perl", "pinfo", "pinfo2", "pip",
    "precision", "prun", "pwd", "reload_ext", "ruby", "set_env", "sh", "svg", "sx",
    "system", "timeit", "who", "whos", "writefile",
])  # fmt: skip


def magics(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the magics of a transformed cell: name and text."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        texts = [
            arg.value
            for arg in node.args
            if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
        ]
        if node.func.attr in ("run_line_magic", "run_cell_magic", "magic"):
            yield "".join(texts[:1]), "\n".join(texts[1:])


def is_call_of(node: ast.AST, *names: str) -> bool:
    """Return whether something is a call of a function or method of such a name."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else None
    return (called.id if isinstance(called, ast.Name) else name) in names


def root_name(node: ast.AST) -> str:
    """Return the name that an expression begins with; empty if it begins otherwise."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def catches(node: ast.Try, errors: Collection[str]) -> bool:
    """Return whether one of the handlers takes one of the errors, or every error."""
    return any(
        handler.type is None or _names(handler.type) & set(errors)
        for handler in node.handlers
    )


def _names(node: ast.expr) -> set[str]:
    """Return the last names of an error, or of a tuple of errors."""
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {
        one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)
    }


def names_in(*nodes: ast.AST) -> set[str]:
    """Return all names that stand in pieces of code."""
    return {
        one.id for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name)
    }


def tested_texts(tree: ast.AST) -> set[str]:
    """Return the texts of which the code asks whether they are in something."""
    return {
        part.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def bound_names(*nodes: ast.AST) -> set[str]:
    """Return all names that are bound somewhere in pieces of code."""
    return {name for node in nodes for one in ast.walk(node) for name in _bound(one)}


def _bound(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(name, ast.Store()):
            return [name]
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.alias(name, other):
            return [other or name.partition(".")[0]]
        case ast.ExceptHandler(_, name) | ast.MatchAs(_, name) | ast.MatchStar(name):
            return [name] if name else []
        case ast.MatchMapping(_, _, name):
            return [name] if name else []
        case ast.arg(name):
            return [name]
        case _:
            return []


_ERRORS = frozenset(["ImportError", "ModuleNotFoundError", "Exception"])
_INSTALLERS = frozenset(["pip", "conda", "mamba", "micromamba", "uv", "run", "cd"])
# What a package is called where it is installed from; of others it is not guessed, as
# a model may have made them up and someone may have put something there.
_PACKAGES = {
    "PIL": "pillow",
    "altair": "altair",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dask": "dask",
    "duckdb": "duckdb",
    "geopandas": "geopandas",
    "lightgbm": "lightgbm",
    "lxml": "lxml",
    "matplotlib": "matplotlib",
    "networkx": "networkx",
    "nltk": "nltk",
    "numpy": "numpy",
    "openpyxl": "openpyxl",
    "pandas": "pandas",
    "plotly": "plotly",
    "polars": "polars",
    "pyarrow": "pyarrow",
    "requests": "requests",
    "scipy": "scipy",
    "seaborn": "seaborn",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "sqlalchemy": "sqlalchemy",
    "statsmodels": "statsmodels",
    "tensorflow": "tensorflow",
    "torch": "torch",
    "tqdm": "tqdm",
    "xgboost": "xgboost",
    "yaml": "pyyaml",
}
# What analysts call things, and the line that makes them so.
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


def import_of(name: str) -> str:
    """Return the line that imports what is known by a name; empty if none is known."""
    return _IMPORTS.get(name, f"import {name}" if name in _MODULES else "")


def missing_modules(
    tree: ast.Module, is_installed: Callable[[str], bool]
) -> list[Finding]:
    """Return a finding for each top-level module that cannot be imported.

    None if the code itself changes what is installed, or where modules are found.
    """
    if _changes_what_is_there(tree):
        return []
    names = dict.fromkeys(_imported(tree.body))
    return [
        Finding("module", name, _to_do(name))
        for name in names
        if not is_installed(name)
    ]


def _to_do(name: str) -> str:
    if name in _PACKAGES:
        return f"%pip install {_PACKAGES[name]}"
    return closest_match(name, _PACKAGES)


def _changes_what_is_there(tree: ast.Module) -> bool:
    if any(name in _INSTALLERS for name, _ in magics(tree)):
        return True
    return any(
        "install" in node.value.split()  # however the command is run
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        else isinstance(node, ast.Attribute)
        and (node.attr == "chdir" or _is_search_path(node))
        for node in ast.walk(tree)
    )


def _is_search_path(node: ast.Attribute) -> bool:
    is_sys = isinstance(node.value, ast.Name) and node.value.id == "sys"
    return is_sys and node.attr in ("path", "modules", "meta_path")


def _imported(body: list[ast.stmt]) -> Iterator[str]:
    """Yield what is imported where nothing provides for its absence."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from [(node.module or "").partition(".")[0]] if not node.level else []
        elif isinstance(node, ast.If):
            yield from _imported(node.body) if _is_main(node.test) else ()
        elif isinstance(node, ast.Try):
            yield from _imported(node.body) if not catches(node, _ERRORS) else ()
        elif isinstance(node, ast.With) and any(
            is_call_of(item.context_expr, "suppress", "raises") for item in node.items
        ):
            continue
        else:
            yield from _imported(getattr(node, "body", []))


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and (
        isinstance(test.left, ast.Name) and test.left.id == "__name__"
    )
