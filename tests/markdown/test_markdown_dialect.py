"""Texts as models write them get the structure that GitHub gives them."""

import re

import pytest
from markdown_it import MarkdownIt
from markdown_shape import shape
from markdown_shapes import SHAPES, replies
from mdit_py_plugins.tasklists import tasklists_plugin

from nemotron_magic.markdown import to_html


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_gets_its_structure(name):
    markdown, structure = SHAPES[name]

    assert shape(to_html(markdown)) == structure


def test_whole_replies_agree_with_plain_markdown_it(capsys):
    plain = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    plain.use(tasklists_plugin)
    # It knows no bare addresses, and drops a cell too many; both are held above.
    texts = [t for t in replies(260, seed=7) if "http" not in t and "3 | 4" not in t]

    same = sum(shape(to_html(t)) == shape(plain.render(t)) for t in texts)

    with capsys.disabled():
        print(f"\n{same} of {len(texts)} replies have the structure of markdown-it's")
    assert len(texts) >= 100
    assert same >= 0.99 * len(texts)


def test_line_breaks_are_read_in_cells_only():
    html = to_html("| a |\n|---|\n| x<br/>y `<br>` |\n\nx<br>y")

    assert "<td>x<br>\ny <code>&lt;br&gt;</code></td>" in html
    assert "<p>x&lt;br&gt;y</p>" in html


@pytest.mark.parametrize(
    ("head", "html"),
    [
        ("| | b |", "<td></td>\n<th>b</th>"),
        ("| a |  |", "<th>a</th>\n<td></td>"),
        ("| `` | b |", "<th>``</th>\n<th>b</th>"),
    ],
)
def test_a_heading_without_a_text_is_no_heading(head, html):
    assert html in to_html(f"{head}\n|--|--|\n| 1 | 2 |")


def test_code_gets_colour_by_its_language():
    html = to_html("```Python title=x\ndef f(): pass\n```")

    assert html.startswith(
        '<pre class="nm-code" tabindex="0"><code class="language-python">'
    )
    assert '<span class="nm-k">def</span> <span class="nm-f">f</span>' in html


@pytest.mark.parametrize("language", ["", "nosuch", "mermaid", "x" * 99, "../a"])
def test_code_in_an_unknown_language_stays_plain(language):
    html = to_html(f"```{language}\ndef <f>\n```")

    assert ">def &lt;f&gt;\n</code></pre>" in html
    assert "nm-k" not in html


def test_a_wide_table_scrolls_in_a_box_of_its_own():
    html = to_html("| a |\n|---|\n| b |")

    assert html.startswith('<div class="nm-table" tabindex="0"><table>')


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        (
            "| or | `(a == 1) | b` |",
            ["or", "<code>(a == 1) | b</code>"],
        ),
        ("| `a|b` | or |", ["<code>a|b</code>", "or"]),
        ("`a\\|b|c` | or", ["<code>a|b|c</code>", "or"]),
        ("| $|x|$ | 2 |", ['<span class="nm-math">$|x|$</span>', "2"]),
        ("| a | b | c | d |", ["a", "b | c | d"]),
        ("| `a | b | c` |", ["<code>a | b | c</code>", ""]),
        ("| a || b |", ["a", "| b"]),
    ],
)
@pytest.mark.parametrize("indent", ["", "> ", "- i\n\n  "])
def test_nothing_vanishes_of_a_row_with_more_cells_than_its_table(row, cells, indent):
    lines = [indent + "| x | y |", "|--|--|", row]
    html = to_html(f"\n{indent.rpartition(chr(10))[2]}".join(lines))

    assert re.findall("<td>(.*?)</td>", html) == cells


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t"])
def test_no_text_is_no_html(text):
    assert to_html(text) == ""
