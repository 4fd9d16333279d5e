"""axe-core finds no fault with replies, cards and the panel."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Literal

import pytest
from notebook_page import NotebookPage

pytestmark = pytest.mark.extended

LOAD = "%load_ext nemotron_magic\n%nemotron rehearse"
REPLIES = [
    "%nemotron",
    "%%nemotron\nrehearsal: length 300",
    "%%nemotron --max-tokens 30\nrehearsal: length 300",
    "%nemotron usage",
]
Theme = Literal["light", "dark"]
FAULTS = """async selector => (await axe.run({include: [selector]})).violations.map(
    one => [one.id, one.nodes.map(node => node.html)])"""


@pytest.fixture
def page(notebook_page: NotebookPage) -> NotebookPage:
    pytest.importorskip("axe_playwright_python")
    notebook_page.resize(1100, 2600)
    return notebook_page


def show(page: NotebookPage, theme: Theme, *cells: str) -> None:
    page.open("lab", [LOAD, *cells])
    for index in range(len(cells) + 1):
        page.run(index)
        page.wait_idle()
    page.theme(theme)
    axe = files("axe_playwright_python").joinpath("axe.min.js")
    page.page.evaluate(axe.read_text("utf-8"))


def faults(page: NotebookPage, selector: str) -> Any:
    page.page.locator(selector).first.wait_for()
    return page.page.evaluate(FAULTS, selector)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_replies(page: NotebookPage, theme: Theme) -> None:
    show(page, theme, *REPLIES)

    assert faults(page, ".jp-OutputArea .nm-reply") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["Ask", "Parameters", "Preview", "Usage"])
def test_axe_finds_nothing_in_the_panel(
    page: NotebookPage, tab: str, theme: Theme
) -> None:
    show(page, theme, "%nemotron -q rehearsal: length 300", "%nemotron panel")
    page.page.locator(".nm-tab", has_text=tab).click()

    assert faults(page, ".nm-panel") == []
