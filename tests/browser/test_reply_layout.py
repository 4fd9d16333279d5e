"""Where the parts of a reply lie in a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nemotron_magic.display.reply import reply_html
from nemotron_magic.session.reply import Reply, ReplyMetadata

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

_LEFT_OF_FIRST_AND_LAST = """selector => {
  const found = document.querySelector(selector), range = document.createRange();
  const walker = document.createTreeWalker(found, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  const left = (node, at) => {
    range.setStart(node, at); range.setEnd(node, at + 1);
    return range.getBoundingClientRect().left;
  };
  const last = texts.at(-1);
  return [left(texts[0], 0), left(last, last.length - 1)];
}"""

_TOPS_OF_WORDS = """() => {
  const text = document.querySelector('.nm-reply code').firstChild;
  const range = document.createRange();
  const top = at => {
    range.setStart(text, at); range.setEnd(text, at + 1);
    return Math.round(range.getBoundingClientRect().top);
  };
  const words = [...text.data.matchAll(/\\S+/g)];
  return words.map(w => [top(w.index), top(w.index + w[0].length - 1)]);
}"""


def page_of(context: BrowserContext, *markdown: str) -> Page:
    page = context.new_page()
    page.set_content(
        "".join(reply_html(Reply(one, ReplyMetadata())) for one in markdown)
    )
    return page


@pytest.mark.parametrize(
    ("markdown", "selector", "to_the_left"),
    [
        ("שלום `code` עולם.", "p", True),
        ("- שלום עולם.", "li", True),
        ("| a |\n|---|\n| שלום עולם. |", "td", True),
        ("Hello `code` world.", "p", False),
        ("| a |\n|---|\n| Hello. |", "td", False),
    ],
    ids=["hebrew", "hebrew list", "hebrew cell", "english", "english cell"],
)
def test_a_text_runs_from_the_side_of_its_script(
    browser_context: BrowserContext, markdown: str, selector: str, to_the_left: bool
) -> None:
    page = page_of(browser_context, markdown)
    first, last = page.evaluate(_LEFT_OF_FIRST_AND_LAST, selector)
    page.close()

    assert (last < first) is to_the_left


@pytest.mark.parametrize(
    ("markdown", "is_at_the_right"), [("שלום עולם.", True), ("Hello.", False)]
)
def test_a_paragraph_begins_at_the_side_of_its_script_where_all_else_is_at_the_left(
    browser_context: BrowserContext, markdown: str, is_at_the_right: bool
) -> None:
    page = page_of(browser_context, markdown)
    page.evaluate("document.body.style.textAlign = 'left'")  # as JupyterLab has it
    first, _ = page.evaluate(_LEFT_OF_FIRST_AND_LAST, "p")
    width = page.evaluate("document.body.clientWidth")
    page.close()

    assert (first > width / 2) is is_at_the_right


def test_the_words_of_a_line_of_code_stay_in_their_order_whatever_their_script(
    browser_context: BrowserContext,
) -> None:
    code = "ages = {'שם': 1, 'גיל': 2}  # הערה"
    page = page_of(browser_context, f"```python\n{code}\n```")
    words = page.locator("code span").evaluate_all(
        "all => all.map(one => [one.getBoundingClientRect().left, one.textContent])"
    )
    page.close()

    assert [word for _, word in sorted(words)] == ["'שם'", "1", "'גיל'", "2", "# הערה"]


def test_a_list_item_stays_beside_its_bullet(browser_context: BrowserContext) -> None:
    page = page_of(browser_context, "- שלום עולם.\n- hello")
    _, last = page.evaluate(_LEFT_OF_FIRST_AND_LAST, "li")
    page.close()

    assert last < 100


def test_there_is_room_between_two_replies_of_a_cell(
    browser_context: BrowserContext,
) -> None:
    page = page_of(browser_context, "One.", "Two.")
    first = page.locator(".nm-reply").first.evaluate(
        "reply => reply.querySelector('.nm-footer').getBoundingClientRect().bottom"
    )
    second = (
        page.locator(".nm-reply")
        .nth(1)
        .evaluate("reply => reply.querySelector('p').getBoundingClientRect().top")
    )
    page.close()

    assert second - first >= 8


# JupyterLab 4.6's light theme, its faintest colours among them.
_LIGHT = (
    ":root{--jp-mirror-editor-keyword-color:green;--jp-mirror-editor-atom-color:#88f;"
    "--jp-mirror-editor-number-color:#080;--jp-mirror-editor-def-color:#00f;"
    "--jp-mirror-editor-string-color:#ba2121;--jp-mirror-editor-comment-color:#408080;"
    "--jp-mirror-editor-builtin-color:green;--jp-mirror-editor-meta-color:#a2f;"
    "--jp-mirror-editor-tag-color:#170;--jp-cell-editor-background:#f5f5f5}"
    "body{background:#fff;color:rgba(0,0,0,.87)}"
)
_LEAST_CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d');
  const light = colours => {
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(value =>
      value <= 10 ? value / 3295 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll('pre span[class^=nm-]')].map(span => {
    const back = getComputedStyle(span.closest('pre')).backgroundColor;
    const text = light(['#fff', back, getComputedStyle(span).color]);
    return [span.className, (light(['#fff', back]) + 0.05) / (text + 0.05)];
  });
}"""


def test_every_colour_of_code_can_be_read(browser_context: BrowserContext) -> None:
    code = "# why\n@d\ndef f(a=None):\n    return len('a') + 1 if True else f"
    page = page_of(browser_context, f"```python\n{code}\n```")
    page.add_style_tag(content=_LIGHT)
    contrasts = dict(page.evaluate(_LEAST_CONTRAST))
    page.close()

    assert {"nm-a", "nm-c", "nm-k", "nm-m", "nm-s"} <= set(contrasts)
    assert min(contrasts.values()) >= 4.5  # WCAG 2.2, 1.4.3


@pytest.mark.parametrize("kind", ["prompt", "text"])
def test_a_prompt_breaks_between_words_on_a_page_that_breaks_anywhere(
    browser_context: BrowserContext, kind: str
) -> None:
    page = page_of(browser_context, f"```{kind}\n{'labels ' * 80}\n```")
    page.add_style_tag(content="pre { word-break: break-all }")  # as in nbconvert's
    words = page.evaluate(_TOPS_OF_WORDS)
    page.close()

    assert len(words) == 80
    assert all(first == last for first, last in words)
    assert (len({first for first, _ in words}) > 1) is (kind == "prompt")
