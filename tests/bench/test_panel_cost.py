"""A panel opens in few messages, and a reply streams into it in few."""

from __future__ import annotations

from pathlib import Path

from panel import openings, streamed

MOST_KERNEL_S = 0.6
"""The goal is 0.15 s; what other work does to a clock is not to fail a test."""


def test_a_panel_opens_in_few_messages_and_soon(tmp_path: Path) -> None:
    first, second = openings(tmp_path, 2)

    assert first.messages <= 28
    assert first.kilobytes <= 26.6
    assert first.kernel_s < MOST_KERNEL_S
    assert second.kernel_s < 0.1


def test_a_reply_of_2000_tokens_takes_about_150_messages() -> None:
    reply = streamed(2_000)

    assert reply.messages <= 165
    assert reply.kilobytes <= 320
