"""Look at an object without running any code of its class.

`isinstance`, `hasattr`, `len`, `repr` and a plain attribute may each call code of the
user's. What stands here goes through `type` and the slots of the interpreter alone.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

_BASES = type.__dict__["__mro__"]
_NAMESPACE = type.__dict__["__dict__"]
_MODULE = type.__dict__["__module__"]
_NAME = type.__dict__["__qualname__"]
_FLAGS = type.__dict__["__flags__"]
_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: the class was made by a program, not in C


MISSING = object()
"""What stands where there is nothing."""


def bases(cls: type) -> tuple[type, ...]:
    """Return `cls` and its base classes, in the order in which they are looked up."""
    return tuple(_BASES.__get__(cls))


def namespace(cls: type) -> Mapping[str, object]:
    """Return what the body of `cls` defines."""
    found: types.MappingProxyType[str, object] = _NAMESPACE.__get__(cls)
    return found


def defined(cls: type, name: str) -> object:
    """Return what the first of the classes that defines a name has, or `MISSING`."""
    spaces = map(namespace, bases(cls))
    return next((space[name] for space in spaces if name in space), MISSING)


def exact(value: object) -> str:
    """Return `value` if its class is `str` itself; else an empty text."""
    return value if type(value) is str else ""


def class_name(cls: type) -> str:
    """Return the full name of a class, as in `collections.OrderedDict`."""
    try:  # it is asked for each of many values, and `suppress` would take as long again
        module = exact(_MODULE.__get__(cls))
    except AttributeError:
        module = ""
    # Of a class that a function made, where it was made is of no use.
    name = exact(_NAME.__get__(cls)).rpartition("<locals>.")[2] or "?"
    return name if module in ("", "builtins") else f"{module}.{name}"


def home(cls: type) -> tuple[str, str]:
    """Return library and name of a class; "" if its module has another by that name."""
    *module, name = class_name(cls).rsplit(".", 1)
    path = module[0] if module else "builtins"
    root = path.partition(".")[0]
    if not _FLAGS.__get__(cls) & _HEAP:
        return root, name
    is_there = state(sys.modules.get(path)).get(name) is cls
    return (root, name) if is_there else ("", "")


def kinds(value: object) -> Iterator[str]:
    """Return library and name of each class of a value, as in `pandas.DataFrame`."""
    return (".".join(home(cls)) for cls in bases(type(value)))


def state(value: object) -> dict[str, object]:
    """Return the attributes of the object itself, as the interpreter keeps them."""
    for cls in bases(type(value)):
        slot = namespace(cls).get("__dict__")
        if type(slot) in (types.GetSetDescriptorType, types.MemberDescriptorType):
            found = read(cls, "__dict__", value)
            return found if type(found) is dict else {}
    return {}


def read(cls: type, name: str, value: object) -> Any:
    """Return what a slot of `cls` holds for the object, whatever a subclass defines."""
    slot: Any = namespace(cls)[name]
    return slot.__get__(value)


def field(value: object, name: str) -> object:
    """Return an attribute that is kept in the object, else `MISSING`."""
    own = state(value)
    if name in own:
        return own[name]
    for cls in bases(type(value)):
        slot = namespace(cls).get(name)
        if type(slot) is types.MemberDescriptorType:
            with suppress(AttributeError):
                return read(cls, name, value)
            return MISSING
    return MISSING


def defaults(function: types.FunctionType) -> dict[str, object]:
    """Return the default values of a function's parameters, by name."""
    code = function.__code__
    values = function.__defaults__ or ()
    places = code.co_varnames[: code.co_argcount]
    found = dict(zip(places[len(places) - len(values) :], values, strict=False))
    return found | dict(function.__kwdefaults__ or {})


def library(name: str) -> Any:
    """Return a library; it is loaded, since a value of it exists."""
    return sys.modules[name]


def as_library(value: object) -> Any:
    """Return an object of pandas or polars as one of the library's own class.

    A class of the user's may define any method again, and set any attribute: only what
    begins with an underscore, where the libraries keep the cells, is taken over.
    """
    known = ("pandas", "polars")
    cls = next(one for one in bases(type(value)) if home(one)[0] in known)
    twin: Any = object.__new__(cls)
    own = {name: part for name, part in state(value).items() if name[:1] == "_"}
    state(twin).update(own)
    return twin
