"""What a call may cost, and has cost, by the prices of a catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nemotron_magic.catalogue import Model
from nemotron_magic.context.tokens import estimate_tokens
from nemotron_magic.settings import Settings
from nemotron_magic.usage import Usage, believed_usd

__all__ = ["Estimate", "estimate", "estimated_usd", "priced"]


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


def estimate(
    model: Model | None, messages: Sequence[Mapping[str, str]], settings: Settings
) -> Estimate | None:
    """Give what a call may cost; None if a price or the longest reply is not known."""
    longest = settings["max_tokens"] or (model.context_tokens if model else None)
    prices_usd = model.prices_usd if model else None
    if prices_usd is None or not longest:
        return None
    input_usd, output_usd = prices_usd
    sent = sum(estimate_tokens(message["content"]) for message in messages)
    received = int(longest) * int(settings["n"] or 1)
    return Estimate(
        sent,
        received,
        sent * input_usd / 1e6,
        received * output_usd / 1e6,
    )


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
