"""What this process knows to be spent, whatever becomes of a ledger's file."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from nemotron_magic.ledger.totals import Totals

__all__ = ["Tally"]


class Tally:
    """Sums of sessions and of days, which no loss of a file makes less.

    Attributes
    ----------
    lock : Lock
        Held while a call is written down, so that none counts twice.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self._sums: dict[str, Totals] = {}

    def larger(self, scope: str, told: Totals) -> Totals:
        """Return what a scope took: what a ledger tells, or what is known if more."""
        known = self._sums.get(scope, Totals())
        self._sums[scope] = max(told, known, key=_spent_usd)
        return self._sums[scope]

    def add(self, scopes: Sequence[str], totals: Totals) -> None:
        """Add a call to the scopes that it belongs to, or what has changed in it."""
        for scope in scopes:
            self._sums[scope] = self._sums.get(scope, Totals()) + totals


def _spent_usd(totals: Totals) -> float:
    return totals.cost_usd + totals.open_usd
