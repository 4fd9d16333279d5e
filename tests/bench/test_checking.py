"""Checking a cell costs what the cell has, and not what the namespace has."""

from __future__ import annotations

from checking import CELL, MISSPELT, check_s


def test_many_names_cost_little_more_than_few() -> None:
    check_s(10)
    ratios = [check_s(5_000) / check_s(100) for _ in range(3)]

    assert min(ratios) < 3


def test_a_name_is_looked_for_among_many_in_little_time() -> None:
    ratios = [check_s(5_000, MISSPELT) / check_s(100, MISSPELT) for _ in range(3)]

    assert min(ratios) < 10


def test_a_long_cell_costs_what_it_has_lines() -> None:
    ratios = [check_s(10, CELL * 80, 3) / check_s(10, CELL * 8, 3) for _ in range(3)]

    assert min(ratios) < 40
