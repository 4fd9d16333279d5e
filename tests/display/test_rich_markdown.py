"""What `rich` prints of a reply holds all of it."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from nemotron_magic.display.terminal import TerminalMarkdown, markdown_console


def printed(markdown: str, width: int, **options: Any) -> str:
    stream = io.StringIO()
    console = markdown_console(stream, width=width, **options)
    console.print(TerminalMarkdown(markdown), end="", crop=False)
    return stream.getvalue()


def table(columns: int) -> str:
    names = [f"column_{at}" for at in range(columns)]
    values = [f"value_{at}" for at in range(columns)]
    rows = (names, ["---"] * columns, values)
    return "\n".join("|" + "|".join(row) + "|" for row in rows)


@pytest.mark.parametrize("width", [40, 80])
def test_a_table_of_forty_columns_is_shown_whole(width: int) -> None:
    shown = printed(table(40), width)

    assert {f"value_{at}" for at in range(40)} <= set(shown.split())
    assert max(map(len, shown.splitlines())) <= width


def test_a_heading_of_two_words_is_broken_before_a_column_goes_below() -> None:
    heads = ["Tokens in", "Tokens out", "First text", "Faults"]
    text = "\n".join(["|" + "|".join(heads) + "|", "|--" * 4 + "|", "|1|2|3|4|"])
    shown = printed(text, 36)

    assert [line.split() for line in shown.splitlines() if "4" in line] == [
        ["1", "2", "3", "4"]
    ]


@pytest.mark.parametrize("width", [40, 50, 60, 80])
def test_no_figure_of_ours_is_broken_in_a_narrow_terminal(width: int) -> None:
    rows = [
        "| Model | Context, tokens | $ / M in | Cost | First text |",
        "|:--|--:|--:|--:|--:|",
        "| nvidia/nemotron-3-nano-30b-a3b | 1,000,000 | 0.11 | $0.0000065 | 0.2 s |",
    ]
    shown = printed("\n".join(rows), width)

    for figure in ("1,000,000", "0.11", "$0.0000065", "0.2 s"):
        assert figure in shown


def test_a_cell_is_folded_and_never_cut() -> None:
    text = "| a | b |\n|---|---|\n| x | df.key.duplicated().sum() and more words |"
    shown = printed(text, 24)

    assert "…" not in shown
    assert "df.key.duplicated().sum()" in re.sub(r"[\s─]", "", shown)


@pytest.mark.parametrize("text", [r"so \(a_1 < b_2\) holds", r"so \[x \\ y\] holds"])
def test_a_formula_keeps_its_backslashes(text: str) -> None:
    assert printed(text, 80).strip() == text


def test_a_formula_of_its_own_keeps_its_lines() -> None:
    shown = printed("$$\n\\begin{pmatrix} a \\\\\nb \\end{pmatrix}\n$$", 80)

    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    assert lines == [r"\begin{pmatrix} a \\", r"b \end{pmatrix}"]


def test_a_row_that_is_taken_apart_begins_with_its_name() -> None:
    names = "|".join(f"column_{at}" for at in range(9))
    text = f"||{names}|\n|{'--|' * 10}\n|Today|{names}|\n"
    named = [f"column_{at}: column_{at}" for at in range(9)]

    assert printed(text, 40).splitlines() == ["Today", *named]


LONG = "result = " + " + ".join(f"some_long_name_{n}" for n in range(12))
CODE = f"def f():\n    {LONG}\n\n\treturn result"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_code_is_printed_to_the_letter(width: int) -> None:
    shown = printed(f"So:\n\n```python\n{CODE}\n```\n\nDone.", width)

    assert shown == f"So:\n\n{CODE}\n\nDone.\n"


@pytest.mark.parametrize(
    ("before", "mark"), [("- ", "   "), ("1. ", "   "), ("> ", "▌ ")]
)
def test_code_in_a_list_or_a_quote_has_no_line_broken(before: str, mark: str) -> None:
    inside = "> " if before == "> " else " " * len(before)
    lines = ["So:", "```python", *CODE.replace("\t", "    ").split("\n"), "```"]
    text = before + f"\n{inside}".join(lines)
    shown = printed(text, 40).splitlines()

    assert [f"{line} ".removeprefix(mark).rstrip() for line in shown][2:] == [
        line.rstrip() for line in CODE.replace("\t", "    ").split("\n")
    ]


@pytest.mark.parametrize("text", ["# A *b*", "a `b` c", "```python\nx = 1\n```", "> q"])
def test_nothing_has_a_background(text: str) -> None:
    shown = printed(text, 80, force_terminal=True, color_system="standard")

    assert re.search(r"\x1b\[[0-9;]*[34]\dm", shown) or "#" in text
    assert not re.search(r"\x1b\[(?:[0-9;]*;)?4\d", shown)


@pytest.mark.parametrize("mark", ["#" * n for n in range(1, 7)])
def test_no_heading_is_dim_like_a_line_of_ours(mark: str) -> None:
    shown = printed(f"{mark} 1.0 s", 80, force_terminal=True, color_system="standard")

    assert not re.search(r"\x1b\[(?:[0-9;]*;)?2[;m]", shown)


def test_chinese_text_is_broken_at_the_width_in_a_list() -> None:
    lines = printed("- " + "漢" * 30, 23).splitlines()

    assert lines == [" • " + "漢" * 10, "   " + "漢" * 10, "   " + "漢" * 10]


def test_no_line_is_filled_up_with_blanks() -> None:
    shown = printed("# A\n\nSome text.\n\n- b\n- c\n\n> d\n\n```\ne\n```\n", 80)

    assert [line for line in shown.splitlines() if line != line.rstrip()] == []
