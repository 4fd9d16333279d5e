"""The panel as its user meets it, in a page that runs in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from notebook_page import FrontEnd, NotebookPage

if TYPE_CHECKING:
    from playwright.sync_api import Locator

LOAD = "%load_ext nemotron_magic\n%nemotron rehearse"
OPEN = "%nemotron panel"
READ = "%config Nemotron.temperature"


@pytest.fixture
def page(notebook_page: NotebookPage, front_end: FrontEnd) -> NotebookPage:
    notebook_page.resize(1280, 1100)
    notebook_page.open(
        front_end,
        [LOAD, OPEN, READ, "%config Nemotron.temperature = 0.3", "print('ran')"],
    )
    notebook_page.run(0)
    notebook_page.run(1)
    notebook_page.wait_idle()
    panel(notebook_page).wait_for()
    return notebook_page


def expect(locator: Locator) -> Any:
    """Wait for what is asserted of a locator; imported late, as it may be missing."""
    from playwright.sync_api import expect

    return expect(locator)


def panel(page: NotebookPage) -> Locator:
    return page.output(1).locator(".nm-panel")


def row(page: NotebookPage, name: str) -> Locator:
    return panel(page).locator(f".nm-row[data-name='{name}']")


def test_a_slider_and_config_move_each_other(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    slider = row(page, "temperature").get_by_role("slider")
    field = row(page, "temperature").get_by_role("spinbutton")
    page.screenshot(f"panel-{front_end}-light")
    unset = slider.get_attribute("aria-valuetext")
    slider.fill("0.7")
    expect(field).to_have_value("0.7")
    page.run(2)
    page.wait_for_text(2, "0.7")
    page.run(3)
    expect(field).to_have_value("0.3")

    assert unset == "not set"
    assert slider.input_value() == "0.3"
    assert page.requests == []
