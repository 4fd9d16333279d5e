"""The magic in a real kernel that is asked as JupyterLab asks it."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest
from service import serve
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
    assert stopped.error.startswith("InterruptedByUser: stopped by you")
    assert "Stopped by you" in stopped.outputs[0]["data"]["text/html"]
    assert after.outputs[0]["data"]["text/plain"] == "Hi"


def test_what_came_before_a_stall_is_shown_while_it_lasts(kernel: Kernel) -> None:
    words = [f"word{n} " for n in range(60)]
    sent = [json.dumps({"choices": [{"delta": {"content": word}}]}) for word in words]
    events = [f"data: {one}\n\n".encode() for one in sent]
    bursts = [b"".join(events[:30]), b"".join(events[30:]), b"data: [DONE]\n\n"]
    with serve(body=bursts, delay_s=1.5) as url:
        kernel.run(f"%config Nemotron.base_url = '{url}'")
        outcome = kernel.run("%nemotron Why?")
        kernel.run("%unload_ext nemotron_magic\nget_ipython().config.pop('Nemotron')")
        kernel.run("%load_ext nemotron_magic")

    painted = [html_in(message) for message in outcome.messages]
    assert 30 in [len(re.findall(r"word\d+", html)) for html in painted]


def html_in(message: dict[str, Any]) -> str:
    return str(message["content"].get("data", {}).get("text/html", ""))


def test_an_error_is_three_lines_and_ends_the_cell(kernel: Kernel) -> None:
    outcome = kernel.run("%nemotron rehearsal: fault 401")

    assert outcome.status == "error"
    assert [o["output_type"] for o in outcome.outputs] == ["error"]
    assert "(401)" in outcome.error
    assert len(outcome.error.splitlines()) <= 3


def test_a_captured_reply_is_kept_and_not_shown(kernel: Kernel) -> None:
    captured = kernel.run("%%capture out\nx = %nemotron rehearsal: say Hi")
    shown = kernel.run("out.show()")

    assert captured.outputs == []
    assert [o["data"]["text/plain"] for o in shown.outputs] == ["Hi"]


@pytest.mark.parametrize(
    "cell",
    [
        "%%time\n%nemotron rehearsal: say Hi",
        "import threading\n"
        "t = threading.Thread(target=ask, args=('rehearsal: say Hi',))\n"
        "t.start(); t.join()",
        "async def asking():\n    return ask('rehearsal: say Hi')\nx = await asking()",
        "import asyncio\nx = await asyncio.to_thread(ask, 'rehearsal: say Hi')",
    ],
    ids=["timed", "thread", "running loop", "thread of a loop"],
)
def test_a_question_may_stand_anywhere(kernel: Kernel, cell: str) -> None:
    kernel.run("def ask(text): return get_ipython().run_line_magic('nemotron', text)")
    outcome = kernel.run(cell)

    displays = [o for o in outcome.outputs if o["output_type"] == "display_data"]
    assert outcome.status == "ok"
    assert [o["data"]["text/plain"] for o in displays] == ["Hi"]
