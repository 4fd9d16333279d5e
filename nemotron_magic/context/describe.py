"""Describe any value to a model: what it is, never what running it would tell.

Nothing here raises, runs a method of an unknown class, or touches lazy data. Classes
are told by their names in the libraries that made them; of all others, only the name
is said. The values of tables stay out unless they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from nemotron_magic.context.describers import (
    arrays,
    arrow_tables,
    code,
    containers,
    estimators,
    figures,
    pandas_tables,
    polars_tables,
    records,
    remote,
    scalars,
)
from nemotron_magic.context.describers.look import Data, Describer, Look
from nemotron_magic.context.describers.own import Formatter, Registry, own_words
from nemotron_magic.context.describers.privacy import own_name
from nemotron_magic.context.describers.statics import bases, class_name, home
from nemotron_magic.context.secrets.held import is_held_secret
from nemotron_magic.text import well_formed, without_controls

__all__ = ["REGISTRY", "SECRET", "describe", "register", "unregister"]

REGISTRY = Registry()
SECRET = "looks secret: not shown"
_LIMIT_S = 0.03
_CUT = "\n… (cut: no room)"
_DEEPEST = 20
_KINDS: dict[tuple[str, str], Describer] = {
    **arrays.KINDS,
    **arrow_tables.KINDS,
    **code.KINDS,
    **containers.KINDS,
    **estimators.KINDS,
    **figures.KINDS,
    **pandas_tables.KINDS,
    **polars_tables.KINDS,
    **records.KINDS,
    **remote.KINDS,
    **scalars.KINDS,
}


def register(cls: type, function: Callable[..., str]) -> None:
    """Let `function` describe the objects of `cls`, and of classes derived from it."""
    REGISTRY.register(cls, function)


def unregister(cls: type) -> None:
    """Take back what was registered for `cls`."""
    REGISTRY.unregister(cls)


def describe(
    value: object,
    name: str = "",
    *,
    data: Data = "schema",
    budget_chars: int = 4_000,
    source: bool = False,
    formatter: Formatter | None = None,
    clock_s: Callable[[], float] | None = None,
    limit_s: float = _LIMIT_S,
    registry: Registry = REGISTRY,
) -> str:
    """Describe a value in plain text; whatever it is, this does not raise.

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
        Gives the notebook's own words for an object, or None.
    clock_s : Callable, optional
        A clock in seconds; without one, sampling alone bounds the time.
    limit_s : float
        After this time, columns are named and not looked at.
    registry : Registry
        What users registered.
    """
    look = Look(_lines, _lateness(clock_s, limit_s), data, source, own_name(name))
    try:
        words, failed = own_words(value, formatter, registry)
        lines = iter(words[: 2 * budget_chars].splitlines()) if words else None
        title = f"{name}: " if name else ""
        return _bounded(title, lines or _lines(value, look), failed, budget_chars)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        kind = class_name(type(error))
        return f"{name} (not described: {kind})".strip()[: max(0, budget_chars)]


def _lateness(
    clock_s: Callable[[], float] | None, limit_s: float
) -> Callable[[], bool]:
    if clock_s is None:
        return lambda: False
    end_s = clock_s() + limit_s
    return lambda: clock_s() > end_s


def _lines(value: object, look: Look) -> Iterator[str]:
    """Give the lines on a value; what fails in between ends them and is named."""
    if id(value) in look.path:
        yield f"{class_name(type(value))} (itself, from further up)"
        return
    if len(look.path) > _DEEPEST:
        yield "…"
        return
    said = False
    try:
        if is_held_secret(look.name, value):
            yield f"{class_name(type(value))}, {SECRET}"
            return
        for line in _describer(value)(value, look):
            said = True
            yield line
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        what = "" if said else f"{class_name(type(value))} object "
        yield f"{what}(not all could be read: {class_name(type(error))})"


def _describer(value: object) -> Describer:
    """Give how to say a value: by the first class that is known of those it has."""
    if records.is_enum(value):
        return records.enum_lines
    for cls in bases(type(value)):
        if found := _KINDS.get(home(cls)):
            return found
    return records.dataclass_lines if records.is_dataclass(value) else _unknown


def _unknown(value: object, look: Look) -> Iterator[str]:
    yield f"{class_name(type(value))} object (not inspected)"


def _bounded(title: str, lines: Iterator[str], failed: str, budget_chars: int) -> str:
    """Join lines as long as there is room, and say when there was none."""
    kept, size, most = [], len(title), max(0, budget_chars)
    for line in chain(lines, filter(None, [failed])):
        # What would steer a terminal takes no room, as it does not stay.
        kept.append(well_formed(without_controls(line)))
        size += len(kept[-1]) + 1
        if size > most + 1:
            break
    text = title + "\n".join(kept)
    return (
        text if len(text) <= most else (text[: max(0, most - len(_CUT))] + _CUT)[:most]
    )
