"""What an object, its formatter or a describer of the user's says of it."""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType, FunctionType
from typing import Any, TypeAlias

from nemotron_magic.context.describers.statics import bases, class_name, namespace

__all__ = ["Formatter", "Registry", "own_words"]

Formatter: TypeAlias = Callable[[object], str | None]

# `_ai_repr_` is Jupyter's proposal 129, `_repr_llm_` IPython's x-vendor/llm.
_METHODS = ("_repr_llm_", "_ai_repr_")
_MIME_TYPES = ("text/plain", "text/markdown", "text/x-vendor-llm", "x-vendor/llm")


class Registry:
    """The describers that users have registered, by the class they are for."""

    def __init__(self) -> None:
        # By identity: the hash of a class may be code of its metaclass.
        self._describers: dict[int, tuple[type, Callable[[Any], str]]] = {}

    def register(self, cls: type, function: Callable[[Any], str]) -> None:
        """Let `function` describe the objects of `cls` and of what derives from it."""
        self._describers[id(cls)] = (cls, function)

    def unregister(self, cls: type) -> None:
        """Forget the describer of `cls`; that there is none is no error."""
        self._describers.pop(id(cls), None)

    def describer(self, cls: type) -> Callable[[Any], str] | None:
        """Give the describer of a class, or of the nearest it derives from."""
        for base in bases(cls):
            if id(base) in self._describers:
                return self._describers[id(base)][1]
        return None


def own_words(
    value: object, formatter: Formatter | None, registry: Registry
) -> tuple[str, str]:
    """Give what is said of an object by those asked first, and what failed.

    The object's own method comes first, then the formatter, then what the user
    registered. One that raises is passed over and named in the second text.
    """
    sources = [(name, _method(type(value), name)) for name in _METHODS]
    sources += [("the formatter for x-vendor/llm", formatter)]
    sources += [("its registered describer", registry.describer(type(value)))]
    failed = []
    for name, function in sources:
        if function is None:
            continue
        try:
            if text := _text(function(value)):
                return text, ""
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            failed.append(f"({name} raised {class_name(type(error))})")
    return "", " ".join(failed)


def _method(cls: type, name: str) -> Callable[[Any], Any] | None:
    """Give a method of the class; what an object invents when asked is none."""
    for base in bases(cls):
        found = namespace(base).get(name)
        if found is not None:
            return found if type(found) is FunctionType else None
    return None


def _text(said: Any) -> str:
    """Give the text among the forms that the two protocols allow."""
    if type(said) is CoroutineType:
        said = _awaited(said)
    if dict in bases(type(said)):
        kinds = dict(dict.items(said))
        said = next((kinds[kind] for kind in _MIME_TYPES if kind in kinds), None)
    return str.__str__(said) if str in bases(type(said)) else ""


def _awaited(coroutine: CoroutineType[Any, Any, Any]) -> object:
    """Give what a coroutine returns at once; one that has to wait gives nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    finally:
        coroutine.close()
    return None
