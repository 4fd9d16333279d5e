"""Say scikit-learn estimators: class, parameters, fitted or not."""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType

from nemotron_magic.context.describers.code import defaults, parameters
from nemotron_magic.context.describers.look import Describer, Look, and_more
from nemotron_magic.context.describers.statics import (
    MISSING,
    bases,
    class_name,
    field,
    namespace,
    state,
)

__all__ = ["KINDS"]

_PLAIN = (type(None), bool, int, float, str)
_SHOWN = 40


def _estimator(value: object, look: Look) -> Iterator[str]:
    init = _init(type(value))
    names = [name for _, name in parameters(init) if name] if init else []
    given = {name: field(value, name) for name in names[1:]}
    usual = defaults(init) if init else {}
    changed = [name for name in given if not _is_same(given[name], usual.get(name))]
    yield f"{class_name(type(value))} (scikit-learn), {_fitted(state(value))}"
    for name in changed[:_SHOWN]:
        first, *others = look.lines(given[name], value, name)
        yield f"  {name} = {first}"
        yield from (f"  {line}" for line in others)
    kept = [name for name in given if name not in changed]
    if kept:
        yield f"  at their defaults: {and_more(kept[:_SHOWN], len(kept) - _SHOWN)}"


def _init(cls: type) -> FunctionType | None:
    found = (namespace(base).get("__init__") for base in bases(cls))
    return next((one for one in found if type(one) is FunctionType), None)


def _is_same(given: object, usual: object) -> bool:
    """Compare two values of which neither can run code when it is compared."""
    if given is usual or given is MISSING:
        return True
    return type(given) is type(usual) and type(given) in _PLAIN and given == usual


def _fitted(own: dict[str, object]) -> str:
    """Say whether it was fitted: then it has attributes that end in an underscore."""
    learnt = [name for name in own if name[-1:] == "_" and name[:1] != "_"]
    if not learnt:
        return "not fitted"
    width = own.get("n_features_in_")
    on = f" on {width} features" if type(width) is int else ""
    return f"fitted{on} ({and_more(learnt[:8], len(learnt) - 8)})"


KINDS: dict[tuple[str, str], Describer] = {("sklearn", "BaseEstimator"): _estimator}
