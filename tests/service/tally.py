"""Counts that the threads of a rehearsal share."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """What a rehearsal counts over its requests; threads may share it."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _counts: Counter[str] = field(default_factory=Counter)

    def next(self, name: str) -> int:
        """Give how often this was counted before, and count it."""
        return self.add(name, 1) - 1

    def add(self, name: str, amount: int) -> int:
        """Add to a count and give the sum."""
        with self._lock:
            self._counts[name] += amount
            return self._counts[name]
