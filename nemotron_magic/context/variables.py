"""Find live values by path, without running user code, and put them into a prompt.

Only names and paths are taken, such as `df["price"]`. IPython's `guarded_eval`, made
for completion, runs descriptors, `__missing__` and factories.
"""

from __future__ import annotations

import ast
import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import product
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

from nemotron_magic.context.describe import describe
from nemotron_magic.context.describe.base import Data, LiveTables
from nemotron_magic.context.prompt import ContextPart
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.introspection import MISSING, bases, defined, field, home
from nemotron_magic.core.text import closest_match

_AS_TYPED = "Correct it, or put a backslash before the dollar to send it as typed"

_MARK = re.compile(r"(?P<escape>\\?)\$`(?P<expr>[^`\n]*)`")


def interpolate(prompt: str, find: Callable[[str], str]) -> tuple[str, dict[str, str]]:
    """Return the prompt with plain references, and each value named, described."""
    found: dict[str, str] = {}

    def reference(mark: re.Match[str]) -> str:
        if mark["escape"]:
            return mark[0][1:]
        name = mark["expr"].strip()
        if name not in found:
            found[name] = find(name)
        return f"`{name}`"

    return _MARK.sub(reference, prompt), found


# Of these classes themselves, and of none derived from them, items may be taken.
_PANDAS = ("DataFrame", "Series", "_LocIndexer", "_iLocIndexer")
_TABLES = {("numpy", "ndarray"), ("polars", "DataFrame"), *product(["pandas"], _PANDAS)}
_FIGURES = {"columns", "dtype", "dtypes", "iloc", "index", "loc", "name", "shape", "T"}
_ROWS = (list, tuple, str, bytes)
_DICTS = (dict, OrderedDict, defaultdict)
_KEYS = (str, bytes, int, float, bool, type(None))


class _RefusedError(Exception):
    """What is more than a path, or cannot be read without running code."""


def evaluate(path: str, variables: Mapping[str, object]) -> object:
    """Return what a name or a path among `variables` stands for; run no code for it."""
    what = "is neither a name nor a path of a value"
    hint = 'Such as: $`df` or $`df["price"]`'
    try:
        node = ast.parse(path, mode="eval").body
        what = "cannot be read without running code"
        hint = f"Assign it first: x = {path}; then write $`x`"
        return _value(node, variables)
    except (_RefusedError, SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError(f"$`{path}` {what}", hint=hint) from None


def _value(node: ast.expr, variables: Mapping[str, object]) -> Any:
    match node:
        case ast.Name(id=name):
            return _variable(name, variables)
        case ast.Attribute(value=inner, attr=name):
            return _attribute(_value(inner, variables), name)
        case ast.Subscript(value=inner, slice=key):
            return _item(_value(inner, variables), _key(key, variables))
    raise _RefusedError


def _variable(name: str, variables: Mapping[str, object]) -> object:
    if name not in variables:
        near = closest_match(name, (one for one in variables if one[:1] != "_"))
        raise InputError(
            f"there is no variable {name!r} in this notebook",
            hint=f"Did you mean $`{near}`?" if near else "Run the cell that makes it",
        )
    return variables[name]


def _attribute(value: Any, name: str) -> object:
    kind = home(type(value))
    if kind == ("pandas", "DataFrame") and name not in _FIGURES:
        return _item(value, name)
    is_figure = kind in _TABLES and name in _FIGURES
    found = getattr(value, name, MISSING) if is_figure else _stored(value, name)
    if found is MISSING:
        raise _RefusedError
    return found


def _stored(value: Any, name: str) -> object:
    """Return an attribute that is kept as it is, in the object or in its class."""
    cls = type(value)
    if type in bases(cls):
        found = defined(value, name)
        is_kept = type(found) is FunctionType or not _has(found, "get")
        return found if is_kept else MISSING
    inherited = defined(cls, name)
    is_computed = _has(inherited, "set") and type(inherited) is not MemberDescriptorType
    if is_computed or type(defined(cls, "__getattribute__")) is FunctionType:
        return MISSING
    if (found := field(value, name)) is not MISSING:
        return found
    if type(inherited) is FunctionType:
        # Binding a function to the object runs nothing.
        return MethodType(inherited, value)
    return MISSING if _has(inherited, "get") else inherited


def _has(value: object, method: str) -> bool:
    """Return whether a class attribute is a descriptor with such a method."""
    return defined(type(value), f"__{method}__") is not MISSING


def _item(value: Any, key: Any) -> object:
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
        why = f"{type(error).__name__}: {error}"
        near = _near_column(value, key)
        hint = f"Did you mean {near!r}?" if near else _AS_TYPED
        raise InputError(f"{key!r} is not there", why, hint) from error
    raise _RefusedError


def _near_column(value: Any, key: Any) -> str:
    """Return the column of a table whose name a misspelled one may mean, or nothing."""
    columns = value.columns if home(type(value))[1] == "DataFrame" else []
    known = [one for one in columns if type(one) is str]
    wanted = key if type(key) is list else [key]
    missing = [one for one in wanted if type(one) is str and one not in known]
    return next(filter(None, (closest_match(one, known) for one in missing)), "")


def _key(node: ast.expr, variables: Mapping[str, object]) -> Any:
    """Return what stands between brackets, as long as it is plain."""
    match node:
        case ast.Slice(lower=lower, upper=upper, step=step):
            ends = (part and _key(part, variables) for part in (lower, upper, step))
            return slice(*ends)
        case ast.Tuple(elts=elements):
            return tuple(_key(one, variables) for one in elements)
        case ast.List(elts=elements):
            return [_key(one, variables) for one in elements]
        case ast.Name(id=name):
            key = _variable(name, variables)
            if any(type(key) is one for one in _KEYS):
                return key
        case ast.Constant() | ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            return ast.literal_eval(node)
    raise _RefusedError


_NAMED_CHARS = 8_000


class Variables:
    """Describes values of one notebook for one call."""

    def __init__(self, shell: Any, data: Data) -> None:
        self._shell = shell
        show, live = self._formatted, LiveTables(shell.user_ns)
        self.described = partial(describe, data=data, formatter=show, live=live)

    def at(self, path: str) -> str:
        """Describe what a name or a path such as `df["price"]` stands for."""
        value = evaluate(path, self._shell.user_ns)
        return self.described(value, path, budget_chars=_NAMED_CHARS)

    def parts(self, names: Iterable[str], with_source: bool) -> Iterator[ContextPart]:
        """Describe those of the variables or paths that there are, but no modules."""
        values = self._shell.user_ns
        for name in names:
            is_path = not name.isidentifier()
            value = evaluate(name, values) if is_path else values.get(name, MISSING)
            if value is not MISSING and type(value) is not ModuleType:
                said = self.described(value, name, source=with_source)
                yield ContextPart("value", name, (("", said),))

    def _formatted(self, value: object) -> str | None:
        """Return what a formatter that the user registered with IPython says of it."""
        formatter = self._shell.display_formatter.formatters.get("x-vendor/llm")
        said = formatter(value) if formatter is not None else None
        return said if isinstance(said, str) else None
