"""Where in its cell a question stands, as far as painting its reply depends on it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TypeGuard

__all__ = ["Place", "place_of"]

_RUNNERS = ("run_line_magic", "run_cell_magic")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question stands.

    Attributes
    ----------
    is_first : bool
        Nothing in the cell ran before it, so the cell has no other output yet.
    is_shown : bool
        One is the cell's last expression, so IPython will display its value.
    is_only : bool
        There is no other in the cell.
    is_named : bool
        The cell ends with an expression of the user's own, whose value it may be.
    """

    is_first: bool = False
    is_shown: bool = False
    is_only: bool = False
    is_named: bool = False


def place_of(source: str) -> Place:
    r"""Find the question in a cell's source after IPython's transforms.

    >>> place_of("get_ipython().run_line_magic('nemotron', 'why?')")
    Place(is_first=True, is_shown=True, is_only=True, is_named=False)
    >>> place_of("x = get_ipython().run_line_magic('nemotron', 'why?')\nx")
    Place(is_first=True, is_shown=False, is_only=True, is_named=True)
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return Place()
    body = tree.body
    if not body:
        return Place()
    first, last = body[0], body[-1]
    assigned = isinstance(first, ast.Assign | ast.AnnAssign | ast.Expr)
    is_first = assigned and _is_question(getattr(first, "value", None))
    value = last.value if isinstance(last, ast.Expr) else None
    return Place(
        is_first,
        _is_question(value),
        sum(map(_is_question, ast.walk(tree))) == 1,
        value is not None and not _is_magic(value),
    )


def _is_question(node: object) -> bool:
    first = node.args[:1] if _is_magic(node) else []
    return [getattr(one, "value", None) for one in first] == ["nemotron"]


def _is_magic(node: object) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _RUNNERS
    )
