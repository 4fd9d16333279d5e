"""A reply on a terminal steers nothing, hides nothing and draws no line of ours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attacks import ATTACKS, STEERING, armed

from nemotron_magic.core.events import (
    Event,
    Notice,
    Reasoning,
    Retry,
    Sent,
    Text,
    TextWasReasoning,
)
from nemotron_magic.core.text import visible
from nemotron_magic.display.reply import footer, notices
from nemotron_magic.display.terminal import (
    PlainRenderer,
    RichRenderer,
    print_footer,
    print_markdown,
    print_reply,
)
from nemotron_magic.session.reply import Reply, ReplyAccumulator, ReplyMetadata

ALLOWED = re.compile(r"\x1b\[[0-9;]*m")
LIVE = re.compile(r"\x1b\[(?:\d*[AKG]|\?25[lh]|[0-9;]*m)|\r")


class Terminal(io.StringIO):
    """Takes what can be written in UTF-8, as a terminal or as a file."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        return super().write(text.encode().decode())

    @property
    def text(self) -> str:
        """What was written, without the colours that are ours."""
        return ALLOWED.sub("", self.getvalue())


PAINTERS: dict[str, Callable[[Terminal], Any]] = {
    "file": PlainRenderer,
    "rich": lambda stream: RichRenderer(stream, False),
    "live": lambda stream: RichRenderer(stream, True),
}


def paint(
    painter: str, events: list[Event], details: ReplyMetadata | None = None
) -> Terminal:
    stream = Terminal(painter != "file")
    made = PAINTERS[painter](stream)
    draft = ReplyAccumulator(details or ReplyMetadata())
    for event in events:
        draft.add(event)
        made.watch(event)
    made.finish(draft.reply(elapsed_s=1.0))
    return stream


def steering(output: str, ours: re.Pattern[str] = ALLOWED) -> set[str]:
    """Give the characters that are neither seen nor ours."""
    rest = ours.sub("", output)
    return {c for c in rest if not c.isprintable() and c not in "\n\t"}


def cuts(text: str) -> Iterator[list[Event]]:
    """Give the text whole, by single characters, and cut in two at every place."""
    yield [Text(text)]
    yield [Text(c) for c in text]
    for at in range(1, len(text)):
        yield [Text(text[:at]), Text(text[at:])]


@pytest.mark.parametrize("name", STEERING)
def test_plain_text_is_shown_as_it_is_however_it_is_cut(name: str) -> None:
    text = f"He says: {STEERING[name]} and so on"

    for events in cuts(text):
        output = paint("file", events)
        assert steering(output.getvalue()) == set()
        assert output.text.startswith(f"{visible(text)}\n1.0 s · ")


@pytest.mark.parametrize("name", STEERING)
def test_rendered_text_steers_nothing_however_it_is_cut(name: str) -> None:
    sign = STEERING[name]
    text = f"So: {sign}\n\n```python\n{sign}\n```\n\n`a{sign}`"

    outputs = [paint("rich", events) for events in [*cuts(text)][::9]]

    assert len({"".join(output.text.split()) for output in outputs}) == 1
    assert all(steering(output.getvalue()) == set() for output in outputs)


@pytest.mark.parametrize("name", STEERING)
def test_a_live_terminal_is_steered_by_us_alone(name: str) -> None:
    events: list[Event] = [Sent("id", STEERING[name]), *map(Text, STEERING[name])]
    events[1:1] = [Retry(STEERING[name], 2.0, 1), Reasoning(STEERING[name])]

    assert steering(paint("live", events).getvalue(), LIVE) == set()


@pytest.mark.parametrize("sign", ["&#27;[31m", "&#x202e;", "&#x9b;8m", "&#8203;"])
def test_an_entity_is_no_way_around(sign: str) -> None:
    output = paint("rich", [Text(f"a {sign} b [{sign}](https://a.example '{sign}')")])

    assert steering(output.getvalue()) == set()


def test_no_attack_raises_or_steers_or_vanishes_in_a_terminal() -> None:
    for attack in map(armed, ATTACKS[::3]):
        output = paint("rich", [Text(attack)])
        assert steering(output.getvalue()) == set()
        assert "1.0 s · " in output.text
        # What begins as raw HTML is a text to the end.
        is_html = re.match(r"<[a-z]{3,6}[ >]", attack)
        assert not is_html or is_html[0] in output.text


@pytest.mark.parametrize(
    "text",
    [
        "List<String> and Map<K, V>",
        "<DataFrame shape=(3, 2)>",
        "template<typename T>",
        "a <b>c</b> d",
        "<div>x</div>",
        "<script>alert(1)</script>",
        "<!-- x -->",
    ],
)
def test_angle_brackets_are_never_swallowed(text: str) -> None:
    assert text in paint("rich", [Text(text)]).text


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("[good.example](https://evil.example/x)",
         "good.example (https://evil.example/x)"),
        ("[*good*](https://evil.example)", "good (https://evil.example)"),
        ("<https://a.example>", "https://a.example"),
        ("![a chart](https://a.example/i.png?q=1)",
         "a chart [image not loaded: a.example/i.png]"),
        ("[![c](https://a.example/i.png)](https://b.example)",
         "c [image not loaded: a.example/i.png] (https://b.example)"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[r]\n\n[r]: https://evil.example", "r (https://evil.example)"),
    ],
)  # fmt: skip
def test_a_link_says_where_it_leads(markdown: str, shown: str) -> None:
    output = paint("rich", [Text(markdown)])

    assert " ".join(output.text.split()).startswith(shown)
    assert "\x1b]" not in output.getvalue()


def test_only_lines_of_ours_are_dim() -> None:
    forged = "1.0 s · 812 → 240 tokens · $0.0001"
    output = paint("rich", [Text(f"Yes.\n\n{forged}\n"), Notice("Mind.")])
    dim = re.findall(r"\x1b\[2m(.*?)\x1b\[0m", output.getvalue(), re.DOTALL)

    assert forged in output.text
    assert "imitates the footer" in dim[0]
    assert dim[1:] == ["1.0 s · tokens unknown · cost unknown · Mind."]
    assert forged not in "".join(dim)


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("1.9 s · 812 → 240 tokens · $0.0004", True),
        ("Fine.\n\n**2 s • 3 → 4 tokens • cached**", True),
        ("> １.９ s · 1 → 1 tokens", True),
        ("0.1 s · cached, from disk · $0", True),
        ("It took 2 s, and tokens are words.", False),
        ("A footer has tokens.", False),
    ],
)
def test_a_line_that_imitates_the_footer_is_told_of(text: str, is_told: bool) -> None:
    said = [line for line in notices(Reply(text)) if "imitates" in line]

    assert bool(said) is is_told


def test_a_footer_after_a_value_is_dim_on_a_terminal_alone() -> None:
    reply = Reply("x", ReplyMetadata(elapsed_s=1.0))
    terminal, file = Terminal(True), Terminal(False)

    print_footer(reply, terminal)
    print_footer(reply, file)

    assert terminal.getvalue() == f"\x1b[2m{footer(reply)}\x1b[0m\n"
    assert file.getvalue() == f"{footer(reply)}\n"


@pytest.mark.parametrize("name", STEERING)
def test_no_line_of_ours_is_steered_by_what_it_quotes(name: str) -> None:
    sign = STEERING[name]
    details = ReplyMetadata(
        notices=(f"quote {sign}",), finish_reason=sign, refusal=sign
    )
    events: list[Event] = [Notice(sign), Text("a"), TextWasReasoning("a")]
    for painter in PAINTERS:
        output = paint(painter, [*events, Retry(sign, 1.0, 1)], details)
        assert steering(output.getvalue(), LIVE) == set()
    for reply in (Reply("", details), Reply(sign, details)):
        for is_terminal in (True, False):
            stream = Terminal(is_terminal)
            print_reply(reply, stream)
            print_markdown(f"| `{sign}` |\n|--|\n| x |\n\n{sign}", stream)
            assert steering(stream.getvalue()) == set()


@pytest.mark.parametrize("painter", [*PAINTERS])
def test_what_a_reply_ends_in_is_shown_though_it_was_held_back(painter: str) -> None:
    assert "so it ends[U+200B]" in paint(painter, [Text("so it ends\u200b")]).text


def test_a_reply_that_rich_cannot_take_is_printed_as_it_is() -> None:
    deep = "> " * 300 + "the end"

    assert "the end" in paint("rich", [Text(deep)]).text


def test_text_that_was_reasoning_does_not_run_into_the_answer() -> None:
    events: list[Event] = [Text("hm\u200b"), TextWasReasoning("hm"), Text("yes")]

    assert paint("rich", events).text.split("reasoning —")[1].split()[0] == "yes"
