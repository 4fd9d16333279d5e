"""The magic as its user meets it, in a page that runs in Chromium."""

from __future__ import annotations

import time

import pytest
from notebook_page import Frame, FrontEnd, NotebookPage, largest_drop

LOAD = "%load_ext nemotron_magic\n%nemotron rehearse"
QUESTION = "%%nemotron\nrehearsal: length 800\nrehearsal: slow 150"
LONG = "%%nemotron\nrehearsal: length 4000\nrehearsal: slow 700"
SLOW = "%%nemotron\nrehearsal: length 900\nrehearsal: slow 30"
HOSTILE = """%%nemotron
rehearsal: say <img src=x onerror="document.title='pwned'"> ![p](http://127.0.0.1:9/p.png)
<script>document.title='pwned'</script> It costs $5 and $9, so $x^2$ it is.
List<String> stays.

```python
print("<b>")
```
"""


@pytest.fixture
def page(notebook_page: NotebookPage, front_end: FrontEnd) -> NotebookPage:
    notebook_page.open(front_end, [LOAD, QUESTION, SLOW, HOSTILE, "%nemotron -t 9 hi"])
    notebook_page.run(0)
    notebook_page.wait_idle()
    return notebook_page


def heights_of(frames: list[Frame], front_end: FrontEnd) -> list[float]:
    """Give the heights of a reply, in Notebook 7 until it gives way to a box.

    There, what is tall and has ended is put into one of 312 px that scrolls.
    """
    heights = [frame.height for frame in frames]
    tallest = heights.index(max(heights))
    return heights[: tallest + 1] if front_end == "notebook" else heights


def test_a_reply_streams_in_without_a_jump_and_is_saved_as_one_output(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    watch = page.watch(1)
    page.run(1)
    page.wait_idle(60)
    frames = watch.frames()
    page.screenshot(f"reply-{front_end}-light")
    page.theme("dark")
    page.screenshot(f"reply-{front_end}-dark")
    page.resize(760)
    page.screenshot(f"reply-{front_end}-narrow")

    assert len({frame.chars for frame in frames if frame.chars}) > 10
    assert largest_drop(heights_of(frames, front_end)) < 150
    assert "tokens" in page.text(1)
    (output,) = page.outputs(1)
    assert output["data"]["text/plain"].startswith("**Rehearsal")
    assert output["metadata"]["nemotron"]["finish_reason"] == "stop"


def test_a_long_reply_ends_without_a_jump_and_its_last_output_has_its_text(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    page = notebook_page
    page.open(front_end, [LOAD, LONG, "%nemotron code: 1"])
    page.run(0)
    page.wait_idle()
    watch = page.watch(1)
    page.run(1)
    page.wait_idle(60)
    frames = watch.frames()
    *parts, last = page.outputs(1)
    page.output(1).locator(".nm-insert").first.click()
    page.screenshot(f"long-{front_end}")

    assert largest_drop(heights_of(frames, front_end)) < 60
    assert frames[-1].outputs == len(parts) + 1 > 5
    assert len(last["data"]["text/plain"]) > 15_000
    assert last["metadata"]["nemotron"]["finish_reason"] == "stop"
    assert [list(part["data"]) for part in parts] == [["text/html"]] * len(parts)
    source = page.page.evaluate("nmCell(2).model.sharedModel.source")
    assert source != "%nemotron code: 1"
    assert source in last["data"]["text/plain"]


def test_the_stop_button_keeps_what_came_and_the_reply_survives_a_reload(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    page.run(2)
    page.wait_for_text(2, "Rehearsal")
    started_s = time.monotonic()
    page.interrupt()
    page.wait_idle(10)
    stopped_s = time.monotonic() - started_s
    page.screenshot(f"stopped-{front_end}")
    page.save()
    page.reload()

    assert stopped_s < 5
    reply, error = page.outputs(2)
    assert "Stopped by you" in reply["data"]["text/html"]
    assert error["ename"] == "InterruptedByUser"
    assert "Stopped by you" in page.text(2)


def test_a_hostile_reply_runs_nothing_and_loads_nothing(
    page: NotebookPage, front_end: FrontEnd
) -> None:
    page.run(3)
    page.wait_idle()
    page.run(4)
    page.wait_idle()
    page.screenshot(f"hostile-and-error-{front_end}")
    html = page.output(3).inner_html()
    text = page.text(3)
    page.save()
    page.reopen_untrusted()
    page.screenshot(f"untrusted-{front_end}")

    assert page.requests == []
    assert page.dialogs == []
    assert "<script" not in html
    assert "onerror=" not in html.replace("&lt;img src=x onerror=", "")
    assert "List<String> stays" in text
    assert "$5 and $9" in text
    assert "List<String> stays" in page.text(3)
    assert "temperature must be from 0 to 2, got 9" in page.text(4)


def test_a_cell_that_runs_again_replaces_its_turn_and_takes_along_what_ran(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    page = notebook_page
    page.open(
        front_end,
        [
            LOAD,
            "sales = [3, 4]\nprint('sold', sum(sales))",
            "%nemotron rehearsal: say first",
            "%nemotron --preview what did it print?",
            "%nemotron threads",
        ],
    )
    page.run_all()
    page.wait_idle(60)
    page.run(2)
    page.run(4)
    page.wait_idle(60)
    page.screenshot(f"context-{front_end}")

    assert "1 cell sent" in page.text(2)
    assert "What would be sent" in page.text(3)
    hidden = (
        page.output(3)
        .locator(".nm-code")
        .evaluate_all("all => all.map(one => one.scrollWidth - one.clientWidth)")
    )
    assert set(hidden) == {0}  # a message is read without scrolling sideways
    assert "main" in page.text(4)
    rows = page.outputs(4)[0]["data"]["text/plain"].splitlines()
    assert rows[-1].startswith("| `main` | 1 |")


def test_tab_completes_in_a_cell(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    page = notebook_page
    page.open(front_end, [LOAD, "%nemotron --tempera", "answer = %nemotron --th"])
    page.run(0)
    page.wait_idle()

    assert page.complete(1) == "%nemotron --temperature"
    assert page.complete(2) == "answer = %nemotron --thread"
