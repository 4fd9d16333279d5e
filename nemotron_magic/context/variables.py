"""Find live values by path, without running user code, and put them into a prompt.

In a prompt, a dollar and an expression in backticks stand for a value. Only names and
paths are taken, such as `df["price"]`, as anything else would have to be run.

This is not IPython's `guarded_eval`, which was made for completion: measured on 8.37
and 9.18, it runs custom descriptors, cached properties, `__missing__`, default
factories and the `__getattr__` of a module, makes up a value where a class has an
annotation, and takes or refuses `df.shape` by the order of a set.
"""

from __future__ import annotations

import ast
import re
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

from nemotron_magic.context.describe import describe
from nemotron_magic.context.describe.base import Data, LiveTables
from nemotron_magic.context.prompt import ContextPart
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.introspection import (
    MISSING,
    bases,
    field,
    home,
    namespace,
    read,
)
from nemotron_magic.core.text import closest_match

__all__ = [
    "AS_TYPED",
    "Interpolation",
    "Variables",
    "evaluate",
    "interpolate",
]


AS_TYPED = "Correct it, or put a backslash before the dollar to send it as typed"
"""What to do about an expression that has no value."""

_MARK = re.compile(r"(?P<escape>\\?)\$`(?P<expr>[^`\n]*)`")


@dataclass(frozen=True, slots=True)
class Interpolation:
    """A value that a prompt names, and its description."""

    name: str
    description: str


def interpolate(
    prompt: str, look_up: Callable[[str], str]
) -> tuple[str, tuple[Interpolation, ...]]:
    r"""Return the prompt with plain references, and each named value described once.

    Parameters
    ----------
    look_up : Callable
        Returns the description of the value of an expression; raises if it has none.

    Raises
    ------
    InputError
        If an expression is more than a name or a path, or has no value.

    Examples
    --------
    >>> interpolate("why is $`x` so?", lambda name: f"{name}: int 3")
    ('why is `x` so?', (Interpolation(name='x', description='x: int 3'),))
    """
    found: dict[str, Interpolation] = {}

    def reference(mark: re.Match[str]) -> str:
        if mark["escape"]:
            return mark[0][1:]
        name = mark["expr"].strip()
        if name not in found:
            found[name] = Interpolation(name, _look_up(name, look_up))
        return f"`{name}`"

    text = _MARK.sub(reference, prompt)
    return text, tuple(found.values())


def _look_up(name: str, look_up: Callable[[str], str]) -> str:
    if not _is_path(name):
        raise InputError(
            f"$`{name}` is more than a name or a path, and nothing is run for a prompt",
            hint=f"Assign it first: x = {name or '...'}; then write $`x`",
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
    """Return whether a text is a name followed by attributes and items alone."""
    try:
        node: ast.AST = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Subscript) and not _is_key(node.slice):
            return False
        node = node.value
    return isinstance(node, ast.Name)


def _is_key(node: ast.expr) -> bool:
    """Return whether what stands between brackets is made of constants and names."""
    return all(isinstance(part, _KEY_NODES) for part in ast.walk(node))


_KEY_NODES = (
    *(ast.Constant, ast.UnaryOp, ast.USub, ast.Slice, ast.Tuple, ast.List, ast.Name),
    ast.expr_context,
)
# Of these classes themselves, and of none derived from them, items may be taken.
_TABLES = {
    ("numpy", "ndarray"),
    ("pandas", "DataFrame"),
    ("pandas", "Series"),
    ("pandas", "_LocIndexer"),
    ("pandas", "_iLocIndexer"),
    ("polars", "DataFrame"),
}
_FIGURES = {"columns", "dtype", "dtypes", "iloc", "index", "loc", "name", "shape", "T"}
_ROWS = (list, tuple, str, bytes)
_DICTS = (dict, OrderedDict, defaultdict)
_KEYS = (str, bytes, int, float, bool, type(None))


def evaluate(expression: str, variables: Mapping[str, object]) -> object:
    """Return the value of a name or path among `variables`.

    Raises
    ------
    InputError
        If a part is not there, or cannot be had without running code.
    """
    return _value(ast.parse(expression, mode="eval").body, variables)


def _value(node: ast.expr, variables: Mapping[str, object]) -> Any:
    match node:
        case ast.Name(id=name):
            return _variable(name, variables)
        case ast.Attribute(value=inner, attr=name):
            return _attribute(_value(inner, variables), name, node)
        case ast.Subscript(value=inner, slice=key):
            return _item(_value(inner, variables), _key(key, variables), node)
    raise _refusal(node)


def _variable(name: str, variables: Mapping[str, object]) -> object:
    if name not in variables:
        near = closest_match(name, (one for one in variables if one[:1] != "_"))
        raise InputError(
            f"there is no variable {name!r} in this notebook",
            hint=f"Did you mean $`{near}`?" if near else "Run the cell that makes it",
        )
    return variables[name]


def _attribute(value: Any, name: str, node: ast.expr) -> object:
    kind = home(type(value))
    if kind == ("pandas", "DataFrame") and name not in _FIGURES:
        return _item(value, name, node)
    is_figure = kind in _TABLES and name in _FIGURES
    found = getattr(value, name, MISSING) if is_figure else _stored(value, name)
    if found is MISSING:
        raise _refusal(node)
    return found


def _stored(value: object, name: str) -> object:
    """Return an attribute that is kept as it is, in the object or in its class."""
    classes = bases(type(value))
    if type in classes:
        found = _defined(read(type, "__mro__", value), name)
        return (
            found if type(found) is FunctionType or not _has(found, "get") else MISSING
        )
    if type(_defined(classes, "__getattribute__")) is FunctionType:
        return MISSING
    inherited = _defined(classes, name)
    if _has(inherited, "set") and type(inherited) is not MemberDescriptorType:
        return MISSING
    found = field(value, name)
    if found is not MISSING:
        return found
    if type(inherited) is FunctionType:
        # Binding a function to the object runs nothing.
        return MethodType(inherited, value)
    return MISSING if _has(inherited, "get") else inherited


def _defined(classes: tuple[type, ...], name: str) -> object:
    """Return what the nearest class that knows the name has under it."""
    spaces = (namespace(cls) for cls in classes)
    return next((space[name] for space in spaces if name in space), MISSING)


def _has(value: object, method: str) -> bool:
    """Return whether a class attribute is a descriptor with such a method."""
    return _defined(bases(type(value)), f"__{method}__") is not MISSING


def _item(value: Any, key: Any, node: ast.expr) -> object:
    cls = type(value)
    is_place = type(key) is int or type(key) is slice
    try:
        if any(cls is one for one in _DICTS):
            # `value[key]` of a `defaultdict` would make a missing entry.
            if (found := dict.get(value, key, MISSING)) is MISSING:
                raise KeyError(key)
            return found
        if home(cls) in _TABLES or (is_place and any(cls is one for one in _ROWS)):
            return value[key]
    except Exception as error:
        what = f"`{ast.unparse(node)}` is not there"
        why = f"{type(error).__name__}: {error}"
        raise InputError(what, why, AS_TYPED) from error
    raise _refusal(node)


def _key(node: ast.expr, variables: Mapping[str, object]) -> Any:
    """Return what stands between brackets, as long as it is plain."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)):
            return -value  # type: ignore[operator]  # only numbers pass the parser
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(
                *(part and _key(part, variables) for part in (lower, upper, step))
            )
        case ast.Tuple(elts=elements):
            return tuple(_key(one, variables) for one in elements)
        case ast.List(elts=elements):
            return [_key(one, variables) for one in elements]
        case ast.Name(id=name):
            key = _variable(name, variables)
            if any(type(key) is one for one in _KEYS):
                return key
    raise _refusal(node)


def _refusal(node: ast.expr) -> InputError:
    path = ast.unparse(node)
    return InputError(
        f"`{path}` cannot be had without running code",
        hint=f"Assign it first: x = {path}; then write $`x`",
    )


_NAMED_CHARS = 8_000
"""How much is said of a value that a question names."""


class Variables:
    """Describes values of one notebook for one call.

    Parameters
    ----------
    shell : InteractiveShell
        Whose variables and formatters they are.
    data : str
        How much of tables is told: `schema`, `sample` or `full`.
    """

    def __init__(self, shell: Any, data: Data) -> None:
        self._shell = shell
        self._data = data
        self._live = LiveTables(shell.user_ns)

    def at(self, path: str) -> str:
        """Describe what a name or a path such as `df["price"]` stands for.

        Raises
        ------
        InputError
            If a part is not there, or cannot be had without running code.
        """
        value = evaluate(path, self._shell.user_ns)
        return self.described(value, path, _NAMED_CHARS)

    def parts(self, names: Iterable[str], with_source: bool) -> Iterator[ContextPart]:
        """Describe those of the variables that there are, but for modules.

        Parameters
        ----------
        names
            Of variables, or paths that were found to lead somewhere.
        """
        values = self._shell.user_ns
        for name in names:
            is_path = not name.isidentifier()
            value = evaluate(name, values) if is_path else values.get(name, MISSING)
            if value is not MISSING and type(value) is not ModuleType:
                said = self.described(value, name, with_source=with_source)
                yield ContextPart("value", name, (("", said),))

    def result(self, value: object, plain: str) -> str:
        """Describe the result of a cell, of which IPython showed `plain`."""
        return self.described(value, plain=plain)

    def described(
        self,
        value: object,
        name: str = "",
        budget_chars: int = 4_000,
        with_source: bool = False,
        plain: str = "",
    ) -> str:
        """Describe a value; a function or class with its source, if wanted."""
        return describe(
            value,
            name,
            data=self._data,
            budget_chars=budget_chars,
            source=with_source,
            formatter=self._formatted,
            # Our own work: a machine busy with others must not make it say less.
            clock_s=time.thread_time,
            live=self._live,
            plain=plain,
        )

    def _formatted(self, value: object) -> str | None:
        """Return what a formatter that the user registered with IPython says of it."""
        formatters = self._shell.display_formatter.formatters
        formatter = formatters.get("x-vendor/llm")
        said = formatter(value) if formatter is not None else None
        return said if isinstance(said, str) else None
