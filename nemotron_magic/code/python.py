"""The Python of a cell, or why there is none: it fails before it runs then."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable

__all__ = ["compiled", "python_of"]

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def python_of(source: str, transform: Callable[[str], str]) -> str:
    """Give a cell with its magics made into calls.

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


def compiled(text: str) -> ast.Module:
    """Compile Python as a notebook does, where `await` needs no function around it.

    Raises
    ------
    SyntaxError
        If it cannot be compiled, also where the compiler gives up otherwise.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it warns of shows when it runs
            tree = compile(text, "<cell>", "exec", _FLAGS | ast.PyCF_ONLY_AST, True)
            compile(tree, "<cell>", "exec", _FLAGS, True)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(f"it cannot be read, {type(error).__name__}") from error
    assert isinstance(tree, ast.Module)
    return tree
