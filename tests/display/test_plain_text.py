"""Our own tables are read in a terminal without `rich`, too."""

from __future__ import annotations

import pytest

from nemotron_magic.display.plain_text import WordWrap, plain_text

TABLE = """\
| Model | Context, tokens | Ended |
|:--|--:|:--|
| `nvidia/nano` | 1,000,000 | complete |
| `x` | 日本 | a long word or two |"""


def test_columns_are_aligned_as_the_table_says() -> None:
    assert plain_text(TABLE, 80).splitlines() == [
        "Model        Context, tokens  Ended",
        "───────────  ───────────────  ──────────────────",
        "nvidia/nano        1,000,000  complete",
        "x                       日本  a long word or two",
    ]


def test_a_cell_too_long_is_folded_between_words() -> None:
    text = "| Thread | Last question |\n|:--|:--|\n| main | why is this so very slow |"

    assert plain_text(text, 24).splitlines() == [
        "Thread  Last question",
        "──────  ────────────────",
        "main    why is this so",
        "        very slow",
    ]


@pytest.mark.parametrize("width", [30, 40, 60])
def test_no_line_of_a_wide_table_is_longer_than_the_terminal(width: int) -> None:
    cells = [f"value_{at}" for at in range(20)]
    text = "\n".join(["|" + "|".join(cells) + "|", "|" + "--|" * 20] * 1)
    shown = plain_text(f"{text}\n|{'|'.join(cells)}|", width)

    assert max(map(len, shown.splitlines())) <= width
    assert set(cells) <= set(shown.split())


def test_a_table_in_a_fence_stays_as_it_is() -> None:
    text = f"````prompt\n{TABLE}\n```\n{TABLE}\n````"

    assert plain_text(text, 20) == text


def test_a_fence_that_is_for_a_page_alone_is_left_out() -> None:
    text = f"```text\n{TABLE}\n```\nand ```"

    assert plain_text(text, 20) == f"{TABLE}\nand ```"


def test_a_line_is_broken_between_words_and_an_address_is_not() -> None:
    shown = plain_text("- it is in `/a/very/long/path/of/a/file` and more", 20)

    assert shown.splitlines() == [
        "- it is in",
        "  `/a/very/long/path/of/a/file` and more",  # below the end of the path
    ]


def test_a_row_that_is_short_is_filled_up() -> None:
    assert plain_text("| a | b |\n|--|--|\n| c |", 20) == "a  b\n─  ─\nc"


@pytest.mark.parametrize("piece_chars", [1, 5, 1000])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one two three four\n", "one two\nthree four\n"),
        ("123 56 901 3\n", "123 56 901\n3\n"),
        ("1234567890 two", "1234567890\ntwo"),
        ("- one two three\n  - four five",
         "- one two\n  three\n  - four\n    five"),
        ("10. one two\n", "10. one\n    two\n"),
        ("> one two three\n", "> one two\n> three\n"),
        ("```\none two three four\n```\none two three",
         "```\none two three four\n```\none two\nthree"),
        ("  ```\n  one two three\n  ```\n", "  ```\n  one two three\n  ```\n"),
        ("    one two three\n", "    one two three\n"),
        ("| one two | three |\n", "| one two | three |\n"),
        ("one  two\n\n\nthree  \n", "one  two\n\n\nthree  \n"),
    ],
)  # fmt: skip
def test_a_growing_text_is_wrapped_between_words_and_code_is_not(
    text: str, shown: str, piece_chars: int
) -> None:
    wrap = WordWrap(10)
    pieces = [text[at : at + piece_chars] for at in range(0, len(text), piece_chars)]

    assert "".join(map(wrap.add, pieces)) + wrap.end() == shown


def test_a_file_has_its_lines_as_they_are() -> None:
    text = "one two three " * 40

    assert (wrap := WordWrap(0)).add(text) + wrap.end() == text
