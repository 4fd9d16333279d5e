"""Read what a call took, wherever a server says it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

from nemotron_magic.client import names_in, table
from nemotron_magic.core.loose_json import JsonObject, as_amount, as_dict, as_objects
from nemotron_magic.core.usage import Usage, believed_usd, latest

_NAMES = names_in("usage")
_COSTS: dict[str, int] = table("shapes.toml")["costs"]
_REPORTS, _LOOSE = _NAMES.pop("reports"), frozenset(_NAMES.pop("loose"))
_MOST_TOKENS = 1_000_000_000
"""A thousand times what any model reads or writes in one call."""

_DEEPEST = 3


def usage_in(chunk: JsonObject) -> Usage | None:
    """Return the figures in a chunk or completion; None if it reports none."""
    usage = reduce(Usage.updated, _reports(chunk), Usage())
    tells = usage != Usage() or any(chunk.get(name) for name in _REPORTS)
    return usage if tells else None


def _reports(chunk: JsonObject, depth: int = 0) -> Iterator[Usage]:
    """Yield the figures in a chunk; those that stand deep first, if they count tokens.

    What else is called usage there, as that of an account, is not the call's; but the
    AI/ML API tells the cost in `meta`, and a choice is the call's own.
    """
    for name, value in chunk.items() if depth < _DEEPEST else ():
        if name in _REPORTS or not isinstance(value, dict | list):
            continue
        is_own = name in ("meta", "choices") and not depth
        is_list = name == "choices" and isinstance(value, list)
        for part in as_objects(value if is_list else [value]):
            deeper = _reports(part, depth + 1)
            yield from (one for one in deeper if is_own or one.counts_tokens)
    if not _LOOSE.isdisjoint(chunk):
        yield read_usage(chunk)
    for name in _REPORTS:
        if value := chunk.get(name):
            yield _report(value)


def _report(value: Any) -> Usage:
    """Read a report, a list of them, which add up, or one with another inside."""
    if isinstance(value, list):
        return sum(map(_report, as_objects(value)), Usage())
    usage = read_usage(value)
    if usage.counts_tokens:
        return usage
    deeper = map(read_usage, as_objects([*as_dict(value).values()]))
    return next((one for one in deeper if one.counts_tokens), Usage()).updated(usage)


def read_usage(report: Any) -> Usage:
    """Read one report of any server: the first of each figure that is not a zero.

    A router that used the user's own key at a provider charges nothing itself: what
    the provider took is beside it, or is not known.
    """
    said = dict(as_dict(report))
    for name, part in as_dict(report).items():
        said |= {f"{name}.{inner}": value for inner, value in as_dict(part).items()}
    counts: dict[str, Any] = {
        name: _first(
            int(count)
            for path in paths
            if path in said
            and (count := as_amount(said[path])) is not None
            and count <= _MOST_TOKENS
        )
        for name, paths in _NAMES.items()
    }
    cost_usd = _first(
        usd
        for path, per in _COSTS.items()
        if path in said
        and (cost := as_amount(said[path])) is not None
        and (usd := believed_usd(cost / per)) is not None
    )
    if said.get("is_byok") is True:
        upstream = as_amount(said.get("cost_details.upstream_inference_cost"))
        own_usd = cost_usd or 0
        cost_usd = None if upstream is None else believed_usd(own_usd + upstream)
    return Usage(**counts, cost_usd=cost_usd)


def _first(figures: Iterator[Any]) -> Any:
    """Return the first figure; a zero only if there is no other."""
    return reduce(latest, figures, None)
