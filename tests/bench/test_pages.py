"""A reply that streams leaves the page free; takes a browser, so only on request."""

from __future__ import annotations

import os

import pages
import pytest
from contenders import OURS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        "NEMOTRON_BENCH_TOKENS" not in os.environ,
        reason="set NEMOTRON_BENCH_TOKENS, to 2000 or so, to measure it",
    ),
]


def test_a_reply_that_streams_leaves_the_page_free() -> None:
    tokens = int(os.environ["NEMOTRON_BENCH_TOKENS"])
    row = pages.measure([OURS], tokens)[OURS.name]

    assert row.took_s < row.reply_s + 5
    assert row.main_thread_s < 0.3 * row.took_s
    assert len(row.long_tasks_s) < 0.2 * row.took_s
    assert len(row.end_tasks_s) <= 1  # the page looks for headings then
