"""Find the value of a path such as `df["price"]` without running code of the user's.

This is not IPython's `guarded_eval`, which was made for completion: measured on 8.37
and 9.18, it runs custom descriptors, cached properties, `__missing__`, default
factories and the `__getattr__` of a module, makes up a value where a class has an
annotation, and takes or refuses `df.shape` by the order of a set.
"""

from __future__ import annotations

import ast
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from types import FunctionType, MemberDescriptorType, MethodType
from typing import Any

from nemotron_magic.code.findings import nearest
from nemotron_magic.context.describers.statics import (
    MISSING,
    bases,
    field,
    home,
    namespace,
    read,
)
from nemotron_magic.context.inserts import AS_TYPED
from nemotron_magic.errors import InputError

__all__ = ["evaluate"]

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
    """Give the value of a name or path among `variables`.

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
        case _:
            raise _refusal(node)


def _variable(name: str, variables: Mapping[str, object]) -> object:
    if name not in variables:
        near = nearest(name, (one for one in variables if one[:1] != "_"))
        raise InputError(
            f"there is no variable {name!r} in this notebook",
            todo=f"Did you mean $`{near}`?" if near else "Run the cell that makes it",
        )
    return variables[name]


def _attribute(value: Any, name: str, node: ast.expr) -> object:
    kind = home(type(value))
    if kind == ("pandas", "DataFrame") and name not in _FIGURES:
        return _item(value, name, node)
    if kind in _TABLES and name in _FIGURES:
        found = getattr(value, name, MISSING)
    else:
        found = _kept(value, name)
    if found is MISSING:
        raise _refusal(node)
    return found


def _kept(value: object, name: str) -> object:
    """Give an attribute that is kept as it is, in the object or in its class."""
    classes = bases(type(value))
    if type in classes:
        return _of_class(read(type, "__mro__", value), name)
    if type(_defined(classes, "__getattribute__")) is FunctionType:
        return MISSING
    inherited = _defined(classes, name)
    if _has(inherited, "__set__") and type(inherited) is not MemberDescriptorType:
        return MISSING
    found = field(value, name)
    if found is not MISSING:
        return found
    if type(inherited) is FunctionType:
        # Binding a function to the object runs nothing.
        return MethodType(inherited, value)
    return MISSING if _has(inherited, "__get__") else inherited


def _of_class(classes: tuple[type, ...], name: str) -> object:
    found = _defined(classes, name)
    is_read_by_code = _has(found, "__get__") and type(found) is not FunctionType
    return MISSING if is_read_by_code else found


def _defined(classes: tuple[type, ...], name: str) -> object:
    """Give what the nearest class that knows the name has under it."""
    spaces = (namespace(cls) for cls in classes)
    return next((space[name] for space in spaces if name in space), MISSING)


def _has(value: object, method: str) -> bool:
    return _defined(bases(type(value)), method) is not MISSING


def _item(value: Any, key: object, node: ast.expr) -> object:
    cls = type(value)
    try:
        if any(cls is one for one in _DICTS):
            return _entry(value, key)
        is_row = any(cls is one for one in _ROWS) and _is_place(key)
        if is_row or home(cls) in _TABLES:
            return value[key]
    except Exception as error:
        what = f"`{ast.unparse(node)}` is not there"
        why = f"{type(error).__name__}: {error}"
        raise InputError(what, why, AS_TYPED) from error
    raise _refusal(node)


def _entry(value: dict[object, object], key: object) -> object:
    """Give an entry of a dict: by its own key, and without making a missing one."""
    found = dict.get(value, key, MISSING)
    if found is MISSING:
        raise KeyError(key)
    return found


def _is_place(key: object) -> bool:
    return type(key) is int or type(key) is slice


def _key(node: ast.expr, variables: Mapping[str, object]) -> Any:
    """Give what stands between brackets, as long as it is plain."""
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
        todo=f"Assign it first: x = {path}; then write $`x`",
    )
