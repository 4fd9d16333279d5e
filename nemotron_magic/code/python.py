"""The Python of a cell, or why there is none: it fails before it runs then."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable

__all__ = ["compiled", "python_of"]

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_DEEPEST = 18  # of the compiler's 20


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
    """Tell whether blocks stand in one another deeper than the compiler can count."""
    inside: list[tuple[ast.AST, int]] = [(tree, 0)]
    while inside:
        node, depth = inside.pop()
        depth += _blocks(node)
        if depth > _DEEPEST:
            return True
        inside += [(child, depth) for child in ast.iter_child_nodes(node)]
    return False


def _blocks(node: ast.AST) -> int:
    """Give how many blocks a node opens at most."""
    match node:
        case ast.With(items) | ast.AsyncWith(items):
            return len(items)
        case ast.Try() | ast.TryStar():
            return 3
        case _:
            return isinstance(node, _COMPREHENSIONS + _LOOPS)
