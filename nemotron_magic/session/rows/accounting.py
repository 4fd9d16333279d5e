"""The cost of a run in the ledger: a record a minute, brought up to date as it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nemotron_magic.core.usage import Usage
from nemotron_magic.storage.ledger import Ledger
from nemotron_magic.storage.records import CallRecord, Totals

_LEDGER_S = 2.0
_MINUTE_S = 60.0


class RunAccounting:
    """The ledger's record of each minute of a run, written every two seconds."""

    def __init__(
        self, ledger: Ledger, record: CallRecord, clock_s: Callable[[], float]
    ) -> None:
        self._ledger = ledger
        self._record = record
        self._clock_s = clock_s
        self._open: CallRecord | None = None
        self._began_s = self._written_s = clock_s()
        self._usage, self._open_usd = Usage(), 0.0
        self._is_estimated = self._is_billed = False

    def allow(self, allow: Callable[[Totals, Totals], None]) -> None:
        """Begin a record, unless `allow` raises."""
        self._open = self._ledger.begin(self._record, allow)
        self._usage, self._open_usd = Usage(), 0.0
        self._is_estimated = self._is_billed = False
        self._began_s = self._clock_s()

    def add(self, usage: Usage, is_estimated: bool, open_usd: float) -> None:
        """Count what a reply took, or what a lost one may have taken at most."""
        self._usage += usage
        self._open_usd += open_usd
        self._is_billed = True
        self._is_estimated = self._is_estimated or is_estimated

    def write(self, is_over: bool = False) -> None:
        """Write down what there is, if it is time."""
        now_s = self._clock_s()
        if self._open is None or (not is_over and now_s - self._written_s < _LEDGER_S):
            return
        self._written_s = now_s
        is_old = is_over or now_s - self._began_s >= _MINUTE_S
        cost_usd = self._usage.cost_usd
        ending = "complete" if self._is_billed else "failed"
        known = replace(
            self._open,
            ending=ending if is_old else "started",
            attempts=1,
            may_cost=self._open.may_cost and (self._is_billed or not is_old),
            most_usd=(cost_usd or 0.0) + self._open_usd,
            tokens_are_estimated=self._open_usd > 0,
            prompt_tokens=self._usage.prompt_tokens,
            completion_tokens=self._usage.completion_tokens,
            reasoning_tokens=self._usage.reasoning_tokens,
            cached_tokens=self._usage.cached_tokens,
            cost_usd=cost_usd,
            cost_is_estimated=self._is_estimated and cost_usd is not None,
            elapsed_s=now_s - self._began_s,
        )
        self._ledger.finish(self._open, known)
        self._open = known
        if is_old and not is_over:
            self.allow(lambda session, today: None)
