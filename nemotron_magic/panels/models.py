"""The catalogue as a panel offers it: pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nemotron_magic.catalogue import Model

__all__ = ["offered"]


def offered(models: Iterable[Model]) -> list[dict[str, Any]]:
    """Give each model with its name and a line on its length and price."""
    return [
        {"name": m.name, "about": _about(m), "nemotron": m.is_nemotron} for m in models
    ]


def _about(model: Model) -> str:
    """Say what is known; prices are for a million tokens.

    >>> _about(Model("a", context_tokens=131072, input_usd=0.5, output_usd=2.0))
    '131K context · $0.5 in, $2 out'
    >>> _about(Model("a"))
    'context and price unknown'
    """
    if model.context_tokens is None and model.input_usd is None:
        return "context and price unknown"
    tokens, price = model.context_tokens, model.input_usd
    length = "context unknown" if tokens is None else f"{_short(tokens)} context"
    if price is None or model.output_usd is None:
        return f"{length} · price unknown"
    return f"{length} · ${price:g} in, ${model.output_usd:g} out"


def _short(tokens: int) -> str:
    """Give a number of tokens as catalogues write it, such as 128K or 1M."""
    if tokens >= 1_000_000:
        return f"{tokens / 1e6:.3g}M"
    return f"{tokens // 1000}K" if tokens >= 1000 else str(tokens)
