"""What `rich` prints of a reply holds all of it."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from nemotron_magic.notebook.plain_text import plain_text
from nemotron_magic.notebook.rich_markdown import whole_markdown


def printed(markdown: str, width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(whole_markdown(markdown))
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


def test_each_part_of_a_wide_table_begins_with_its_first_column() -> None:
    lines = printed(table(9), 40).splitlines()

    heads = [line.split() for line in lines if "column_1" in line or "column_8" in line]
    assert [head[0] for head in heads] == ["column_0", "column_0"]


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
    for shown in (printed("\n".join(rows), width), plain_text("\n".join(rows), width)):
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
