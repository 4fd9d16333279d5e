"""A trial costs little more than the fork that it needs."""

from __future__ import annotations

import sys

import pytest
from trial import measured


@pytest.mark.skipif(sys.platform != "linux", reason="trials need Linux")
def test_a_trial_takes_a_few_times_as_long_as_a_bare_fork() -> None:
    found = measured(0, rounds=15)

    assert found["median_s"] < 15 * found["fork_s"]
