"""Questions in a real kernel, however they are set, and whatever stands around them."""

from __future__ import annotations

from typing import Any

import pytest
from shells import Kernel


def replies(outputs: list[dict[str, Any]]) -> list[str]:
    """Give the replies that a page shows, by kind of output."""
    shown = [one for one in outputs if "text/html" in one.get("data", {})]
    assert all("nm-reply" in one["data"]["text/html"] for one in shown)
    return [one["output_type"] for one in shown]


@pytest.mark.parametrize(
    "cell",
    [
        "%nemotron ¿por qué?",
        "x = %nemotron 😀 why?",
        "%nemotron one\fline\u2028is\rit?",
        "%nemotron one \\\r\nline\\\r\nis it?",
        "%nemotron\xa0why?",
        "# a note\n%%nemotron\nwhy?",
        "%%nemotron\t-t 0\nwhy?",
        "%time %nemotron why?",
        "%%time\n%nemotron €5 why?",
        "%ask why?",
        "%%ask\nwhy?",
        "x = %ask ¿why?",
    ],
)
def test_a_question_is_answered_once(kernel: Kernel, cell: str) -> None:
    kernel.run("%alias_magic ask nemotron")
    done = kernel.run(cell)

    assert (done.status, done.error) == ("ok", "")
    assert replies(done.outputs) == ["display_data"]


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("%nemotron —code plot it", "Did you mean --code?"),
        ("%nemotron –t 0 why", "Did you mean -t?"),
        ("%nemotron retry shorter", "Did you mean: %nemotron retry: shorter "),
        (
            "%nemotron fix keep the index",
            "Did you mean: %nemotron fix: keep the index ",
        ),
        ("%nemotron logout", "Did you mean: %nemotron login: forget "),
        (
            "%nemotron /explain this merge",
            "Did you mean: %nemotron explain: this merge ",
        ),
        ("%nemotron “fix”", "Did you mean: %nemotron fix "),
        ("x = %nemotron preferences", "Did you mean: %nemotron panel "),
        ("%nemotron --version", "Did you mean: %nemotron doctor "),
        ("%nemotron -s Be' 'brief why?", "Put the whole value of the flag in quotes"),
    ],
)
def test_what_must_be_a_slip_is_not_sent(kernel: Kernel, cell: str, told: str) -> None:
    done = kernel.run(cell)

    assert done.status == "error"
    assert told in done.error
    assert len(done.error.splitlines()) == 2


@pytest.mark.parametrize(
    ("cell", "typed"),
    [
        ("%nemotron why is this slow --code", "%nemotron --code why is this slow "),
        ("%%nemotron why so? -t 0.2\ndf.head()", "%%nemotron -t 0.2 why so? "),
        ("x = %nemotron -c 3-7 9 why?", '%nemotron -c "3-7 9" …'),
        ("%nemotron --cache replay why?", "%nemotron --cache=replay … "),
    ],
)
def test_flags_out_of_place_are_told_with_the_line_to_type(
    kernel: Kernel, cell: str, typed: str
) -> None:
    done = kernel.run(cell)

    assert done.status == "error"
    _, why, how = done.error.splitlines()
    assert why == "nothing was sent"
    assert how.startswith(f"Type: {typed}".rstrip())


def test_an_answer_of_one_word_is_sent(kernel: Kernel) -> None:
    kernel.run("%nemotron rehearsal: say Mean, median or mode?")
    answered = kernel.run("%nemotron mode")
    kernel.run("%nemotron rehearsal: say Done.")
    refused = kernel.run("%nemotron mode")

    assert replies(answered.outputs) == ["display_data"]
    assert "Did you mean: %nemotron code " in refused.error
