"""A panel asks in a thread: cells run meanwhile, and it can be stopped."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import ipywidgets
import pytest
from interrupted import deaf
from panel_page import PanelPage, wait_for
from shells import Shell

from nemotron_magic.display.panel.panel import Panel

SLOW = "rehearsal: slow 40\nrehearsal: length 400"
CUT = "rehearsal: length 300"


class Buttons(HTMLParser):
    """The buttons of a page, and all attributes that a command linker reads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []
        self.linked: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.linked += [name for name, _ in attrs if "commandlinker" in name]
        if tag == "button":
            self.found.append(dict(attrs))

    def sources(self) -> list[str]:
        """Return the code that the buttons put in."""
        told = (json.loads(one["data-commandlinker-args"]) for one in self.found)
        return [one["args"]["text"] for one in told]


def test_a_question_is_answered_in_the_page_and_counted(
    shell: Shell, app: Any, open_panel: Any
) -> None:
    page = open_panel()
    status = page.answered("rehearsal: say Hello *you*")

    assert "<em>you</em>" in page.html()
    assert status == "Answered."
    assert shell["_nemotron"] == "Hello *you*"
    assert [turn.reply for turn in app.session.conversation.turns] == ["Hello *you*"]
    assert app.session.accounting.ledger.of_session().calls == 1


@pytest.mark.parametrize(
    ("before", "typed", "sent"),
    [
        ("why", "why\n", "why"),
        ("", "why is it slow\n", "why is it slow"),
        ("two\nlines", "two\nlines\n", "two\nlines"),
        ("", "two\npasted lines\n", None),
        ("wy", "w\ny", None),
        ("a\nb\n", "a\nb\nc", None),
    ],
)
def test_a_line_end_typed_at_the_end_sends_and_a_pasted_text_stays(
    shell: Shell, open_panel: Any, before: str, typed: str, sent: str | None
) -> None:
    page = open_panel()
    page["Question"].value = before
    page["Question"].value = typed
    page.answered()

    assert page["Question"].value == ("" if sent else typed)
    asked = shell.ip.user_ns.get("_nemotron")
    assert asked.messages[-1]["content"].endswith(sent) if sent else asked is None


def test_a_reply_grows_in_outputs_with_one_tail_and_is_one_output_at_the_end(
    open_panel: Any,
) -> None:
    page = open_panel()
    kinds: set[tuple[type, ...]] = set()

    def grown() -> bool:
        kinds.add(tuple(type(w) for w in page.of_class("nm-turns").children))
        return not page.is_busy()

    page.ask("rehearsal: slow 300\nrehearsal: length 900")
    wait_for(grown, 60)
    html, output = ipywidgets.HTML, ipywidgets.Output

    assert {kind[-1] for kind in kinds if len(kind) > 1} == {html}
    assert max(map(len, kinds)) >= 4
    assert {one for kind in kinds for one in kind[:-1]} == {output}
    assert [type(w) for w in page.of_class("nm-turns").children] == [output]
    assert page.html().count("nm-footer") == 1
    assert "<style" not in page.html()


def htmls(page: PanelPage) -> list[str]:
    """Return what each output of a conversation shows."""
    outputs = page.of_class("nm-turns").children
    return [one.outputs[0]["data"]["text/html"] for one in outputs]


@pytest.mark.parametrize(
    "text",
    [
        "rehearsal: slow 4000\nrehearsal: length 4000",
        "rehearsal: slow 4000\nrehearsal: say <think>Hm.</think>\n\n"
        + "Look:\n\n```python\nx = 1\n```\n\n" * 600,
    ],
)
def test_a_long_reply_stays_in_the_outputs_in_which_it_grew(
    open_panel: Any, text: str
) -> None:
    page = open_panel()
    seen: dict[Any, None] = {}

    def grown() -> bool:
        seen.update(dict.fromkeys(page.of_class("nm-turns").children[:-1]))
        return not page.is_busy()

    page.ask(text)
    wait_for(grown, 60)

    shown = htmls(page)
    assert [*seen] == [*page.of_class("nm-turns").children][: len(seen)]
    assert len(seen) >= 8
    assert max(map(len, shown)) < sum(map(len, shown)) / 5
    assert "nm-question" in shown[0]
    assert ("nm-reasoning" in shown[0]) == ("<think>" in text)
    assert "nm-footer" in shown[-1]
    assert page.html().count("nm-footer") == 1


def test_a_long_reply_comes_into_other_panels_an_output_at_a_time(
    shell: Shell, open_panel: Any
) -> None:
    page, changes = open_panel(), []
    turns = page.of_class("nm-turns")
    turns.observe(lambda change: changes.append(len(change.new)), names="children")
    shell.run("%nemotron rehearsal: length 5000")
    in_a_cell = [*changes]
    other = open_panel()
    other.answered("rehearsal: length 4000")
    wait_for(lambda: htmls(page) == htmls(other))

    assert len(in_a_cell) >= 8
    assert in_a_cell == [*range(2, len(in_a_cell) + 2)]
    assert changes[len(in_a_cell) :] == [*range(in_a_cell[-1] + 2, changes[-1] + 1)]


def test_cells_run_while_it_streams_and_a_stop_ends_it_at_once(
    shell: Shell, app: Any, open_panel: Any
) -> None:
    page = open_panel()
    page.ask(SLOW)
    wait_for(lambda: "no model is behind" in page.html())
    ran = shell.run("print(6 * 7)")
    started_s = time.monotonic()
    page.press("Stop")
    status = page.answered()

    assert ran.text == "42\n"
    assert time.monotonic() - started_s < 3
    assert status == "Stopped by you. Continue goes on."
    assert "Stopped by you" in page.html()
    assert app.session.conversation.turns[0].reply.metadata.ending == "interrupted"


@pytest.mark.parametrize("fault", ["stall-before-headers:30", "429-after-2"])
def test_a_stop_ends_the_wait_for_an_answer_and_gives_the_question_back(
    open_panel: Any, fault: str
) -> None:
    page = open_panel()
    text = f"Hi\nrehearsal: fault {fault}"
    page.ask(text)
    wait_for(lambda: "nm-status" in page.html())
    started_s = time.monotonic()
    page.press("Stop")
    status = page.answered()

    assert time.monotonic() - started_s < 3
    assert status == "Stopped by you."
    assert page["Question"].value == text


def test_a_magic_and_a_panel_ask_at_the_same_time(
    shell: Shell, app: Any, open_panel: Any
) -> None:
    page = open_panel()
    page.ask("rehearsal: slow 200\nrehearsal: say one two three")
    outcome = shell.run("%nemotron -q rehearsal: say four")
    page.answered()

    assert outcome.status == "ok"
    assert sorted(turn.reply for turn in app.session.conversation.turns) == [
        "four",
        "one two three",
    ]


def test_what_cells_did_is_sent_along_also_the_very_last(
    shell: Shell, open_panel: Any
) -> None:
    page = open_panel()
    shell.run("sales = [3, 4]\nprint('sold', sum(sales))")
    page.answered("What was sold, and is $`sales` a list?")

    sent = shell["_nemotron"].messages[-1]["content"]
    assert "sold 7" in sent
    assert "[3, 4]" in sent


def test_what_ran_before_the_last_reply_is_not_sent_again(
    shell: Shell, open_panel: Any
) -> None:
    page = open_panel()
    shell.run("print('once only')")
    page.answered("rehearsal: say A")
    shell.run("print('and then')")
    page.answered("rehearsal: say B")

    sent = shell["_nemotron"].metadata.context_info.text
    assert "and then" in sent
    assert "once only" not in sent


def test_an_error_is_told_and_nothing_is_kept(app: Any, open_panel: Any) -> None:
    page = open_panel()
    status = page.answered("rehearsal: fault 401")

    assert "key" in status
    assert len(status.splitlines()) <= 3
    assert page["Question"].value == "rehearsal: fault 401"
    assert page.html() == ""
    assert app.session.conversation.turns == []


@pytest.mark.parametrize("fault", ["429-hour", "504", "empty-200"])
def test_no_error_sends_to_a_cell_who_asked_in_the_panel(
    open_panel: Any, fault: str
) -> None:
    status = open_panel().answered(f"rehearsal: fault {fault}")

    assert "sk again" in status
    assert "cell" not in status


@pytest.mark.parametrize("fault", ["reset-mid-stream", "error-openai"])
def test_a_reply_that_broke_off_is_gone_on_with_in_the_panel(
    open_panel: Any, fault: str
) -> None:
    page = open_panel()
    page["Conversation"].value = "plots"
    status = page.answered(f"rehearsal: fault {fault}")

    assert status.endswith("Continue goes on.")
    assert "%nemotron" not in status
    assert not page["Continue"].disabled


@pytest.mark.parametrize(
    ("text", "said"),
    [("  ", "there is no question"), ("\n", "no question"), ("$`nope`", "nope")],
)
def test_what_cannot_be_asked_is_told_at_once_and_stays(
    open_panel: Any, text: str, said: str
) -> None:
    page = open_panel()
    page.ask(text)

    assert said in page.status()
    assert page["Question"].value == text.rstrip("\n")
    assert not page.is_busy()


def test_one_question_at_a_time(open_panel: Any) -> None:
    page = open_panel()
    page.ask(SLOW)
    page["Question"].value = "Another"
    page["Question"].value = "Another\n"
    refused = page.status()
    page.press("Stop")
    page.answered()

    assert "not been answered yet" in refused
    assert page["Question"].value == "Another"


def test_the_draft_is_there_again_in_a_panel_that_is_drawn_anew(
    open_panel: Any,
) -> None:
    open_panel()["Question"].value = "Why is"
    page = open_panel()

    assert page["Question"].value == "Why is"


def test_each_panel_sends_what_is_in_its_own_box(shell: Shell, open_panel: Any) -> None:
    first, second = open_panel(), open_panel()
    first["Question"].value = "rehearsal: say first"
    second["Question"].value = "rehearsal: say second"
    first.press("Send")
    first.answered()

    assert shell["_nemotron"] == "first"
    assert second["Question"].value == "rehearsal: say second"


def test_a_button_puts_in_what_the_command_puts_in(
    shell: Shell, open_panel: Any
) -> None:
    shell.run("%config Nemotron.insert_button = 'on'")
    page = open_panel()
    page.answered(
        "rehearsal: say Try\n\n```python\nx = '\u202e'  # \u200b</button>\n```"
    )
    inserted = shell.run("%nemotron code")
    (button,) = (buttons := Buttons(page.html())).found

    assert buttons.sources() == [inserted.next_cell]
    assert button["data-commandlinker-command"] == "apputils:run-all-enabled"
    assert json.loads(button["data-commandlinker-args"])["commands"] == [
        "notebook:insert-cell-below",
        "notebook:replace-selection",
    ]
    assert button["aria-label"] == "Insert the code as a cell below"
    assert "is shown by its number" in page.html()


def test_what_code_hides_and_does_is_said_above_its_button(
    shell: Shell, open_panel: Any
) -> None:
    shell.run("%config Nemotron.insert_button = 'on'")
    page = open_panel()
    code = f"x = 1{' ' * 300}; y = 2\n!ls"
    page.answered(f"rehearsal: say Try\n\n```python\n{code}\n```")
    above, _, _ = page.html().partition("<button")

    assert Buttons(page.html()).sources() == ["x = 1 ; y = 2\n!ls"]
    assert "This cell runs a shell." in above
    assert "line 1: behind 300 blanks stands `; y = 2`" in above


def test_without_a_button_the_command_is_named_instead(
    shell: Shell, open_panel: Any
) -> None:
    shell.run("%config Nemotron.insert_button = 'off'")
    page = open_panel()
    page.answered("rehearsal: say Try\n\n```python\nx = 1\n```\n\n```sh\nls\n```")

    assert Buttons(page.html()).found == []
    assert "into a cell: %nemotron code<" in page.html()


def test_conversations_have_names(open_panel: Any) -> None:
    page = open_panel()
    page.answered("rehearsal: say <b>one</b>")
    page["Conversation"].value = "plots"
    page.answered("rehearsal: say two")
    plots, names = page.html(), page["Conversation"].options
    page["Conversation"].value = ""
    main = page.html()

    assert names == ("main", "plots")
    assert "two" in plots
    assert "one" not in plots
    assert "one" in main
    assert "<b>one" not in main


def test_a_panel_that_opens_later_shows_the_last_turns(
    shell: Shell, open_panel: Any
) -> None:
    for number in range(14):
        shell.run(f"%nemotron -q rehearsal: say reply {number}.")
    page = open_panel()

    assert len(page.of_class("nm-turns").children) == 12
    assert "reply 1." not in page.html()
    assert "reply 2." in page.html()
    assert "reply 13." in page.html()
    assert page.html().startswith('<p class="nm-muted">… 2 turns not shown</p>')


def test_what_a_panel_has_shown_stays_and_what_is_left_out_is_counted(
    shell: Shell, open_panel: Any
) -> None:
    page = open_panel()
    for number in range(13):
        shell.run(f"%nemotron -q rehearsal: say reply {number}.")
    kept = page.html()
    many = "get_ipython().run_line_magic('nemotron', f'-q rehearsal: say many {i}.')"
    shell.run(f"for i in range(13):\n    {many}")

    assert "not shown" not in kept
    assert page.html().startswith(kept)
    assert "reply 0." in kept
    assert "many 0." not in page.html()
    assert "… 1 turn not shown" in page.html()
    assert len(page.of_class("nm-turns").children) == 25


def test_other_panels_and_cells_are_followed_and_nothing_is_sent_twice(
    shell: Shell, open_panel: Any
) -> None:
    first, second = open_panel(), open_panel()
    first.answered("rehearsal: say A1")
    wait_for(lambda: "A1" in second.html())
    (output,) = second.of_class("nm-turns").children
    shell.run("%nemotron -q rehearsal: say B2")

    assert "B2" in first.html()
    assert "B2" in second.html()
    assert second.of_class("nm-turns").children[0] is output


def cut_off(shell: Shell, page: PanelPage) -> str:
    """Let a reply be cut off at its most tokens; return it."""
    shell.run("%config Nemotron.max_tokens = 40")
    page.answered(CUT)
    shell.run("%config Nemotron.max_tokens = 4096")
    return str(shell["_nemotron"])


def test_a_reply_cut_off_is_gone_on_with_and_stands_whole_in_its_place(
    shell: Shell, app: Any, open_panel: Any
) -> None:
    page = open_panel()
    begun = cut_off(shell, page)
    offered = page.status()
    page.press("Continue")
    status = page.answered()
    (turn,) = app.session.conversation.turns

    assert offered == "Cut off. Continue goes on."
    assert turn.reply.startswith(begun)
    assert len(turn.reply) > len(begun)
    assert turn.reply is shell["_nemotron"]
    assert status == "Answered."
    assert page["Continue"].disabled
    assert page.html().count("nm-footer") == 1
    assert "Cut off" not in page.html()


@pytest.mark.parametrize("line", ["%nemotron reset", "%nemotron -q rehearsal: say B"])
def test_nothing_is_said_of_going_on_once_that_cannot_be(
    shell: Shell, open_panel: Any, line: str
) -> None:
    page = open_panel()
    cut_off(shell, page)
    shell.run(line)

    assert page["Continue"].disabled
    assert page.status().startswith("Enter sends.")


def test_another_conversation_begins_without_what_was_said_of_the_one_before(
    open_panel: Any,
) -> None:
    page = open_panel()
    page.answered("rehearsal: fault 401")
    page["Conversation"].value = "plots"

    assert page.status().startswith("Enter sends.")


@pytest.mark.parametrize("line", ["%nemotron reset", "%nemotron reset: plots"])
def test_what_a_cell_has_forgotten_is_in_no_panel(
    shell: Shell, open_panel: Any, line: str
) -> None:
    pages = [open_panel(), open_panel()]
    for page in pages:
        page["Conversation"].value = line.partition(": ")[2]
        page.answered("rehearsal: say B")
    shell.run(line)

    assert [page.html() for page in pages] == ["", ""]
    assert [page["Conversation"].options for page in pages] == [("main",)] * 2


def test_what_is_cut_off_again_can_be_gone_on_with_again(
    shell: Shell, open_panel: Any
) -> None:
    page = open_panel()
    shell.run("%config Nemotron.max_tokens = 40")
    cuts = [page.answered(CUT)]
    page.press("Continue")
    cuts.append(page.answered())
    shell.run("%config Nemotron.max_tokens = 4096")
    page.press("Continue")

    assert cuts == ["Cut off. Continue goes on."] * 2
    assert page.answered() == "Answered."


@pytest.fixture
def stalls(shell: Shell, served: Any) -> Callable[[], None]:
    """Return what lets all calls from then on stall in the middle."""

    def begin() -> None:
        url = served(fault="stall-mid-stream:30")
        shell.run(f"%config Nemotron.base_url = '{url}'")

    return begin


def test_going_on_is_stopped_like_a_question(
    shell: Shell, app: Any, open_panel: Any, stalls: Callable[[], None]
) -> None:
    page = open_panel()
    begun = cut_off(shell, page)
    stalls()
    page.press("Continue")
    still = page.html()
    started_s = time.monotonic()
    page.press("Stop")
    status = page.answered()

    assert still.count("nm-question") == 1
    assert status.startswith("Stopped by you.")
    assert time.monotonic() - started_s < 3
    assert app.session.conversation.turns[0].reply.startswith(begun)


@pytest.mark.parametrize("fault", ["stall-before-headers:30", "429-after-2"])
def test_a_reply_stays_in_sight_until_more_of_it_comes(
    shell: Shell, open_panel: Any, served: Any, fault: str
) -> None:
    page = open_panel()
    page.answered("rehearsal: say before")
    cut_off(shell, page)
    whole = page.html()
    shell.run(f"%config Nemotron.base_url = '{served(fault=fault)}'")
    page.press("Continue")
    wait_for(lambda: "nm-status" in page.html())
    waiting = page.html()
    page.press("Stop")
    page.answered()

    assert "Cut off" in whole
    assert waiting.startswith(whole)
    assert page.html() == whole


def test_when_no_more_comes_what_was_there_is_kept_and_offered_still(
    shell: Shell, app: Any, open_panel: Any
) -> None:
    page = open_panel()
    begun = cut_off(shell, page)
    shell.run('%config Nemotron.base_url = "http://127.0.0.1:9/v1"')
    page.press("Continue")
    status = page.answered()

    assert "cannot connect" in status
    assert app.session.conversation.turns[0].reply == begun
    assert page.html().count("nm-footer") == 1
    assert not page["Continue"].disabled


def test_nothing_is_offered_when_there_is_nothing_to_go_on_with(
    open_panel: Any,
) -> None:
    page = open_panel()
    at_first = page["Continue"].disabled
    page.answered("rehearsal: say all of it")

    assert at_first
    assert page["Continue"].disabled


class Broken:
    """A session whose questions fail in a way that nobody foresaw."""

    def __init__(self, session: Any, error: BaseException) -> None:
        self._session = session
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def ask(self, *args: Any) -> None:
        raise self._error


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [ZeroDivisionError("k" * 32), MemoryError()])
def test_after_a_fault_that_nobody_foresaw_one_can_ask_again(
    app: Any, open_panel: Any, error: Exception
) -> None:
    open_panel()
    broken = Broken(app.session, error)
    page = PanelPage(Panel(replace(app._panels, session=broken)))
    status = page.answered("Hello")
    again = page.answered("Hello again")
    for thread in threading.enumerate():
        if thread.name == "nemotron-panel":
            thread.join()  # it complains when it ends

    assert "nobody foresaw" in status
    assert "nobody foresaw" in again
    assert "k" * 32 not in status
    assert page["Question"].value == "Hello again"


def test_a_reply_is_kept_where_the_kernel_has_no_loop_to_try_its_code_in(
    shell: Shell, open_panel: Any
) -> None:
    shell.run("%config Nemotron.try_code = 'on'")
    page = open_panel()
    status = page.answered("rehearsal: say Try\n\n```python\nx = 1\n```")

    assert status == "Answered."
    assert "the kernel was busy" in page.html()
    assert shell["_nemotron"].code == "x = 1\n"


def test_a_panel_stops_while_it_connects(shell: Shell, open_panel: Any) -> None:
    page = open_panel()
    with deaf() as url:
        shell.run(f"%config Nemotron.base_url = '{url}/v1'")
        page.ask("Hello")
        wait_for(lambda: "nm-status" in page.html())
        started_s = time.monotonic()
        page.press("Stop")
        status = page.answered()

    assert time.monotonic() - started_s < 3
    assert status == "Stopped by you."
    assert page["Question"].value == "Hello"


def test_closing_a_panel_stops_what_it_asks(app: Any, open_panel: Any) -> None:
    page = open_panel()
    page.ask(SLOW)
    wait_for(lambda: "no model is behind" in page.html())
    page.press("Close")
    wait_for(lambda: app.session.conversation.turns)

    assert app.session.conversation.turns[0].reply.metadata.ending == "interrupted"
    assert page.panel.box.comm is None
