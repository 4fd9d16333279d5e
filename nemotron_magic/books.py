"""The books of a session: what its calls may take, and what they took."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from nemotron_magic.catalogue import Model
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import Interrupted, NemotronError
from nemotron_magic.price import estimate, estimated_usd, priced
from nemotron_magic.reply import Details, Reply
from nemotron_magic.settings import Settings

if TYPE_CHECKING:
    from nemotron_magic.ledger import Entry, Ledger

__all__ = ["Books"]


class Books:
    """Writes calls down, with what they cost.

    Parameters
    ----------
    ledger : Ledger or None
        None for one in memory, made when first used.
    listed : callable
        Given an endpoint, the models that it was heard to list.
    now_s : callable
        The time since 1970.

    Attributes
    ----------
    notebook : str
        Name of the notebook's file; empty where there is none.
    """

    def __init__(
        self,
        ledger: Ledger | None,
        listed: Callable[[Endpoint], tuple[Model, ...]],
        now_s: Callable[[], float],
    ) -> None:
        self.notebook = ""
        self._ledger = ledger
        self._listed = listed
        self._now_s = now_s

    @property
    def ledger(self) -> Ledger:
        """Where calls are written down."""
        if self._ledger is None:
            from nemotron_magic.ledger import Ledger

            self._ledger = Ledger(now_s=self._now_s)
        return self._ledger

    @ledger.setter
    def ledger(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def entry(self, details: Details, thread: str, settings: Settings) -> Entry:
        """Give the row of a call that is to be made."""
        from nemotron_magic.ledger import Entry

        model = self._model(details.base_url, settings)
        may_take = estimate(model, details.messages, settings)
        return Entry(
            lambda: self.ledger,
            details,
            thread=thread,
            notebook=self.notebook,
            most_usd=may_take.most_usd if may_take else None,
            log_text=bool(settings["log_text"]),
        )

    def ended(
        self, entry: Entry, reply: Reply, settings: Settings
    ) -> tuple[Reply, Interrupted | None]:
        """Complete the row of a call that ended well; give the reply with its cost.

        Returns
        -------
        Reply
            With an estimate of the cost, and what the user should know of the ledger.
        Interrupted or None
            What to raise when the reply has been kept: the user stopped the writing.
        """
        reply = self._priced(reply, settings)
        stopped = None
        try:
            entry.finish(reply, may_cost=True)
            news = entry.news()
            if news:
                notices = (*reply.details.notices, news)
                reply = Reply(reply, replace(reply.details, notices=notices))
        except KeyboardInterrupt:
            why = "the reply had arrived and is kept"
            stopped = Interrupted("stopped by you", why)
            stopped.reply = reply
        return reply, stopped

    def failed(
        self,
        entry: Entry,
        so_far: Reply,
        may_cost: bool,
        error: NemotronError,
        settings: Settings,
    ) -> None:
        """Complete the row of a call that ended in an error."""
        with suppress(KeyboardInterrupt):
            entry.finish(self._priced(so_far, settings), may_cost, error)

    def close(self) -> None:
        """Let go of what is in memory."""
        if self._ledger is not None:
            self._ledger.close()

    def _model(self, base_url: str, settings: Settings) -> Model | None:
        """Give the model with its prices, as far as it has been listed."""
        return priced(self._listed(Endpoint.read(base_url)), settings.model)

    def _priced(self, reply: Reply, settings: Settings) -> Reply:
        """Put in what it cost by the catalogue, where the service did not tell."""
        if reply.cost_usd is not None:
            return reply
        model = self._model(reply.details.base_url, settings)
        cost_usd = estimated_usd(model, reply.usage)
        return Reply(reply, replace(reply.details, estimated_usd=cost_usd))
