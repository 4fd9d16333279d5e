"""What a call may cost, and has cost, by the prices of a catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nemotron_magic.catalogue import Model
from nemotron_magic.context.tokens import estimate_field_tokens, estimate_tokens
from nemotron_magic.parameters import BY_NAME
from nemotron_magic.untrusted import as_number
from nemotron_magic.usage import Usage, believed_usd

__all__ = [
    "Estimate",
    "dearest",
    "estimate",
    "estimated_usd",
    "priced",
    "unpriced_field",
]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call may cost, before it is sent.

    Attributes
    ----------
    prompt_tokens, reply_tokens : int
        Rather too many than too few; the longest reply that is allowed.
    prompt_usd, reply_usd : float
        What they take in US dollars.
    """

    prompt_tokens: int
    reply_tokens: int
    prompt_usd: float
    reply_usd: float

    @property
    def most_usd(self) -> float:
        """What it costs at most."""
        return self.prompt_usd + self.reply_usd


def priced(models: Iterable[Model], name: str) -> Model | None:
    """Give the model of that name, if both its prices are known."""
    model = next((m for m in models if m.goes_by(name)), None)
    return model if model and model.prices_usd else None


def dearest(models: Iterable[Model], body: Mapping[str, Any]) -> Model | None:
    """Return the model a request is priced by; None if one it may go to has no price.

    A request may name several models to choose from: then each price is the highest.
    """
    known, names = tuple(models), [body.get("model")]
    for field in _MORE_MODELS:
        more = body.get(field)
        names += more if isinstance(more, list | tuple) else [more] if more else []
    found = [priced(known, n) if isinstance(n, str) else None for n in names]
    chosen = [model for model in found if model is not None]
    if not chosen or len(chosen) < len(found):
        return None
    prices_usd = [model.prices_usd or (0.0, 0.0) for model in chosen]
    return replace(
        chosen[0],
        context_tokens=max(model.context_tokens or 0 for model in chosen) or None,
        input_usd=max(price[0] for price in prices_usd),
        output_usd=max(price[1] for price in prices_usd),
    )


def unpriced_field(body: Mapping[str, Any]) -> str:
    """Return a field of a request that may cost what no catalogue tells; "" if none."""
    for name, value in body.items():
        if value in _NOTHING_MORE:
            continue
        if name in (*_LENGTHS, *_ANSWERS) and not _is_number(value):
            return name
        if name == "tools" and all(map(_is_function, value)):
            continue
        if name in ("tools", *_EXTRAS) or (name not in _MODELS and "model" in name):
            return name
    return ""


def estimate(models: Iterable[Model], body: Mapping[str, Any]) -> Estimate | None:
    """Return what a call may cost; None if a price or the longest reply is not known.

    Parameters
    ----------
    models : iterable of Model
        Those that the service lists.
    body : mapping
        The whole request.
    """
    model = dearest(models, body)
    longest = _longest(body) or (model.context_tokens if model else None)
    if model is None or model.prices_usd is None or not longest or unpriced_field(body):
        return None
    input_usd, output_usd = model.prices_usd
    sent = sum(estimate_tokens(message["content"]) for message in body["messages"])
    sent += estimate_field_tokens(body)
    # What was predicted and did not come is billed as if it had.
    longest += estimate_field_tokens({"prediction": body.get("prediction")})
    longest += sent if body.get("echo") else 0
    received = longest * max(1, *(_whole(body.get(name)) for name in _ANSWERS))
    return Estimate(
        sent,
        received,
        sent * input_usd / 1e6,
        received * output_usd / 1e6,
    )


def _longest(body: Mapping[str, Any]) -> int:
    """Return how many tokens one answer may take, its reasoning among them; 0: any."""
    named = [int(body[name]) for name in _LENGTHS if _is_number(body.get(name))]
    if not named or min(named) <= 0:  # llama.cpp: -1 is without end
        return 0
    return max(named) + sum(
        _budget(value, _THINKS.search(name) is not None)
        for name, value in body.items()
        if name not in ("messages", *BY_NAME)
    )


def _budget(value: Any, thinks: bool) -> int:
    """Return the tokens that a field and those within it allow for reasoning."""
    if isinstance(value, Mapping):
        return sum(
            _budget(one, thinks or _THINKS.search(name) is not None)
            for name, one in value.items()
        )
    return max(_whole(value), 0) if thinks else 0


def _is_number(value: Any) -> bool:
    return as_number(value) is not None


def _whole(value: Any) -> int:
    return int(as_number(value) or 0)


def _is_function(tool: Any) -> bool:
    """Tell a function of the user's own from a tool that the service runs and bills."""
    return isinstance(tool, Mapping) and tool.get("type", "function") in _OWN_TOOLS


_OWN_TOOLS = ("function", "custom")
_MORE_MODELS = ("models", "fallbacks")
_MODELS = ("model", *_MORE_MODELS)
_LENGTHS = (
    *("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens"),
    *("max_tokens_to_sample", "max_gen_len", "max_length", "n_predict", "num_predict"),
)
"""What services call the longest reply; which of several counts, only they know."""

_ANSWERS = ("n", "best_of", "num_return_sequences", "candidate_count", "n_completions")
_THINKS = re.compile(r"think|reason|budget", re.IGNORECASE)
_NOTHING_MORE: tuple[Any, ...] = (None, False, [], {}, "", "none", "default", ["text"])
_EXTRAS = (
    *("provider", "preset", "route", "plugins", "service_tier", "speed"),
    *("web_search", "web_search_options", "search_parameters", "modalities", "audio"),
    *("extra_body", "mcp_servers", "container"),
)
"""Fields by which a service chooses dearer places, or does more than to reply."""


def estimated_usd(model: Model | None, usage: Usage) -> float | None:
    """Give what tokens cost by the catalogue; None if a price or a figure is unknown.

    Tokens that the service had in its own cache may be cheaper: it is at most this.

    >>> estimated_usd(Model("m", input_usd=1, output_usd=2), Usage(500_000, 250_000))
    1.0
    """
    sent, received = usage.prompt_tokens, usage.completion_tokens
    prices_usd = model.prices_usd if model else None
    if prices_usd is None or sent is None or received is None:
        return None
    input_usd, output_usd = prices_usd
    return believed_usd((sent * input_usd + received * output_usd) / 1e6)
