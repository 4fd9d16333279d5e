"""A reply that streams into a terminal reads as if it had been printed at once."""

from __future__ import annotations

import io
import re

import pytest

from nemotron_magic.core.events import Text
from nemotron_magic.display.terminal import (
    RichRenderer,
    TerminalMarkdown,
    markdown_console,
)
from nemotron_magic.session.reply import Reply

WIDTH = 80  # of a console that knows no terminal
PIECE = 5


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]


def streamed(markdown: str, is_live: bool = False) -> list[str]:
    """Give the lines of a reply that came in small pieces, without its footer."""
    stream = io.StringIO()
    painter = RichRenderer(stream, is_live, with_footer=False)
    for at in range(0, len(markdown), PIECE):
        painter.watch(Text(markdown[at : at + PIECE]))
    painter.finish(Reply(markdown))
    return lines(stream.getvalue())


def whole(markdown: str) -> list[str]:
    stream = io.StringIO()
    console = markdown_console(stream, width=WIDTH)
    console.print(TerminalMarkdown(markdown), end="", crop=False)
    return lines(stream.getvalue())


CODE = (
    "".join(f"def f{n}(x):\n    return x + {n}\n\n\n" for n in range(60)).rstrip()
    + "\n"
)
LIKE_WHOLE = {
    "paragraphs": "One.\n\nTwo,\nthree.\n\n## Four\n\nFive.\n",
    "lists and code": "So:\n\n- a\n- b\n\n1. c\n\n```python\nx = 1\n```\n\nDone.\n",
    "a long list": "".join(f"- item {n} with some words\n" for n in range(60)),
    "a nested list": "".join(f"{n}. item\n   - inside {n}\n" for n in range(10, 60)),
    "a long list in a list": "- a\n"
    + "".join(f"  - inside {n} with words\n" for n in range(60)),
    "long code": f"Code:\n\n```python\n{CODE}```\n\nDone.\n",
    "nothing to see": "[a]: http://example.com\n\nOne.\n\n[b]: /b\n\nTwo.\n",
    "items with code": "".join(
        f"{n}. Step:\n\n   ```python\n   x = {n}\n\n   y = 2\n   ```\n\n"
        for n in range(1, 40)
    ),
    "long code in an item": "- So:\n  ```python\n"
    + "".join(f"  x_{n} = {n}\n\n" for n in range(90))
    + "  y\n  ```\n- Done with some more words.\n- And so on.\n",
    "a loose list": "".join(f"- item {n} with some words\n\n" for n in range(60)),
}


@pytest.mark.parametrize("name", LIKE_WHOLE)
def test_a_reply_in_pieces_looks_like_one_printed_at_once(name: str) -> None:
    assert streamed(LIKE_WHOLE[name]) == whole(LIKE_WHOLE[name])


def table(columns: int, rows: int) -> str:
    head = "|".join(f"column_{at}" for at in range(columns))
    body = (
        "|".join(f"value_{at * row}" for at in range(columns)) for row in range(rows)
    )
    return "\n".join(
        [f"|{head}|", "|--" * columns + "|", *(f"|{row}|" for row in body), ""]
    )


def test_a_long_table_goes_on_below_its_beginning() -> None:
    shown = streamed(table(3, 90))

    assert shown[0].split() == ["column_0", "column_1", "column_2"]
    assert set(shown[1].strip()) == {"─"}
    assert [line.split()[2] for line in shown[2:]] == [
        f"value_{2 * row}" for row in range(90)
    ]


def test_a_part_of_a_table_keeps_the_columns_of_those_above() -> None:
    rows = [f"|{'x' * (30 - row // 4)}|{row}|" for row in range(100)]
    shown = streamed("\n".join(["|a|b|", "|--|--|", *rows, ""]))

    places = {line.rindex(" ") for line in shown[2:]}
    assert len(places) == 1


def test_each_row_of_a_table_too_wide_stands_alone_with_its_headings() -> None:
    shown = streamed(table(12, 20))

    assert [line for line in shown if line.startswith("column_11: ")] == [
        f"column_11: value_{11 * row}" for row in range(20)
    ]
    assert [at for at, line in enumerate(shown) if not line] == [
        *range(12, 20 * 13 - 1, 13)
    ]


def test_headings_that_the_model_left_empty_stay_so() -> None:
    text = f"{table(2, 3)}\n| | |\n|--|--|\n| a | b |\n"

    assert streamed(text)[-1].split() == ["a", "b"]
    assert sum("column_0" in line for line in streamed(text)) == 1
