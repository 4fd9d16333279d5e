"""The panel's program in a plain page, where no model of a notebook is to be had.

It is given a model that only keeps what the program sends, so that each of its states
can be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nemotron_magic.panels.controls import table
from nemotron_magic.panels.sheet import Sheet
from nemotron_magic.panels.widget import PanelWidget
from nemotron_magic.traits import Nemotron

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

START = """async ({program, css, values}) => {
    document.body.replaceChildren();
    document.head.innerHTML = `<style>${css}</style>`;
    window.sent = [];
    const listeners = {};
    window.tell = message => listeners['msg:custom'].forEach(hear => hear(message));
    window.change = state => {
        values.state = state;
        listeners['change:state'].forEach(hear => hear());
    };
    const model = {
        get: name => values[name],
        on: (name, hear) => (listeners[name] ??= []).push(hear),
        off: (name, hear) => {
            listeners[name] = listeners[name].filter(one => one !== hear);
        },
        send: message => sent.push(message),
    };
    window.loseKernel = () => { model.send = () => { throw Error('Cannot send'); }; };
    window.listening = () => Object.values(listeners).flat().length;
    const url = URL.createObjectURL(new Blob([program], {type: 'text/javascript'}));
    const module = await import(url);
    window.close_ = module.default.render({model, el: document.body});
}"""
HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'


@pytest.fixture
def page(browser_context: BrowserContext) -> Iterator[Page]:
    page = browser_context.new_page()
    page.set_default_timeout(20_000)
    # As from this computer: only there may a program write to the clipboard.
    empty = {"body": "<!doctype html>", "content_type": "text/html"}
    page.route("**/plain", lambda route: route.fulfill(**empty))
    page.goto("http://127.0.0.1:9/plain")
    yield page
    page.close()


def start(page: Page, **settings: Any) -> None:
    sheet = Sheet(Nemotron(**settings), lambda: None)
    values = {"table": table(), "state": sheet.state(), "mark": "m", "cell_id": ""}
    page.evaluate(
        START,
        {
            "program": str(PanelWidget._esm),
            "css": str(PanelWidget._css),
            "values": values,
        },
    )


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("NEMOTRON_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def answer(
    page: Page, html: str, cells: list[dict[str, Any]], cut: bool = False
) -> None:
    page.get_by_label("Question", exact=True).fill("Why?")
    page.get_by_role("button", name="Ask", exact=True).click()
    told = {"kind": "show", "id": "1", "html": html, "clear": False}
    page.evaluate("message => tell(message)", told)
    ended = {"error": "", "stopped": False, "cells": cells, "kept": True, "cut": cut}
    page.evaluate("message => tell(message)", {"kind": "ended", **ended})


def test_code_is_copied_where_no_cell_can_be_put_in(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    start(page)
    cells = [{"source": "x = 1", "language": "python", "said": []}]
    answer(page, "<p>So.</p>", cells)
    page.get_by_role("button", name="Insert as cell").click()
    page.get_by_text("or run: %nemotron code").wait_for()

    assert page.evaluate("navigator.clipboard.readText()") == "x = 1"


def test_what_is_refused_goes_back_into_the_box(page: Page) -> None:
    start(page)
    page.get_by_label("Question", exact=True).fill("$`nope`")
    page.get_by_role("button", name="Ask", exact=True).click()
    problem = {"kind": "problem", "about": "ask", "text": "there is no nope"}
    page.evaluate("message => tell(message)", problem)

    assert page.get_by_label("Question", exact=True).input_value() == "$`nope`"
    assert page.get_by_role("alert").filter(has_text="no nope").is_visible()
    assert page.locator(".nm-turn").count() == 0


def test_a_reply_that_was_cut_off_is_not_said_to_be_the_answer(page: Page) -> None:
    start(page)
    answer(page, "<p>So it</p>", [], cut=True)
    status = page.locator(".nm-ask > .nm-bar > [role=status]")

    assert status.inner_text() == "Cut off. Continue goes on."


def test_a_panel_without_its_kernel_says_so_and_gives_the_question_back(
    page: Page,
) -> None:
    start(page)
    page.evaluate("loseKernel()")
    page.get_by_label("Question", exact=True).fill("Why?")
    page.get_by_role("button", name="Ask", exact=True).click()
    told = page.get_by_role("alert").filter(has_text="Run its cell again").first
    told.wait_for()

    assert page.get_by_label("Question", exact=True).input_value() == "Why?"
    assert page.locator(".nm-turn").count() == 0
    assert page.get_by_text("Waiting for the kernel").count() == 0
    page.get_by_role("button", name="Close the panel").click()
    assert page.locator(".nm-panel").count() == 0


def test_long_code_and_long_paths_leave_everything_in_a_narrow_panel(
    page: Page,
) -> None:
    page.set_viewport_size({"width": 336, "height": 900})
    start(page)
    source = f"x = 1  # {'y' * 200}"
    answer(page, "<p>So.</p>", [{"source": source, "language": "python", "said": []}])
    insert = page.get_by_role("button", name="Insert as cell").bounding_box()
    copy = page.get_by_role("button", name="Copy the code").bounding_box()
    page.get_by_role("tab", name="Usage").click()
    figures = {"spans": [], "labels": [], "columns": [], "notes": [], "days": []}
    usage = {"kind": "usage", "place": f"Kept in /home/{'ana' * 80}", **figures}
    page.evaluate("message => tell(message)", usage)
    picture(page, "panel-plain-narrow")

    for box in (insert, copy):
        assert box is not None
        assert box["x"] + box["width"] <= 336
    assert page.evaluate("document.documentElement.scrollWidth") == 336


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        ([(0.5, False), (0.25, False)], "at most $0.50, $0.75 in all"),
        ([(0.5, True), (0.25, False)], "at least $0.75 in all"),
        ([(0.0, True), (0.0, True)], "unknown"),
        ([(0.0, False)], "at most $0, $0 in all"),
    ],
    ids=["known", "in part", "unknown", "nothing"],
)
def test_days_of_unknown_cost_are_not_summed_up_as_nothing(
    page: Page, costs: list[tuple[float, bool]], told: str
) -> None:
    start(page)
    page.get_by_role("tab", name="Usage").click()
    days = [
        {"day": f"2026-08-2{n}", "cost_usd": cost, "unsure": unsure, "about": ""}
        for n, (cost, unsure) in enumerate(costs)
    ]
    figures = {"spans": [], "labels": [], "columns": [], "notes": [], "place": ""}
    page.evaluate(
        "message => tell(message)", {"kind": "usage", "days": days, **figures}
    )

    assert page.locator("figcaption").inner_text() == f"Cost by day {told}"
    assert told.split(", ")[-1] in page.get_by_role("img").get_attribute("aria-label")


def test_values_of_an_enemy_are_text(page: Page) -> None:
    start(page, system=HOSTILE, stop=[HOSTILE], model=HOSTILE)
    page.evaluate("text => tell({kind: 'problem', text})", HOSTILE)
    model = {"name": HOSTILE, "about": HOSTILE, "nemotron": True}
    page.get_by_role("tab", name="Parameters").click()
    page.locator("[data-name=model] .nm-arrow").click()
    page.evaluate("models => tell({kind: 'models', models, problem: ''})", [model])
    talk = {"name": "main", "names": [HOSTILE], "before": 1}
    turns = [{"question": HOSTILE, "html": "<p>fine</p>"}]
    page.evaluate("m => tell(m)", {"kind": "talk", **talk, "turns": turns})
    cells = [{"source": HOSTILE, "language": "python", "said": [HOSTILE]}]
    page.get_by_role("tab", name="Ask").click()
    answer(page, "<p>fine</p>", cells)
    message = {"role": HOSTILE, "content": HOSTILE, "tokens": 1}
    preview = {"question": HOSTILE, "messages": [message], "rows": [[HOSTILE, HOSTILE]]}
    page.evaluate("m => tell(m)", {"kind": "preview", **preview, "priced": True})
    page.wait_for_timeout(50)

    assert page.locator("img, script").count() == 0
    assert page.evaluate("window.pwned ?? 0") == 0


def test_another_endpoint_has_other_models(page: Page) -> None:
    start(page)
    page.get_by_role("tab", name="Parameters").click()
    arrow, options = page.locator("[data-name=model] .nm-arrow"), page.locator("li")
    arrow.click()
    found = [{"name": "acme/m", "about": ""}]
    page.evaluate("models => tell({kind: 'models', models, problem: ''})", found)
    listed = options.filter(has_text="acme/m").count()
    arrow.click()
    state = Sheet(Nemotron(base_url="http://127.0.0.1:9"), lambda: None).state()
    page.evaluate("state => change(state)", state)
    arrow.click()

    assert listed == 1
    assert options.filter(has_text="acme/m").count() == 0
    assert page.evaluate("sent.filter(one => one.do === 'models').length") == 2


def test_one_value_at_a_time_is_on_its_way(page: Page) -> None:
    start(page)
    page.get_by_role("tab", name="Parameters").click()
    slider = page.locator("[data-name=temperature]").get_by_role("slider")
    for value in ("0.5", "0.7", "0.9"):
        slider.fill(value)
    before = page.evaluate("sent.filter(one => one.do === 'set')")
    view = before[0]["view"]
    heard = {"kind": "heard", "view": view, "name": "temperature", "error": ""}
    page.evaluate("message => tell(message)", heard)
    after = page.evaluate("sent.filter(one => one.do === 'set')")

    assert [one["value"] for one in before] == [0.5]
    assert [one["value"] for one in after] == [0.5, 0.9]
    assert slider.input_value() == "0.9"


def test_a_late_talk_does_not_take_away_what_is_being_asked(page: Page) -> None:
    start(page)
    page.get_by_label("Question", exact=True).fill("Why?")
    page.get_by_role("button", name="Ask", exact=True).click()
    talk = {"kind": "talk", "name": "main", "names": ["main"], "before": 0, "turns": []}
    page.evaluate("message => tell(message)", talk)
    asked = {"kind": "asked", "question": "Why?", "thread": "main"}
    page.evaluate("message => tell(message)", asked)
    shown = {"kind": "show", "id": "1", "html": "<p>So.</p>", "clear": False}
    page.evaluate("message => tell(message)", shown)

    assert page.locator(".nm-turn").all_inner_texts() == ["Why?\n\nSo."]


def test_the_text_beside_it_is_hidden_only_once_a_kernel_has_been_heard(
    page: Page,
) -> None:
    start(page)
    before = page.locator(".nm-panel.m").count()
    page.evaluate("tell({kind: 'news'})")

    assert (before, page.locator(".nm-panel.m").count()) == (0, 1)


def test_a_view_that_goes_leaves_no_listener(page: Page) -> None:
    start(page)
    page.evaluate("close_()")

    assert page.evaluate("listening()") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_a_theme_it_follows_the_system_and_can_be_read(
    page: Page, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 320, "height": 700})
    start(page, temperature=0.4)
    page.get_by_role("tab", name="Parameters").click()
    picture(page, f"panel-plain-{scheme}")
    colours = (
        "panel => ['color', 'backgroundColor'].map(c => getComputedStyle(panel)[c])"
    )
    text, back = page.locator(".nm-panel").evaluate(colours)

    assert contrast(text, back) > 7
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def contrast(one: str, other: str) -> float:
    """Give the ratio of two colours' luminance, https://www.w3.org/TR/WCAG22/."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(part) / 255 for part in colour.strip("rgba()").split(",")[:3]]
    linear = [
        c / 12.92 if c <= 0.04 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
