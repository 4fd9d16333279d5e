"""Many questions leave no more behind than few."""

from __future__ import annotations

from pathlib import Path

import pytest
from endurance import _QUESTION, kernel, looks


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system tells not")
def test_questions_in_one_kernel_leave_threads_handles_and_memory_flat() -> None:
    with kernel() as asking:
        _, warm, *later = looks(asking, _QUESTION, 120, every=30)

    assert max(one.threads for one in later) <= warm.threads + 1
    assert max(one.handles for one in later) <= warm.handles + 2
    assert later[-1].rss_mb - warm.rss_mb < 5
