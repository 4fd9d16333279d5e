"""Limits on cost, and estimates from the catalogue's prices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nemotron_magic.client.models import Model
from nemotron_magic.context.tokens import estimate_field_tokens, estimate_tokens
from nemotron_magic.core.errors import LimitError
from nemotron_magic.core.loose_json import as_number
from nemotron_magic.core.parameters import BY_NAME
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import format_usd
from nemotron_magic.core.usage import Usage, believed_usd
from nemotron_magic.storage.records import Totals


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """The most that a call may cost: rather too many tokens, the longest reply."""

    prompt_tokens: int
    reply_tokens: int
    prompt_usd: float
    reply_usd: float

    @property
    def most_usd(self) -> float:
        """What it costs at most."""
        return self.prompt_usd + self.reply_usd


def dearest(models: Iterable[Model], body: Mapping[str, Any]) -> Model | None:
    """Return the model a request is priced by; None if one it may go to has no price.

    A request may name several models to choose from: then each price is the highest.
    """
    known = [(model, prices) for model in models if (prices := model.prices_usd)]
    names = [body.get("model")]
    for field in _MORE_MODELS:
        more = body.get(field)
        names += more if isinstance(more, list | tuple) else [more] if more else []
    found = [
        next((one for one in known if one[0].goes_by(str(name))), None)
        for name in names
    ]
    chosen = [one for one in found if one is not None]
    if len(chosen) < len(found):
        return None
    return replace(
        chosen[0][0],
        context_tokens=max(model.context_tokens or 0 for model, _ in chosen) or None,
        input_usd=max(input_usd for _, (input_usd, _) in chosen),
        output_usd=max(output_usd for _, (_, output_usd) in chosen),
    )


def unpriced_field(body: Mapping[str, Any]) -> str:
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


def estimate_cost(
    models: Iterable[Model], body: Mapping[str, Any]
) -> CostEstimate | None:
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


def _longest(body: Mapping[str, Any]) -> int:
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


def estimate_usage(body: Mapping[str, Any], received: str) -> Usage:
    """Return about how many tokens a request and what came of its reply have."""
    return Usage(_sent_tokens(body), estimate_tokens(received))


def _sent_tokens(body: Mapping[str, Any], digits_apart: bool = False) -> int:
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
        """Refuse a call that may cost too much by itself.

        Raise LimitError also if the price of model `name` is not known and that is not
        allowed: `why`, or because of a `field` of the request.
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
        if self.call_usd is not None:
            limit = f"the limit is {format_usd(self.call_usd)} a call"
            _check(estimate, self.call_usd, limit, "max_cost_usd")

    def check_budgets(
        self,
        estimate: CostEstimate | None,
        session: Totals,
        today: Totals,
        unknown_day: str = "",
    ) -> None:
        """Refuse a call for which too little is left of a budget.

        Also if today's totals are unknown, as `unknown_day` says, and limited.
        """
        if self.day_usd is not None and unknown_day:
            raise LimitError(
                "today's cost is not known, so the daily budget cannot be kept",
                f"the ledger {unknown_day}; nothing was sent",
                "Count elsewhere: %config Nemotron.ledger = 'PATH'   "
                "Or go without: %config Nemotron.daily_budget_usd = None",
            )
        _, *budgets = self._limits(session, today)
        for budget_usd, spent_usd, span, setting in budgets:
            if budget_usd is not None:
                left_usd = budget_usd - spent_usd
                left, budget = format_usd(max(left_usd, 0)), format_usd(budget_usd)
                why = f"{left} of {budget} is left {span}"
                _check(estimate, left_usd, why, setting)

    def least_left(self, session: Totals, today: Totals) -> tuple[float | None, str]:
        """Return the least that is left of a limit, in US dollars, and what raises it.

        None without any limit.
        """
        left = [
            (limit_usd - spent_usd, _raise_it(setting))
            for limit_usd, spent_usd, _, setting in self._limits(session, today)
            if limit_usd is not None
        ]
        return min(left, default=(None, ""))

    def _limits(
        self, session: Totals, today: Totals
    ) -> list[tuple[float | None, float, str, str]]:
        """Return each limit: its US dollars, what is spent, its span, its setting."""
        return [
            (self.call_usd, 0.0, "a call", "max_cost_usd"),
            (self.session_usd, session.most_usd, "this session", "session_budget_usd"),
            (self.day_usd, today.most_usd, "today", "daily_budget_usd"),
        ]


def _check(
    estimate: CostEstimate | None, left_usd: float, why: str, setting: str
) -> None:
    """Raise LimitError if a call may cost more than is left."""
    rounding_usd = 1e-9  # 0.1 + 0.2 is more than 0.3
    if estimate is None:
        if left_usd <= rounding_usd:
            raise LimitError("the budget is used up", why, _raise_it(setting))
        return
    if estimate.most_usd - left_usd <= rounding_usd:
        return
    prompt, most = format_usd(estimate.prompt_usd), format_usd(estimate.most_usd)
    for_reply_usd = left_usd - estimate.prompt_usd
    share = for_reply_usd / estimate.reply_usd if estimate.reply_usd else 0.0
    tokens = int(share * estimate.reply_tokens)
    fits = f"It fits with: --max-tokens {tokens}   " if tokens >= 100 else ""
    raise LimitError(
        f"it may cost {most} ({prompt} to send, the rest for up to "
        f"{estimate.reply_tokens:,} tokens)",
        f"{why}; nothing was sent",
        f"{fits}{_raise_it(setting)}",
    )


def _raise_it(setting: str) -> str:
    flags = "".join(f"{flag} …, or " for flag in BY_NAME[setting].flags)
    return f"Allow more: {flags}%config Nemotron.{setting} = …"
