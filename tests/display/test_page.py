"""Painting into a page, with a page and a clock of our own."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Any

import pytest

from nemotron_magic.code.cells import cells_of
from nemotron_magic.core.events import (
    Event,
    Notice,
    Reasoning,
    Retry,
    Sent,
    Text,
    TextWasReasoning,
)
from nemotron_magic.display.insert import ReplyCode
from nemotron_magic.display.page import Display, NotebookRenderer, Ticker
from nemotron_magic.session.reply import Reply, ReplyAccumulator


@dataclass
class Page:
    """What a cell shows, in order, and the bytes that it took."""

    displays: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    paints: int = 0
    bytes: int = 0
    will_clear: bool = False
    interrupted_at: int = -1

    def show(self, display: Display, *, again: bool = False) -> None:
        if self.will_clear:
            self.displays.clear()
            self.will_clear = False
        if self.paints == self.interrupted_at:
            self.interrupted_at = -1
            raise KeyboardInterrupt
        assert again == (display.id in self.displays)
        self.displays[display.id] = display.html
        self.texts[display.id] = display.text
        self.paints += 1
        self.bytes += len(display.html.encode()) + len(display.text.encode()) + 900

    def clear(self) -> None:
        self.will_clear = True

    @property
    def words(self) -> str:
        html = re.sub(r"<style>.*?</style>", "", "".join(self.displays.values()))
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Ticks:
    """Keeps what is to be called again and again, and calls it when told."""

    call: Callable[[], bool] = lambda: False

    def __call__(self, call: Callable[[], bool]) -> None:
        self.call = call


def paint(
    events: list[Event], gap_s: float = 0.01, alone: bool = True, stalls: bool = False
) -> tuple[Page, NotebookRenderer, ReplyAccumulator]:
    page, clock, draft, ticks = Page(), Clock(), ReplyAccumulator(), Ticks()
    painter = NotebookRenderer(page, alone, clock, ticks)
    for event in events:
        clock.now_s += gap_s
        draft.add(event)
        painter.watch(event)
    if stalls:
        clock.now_s += 1
        ticks.call()
    return page, painter, draft


def reply_of(reply: Reply, **about: Any) -> Reply:
    return Reply(str(reply), replace(reply.metadata, **about))


def tokens(text: str, size: int = 4) -> list[Event]:
    return [Text(text[i : i + size]) for i in range(0, len(text), size)]


PROSE = "".join(
    f"## Part {n}\n\nWord{n} and *more*, and $x_{n}$ too.\n\n- a{n}\n- b{n}\n\n"
    for n in range(60)
)
LONG = {
    "prose": PROSE,
    "list": "".join(f"- item {n} with `code`\n" for n in range(400)),
    "table": "| a | b |\n|--|--|\n" + "".join(f"| {n} | x |\n" for n in range(500)),
    "fence": "```python\n" + "x = [1, 'a']  # why\n" * 400 + "```\n",
    "paragraph": "word and " * 1000,
    "one word": "a" * 8000,
    "signs": "```text\n" + "<&>\"'\n" * 1500 + "```\n",
    "formulae": "".join(f"Then $x_{n}^2$ is $$y_{n}$$\n\n" for n in range(200)),
    "quotes": "".join(f"> line {n}\n" for n in range(500)),
}


@pytest.mark.parametrize("size", [1, 4, 7, 1000, 100_000])
@pytest.mark.parametrize("alone", [True, False])
def test_at_the_end_there_is_one_output_with_everything(size: int, alone: bool) -> None:
    page, painter, draft = paint(tokens(PROSE, size), alone=alone)

    painter.finish(draft.reply())

    assert len(page.displays) == 1
    assert list(page.texts.values())[-1] == PROSE
    assert re.findall(r"Word(\d+)", page.words) == [str(n) for n in range(60)]


@pytest.mark.parametrize("size", [3, 50, 100_000])
def test_while_it_streams_nothing_is_lost_or_doubled(size: int) -> None:
    page, _, _ = paint([*tokens(PROSE, size), Text("\n\nEnd.\n\n")], gap_s=1.0)

    assert re.findall(r"Word(\d+)", page.words) == [str(n) for n in range(60)]
    assert page.words.endswith("End.")


def test_a_long_reply_is_spread_over_few_displays() -> None:
    page, _, _ = paint(tokens(PROSE), gap_s=0.2)

    assert 3 <= len(page.displays) <= 1 + len(PROSE) // 1200 + 1


VERY_LONG = "".join(
    f"## Part {n}\n\nWord{n} and *more*, and $x_{n}$ too.\n\n- a{n}\n- b{n}\n\n"
    for n in range(300)
)
CODE = "".join(f"Word{n}:\n\n```python\nx{n} = {n}\n```\n\n" for n in range(600))


def button_of(reply: Reply) -> ReplyCode:
    cells = [cell for cell in cells_of(reply, ()) if "x77 " in cell.source]
    return ReplyCode(cells, lambda _: ["Look."], lambda md: cells_of(md, ()), True)


@pytest.mark.slow
@pytest.mark.parametrize("text", [VERY_LONG, LONG["formulae"] * 4], ids=["mixed", "$"])
def test_at_the_end_of_a_long_reply_only_its_first_and_last_displays_change(
    text: str,
) -> None:
    page, painter, draft = paint(tokens(text), gap_s=0.2)
    before, paints = dict(page.displays), page.paints
    painter.finish(draft.reply())
    same = [before.get(name) == html for name, html in page.displays.items()]

    assert not page.will_clear
    assert 5 <= len(page.displays) <= 2 + len(text) / 1200
    assert same == [False, *[True] * (len(same) - 2), False]
    assert page.paints == paints + 2
    assert list(page.texts.values()) == [*[""] * (len(same) - 1), text]
    assert "mathjax_ignore" not in "".join(page.displays.values())


@pytest.mark.slow
def test_the_code_of_a_long_reply_gets_its_button_where_it_stands() -> None:
    page, clock, draft = Page(), Clock(), ReplyAccumulator()
    painter = NotebookRenderer(page, True, clock, Ticks(), button_of)
    for event in tokens(CODE):
        clock.now_s += 0.2
        draft.add(event)
        painter.watch(event)
    paints = page.paints
    painter.finish(draft.reply())
    place = re.sub("<style>.*?</style>|<[^>]*>", "", "".join(page.displays.values()))

    assert page.paints == paints + 3
    assert re.search(r"x77 = 77\s+Look\.\s*Word78", place)
    assert "".join(page.displays.values()).count("<button") == 1


@pytest.mark.slow
@pytest.mark.parametrize("size", [4, 3_000, 1_000_000])
@pytest.mark.parametrize("ending", ["complete", "interrupted"])
def test_a_long_reply_is_whole_and_in_order_however_it_came(
    size: int, ending: str
) -> None:
    page, painter, draft = paint(tokens(VERY_LONG, size), gap_s=0.5)
    painter.finish(reply_of(draft.reply(), ending=ending, reasoning="Thought."))
    words = re.findall(r"Thought|Word\d+|tokens", page.words)

    assert words == ["Thought", *(f"Word{n}" for n in range(300)), "tokens"]
    assert list(page.texts.values())[-1] == VERY_LONG


def test_what_is_shown_in_place_of_a_long_reply_is_one_output() -> None:
    page, painter, draft = paint(tokens(VERY_LONG, 3_000), gap_s=0.5)
    before = len(page.displays)
    painter.finish(reply_of(draft.reply(), shown="12"))

    assert (before > 1, len(page.displays)) == (True, 1)
    assert page.words.startswith("12 ")


def test_jupyterlab_shows_every_display_of_the_longest_reply() -> None:
    page, painter, draft = paint(tokens("word and " * 20_000, 400), gap_s=0.5)
    painter.finish(draft.reply())

    assert len(page.displays) < 50


def test_the_style_of_a_long_reply_that_has_ended_lets_its_cell_scroll() -> None:
    page, painter, draft = paint(tokens(VERY_LONG, 3_000), gap_s=0.5)
    during = "".join(page.displays.values())
    painter.finish(draft.reply())

    assert "jp-mod-outputsScrolled" in during
    assert "jp-mod-outputsScrolled" not in "".join(page.displays.values())


def test_beside_other_output_there_is_one_display_from_the_start() -> None:
    page, _, _ = paint(tokens(PROSE), alone=False)

    assert len(page.displays) == 1
    assert not page.will_clear


@pytest.mark.slow
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("alone", [True, False])
def test_the_bytes_stay_below_forty_times_the_reply(text: str, alone: bool) -> None:
    page, painter, draft = paint(tokens(text), gap_s=0.01, alone=alone)
    painter.finish(draft.reply())

    assert page.bytes < 40 * len(text)


@pytest.mark.parametrize("waited_s", [0.06, 3.0])
def test_the_first_text_is_painted_at_once(waited_s: float) -> None:
    page, _, _ = paint([Text("Hello")], gap_s=waited_s)

    assert page.words == "Hello"


@pytest.mark.parametrize("alone", [True, False])
def test_a_reply_that_is_there_in_a_moment_is_painted_once(alone: bool) -> None:
    events = [Sent("id", "m"), *tokens(PROSE)]
    page, painter, draft = paint(events, gap_s=0.0, alone=alone)
    painter.finish(draft.reply())

    assert page.paints == 1
    assert not page.will_clear
    assert re.findall(r"Word(\d+)", page.words) == [str(n) for n in range(60)]


def test_it_is_painted_at_most_ten_times_a_second() -> None:
    page, _, _ = paint(tokens("word " * 200, 1), gap_s=0.001)

    assert page.paints <= 2 + 10


def test_a_wait_of_no_length_has_no_figure() -> None:
    page, _, _ = paint([Sent("id", "some/model"), Retry("503 there", 0.4, 1)], 0.2)

    assert page.words == "503 there; trying again …"


def test_a_wait_is_shown_where_the_reply_will_be() -> None:
    page, _, _ = paint([Sent("id", "some/model"), Retry("503 there", 2.0, 1)], 0.2)

    assert page.words == "503 there; trying again in 2 s …"
    assert len(page.displays) == 1


def waited(events: list[Event], seconds: int, alone: bool = True) -> list[str]:
    """Return what a page shows at each of ten ticks a second, in turn, once."""
    page, clock, ticks, shown = Page(), Clock(), Ticks(), []
    painter = NotebookRenderer(page, alone, clock, ticks)
    for event in events:
        painter.watch(event)
    for _ in range(10 * seconds):
        clock.now_s += 0.1
        ticks.call()
        shown.append(page.words)
    assert page.paints <= 2 * seconds + 2
    return list(dict.fromkeys(shown))


@pytest.mark.parametrize("alone", [True, False])
def test_who_waits_sees_from_two_seconds_on_for_how_long(alone: bool) -> None:
    assert waited([Sent("id", "a/model")], 4, alone)[:3] == [
        "asking a/model …",
        "asking a/model … 2 s",
        "asking a/model … 3 s",
    ]


def test_a_wait_that_says_how_long_it_is_needs_no_clock() -> None:
    shown = waited([Sent("id", "m"), Retry("503 there", 5.0, 1)], 4)

    assert shown[-1] == "503 there; trying again in 5 s …"


def test_of_a_thought_its_last_line_is_shown_with_the_time() -> None:
    shown = waited([Sent("id", "m"), Reasoning("one\n"), Reasoning("two <b>")], 3)

    assert shown[-1].startswith("thinking … ")
    assert shown[-1].endswith("s two <b>")


def test_thinking_takes_two_messages_a_second_at_most() -> None:
    page, clock, ticks = Page(), Clock(), Ticks()
    painter = NotebookRenderer(page, True, clock, ticks)
    painter.watch(Sent("id", "m"))
    for n in range(1_000):
        clock.now_s += 0.01
        painter.watch(Reasoning(f"word{n} "))
        if n % 10 == 9:
            ticks.call()

    assert "word9" in page.words
    assert page.paints <= 2 * 10 + 2


@pytest.mark.parametrize("alone", [True, False])
def test_text_that_was_reasoning_is_taken_back(alone: bool) -> None:
    events: list[Event] = [Text("I plan"), TextWasReasoning("I plan"), Text("Hello")]
    page, painter, draft = paint(events, gap_s=0.2, alone=alone)
    during = page.words
    painter.finish(draft.reply())

    assert during == "Hello"
    assert page.words.startswith("Reasoning I plan Hello")
    assert len(page.displays) == 1


def test_without_a_reply_the_cell_is_cleared() -> None:
    page, painter, _ = paint([Sent("id", "m")], gap_s=0.2)
    painter.fail()

    assert page.will_clear


@pytest.mark.parametrize("late", [Text("late"), Sent("id", "m"), Reasoning("hm")])
def test_what_comes_after_a_failure_changes_nothing(late: Event) -> None:
    page, painter, _ = paint([Text("some text")], gap_s=0.2)
    painter.fail()
    page.will_clear, before = False, page.paints
    painter.watch(late)
    painter.fail()

    assert (page.will_clear, page.paints) == (False, before)


def test_beside_other_output_a_failure_clears_nothing() -> None:
    page, painter, _ = paint([Sent("id", "m")], gap_s=0.2, alone=False)
    painter.fail()

    assert not page.will_clear
    assert page.words == "no reply"


def test_formulae_are_left_as_text_until_their_display_is_done() -> None:
    page, painter, draft = paint(tokens("So $x^2$ it is."), gap_s=0.2)
    during = list(page.displays.values())[-1]
    painter.finish(draft.reply())

    assert "mathjax_ignore" in during
    assert "mathjax_ignore" not in list(page.displays.values())[-1]


def left_alone(page: Page) -> list[str]:
    """Give the displays between the style sheet's and the one that grows."""
    return list(page.displays.values())[1:-1]


def test_a_display_that_is_left_alone_is_typeset_and_holds_enough() -> None:
    page, _, _ = paint(tokens(PROSE), gap_s=0.2)

    assert len(left_alone(page)) >= 2
    for html in left_alone(page):
        assert "mathjax_ignore" not in html
        assert 1200 <= len(re.sub("<[^>]*>", "", html)) + 200 <= 3000


def test_nothing_vanishes_when_a_display_is_left() -> None:
    page, clock = Page(), Clock()
    painter = NotebookRenderer(page, True, clock, Ticks())
    seen = 0
    for event in tokens(PROSE, 8):
        clock.now_s += 0.5
        painter.watch(event)
        words = len(re.findall(r"Word\d+", page.words))
        assert words >= seen
        seen = words

    assert seen == 60


def test_text_that_was_reasoning_is_taken_back_from_all_displays() -> None:
    events = [*tokens(PROSE), TextWasReasoning(PROSE), Text("Hello")]
    page, _, _ = paint(events, gap_s=0.2)

    assert page.words == "Hello"


def test_what_was_said_before_the_text_stands_in_the_line_that_waits() -> None:
    page, _, _ = paint([Notice("old is gone"), Sent("id", "new")], stalls=True)

    assert page.words == "old is gone · asking new …"


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_an_interrupt_in_a_paint_loses_nothing(number: int, alone: bool) -> None:
    page, clock, draft = Page(interrupted_at=number), Clock(), ReplyAccumulator()
    painter = NotebookRenderer(page, alone, clock, Ticks())
    with suppress(KeyboardInterrupt):
        for event in tokens(PROSE):
            clock.now_s += 0.5
            draft.add(event)
            painter.watch(event)
    painter.finish(draft.reply())

    assert 0 < len(str(draft.reply())) < len(PROSE)
    assert len(page.displays) == 1
    assert list(page.texts.values())[-1] == str(draft.reply())


def test_what_was_held_back_is_painted_when_the_stream_stalls() -> None:
    page, clock, ticks = Page(), Clock(), Ticks()
    painter = NotebookRenderer(page, True, clock, ticks)
    for event in tokens("word " * 20):
        painter.watch(event)
    before = page.words
    clock.now_s += 0.2
    goes_on = ticks.call()

    assert before.count("word") < 10
    assert page.words.count("word") == 20
    assert goes_on


def test_nothing_is_painted_by_itself_after_the_end() -> None:
    page, clock, ticks = Page(), Clock(), Ticks()
    painter = NotebookRenderer(page, True, clock, ticks)
    for event in tokens("word " * 20):
        painter.watch(event)
    painter.finish(ReplyAccumulator().reply())
    paints = page.paints
    clock.now_s += 1

    assert not ticks.call()
    assert page.paints == paints


def test_what_ticks_ends_when_nothing_comes_and_begins_again() -> None:
    page, clock, ticks = Page(), Clock(), Ticks()
    painter = NotebookRenderer(page, True, clock, ticks)
    painter.watch(Text("One "))
    painter.watch(Text("two "))
    clock.now_s += 1
    times = 1
    while ticks.call():
        times += 1
    ticks.call = lambda: False
    painter.watch(Text("three "))
    painter.watch(Text("four "))

    assert times == 100
    assert ticks.call()


def test_a_thread_paints_what_was_held_back() -> None:
    class Seen(Page):
        def show(self, display: Display, *, again: bool = False) -> None:
            super().show(display, again=again)
            if "end" in display.html:
                done.set()

    done = threading.Event()
    tick = Ticker(0.01, idle_s=0.0)
    painter = NotebookRenderer(page := Seen(), True, time.monotonic, tick)
    for word in ("A ", "stalled ", "end"):
        painter.watch(Text(word))

    assert done.wait(10)
    painter.finish(ReplyAccumulator().reply())
    assert len(page.displays) == 1
