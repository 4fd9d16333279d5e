"""How often a reply that grows is painted, on a clock of our own."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable

import pytest

from nemotron_magic.display.page import RepaintBudget, Ticker

CELL = contextvars.ContextVar("CELL", default="none")


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def paints_per_s(tokens_per_s: float, size: int = 1800, seconds: int = 60) -> float:
    """Stream and paint whenever the pace allows it, 4 characters a token."""
    pace = RepaintBudget(clock := Clock())
    paints = 0
    for _ in range(int(tokens_per_s * seconds)):
        clock.now_s += 1 / tokens_per_s
        pace.arrived(4)
        if pace.allows(size):
            pace.rendered(size)
            paints += 1
    return paints / seconds


@pytest.mark.parametrize("tokens_per_s", [25, 40])
def test_a_slow_model_is_painted_nearly_ten_times_a_second(tokens_per_s: int) -> None:
    assert 7 <= paints_per_s(tokens_per_s) <= 10


def test_a_fast_one_as_often_as_its_bytes_allow() -> None:
    assert 4 <= paints_per_s(100) <= 6
    assert paints_per_s(1000) <= 10


def test_a_long_display_is_painted_less_often() -> None:
    assert paints_per_s(100, size=100_000) < 0.5


def test_what_arrives_in_bursts_costs_no_more() -> None:
    pace, spent = RepaintBudget(clock := Clock()), 0
    for burst in range(200):
        for _ in range(20):
            pace.arrived(4)
            if pace.allows(1800):
                pace.rendered(1800)
                spent += 2700
        clock.now_s = 0.2 * (burst + 1)

    assert spent < 40 * 200 * 80


def test_a_long_wait_is_not_saved_up() -> None:
    pace = RepaintBudget(clock := Clock())
    clock.now_s = 1000.0
    pace.rendered(0)
    clock.now_s += 0.2

    assert not pace.allows(20_000)


def counted(calls: int, seen: list[str], done: threading.Event) -> Callable[[], bool]:
    """Give a call that notes its context, and is enough after so many."""
    left = iter(range(calls - 1, -1, -1))

    def call() -> bool:
        seen.append(CELL.get())
        goes_on = next(left) > 0
        if not goes_on:
            done.set()
        return goes_on

    return call


def test_a_thread_calls_in_the_context_of_its_caller_until_it_is_enough() -> None:
    done, seen = threading.Event(), list[str]()
    CELL.set("this one")
    Ticker(0.001, idle_s=0.0)(counted(3, seen, done))

    assert done.wait(10)
    assert seen == ["this one"] * 3


def test_one_thread_serves_all_and_ends_when_there_is_nothing_to_do() -> None:
    tick = Ticker(0.001, idle_s=0.05)
    ends = [threading.Event() for _ in range(20)]
    before = threading.active_count()
    for end in ends:
        tick(counted(2, [], end))
    during = threading.active_count()

    assert all(end.wait(10) for end in ends)
    assert during <= before + 1
    (thread,) = [t for t in threading.enumerate() if t.name == "nemotron-render"][:1]
    thread.join(10)
    assert not thread.is_alive()


def test_a_thread_that_has_ended_is_started_again() -> None:
    tick = Ticker(0.001, idle_s=0.0)
    for _ in range(2):
        tick(counted(1, [], done := threading.Event()))
        assert done.wait(10)
        for thread in threading.enumerate():
            if thread.name == "nemotron-render":
                thread.join(10)


def test_a_thread_ends_at_once_when_it_is_closed_and_is_not_started_again() -> None:
    tick, seen = Ticker(60), list[str]()
    before = set(threading.enumerate())
    tick(counted(1, seen, threading.Event()))
    (thread,) = set(threading.enumerate()) - before
    tick.close()
    thread.join(10)
    tick(counted(1, seen, threading.Event()))

    assert set(threading.enumerate()) <= before
    assert seen == []
