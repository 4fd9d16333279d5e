"""A panel in a real kernel, spoken to as its page does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shells import Kernel, Outcome

from nemotron_magic.display.panel.form import SECTIONS

VIEW = "application/vnd.jupyter.widget-view+json"


def comms(outcome: Outcome, kind: str = "comm_open") -> list[dict[str, Any]]:
    return [m["content"] for m in outcome.messages if m["msg_type"] == kind]


def made(outcome: Outcome) -> dict[str, str]:
    """Return the ids of the controls that were made, by label."""
    states = {c["comm_id"]: c["data"]["state"] for c in comms(outcome)}
    return {s["description"]: i for i, s in states.items() if s.get("description")}


def opened(kernel: Kernel, code: str = "%nemotron panel") -> tuple[Outcome, str]:
    outcome = kernel.run(code)
    views = [o["data"][VIEW] for o in outcome.outputs if VIEW in o.get("data", ())]
    return outcome, str(views[0]["model_id"])


def changes(outcome: Outcome) -> list[tuple[str, dict[str, Any]]]:
    """Return what the page was told to change, but for the echo of its own words."""
    told = [(c["comm_id"], c["data"]) for c in comms(outcome, "comm_msg")]
    return [(i, d["state"]) for i, d in told if d["method"] == "update"]


def test_a_panel_opens_with_few_messages_and_without_a_program(kernel: Kernel) -> None:
    outcome, model_id = opened(kernel)

    assert model_id in {c["comm_id"] for c in comms(outcome)}
    modules = {c["data"]["state"]["_model_module"] for c in comms(outcome)}
    assert modules == {"@jupyter-widgets/base", "@jupyter-widgets/controls"}


@pytest.mark.parametrize(
    "code",
    [
        "%unload_ext nemotron_magic\nimport nemotron_magic\nnemotron_magic.panel()",
        "print(1)\n%nemotron panel",
    ],
    ids=["the function, without the extension", "after other output"],
)
def test_a_panel_opens_in_any_cell(kernel: Kernel, code: str) -> None:
    outcome, model_id = opened(kernel, code)

    assert outcome.status == "ok"
    assert model_id in {c["comm_id"] for c in comms(outcome)}


def test_a_page_and_config_set_the_same_settings(kernel: Kernel) -> None:
    outcome, _ = opened(kernel)
    form = kernel.change(made(outcome)["Parameters"], value=True)
    row = made(form)["Top p"]
    set_by_page = kernel.change(row, value="0.50")
    read = kernel.run("%config Nemotron.top_p", "cell-2")
    told = kernel.run("%config Nemotron.top_p = 0.25", "cell-2")
    kernel.run("%config Nemotron.top_p = None", "cell-2")

    assert json.loads(read.outputs[0]["data"]["text/plain"]) == 0.5
    assert changes(set_by_page)[0][1]["value"] == "0.5"
    assert changes(told) == [(row, {"value": "0.25"})]


def rows(outcome: Outcome) -> list[str]:
    """Return the classes of the controls that were made, one a message.

    The list of models comes when it comes: what is said of it is not counted.
    """
    states = (c["data"]["state"] for c in comms(outcome))
    classes = [" ".join(state.get("_dom_classes", ())) for state in states]
    return [one for one in classes if one != "nm-note"]


def test_the_first_parameters_and_each_section_take_a_message_a_control(
    kernel: Kernel,
) -> None:
    outcome, _ = opened(kernel)
    form = rows(kernel.change(made(outcome)["Parameters"], value=True))
    kernel.change(made(outcome)["Ask"], value=True)
    again = rows(kernel.change(made(outcome)["Parameters"], value=True))

    assert sum(one.startswith("nm-row") for one in form) == 10
    assert len(form) <= 22
    assert again == []


def test_a_section_takes_a_message_a_control_when_it_opens(kernel: Kernel) -> None:
    outcome, _ = opened(kernel)
    form = kernel.change(made(outcome)["Parameters"], value=True)
    # What the list of models brings must not come in between.
    names = "[t.join() for t in threading.enumerate() if t.name == 'nemotron-panel']"
    kernel.run(f"import threading; {names}", "cell-2")
    section = rows(kernel.change(made(form)["The request"], value=True))

    assert len(section) == len(SECTIONS["The request"])
    assert all(one.startswith("nm-row") for one in section)


def test_closing_closes_its_comms(kernel: Kernel) -> None:
    outcome, _ = opened(kernel)
    ids = {c["comm_id"] for c in comms(outcome)}
    closed = kernel.press(made(outcome)["Close"])

    assert {c["comm_id"] for c in comms(closed, "comm_close")} == ids


def test_its_state_stands_beside_it_as_text_and_follows(kernel: Kernel) -> None:
    outcome, _ = opened(kernel)
    _, still = outcome.outputs
    form = kernel.change(made(outcome)["Parameters"], value=True)
    changed = kernel.change(made(form)["Seed"], value="7")
    kernel.press(made(outcome)["Close"])
    after = kernel.run("%config Nemotron.seed = None", "cell-2")

    (last,) = (m for m in changed.messages if m["msg_type"] == "update_display_data")
    assert [m for m in after.messages if m["msg_type"] == "update_display_data"] == []
    assert "at their defaults" in still["data"]["text/plain"]
    assert "Nemotron.seed = 7" in last["content"]["data"]["text/plain"]
    assert last["content"]["transient"] == still["transient"]


def test_a_cell_that_runs_again_closes_the_panels_that_it_opened(
    kernel: Kernel,
) -> None:
    first, _ = opened(kernel, "%nemotron panel\n%nemotron panel")
    again, second = opened(kernel)

    closed = {c["comm_id"] for c in comms(again, "comm_close")}
    assert {c["comm_id"] for c in comms(first)} <= closed
    assert second not in closed


def test_a_panel_whose_cell_ran_again_follows_other_cells(kernel: Kernel) -> None:
    opened(kernel)
    opened(kernel)
    asked = kernel.run("%nemotron -q rehearsal: say it follows", "cell-2")

    assert "it follows" in str(comms(asked, "comm_open"))


def test_closing_all_widgets_closes_the_panel(kernel: Kernel) -> None:
    outcome, _ = opened(kernel)
    kernel.change(made(outcome)["Parameters"], value=True)
    kernel.run("import ipywidgets\nipywidgets.Widget.close_all()", "cell-2")
    told = kernel.run("%config Nemotron.seed = 5", "cell-2")
    kernel.run("%config Nemotron.seed = None", "cell-2")

    assert told.status == "ok"
    assert comms(told, "comm_msg") == []
