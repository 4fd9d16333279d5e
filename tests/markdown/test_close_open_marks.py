"""A text that is cut anywhere shows no mark that only its rest would close."""

from __future__ import annotations

import re

import pytest

from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.streaming import close_open_marks

TABLES = {
    "alone": "| Region | Sales |\n|:--|--:|\n| North | 3 |\n",
    "below a text": "So:\n\n| `a` | **b** |\n|---|---|\n| 1 | 2 |\n",
    "below a line": "So:\n| a | b | c |\n| --- | :-: | --- |\n| 1 | 2 | 3 |\n",
    "in a quote": "> | a | b |\n> |---|---|\n> | 1 | 2 |\n",
    "in a list": "- So:\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n",
}


def words(html: str) -> str:
    return re.sub("<[^>]*>", "", html)


@pytest.mark.parametrize("name", TABLES)
def test_a_half_table_is_a_table_at_every_prefix(name: str) -> None:
    text = TABLES[name]
    for end in range(text.index("|") + 1, len(text) + 1):
        shown = to_html(close_open_marks(text[:end]))

        assert "|" not in words(shown), text[:end]
        assert "--" not in words(shown), text[:end]


@pytest.mark.parametrize(
    "text",
    [
        "Use `df.head()` and **not** `df`.",
        "It is **very *much* so**, ~~no~~ yes.",
        "**`a`**, **`b` and *`c`* more** so.",
        "- **First**: `x`\n- **Second *one***: `y`",
        "1. **Load** the ``data`` now\n2. **Plot** it",
        "## The **best** `way`",
        "See [the docs](https://example.com/a_b) and ![it](https://example.com/p.png).",
    ],
)
def test_no_open_mark_is_shown_at_any_prefix(text: str) -> None:
    for end in range(1, len(text) + 1):
        shown = words(to_html(close_open_marks(text[:end])))

        assert not re.search(r"[`*~]|\]\(", shown), text[:end]


@pytest.mark.parametrize(
    "text",
    [
        "2 * 3 and 2*3 are a**b",
        "a snake_case name and _x",
        "```python\nx = `a **b\n",
        "~~~\n| a | b",
        "    indented `code",
        "a list [1, 2",
        "\\*not so",
        "| a | b |\n|--|--|\n| 1",
        "",
    ],
)
def test_what_opens_nothing_stays_as_it_is(text: str) -> None:
    closed = close_open_marks(text)

    assert to_html(closed) == to_html(text) or "`" in text


def test_a_whole_text_stays_as_it_is() -> None:
    text = "# A\n\nText with `code` and **more**.\n\n| a |\n|---|\n| 1 |\n\n- x\n"

    assert close_open_marks(text) == text


@pytest.mark.parametrize("mark", ["```", "~~~"])
@pytest.mark.parametrize("indent", ["", "- So:\n\n  "])
def test_a_block_of_code_above_the_last_line_is_no_mark_of_it(
    mark: str, indent: str
) -> None:
    code = f"{indent}{mark}python\n  a\n\n  b\n  {mark}\n"

    assert close_open_marks(f"{code}Then") == f"{code}Then"
    assert close_open_marks(f"{code}Then **so") == f"{code}Then **so**"


@pytest.mark.parametrize(
    "text", ["`a ``b ```c " * 90_000, "*a " * 300_000, "|" * 99_999]
)
def test_a_long_text_is_left_alone_in_time(text: str) -> None:
    assert close_open_marks(text) == text
