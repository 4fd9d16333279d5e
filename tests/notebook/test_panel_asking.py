"""A panel asks in a thread: cells run meanwhile, and it can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from fake_comm import FakeComm
from shells import Shell

SLOW = "rehearsal: slow 40\nrehearsal: length 400"


def wait_for(what: Callable[[], Any], limit_s: float = 30) -> Any:
    """Give the first thing that is there; threads need their time."""
    end_s = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < end_s
        time.sleep(0.01)
    return found


def answered(comm: FakeComm, text: str, thread: str = "") -> dict[str, Any]:
    """Ask, wait for the end, and give what the page was told of it."""
    before = len(comm.told("ended"))
    comm.say("ask", text=text, thread=thread)
    return dict(wait_for(lambda: comm.told("ended")[before:])[0])


def shown(comm: FakeComm) -> str:
    """Give what stands in the page after all displays so far."""
    displays: dict[str, str] = {}
    for message in comm.told("show"):
        if message["clear"]:
            displays.clear()
        displays[message["id"]] = message["html"]
    return "\n".join(displays.values())


def test_a_question_is_answered_in_the_page_and_counted(
    shell: Shell, runner: Any, open_panel: Any
) -> None:
    comm = open_panel()
    ended = answered(comm, "rehearsal: say Hello *you*")

    assert "<em>you</em>" in shown(comm)
    assert ended["error"] == ""
    assert shell["_nemotron"] == "Hello *you*"
    assert [turn.reply for turn in runner.session.turns] == ["Hello *you*"]
    assert runner.session.ledger.of_session().calls == 1


def test_the_style_sheet_is_not_sent_again(open_panel: Any) -> None:
    comm = open_panel()
    answered(comm, "rehearsal: length 400\nrehearsal: slow 2000")

    assert "<style" not in "".join(m["html"] for m in comm.told("show"))


def test_cells_run_while_it_streams_and_a_stop_ends_it_at_once(
    shell: Shell, runner: Any, open_panel: Any
) -> None:
    comm = open_panel()
    comm.say("ask", text=SLOW)
    wait_for(lambda: "Rehearsal" in shown(comm))
    ran = shell.run("print(6 * 7)")
    started_s = time.monotonic()
    comm.say("stop")
    ended = wait_for(lambda: comm.told("ended"))[0]

    assert ran.text == "42\n"
    assert time.monotonic() - started_s < 3
    assert (ended["stopped"], ended["kept"]) == (True, True)
    assert "Stopped by you" in shown(comm)
    assert runner.session.turns[0].reply.details.ending == "interrupted"


@pytest.mark.parametrize("fault", ["stall-before-headers:30", "429-after-2"])
def test_a_stop_ends_the_wait_for_an_answer(open_panel: Any, fault: str) -> None:
    comm = open_panel()
    comm.say("ask", text=f"Hi\nrehearsal: fault {fault}")
    wait_for(lambda: "asking" in shown(comm) or "again" in shown(comm))
    started_s = time.monotonic()
    comm.say("stop")
    ended = wait_for(lambda: comm.told("ended"))[0]

    assert time.monotonic() - started_s < 3
    assert (ended["stopped"], ended["kept"]) == (True, False)


def test_a_magic_and_a_panel_ask_at_the_same_time(
    shell: Shell, runner: Any, open_panel: Any
) -> None:
    comm = open_panel()
    comm.say("ask", text="rehearsal: slow 200\nrehearsal: say one two three")
    outcome = shell.run("%nemotron -q rehearsal: say four")
    wait_for(lambda: comm.told("ended"))

    assert outcome.status == "ok"
    assert sorted(turn.reply for turn in runner.session.turns) == [
        "four",
        "one two three",
    ]


def test_what_cells_did_goes_along_also_the_very_last(
    shell: Shell, open_panel: Any
) -> None:
    comm = open_panel()
    shell.run("sales = [3, 4]\nprint('sold', sum(sales))")
    answered(comm, "What was sold, and is $`sales` a list?")

    sent = shell["_nemotron"].messages[-1]["content"]
    assert "sold 7" in sent
    assert "[3, 4]" in sent


def test_what_ran_before_the_last_reply_does_not_go_again(
    shell: Shell, open_panel: Any
) -> None:
    comm = open_panel()
    shell.run("print('once only')")
    answered(comm, "rehearsal: say A")
    shell.run("print('and then')")
    answered(comm, "rehearsal: say B")

    sent = shell["_nemotron"].details.attached.text
    assert "and then" in sent
    assert "once only" not in sent


def test_an_error_is_told_and_nothing_is_kept(runner: Any, open_panel: Any) -> None:
    comm = open_panel()
    ended = answered(comm, "rehearsal: fault 401")

    assert "key" in ended["error"]
    assert len(ended["error"].splitlines()) <= 3
    assert not ended["kept"]
    assert runner.session.turns == []


@pytest.mark.parametrize("fault", ["429-hour", "504", "empty-200"])
def test_no_error_sends_to_a_cell_who_asked_in_the_panel(
    open_panel: Any, fault: str
) -> None:
    told = answered(open_panel(), f"rehearsal: fault {fault}")["error"]

    assert "sk again" in told
    assert "cell" not in told


@pytest.mark.parametrize(
    ("text", "said"), [("  ", "there is no question"), ("$`nope`", "nope")]
)
def test_what_cannot_be_asked_is_told_at_once(
    open_panel: Any, text: str, said: str
) -> None:
    comm = open_panel()
    comm.say("ask", text=text)

    (problem,) = comm.told("problem")
    assert problem["about"] == "ask"
    assert said in problem["text"]


def test_one_question_at_a_time(open_panel: Any) -> None:
    comm = open_panel()
    comm.say("ask", text=SLOW)
    comm.say("ask", text="Another")
    comm.say("stop")
    wait_for(lambda: comm.told("ended"))

    assert "not been answered yet" in comm.told("problem")[0]["text"]
    assert len(comm.told("ended")) == 1


def test_code_is_offered_as_cells_and_waits_for_the_command(
    shell: Shell, open_panel: Any
) -> None:
    comm = open_panel()
    ended = answered(comm, "rehearsal: say Try\n\n```python\nx = 6 * 7\n```")
    inserted = shell.run("%nemotron code")

    assert ended["cells"] == [{"source": "x = 6 * 7", "language": "python", "said": []}]
    assert inserted.status == "ok"


def test_what_code_hides_and_does_is_said_where_it_is_offered(open_panel: Any) -> None:
    comm = open_panel()
    code = f"x = 1{' ' * 300}; y = 2\n!ls"
    ended = answered(comm, f"rehearsal: say Try\n\n```python\n{code}\n```")

    (cell,) = ended["cells"]
    assert cell["source"] == "x = 1 ; y = 2\n!ls"
    assert cell["said"] == [
        "This cell runs a shell.",
        "line 1: 300 blanks hid what stands behind them",
    ]


def test_conversations_are_told_by_name_and_can_be_forgotten(
    runner: Any, open_panel: Any
) -> None:
    comm = open_panel()
    answered(comm, "rehearsal: say <b>one</b>")
    answered(comm, "rehearsal: say two", "plots")
    comm.say("talk", thread="plots")
    comm.say("talk", thread="main")
    plots, main = comm.told("talk")
    comm.say("forget", thread="plots")

    assert plots["names"] == ["main", "plots"]
    assert [turn["question"] for turn in plots["turns"]] == ["rehearsal: say two"]
    assert "two" in plots["turns"][0]["html"]
    assert "<b>one" not in main["turns"][0]["html"]
    assert comm.told("talk")[-1]["turns"] == []
    assert "plots" not in runner.session.threads


def test_a_page_that_comes_later_sees_what_streams(open_panel: Any) -> None:
    comm = open_panel()
    comm.say("ask", text=SLOW)
    wait_for(lambda: "Rehearsal" in shown(comm))
    comm.messages.clear()
    comm.say("talk", thread="main")
    later = comm.told("asked"), shown(comm)
    comm.say("stop")

    assert later[0][0]["question"] == SLOW
    assert "Rehearsal" in later[1]


def test_other_panels_and_questions_in_cells_are_news(
    shell: Shell, open_panel: Any
) -> None:
    first, second = open_panel(), open_panel()
    answered(first, "rehearsal: say A")
    wait_for(lambda: second.told("news"))
    shell.run("x = 1")
    quiet = len(second.told("news"))
    shell.run("%nemotron -q rehearsal: say B")

    assert quiet == 1
    assert len(second.told("news")) == 2


CUT = "rehearsal: length 300"


def cut_off(shell: Shell, comm: FakeComm) -> str:
    """Let a reply be cut off at its most tokens; give it."""
    shell.run("%config Nemotron.max_tokens = 40")
    answered(comm, CUT)
    shell.run("%config Nemotron.max_tokens = 4096")
    comm.messages.clear()
    return str(shell["_nemotron"])


def gone_on(comm: FakeComm) -> dict[str, Any]:
    """Go on, wait for the end, and give what the page was told of it."""
    before = len(comm.told("ended"))
    comm.say("continue", thread="main")
    return dict(wait_for(lambda: comm.told("ended")[before:])[0])


def test_a_reply_cut_off_is_gone_on_with_and_stands_whole_in_its_place(
    shell: Shell, runner: Any, open_panel: Any
) -> None:
    comm = open_panel()
    begun = cut_off(shell, comm)
    comm.say("talk", thread="main")
    offered = [turn["cut"] for turn in comm.told("talk")[0]["turns"]]
    ended = gone_on(comm)
    (turn,) = runner.session.turns

    assert offered == [True]
    assert turn.reply.startswith(begun)
    assert len(turn.reply) > len(begun)
    assert turn.reply is shell["_nemotron"]
    assert (ended["error"], ended["kept"], ended["cut"]) == ("", True, False)
    assert shown(comm).count("nm-footer") == 1
    assert "Cut off" not in shown(comm)


def test_what_is_cut_off_again_can_be_gone_on_with_again(
    shell: Shell, open_panel: Any
) -> None:
    comm = open_panel()
    shell.run("%config Nemotron.max_tokens = 40")
    cuts = [answered(comm, CUT)["cut"], gone_on(comm)["cut"]]
    shell.run("%config Nemotron.max_tokens = 4096")
    comm.messages.clear()

    assert [*cuts, gone_on(comm)["cut"]] == [True, True, False]


@pytest.fixture
def stalls(shell: Shell, served: Any) -> Callable[[], None]:
    """Give what lets all calls from then on stall in the middle."""

    def begin() -> None:
        url = served(fault="stall-mid-stream:30")
        shell.run(f"%config Nemotron.base_url = '{url}'")

    return begin


def test_going_on_is_stopped_like_a_question(
    shell: Shell, runner: Any, open_panel: Any, stalls: Callable[[], None]
) -> None:
    comm = open_panel()
    begun = cut_off(shell, comm)
    stalls()
    comm.say("continue", thread="main")
    wait_for(lambda: comm.told("show"))
    started_s = time.monotonic()
    comm.say("stop")
    ended = wait_for(lambda: comm.told("ended"))[0]

    assert ended["stopped"]
    assert time.monotonic() - started_s < 3
    assert runner.session.turns[0].reply.startswith(begun)


def test_when_no_more_comes_what_was_there_is_kept_and_offered_still(
    shell: Shell, runner: Any, open_panel: Any
) -> None:
    comm = open_panel()
    begun = cut_off(shell, comm)
    shell.run('%config Nemotron.base_url = "http://127.0.0.1:9/v1"')
    ended = gone_on(comm)
    comm.say("talk", thread="main")

    assert ended["error"]
    assert not ended["kept"]
    assert runner.session.turns[0].reply == begun
    assert comm.told("talk")[0]["turns"][0]["cut"]


def test_nothing_is_offered_when_there_is_nothing_to_go_on_with(
    open_panel: Any,
) -> None:
    comm = open_panel()
    whole = answered(comm, "rehearsal: say all of it")
    comm.say("talk", thread="main")
    comm.say("continue", thread="main")
    comm.say("continue", thread="another")

    assert not whole["cut"]
    assert not comm.told("talk")[0]["turns"][0]["cut"]
    assert len(comm.told("ended")) == 1
    assert {p["about"] for p in comm.told("problem")} == {"continue"}


def test_a_page_that_comes_later_sees_a_reply_that_is_gone_on_with(
    shell: Shell, open_panel: Any, stalls: Callable[[], None]
) -> None:
    comm = open_panel()
    cut_off(shell, comm)
    stalls()
    comm.say("continue", thread="main")
    comm.say("talk", thread="main")
    asked = comm.told("asked")
    comm.say("stop")
    wait_for(lambda: comm.told("ended"))

    assert [(a["question"], a["goes_on"]) for a in asked] == [(CUT, True)]


def test_closing_a_panel_stops_what_it_asks(runner: Any, open_panel: Any) -> None:
    comm = open_panel()
    comm.say("ask", text=SLOW)
    wait_for(lambda: "Rehearsal" in shown(comm))
    comm.say("close")
    told = len(comm.messages)
    wait_for(lambda: runner.session.turns)

    assert runner.session.turns[0].reply.details.ending == "interrupted"
    assert len(comm.messages) == told
