"""What a corrected cell changed is told in a few lines."""

from __future__ import annotations

from nemotron_magic.display.insert import diff_html


def test_a_difference_is_a_block_with_two_lines_around() -> None:
    before = "\na\nb\nc\nx = 1\n"

    assert diff_html(before, "a\nb\nc\nx = 2") == (
        "```diff\n--- the cell\n+++ the new cell\n@@ -2,3 +2,3 @@\n"
        " b\n c\n-x = 1\n+x = 2\n```"
    )
    assert diff_html(before, before.strip()) == ""
    assert diff_html(before.strip(), before) == ""
