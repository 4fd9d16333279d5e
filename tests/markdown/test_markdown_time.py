"""No text can hold the page up: each costs about what an ordinary one costs."""

import time

import pytest
from markdown_policy import read
from markdown_shapes import replies

from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.streaming import Blocks

_CHARS = 80_000
_UNITS = [
    "[",
    "![",
    "](",
    "[a](",
    "`",
    "`a ",
    "*a ",
    "**a",
    "_a",
    "a**b_c__",
    "~~",
    ">",
]
_UNITS += ["$", "$a ", "$$a ", "\\(", "\\[\n", "$$\na\n", "\\begin{align}\n", "- ", "|"]
_UNITS += ["- a\n", "|a|\n|-|\n", "```\n", "&", "<", "<a href='", "https:", "://", "\\"]
_UNITS += [
    "http://@",
    "[a]: b\n",
    "[a]: ",
    "\0",
    "\u202e",
    "\ud800",
    "# a\n",
    "1. ",
    "\r",
]
_UNITS += ["    x\n", "| `a", "<br>", "*a **b ", "```py\n'''", "> - ", "![a](b) ", "\n"]


def seconds(text: str) -> float:
    start = time.process_time()
    to_html(text)
    return time.process_time() - start


@pytest.fixture(scope="module")
def ordinary_seconds() -> float:
    text = "\n".join(replies(400, seed=1) * 2)
    assert len(text) > _CHARS
    to_html(text[:1000])
    return min(seconds(text[:_CHARS]) for _ in range(2))


@pytest.mark.parametrize("unit", _UNITS, ids=repr)
def test_a_hard_text_takes_no_more_than_a_few_ordinary_ones(unit, ordinary_seconds):
    text = unit * (_CHARS // len(unit))

    assert seconds(text) < 4 * ordinary_seconds + 0.2


def test_a_megabyte_takes_seconds():
    text = "\n".join(replies(400, seed=2))
    text *= 1_000_000 // len(text) + 1

    assert seconds(text) < 8  # 1.2 s alone on a machine with two cores


def test_what_is_too_long_is_still_shown_to_its_end():
    text = "word **bold**\n\n" * 30_000 + "the end"

    html = to_html(text)

    assert html.endswith("the end</pre>\n")
    assert read(html)[1].count("word") == 30_000


def test_a_text_without_empty_lines_is_cut_at_the_end_of_a_line():
    html = to_html("word\n" * 90_000 + "the end")
    read_part, _, written = html.partition('<pre class="nm-plain">')

    assert written.endswith("word\nthe end</pre>\n")
    assert written.startswith("word\n")
    assert read_part.count("word") + written.count("word") == 90_000


@pytest.mark.parametrize("text", ["> " * 5_000, "- " * 5_000, "1. " * 2_000])
def test_what_is_nested_too_deep_is_shown_as_written(text):
    html = to_html(f"**bold**\n\n{text}the end")

    assert html.startswith("<p><strong>bold</strong></p>\n<pre")
    assert "the end" in read(html)[1]


def test_parting_takes_time_in_proportion():
    def feeding(text: str) -> float:
        start = time.process_time()
        blocks = Blocks()
        for at in range(0, len(text), 5):
            blocks.feed(text[at : at + 5])
        return time.process_time() - start

    text = "".join(f"1. item {n} with some words\n" for n in range(400))

    assert feeding(text * 4) < 8 * feeding(text) + 0.1
