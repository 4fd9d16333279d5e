"""What may cost too much is not sent."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from wire import DONE, LIVE, STOP, NoStore, event, say

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.core.errors import (
    InterruptedByUser,
    LimitError,
    ModelError,
    NemotronError,
)
from nemotron_magic.core.events import Text
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.usage import Usage
from nemotron_magic.display.reply import footer
from nemotron_magic.session.budget import Budget, CostEstimate
from nemotron_magic.session.credentials import KeyStore
from nemotron_magic.storage.ledger import Ledger
from nemotron_magic.storage.records import CallRecord, Totals

PRICES = {"prompt": "0.000001", "completion": "0.00001"}
USAGE = {"prompt_tokens": 10, "completion_tokens": 2}
COST = {"usage": {"usd_spent": 0.25}}
PAID = say("Hi") + STOP + event({"choices": [], "usage": USAGE, "meta": COST}) + DONE


class Service:
    """A service with prices; counts what it is asked."""

    def __init__(self, ledger: Ledger | None = None, **rows: Any) -> None:
        self.rows = rows.get("rows", [{"id": LIVE, "pricing": PRICES}])
        self.asked: list[str] = []
        self.answer: Any = PAID
        self.listings = 0
        self.session = Session(
            base_url="http://127.0.0.1:1",
            client=Client(httpx.MockTransport(self), sleep=lambda s: None),
            environ={},
            keys=KeyStore(NoStore()),
            ledger=ledger,
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self.listings += 1
            if self.rows is None:
                return httpx.Response(500)
            if isinstance(self.rows, BaseException):
                raise self.rows
            return httpx.Response(200, json={"data": self.rows})
        self.asked.append(request.read().decode())
        if isinstance(self.answer, httpx.Response):
            return self.answer
        return httpx.Response(200, content=self.answer)

    def ask(self, **values: Any) -> Any:
        values = {"model": LIVE, **values, "base_url": "http://127.0.0.1:1"}
        is_default = values["model"] is DEFAULT_MODEL
        return self.session.ask("Hello", Settings(values, {}, is_default))


def test_without_a_limit_nobody_asks_for_prices() -> None:
    service = Service()
    service.ask()

    assert (len(service.asked), service.listings) == (1, 0)


def test_what_may_cost_too_much_is_not_sent_and_the_figures_are_told() -> None:
    service = Service()
    with pytest.raises(LimitError) as refused:
        service.ask(max_cost_usd=0.01)

    what, why, hint = str(refused.value).split("\n")
    assert what.startswith("it may cost $0.041 ($0.0000")
    assert "up to 4,096 tokens)" in what
    assert why == "the limit is $0.010 a call; nothing was sent"
    assert hint.startswith("It fits with: --max-tokens 99")
    assert hint.endswith(
        "Allow more: --max-cost …, or %config Nemotron.max_cost_usd = …"
    )
    assert service.asked == []
    assert service.session.accounting.ledger.last() == []


def test_what_it_says_would_fit_does() -> None:
    service = Service()
    with pytest.raises(LimitError) as refused:
        service.ask(max_cost_usd=0.01)
    tokens = int(refused.value.hint.split("--max-tokens ")[1].split()[0])
    service.ask(max_cost_usd=0.01, max_tokens=tokens)

    assert len(service.asked) == 1
    assert service.listings == 1


@pytest.mark.parametrize("reply_usd", [0.1, 0.0])
def test_a_prompt_that_is_too_dear_by_itself_has_no_length_that_fits(
    reply_usd: float,
) -> None:
    estimate = CostEstimate(1000, 10, 5.0, reply_usd)
    with pytest.raises(LimitError) as refused:
        Budget(call_usd=1.0).check_call(estimate, "m")

    assert "--max-tokens" not in refused.value.hint


@pytest.mark.parametrize(("tokens", "is_told"), [(99, False), (100, True)])
def test_a_length_too_short_to_be_of_use_is_not_told(
    tokens: int, is_told: bool
) -> None:
    estimate = CostEstimate(10, 1000, 0.0, 1.0)
    with pytest.raises(LimitError) as refused:
        Budget(call_usd=tokens / 1000).check_call(estimate, "m")

    assert (f"--max-tokens {tokens}" in refused.value.hint) is is_told


def test_just_enough_is_enough() -> None:
    estimate = CostEstimate(10, 10, 0.5, 0.5)

    Budget(call_usd=1.0).check_call(estimate, "m")
    Budget(session_usd=1.0).check_budgets(estimate, Totals(), Totals(), "")
    with pytest.raises(LimitError):
        Budget(session_usd=1.0).check_budgets(
            estimate, Totals(cost_usd=1e-6), Totals(), ""
        )


def test_just_enough_is_enough_after_sums_that_do_not_come_out_even() -> None:
    spent = Totals(cost_usd=0.1 + 0.1)
    for budget_usd in (0.3, 0.1 + 0.2):
        limits = Budget(session_usd=budget_usd, day_usd=budget_usd)
        limits.check_budgets(CostEstimate(10, 10, 0.0, 0.1), spent, spent, "")
    Budget(call_usd=0.3).check_call(CostEstimate(10, 10, 0.1, 0.2), "m")


@pytest.mark.parametrize(
    ("setting", "span"),
    [("session_budget_usd", "this session"), ("daily_budget_usd", "today")],
)
def test_a_budget_ends_when_it_is_used_up(setting: str, span: str) -> None:
    service = Service()
    service.ask(**{setting: 0.3, "max_tokens": 100})
    with pytest.raises(LimitError, match=rf"\$0.050 of \$0.30 is left {span}"):
        service.ask(**{setting: 0.3, "max_tokens": 6000})
    service.ask(**{setting: 0.3, "max_tokens": 100})
    with pytest.raises(LimitError, match=rf"\$0 of \$0.30 is left {span}"):
        service.ask(**{setting: 0.3, "max_tokens": 100})

    assert len(service.asked) == 2


@pytest.mark.parametrize("status", [500, 502, 504, 520, 599])
def test_a_call_of_unknown_cost_counts_with_the_most_it_could_cost(status: int) -> None:
    service = Service()
    service.answer = httpx.Response(status)
    with pytest.raises(Exception, match="may have been billed"):
        service.ask(session_budget_usd=0.05)
    assert service.session.accounting.ledger.of_session().pending_usd == pytest.approx(
        0.04096, abs=1e-4
    )
    with pytest.raises(LimitError):
        service.ask(session_budget_usd=0.05)

    assert len(service.asked) == 1


def stop_at_text(event: object) -> None:
    if isinstance(event, Text):
        raise KeyboardInterrupt


FAILING = event({"error": {"message": "overloaded"}})
BROKEN_OFF = {
    "stopped": (say("Hello, you", " there") + STOP, stop_at_text),
    "failed": (say("Hello, you") + FAILING, lambda event: None),
    "truncated": (say("Hello, you"), lambda event: None),
}


@pytest.mark.parametrize("name", BROKEN_OFF)
def test_a_reply_that_was_broken_off_is_estimated_and_counts_with_the_most(
    name: str,
) -> None:
    service = Service()
    service.answer, watch = BROKEN_OFF[name]
    settings = Settings({"model": LIVE, "base_url": "http://127.0.0.1:1",
                         "session_budget_usd": 0.05})  # fmt: skip
    with pytest.raises(NemotronError) as broken:
        service.session.ask("Why is the sky blue?", settings, watch)
    known = broken.value.reply.metadata
    (call,) = service.session.accounting.ledger.all()
    totals = service.session.accounting.ledger.of_session()

    assert known.usage == Usage()
    assert 5 < known.estimated_usage.prompt_tokens < 500
    assert 1 <= known.estimated_usage.completion_tokens < 10
    assert call.tokens_are_estimated
    assert call.cost_usd == known.estimated_usd > 0
    assert (totals.unknown_cost, totals.unknown_tokens, totals.estimated_tokens) == (
        0,
        0,
        1,
    )
    assert totals.most_usd == pytest.approx(call.most_usd)
    assert re.search(r"· ~\d+ → \d tokens · ~\$0\.0", footer(broken.value.reply))
    with pytest.raises(LimitError):
        service.session.ask("Why?", settings)


def test_what_a_service_reported_before_it_broke_off_is_no_estimate() -> None:
    service = Service()
    usage = event({"choices": [], "usage": USAGE})
    service.answer = say("Hello, you") + usage + FAILING
    with pytest.raises(NemotronError) as failed:
        service.ask()
    known = failed.value.reply.metadata

    assert (known.estimated_usage, known.usage.prompt_tokens) == (None, 10)
    assert "~10" not in footer(failed.value.reply)


@pytest.mark.parametrize("status", [429, 503, 521, 530])
def test_what_was_turned_away_takes_nothing_of_a_budget(status: int) -> None:
    service = Service()
    service.answer = httpx.Response(status)
    for _ in range(2):
        with pytest.raises(Exception, match=str(status)):
            service.ask(session_budget_usd=0.05)

    assert len(service.asked) == 6
    assert service.session.accounting.ledger.of_session().pending_usd == 0


def test_a_daily_budget_is_shared_by_kernels_and_a_session_budget_is_not(
    tmp_path: Path,
) -> None:
    one, two = (Service(Ledger(tmp_path / "l", mounts=str)) for _ in range(2))
    one.ask(daily_budget_usd=0.3, max_tokens=100)
    two.ask(session_budget_usd=0.3, max_tokens=100)
    with pytest.raises(LimitError, match="is left today"):
        two.ask(daily_budget_usd=0.3, max_tokens=100)

    assert len(two.asked) == 1


def test_a_call_that_still_runs_counts_for_the_other_kernel(tmp_path: Path) -> None:
    other = Ledger(tmp_path / "l", mounts=str)
    other.begin(CallRecord(model="m", most_usd=0.2))
    service = Service(Ledger(tmp_path / "l", mounts=str))
    with pytest.raises(LimitError, match=r"\$0.10 of \$0.30 is left today"):
        service.ask(daily_budget_usd=0.3, max_tokens=20_000)

    assert service.asked == []


UNPRICED = [{"id": LIVE}]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (UNPRICED, "the catalogue lists none"),
        ([{"id": "other", "pricing": PRICES}], "the catalogue lists none"),
        (None, "127.0.0.1"),
    ],
    ids=["no price", "not listed", "no catalogue"],
)
@pytest.mark.parametrize("setting", ["max_cost_usd", "daily_budget_usd"])
def test_an_unknown_price_is_refused_with_the_way_out(
    rows: Any, why: str, setting: str
) -> None:
    service = Service(rows=rows)
    with pytest.raises(LimitError) as refused:
        service.ask(**{setting: 100})

    assert f"the price of {LIVE} is not known" in refused.value.what
    assert why in refused.value.why
    assert "Nemotron.allow_unknown_price = True" in refused.value.hint
    assert service.asked == []

    service.ask(**{setting: 100, "allow_unknown_price": True})
    assert len(service.asked) == 1


def test_an_unknown_price_is_not_allowed_beyond_a_budget_that_is_used_up() -> None:
    service = Service(rows=UNPRICED)
    more = {"session_budget_usd": 0.25, "allow_unknown_price": True}
    service.ask(**more)
    with pytest.raises(LimitError, match="the budget is used up"):
        service.ask(**more)


def test_an_interrupt_while_prices_are_fetched_is_one() -> None:
    service = Service(rows=KeyboardInterrupt())
    with pytest.raises(InterruptedByUser):
        service.ask(max_cost_usd=1)

    assert service.asked == []


def test_the_retired_default_gives_way_before_anything_is_sent() -> None:
    service = Service()
    reply = service.ask(model=DEFAULT_MODEL, max_cost_usd=1)

    assert reply == "Hi"
    assert len(service.asked) == 1
    assert LIVE in service.asked[0]
    assert [call.model for call in service.session.accounting.ledger.all()] == [LIVE]


def test_the_default_without_a_live_nemotron_is_not_asked_under_a_limit() -> None:
    service = Service(rows=[{"id": "other", "pricing": PRICES}])
    with pytest.raises(ModelError, match="does not list"):
        service.ask(model=DEFAULT_MODEL, max_cost_usd=1)

    assert service.asked == []


def lose(path: Path) -> None:
    path.unlink()


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100] + b"\0garbage" * 2000)


def block(path: Path) -> None:
    path.unlink()
    path.mkdir()


def empty(path: Path) -> None:
    Ledger(path.with_name("other"), mounts=str).begin(CallRecord(cost_usd=0.0))
    path.with_name("other").replace(path)


def lessen(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE sums SET cost_usd = -9, open_usd = -9")


@pytest.mark.parametrize("setting", ["session_budget_usd", "daily_budget_usd"])
@pytest.mark.parametrize("harm", [lose, spoil, block, empty, lessen])
def test_a_budget_holds_whatever_becomes_of_the_file(
    tmp_path: Path, harm: Callable[[Path], None], setting: str
) -> None:
    ledger = Ledger(tmp_path / "l", mounts=str)
    service = Service(ledger)
    service.ask(max_tokens=100)
    ledger.close()
    harm(tmp_path / "l")
    for _ in range(2):
        with pytest.raises(LimitError):
            service.ask(**{setting: 0.3, "max_tokens": 6000})

    assert len(service.asked) == 1


@pytest.mark.parametrize("other", ["off", "elsewhere"])
def test_what_was_spent_stays_spent_in_another_ledger(
    tmp_path: Path, other: str
) -> None:
    path = tmp_path / "l"
    Ledger(path, mounts=str).begin(CallRecord(cost_usd=0.2))
    service = Service(Ledger(path, mounts=str, session="s"))
    service.ask(max_tokens=100)
    at = None if other == "off" else tmp_path / other
    service.session.accounting.ledger = Ledger(at, mounts=str, session="s")

    for setting, usd in (("session_budget_usd", 0.3), ("daily_budget_usd", 0.5)):
        with pytest.raises(LimitError, match=r"\$0.050 of"):
            service.ask(**{setting: usd, "max_tokens": 6000})
    service.ask(daily_budget_usd=0.5, max_tokens=100)


def test_what_is_struck_out_is_spent_no_more(tmp_path: Path) -> None:
    service = Service(Ledger(tmp_path / "l", mounts=str))
    service.ask(max_tokens=100)
    service.session.accounting.ledger.strike(1)
    service.ask(daily_budget_usd=0.05, session_budget_usd=0.05, max_tokens=100)
    service.session.accounting.ledger.strike(1, is_struck=False)
    service.session.accounting.ledger.strike(1, is_struck=False)

    with pytest.raises(LimitError, match=r"\$0.50 is left today"):
        service.ask(daily_budget_usd=0.5, max_tokens=100)
    service.ask(daily_budget_usd=0.6, max_tokens=100)


def test_a_day_that_cannot_be_read_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "l").mkdir()
    service = Service(Ledger(tmp_path / "l", mounts=str))
    with pytest.raises(LimitError) as refused:
        service.ask(daily_budget_usd=100)

    assert refused.value.what.startswith("today's cost is not known")
    assert f"the ledger {tmp_path / 'l'} cannot be used" in refused.value.why
    assert refused.value.why.endswith("; nothing was sent")
    assert "%config Nemotron.ledger = 'PATH'" in refused.value.hint
    assert "Nemotron.daily_budget_usd = None" in refused.value.hint
    assert service.asked == []
    service.ask(session_budget_usd=100)
    service.session.accounting.ledger = Ledger(tmp_path / "other", mounts=str)
    service.ask(daily_budget_usd=100)


def test_a_day_whose_file_was_corrupt_is_unknown_until_the_next(tmp_path: Path) -> None:
    now_s = [1_000_000.0]
    Ledger(tmp_path / "l", mounts=str).begin(CallRecord(cost_usd=5.0))
    spoil(tmp_path / "l")
    ledger = Ledger(tmp_path / "l", mounts=str, now_s=lambda: now_s[0])
    service = Service(ledger)
    service.ask()
    with pytest.raises(LimitError, match="was corrupt"):
        service.ask(daily_budget_usd=100)
    now_s[0] += 86_400
    service.ask(daily_budget_usd=100)

    assert len(service.asked) == 2


def test_a_day_that_was_read_before_its_file_was_corrupt_is_known(
    tmp_path: Path,
) -> None:
    Ledger(tmp_path / "l", mounts=str).begin(CallRecord(cost_usd=5.0))
    service = Service(Ledger(tmp_path / "l", mounts=str))
    service.ask()
    service.session.accounting.ledger.close()
    spoil(tmp_path / "l")
    service.ask(daily_budget_usd=100)
    with pytest.raises(LimitError, match=r"of \$5.50 is left today"):
        service.ask(daily_budget_usd=5.5, max_tokens=6000)


def test_calls_of_several_threads_are_counted_once(tmp_path: Path) -> None:
    service = Service(Ledger(tmp_path / "l", mounts=str))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: service.ask(max_tokens=10), range(12)))
    lose(tmp_path / "l")

    with pytest.raises(LimitError, match=r"\$0.010 of \$3.01 is left"):
        service.ask(session_budget_usd=3.01, max_tokens=6000)
