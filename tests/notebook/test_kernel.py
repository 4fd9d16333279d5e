"""The magic in a real kernel that is asked as JupyterLab asks it."""

from __future__ import annotations

import threading
from typing import Any

from shells import Kernel

SLOW = "%%nemotron\nrehearsal: length 900\nrehearsal: slow 40"


def test_one_output_is_saved_with_html_source_and_metadata(kernel: Kernel) -> None:
    outcome = kernel.run("%nemotron rehearsal: say Hello *you*")

    (output,) = outcome.outputs
    assert "<em>you</em>" in output["data"]["text/html"]
    assert output["data"]["text/plain"] == "Hello *you*"
    about = output["metadata"]["nemotron"]
    assert about["finish_reason"] == "stop"
    assert about["usage"]["cost_usd"] > 0


def test_what_the_cell_showed_before_stays(kernel: Kernel) -> None:
    outcome = kernel.run("print('before')\n%nemotron rehearsal: say Hello")

    assert outcome.outputs[0]["text"] == "before\n"
    assert outcome.outputs[1]["data"]["text/plain"] == "Hello"
    assert len(outcome.outputs) == 2


def test_a_headless_run_saves_the_same_output(kernel: Kernel) -> None:
    headless = kernel.run("%nemotron rehearsal: say Hi", None, allow_stdin=False)

    (output,) = headless.outputs
    assert output["data"]["text/plain"] == "Hi"


def test_a_console_gets_text_as_it_comes(kernel: Kernel) -> None:
    console = kernel.run("%nemotron rehearsal: say Hi", None)

    assert {output["output_type"] for output in console.outputs} == {"stream"}
    assert "Hi" in console.text


def test_an_interrupt_keeps_what_came_and_the_next_call_works(kernel: Kernel) -> None:
    begun, ended = threading.Event(), threading.Event()

    def press() -> None:
        # Again, as a user would: a signal may meet the moment before a read blocks.
        begun.wait(30)
        for _ in range(3):
            if not ended.wait(1.5):
                kernel.interrupt()

    def watch(message: dict[str, Any]) -> None:
        if message["msg_type"] == "display_data":
            begun.set()
        if message["msg_type"] == "error":
            ended.set()

    presser = threading.Thread(target=press)
    presser.start()
    stopped = kernel.run(SLOW, during=watch)
    presser.join()
    after = kernel.run("%nemotron rehearsal: say Hi")

    assert stopped.status == "error"
    assert stopped.error.startswith("Interrupted: stopped by you")
    assert "Stopped by you" in stopped.outputs[0]["data"]["text/html"]
    assert after.outputs[0]["data"]["text/plain"] == "Hi"


def test_an_error_is_three_lines_and_ends_the_cell(kernel: Kernel) -> None:
    outcome = kernel.run("%nemotron rehearsal: fault 401")

    assert outcome.status == "error"
    assert [o["output_type"] for o in outcome.outputs] == ["error"]
    assert len(outcome.error.splitlines()) <= 3
