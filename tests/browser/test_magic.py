"""The magic as its user meets it, in a page that runs in Chromium."""

from __future__ import annotations

from notebook_page import FrontEnd, NotebookPage, largest_drop

QUESTION = "%%nemotron\nrehearsal: length 1200\nrehearsal: slow 150"
LOAD = "%load_ext nemotron_magic\n%nemotron rehearse"


def test_a_reply_streams_in_and_stays(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    page = notebook_page
    page.open(front_end, [LOAD, QUESTION])
    page.run(0)
    page.wait_idle()
    watch = page.watch(1)
    page.run(1)
    page.wait_idle(60)
    page.screenshot(f"reply-{front_end}-light")

    frames = watch.frames()
    growing = [frame.chars for frame in frames if frame.chars]
    assert len(set(growing)) > 10
    assert largest_drop([frame.height for frame in frames]) < 150
    outputs = page.outputs(1)
    assert len(outputs) == 1
