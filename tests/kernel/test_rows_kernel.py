"""Rows in a real kernel: one line that is repainted, and Stop keeps what is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from counting_service import CountingService
from shells import LOAD, Kernel, Outcome, running

ASK = '%%nemotron --as "tone: good|bad" -o out --all --at-once 4 rows: values\n'


@pytest.fixture
def kernel(tmp_path: Path, counting: CountingService) -> Iterator[Kernel]:
    cells = (
        f"{LOAD}\n%config Nemotron.model = 'm'",
        "import pandas; values = [f'row {n}' for n in range(100)]",
    )
    with running(tmp_path, *cells, AIMLAPI_API_BASE=counting.url) as kernel:
        yield kernel


def painted(outcome: Outcome) -> list[str]:
    """Return what was shown, in its order."""
    contents = [message["content"] for message in outcome.messages]
    return [c["data"]["text/plain"] for c in contents if "data" in c]


def test_one_display_is_repainted_a_few_times_a_second(kernel: Kernel) -> None:
    done = kernel.run(ASK + "Tone?")

    shown = painted(done)
    assert done.status == "ok"
    assert len(shown) <= 4 * done.elapsed_s + 3
    assert any(" of 100 · " in one for one in shown[:-1])
    assert shown[-1].splitlines()[0] == "| row | value | tone |"
    assert "100 rows · 100 asked · $0.0020" in shown[-1]
    saved = [one for one in done.outputs if "data" in one]
    assert len(saved) == 1
    assert "<table" in saved[0]["data"]["text/html"]


def test_stop_keeps_what_was_answered_and_the_same_cell_goes_on(
    kernel: Kernel, counting: CountingService
) -> None:
    def stop(message: dict[str, Any]) -> None:
        if sum(counting.answered.values()) > 20 and not stopped:
            stopped.append(True)
            kernel.interrupt()

    stopped: list[bool] = []
    done = kernel.run(ASK + "Tone?", during=stop)

    assert done.status == "error"
    assert done.error.startswith("InterruptedByUser: stopped by you")
    answered = sum(counting.answered.values())
    got = kernel.run("print(out.shape[0], out.tone.notna().sum())").text.split()
    assert got == ["100", str(answered)]
    assert kernel.run(ASK + "Tone?").status == "ok"
    assert len(counting.asked) == 100
    assert max(counting.asked.values()) == 1
