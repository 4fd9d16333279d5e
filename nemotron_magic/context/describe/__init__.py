"""Describe any value to a model, without running its code.

Nothing here raises, runs a method of an unknown class, or touches lazy data. Classes
are known by their names in the libraries that made them; of all others, only the name
is given. The values of tables stay out unless they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from types import CoroutineType, FunctionType
from typing import Any, TypeAlias

from nemotron_magic.context.describe import base, libraries, objects, privacy, tables
from nemotron_magic.context.describe.base import DescribeContext, Lines, LiveTables
from nemotron_magic.context.secrets.held import is_held_secret
from nemotron_magic.core import public
from nemotron_magic.core.introspection import bases, class_name, defined, kinds
from nemotron_magic.core.text import strip_controls, well_formed

_Formatter: TypeAlias = Callable[[object], str | None]

# `_ai_repr_` is Jupyter's proposal 129, `_repr_llm_` IPython's x-vendor/llm.
_METHODS = ("_repr_llm_", "_ai_repr_")
_MIME_TYPES = ("text/plain", "text/markdown", "text/x-vendor-llm", "x-vendor/llm")
# By identity: the hash of a class may be code of its metaclass.
_REGISTERED: dict[int, tuple[type, Callable[[Any], str]]] = {}


@public
def register(cls: type, function: Callable[..., str]) -> None:
    """Let `function` describe the objects of `cls`, and of classes derived from it.

    Parameters
    ----------
    cls : type
        A class; of several that fit an object, the nearest one counts.
    function : callable
        Takes an object and returns its text. If it raises, that is told in the text.
    """
    _REGISTERED[id(cls)] = (cls, function)


@public
def unregister(cls: type) -> None:
    """Take back what was registered for `cls`."""
    _REGISTERED.pop(id(cls), None)


def _own_words(value: object, formatter: _Formatter | None) -> tuple[str, str]:
    """Return what an object says of itself, and what of that failed."""
    cls = type(value)
    ours = (_REGISTERED[id(one)][1] for one in bases(cls) if id(one) in _REGISTERED)
    methods = ((name, defined(cls, name)) for name in _METHODS)
    # What an object invents when it is asked for a method is none.
    sources: list[tuple[str, Any]] = [
        *(one for one in methods if type(one[1]) is FunctionType),
        ("the formatter for x-vendor/llm", formatter),
        ("its registered describer", next(ours, None)),
    ]
    failed = []
    for name, function in sources:
        try:
            if function and (text := _text(function(value))):
                return text, ""
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            failed.append(f"({name} raised {class_name(type(error))})")
    return "", " ".join(failed)


def _text(words: Any) -> str:
    """Return the text among the forms that the two protocols allow."""
    if type(words) is CoroutineType:
        # One that has to wait has no text.
        try:
            words.send(None)
        except StopIteration as end:
            return _text(end.value)
        finally:
            words.close()
    if dict in bases(type(words)):
        forms = dict(dict.items(words))
        words = next((forms[kind] for kind in _MIME_TYPES if kind in forms), None)
    return str.__str__(words) if str in bases(type(words)) else ""


_CUT = "\n… (cut: no room)"
_KINDS: base.Kinds = {
    name: describer
    for module in (base, libraries, objects, tables)
    for names, describer in module.KINDS.items()
    for name in names.split()
}


@public
def describe(
    value: object,
    name: str = "",
    *,
    data: base.Data = "schema",
    budget_chars: int = 4_000,
    source: bool = False,
    formatter: _Formatter | None = None,
    live: LiveTables | None = None,
    plain: str = "",
) -> str:
    """Describe a value in plain text; this raises for no value.

    Parameters
    ----------
    name : str
        What the user calls it; goes before the text.
    data : str
        "schema" shows no cells of tables, but ranges and the values of vocabularies;
        "sample" some rows; "full" as many as there is room for. What looks personal,
        by its name or by itself, is shown by "full" alone, and what looks secret by
        its name never.
    budget_chars : int
        The length that the text does not exceed.
    source : bool
        Whether the source of a function or class is wanted.
    formatter : Callable, optional
        Return the notebook's own words for an object, or None.
    live : LiveTables, optional
        The tables of the notebook, whose columns and summaries may be named.
    plain : str
        What IPython showed of the value: used for an unknown class, without people.

    Returns
    -------
    str
        Lines that a model reads, no longer than `budget_chars`.
    """
    own, known = privacy.own_name(name), live or LiveTables({})
    shown = strip_controls(plain)
    ctx = DescribeContext(_lines, data, source, own, live=known, plain=shown)
    try:
        words, failed = _own_words(value, formatter)
        lines = iter(words[: 2 * budget_chars].splitlines()) if words else None
        title = f"{name}: " if name else ""
        return _bounded(title, lines or _lines(value, ctx), failed, budget_chars)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        kind = class_name(type(error))
        return f"{name} (not described: {kind})".strip()[: max(0, budget_chars)]


def _lines(value: object, ctx: DescribeContext) -> Lines:
    """Yield the lines on a value; what fails in between ends them and is named."""
    name, has_begun = class_name(type(value)), False
    if id(value) in ctx.path:
        yield f"{name} (itself, from further up)"
        return
    try:
        if is_held_secret(ctx.name, value):
            yield f"{name}, looks secret: not shown"
            return
        for line in _describer(value)(value, ctx):
            has_begun = True
            yield line
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        what = "" if has_begun else f"{name} object "
        yield f"{what}(not all could be read: {class_name(type(error))})"


def _describer(value: object) -> base.Describer:
    """Return how to describe a value: by the first of its classes that is known."""
    found = [*kinds(value)]
    # The members of an enum are numbers or texts first.
    first = ["enum.Enum"] if "enum.Enum" in found else []
    if known := [name for name in first + found if name in _KINDS]:
        return _KINDS[known[0]]
    return objects.record_lines if objects.record_fields(value) else _unknown


def _unknown(value: object, ctx: DescribeContext) -> Lines:
    name = class_name(type(value))
    lines: list[str] = []
    if ctx.plain and not ctx.path:
        lines = base.plain_lines(ctx.plain, ctx.live.words, ctx.is_full)
    yield f"{name} object, which shows:" if lines else f"{name} object (not inspected)"
    yield from (f"  {line}" for line in lines)


def _bounded(title: str, lines: Lines, failed: str, budget_chars: int) -> str:
    """Join lines as long as there is room, and say when there was none."""
    kept, size, most = [], len(title), max(0, budget_chars)
    for line in chain(lines, filter(None, [failed])):
        # What would steer a terminal takes no room, as it is stripped.
        kept.append(well_formed(strip_controls(line)))
        size += len(kept[-1]) + 1
        if size > most + 1:
            break
    text = title + "\n".join(kept)
    cut = (text[: max(0, most - len(_CUT))] + _CUT)[:most]
    return text if len(text) <= most else cut
