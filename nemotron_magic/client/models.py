"""Read a service's catalogue of models, and an account's balance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nemotron_magic.core import public
from nemotron_magic.core.loose_json import (
    JsonObject,
    as_dict,
    as_list,
    as_number,
    as_objects,
)
from nemotron_magic.core.text import sanitize_label
from nemotron_magic.core.usage import CREDITS_PER_USD

__all__ = [
    "Model",
    "fallback_model",
    "read_balance",
    "read_models",
    "sorted_for_people",
]


_CHAT = "openai/chat-completions"
_PREFERRED = (
    "nvidia/nemotron-3-super-120b-a12b",
    "nvidia/nemotron-3-ultra-550b-a55b",
    "nvidia/nemotron-3-nano-30b-a3b",
    "nvidia/nemotron-3.5-lightning",
)
"""Live at the AI/ML API on 2026-08-21; what the retired default gives way to."""

_WAYS = {
    "input": "input",
    "provided": "input",
    "output": "output",
    "generated": "output",
}
"""What the two dialects of a price list call the two directions."""

_LENGTHS = ("contextLength", "context_length", "max_model_len", "context_window")


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
    rows = as_objects(answer.get("data") if isinstance(answer, dict) else answer)
    chat = (r for r in rows if r.get("type", _CHAT) == _CHAT)
    models = {r["id"]: _model(r) for r in chat if _is_name(r.get("id"))}
    return tuple(models.values())


def sorted_for_people(models: Iterable[Model]) -> list[Model]:
    """Order models by name, Nemotrons first."""
    return sorted(models, key=lambda m: (not m.is_nemotron, m.name.lower()))


def fallback_model(models: Sequence[Model]) -> Model | None:
    """Return the Nemotron to use in place of the retired default, if one is listed."""
    for name in _PREFERRED:
        found = next((m for m in models if m.goes_by(name)), None)
        if found:
            return found
    return next((m for m in sorted_for_people(models) if m.is_nemotron), None)


def _model(row: JsonObject) -> Model:
    known = {**row, **as_dict(row.get("info"))}
    lengths = (known.get(k) for k in _LENGTHS)
    prices = _prices(as_dict(row.get("pricing")))
    return Model(
        row["id"],
        tuple(a for a in as_list(row.get("aliases")) if _is_name(a)),
        next((n for n in lengths if isinstance(n, int) and n > 0), None),
        prices.get("input"),
        prices.get("output"),
    )


def _is_name(value: Any) -> bool:
    """Return whether a model can be called so: not what would break out of a table."""
    return isinstance(value, str) and bool(value) and sanitize_label(value) == value


def _prices(pricing: JsonObject) -> dict[str, float]:
    """Return the price of a million tokens by direction, as far as it can be read.

    Two dialects are in use: `measure` names the direction, or `origin` does.
    """
    prices = {
        way: price
        for unit in as_objects(pricing.get("units"))
        if (way := _way(unit))
        if (price := _per_million(unit.get("price"), unit.get("per", 1))) is not None
    }
    return prices or _openrouter_prices(pricing)


def _way(unit: JsonObject) -> str:
    """Return the direction of the text tokens that a unit prices, or ""."""
    if unit.get("name") != "token" or unit.get("content", "text") != "text":
        return ""
    return _WAYS.get(str(unit.get("measure") or unit.get("origin")), "")


def _openrouter_prices(pricing: JsonObject) -> dict[str, float]:
    found = {"input": pricing.get("prompt"), "output": pricing.get("completion")}
    prices = {way: _per_million(price, 1) for way, price in found.items()}
    return {way: price for way, price in prices.items() if price is not None}


def _per_million(price: Any, per: Any) -> float | None:
    try:
        value = float(price) / float(per) * 1e6
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return round(value, 6) if 0 <= value < float("inf") else None


def read_balance(answer: Any) -> float | None:
    """Read what is left on an account, in US dollars; None if it is not said.

    The newer page tells dollars, the older one credits.
    """
    page = as_dict(answer)
    for name, per_usd in (("current_balance", 1), ("balance", CREDITS_PER_USD)):
        left = as_number(page.get(name))
        if left is not None:
            return left / per_usd
    return None
