"""The modules that code imports and that are not installed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from nemotron_magic.code.findings import Finding, nearest
from nemotron_magic.code.trees import catches, is_call_of, magics

__all__ = ["import_of", "missing_modules"]

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
    """Give a finding for each top-level module that cannot be imported.

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
    return nearest(name, _PACKAGES)


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
    """Give what is imported where nothing provides for its absence."""
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
