"""Trials say of whole corpora of cells what really happens when they run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from apart import found_by

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="trials need Linux")

# What has to be left to the user, with the reason that is given for it.
EXPECTED = {
    "it uses polars, whose threads do not survive in a copy",
    "it runs a shell command",
    "it changes the kernel",
    "it writes files",
}


@pytest.mark.extended
def test_no_trial_of_a_corpus_says_what_the_run_does_not() -> None:
    found = found_by(Path(__file__).with_name("trying.py"), timeout_s=900)
    counts = found["counts"]
    untried = sum(counts.get(f"not tried, {end}", 0) for end in ("ok", "error"))
    explained = sum(counts.get(reason, 0) for reason in EXPECTED)
    all_cells = sum(
        number for kind, number in counts.items() if kind.endswith((", ok", ", error"))
    )

    assert found["wrong"] == []
    assert counts["runs, ok"] > 500
    assert counts["fails, error"] > 120
    assert untried - explained <= 0.05 * all_cells
