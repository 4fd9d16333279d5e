"""What it cost, as the commands tell it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from service import Address, serve
from shells import Kernel, Shell
from wire import DONE, LIVE, STOP, event, say

from nemotron_magic.display.reports import cost_text, tokens_text
from nemotron_magic.storage.ledger import Ledger
from nemotron_magic.storage.records import CallRecord, Totals

ASK = "x = %nemotron -q rehearsal: say hello"


@pytest.fixture
def shell(home: Path, shell: Shell) -> Shell:
    return shell


def add(home: Path, **known: object) -> None:
    """Write a row of another session."""
    ledger = Ledger(home / "ledger.sqlite")
    begun = ledger.begin(CallRecord(model="other|`model`"))
    if known:
        values = {name: getattr(begun, name) for name in CallRecord.__slots__}
        ledger.finish(begun, CallRecord(**{**values, "ending": "complete", **known}))


def test_nothing_is_opened_before_the_first_question(shell: Shell, home: Path) -> None:
    assert not home.exists()

    shell.run(ASK)

    assert (home / "ledger.sqlite").is_file()


def test_usage_tells_session_day_and_month(shell: Shell, home: Path) -> None:
    add(home, cost_usd=0.25, prompt_tokens=1000, completion_tokens=1)
    shell.run(ASK)
    told = shell.run("%nemotron usage").text

    session, month = (
        next(line for line in told.splitlines() if name in line).split("|")
        for name in ("This session", "This month")
    )
    assert session[2].strip() == "1"
    assert month[2].strip() == "2"
    cost_usd = shell["x"].cost_usd
    assert cost_usd > 0
    assert session[5].strip().startswith("$")
    assert f"{1000 + shell['x'].usage.prompt_tokens:,}" in month[3]
    assert str(home / "ledger.sqlite") in told
    assert "other" in told


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, ["at least $", "1 unfinished", "the cost is unknown"]),
        ({"ending": "failed", "may_cost": False}, ["1 failed"]),
        ({"ending": "interrupted"}, ["1 interrupted", "at least $"]),
        ({"attempts": 3, "cost_usd": 1.0}, ["2 sent again"]),
        (
            {"cost_usd": 1.0, "cost_is_estimated": True},
            ["~$1.00", "~ marks an estimate"],
        ),
        ({"cost_usd": 1.0, "reasoning_tokens": 7}, ["7 of the tokens out were reason"]),
        (
            {"cost_usd": 1.0, "cached_tokens": 9},
            ["9 of the tokens in came from"],
        ),
        (
            {"cost_usd": 0.0, "is_cached": True, "may_cost": False},
            ["1 call answered from the cache"],
        ),
    ],
)
def test_usage_says_how_sure_it_is(
    shell: Shell, home: Path, known: dict[str, object], words: list[str]
) -> None:
    shell.run(ASK)
    add(home, **known)
    told = shell.run("%nemotron usage").text

    assert [word for word in words if word not in told] == []


def test_tokens_are_unknown_or_a_lower_bound() -> None:
    assert tokens_text(Totals()) == ("0", "0")
    assert tokens_text(Totals(billable=1, unknown_tokens=1)) == ("unknown", "unknown")
    assert tokens_text(Totals(billable=2, unknown_tokens=1, prompt_tokens=1000)) == (
        "at least 1,000",
        "at least 0",
    )


@pytest.mark.parametrize(
    ("totals", "words"),
    [
        (Totals(), "$0"),
        (Totals(calls=1, billable=1, unknown_cost=1), "unknown"),
        (Totals(calls=2, billable=2, unknown_cost=1, cost_usd=0.5), "at least $0.50"),
        (Totals(calls=1, billable=1, cost_usd=0.5, estimated_usd=0.1), "~$0.50"),
        (Totals(calls=1, cached=1), "$0"),
    ],
)
def test_a_cost_is_unknown_estimated_or_a_lower_bound(
    totals: Totals, words: str
) -> None:
    assert cost_text(totals) == words


def test_usage_before_the_first_call(shell: Shell) -> None:
    told = shell.run("%nemotron usage")

    assert told.status == "ok"
    assert "This session" in told.text


def test_usage_is_exported(shell: Shell, tmp_path: Path) -> None:
    shell.run(ASK)
    path = tmp_path / "my calls.csv"
    told = shell.run(f"%nemotron usage: export {path}")

    assert "Wrote 1 call to" in told.text
    with path.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["ending"] == "complete"
    assert float(row["cost_usd"]) == shell["x"].cost_usd


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("usage: all", "usage takes export PATH or nothing, got all"),
        ("usage: export a.parquet", "calls are exported to .csv or .json"),
        ("log: 99", "there is no call 99 in the ledger"),
        ("log: last", "log takes [strike] NUMBER or nothing, got last"),
        ("balance: all", "balance takes no text"),
    ],
)
def test_what_cannot_be_told_is_said(shell: Shell, line: str, words: str) -> None:
    told = shell.run(f"%nemotron {line}")

    assert told.status == "error"
    assert words in told.error


def test_the_log_tells_the_last_calls(shell: Shell, home: Path) -> None:
    assert "No call" in shell.run("%nemotron log").text
    add(home)
    shell.run(ASK)
    shell.run("%nemotron -q rehearsal: fault 401")
    told = shell.run("%nemotron log").text

    ends = ("failed: AuthenticationError", "complete", "unfinished; it may have")
    places = [told.find(end) for end in ends]
    assert -1 not in places
    assert places == sorted(places)


def test_the_log_tells_all_of_one_call(shell: Shell) -> None:
    shell.run(ASK)
    told = shell.run("%nemotron log: 1").text

    assert shell["x"].metadata.client_request_id in told
    assert "hello" not in told
    assert "unknown" not in told.splitlines()[2]
    assert told.count("complete") == 1
    assert "is_struck" not in told
    assert "is_cached" not in told


def test_the_log_holds_words_only_where_that_is_wanted(shell: Shell) -> None:
    shell.run("%config Nemotron.log_text = True")
    shell.run(ASK)

    assert "say hello" in shell.run("%nemotron log: 1").text


def test_the_card_tells_what_was_spent_lately(shell: Shell, home: Path) -> None:
    assert "nothing in this session" in shell.run("%nemotron").text
    add(home, cost_usd=0.25)

    assert "today $0.25 · this month $0.25" in shell.run("%nemotron").text
    shell.run(ASK)
    tokens = f"{shell['x'].usage.prompt_tokens} → "
    assert f"1 call · {tokens}" in shell.run("%nemotron").text


def test_the_balance_is_asked_for_only_when_wanted(
    shell: Shell, service: Address
) -> None:
    shell.run(ASK)
    before = [record.path for record in service.requests]
    told = shell.run("%nemotron balance").text

    assert not any("billing" in path for path in before)
    assert " left at `127.0.0.1" in told
    assert "$" in told


def test_the_ledger_can_be_turned_off_and_put_elsewhere(
    shell: Shell, home: Path, tmp_path: Path
) -> None:
    shell.run("%config Nemotron.ledger = ' OFF'")
    shell.run(ASK)
    assert (
        "Recorded in memory, for this session only."
        in shell.run("%nemotron usage").text
    )
    assert not home.exists()

    shell.run(f"%config Nemotron.ledger = '{tmp_path}/mine.sqlite'")
    shell.run(ASK)
    assert [call.ending for call in Ledger(tmp_path / "mine.sqlite").all()] == [
        "complete"
    ]


def test_what_is_unknown_of_a_session_is_named(shell: Shell) -> None:
    with serve(dialect="no-usage") as url:
        shell.run(f"%config Nemotron.base_url = '{url}'")
        shell.run(ASK)
        card = shell.run("%nemotron").text

    assert "| 1 call · tokens unknown · cost unknown · today unknown" in card


def test_a_rehearsal_is_in_nobodys_ledger(shell: Shell, home: Path) -> None:
    shell.run("%nemotron rehearse")
    shell.run(ASK)
    told = shell.run("%nemotron usage").text
    shell.run("%nemotron rehearse: off")

    assert "Recorded in memory" in told
    assert list(Ledger(home / "ledger.sqlite").all()) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("%nemotron --preview why?", "| may cost | rehearsal, would be about $0.0"),
        ("%nemotron -m nvidia/nemotron-3-nano-30b-a3b --preview a long question", "$"),
        ("%nemotron -p plugins=[1] --preview why?", "| rehearsal, costs nothing |"),
        ("%nemotron -m nobody/nothing --preview why?", "| rehearsal, costs nothing |"),
        (
            "%%nemotron --as n --preview rows: values\nWhy?",
            "a row | rehearsal, would",
        ),
    ],
)
def test_a_preview_in_a_rehearsal_tells_what_it_would_cost(
    shell: Shell, line: str, told: str
) -> None:
    shell.run("%nemotron rehearse\nvalues = [1, 2]")
    shown = shell.run(line).text
    costs = "".join(one for one in shown.splitlines() if "may cost" in one)

    assert told in costs
    assert "unknown" not in costs


def test_a_service_chosen_during_a_rehearsal_is_counted_and_stays(
    shell: Shell, home: Path
) -> None:
    with serve() as chosen:
        shell.run("%nemotron rehearse")
        shell.run(f"%config Nemotron.base_url = '{chosen}'")
        shell.run(ASK)
        off = shell.run("%nemotron rehearse: off").text
        shell.run(ASK)
        asked = len(chosen.requests)

    assert len(list(Ledger(home / "ledger.sqlite").all())) == 2
    assert str(chosen) in off
    assert asked == 2


def test_a_rehearsal_can_be_gone_back_to(shell: Shell) -> None:
    shell.run("%nemotron rehearse")
    shell.run("%config Nemotron.base_url = 'http://127.0.0.1:9/v1'")
    shell.run("%nemotron rehearse")

    assert shell.run(ASK).status == "ok"
    assert "127.0.0.1:9/" in shell.run("%nemotron rehearse: off").text


def test_the_doctor_looks_at_the_ledger(shell: Shell, home: Path) -> None:
    told = shell.run("%nemotron doctor").text
    assert f"✓ ledger: {home}/ledger.sqlite" in told.replace("`", "")

    shell.run("%config Nemotron.ledger = 'off'")
    told = shell.run("%nemotron doctor").text
    assert "✓ ledger: in memory, for this session only" in told

    shell.run("%config Nemotron.ledger = '/dev/null/a'")
    told = shell.run("%nemotron doctor").text.replace("\n", " ")
    assert "✗ ledger: in memory; /dev/null/a cannot be used" in told.replace("`", "")


def test_a_home_that_cannot_be_used_is_told_once(shell: Shell, home: Path) -> None:
    home.write_text("a file where the folder should be")
    first = shell.run("%nemotron rehearsal: say hello")
    second = shell.run("%nemotron rehearsal: say hello")

    assert first.status == second.status == "ok"
    assert "Spending is counted in memory" in first.text
    assert "Spending is counted in memory" not in second.text
    assert "for this session only:" in shell.run("%nemotron usage").text


def test_a_limit_can_be_set_for_a_call(shell: Shell, service: Address) -> None:
    told = shell.run("%nemotron --max-cost 0.000001 why?")

    assert told.status == "error"
    assert "it may cost $" in told.error
    assert "the limit is $0.0000010 a call; nothing was sent" in told.error
    assert [r for r in service.requests if r.method == "POST"] == []
    assert shell.run("%nemotron --max-cost 1 why?").status == "ok"


@pytest.mark.parametrize("again", ["%reload_ext", "%unload_ext", "%load_ext"])
def test_a_session_lasts_as_long_as_its_shell(shell: Shell, again: str) -> None:
    shell.run(ASK)
    shell.run("%config Nemotron.ledger = 'off'")
    shell.run(f"{again} nemotron_magic")
    shell.run("%load_ext nemotron_magic")
    shell.run(f"%config Nemotron.session_budget_usd = {shell['x'].cost_usd}")
    refused = shell.run(ASK)

    assert "$0 of $" in refused.error
    assert "is left this session" in refused.error


def test_a_limit_can_be_set_for_the_session(shell: Shell) -> None:
    shell.run("%config Nemotron.session_budget_usd = 0.000001")
    told = shell.run("%nemotron why?")

    assert told.status == "error"
    assert "is left this session" in told.error


@pytest.mark.parametrize("known", [{"cost_usd": 9.9e14}, {"cost_usd": 7.0}])
def test_a_call_is_struck_out_of_the_budgets_and_taken_in_again(
    shell: Shell, home: Path, known: dict[str, object]
) -> None:
    add(home, **known)
    shell.run("%config Nemotron.daily_budget_usd = 0.5")
    refused = shell.run(ASK)
    struck = shell.run("%nemotron log: strike 1")
    asked = shell.run(ASK)
    log = shell.run("%nemotron log").text
    again = shell.run("%nemotron log: unstrike 1")

    assert "is left today" in refused.error
    assert "no longer counts" in struck.text
    assert "%nemotron log: unstrike 1" in struck.text
    assert asked.status == "ok"
    assert "struck out (complete)" in log
    assert "counts again" in again.text
    assert "is left today" in shell.run(ASK).error


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("log: strike 99", "there is no call 99 in the ledger"),
        ("log: strike", "log takes [strike] NUMBER or nothing, got strike"),
        ("log: unstrike x", "log takes [strike] NUMBER or nothing, got unstrike x"),
    ],
)
def test_what_is_not_in_the_ledger_cannot_be_struck_out(
    shell: Shell, line: str, words: str
) -> None:
    assert words in shell.run(f"%nemotron {line}").error


TOOL = {"type": "function", "function": {"name": "f", "description": "d." * 50_000}}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            f"-p tools={json.dumps([TOOL], separators=(chr(44), chr(58)))}",
            "it may cost $",
        ),
        ("-n 10 -p max_completion_tokens=900000", "up to 900,000 tokens"),
        ("-n 10 -p best_of=90000", "up to 900,000 tokens"),
        ('-p models=["some/other"]', "is not known, so a limit cannot be kept"),
        ('-p plugins=[{"id":"web"}]', "what plugins may add to the price is not known"),
        ("-p model=some/other", "-p cannot set model"),
    ],
)
def test_no_field_gets_by_a_limit(
    shell: Shell, service: Address, flags: str, words: str
) -> None:
    plain = shell.run("%nemotron -n 10 --max-cost 0.001 why?")
    told = shell.run(f"%nemotron --max-cost 0.001 {flags} why?")

    assert plain.status == "ok"
    assert told.status == "error"
    assert words in told.error
    assert len([r for r in service.requests if r.method == "POST"]) == 1


@pytest.fixture
def own_kernel(
    service: Address, tmp_path: Path, loops_closed: None
) -> Iterator[Kernel]:
    """Give a kernel that asks this test's service, with a home of its own."""
    kernel = Kernel(tmp_path, AIMLAPI_API_BASE=str(service))
    kernel.run("%load_ext nemotron_magic")
    yield kernel
    kernel.close()


def test_the_preview_is_all_that_is_sent(own_kernel: Kernel, service: Address) -> None:
    kernel = own_kernel
    flags = (
        '-n 77 --stop "|" -p metadata={"api_key":"q8Zk2LmP0vXw","team":"b`c"} '
        '-p tools=[{"type":"function","function":{"name":"f"}}] -p logprobs=true'
    )
    shown = kernel.run(f"%nemotron -c none --fresh --preview {flags} why?").outputs
    kernel.run(f"%nemotron -c none --fresh {flags} why?")
    after = kernel.run("%nemotron preview").outputs
    sent = service.requests[-1].body

    for text in (one[0]["data"]["text/plain"] for one in (shown, after)):
        fields = json.loads(text.partition("```json\n")[2].rpartition("\n```")[0])
        assert {**fields, "messages": sent["messages"]} == sent
        assert fields["metadata"]["team"] == "b`c"
        assert "q8Zk2LmP0vXw" not in text
        assert "1 × " in text


@pytest.mark.parametrize("last", [{}, {"usd_spent": 0, "credits_used": 0}])
def test_an_empty_report_at_the_end_hides_nothing_from_footer_and_budget(
    shell: Shell, last: dict[str, int]
) -> None:
    real = {"prompt_tokens": 39_320, "completion_tokens": 26}
    none = dict.fromkeys(real, 0)
    spent = event({"usage": real, "meta": {"usage": {"usd_spent": 0.25}}})
    empty = event({"usage": none, "meta": {"usage": last}})
    with serve(body=[say("Hi"), STOP, spent, empty, DONE]) as url:
        shell.run(f"%config Nemotron.base_url = '{url}'")
        told = shell.run("%nemotron why?").text
        shell.run("%config Nemotron.session_budget_usd = 0.2")
        refused = shell.run("%nemotron why?").error

    assert "39,320 → 26 tokens · $0.25" in told
    assert "$0 of $0.20 is left this session" in refused


RUINS = {
    "deleted": "import os; os.remove(PATH)",
    "loaded anew": "import os; os.remove(PATH)\n%reload_ext nemotron_magic",
    "corrupt": "f = open(PATH, 'r+b'); f.write(bytes(9999)); f.close()",
    "moved": "os.rename(PATH, PATH + '.old')",
    "off": "%config Nemotron.ledger = 'off'",
    "elsewhere": "%config Nemotron.ledger = 'other.sqlite'",
    "rehearsed": "%nemotron rehearse\n%nemotron why?\n%nemotron rehearse: off",
    "a folder": "%config Nemotron.ledger = 'on'\nos.remove(PATH); os.mkdir(PATH)",
}


def test_no_ruin_of_the_ledger_lets_a_refused_call_out(
    own_kernel: Kernel, service: Address
) -> None:
    run = own_kernel.run
    ask = "%nemotron -q -n 300 -c none --fresh rehearsal: say hello"
    at = "get_ipython().magics_manager.magics['line']['nemotron'].__self__.app"
    run(f"%config Nemotron.model = '{LIVE}'")
    assert run(ask.replace("-q", "-q --max-cost 1")).status == "ok"
    run(f"PATH = str({at}.session.accounting.ledger.path)")
    run(f"row = {at}.session.accounting.ledger.last(1)[0]")
    run("limit = row.most_usd + row.cost_usd / 2")
    asked = [request for request in service.requests if request.body]
    for name, ruin in RUINS.items():
        done = run(ruin)
        for setting in ("session", "daily"):
            run(f"%config Nemotron.{setting}_budget_usd = limit")
            told = run(ask)
            run(f"%config Nemotron.{setting}_budget_usd = None")

            assert (name, done.status, told.status) == (name, "ok", "error")
            assert "LimitError" in told.error
    assert [request for request in service.requests if request.body] == asked
    assert "today's cost is not known" in told.error
    run("%config Nemotron.session_budget_usd = 2 * limit")
    assert run(ask).status == "ok"
