"""The panel as its user meets it, in a page that runs in Chromium."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from notebook_page import FrontEnd, NotebookPage

if TYPE_CHECKING:
    from playwright.sync_api import Locator

LOAD = "%load_ext nemotron_magic\n%nemotron rehearse"
OPEN = "%nemotron panel"
READ = "%config Nemotron.temperature"
NAMELESS = """panel => [...panel.querySelectorAll('input, select, textarea, button')]
    .filter(one => !one.labels?.length && !one.ariaLabel && !one.textContent.trim())
    .map(one => one.outerHTML)"""
TOO_WIDE = """panel => {
    const right = panel.getBoundingClientRect().right + 1;
    return [...panel.querySelectorAll('*')].filter(one => one.checkVisibility()
        && !one.closest('.nm-tabs, .nm-unseen')
        && one.getBoundingClientRect().right > right).map(one => one.outerHTML);
}"""


@pytest.fixture
def page(notebook_page: NotebookPage, front_end: FrontEnd) -> NotebookPage:
    notebook_page.resize(1280, 1100)
    notebook_page.open(
        front_end,
        [
            LOAD,
            OPEN,
            READ,
            "%config Nemotron.temperature = 0.3",
            "print('ran')",
            "import time\nprint('sleeping')\ntime.sleep(30)",
            "%config Nemotron.model",
        ],
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
    panel(page).get_by_role("tab", name="Parameters").click()
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


def question(page: NotebookPage) -> Locator:
    return panel(page).get_by_label("Question", exact=True)


def sources(page: NotebookPage) -> list[str]:
    found: list[str] = page.page.evaluate(
        "nmPanel().content.model.sharedModel.cells.map(cell => cell.getSource())"
    )
    return found


def test_a_cell_runs_while_the_panel_asks_and_a_stop_works_within_a_second(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    question(page).fill("rehearsal: length 900\nrehearsal: slow 40")
    panel(page).get_by_role("button", name="Ask", exact=True).click()
    expect(panel(page).locator(".nm-answer")).to_contain_text("Rehearsal")
    page.run(4)
    page.wait_for_text(4, "ran")
    streams_still = panel(page).get_by_role("button", name="Stop").is_enabled()
    page.screenshot(f"panel-asking-{front_end}")
    page.run(5)
    page.wait_for_text(5, "sleeping")
    started_s = time.monotonic()
    panel(page).get_by_role("button", name="Stop").click()
    expect(panel(page).locator(".nm-answer")).to_contain_text("Stopped by you")
    stopped_s = time.monotonic() - started_s
    sleeps_still = page.page.evaluate("!nmIdle()")
    page.screenshot(f"panel-stopped-{front_end}")
    page.interrupt()
    page.wait_idle()

    assert streams_still
    assert sleeps_still
    assert stopped_s < 1


def test_a_reply_cut_off_is_gone_on_with_by_keyboard_in_its_place(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    keys, answer = page.page.keyboard, panel(page).locator(".nm-answer")
    go_on = panel(page).get_by_role("button", name="Continue")
    question(page).fill("rehearsal: length 300\nrehearsal: slow 60")
    question(page).press("Shift+Enter")
    expect(answer).to_contain_text("wrote it")
    question(page).dispatch_event("keydown", {"key": "Escape", "isComposing": True})
    streams_still = panel(page).get_by_role("button", name="Stop").is_enabled()
    keys.press("Escape")
    expect(answer).to_contain_text("Stopped by you")
    expect(question(page)).to_be_focused()
    page.screenshot(f"panel-cut-{front_end}")
    go_on.focus()
    keys.press("Enter")
    expect(panel(page).locator(".nm-turn")).to_contain_text("asking nvidia")
    kept = panel(page).locator(".nm-turn").inner_text()
    page.screenshot(f"panel-going-on-{front_end}")
    status = panel(page).locator(".nm-ask > .nm-bar > [role='status']")
    expect(status).to_have_text("Answered.", timeout=60_000)
    page.screenshot(f"panel-gone-on-{front_end}")

    assert streams_still
    assert "Rehearsal: no model is behind this reply" in kept
    assert answer.inner_text().count("no model is behind this reply") == 1
    assert "Stopped by you" not in answer.inner_text()
    assert go_on.count() == 0
    assert panel(page).locator(".nm-turn").count() == 1


def test_code_becomes_a_cell_below_the_panel_that_has_not_run(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    question(page).fill("rehearsal: say Try\n\n```python\nx = 6 * 7\n```\n\n`x`")
    question(page).press("Control+Enter")
    panel(page).get_by_role("button", name="Insert as cell").click()
    expect(panel(page)).to_contain_text("It is in the cell below")
    page.screenshot(f"panel-inserted-{front_end}")
    after = sources(page)
    page.page.evaluate("nmPanel().content.model.sharedModel.undo()")

    assert after[1:3] == [OPEN, "x = 6 * 7"]
    assert page.page.evaluate("nmCell(2).model.executionCount ?? null") is None
    assert "x = 6 * 7" not in sources(page)


def test_a_hostile_reply_and_question_are_text_in_the_panel(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    bad = (
        "<img src=x onerror=\"document.title='pwned'\"> ![p](http://127.0.0.1:9/p.png)"
    )
    question(page).fill(
        f"rehearsal: say {bad}\n<script>document.title='pwned'</script>"
    )
    question(page).press("Control+Enter")
    expect(panel(page).locator(".nm-footer")).to_contain_text("tokens")
    html = panel(page).locator(".nm-turn").inner_html()

    assert "pwned" not in page.page.title()
    assert "<script" not in html
    assert "<img" not in html
    assert page.requests == []


def test_the_keyboard_alone_reaches_tabs_settings_and_the_box(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    keys = page.page.keyboard
    cells = len(sources(page))
    panel(page).get_by_role("tab", name="Ask").focus()
    keys.press("ArrowRight")
    expect(panel(page).get_by_role("tab", name="Parameters")).to_be_focused()
    temperature = row(page, "temperature").get_by_role("slider")
    temperature.focus()
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    field = row(page, "temperature").get_by_role("spinbutton")
    expect(field).to_have_value("0.04")
    panel(page).get_by_role("button", name="Reset Temperature").focus()
    keys.press("Enter")
    expect(field).to_have_value("")
    panel(page).get_by_role("tab", name="Parameters").focus()
    # Letters that are commands of JupyterLab: delete a cell, add one, run one.
    for key in ("d", "d", "b", "Home"):
        keys.press(key)
    expect(panel(page).get_by_role("tab", name="Ask")).to_be_focused()
    keys.press("Tab")

    assert len(sources(page)) == cells
    assert page.page.evaluate("nmPanel().content.activeCellIndex") == 1


def test_models_are_listed_when_asked_for_nemotrons_first(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    panel(page).get_by_role("tab", name="Parameters").click()
    model = row(page, "model").get_by_role("combobox")
    model.focus()
    page.page.keyboard.press("ArrowDown")
    option = row(page, "model").get_by_role("option")
    expect(option.first).to_contain_text("nemotron")
    expect(option.first).to_contain_text("context")
    page.screenshot(f"panel-models-{front_end}")
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("Enter")
    chosen = model.input_value()
    page.run(6)
    page.wait_for_text(6, chosen)

    assert "nemotron" in chosen.lower()


def test_an_error_stands_beside_its_control_and_everything_has_a_label(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    panel(page).get_by_role("tab", name="Parameters").click()
    panel(page).locator("summary").evaluate_all("all => all.forEach(s => s.click())")
    row(page, "tools").get_by_role("textbox").fill("[{")
    row(page, "top_logprobs").get_by_role("spinbutton").fill("3")
    expect(row(page, "tools").get_by_role("alert")).to_contain_text("a JSON value")
    expect(panel(page)).to_contain_text("top_logprobs needs logprobs")
    expect(row(page, "tools").get_by_role("alert")).to_contain_text("a JSON value")
    expect(row(page, "tools").get_by_role("textbox")).to_have_value("[{")
    page.screenshot(f"panel-error-{front_end}")
    nameless = panel(page).evaluate(NAMELESS)
    page.theme("dark")
    if front_end == "lab":
        page.page.evaluate(
            "jupyterapp.commands.execute('application:toggle-left-area')"
        )
    page.resize(320)
    panel(page).get_by_role("tab", name="Ask").scroll_into_view_if_needed()
    page.screenshot(f"panel-narrow-dark-{front_end}")
    too_wide = panel(page).evaluate(TOO_WIDE)

    assert nameless == []
    assert too_wide == []


def test_without_a_kernel_its_last_state_is_there_as_text(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    question(page).fill("rehearsal: say The **north** sold most.")
    question(page).press("Control+Enter")
    expect(panel(page).locator(".nm-footer")).to_contain_text("tokens")
    page.run(3)
    page.wait_idle()
    still = page.output(1).locator("[class$='-still']")
    is_hidden = still.is_hidden()
    expect(still).to_contain_text("Nemotron.temperature = 0.3")
    expect(still).to_contain_text("The north sold most.")
    page.save()
    exported = exported_html(page)
    page.reload()
    panel(page).wait_for()
    expect(panel(page)).to_contain_text("The north sold most.")
    page.save()
    page.page.goto("about:blank")
    page.server.shut_down_kernels()
    page.reopen()
    # It waits for a panel, in case one is about to be drawn.
    expect(still).to_be_visible()
    reopened = page.text(1)
    page.screenshot(f"panel-no-kernel-{front_end}")
    page.reopen_untrusted()
    expect(page.output(1)).to_contain_text("The north sold most.")

    assert is_hidden
    assert "Error" not in reopened
    assert "Nemotron.temperature = 0.3" in reopened
    assert "<strong>north</strong>" in exported
    assert "Nemotron.temperature = 0.3" in exported


def exported_html(page: NotebookPage) -> str:
    """Give what nbconvert makes of the notebook."""
    from nbconvert import HTMLExporter

    return str(HTMLExporter().from_notebook_node(page.read_ipynb())[0])


def test_a_panel_whose_kernel_has_restarted_says_so(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    question(page).fill("rehearsal: length 900\nrehearsal: slow 40")
    question(page).press("Shift+Enter")
    arrived = "no model is behind this reply"
    expect(panel(page).locator(".nm-answer")).to_contain_text(arrived)
    page.page.evaluate("nmPanel().sessionContext.session.kernel.restart()")
    expect(panel(page).get_by_role("alert").first).to_contain_text("Run its cell again")
    page.screenshot(f"panel-lost-{front_end}")
    said = panel(page).inner_text()
    page.wait_idle()
    page.run(0)
    page.run(1)
    page.wait_idle()
    expect(question(page)).to_be_visible()

    assert arrived in said
    assert "Asking" not in said
    assert panel(page).get_by_text("Run its cell again").count() == 0
