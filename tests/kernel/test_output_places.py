"""A reply is whole wherever a kernel's output can go and not be painted again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from service import serve
from shells import LOAD, Kernel, Outcome, running

SLOW = "rehearsal: slow 200\\nrehearsal: length 120"
ASK = f"get_ipython().run_cell_magic('nemotron', '-c none', '{SLOW}')"
"""Long enough for a page to be painted again and again."""

CELLS = {
    "with out": f"import ipywidgets\nout = ipywidgets.Output()\nout\n"
    f"with out:\n    {ASK}",
    "a loop in it": "import ipywidgets\nout = ipywidgets.Output()\n"
    f"with out:\n    for n in range(2):\n        {ASK}",
    "a captured function": "import ipywidgets\nout = ipywidgets.Output()\n"
    f"@out.capture()\ndef ask():\n    {ASK}\nask()",
    "one in another": "from ipywidgets import Output\na, b = Output(), Output()\n"
    f"with a:\n    with b:\n        {ASK}",
}
CALLBACK = "import ipywidgets\nout = ipywidgets.Output()\n"
BUTTON = f"""{CALLBACK}button = ipywidgets.Button(description="Ask")
@out.capture()
def ask(button):
    {ASK}
button.on_click(ask)
button
"""
INTERACT = f"""{CALLBACK}
def ask(n):
    {ASK}
made = ipywidgets.interact(ask, n=ipywidgets.IntSlider(description="Ask"))
"""


@pytest.fixture(scope="module")
def served_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel that a Jupyter server began."""
    folder = tmp_path_factory.mktemp("kernel")
    with serve() as url:
        at = {"AIMLAPI_API_BASE": str(url), "JPY_SESSION_NAME": f"{folder}/a.ipynb"}
        with running(folder, LOAD, **at) as kernel:
            yield kernel


def kinds(outcome: Outcome) -> list[str]:
    shows = ("display_data", "update_display_data", "clear_output")
    return [m["msg_type"] for m in outcome.messages if m["msg_type"] in shows]


def replies(outcome: Outcome) -> list[str]:
    datas = (m["content"].get("data", {}) for m in outcome.messages)
    htmls = (str(data.get("text/html", "")) for data in datas)
    return [html for html in htmls if 'class="nm-footer"' in html]


def control(outcome: Outcome) -> str:
    """Return the id of the control that is labelled Ask."""
    made = (m["content"] for m in outcome.messages if m["msg_type"] == "comm_open")
    states = ((c["comm_id"], c["data"]["state"]) for c in made)
    return next(i for i, state in states if state.get("description") == "Ask")


@pytest.mark.parametrize("name", CELLS)
def test_in_an_output_widget_a_reply_is_published_once_and_whole(
    served_kernel: Kernel, name: str
) -> None:
    outcome = served_kernel.run(CELLS[name])
    count = 2 if "loop" in name else 1

    assert outcome.status == "ok"
    assert kinds(outcome) == ["display_data"] * count
    assert len(replies(outcome)) == count
    assert all("Rehearsal" in html for html in replies(outcome))


@pytest.mark.parametrize("code", [BUTTON, INTERACT], ids=["a button", "interact"])
def test_so_it_is_in_a_callback(served_kernel: Kernel, code: str) -> None:
    ask = control(served_kernel.run(code))
    if code is BUTTON:
        outcome = served_kernel.press(ask)
    else:
        outcome = served_kernel.change(ask, value=7)

    assert kinds(outcome).count("display_data") == 1
    assert "update_display_data" not in kinds(outcome)
    assert len(replies(outcome)) == 1


def test_below_an_output_widget_that_has_ended_a_reply_streams_again(
    served_kernel: Kernel,
) -> None:
    served_kernel.run(CELLS["with out"])
    outcome = served_kernel.run(ASK)

    assert len(replies(outcome)) == 1
    assert len(kinds(outcome)) > 1


def test_a_console_on_the_kernel_of_a_page_shows_the_whole_reply_as_text(
    served_kernel: Kernel,
) -> None:
    outcome = served_kernel.run(ASK, cell_id=None)

    assert replies(outcome) == []
    assert "Rehearsal" in outcome.text
    assert "tokens" in outcome.text


def test_a_page_that_names_no_cell_streams_html(served_kernel: Kernel) -> None:
    session: Any = served_kernel.client.session
    original, session.msg = (
        session.msg,
        lambda *args, **more: as_page(original(*args, **more)),
    )
    try:
        outcome = served_kernel.run(ASK, cell_id=None)
    finally:
        session.msg = original

    assert len(replies(outcome)) == 1


def as_page(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as classic Notebook words it."""
    message["header"]["version"] = "5.2"
    return message
