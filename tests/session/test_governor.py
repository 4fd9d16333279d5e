"""The governor of rows, played against a service in simulated time."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Lock

import pytest

from nemotron_magic.session.rows.governor import Governor, Lease


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def play(
    governor: Governor,
    clock: Clock,
    rows: int,
    answer: Callable[[float], float | None],
    *,
    took_s: float = 0.2,
    most_usd: float | None = None,
) -> list[tuple[float, bool]]:
    """Send rows as soon as they may go; return when each went, and if it was refused.

    `answer` is told the time, and returns the cost, or None to refuse.
    """
    under_way: list[tuple[float, int, Lease, float | None]] = []
    numbers, sent = count(), []
    left = rows
    while left or under_way:
        lease = governor.take(most_usd=most_usd) if left else math.inf
        if isinstance(lease, Lease):
            cost_usd = answer(clock.now_s)
            sent.append((clock.now_s, cost_usd is None))
            end_s = clock.now_s + took_s
            heapq.heappush(under_way, (end_s, next(numbers), lease, cost_usd))
            left -= 1
            continue
        if not under_way and lease == math.inf:
            break  # no room in the budget
        next_s = clock.now_s + lease
        if under_way and under_way[0][0] <= next_s:
            clock.now_s, _, ended, cost_usd = heapq.heappop(under_way)
            if cost_usd is None:
                governor.refuse(ended, 1.0)
                left += 1
            else:
                governor.end(ended, cost_usd)
        else:
            clock.now_s = next_s
    return sent


def bucket(a_second: float) -> Callable[[float], float | None]:
    """Return a service that refuses what comes faster, one second's worth at once."""
    left, seen_s = a_second, 100.0

    def answer(now_s: float) -> float | None:
        nonlocal left, seen_s
        left = min(a_second, left + (now_s - seen_s) * a_second)
        seen_s = now_s
        if left < 1:
            return None
        left -= 1
        return 0.0

    return answer


@pytest.mark.parametrize("at_once", [8, 64, 256])
@pytest.mark.parametrize(
    ("a_second", "took_s"), [(5, 0.2), (5, 1.0), (20, 0.1), (20, 1.0), (50, 0.2)]
)
def test_a_service_that_limits_refuses_hardly_any_row_once_it_is_known(
    at_once: int, a_second: int, took_s: float
) -> None:
    clock = Clock()
    governor = Governor(at_once, clock_s=clock)

    sent = play(governor, clock, 1000, bucket(a_second), took_s=took_s)

    late = [refused for now_s, refused in sent if now_s > 103]
    assert sum(not refused for _, refused in sent) == 1000
    assert sum(late) <= 0.05 * len(late)
    assert clock.now_s - 100 < 1.7 * max(1000 / a_second, 1000 * took_s / at_once)


@pytest.mark.parametrize("rpm", [60, 600, 6000])
def test_no_minute_has_more_requests_than_allowed_and_a_second_s_worth(
    rpm: int,
) -> None:
    clock = Clock()
    governor = Governor(64, clock_s=clock, rpm=rpm)

    times = [s for s, _ in play(governor, clock, 400, lambda now_s: 0.0)]

    window_s = 10.0
    most = max(
        sum(begin <= other < begin + window_s for other in times) for begin in times
    )
    assert most <= rpm * window_s / 60 + max(1, rpm / 60)
    assert clock.now_s - 100 == pytest.approx((400 - max(1, rpm / 60)) * 60 / rpm, 0.2)


def test_threads_together_keep_the_limit_of_requests() -> None:
    clock, lock, sent = Clock(), Lock(), Counter[float]()
    governor = Governor(64, clock_s=clock, rpm=600)
    clock.now_s += 60.0

    def send() -> None:
        lease = governor.take()
        if isinstance(lease, Lease):
            with lock:
                sent[clock.now_s] += 1
            governor.end(lease, 0.0)

    with ThreadPoolExecutor(64) as pool:
        for _ in range(1000):
            pool.submit(send)

    assert sent == {160.0: 10}


def test_tokens_a_minute_are_kept() -> None:
    clock = Clock()
    governor = Governor(64, clock_s=clock, tpm=6000)
    clock.now_s += 60.0

    taken = [governor.take(tokens=40) for _ in range(3)]

    assert [isinstance(one, Lease) for one in taken] == [True, True, False]
    assert taken[2] == pytest.approx(0.2)


@pytest.mark.parametrize(("cost_usd", "most_usd"), [(0.00002, 0.0004), (0.01, 0.01)])
def test_a_budget_is_kept_before_it_is_spent(cost_usd: float, most_usd: float) -> None:
    clock = Clock()
    governor = Governor(16, clock_s=clock, budget_usd=0.1)

    sent = play(governor, clock, 10_000, lambda _: cost_usd, most_usd=most_usd)

    assert len(sent) * cost_usd <= 0.1 + 1e-9
    assert len(sent) * cost_usd >= 0.1 - most_usd - cost_usd
    assert governor.take(most_usd=most_usd) == math.inf
    assert governor.in_flight == 0


def test_what_may_have_been_billed_stays_set_aside() -> None:
    governor = Governor(4, clock_s=Clock(), budget_usd=0.3)
    lease = governor.take(most_usd=0.2)
    assert isinstance(lease, Lease)

    governor.end(lease, None)

    assert governor.spent_usd == 0.2
    assert governor.take(most_usd=0.2) == math.inf


def test_all_wait_for_what_one_was_told() -> None:
    clock = Clock()
    governor = Governor(16, clock_s=clock)
    clock.now_s += 1.0
    one, other = governor.take(), governor.take()
    assert isinstance(one, Lease)
    assert isinstance(other, Lease)

    governor.refuse(one, 12.0)
    governor.refuse(other, 7.0)

    assert governor.take() == pytest.approx(12.0)
    assert governor.slots == 1


def test_without_a_wait_told_each_refusal_doubles_it() -> None:
    clock = Clock()
    governor = Governor(16, clock_s=clock)
    waits = []
    for _ in range(4):
        clock.now_s += 100.0
        lease = governor.take()
        assert isinstance(lease, Lease)
        governor.refuse(lease, None)
        waits.append(governor.take())

    assert waits == pytest.approx([0.5, 1.0, 2.0, 4.0])
    assert governor.slots == 1
