"""A panel shows what would be sent, and what was spent."""

from __future__ import annotations

import time
from typing import Any

from fake_comm import FakeComm
from shells import Shell


def told(comm: FakeComm, kind: str, limit_s: float = 30) -> dict[str, Any]:
    """Give the newest message of a kind, when there is one."""
    end_s = time.monotonic() + limit_s
    while not comm.told(kind):
        assert time.monotonic() < end_s
        time.sleep(0.01)
    return comm.told(kind)[-1]


def test_a_preview_is_what_is_sent_to_the_letter_and_sends_nothing(
    shell: Shell, service: Any, open_panel: Any
) -> None:
    comm = open_panel()
    shell.run("print('sold', 7)")
    comm.say("preview", text="What was sold?", thread="main")
    previewed = told(comm, "preview")
    asked_before = len(service.requests)
    comm.say("ask", text="What was sold?", thread="main")
    told(comm, "ended")

    sent = [{"role": m["role"], "content": m["content"]} for m in previewed["messages"]]
    assert asked_before == 0
    assert sent == [dict(m) for m in shell["_nemotron"].messages]
    assert "sold 7" in sent[-1]["content"]


def test_a_preview_shows_what_is_hidden_in_a_question(open_panel: Any) -> None:
    comm = open_panel()
    comm.say("preview", text="why\U000e0041\U000e0042\u200b \u202eso?\r\n❤️")

    shown = told(comm, "preview")["messages"][-1]["content"]
    assert shown.endswith("why[U+E0041 and 1 more][U+200B] [U+202E]so?\n❤️")


def test_a_preview_tells_tokens_and_a_price_once_that_is_known(
    config: Any, open_panel: Any
) -> None:
    comm = open_panel()
    config.model = "nvidia/nemotron-3-nano-30b-a3b"
    comm.say("preview", text="Why?")
    before = told(comm, "preview")
    comm.messages.clear()
    comm.say("prices", text="Why?")
    after = told(comm, "preview")

    assert before["rows"][0][1].startswith("about ")
    assert not before["priced"]
    assert after["priced"]
    assert "$" in dict(after["rows"])["may cost"]


def test_a_preview_of_nothing_shows_what_would_come_with_a_question(
    open_panel: Any,
) -> None:
    comm = open_panel()
    comm.say("preview", text="")

    assert told(comm, "preview")["messages"][0]["role"] == "system"


def test_usage_counts_what_cells_and_panels_asked(
    shell: Shell, open_panel: Any
) -> None:
    comm = open_panel()
    shell.run("%nemotron -q rehearsal: say A")
    comm.say("ask", text="rehearsal: say B")
    told(comm, "ended")
    comm.say("usage")
    usage = told(comm, "usage")

    session = dict(zip(usage["labels"], usage["columns"][1], strict=True))
    last = dict(zip(usage["labels"], usage["columns"][0], strict=True))
    assert (session["Calls"], last["Calls"]) == ("2", "1")
    assert session["Cost"].startswith("$")
    assert usage["days"][-1]["cost_usd"] > 0


def test_the_balance_is_told_when_it_is_asked_for(
    service: Any, open_panel: Any
) -> None:
    comm = open_panel()
    comm.say("balance")
    balance = told(comm, "balance")

    assert balance["text"].startswith("$10.00 left at 127.0.0.1")


def test_a_balance_that_cannot_be_had_is_told(config: Any, open_panel: Any) -> None:
    config.base_url = "http://127.0.0.1:9"
    comm = open_panel()
    comm.say("balance")

    assert "cannot be had" in told(comm, "balance")["text"]


def test_models_come_with_length_and_price_and_a_failure_is_told(
    config: Any, open_panel: Any
) -> None:
    comm = open_panel()
    comm.say("models")
    listed = told(comm, "models")
    config.base_url = "http://127.0.0.1:9"
    comm.messages.clear()
    comm.say("models")
    failed = told(comm, "models")

    assert listed["models"][0]["nemotron"]
    assert "context" in listed["models"][0]["about"]
    assert failed["models"] == []
    assert "cannot connect" in failed["problem"]
