"""Where the parts of a reply lie in a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nemotron_magic.notebook.html import reply_html
from nemotron_magic.reply import Details, Reply

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


def page_of(context: BrowserContext, *markdown: str) -> Page:
    page = context.new_page()
    page.set_content("".join(reply_html(Reply(one, Details())) for one in markdown))
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
