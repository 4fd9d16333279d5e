"""Checking a cell costs what the cell has, and not what the namespace has."""

from __future__ import annotations

from checking import CELL, MISSPELT, check_s
from lowest import best


def test_many_names_cost_little_more_than_few() -> None:
    check_s(10)

    assert best(lambda: check_s(5_000) / check_s(100), 3) <= 3


def test_a_name_is_looked_for_among_many_in_little_time() -> None:
    def ratio() -> float:
        return check_s(5_000, MISSPELT) / check_s(100, MISSPELT)

    assert best(ratio, 10) <= 10


def test_a_long_cell_costs_what_it_has_lines() -> None:
    def ratio() -> float:
        return check_s(10, CELL * 80, 3) / check_s(10, CELL * 8, 3)

    assert best(ratio, 40) <= 40
