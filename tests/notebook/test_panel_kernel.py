"""A panel in a real kernel, spoken to as its page does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shells import Kernel, Outcome

VIEW = "application/vnd.jupyter.widget-view+json"


def comms(outcome: Outcome, kind: str = "comm_open") -> list[dict[str, Any]]:
    return [m["content"] for m in outcome.messages if m["msg_type"] == kind]


def opened(kernel: Kernel, code: str = "%nemotron panel") -> tuple[Outcome, str]:
    outcome = kernel.run(code)
    views = [o["data"][VIEW] for o in outcome.outputs if VIEW in o.get("data", ())]
    return outcome, str(views[0]["model_id"])


def test_a_panel_opens_with_few_messages(kernel: Kernel) -> None:
    outcome, model_id = opened(kernel)

    (panel,) = (c for c in comms(outcome) if c["comm_id"] == model_id)
    state = panel["data"]["state"]
    assert len([m for m in outcome.messages if m["msg_type"] != "status"]) <= 10
    assert len(comms(outcome)) == 2
    assert state["state"]["values"]["data"] == "schema"
    assert "export default" in state["_esm"]


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
    _, model_id = opened(kernel)
    kernel.speak(model_id, do="set", name="top_p", value=0.5, view="v1")
    read = kernel.run("%config Nemotron.top_p")
    told = kernel.run("%config Nemotron.top_p = 0.25")
    kernel.run("%config Nemotron.top_p = None")

    states = [
        c["data"]["state"]["state"]["values"]["top_p"]
        for c in comms(told, "comm_msg")
        if c["comm_id"] == model_id
    ]
    assert json.loads(read.outputs[0]["data"]["text/plain"]) == 0.5
    assert states == [0.25]


def test_closing_closes_its_comms(kernel: Kernel) -> None:
    outcome, model_id = opened(kernel)
    ids = {c["comm_id"] for c in comms(outcome)}
    closed = kernel.speak(model_id, do="close")

    assert {c["comm_id"] for c in comms(closed, "comm_close")} == ids


def test_its_state_stands_beside_it_as_text_and_follows(kernel: Kernel) -> None:
    outcome, model_id = opened(kernel)
    _, still = outcome.outputs
    kernel.speak(model_id, do="set", name="seed", value=7, view="v1")
    closed = kernel.speak(model_id, do="close")
    kernel.run("%config Nemotron.seed = None")

    (last,) = (m for m in closed.messages if m["msg_type"] == "update_display_data")
    assert "at their defaults" in still["data"]["text/plain"]
    assert "Nemotron.seed = 7" in last["content"]["data"]["text/plain"]
    assert last["content"]["transient"] == still["transient"]


def test_a_cell_that_runs_again_closes_the_panel_that_it_opened(
    kernel: Kernel,
) -> None:
    _, first = opened(kernel, "%nemotron panel\n%nemotron panel")
    again, second = opened(kernel)
    closed = {c["comm_id"] for c in comms(again, "comm_close")}
    told = kernel.run("%config Nemotron.seed = 5", "cell-2")
    kernel.run("%config Nemotron.seed = None", "cell-2")

    assert first in closed
    assert [c["comm_id"] for c in comms(told, "comm_msg")] == [second]


def test_closing_all_widgets_closes_the_panel(kernel: Kernel) -> None:
    opened(kernel)
    kernel.run("import ipywidgets\nipywidgets.Widget.close_all()", "cell-2")
    told = kernel.run("%config Nemotron.seed = 5", "cell-2")
    kernel.run("%config Nemotron.seed = None", "cell-2")

    assert comms(told, "comm_msg") == []
