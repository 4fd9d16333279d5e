"""The panel as its user meets it, in a page that runs in Chromium."""

from __future__ import annotations

import re
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
        && !one.closest('pre, .nm-table') && one.getBoundingClientRect().right > right)
        .map(one => one.outerHTML);
}"""

DRAWN = """talk => [...talk.querySelectorAll('.nm-reply')].map(one => {
    const {fontSize, lineHeight, color} = getComputedStyle(one);
    const {left, width} = one.getBoundingClientRect();
    return [fontSize, lineHeight, color, left, width];
})"""


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
        ],
    )
    notebook_page.run(0)
    notebook_page.run(1)
    notebook_page.wait_idle()
    question(notebook_page).wait_for()
    return notebook_page


def expect(locator: Locator) -> Any:
    """Wait for what is asserted of a locator; imported late, as it may be missing."""
    from playwright.sync_api import expect

    return expect(locator)


def panel(page: NotebookPage) -> Locator:
    return page.output(1).locator(".nm-panel")


def talk(page: NotebookPage) -> Locator:
    return panel(page).locator(".nm-turns")


def press(page: NotebookPage, name: str) -> None:
    panel(page).get_by_role("button", name=name, exact=True).click()


def question(page: NotebookPage) -> Locator:
    return panel(page).get_by_label("Question", exact=True)


def ask(page: NotebookPage, text: str) -> None:
    question(page).fill(text)
    question(page).press("End")
    question(page).press("Enter")


def test_a_row_and_config_change_each_other_and_an_error_stands_below_it(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    press(page, "Parameters")
    row = panel(page).get_by_label("Temperature", exact=True)
    unset = row.input_value(), row.get_attribute("placeholder")
    row.fill("0.7")
    row.press("Tab")
    expect(panel(page).locator(".nm-temperature.nm-changed")).to_be_visible()
    page.run(2)
    page.wait_for_text(2, "0.7")
    page.run(3)
    expect(row).to_have_value("0.3")
    row.fill("9")
    row.press("Tab")
    expect(panel(page).get_by_role("alert").last).to_contain_text("be from 0 to 2")
    kept = row.input_value()
    press(page, "Show as code")
    expect(panel(page)).to_contain_text("%config Nemotron.temperature = 0.3")
    page.screenshot(f"panel-parameters-{front_end}")

    assert unset == ("", "not set")
    assert kept == "9"
    assert page.requests == []


def test_a_cell_runs_while_the_panel_asks_and_a_stop_works_within_a_second(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    question(page).fill("rehearsal: length 900\nrehearsal: slow 40")
    press(page, "Send")
    expect(talk(page)).to_contain_text("Rehearsal")
    page.run(4)
    page.wait_for_text(4, "ran")
    streams_still = panel(page).get_by_role("button", name="Stop").is_enabled()
    page.screenshot(f"panel-asking-{front_end}")
    page.run(5)
    page.wait_for_text(5, "sleeping")
    started_s = time.monotonic()
    press(page, "Stop")
    expect(talk(page)).to_contain_text("Stopped by you")
    stopped_s = time.monotonic() - started_s
    sleeps_still = page.page.evaluate("!nmIdle()")
    page.screenshot(f"panel-stopped-{front_end}")
    page.interrupt()
    page.wait_idle()

    assert streams_still
    assert sleeps_still
    assert stopped_s < 1


def test_what_grows_is_drawn_as_what_is_finished(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    ask(page, "rehearsal: length 900")
    talk(page).locator(".jp-OutputArea-output .nm-reply").first.wait_for()
    drawn = talk(page).evaluate(DRAWN)
    page.screenshot(f"panel-growing-{front_end}")
    press(page, "Stop")

    assert len(drawn) >= 2
    assert [*map(str, drawn)] == [str(drawn[0])] * len(drawn)


def test_the_end_of_a_growing_reply_stays_in_sight(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    question(page).fill("rehearsal: length 900\nrehearsal: slow 200")
    press(page, "Send")
    expect(panel(page).get_by_role("status")).to_have_text("Answered.", timeout=60_000)
    gap = (
        panel(page)
        .locator(".nm-talk")
        .evaluate(
            "talk => talk.querySelector('.nm-footer').getBoundingClientRect().bottom"
            " - talk.getBoundingClientRect().bottom"
        )
    )
    page.screenshot(f"panel-answered-{front_end}")

    assert gap <= 1


def test_by_keyboard_alone_one_asks_stops_goes_on_inserts_and_sets(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    keys = page.page.keyboard
    question(page).focus()
    keys.type("rehearsal: length 300")
    keys.press("Enter")
    expect(panel(page).get_by_role("status")).to_have_text("Asking …")
    keys.press("Tab")  # past Send, which is off meanwhile
    expect(panel(page).get_by_role("button", name="Stop")).to_be_focused()
    expect(talk(page)).to_contain_text("no model is behind")
    keys.press("Enter")
    expect(panel(page).get_by_role("status")).to_contain_text("Continue goes on")
    page.screenshot(f"panel-cut-{front_end}")
    keys.press("Tab")
    expect(panel(page).get_by_role("button", name="Continue")).to_be_focused()
    keys.press("Enter")
    expect(panel(page).get_by_role("status")).to_have_text("Answered.", timeout=60_000)
    whole = talk(page).inner_text()
    question(page).focus()
    question(page).fill("rehearsal: say Try\n\n```python\nx = 6 * 7\n```\n\n`x`")
    for _ in range(1):
        keys.press("Tab")
    keys.press("Enter")
    insert = talk(page).get_by_role("button", name="Insert the code as a cell below")
    insert.wait_for()
    page.screenshot(f"panel-insert-{front_end}")
    for _ in range(8):
        if insert.evaluate("one => one === document.activeElement"):
            break
        keys.press("Shift+Tab")
    keys.press("Enter")
    page.page.wait_for_function("nmPanel().content.widgets.length === 7")
    inserted = page.sources()
    dialogs = page.dialogs

    assert whole.count("no model is behind this reply") == 1
    assert "Stopped by you" not in whole
    assert inserted[1:3] == [OPEN, "x = 6 * 7"]
    assert page.page.evaluate("nmCell(2).model.executionCount ?? null") is None
    assert dialogs == []


def test_a_hostile_reply_is_text_and_its_forged_buttons_are_gone(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    forged = (
        '<button data-commandlinker-command="notebook:insert-cell-below" '
        "data-commandlinker-args='{}'>go</button>"
    )
    bad = (
        "<img src=x onerror=\"document.title='pwned'\"> ![p](http://127.0.0.1:9/p.png)"
    )
    question(page).fill(
        f"rehearsal: say {bad}{forged}\n{forged}\n"
        "<script>document.title='pwned'</script>"
    )
    press(page, "Send")
    expect(talk(page).locator(".nm-footer")).to_contain_text("tokens")
    page.screenshot(f"panel-hostile-{front_end}")

    assert "pwned" not in page.page.title()
    assert talk(page).locator("script, img, button").count() == 0
    assert talk(page).locator("[data-commandlinker-command]").count() == 0
    assert page.requests == []


def test_every_tab_fits_into_320_px_in_the_dark_and_everything_has_a_label(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    ask(page, "rehearsal: say Try\n\n```python\nx = 1  # " + "y" * 200 + "\n```")
    expect(talk(page).locator(".nm-footer")).to_contain_text("tokens")
    page.theme("dark")
    if front_end == "lab":
        page.page.evaluate(
            "jupyterapp.commands.execute('application:toggle-left-area')"
        )
    page.resize(320)
    nameless, too_wide = [], []
    for tab in ("Usage", "Preview", "Parameters", "Ask"):
        press(page, tab)
        if tab == "Parameters":
            press(page, "Cost, privacy and service")
            expect(panel(page).get_by_label("Cache")).to_be_visible()
        panel(page).get_by_role("button", name=tab, exact=True).evaluate(
            "one => one.scrollIntoView({block: 'start'})"
        )
        page.page.wait_for_timeout(200)
        page.screenshot(f"panel-narrow-{tab.lower()}-{front_end}")
        nameless += panel(page).evaluate(NAMELESS)
        too_wide += panel(page).evaluate(TOO_WIDE)

    assert nameless == []
    assert too_wide == []


def test_models_preview_and_usage_are_shown(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    ask(page, "rehearsal: say The **north** sold most.")
    expect(talk(page).locator(".nm-footer")).to_contain_text("tokens")
    press(page, "Parameters")
    expect(panel(page).locator(".nm-note").first).to_be_visible()
    options = panel(page).locator("datalist option").first
    expect(options).to_have_attribute("value", re.compile("Nemotron"))
    press(page, "Ask")
    question(page).fill("What was sold?")
    press(page, "Preview")
    expect(panel(page)).to_contain_text("What would be sent")
    expect(panel(page)).to_contain_text("What was sold?")
    page.screenshot(f"panel-preview-{front_end}")
    press(page, "Usage")
    expect(panel(page)).to_contain_text("This session")
    press(page, "Ask for the balance")
    expect(panel(page)).to_contain_text("The rehearsal has no account")
    page.screenshot(f"panel-usage-{front_end}")
    press(page, "Ask")
    expect(question(page)).to_have_value("What was sold?")


def test_without_a_kernel_its_last_state_is_there_as_text(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    ask(page, "rehearsal: say The **north** sold most.")
    expect(talk(page).locator(".nm-footer")).to_contain_text("tokens")
    page.run(3)
    page.wait_idle()
    still = page.output(1).locator("[class$='-still']")
    is_hidden = still.is_hidden()
    expect(still).to_contain_text("Nemotron.temperature = 0.3")
    expect(still).to_contain_text("The north sold most.")
    page.save()
    exported = exported_html(page)
    page.reload()
    expect(talk(page)).to_contain_text("The north sold most.")
    page.save()
    page.page.goto("about:blank")
    page.server.shut_down_kernels()
    page.reload()
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
    """Return what nbconvert makes of the notebook."""
    from nbconvert import HTMLExporter

    return str(HTMLExporter().from_notebook_node(page.read_ipynb())[0])


def test_a_panel_whose_kernel_has_restarted_says_so_and_a_new_one_opens(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    ask(page, "rehearsal: say Hello")
    expect(talk(page).locator(".nm-footer")).to_contain_text("tokens")
    lost = panel(page).get_by_text("Run its cell again")
    before = lost.is_visible()
    page.page.evaluate("void nmPanel().sessionContext.session.kernel.restart()")
    expect(lost).to_be_visible()
    expect(panel(page).get_by_role("status")).to_be_hidden()
    page.screenshot(f"panel-lost-{front_end}")
    page.wait_idle()
    page.run(0)
    page.run(1)
    page.wait_idle()
    expect(question(page)).to_be_visible()

    assert not before
    assert lost.is_hidden()
