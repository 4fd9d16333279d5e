"""A growing reply is parted so that nothing is lost and nothing changes later."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_shape import shape
from markdown_shapes import SHAPES, replies

from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.streaming import Block, Blocks

_PIECES = [
    "- ",
    "1. ",
    "  ",
    "    ",
    "> ",
    "```",
    "~~~",
    "py",
    "\n",
    "\n\n",
    "| a |",
    "$$",
]
_PIECES += ["|---|", "# ", "---", "===", "text", "\\[", "\\]", "\t", "\r\n", "*", "<b>"]
_TEXTS = st.lists(st.sampled_from(_PIECES), max_size=60).map("".join)

LONG = {
    "fence": "```python\n" + "x = 1  # note\n" * 400 + "```\n\nEnd.\n",
    "list": "".join(f"- item {n} with some words\n" for n in range(200)) + "\nEnd.\n",
    "numbers": "".join(f"1. item {n} with words\n" for n in range(200)) + "\nEnd.\n",
    "nested": "1. top\n" + "   - item with some words\n" * 200 + "2. next\n\nEnd.\n",
    "table": "| a | b |\n|:--|--:|\n" + "| row | 12 |\n" * 400 + "\nEnd.\n",
    "fence in item": "1. so\n   ```py\n"
    + "   x = 1\n" * 400
    + "   ```\n2. b\n\nEnd.\n",
    "table in item": "- so\n\n  | a |\n  |---|\n" + "  | cell |\n" * 400 + "\nEnd.\n",
    "indented code": "    x = 1\n" * 400 + "\nEnd.\n",
    "quote": "> a line of a quote\n" * 300 + "\nEnd.\n",
    "one line": "word " * 2_000 + "\n\nEnd.\n",
    "no spaces": "x" * 20_000,
    "empty lines": "\n" * 5_000,
}


def fed(text: str, step: int) -> tuple[list[Block], Block]:
    blocks = Blocks()
    parts = (text[at : at + step] for at in range(0, len(text), step))
    return [block for part in parts for block in blocks.feed(part)], blocks.tail


def whole(finished: list[Block], tail: Block) -> str:
    return "".join(block.source for block in [*finished, tail])


def colored_html(text: str) -> str:
    """Color all of it, however long that takes on this machine."""
    return to_html(text, clock_s=lambda: 0.0)


@given(_TEXTS, st.integers(1, 40))
@settings(max_examples=150)
def test_no_character_is_lost_at_any_cut(text, step):
    assert whole(*fed(text, step)) == text


@given(_TEXTS, st.integers(1, 40))
@settings(max_examples=60)
def test_no_character_is_lost_when_blocks_are_cut_short(text, step):
    blocks = Blocks(soft_limit=20)
    parts = [text[at : at + step] for at in range(0, len(text), step)]
    finished = [block for part in parts for block in blocks.feed(part)]

    assert whole(finished, blocks.tail) == text


@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_finished_blocks_look_as_in_the_whole(step):
    texts = [t for name, (t, _) in SHAPES.items() if "reference" not in name]
    for text in [t for t in [*texts, *replies(20, seed=3)] if len(t) < 700]:
        finished, tail = fed(text, step)

        html = "".join(colored_html(block.markdown) for block in [*finished, tail])
        assert html == colored_html(text), text


@given(_TEXTS)
@settings(max_examples=100)
def test_what_comes_later_changes_no_finished_block(text):
    finished, tail = fed(text, 3)

    html = "".join(to_html(block.markdown) for block in [*finished, tail])
    assert shape(html) == shape(to_html(text))


@pytest.mark.parametrize("name", LONG)
def test_the_tail_of_a_long_block_stays_short(name):
    blocks = Blocks()
    longest = 0
    for at in range(0, len(LONG[name]), 40):
        blocks.feed(LONG[name][at : at + 40])
        longest = max(longest, len(blocks.tail.markdown))

    limit = 2_200 if name in ("quote", "one line", "no spaces") else 900
    assert longest < limit


@pytest.mark.parametrize("name", LONG)
def test_a_long_block_loses_nothing(name):
    assert whole(*fed(LONG[name], 40)) == LONG[name]


def test_parts_of_a_long_fence_stay_code():
    (first, *others), tail = fed(LONG["fence"], 40)

    assert len(others) > 2
    assert all(b.markdown.startswith("```python\nx = 1 ") for b in [first, *others])
    assert {b.classes for b in others[:-1]} == {"nm-joined nm-open"}
    assert (first.classes, others[-1].classes) == ("nm-open", "nm-joined")
    assert tail == Block("End.\n", "End.\n")


def test_parts_of_a_long_list_count_on():
    finished, _ = fed(LONG["numbers"], 40)

    items = finished[0].source.count("\n")
    assert finished[1].markdown.startswith(f"{items + 1}. item {items} ")
    assert finished[1].source.startswith(f"1. item {items} ")


def test_parts_of_a_nested_list_stay_indented():
    finished, tail = fed(LONG["nested"], 40)

    assert finished[1].classes == "nm-joined nm-in-1 nm-open"
    assert finished[1].markdown.startswith("- item")
    assert (finished[-1].markdown, finished[-1].classes) == ("2. next\n\n", "nm-joined")
    assert tail == Block("End.\n", "End.\n")


def test_parts_of_a_long_table_keep_their_columns():
    finished, _ = fed(LONG["table"], 40)

    assert finished[1].markdown.startswith("| | |\n|:--|--:|\n| row | 12 |\n")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("fence in item", "```py\nx = 1\n"),
        ("table in item", "| |\n|---|\n| cell |\n"),
    ],
)
def test_parts_of_what_is_long_in_an_item_stay_indented(name, begins):
    (_, *others), _ = fed(LONG[name], 40)

    assert {block.classes for block in others} == {"nm-joined nm-in-1 nm-open"}
    assert all(block.markdown.startswith(begins) for block in others)


def test_a_heading_is_finished_when_text_follows():
    blocks = Blocks()

    assert blocks.feed("# A title of a reply\n") == []
    assert [b.source for b in blocks.feed("Some text\nand more\n")] == [
        "# A title of a reply\n"
    ]
    assert blocks.tail == Block("Some text\nand more\n", "Some text\nand more\n")


def test_a_loose_list_is_kept_until_it_ends():
    blocks = Blocks()

    assert blocks.feed("- the first item\n\n- the second item\n\n") == []
    assert len(blocks.feed("Text after the list.\n")) == 1


def test_an_open_formula_is_kept():
    blocks = Blocks()

    assert blocks.feed("$$\na + a longer formula\n- b\n- c\n") == []
    assert blocks.feed("$$\nand some more\n\n")[0].source.startswith("$$\na")


def test_headings_stay_out_of_the_notebooks_table_of_contents() -> None:
    html = to_html("# One\n\n###### Six <b>\n\nTwo\n===\n")

    assert re.findall(r"<h\d[^>]*>", html) == [
        f'<h{level} class="jp-toc-ignore">' for level in (1, 6, 1)
    ]
