"""What tells of a cell that failed is whole where it matters, and short."""

from __future__ import annotations

import pytest

from nemotron_magic.display.insert import diff_html
from nemotron_magic.magics.tasks import is_similar, syntax_error


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = 1\ny = = 2\n", "line 2: y = = 2\nSyntaxError: invalid syntax"),
        ("x = '\0'", "SyntaxError: "),
        ("x = 1\nawait x", ""),
        ("x = 1\nreturn x", "line 2: "),
    ],
)
def test_why_a_cell_cannot_run_is_told_with_its_line(source: str, told: str) -> None:
    found = syntax_error(source, str)

    assert found.startswith(told)
    assert bool(found) == bool(told)


@pytest.mark.parametrize(
    ("one", "other", "is_so"),
    [
        ("total = df.sum()", "total = df.amount.sum()", True),
        ("import json", "total = df.sum()", False),
        ("abcdef", "fedcba", False),  # the same letters
        ("x" * 5_000 + "a" * 9_999, "x" * 5_000 + "b", True),
    ],
)
def test_a_cell_is_like_what_it_was_before_a_change(
    one: str, other: str, is_so: bool
) -> None:
    assert is_similar(one, other) == is_so


def test_a_difference_is_a_block_with_two_lines_around() -> None:
    before = "\na\nb\nc\nx = 1\n"

    assert diff_html(before, "a\nb\nc\nx = 2") == (
        "```diff\n--- the cell\n+++ the new cell\n@@ -2,3 +2,3 @@\n"
        " b\n c\n-x = 1\n+x = 2\n```"
    )
    assert diff_html(before, before.strip()) == ""
    assert diff_html(before.strip(), before) == ""
