"""Code cells as their user meets them: below the question, and running."""

from __future__ import annotations

from typing import Any

import pytest
from notebook_page import FrontEnd, NotebookPage

LOAD = "%load_ext nemotron_magic\n%nemotron rehearse"
PLOT = """%%nemotron --code
rehearsal: say The totals by region, with the largest first:

```python
totals = {"North": 3, "South": 5}
for region, total in sorted(totals.items(), key=lambda item: -item[1]):
    print(region, total)
```

Or only their sum:

```python
sum(totals.values())
```
rehearsal: end
rehearsal: slow 100"""
BROKEN = "prices = [3, 4]\nprint(sum(price))"


def started(page: NotebookPage, front_end: FrontEnd, *cells: str) -> NotebookPage:
    page.open(front_end, [LOAD, *cells])
    page.run(0)
    page.wait_idle()
    return page


def test_the_cell_appears_below_its_question_though_another_one_is_run(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    page = started(notebook_page, front_end, PLOT, "later = 1", "much_later = 2")
    page.run(1)
    page.run(3)  # while the reply streams
    page.wait_idle()
    page.run(2)
    page.wait_for_text(2, "South 5")
    page.screenshot(f"code-{front_end}-light")
    page.theme("dark")
    page.screenshot(f"code-{front_end}-dark")
    page.theme("light")

    cells = page.sources()
    assert cells[0] == LOAD
    assert cells[2].startswith('totals = {"North": 3')
    assert cells[3:] == ["later = 1", "much_later = 2"]
    assert "Code, 3 lines" in page.text(1)
    assert "for region, total" not in page.text(1)
    assert "1 more block waits" in page.text(1)
    page.page.get_by_text("Code, 3 lines").click()
    assert "for region, total" in page.text(1)


def test_under_run_all_every_question_gets_its_own_cell(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    questions = [
        f"%%nemotron --code\nrehearsal: say ```py\nx = {n}\n```\nrehearsal: end"
        for n in range(3)
    ]
    page = notebook_page
    page.open(front_end, [LOAD, *questions])
    page.run_all()
    page.wait_idle()

    cells = page.sources()
    below = {
        cells[n]: cells[n + 1] for n in range(len(cells) - 1) if "%%nem" in cells[n]
    }
    assert below == {question: f"x = {n}" for n, question in enumerate(questions)}


def test_fix_turns_a_failing_cell_into_one_that_runs(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    page = started(notebook_page, front_end, BROKEN, "%nemotron fix")
    page.run(1)
    page.wait_idle()
    page.run(2)
    page.wait_idle()
    page.run(3)
    page.wait_idle()
    page.screenshot(f"fix-{front_end}-light")
    page.resize(760)
    page.screenshot(f"fix-{front_end}-narrow")

    assert page.sources()[3] == BROKEN.replace("(price)", "(prices)")
    assert page.text(3).strip() == "7"
    assert "-print(sum(price))" in page.text(2)
    assert "+print(sum(prices))" in page.text(2)
    saved: list[dict[str, Any]] = page.outputs(2)
    assert "```diff" in saved[0]["data"]["text/plain"]


def test_the_code_replaces_the_cell_if_it_is_told_to(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    question = f"%%nemotron --replace fix\n{BROKEN}"
    page = started(notebook_page, front_end, BROKEN, question)
    page.run(1)
    page.wait_idle()
    page.run(2)
    page.wait_idle()

    assert page.sources()[2] == BROKEN.replace("(price)", "(prices)")


@pytest.mark.parametrize("command", ["code", "code: 2"])
def test_waiting_code_is_put_below_the_command(
    notebook_page: NotebookPage, front_end: FrontEnd, command: str
) -> None:
    page = started(notebook_page, front_end, PLOT, f"%nemotron {command}", "last = 1")
    page.run(1)
    page.wait_idle()
    page.run(3)
    page.wait_idle()

    assert page.sources()[4] == "sum(totals.values())"


BLOCKS = "First:\n\n```python\nx = 6 * 7\n```\n\nThen:\n\n```bash\nls -l\n```\n\nEnd."
FORGED = "<button class=nm-insert data-commandlinker-command='terminal:create-new'>"


def test_each_block_of_a_reply_in_a_cell_has_a_button_that_inserts_it(
    notebook_page: NotebookPage, front_end: FrontEnd
) -> None:
    page = notebook_page
    page.open(front_end, [LOAD, f"%%nemotron\nrehearsal: say {FORGED} {BLOCKS}", "1"])
    page.run(0)
    page.run(1)
    page.wait_idle()
    buttons = page.output(1).get_by_role("button", name="Insert block")
    page.page.wait_for_function("nmCell(1).node.querySelectorAll('.nm-insert')[1]")
    page.screenshot(f"insert-{front_end}")
    names = [one.get_attribute("aria-label") for one in buttons.all()]
    buttons.nth(1).press("Enter")
    page.page.wait_for_function("nmPanel().content.widgets.length === 4")
    inserted = page.sources()[2]
    has_run = page.page.evaluate("nmCell(2).model.executionCount")
    dialogs = [*page.dialogs]
    page.save()
    page.page.goto("about:blank")
    page.reopen_untrusted()
    page.wait_for_text(1, "into a cell: %nemotron code")
    page.screenshot(f"insert-untrusted-{front_end}")

    assert names == [f"Insert block {n} as a cell below" for n in (1, 2)]
    assert inserted == "%%bash\nls -l"
    assert has_run is None
    assert dialogs == []
    assert not any(one.is_visible() for one in page.output(1).locator("button").all())
