"""A model that is gone, and what calls took."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import Any

import httpx
import pytest
from answering import CUT, FAILED, GONE, LIMITED, Service, whole
from wire import DONE, LIVE, STOP, delta, event, say

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.core.errors import (
    InputError,
    ModelError,
    NemotronError,
    OutcomeUnknownError,
    RequestError,
)
from nemotron_magic.core.events import Notice
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.core.settings import Settings
from nemotron_magic.display.reply import notices
from nemotron_magic.session.conversation import Continuation, Correction

# ---- a retired model


CATALOGUE = ("openai/gpt-4o", "nvidia/nemotron-3-nano-30b-a3b", LIVE)


def test_the_retired_default_gives_way_and_says_so_once() -> None:
    service = Service(GONE, models=CATALOGUE)
    session = service.session()
    heard: list[str] = []

    def watch(one: object) -> None:
        heard.extend([one.text] if isinstance(one, Notice) else [])

    replies = [session.ask(question, watch=watch) for question in ("1", "2")]

    assert [body["model"] for body in service.bodies] == [DEFAULT_MODEL, LIVE, LIVE]
    assert heard == [f"{DEFAULT_MODEL} is not served any more; asked {LIVE}"]
    assert [notices(reply) for reply in replies] == [(*heard,), ()]
    assert [reply.metadata.model for reply in replies] == [LIVE, LIVE]
    assert service.listed == 1


def test_any_nemotron_will_do() -> None:
    service = Service(GONE, models=("z/other", "b/nemotron-9", "a/nemotron-8"))
    service.session().ask("1")

    assert service.bodies[-1]["model"] == "a/nemotron-8"


@pytest.mark.parametrize("model", ["x/mine", DEFAULT_MODEL])
def test_a_model_of_ones_own_is_never_replaced(model: str) -> None:
    service = Service(GONE, models=CATALOGUE)
    with pytest.raises(ModelError) as failed:
        service.session(model=model).ask("1")

    assert [body["model"] for body in service.bodies] == [model]
    assert failed.value.hint.startswith("Live here: nvidia/nemotron-3-nano-30b-a3b, ")


@pytest.mark.parametrize("models", [("openai/gpt-4o",), ()], ids=["none", "no list"])
def test_without_a_live_nemotron_the_error_stays(models: tuple[str, ...]) -> None:
    service = Service(GONE, models=models)
    with pytest.raises(ModelError, match="does not serve"):
        service.session().ask("1")

    assert len(service.bodies) == 1


class Renaming(Service):
    """Knows no model that it is asked for, and lists another Nemotron each time."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(*answers)
        self.names = (f"nvidia/nemotron-{number}" for number in count())

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self._models = (next(self.names), "nvidia/nemotron-z")
        elif not self.answers:
            self.answers.append(GONE)
        return super().__call__(request)


def test_a_replacement_that_is_gone_as_well_ends_the_question() -> None:
    service = Service(GONE, GONE, models=CATALOGUE)
    with pytest.raises(ModelError) as failed:
        service.session().ask("1")

    assert [body["model"] for body in service.bodies] == [DEFAULT_MODEL, LIVE]
    assert failed.value.hint.startswith("Live here: nvidia/nemotron-3-nano-30b-a3b, ")
    assert LIVE not in failed.value.hint


def test_each_question_is_sent_to_one_other_model_at_most() -> None:
    service = Renaming()
    session = service.session()
    for question in "123":
        with pytest.raises(ModelError):
            session.ask(question)

    asked = [body["model"] for body in service.bodies]
    assert asked[::2] == [DEFAULT_MODEL] * 3
    assert len(set(asked[1::2])) == 3
    assert len(asked) == 6


def test_a_correction_after_a_substitution_is_sent_to_no_third_model() -> None:
    service = Renaming(GONE, whole("```python\nx = (\n```"))
    session = service.session()
    session.ask("1")
    with pytest.raises(ModelError):
        session.ask(Correction("it cannot be parsed"))

    first, *others = [body["model"] for body in service.bodies]
    assert first == DEFAULT_MODEL
    assert others == ["nvidia/nemotron-0"] * 2


def test_the_rest_of_a_reply_is_asked_of_no_third_model() -> None:
    service = Renaming(GONE, LIMITED)
    session = service.session()
    session.ask("1")
    with pytest.raises(ModelError):
        session.ask(Continuation())

    assert [body["model"] for body in service.bodies[1:]] == ["nvidia/nemotron-0"] * 2


def test_another_service_is_asked_for_the_default_again() -> None:
    service = Service(GONE, models=CATALOGUE)
    session = service.session()
    session.ask("1")
    session.ask("2", Settings({"base_url": "http://127.0.0.2:1"}))

    assert service.bodies[-1]["model"] == DEFAULT_MODEL


# ---- what it took


def test_what_was_spent_adds_up_and_the_unknown_is_counted() -> None:
    session = Service(whole("a", 0.5), whole("b"), whole("c", 0.25)).session()
    for question in "abc":
        session.ask(question)

    spent = session.accounting.ledger.of_session()
    assert (spent.billable, spent.unknown_cost) == (3, 1)
    assert (spent.prompt_tokens, spent.completion_tokens) == (30, 6)
    assert spent.cost_usd == 0.75


@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        ((400, {}), 0),
        ((401, {}), 0),
        ((500, {}), 1),
        ((504, {}), 1),
        (DONE, 1),
        (FAILED, 1),
        (CUT, 1),
    ],
    ids=["400", "401", "500", "504", "empty", "failed", "cut"],
)
def test_only_what_may_have_been_billed_counts(answer: Any, calls: int) -> None:
    session = Service(answer).session()
    with suppress(NemotronError):
        session.ask("1")

    spent = session.accounting.ledger.of_session()
    assert (spent.billable, spent.unknown_cost) == (calls, calls)


def test_a_connection_that_failed_cost_nothing() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = Client(httpx.MockTransport(refuse), sleep=lambda s: None)
    session = Session(base_url="http://127.0.0.1:1", client=client, environ={})
    with pytest.raises(NemotronError):
        session.ask("1")

    assert session.accounting.ledger.of_session().billable == 0


def test_a_reply_knows_when_and_how_long() -> None:
    details = Service().session().ask("1").metadata

    assert details.asked_at == "1970-01-01T00:00:00+00:00"
    # The clock of these tests goes on by one whenever it is read.
    assert (details.first_text_s, details.elapsed_s) == (1.0, 2.0)
    assert details.base_url == "http://127.0.0.1:1/v1"
    assert details.parameters["max_tokens"] == 4096
    assert details.messages[-1] == {"role": "user", "content": "1"}


def test_an_error_leaves_the_last_reply_where_it_was() -> None:
    session = Service(whole("One."), (400, {}), FAILED).session()
    session.ask("1")
    with pytest.raises(RequestError) as refused:
        session.ask("2")
    assert (refused.value.reply, session.conversation.last) == (None, "One.")

    with pytest.raises(NemotronError) as failed:
        session.ask("3")
    assert failed.value.reply is session.conversation.last
    assert session.conversation.last == "half"


def test_what_is_wrong_with_a_setting_is_told_before_anything_is_sent() -> None:
    service = Service()
    with pytest.raises(InputError):
        service.session(temperature=9)

    assert service.bodies == []


def test_a_reply_that_ends_before_the_model_is_done_stops_a_program() -> None:
    service = Service(CUT, say("", "ha", "lf") + event({"choices": []}))
    session = service.session()
    for question in "12":
        with pytest.raises(OutcomeUnknownError, match="ended the reply early") as cut:
            session.ask(question)
        assert (cut.value.reply, cut.value.reply.metadata.ending) == (
            "half",
            "truncated",
        )
        assert cut.value.hint == "Go on with: %nemotron continue"
    assert session.conversation.last is cut.value.reply


@pytest.mark.parametrize("end", [DONE, STOP, delta("eos_token"), delta("length")])
def test_a_reply_whose_end_was_told_in_any_way_stops_none(end: bytes) -> None:
    assert Service(say("all") + end).session().ask("1") == "all"


def test_an_empty_reply_may_have_been_billed() -> None:
    with pytest.raises(OutcomeUnknownError, match="empty reply"):
        Service(DONE).session().ask("1")
