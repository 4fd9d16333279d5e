"""The harness itself, with a plain kernel: what other tests here build on."""

from __future__ import annotations

from pathlib import Path

from notebook_page import FrontEnd, NotebookPage, largest_drop

PRINT_SLOWLY = """
import time
for number in range(6):
    print("line", number)
    time.sleep(0.1)
"""
UPDATE = """
from IPython.display import display
handle = display({"text/plain": "before"}, raw=True, display_id=True)
handle.update({"text/html": "<b>after</b>", "text/plain": "after"}, raw=True)
"""


def test_printed_lines_are_seen_one_by_one(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    notebook_page.open(front_end, [PRINT_SLOWLY])
    watch = notebook_page.watch(0)
    notebook_page.run(0)
    notebook_page.wait_idle()
    frames = watch.frames()

    assert len({frame.chars for frame in frames}) >= 3
    assert largest_drop([frame.height for frame in frames]) == 0
    assert notebook_page.text(0).split("\n")[5] == "line 5"


def test_an_updated_display_is_shown_and_survives_save_and_reload(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    notebook_page.open(front_end, [UPDATE, "print('next')"])
    notebook_page.run_all()
    notebook_page.wait_idle()
    (output,) = notebook_page.outputs(0)
    notebook_page.reload()

    assert output["data"]["text/html"] == "<b>after</b>"
    assert "<b>after</b>" in notebook_page.output(0).inner_html()
    assert notebook_page.text(1).strip() == "next"


def test_the_stop_button_ends_a_sleeping_cell(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    notebook_page.open(front_end, ["import time; print('begun'); time.sleep(60)"])
    notebook_page.run(0)
    notebook_page.wait_for_text(0, "begun")
    notebook_page.interrupt()
    notebook_page.wait_idle(limit_s=10)

    assert notebook_page.outputs(0)[1]["ename"] == "KeyboardInterrupt"


def test_a_script_runs_in_a_fresh_output_and_not_in_an_untrusted_one(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    script = "<p id='p'>still</p><script>p.textContent = 'ran'</script>"
    cell = f"""get_ipython().display_pub.publish({{"text/html": {script!r}}})"""
    notebook_page.open(front_end, [cell])
    notebook_page.run(0)
    notebook_page.wait_for_text(0, "ran")
    notebook_page.save()
    notebook_page.reopen_untrusted()

    assert notebook_page.text(0).strip() == "still"


def test_requests_elsewhere_and_dialogs_and_errors_are_noted(
    notebook_page: NotebookPage,
) -> None:
    html = """<img src="http://nowhere.invalid/i.png"
        onerror="console.error('no image'); alert('hello')">"""
    cell = f"""get_ipython().display_pub.publish({{"text/html": {html!r}}})"""
    notebook_page.open("lab", [cell])
    with notebook_page.page.expect_event("dialog"):
        notebook_page.run(0)
    notebook_page.wait_idle()

    assert notebook_page.requests == ["http://nowhere.invalid/i.png"]
    assert notebook_page.dialogs == ["hello"]
    assert "no image" in notebook_page.console_errors


def test_a_page_is_dark_and_narrow_on_demand_and_its_kernel_homeless(
    notebook_page: NotebookPage,
) -> None:
    notebook_page.open("notebook", ["import os; print(os.environ['HOME'])"])
    notebook_page.theme("dark")
    notebook_page.resize(500)
    notebook_page.run(0)
    notebook_page.wait_for_text(0, "/")
    home = Path(notebook_page.text(0).strip())

    assert notebook_page.screenshot("dark").read_bytes().startswith(b"\x89PNG")
    assert notebook_page.page.evaluate("innerWidth") == 500
    assert home.is_relative_to(notebook_page.server.root.parent)
