"""What is said below a reply, and what is written about it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from wire import KEY

from nemotron_magic.core.events import ToolCall
from nemotron_magic.core.usage import Usage
from nemotron_magic.display.reply import end_html, footer, metadata, notices
from nemotron_magic.display.terminal import print_reply
from nemotron_magic.session.reply import Ending, Reply, ReplyMetadata


def reply(text: str = "Hello", **details: Any) -> Reply:
    return Reply(text, replace(ReplyMetadata(finish_reason="stop"), **details))


@pytest.mark.parametrize(
    ("elapsed_s", "usage", "line"),
    [
        (1.94, Usage(812, 240, cost_usd=0.0004), "1.9 s · 812 → 240 tokens · $0.00040"),
        (0.04, Usage(1, 1234567, cost_usd=0), "0.0 s · 1 → 1,234,567 tokens · $0"),
        (123.4, Usage(3, 4), "123 s · 3 → 4 tokens · cost unknown"),
        (None, Usage(), "tokens unknown · cost unknown"),
        (None, Usage(3), "3 → ? tokens · cost unknown"),
        (1, Usage(None, 4, cost_usd=2.5), "1.0 s · ? → 4 tokens · $2.50"),
    ],
)
def test_the_footer_calls_the_unknown_unknown(
    elapsed_s: float | None, usage: Usage, line: str
) -> None:
    assert footer(reply(elapsed_s=elapsed_s, usage=usage)) == line


REMARKS: list[tuple[dict[str, Any], str]] = [
    (
        {"finish_reason": "length", "parameters": {"max_tokens": 500}},
        "--max-tokens 2000",
    ),
    ({"finish_reason": "length"}, "--max-tokens 16384"),
    ({"finish_reason": "content_filter"}, "content filter stopped this reply"),
    ({"finish_reason": "error"}, "reported an error"),
    ({"finish_reason": "{odd}"}, "for this reason: {odd}"),
    ({"notices": ("a\x1b[31m\nb",)}, "a b"),
    (
        {"tool_calls": (ToolCall(0, "", "f", '{"a":\n1}'),)},
        'called f({"a": 1}); nothing',
    ),
]


@pytest.mark.parametrize(("details", "remark"), REMARKS)
def test_what_is_out_of_the_ordinary_is_remarked_in_one_line(
    details: dict[str, Any], remark: str
) -> None:
    (line,) = notices(reply(**details))

    assert remark in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("truncated", "Ended early by the service"),
        ("interrupted", "Stopped by you"),
        ("failed", "Broken off"),
    ],
)
def test_what_an_error_tells_of_is_one_word_in_the_footer(
    ending: Ending, said: str
) -> None:
    broken = reply(ending=ending, elapsed_s=1.0)

    assert notices(broken) == ()
    assert footer(broken).startswith(f"{said} · 1.0 s · ")
    assert footer(reply("", ending=ending)).startswith(f"{said} before an answer began")


def lines_below(made: Reply) -> list[str]:
    """Give the lines that a page shows below a reply."""
    lines = re.findall("<(?:p|div) class=.*?</(?:p|div)>", end_html(made))
    return [re.sub("<[^>]*>", "", line) for line in lines]


def printed_below(made: Reply) -> list[str]:
    """Give the lines that a terminal shows below a reply."""
    stream = io.StringIO()
    print_reply(made, stream)
    return stream.getvalue().splitlines()[1:]


@pytest.mark.parametrize("told", [(), ("Short.",), ("First use.", "Another.", "More.")])
@pytest.mark.parametrize("lines_below", [lines_below, printed_below])
def test_three_lines_at_most_stand_below_a_reply(
    lines_below: Callable[[Reply], list[str]], told: tuple[str, ...]
) -> None:
    remarks = "Writes files.", "Not found: df"
    about = {"notices": told, "remarks": remarks, "finish_reason": "length"}
    writes, missing, line = lines_below(reply("Text.", elapsed_s=1.0, **about))

    assert (writes, missing) == remarks
    assert line.startswith("Cut off at max_tokens. Go on: %nemotron continue · Allow")
    assert line.endswith(" · ".join(["cost unknown", *told]))


def test_a_forged_footer_is_told_of_above_ours_in_a_terminal() -> None:
    forged = reply("Yes.\n1.0 s · 20 → 30 tokens · $0.01", notices=("Once.",))
    *_, warning, line = printed_below(forged)

    assert "only the last line is ours" in warning
    assert line == "tokens unknown · cost unknown · Once."


def test_two_things_to_type_are_kept_apart_in_a_remark() -> None:
    (line,) = notices(reply(finish_reason="length", parameters={"max_tokens": 20}))

    assert line.endswith("Go on: %nemotron continue · Allow more: --max-tokens 80")


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "end_turn", None])
def test_an_ordinary_reply_needs_no_remark(reason: str | None) -> None:
    assert notices(reply(finish_reason=reason)) == ()


@pytest.mark.parametrize("text", ["", " ", "\n \n"])
@pytest.mark.parametrize(
    ("details", "lines"),
    [
        ({}, ("The reply is empty.",)),
        ({"refusal": "no"}, ()),
        ({"ending": "interrupted"}, ()),
    ],
)
def test_an_empty_reply_is_called_empty(
    text: str, details: dict[str, Any], lines: tuple[str, ...]
) -> None:
    assert notices(reply(text, **details)) == lines


@pytest.mark.parametrize("ending", ["truncated", "interrupted", "failed", "complete"])
def test_a_reply_that_only_thought_is_none_to_go_on_with(ending: Ending) -> None:
    lines = notices(reply("", reasoning="hm", ending=ending, finish_reason="length"))

    assert "continue" not in " ".join(lines)


def test_a_reply_that_only_thought_says_so() -> None:
    lines = notices(reply("", reasoning="hm", finish_reason="length"))

    assert lines[-1].startswith("All tokens went into reasoning")


def test_the_metadata_is_an_audit_trail_without_prompt_and_key() -> None:
    messages = ({"role": "user", "content": f"secret prompt {KEY}"},)
    made = reply(
        model="asked",
        served_model="served",
        messages=messages,
        parameters={"temperature": 0.2},
        usage=Usage(1, 2),
        request_id="r-1",
        client_request_id="c-1",
        completion_id="gen-1",
        elapsed_s=1.23456,
        asked_at="2026-01-01T00:00:00+00:00",
    )
    written = json.dumps(metadata(made), allow_nan=False)

    assert "secret" not in written
    assert KEY not in written
    assert metadata(made)["elapsed_s"] == 1.235
    assert metadata(made)["usage"]["cost_usd"] is None
    assert {"asked", "served", "r-1", "c-1", "gen-1"} <= {
        v for v in metadata(made).values() if v.__hash__
    }
