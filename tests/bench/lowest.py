"""The lowest of a few measurements, which noise can only raise."""

from __future__ import annotations

from collections.abc import Callable

TRIES = 3


def best(ratio: Callable[[], float], good: float) -> float:
    """Give the lowest of a few ratios, since noise only adds; stop at a good one."""
    lowest = ratio()
    for _ in range(TRIES - 1):
        if lowest <= good:
            break
        lowest = min(lowest, ratio())
    return lowest
