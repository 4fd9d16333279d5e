"""Gathering costs what is sent, and not what is there."""

from __future__ import annotations

from context import gather_s, look_s
from lowest import best


def test_ten_thousand_cells_cost_little_more_than_what_fits() -> None:
    gather_s(10)

    assert best(lambda: gather_s(10_000) / gather_s(300), 4) <= 4


def test_two_thousand_variables_are_looked_at_in_less_than_it_takes_to_gather() -> None:
    assert best(lambda: look_s(2_000) / gather_s(300), 0.5) <= 0.5
