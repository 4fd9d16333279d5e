"""The stop button, at every stage of a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from answering import Service
from apart import found_by

from nemotron_magic.core.errors import NemotronError

SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture(scope="module")
def interrupted() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = found_by(SUPPORT / "interrupted.py")
    return found


STAGES = (
    "looking up",
    "looking up, aside",
    "connecting",
    "waiting",
    "waiting, aside",
    "streaming",
    "streaming, aside",
    "endless",
    "backing off",
    "backing off, aside",
    "listing",
)


@pytest.mark.parametrize("stage", STAGES)
def test_an_interrupt_ends_a_call_at_once_and_the_next_one_works(
    interrupted: dict[str, Any], stage: str
) -> None:
    """Case 56."""
    found = interrupted[stage]

    assert found["error"] == "InterruptedByUser"
    assert found["seconds"] < 1
    assert found["next"] == "next"
    assert found.get("requests", 1) == 1


def test_one_press_of_the_stop_button_is_enough(interrupted: dict[str, Any]) -> None:
    presses = {name: found["presses"] for name, found in interrupted.items()}

    # It may meet the moment before connect() blocks, in which a signal wakes nobody.
    assert presses.pop("connecting") <= 2
    assert sum(presses.values()) <= len(presses) + 1


@pytest.mark.parametrize("stage", ["streaming", "endless"])
def test_an_interrupted_reply_is_kept(interrupted: dict[str, Any], stage: str) -> None:
    """Case 56."""
    found = interrupted[stage]

    assert found["kept"]
    assert (found["ending"], found["turns"]) == ("interrupted", 1)
    assert (found["calls"], found["unknown_cost"]) == (1, 1)


def test_what_was_not_sent_is_said_not_to_have_cost(
    interrupted: dict[str, Any],
) -> None:
    """Case 56."""
    assert interrupted["looking up"]["why"] == "nothing was sent"
    assert interrupted["connecting"]["why"] == "nothing was sent"
    assert "nothing was billed" in interrupted["backing off"]["why"]
    assert "may have been billed" in interrupted["waiting"]["why"]
    unsent = ("looking up", "connecting", "backing off")
    assert [interrupted[stage]["calls"] for stage in unsent] == [0, 0, 0]


def test_reasoning_alone_is_kept_when_stopped() -> None:
    service = Service(b'data: {"choices":[{"delta":{"reasoning":"hm"}}]}\n\n')

    def stop(one: object) -> None:
        if type(one).__name__ == "Reasoning":
            raise KeyboardInterrupt

    with pytest.raises(NemotronError) as stopped:
        service.session().ask("1", watch=stop)

    assert stopped.value.reply.reasoning == "hm"
    assert "what had arrived is kept" in stopped.value.why
    assert stopped.value.hint == "Ask again for another try"  # nothing to go on with
