"""Read a service's catalogue, an account's balance, and what a call took."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from math import inf
from typing import Any

from nemotron_magic.client import names_in, table
from nemotron_magic.core import public
from nemotron_magic.core.loose_json import (
    JsonObject,
    as_amount,
    as_dict,
    as_list,
    as_number,
    as_objects,
    as_text,
    at_path,
)
from nemotron_magic.core.text import sanitize_label
from nemotron_magic.core.usage import CREDITS_PER_USD, Usage, believed_usd, latest

_NO_CHAT = re.compile(
    r"(?i)embed|image|audio|speech|\btts\b|\bstt\b|transcri|rerank|moderation|video"
    r"|music|voice|\bocr\b|/(?!chat-completions)"
)
"""What the type of a model says that does not chat; a path names the API it speaks."""

_WAYS: dict[str, str] = table("shapes.toml")["ways"]
_NAMES = names_in("model")
_DEAREST_TOKEN_USD = 0.001
"""A price below it is that of one token, one from it on that of a million."""


@public
@dataclass(frozen=True, slots=True)
class Model:
    """One model of a catalogue.

    Attributes
    ----------
    context_tokens : int or None
        What it reads at most, prompt and reply together.
    input_usd, output_usd : float or None
        Price of a million tokens in US dollars; None if it is not listed.
    """

    name: str
    aliases: tuple[str, ...] = ()
    context_tokens: int | None = None
    input_usd: float | None = None
    output_usd: float | None = None

    @property
    def prices_usd(self) -> tuple[float, float] | None:
        """Both prices, in and out; None if one is not listed."""
        if self.input_usd is None or self.output_usd is None:
            return None
        return self.input_usd, self.output_usd

    @property
    def is_nemotron(self) -> bool:
        """Whether it is one of NVIDIA's Nemotrons."""
        return "nemotron" in self.name.lower()

    def goes_by(self, name: str) -> bool:
        """Return whether `name` is its id or an alias, in any case."""
        return name.lower() in {n.lower() for n in (self.name, *self.aliases)}


def read_models(answer: Any) -> tuple[Model, ...]:
    """Read the answer of `GET /v1/models`; rows that name no chat model are left out.

    https://docs.aimlapi.com/api-references/service-endpoints/complete-model-list (read
    2026-08-21) and https://platform.openai.com/docs/api-reference/models/list.
    """
    page = as_dict(answer)
    places = (answer, *(page.get(name) for name in ("data", "models", "result")))
    found = next(filter(None, map(as_list, places)), [])
    rows = as_objects([{"id": one} if isinstance(one, str) else one for one in found])
    models = {m.name: m for row in rows if _chats(row) and (m := _model(row))}
    return tuple(models.values())


def _chats(row: JsonObject) -> bool:
    """Return whether a row is of a chat model, if it says."""
    kind = as_text(row.get("type") or row.get("mode"))
    able = as_dict(row.get("capabilities")).get("completion_chat") is not False
    return able and not _NO_CHAT.search(kind)


def sorted_for_people(models: Iterable[Model]) -> list[Model]:
    """Order models by name, Nemotrons first."""
    return sorted(models, key=lambda m: (not m.is_nemotron, m.name.lower()))


def fallback_model(models: Sequence[Model]) -> Model | None:
    """Return the Nemotron to use in place of the retired default, if one is listed."""
    preferred = (m for name in _NAMES["preferred"] for m in models if m.goes_by(name))
    others = (m for m in sorted_for_people(models) if m.is_nemotron)
    return next(chain(preferred, others), None)


def _model(row: JsonObject) -> Model | None:
    names = (row.get(key) for key in ("id", "name", "model"))
    name = next((one for one in names if _is_name(one)), None)
    if name is None:
        return None
    lengths = (_figure(at_path(row, path)) for path in _NAMES["lengths"])
    prices = (_prices(as_dict(at_path(row, path))) for path in (*_NAMES["prices"], ""))
    found = next((one for one in prices if one), {})
    return Model(
        name,
        tuple(a for a in as_list(row.get("aliases")) if _is_name(a)),
        next((int(n) for n in lengths if n and n >= 1), None),
        found.get("input"),
        found.get("output"),
    )


def _is_name(value: Any) -> bool:
    """Return whether a model can be called so: not what would break out of a table."""
    return isinstance(value, str) and bool(value) and sanitize_label(value) == value


def _figure(value: Any) -> float | None:
    value = value.strip().removeprefix("$") if isinstance(value, str) else value
    return as_amount(value)


def _prices(pricing: JsonObject) -> dict[str, float]:
    """Return the price of a million tokens by direction, if it can be read."""
    prices: dict[str, float] = {}
    for unit in as_objects(pricing.get("units")):
        price, per = _figure(unit.get("price")), _figure(unit.get("per", 1))
        way = _WAYS.get(str(unit.get("measure") or unit.get("origin")))
        is_text = unit.get("name") == "token" and unit.get("content", "text") == "text"
        if way and is_text and price is not None and per:
            prices[way] = price / per * 1e6
    if not prices:
        for way in ("input", "output"):
            figures = (_figure(pricing.get(name)) for name in _NAMES[way])
            price = next((one for one in figures if one is not None), None)
            if price is not None:
                prices[way] = price * (1e6 if price < _DEAREST_TOKEN_USD else 1)
    return {way: round(usd, 6) for way, usd in prices.items() if 0 <= usd < inf}


def read_logged(answer: Any) -> dict[str, JsonObject]:
    """Read the requests in a service's log, by our own ids."""
    lists = (answer, *as_dict(answer).values())
    rows = next((as_objects(one) for one in lists if as_list(one)), [])
    return {as_text(row.get("client_request_id")): row for row in rows}


def read_balance(answer: Any) -> float | None:
    """Read what is left on an account, in US dollars; None if it is not said."""
    page = as_dict(answer)
    scales = (("current_balance", 1), ("balance", CREDITS_PER_USD))
    left = ((as_number(page.get(name)), per_usd) for name, per_usd in scales)
    return next((one / per_usd for one, per_usd in left if one is not None), None)


_FIGURES = names_in("usage")
_COSTS: dict[str, int] = table("shapes.toml")["costs"]
_REPORTS, _LOOSE = _FIGURES.pop("reports"), frozenset(_FIGURES.pop("loose"))
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
    said = as_dict(report)
    parts = [("", said), *((f"{name}.", as_dict(part)) for name, part in said.items())]
    found = {
        at + name: amount
        for at, part in parts
        for name, value in part.items()
        if (amount := as_amount(value)) is not None
    }
    counts: dict[str, Any] = {
        name: _first(int(found[p]) for p in paths if found.get(p, inf) <= _MOST_TOKENS)
        for name, paths in _FIGURES.items()
    }
    costs = (believed_usd(found[p] / per) for p, per in _COSTS.items() if p in found)
    cost_usd = _first(usd for usd in costs if usd is not None)
    if said.get("is_byok") is True:
        upstream = found.get("cost_details.upstream_inference_cost")
        own_usd = cost_usd or 0
        cost_usd = None if upstream is None else believed_usd(own_usd + upstream)
    return Usage(**counts, cost_usd=cost_usd)


def _first(figures: Iterator[Any]) -> Any:
    """Return the first figure; a zero only if there is no other."""
    return reduce(latest, figures, None)
