"""Whose code a call runs: a library's, or the user's, which can change any table."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType

from nemotron_magic.code.trees import HARMLESS_MAGICS, bound_names, magics, root_name
from nemotron_magic.context.describers.statics import home

__all__ = ["Owner"]

_USERS = ("", "__main__")


@dataclass(frozen=True, slots=True)
class Owner:
    """Tells the calls that may run the user's code.

    Parameters
    ----------
    namespace
        What the user's names stand for.
    made
        The names that the cell itself binds, but for imports.
    has_classes
        Whether the cell makes a class: its objects may be anywhere.
    """

    namespace: Mapping[str, object]
    made: frozenset[str]
    has_classes: bool

    @classmethod
    def of(cls, tree: ast.Module, namespace: Mapping[str, object]) -> Owner:
        """Know what a cell makes."""
        nodes = list(ast.walk(tree))
        imported = {n for one in nodes if _is_import(one) for n in bound_names(one)}
        has_classes = any(isinstance(one, ast.ClassDef) for one in nodes)
        return cls(namespace, frozenset(bound_names(tree) - imported), has_classes)

    def is_own(self, node: ast.Call) -> bool:
        """Tell whether a call may run code that the user wrote."""
        name = root_name(node.func)
        match node.func:
            case ast.Name():
                return name in self.made or not self._is_library_function(name)
            case ast.Attribute() if name == "get_ipython":
                return any(magic not in HARMLESS_MAGICS for magic, _ in magics(node))
            case ast.Attribute():
                return self.has_classes or self._is_users_object(name)
            case _:
                return True

    def _is_library_function(self, name: str) -> bool:
        if name not in self.namespace:
            return True  # built in, or imported by the cell
        value = self.namespace[name]
        if type(value) is FunctionType:
            return value.__module__ not in _USERS
        if type(value) is type:
            return home(value)[0] not in _USERS
        return type(value) is BuiltinFunctionType

    def _is_users_object(self, name: str) -> bool:
        value = self.namespace.get(name)
        return type(value) is not ModuleType and home(type(value))[0] in _USERS


def _is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)
