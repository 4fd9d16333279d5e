"""What calls may cost: refused before they are sent, with the figures."""

from __future__ import annotations

from dataclasses import dataclass

from nemotron_magic.errors import LimitError
from nemotron_magic.ledger import Totals
from nemotron_magic.parameters import BY_NAME
from nemotron_magic.price import Estimate
from nemotron_magic.quantities import in_usd
from nemotron_magic.settings import Settings

__all__ = ["Limits"]

_ROUNDING_USD = 1e-9
"""Less than any call costs; 0.1 + 0.2 is more than 0.3 by less than that."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call, a session and a day (UTC) may cost, in US dollars; None: anything.

    Parameters
    ----------
    allow_unknown : bool
        Whether a call may go out whose price is not known.
    """

    call_usd: float | None = None
    session_usd: float | None = None
    day_usd: float | None = None
    allow_unknown: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Give the limits that are set."""
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
        self, may_take: Estimate | None, name: str, why: str = "", field: str = ""
    ) -> None:
        """Refuse a call that may cost too much by itself.

        Parameters
        ----------
        name : str
            The model that is asked.
        why : str
            Why its price is not known, where that is so.
        field : str
            The field of the request for which it is not known, where that is so.

        Raises
        ------
        LimitError
            Also if its price is not known and that is not allowed.
        """
        if not self.are_set:
            return
        if may_take is None:
            if self.allow_unknown:
                return
            raise _field_unknown(field) if field else _unknown(name, why)
        if self.call_usd is not None and _is_above(may_take.most_usd, self.call_usd):
            limit = f"the limit is {in_usd(self.call_usd)} a call"
            raise _refused(may_take, limit, self.call_usd, "max_cost_usd")

    def check_budgets(
        self,
        may_take: Estimate | None,
        session: Totals,
        today: Totals,
        unknown_day: str = "",
    ) -> None:
        """Refuse a call for which too little is left of a budget.

        Calls whose cost is not known count with the most that they could cost.

        Parameters
        ----------
        unknown_day : str
            Why it is not known what today took, where that is so.

        Raises
        ------
        LimitError
            With what is spent and what is left.
        """
        if self.day_usd is not None and unknown_day:
            raise _day_unknown(unknown_day)
        for budget_usd, spent, span, setting in (
            (self.session_usd, session, "this session", "session_budget_usd"),
            (self.day_usd, today, "today", "daily_budget_usd"),
        ):
            if budget_usd is None:
                continue
            left_usd = budget_usd - spent.cost_usd - spent.open_usd
            used = f"{in_usd(max(left_usd, 0))} of {in_usd(budget_usd)} is left {span}"
            if may_take is None:
                if not _is_above(left_usd, 0):
                    raise LimitError("the budget is used up", used, _raise_it(setting))
            elif _is_above(may_take.most_usd, left_usd):
                raise _refused(may_take, used, left_usd, setting)


def _is_above(cost_usd: float, limit_usd: float) -> bool:
    """Tell whether a sum is above another, by more than what adding up leaves over."""
    return cost_usd - limit_usd > _ROUNDING_USD


def _refused(may_take: Estimate, why: str, left_usd: float, setting: str) -> LimitError:
    prompt, most = in_usd(may_take.prompt_usd), in_usd(may_take.most_usd)
    fits = _tokens_that_fit(may_take, left_usd)
    return LimitError(
        f"it may cost {most} ({prompt} to send, the rest for up to "
        f"{may_take.reply_tokens:,} tokens)",
        f"{why}; nothing was sent",
        f"{fits}{_raise_it(setting)}",
    )


def _tokens_that_fit(may_take: Estimate, left_usd: float) -> str:
    """Tell how short the reply would have to be, if that helps."""
    for_reply_usd = left_usd - may_take.prompt_usd
    share = for_reply_usd / may_take.reply_usd if may_take.reply_usd else 0.0
    tokens = int(share * may_take.reply_tokens)
    return f"It fits with: --max-tokens {tokens}   " if tokens >= 100 else ""


def _raise_it(setting: str) -> str:
    # A flag would go before the setting, so where there is one it is named, too.
    flags = "".join(f"{flag} …, or " for flag in BY_NAME[setting].flags)
    return f"Allow more: {flags}%config Nemotron.{setting} = …"


def _field_unknown(field: str) -> LimitError:
    return LimitError(
        f"what {field} may add to the price is not known, so a limit cannot be kept",
        "no catalogue tells it; nothing was sent",
        f"Leave {field} out.   "
        "Or allow it: %config Nemotron.allow_unknown_price = True",
    )


def _day_unknown(why: str) -> LimitError:
    return LimitError(
        "what today has cost is not known, so the daily budget cannot be kept",
        f"the ledger {why}; nothing was sent",
        "Count elsewhere: %config Nemotron.ledger = 'PATH'   "
        "Or go without: %config Nemotron.daily_budget_usd = None",
    )


def _unknown(name: str, why: str) -> LimitError:
    return LimitError(
        f"the price of {name} is not known, so a limit cannot be kept",
        why or "the catalogue lists none",
        "Choose one with a price: %nemotron models   "
        "Or allow it: %config Nemotron.allow_unknown_price = True",
    )
