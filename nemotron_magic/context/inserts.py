"""Put what is known of live values beside a prompt that names them.

In a prompt, a dollar and an expression in backticks stand for a value. Only names and
paths are taken, such as `df["price"]`, as anything else would have to be run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

from nemotron_magic.errors import InputError

__all__ = ["AS_TYPED", "Inserted", "expand"]

AS_TYPED = "Correct it, or put a backslash before the dollar to send it as typed"
"""What to do about an expression that has no value."""

_MARK = re.compile(r"(?P<escape>\\?)\$`(?P<expr>[^`\n]*)`")
_CONSTANTS = (str, bytes, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Inserted:
    """A value that a prompt names, and what is said of it."""

    name: str
    description: str


def expand(
    prompt: str, look_up: Callable[[str], str]
) -> tuple[str, tuple[Inserted, ...]]:
    r"""Give the prompt with plain references, and each named value described once.

    Parameters
    ----------
    look_up : Callable
        Gives the description of the value of an expression; raises if there is none.

    Raises
    ------
    InputError
        If an expression is more than a name or a path, or has no value.

    Examples
    --------
    >>> expand("why is $`x` so?", lambda name: f"{name}: int 3")
    ('why is `x` so?', (Inserted(name='x', description='x: int 3'),))
    """
    found: dict[str, Inserted] = {}

    def reference(mark: re.Match[str]) -> str:
        if mark["escape"]:
            return mark[0][1:]
        name = mark["expr"].strip()
        if name not in found:
            found[name] = Inserted(name, _described(name, look_up))
        return f"`{name}`"

    text = _MARK.sub(reference, prompt)
    return text, tuple(found.values())


def _described(name: str, look_up: Callable[[str], str]) -> str:
    if not _is_path(name):
        raise InputError(
            f"$`{name}` is more than a name or a path, and nothing is run for a prompt",
            todo=f"Assign it first: x = {name or '...'}; then write $`x`",
        )
    try:
        return look_up(name)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"$`{name}` has no value that could be described",
            f"{type(error).__name__}: {error}",
            AS_TYPED,
        ) from error


def _is_path(text: str) -> bool:
    """Tell whether a text is a name followed by attributes and items alone."""
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    while type(node) in (ast.Attribute, ast.Subscript):
        if isinstance(node, ast.Subscript) and not _is_key(node.slice):
            return False
        node = node.value  # type: ignore[attr-defined]  # both stand on a value
    return isinstance(node, ast.Name)


def _is_key(node: ast.expr | None) -> bool:
    """Tell whether a text between brackets is fixed, or made of names and paths."""
    match node:
        case None:
            return True
        case ast.Constant(value=value):
            return type(value) in _CONSTANTS
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return True
        case ast.Slice(lower=lower, upper=upper, step=step):
            return all(map(_is_key, (lower, upper, step)))
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return all(map(_is_key, elements))
        case ast.Name():
            return True
        case _:
            return False
