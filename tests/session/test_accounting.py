"""What a session writes down of its calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from answering import FAILED, GONE
from wire import DONE, KEY, LIVE, STOP, NoStore, event, say

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.events import Notice, Text
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.core.settings import Settings
from nemotron_magic.display.reply import footer, metadata, notices
from nemotron_magic.session.credentials import KeyStore
from nemotron_magic.storage.ledger import Ledger
from nemotron_magic.storage.records import CallRecord

HERE = "http://127.0.0.1:1"
USAGE = {"prompt_tokens": 10, "completion_tokens": 2}
TOLD = say("Hi") + STOP + event({"choices": [], "usage": USAGE}) + DONE
COST = {"usage": {"usd_spent": 0.5}}
PAID = say("Hi") + STOP + event({"choices": [], "usage": USAGE, "meta": COST}) + DONE
PRICES = {"prompt": "0.000001", "completion": "0.000002"}


class Service:
    """Answers as it is told; looks into the ledger whenever it is asked."""

    def __init__(self, path: Path | None, *answers: Any) -> None:
        self.ledger = Ledger(path, mounts=str)
        self.seen: list[CallRecord] = []
        self._answers = list(answers)
        self.session = Session(
            base_url=HERE,
            client=Client(httpx.MockTransport(self), sleep=lambda s: None),
            environ={},
            keys=KeyStore(NoStore()),
            ledger=self.ledger,
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            rows = [{"id": LIVE, "pricing": PRICES}]
            return httpx.Response(200, json={"data": rows})
        self.seen += self.ledger.last(1)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        more = {"json": content} if isinstance(content, dict) else {"content": content}
        return httpx.Response(status, headers={"x-request-id": "r-1"}, **more)

    @property
    def calls(self) -> list[CallRecord]:
        """What the ledger holds, oldest first."""
        return list(self.ledger.all())


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as stack:

        def service(*answers: Any) -> Service:
            made = Service(tmp_path / "l.sqlite", *answers)
            stack.callback(made.session.close)
            return made

        yield service


def test_the_row_is_there_when_the_request_goes_out(at: Any) -> None:
    service = at(PAID)
    service.session.ask("Hello")

    (seen,), (call,) = service.seen, service.calls
    assert (seen.ending, seen.number) == ("started", 1)
    assert (call.ending, call.number) == ("complete", 1)


def test_a_call_is_written_down_with_all_that_is_known(at: Any) -> None:
    service = at(PAID)
    service.session.accounting.notebook = "Ärger 日本.ipynb"
    reply = service.session.ask("Hello")

    (call,) = service.calls
    assert (call.model, call.served_model) == (DEFAULT_MODEL, "m")
    assert (call.thread, call.notebook) == ("main", "Ärger 日本.ipynb")
    assert (call.prompt_tokens, call.completion_tokens) == (10, 2)
    assert (call.cost_usd, call.cost_is_estimated) == (0.5, False)
    assert (call.finish_reason, call.attempts) == ("stop", 1)
    assert (call.request_id, call.completion_id) == ("r-1", "gen-1")
    assert call.client_request_id == reply.metadata.client_request_id != ""
    assert call.elapsed_s == reply.metadata.elapsed_s > 0
    assert call.endpoint == "http://127.0.0.1:1/v1"


def test_a_script_that_names_no_notebook_is_written_down_by_its_own_clock() -> None:
    session = Session(
        base_url=HERE,
        client=Client(
            httpx.MockTransport(lambda request: httpx.Response(200, content=PAID))
        ),
        environ={},
        keys=KeyStore(NoStore()),
        now_s=lambda: 86_400.0,
    )
    session.ask("Hello")

    (call,) = session.accounting.ledger.all()
    assert (call.notebook, call.day, call.error) == ("", "1970-01-02", "")


@pytest.mark.parametrize(
    ("answers", "ending", "error", "may_cost", "attempts"),
    [
        ([(400, {})], "failed", "RequestError", False, 1),
        ([(429, {})] * 3, "failed", "RateLimitError", False, 3),
        ([(429, {}), PAID], "complete", "", True, 2),
        ([(504, {})], "failed", "OutcomeUnknownError", True, 1),
        ([httpx.ReadError("gone")], "failed", "OutcomeUnknownError", True, 1),
        ([FAILED], "failed", "OutcomeUnknownError", True, 1),
        ([(500, {})], "failed", "OutcomeUnknownError", True, 1),
        ([(503, {}), (502, {}), PAID], "failed", "OutcomeUnknownError", True, 2),
        ([(521, {})] * 3, "failed", "ServiceError", False, 3),
        ([say("half")], "truncated", "OutcomeUnknownError", True, 1),
    ],
    ids=["400", "429", "again", "504", "lost", "broken", "500", "503", "521", "cut"],
)
def test_calls_that_did_not_go_well_are_rows_too(
    at: Any, answers: Any, ending: str, error: str, may_cost: bool, attempts: int
) -> None:
    service = at(*answers)
    with suppress(NemotronError):
        service.session.ask("Hello")

    (call,) = service.calls
    assert (call.ending, call.error) == (ending, error)
    assert (call.may_cost, call.attempts) == (may_cost, attempts)
    assert call.elapsed_s is not None


def test_an_interrupted_call_is_a_row_too(at: Any) -> None:
    def stop(one: object) -> None:
        if isinstance(one, Text):
            raise KeyboardInterrupt

    service = at(PAID)
    with pytest.raises(NemotronError):
        service.session.ask("Hello", watch=stop)

    (call,) = service.calls
    assert (call.ending, call.error, call.may_cost) == (
        "interrupted",
        "InterruptedByUser",
        True,
    )


def test_a_model_that_was_replaced_leaves_two_rows(at: Any) -> None:
    service = at(GONE, PAID)
    service.session.ask("Hello")

    assert [(c.model, c.ending, c.may_cost) for c in service.calls] == [
        (DEFAULT_MODEL, "failed", False),
        (LIVE, "complete", True),
    ]


@pytest.mark.parametrize(
    "values", [{"base_url": "https://a.example"}, {"base_url": "nonsense"}]
)
def test_what_was_never_sent_is_no_call(at: Any, values: dict[str, Any]) -> None:
    service = at()
    with pytest.raises(NemotronError):
        service.session.ask("Hello", Settings(values))

    assert service.calls == []


def test_neither_words_nor_keys_are_kept(at: Any, tmp_path: Path) -> None:
    service = at(PAID, FAILED)
    service.session.credentials.use(lambda: KEY, service.session.endpoint())
    service.session.ask("What of the zebra?")
    with suppress(NemotronError):
        service.session.ask("And the walrus?")

    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(w in kept for w in (b"zebra", b"walrus", b"half", KEY.encode()))
    assert service.calls[0].question is None


def test_words_are_kept_where_the_user_wants_it_but_no_key(
    at: Any, tmp_path: Path
) -> None:
    service = at(PAID)
    service.session.credentials.use(lambda: KEY, service.session.endpoint())
    service.session.ask(
        f"Is {KEY} a zebra?", Settings({"log_text": True, "base_url": HERE})
    )

    (call,) = service.calls
    assert (call.question, call.answer) == ("Is [key] a zebra?", "Hi")
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert KEY.encode() not in kept


def test_a_cost_that_was_not_reported_is_estimated_once_prices_are_known(
    at: Any,
) -> None:
    service = at(TOLD, TOLD)
    mine = Settings({"model": LIVE, "base_url": HERE})
    unknown = service.session.ask("Hello", mine)
    service.session.models()
    known = service.session.ask("Hello", mine)

    assert [(c.cost_usd, c.cost_is_estimated) for c in service.calls] == [
        (None, False),
        (14e-6, True),
    ]
    assert service.calls[0].most_usd is None
    assert service.calls[1].most_usd > 4096 * 2e-6
    assert footer(unknown).endswith("cost unknown")
    assert footer(known).endswith("~$0.000014")
    assert known.cost_usd is None
    assert metadata(known)["estimated_cost_usd"] == 14e-6


def test_a_ledger_that_fails_is_told_once_and_costs_no_reply(tmp_path: Path) -> None:
    (tmp_path / "l.sqlite").mkdir()
    service = Service(tmp_path / "l.sqlite", PAID, PAID)
    events: list[object] = []
    replies = [service.session.ask(q, watch=events.append) for q in ("1", "2")]

    heard = [one.text for one in events if isinstance(one, Notice)]
    assert replies == ["Hi", "Hi"]
    assert len(heard) == 1
    assert heard[0].startswith("Spending is counted in memory")
    assert notices(replies[0])[0] == heard[0]
    assert service.ledger.of_session().cost_usd == 1.0


def test_a_disk_that_fills_up_meanwhile_is_told_with_the_reply(
    at: Any, tmp_path: Path
) -> None:
    def spoil(one: object) -> None:
        if isinstance(one, Text):
            (tmp_path / "l.sqlite").unlink()
            (tmp_path / "l.sqlite").mkdir()

    service = at(PAID)
    reply = service.session.ask("Hello", watch=spoil)

    assert reply == "Hi"
    assert notices(reply)[0].startswith("Spending is counted in memory")
    assert [call.ending for call in service.calls] == ["complete"]


@pytest.mark.parametrize("absurd", [9.9e14, -0.5, float("nan"), float("inf")])
def test_one_absurd_cost_does_not_block_the_day(at: Any, absurd: float) -> None:
    meta = {"usage": {"usd_spent": absurd}}
    last = event({"choices": [], "usage": USAGE, "meta": meta})
    service = at(say("Hi") + STOP + last + DONE, PAID)
    mine = Settings({"model": LIVE, "base_url": HERE, "daily_budget_usd": 2})
    replies = [service.session.ask(question, mine) for question in ("1", "2")]

    assert replies == ["Hi", "Hi"]
    assert [(c.cost_usd, c.cost_is_estimated) for c in service.calls] == [
        (14e-6, True),
        (0.5, False),
    ]


class Elsewhere(Service):
    """Calls are to be written down elsewhere from when its models are listed on."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self.session.accounting.ledger = Ledger()
        return super().__call__(request)


def test_a_call_is_written_down_where_calls_were_when_it_began() -> None:
    service = Elsewhere(None, PAID)
    limited = {"base_url": HERE, "model": LIVE, "max_cost_usd": 1}
    service.session.ask("Hello", Settings(limited))

    assert [call.ending for call in service.calls] == ["complete"]
    assert service.session.accounting.ledger.of_session().calls == 0
    service.session.close()


class Hasty(Ledger):
    """A ledger whose beginnings are interrupted."""

    def begin(self, call: CallRecord, allow: Any = None) -> CallRecord:
        raise KeyboardInterrupt


def test_an_interrupt_before_the_row_is_there_sends_nothing() -> None:
    service = Service(None, PAID)
    service.session.accounting.ledger = Hasty()
    with pytest.raises(NemotronError, match="nothing was sent"):
        service.session.ask("Hello")

    assert service.seen == []
    assert service.session.accounting.ledger.of_session().billable == 0


class Stubborn(Ledger):
    """A ledger whose ends are always interrupted."""

    def finish(self, begun: CallRecord, ended: CallRecord) -> None:
        raise KeyboardInterrupt


def test_a_reply_is_kept_when_its_row_is_interrupted() -> None:
    service = Service(None, PAID)
    service.session.accounting.ledger = Stubborn()
    with pytest.raises(NemotronError, match="stopped by you") as stopped:
        service.session.ask("Hello")

    assert stopped.value.reply == service.session.conversation.last == "Hi"
    assert service.session.conversation.turns[0].is_answered


def test_a_script_writes_nothing_unless_it_is_told_to(tmp_path: Path) -> None:
    service = Service(None, PAID)
    service.session.ask("Hello")
    session = Session(environ={})
    told = Session(environ={}, ledger=Ledger(str(tmp_path / "calls.sqlite")))

    assert session.accounting.ledger.path is None
    assert told.accounting.ledger.path == tmp_path / "calls.sqlite"
    assert service.session.accounting.ledger.of_session().calls == 1
    service.session.close()
    session.close()
