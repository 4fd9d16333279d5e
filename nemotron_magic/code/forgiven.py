"""The names whose absence code provides for, or that it never looks up."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping

from nemotron_magic.code.trees import bound_names, catches, is_call_of, tested_texts

__all__ = ["forgiven_names"]

_ABOUT_SYSTEM = frozenset(["hexversion", "name", "platform", "version", "version_info"])
_SYSTEM = re.compile(r"(?:IS_)?(?:PY|WIN)")


def forgiven_names(tree: ast.Module, namespace: Mapping[str, object]) -> set[str]:
    """Give the names whose absence is provided for, or that are never looked up."""
    found = tested_texts(tree)
    is_lazy = sys.version_info >= (3, 14) or "annotations" in namespace
    is_lazy = is_lazy or "annotations" in bound_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and catches(node, ["NameError"]):
            found |= _tried(node)
        elif isinstance(node, ast.If | ast.IfExp) and _asks_version(node.test):
            found |= _names_in(node)
        elif isinstance(node, ast.With) and any(
            is_call_of(item.context_expr, "suppress", "raises") for item in node.items
        ):
            found |= _names_in(*node.body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found |= _names_in(*_local_annotations(node))
        elif type(node).__name__ == "TypeAlias":
            found |= _names_in(node)
        if is_lazy and isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            found |= _names_in(node.annotation)
        if is_lazy and isinstance(node, ast.FunctionDef) and node.returns:
            found |= _names_in(node.returns)
    return found


def _asks_version(test: ast.expr) -> bool:
    """Tell whether a condition is about the Python or the system that it runs on."""
    parts = {one.attr for one in ast.walk(test) if isinstance(one, ast.Attribute)}
    named = (name.lstrip("_") for name in _names_in(test))
    return bool(parts & _ABOUT_SYSTEM) or any(map(_SYSTEM.match, named))


def _tried(node: ast.Try) -> set[str]:
    """Give the names that a `try` looks up to see whether they are there."""
    named = any(
        handler.type and "NameError" in ast.dump(handler.type)
        for handler in node.handlers
    )
    body = _names_in(*node.body)
    if named or (len(node.body) == 1 and isinstance(node.body[0], ast.Expr)):
        return body
    return body & {name for one in node.handlers for name in bound_names(one)}


def _local_annotations(function: ast.AST) -> Iterator[ast.AST]:
    return (
        node.annotation
        for node in ast.walk(function)
        if isinstance(node, ast.AnnAssign)
    )


def _names_in(*nodes: ast.AST) -> set[str]:
    return {
        one.id for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name)
    }
