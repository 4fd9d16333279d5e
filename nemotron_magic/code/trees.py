"""What several checks ask of the syntax tree of a cell."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

__all__ = [
    "HARMLESS_MAGICS",
    "bound_names",
    "catches",
    "is_call_of",
    "magics",
    "names_in",
    "root_name",
    "tested_texts",
]

# These neither bind a name nor change a value.
HARMLESS_MAGICS = frozenset([
    "alias_magic", "autoreload", "bash", "cd", "conda", "config", "env",
    "getoutput", "html", "javascript", "js", "latex", "load_ext", "ls",
    "matplotlib", "memit", "nemotron", "perl", "pinfo", "pinfo2", "pip",
    "precision", "prun", "pwd", "reload_ext", "ruby", "set_env", "sh", "svg", "sx",
    "system", "timeit", "who", "whos", "writefile",
])  # fmt: skip


def magics(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Give the magics of a transformed cell: name and text."""
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
    """Tell whether something is a call of a function or method of such a name."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else None
    return (called.id if isinstance(called, ast.Name) else name) in names


def root_name(node: ast.AST) -> str:
    """Give the name that an expression begins with; empty if it begins otherwise."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def catches(node: ast.Try, errors: Collection[str]) -> bool:
    """Tell whether one of the handlers takes one of the errors, or every error."""
    return any(
        handler.type is None or _names(handler.type) & set(errors)
        for handler in node.handlers
    )


def _names(node: ast.expr) -> set[str]:
    """Give the last names of an error, or of a tuple of errors."""
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
    """Give the texts of which the code asks whether they are in something."""
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
