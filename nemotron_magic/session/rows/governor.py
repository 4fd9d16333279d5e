"""Decide when the next row may be sent: one for all that send.

No clock of its own and no thread: whoever sends asks first, and tells what came of it.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock

_BLINK_S = 1e-6
_FIRST_HOLD_S = 0.5
_LONGEST_HOLD_S = 16.0
_PROBE_ROUNDS = 20
"""Full rounds at the number of slots that was refused before one more is tried."""

_ENOUGH = 5
_REMEMBERED = 2_000
_ROUNDING_USD = 1e-9


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send one row: when it was given, and what was set aside for it."""

    taken_s: float
    reserved_usd: float = 0.0


class _Bucket:
    """So many units a minute, a second's worth of them at once."""

    def __init__(self, a_minute: float, now_s: float) -> None:
        self._a_second = a_minute / 60
        self.left = self._room = max(1.0, self._a_second)
        self._seen_s = now_s

    def wait_s(self, units: float, now_s: float) -> float:
        """Return the time until it holds these, or of too many, until it is full."""
        grown = (now_s - self._seen_s) * self._a_second
        self.left, self._seen_s = min(self._room, self.left + grown), now_s
        return (min(units, self._room) - self.left) / self._a_second


class Governor:
    """Slots, one clock for all waits, limits a minute, and a budget.

    Refusals halve the `slots`; full rounds without one open one more, but hardly any
    beyond what was refused before. By the clock, sending may go on at `hold_s`. What a
    row may cost is set aside before it is sent, and stays so if nobody knows its cost.
    """

    def __init__(
        self,
        at_once: int,
        *,
        clock_s: Callable[[], float],
        rpm: float | None = None,
        tpm: float | None = None,
        budget_usd: float | None = None,
    ) -> None:
        self.slots = self._at_once = self._ceiling = at_once
        self.hold_s = self._halved_s = -math.inf
        self.budget_usd = budget_usd
        self.spent_usd = self._reserved_usd = 0.0
        self.in_flight = 0
        self._clock_s, self._began_s = clock_s, clock_s()
        limits = (rpm, tpm)
        self._buckets = [_Bucket(one, self._began_s) if one else None for one in limits]
        self._lock = RLock()
        self._costs_usd: list[float] = []
        self._accepted = self._ended = self._since_change = self._refusals = 0
        self._under_way_s = 0.0

    def take(self, tokens: int = 0, most_usd: float | None = None) -> Lease | float:
        """Return a lease, or the seconds until it is worth asking again.

        `math.inf` says that one of those under way must end first, or, if there are
        none, that the budget has no room for a row.
        """
        with self._lock:
            now_s = self._clock_s()
            if self.in_flight >= self.slots:
                return math.inf
            both = zip(self._buckets, (1, tokens), strict=True)
            buckets = [(one, many) for one, many in both if one]
            waits = (one.wait_s(many, now_s) for one, many in buckets)
            wait_s = max((self.hold_s - now_s, *waits))
            if wait_s > _BLINK_S:
                return wait_s
            costs_usd = self._costs_usd
            reserved_usd = max(most_usd or 0.0, costs_usd[-1] if costs_usd else 0.0)
            if len(costs_usd) >= _ENOUGH:  # what nearly all before it cost
                reserved_usd = costs_usd[math.ceil(0.95 * len(costs_usd)) - 1]
            if self.budget_usd is not None:
                planned_usd = self.spent_usd + self._reserved_usd + reserved_usd
                if planned_usd - self.budget_usd > _ROUNDING_USD:
                    return math.inf
            for one, many in buckets:
                one.left -= many
            self._reserved_usd += reserved_usd
            self.in_flight += 1
            return Lease(now_s, reserved_usd)

    def end(self, lease: Lease, cost_usd: float | None) -> None:
        """End the lease of a row that may have been answered, at what it cost."""
        with self._lock:
            self.unsent(lease)
            self.spent_usd += lease.reserved_usd if cost_usd is None else cost_usd
            if cost_usd is not None and len(self._costs_usd) < _REMEMBERED:
                insort(self._costs_usd, cost_usd)
            self._refusals = 0
            self._since_change += 1
            self._ended += 1
            self._under_way_s += self._clock_s() - lease.taken_s
            rounds = 1 if self.slots < self._ceiling else _PROBE_ROUNDS
            if self._since_change >= self.slots * rounds:
                self._since_change = 0
                self.slots = min(self.slots + 1, self._at_once)
                self._ceiling = max(self._ceiling, self.slots)

    def unsent(self, lease: Lease) -> None:
        """End the lease of a row that was not billed."""
        with self._lock:
            self.in_flight -= 1
            self._reserved_usd = max(0.0, self._reserved_usd - lease.reserved_usd)

    def refuse(self, lease: Lease, retry_after_s: float | None) -> bool:
        """End the lease of a row that was turned away for now; let all others wait.

        Return whether it is the first of those that went out together.
        """
        with self._lock:
            self.unsent(lease)
            now_s = self._clock_s()
            is_first = lease.taken_s > self._halved_s
            if is_first:
                self._accepted = min(self.slots, self.in_flight + 1)
                sustained = self._at_once
                since_s = now_s - max(self._halved_s, self._began_s)
                if self._ended >= _ENOUGH and since_s > 0:  # by Little's law
                    sustained = round(self._under_way_s / since_s)
                self._ceiling = max(1, min(self._accepted - 1, sustained))
                self.slots = max(1, min(self.slots // 2, self._ceiling))
                self._refusals += 1
                self._halved_s, self._ended, self._under_way_s = now_s, 0, 0.0
            # Of those that went out together, that many were taken.
            self._accepted -= 1
            self.slots = max(1, min(self.slots, self._accepted))
            self._since_change = 0
            doubled_s = _FIRST_HOLD_S * 2 ** min(self._refusals - 1, 10)
            wait_s = retry_after_s or min(doubled_s, _LONGEST_HOLD_S)
            self.hold_s = max(self.hold_s, now_s + wait_s)
            return is_first
