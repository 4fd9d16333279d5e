"""The ways in which the catalogue writes a price.

See https://docs.aimlapi.com/api-references/service-endpoints/complete-model-list,
2026-08-21, and what the vendor's own clients read, which is written otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from .request import Json


@dataclass(frozen=True, slots=True)
class Price:
    """USD for a million tokens."""

    prompt: float
    completion: float


def _by_origin(price: Price) -> Json:
    def unit(origin: str, usd: float) -> Json:
        kind = {"type": "charge", "name": "token", "content": "text"}
        return {**kind, "origin": origin, "price": usd, "per": 1_000_000}

    rows = [unit("provided", price.prompt), unit("generated", price.completion)]
    rows.append(unit("cached", round(price.prompt / 10, 6)))
    return {"kind": "fixed", "currency": "USD", "units": rows}


def _by_measure(price: Price, per: int = 1_000_000) -> Json:
    def unit(measure: str, usd: float) -> Json:
        return {"name": "token", "measure": measure, "price": usd, "per": per}

    scale = per / 1_000_000
    rows = [
        unit("input", price.prompt * scale),
        unit("output", price.completion * scale),
    ]
    return {"kind": "fixed", "units": rows}


def _per_one(price: Price) -> Json:
    return _by_measure(price, per=1)


def _variants(price: Price) -> Json:
    def variant(measure: str, usd: float) -> Json:
        when = {"measure": measure}
        return {"when": when, "price": usd, "unit": "token", "per": 1_000_000}

    rows = [variant("input", price.prompt), variant("output", price.completion)]
    return {"kind": "variants", "dimensions": ["measure"], "variants": rows}


def _variable(price: Price) -> Json:
    return {"kind": "variable"}


PRICE_DIALECTS = {
    "origin": _by_origin,
    "measure": _by_measure,
    "per-one": _per_one,
    "variants": _variants,
    "variable": _variable,
}
