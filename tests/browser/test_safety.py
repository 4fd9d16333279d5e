"""Replies of an enemy in a real page: no script runs, and a listener hears nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from attacks import ATTACKS, WORST, armed
from hostile_service import Answer, Service, serving
from notebook_page import FrontEnd, NotebookPage
from reply_page import interims, whole
from wire import DONE, STOP, say

from nemotron_magic.markdown import to_html

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

PWN = "(window.top.pwned=(window.top.pwned||0)+1)"

# As JupyterLab puts a trusted output into a page: as HTML, and its scripts made anew.
PAGE = """<!doctype html><meta charset=utf-8><link rel=icon href="data:,"><body>
<script>
window.insert = (html) => {
  const host = document.createElement("div");
  host.className = "jp-RenderedHTMLCommon jp-RenderedHTML";
  document.body.append(host);
  host.innerHTML = html;
  for (const old of host.querySelectorAll("script")) {
    const script = document.createElement("script");
    script.textContent = old.textContent;
    for (const { name, value } of old.attributes) script.setAttribute(name, value);
    old.replaceWith(script);
  }
  for (const element of host.querySelectorAll("*")) {
    for (const name of ["mouseover", "mouseenter", "mousemove", "pointerdown", "focus",
      "focusin", "toggle", "animationstart", "transitionend", "wheel", "keydown"])
      element.dispatchEvent(new Event(name, { bubbles: true }));
    if (!element.closest("a[href]")) element.click?.();
  }
};
</script>"""


@pytest.fixture
def listener() -> Iterator[Service]:
    kind = (("Content-Type", "text/html"),)
    with serving(page=Answer(PAGE.encode(), 200, kind)) as service:
        yield service


def inserted(
    context: BrowserContext, listener: Service, htmls: list[str]
) -> tuple[int, list[str]]:
    """Give how many scripts ran, and what the page asked the listener for."""
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.dismiss())
    try:
        page.goto(listener.url.replace("/v1", "/page"))
        page.evaluate("htmls => htmls.forEach(html => insert(html))", htmls)
        page.wait_for_load_state("networkidle")
    finally:
        page.close()
    paths = [path for path, _ in listener.sent if path != "/page"]
    return paths.count("/ran"), [path for path in paths if path != "/ran"]


def armed_for(listener: Service) -> list[str]:
    net = listener.url.removesuffix("/v1")
    return [armed(attack, net, "navigator.sendBeacon('/ran')") for attack in ATTACKS]


def test_no_attack_runs_or_loads_in_a_page(
    browser_context: BrowserContext, listener: Service
) -> None:
    htmls = []
    for attack in armed_for(listener):
        htmls += [to_html(attack), *whole(attack), *interims(attack, 29)]
        htmls += [to_html(attack[:end]) for end in range(3, min(len(attack), 200), 17)]

    assert len(htmls) > 3000
    assert inserted(browser_context, listener, htmls) == (0, [])


def test_the_same_attacks_would_run_and_load_as_they_are(
    browser_context: BrowserContext, listener: Service
) -> None:
    ran, asked = inserted(browser_context, listener, armed_for(listener))

    # Some of them lead the page away before the others have loaded.
    assert ran > 3
    assert len(asked) > 5


LOAD = "import os\nos.environ['AIMLAPI_API_BASE'] = '{}'\n%load_ext nemotron_magic"
PANEL = "%nemotron panel"
ACTIVE = re.compile("<(form|svg|img|script|iframe|button|math|style)\\b")
OURS = re.compile(r'<button class="nm-insert"[^>]*></button>')
FORMULA = 'display({"text/latex": r"$1 \\le 2$"}, raw=True)'
CHANGED = 'display({"text/latex": r"$\\renewcommand{\\le}{\\ge} x$"}, raw=True)'


def speak(replies: list[str]) -> Any:
    """Give the reply whose number the question ends in, in small pieces."""

    def answer(body: bytes) -> Answer:
        number = int(json.loads(body)["messages"][-1]["content"].rpartition(" ")[2])
        text = replies[number]
        pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
        return Answer.stream(say(*pieces) + STOP + DONE)

    return answer


@pytest.fixture
def replies(listener: Service, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    net = listener.url.removesuffix("/v1")
    secret = tmp_path_factory.mktemp("path") / "secret.txt"
    secret.write_text("what is in the file")
    names = [str(secret), f"{net}/fetched", "https"]
    return [*(armed(attack, net, PWN) for attack in WORST), *names]


def mathml(page: NotebookPage, index: int) -> str:
    found = page.output(index).locator("mjx-assistive-mml").first
    found.wait_for(state="attached")
    return str(found.evaluate("e => e.textContent"))


def silent(page: NotebookPage, listener: Service) -> None:
    others = [path for path, _ in listener.sent if path != "/v1/chat/completions"]

    assert page.page.evaluate("window.pwned || 0") == 0
    assert [path for path in others if path != "/v1/models?include=pricing"] == []
    assert page.requests == []
    assert page.dialogs == []


def test_hostile_replies_stay_text_live_saved_and_exported(
    notebook_page: NotebookPage,
    front_end: FrontEnd,
    listener: Service,
    replies: list[str],
) -> None:
    page, last = notebook_page, len(replies)
    listener.answers["completions"] = speak(replies)
    asks = [f"%nemotron -c none --fresh reply {number}" for number in range(last)]
    page.open(front_end, [LOAD.format(listener.url), *asks, FORMULA, PANEL])
    page.run_all()
    page.wait_idle(90)
    panel = page.output(last + 2).locator(".nm-panel")
    panel.locator(".nm-question").nth(11).wait_for(state="attached")
    page.screenshot(f"hostile-{front_end}")

    silent(page, listener)
    assert sum(path.endswith("completions") for path, _ in listener.sent) == last
    assert mathml(page, last + 1) == "1≤2"
    assert replies[-3] in page.text(last - 2)
    assert replies[-2] in page.text(last - 1)
    assert "https" in page.text(last)
    assert "what is in the file" not in "".join(map(page.text, range(1, last + 1)))
    for index in range(1, last + 1):
        reply = page.output(index).locator(".nm-reply").first
        assert reply.locator(".nm-footer").count() == 1
        html = reply.inner_html()
        assert not ACTIVE.search(html)
    assert panel.locator(".nm-question").count() == 12
    assert not ACTIVE.search(OURS.sub("", panel.locator(".nm-turns").inner_html()))

    page.save()
    page.reload()
    silent(page, listener)
    assert mathml(page, last + 1) == "1≤2"
    page.reopen_untrusted()
    silent(page, listener)
    assert "renewcommand" in page.text(7)
    exported(page, listener)


def exported(page: NotebookPage, listener: Service) -> None:
    """Open what nbconvert makes of the notebook, but for its own scripts."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_notebook_node(page.read_ipynb())
    kind = (("Content-Type", "text/html; charset=utf-8"),)
    listener.answers["exported"] = Answer(body.encode(), 200, kind)
    before = len(listener.sent)
    tab = page.page.context.new_page()
    host = listener.url.removesuffix("/v1")
    elsewhere = re.compile(f"^(?!{re.escape(host)})")
    tab.route(elsewhere, lambda route: route.abort())
    try:
        tab.goto(f"{host}/exported", wait_until="load")
        tab.wait_for_timeout(300)
        ran = tab.evaluate("window.pwned || 0")
        text = tab.inner_text("body")
    finally:
        tab.close()

    paths = [path for path, _ in listener.sent[before:] if path != "/favicon.ico"]
    assert (ran, paths) == (0, ["/exported"])
    assert "onerror=" in text


def test_the_formula_would_change_if_a_reply_were_let_at_it(
    notebook_page: NotebookPage,
) -> None:
    page = notebook_page
    page.open("lab", [CHANGED, FORMULA])
    page.run(0)
    page.wait_idle()
    mathml(page, 0)
    page.run(1)
    page.wait_idle()

    assert mathml(page, 1) == "1≥2"
