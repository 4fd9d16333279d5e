"""What rows cost beside bare requests: time, and room on disk."""

from __future__ import annotations

from rows import compare

OURS, BARE = "nemotron_magic", "bare httpx"


def test_rows_take_little_longer_than_bare_requests() -> None:
    found = compare(256, 64, [BARE, OURS])

    assert found[OURS]["wall_s"] <= 1.4 * found[BARE]["wall_s"]
    assert found[OURS]["cpu_s"] <= 2.5 * found[BARE]["cpu_s"]


def test_an_answer_takes_little_room() -> None:
    (took,) = compare(1_500, 32, [OURS], wait_s=0).values()

    assert took["row_bytes"] <= 250
