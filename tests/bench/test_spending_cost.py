"""A long ledger is as quick as a short one, and keeps what it said it had."""

from __future__ import annotations

import random
from pathlib import Path

from lowest import best
from spending import begin_and_finish_s, fill, killed, usage_s


def test_what_usage_takes_grows_with_days_and_not_with_calls(tmp_path: Path) -> None:
    # Both of as many days.
    short, long = fill(tmp_path / "a", 6_000), fill(tmp_path / "b", 60_000)

    for took_s in (usage_s, begin_and_finish_s):
        assert best(lambda s=took_s: s(long) / s(short), 3) <= 3


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    chance = random.Random(3)
    for number in range(2):
        told, lost, kept = killed(tmp_path / f"{number}.sqlite", 150, chance)

        assert lost == 0
        assert 450 < told <= kept <= 600
