"""A reply on a real terminal, painted again and again, looks as if printed once."""

from __future__ import annotations

import io
import re

import pytest
from rich.live import Live
from screen import shown

from nemotron_magic.core.events import Event, Sent, Text
from nemotron_magic.display.terminal import RichRenderer
from nemotron_magic.session.reply import Ending, Reply, ReplyMetadata

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CODE = "".join(f"line_{n} = {n}\n" for n in range(60))
REPLIES = {
    "paragraphs": "A paragraph.\n\nAnd another one of some length.\n\nA third.\n",
    "blocks": "# A\n\nText:\n\n```python\nx = 1\n```\n\n|a|b|\n|-|-|\n|1|2|\n\n> b\n"
    * 3,
    "long code": f"Code:\n\n```python\n{CODE}```\n\nThe end.\n",
    "long list": "".join(f"- item number {n}\n" for n in range(60)),
    "tall list": "".join(f"- {n}\n" for n in range(60)),
    "long lines of code": f"So:\n\n```python\n{'x = 1; ' * 30}\n```\n\n- In:\n  ```\n"
    + f"  {'y = 2; ' * 30}\n  ```\n- End.\n" * 2,
    "a tall formula": "$$\n" + "a \\\\\n" * 60 + "$$\n\nThe end.\n",
    "a tall table": "|a|b|\n|-|-|\n" + "|1|2|\n" * 60 + "\nThe end.\n",
    "nothing to see": "Text of a reply.\n\n[a]: http://example.com\n\nMore of it.\n",
}


def painted(events: list[Event], text: str, is_live: bool) -> str:
    stream = io.StringIO()
    painter = RichRenderer(stream, is_live, with_footer=False)
    for event in events:
        painter.watch(event)
    painter.finish(Reply(text))
    return COLOUR.sub("", stream.getvalue())


def streamed(text: str, is_live: bool = True) -> list[str]:
    events = [Text(text[at : at + 8]) for at in range(0, len(text), 8)]
    return shown(painted([*events], text, is_live))


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_painted_again_and_again_is_left_as_if_printed_once(name: str) -> None:
    assert streamed(REPLIES[name]) == streamed(REPLIES[name], is_live=False)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("Use `df.hea", "Use df.hea"),
        ("It is **not *so", "It is not so"),
        ("See [the docs](https://exam", "See the docs"),
        ("| name | b", "───────"),
        ("| name | b |\n|--", "───────"),
        ("```\n`a **b", "`a **b"),
    ],
)
@pytest.mark.parametrize("reason", ["length", "stop"])
def test_what_a_reply_was_cut_in_is_closed_as_it_was_while_it_grew(
    text: str, last: str, reason: str
) -> None:
    stream = io.StringIO()
    renderer = RichRenderer(stream, is_live=False, with_footer=False)
    renderer.watch(Text(text))
    renderer.finish(Reply(text, ReplyMetadata(finish_reason=reason)))
    lines = COLOUR.sub("", stream.getvalue()).splitlines()

    assert (last in lines) is (reason == "length" or text.startswith("```"))


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("complete", ""),
        ("interrupted", "Stopped by you · 1.0 s · tokens unknown · cost unknown"),
        ("failed", "Broken off · 1.0 s · tokens unknown · cost unknown"),
        (
            "truncated",
            "Ended early by the service · 1.0 s · tokens unknown · cost unknown",
        ),
    ],
)
def test_a_question_whose_value_will_not_come_has_its_footer_now(
    ending: Ending, said: str
) -> None:
    stream = io.StringIO()
    renderer = RichRenderer(stream, is_live=False, with_footer=False)
    renderer.watch(Text("It is"))
    renderer.finish(Reply("It is", ReplyMetadata(ending=ending, elapsed_s=1.0)))

    lines = COLOUR.sub("", stream.getvalue()).splitlines()
    assert lines == ["It is", *filter(None, [said])]


def test_paragraphs_that_came_apart_are_parted_by_an_empty_line() -> None:
    assert streamed(REPLIES["paragraphs"]) == [
        "A paragraph.",
        "",
        "And another one of some length.",
        "",
        "A third.",
        "",
    ]


@pytest.mark.parametrize("name", ["long code", "long list"])
def test_a_block_that_is_cut_in_two_shows_no_seam(name: str) -> None:
    lines = [line for line in streamed(REPLIES[name]) if re.search(r"\d", line)]
    at = streamed(REPLIES[name]).index(lines[0])

    assert len(lines) == 60
    assert streamed(REPLIES[name])[at : at + 60] == lines


def test_once_a_reply_has_begun_no_line_says_that_it_is_waited_for() -> None:
    text = "A paragraph of a reply.\n\nAnd another one of some length.\n\nA third.\n"
    events = [Text(text[at : at + 8]) for at in range(0, len(text), 8)]
    output = painted([Sent("an-id", "a/model"), *events], text, is_live=True)

    assert output.rindex("asking a/model") < output.index("A paragraph")


def test_no_line_that_is_painted_again_is_longer_than_the_terminal() -> None:
    text = f"So:\n\n```python\nif x:\n\ty = {'1 + ' * 90}1\n"
    events = [Text(text[at : at + 40]) for at in range(0, len(text), 40)]
    stream = io.StringIO()
    painter = RichRenderer(stream, True, with_footer=False)
    for event in events:
        painter.watch(event)
    growing = COLOUR.sub("", stream.getvalue())
    painter.fail()

    assert "if x:" in growing
    assert max(map(len, re.split(r"[\r\n]", growing))) <= 80
    assert "1 + " * 90 in COLOUR.sub("", stream.getvalue())


def test_a_stop_while_a_live_display_starts_does_not_hide_the_reply() -> None:
    stream = io.StringIO()
    painter = RichRenderer(stream, is_live=True, with_footer=False)
    painter._live = Live("", console=painter._console, transient=True)
    painter._live._started = True  # and that is as far as it got

    painter.watch(Text("What came."))
    painter.finish(Reply("What came."))

    assert "What came." in stream.getvalue()
