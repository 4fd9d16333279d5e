"""Gathering costs what is sent, and not what is there."""

from __future__ import annotations

from context import gather_s


def test_ten_thousand_cells_cost_little_more_than_what_fits() -> None:
    gather_s(10)
    ratios = [gather_s(10_000) / gather_s(300) for _ in range(3)]

    assert min(ratios) < 4
