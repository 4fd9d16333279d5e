"""Limits on cost, and estimates from the catalogue's prices."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

from nemotron_magic.client.models import Model
from nemotron_magic.context.tokens import estimate_field_tokens, estimate_tokens
from nemotron_magic.core.errors import LimitError
from nemotron_magic.core.loose_json import as_number
from nemotron_magic.core.parameters import BY_NAME
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import format_usd
from nemotron_magic.core.usage import Usage, believed_usd
from nemotron_magic.storage.records import Totals

_Body = Mapping[str, Any]


class CostEstimate(NamedTuple):
    """The most that a call may cost: rather too many tokens, the longest reply."""

    prompt_tokens: int
    reply_tokens: int
    prompt_usd: float
    reply_usd: float

    @property
    def most_usd(self) -> float:
        """What it costs at most."""
        return self.prompt_usd + self.reply_usd

    def words(self, left_usd: float) -> tuple[str, str]:
        """Return what it may cost, and how long a reply fits into what is left."""
        prompt, most = format_usd(self.prompt_usd), format_usd(self.most_usd)
        share = (left_usd - self.prompt_usd) / (self.reply_usd or math.inf)
        tokens = int(share * self.reply_tokens)
        return (
            f"it may cost {most} ({prompt} to send, the rest for up to "
            f"{self.reply_tokens:,} tokens)",
            f"It fits with: --max-tokens {tokens}   " if tokens >= 100 else "",
        )


def dearest(models: Iterable[Model], body: _Body) -> Model | None:
    """Return the model a request is priced by; None if one it may go to has no price.

    A request may name several models to choose from: then each price is the highest.
    """
    known = [model for model in models if model.prices_usd]
    names = [body.get("model")]
    for field in _MORE_MODELS:
        more = body.get(field)
        names += more if isinstance(more, list | tuple) else [more] if more else []
    chosen = [
        model
        for name in names
        for model in islice((one for one in known if one.goes_by(str(name))), 1)
    ]
    if len(chosen) < len(names):
        return None
    return replace(
        chosen[0],
        context_tokens=max(model.context_tokens or 0 for model in chosen) or None,
        input_usd=max(model.input_usd or 0.0 for model in chosen),
        output_usd=max(model.output_usd or 0.0 for model in chosen),
    )


def unpriced_field(body: _Body) -> str:
    """Return a field of a request that may cost what no catalogue tells; "" if none."""
    for name, value in body.items():
        if value in _NOTHING_MORE:
            continue
        if name in (*_LENGTHS, *_ANSWERS) and as_number(value) is None:
            return name
        if name == "tools" and all(
            isinstance(tool, Mapping) and tool.get("type", "function") in _OWN_TOOLS
            for tool in value
        ):
            continue
        if name in ("tools", *_EXTRAS) or (name not in _MODELS and "model" in name):
            return name
    return ""


def estimate_cost(models: Iterable[Model], body: _Body) -> CostEstimate | None:
    """Return what a call may cost by the models that the service lists.

    None if a price or the longest reply is not known.
    """
    model = dearest(models, body)
    longest = _longest(body) or (model.context_tokens if model else None)
    if model is None or model.prices_usd is None or not longest or unpriced_field(body):
        return None
    input_usd, output_usd = model.prices_usd
    sent = _sent_tokens(body, digits_apart=True)
    # What was predicted and did not come is billed as if it had.
    longest += estimate_field_tokens({"prediction": body.get("prediction")})
    longest += sent if body.get("echo") else 0
    received = longest * max(1, *(_as_int(body.get(name)) for name in _ANSWERS))
    prompt_usd, reply_usd = sent * input_usd / 1e6, received * output_usd / 1e6
    return CostEstimate(sent, received, prompt_usd, reply_usd)


def _longest(body: _Body) -> int:
    """Return how many tokens one answer may take, its reasoning among them; 0: any."""
    numbers = (as_number(body.get(name)) for name in _LENGTHS)
    named = [int(number) for number in numbers if number is not None]
    if not named or min(named) <= 0:  # llama.cpp: -1 is without end
        return 0
    more = {n: v for n, v in body.items() if n not in ("messages", *BY_NAME)}
    return max(named) + _reasoning_tokens(more, False)


def _reasoning_tokens(value: Any, thinks: bool) -> int:
    """Return the tokens that a field and those within it allow for reasoning."""
    if isinstance(value, Mapping):
        return sum(
            _reasoning_tokens(one, thinks or _THINKS.search(name) is not None)
            for name, one in value.items()
        )
    return max(_as_int(value), 0) if thinks else 0


def _as_int(value: Any) -> int:
    return int(as_number(value) or 0)


_OWN_TOOLS = ("function", "custom")  # run by the user's code, and not billed
_MORE_MODELS = ("models", "fallbacks")
_MODELS = ("model", *_MORE_MODELS)
# What services call the longest reply; which of several counts, only they know.
_LENGTHS = (
    *("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens"),
    *("max_tokens_to_sample", "max_gen_len", "max_length", "n_predict", "num_predict"),
)
_ANSWERS = ("n", "best_of", "num_return_sequences", "candidate_count", "n_completions")
_THINKS = re.compile(r"think|reason|budget", re.IGNORECASE)
_NOTHING_MORE: tuple[Any, ...] = (None, False, [], {}, "", "none", "default", ["text"])
# Fields by which a service chooses dearer places, or does more than to reply.
_EXTRAS = (
    *("provider", "preset", "route", "plugins", "service_tier", "speed"),
    *("web_search", "web_search_options", "search_parameters", "modalities", "audio"),
    *("extra_body", "mcp_servers", "container"),
)


def estimate_usage(body: _Body, received: str) -> Usage:
    """Return about how many tokens a request and what came of its reply have."""
    return Usage(_sent_tokens(body), estimate_tokens(received))


def _sent_tokens(body: _Body, digits_apart: bool = False) -> int:
    texts = (message["content"] for message in body["messages"])
    sent = sum(estimate_tokens(text, digits_apart=digits_apart) for text in texts)
    return sent + estimate_field_tokens(body)


def estimate_cost_usd(model: Model | None, usage: Usage) -> float | None:
    """Return what tokens cost by the catalogue; None if a price or a figure is unknown.

    Tokens that the service had in its own cache may be cheaper: it is at most this.

    >>> model = Model("m", input_usd=1, output_usd=2)
    >>> estimate_cost_usd(model, Usage(500_000, 250_000))
    1.0
    """
    sent, received = usage.prompt_tokens, usage.completion_tokens
    prices_usd = model.prices_usd if model else None
    if prices_usd is None or sent is None or received is None:
        return None
    input_usd, output_usd = prices_usd
    return believed_usd((sent * input_usd + received * output_usd) / 1e6)


# US dollars, how many of them are spent, in which span, and the setting.
_Limit = tuple[float | None, float, str, str]


@dataclass(frozen=True, slots=True)
class Budget:
    """What one call, a session and a day may cost, in US dollars; None: anything.

    `allow_unknown` allows calls whose price is not known.
    """

    call_usd: float | None = None
    session_usd: float | None = None
    day_usd: float | None = None
    allow_unknown: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Budget:
        """Return the limits that are set."""
        return cls(
            settings["max_cost_usd"],
            settings["session_budget_usd"],
            settings["daily_budget_usd"],
            bool(settings["allow_unknown_price"]),
        )

    @property
    def are_set(self) -> bool:
        """Whether there is any."""
        return (self.call_usd, self.session_usd, self.day_usd) != (None, None, None)

    def check_call(
        self, estimate: CostEstimate | None, name: str, why: str = "", field: str = ""
    ) -> None:
        """Raise LimitError if a call may cost too much by itself.

        Also if the price of model `name` is not known and that is not allowed: `why`,
        or because of a `field` of the request.
        """
        if not self.are_set or (estimate is None and self.allow_unknown):
            return
        if estimate is None:
            what, hint = f"the price of {name}", "Choose another: %nemotron models"
            if field:
                what, hint = f"what {field} may add to the price", f"Leave {field} out."
                why = "no catalogue lists it; nothing was sent"
            raise LimitError(
                f"{what} is not known, so a limit cannot be kept",
                why or "the catalogue lists none",
                f"{hint}   Or allow it: %config Nemotron.allow_unknown_price = True",
            )
        _check(estimate, self._limits(Totals(), Totals())[:1])

    def check_budgets(
        self, estimate: CostEstimate | None, session: Totals, today: Totals, lost: str
    ) -> None:
        """Raise LimitError if too little is left, or today's totals are `lost`."""
        if self.day_usd is not None and lost:
            raise LimitError(
                "today's cost is not known, so the daily budget cannot be kept",
                f"the ledger {lost}; nothing was sent",
                "Count elsewhere: %config Nemotron.ledger = 'PATH'   "
                "Or go without: %config Nemotron.daily_budget_usd = None",
            )
        _check(estimate, self._limits(session, today)[1:])

    def least_left(self, session: Totals, today: Totals) -> tuple[float | None, str]:
        """Return the least that is left of any limit, in US dollars; what raises it."""
        left = [
            (limit_usd - spent_usd, _raise_it(setting))
            for limit_usd, spent_usd, _, setting in self._limits(session, today)
            if limit_usd is not None
        ]
        return min(left, default=(None, ""))

    def _limits(self, session: Totals, today: Totals) -> list[_Limit]:
        return [
            (self.call_usd, 0.0, "", "max_cost_usd"),
            (self.session_usd, session.most_usd, "this session", "session_budget_usd"),
            (self.day_usd, today.most_usd, "today", "daily_budget_usd"),
        ]


def _check(estimate: CostEstimate | None, limits: Iterable[_Limit]) -> None:
    """Raise LimitError if a call may cost more than is left of a limit."""
    rounding_usd = 1e-9  # 0.1 + 0.2 is more than 0.3
    for limit_usd, spent_usd, span, setting in limits:
        if limit_usd is None:
            continue
        limit, left_usd = format_usd(limit_usd), limit_usd - spent_usd
        left = f"{format_usd(max(left_usd, 0))} of {limit} is left {span}"
        why = left if span else f"the limit is {limit} a call"
        hint = _raise_it(setting)
        if estimate is None and left_usd <= rounding_usd:
            raise LimitError("the budget is used up", why, hint)
        if estimate is not None and estimate.most_usd - left_usd > rounding_usd:
            what, fits = estimate.words(left_usd)
            raise LimitError(what, f"{why}; nothing was sent", fits + hint)


def _raise_it(setting: str) -> str:
    flags = "".join(f"{flag} …, or " for flag in BY_NAME[setting].flags)
    return f"Allow more: {flags}%config Nemotron.{setting} = …"
