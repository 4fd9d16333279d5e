"""What `-m` leaves out by its place is not even read."""

from __future__ import annotations

import pytest
from places import left_out

FAST = "not kernel and not browser and not slow"


@pytest.mark.parametrize(
    ("expression", "place", "is_left_out"),
    [
        (FAST, "tests/kernel/", True),
        (FAST, "tests/browser/", True),
        (FAST, "tests/safety/", True),
        (f"{FAST} and not extended", "tests/safety/", True),
        ("not kernel", "tests/kernel/", True),
        ("not kernel", "tests/safety/", False),
        ("kernel and not slow", "tests/kernel/", False),
        ("kernel and not slow", "tests/faults/", True),
        ("kernel", "tests/safety/", False),
        ("not kernel or slow", "tests/kernel/", False),
        ("slow  or\nnot kernel and not browser", "tests/browser/", False),
        ("not (kernel and slow)", "tests/kernel/", False),
        ("slow and\n not  kernel", "tests/kernel/", True),
        ("not extended", "tests/kernel/", False),
        ("", "tests/kernel/", False),
    ],
)
def test_what_m_leaves_out_by_its_place_is_not_read(
    expression: str, place: str, is_left_out: bool
) -> None:
    assert (place in left_out(expression)) == is_left_out
