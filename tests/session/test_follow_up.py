"""Going on with a reply that was cut off, asking again, putting a reply right."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from answering import CUT, FAILED, LIMITED, Service, whole
from wire import KEY

from nemotron_magic.core.errors import InputError, NemotronError, RequestError
from nemotron_magic.core.events import Text
from nemotron_magic.core.settings import Settings
from nemotron_magic.session.conversation import (
    Continuation,
    Correction,
    Question,
    Regeneration,
    Turn,
)

# ---- going on


@pytest.mark.parametrize(
    "first", [LIMITED, CUT, FAILED], ids=["length", "cut", "failed"]
)
def test_going_on_sends_what_there_was_and_keeps_both_halves(first: bytes) -> None:
    service = Service(whole("Zero."), first, whole(" whole"))
    session = service.session()
    session.ask("zeroth?")
    with suppress(NemotronError):
        session.ask("first?")
    reply = session.ask(Continuation())
    session.ask("second?")

    assert reply == "half whole"
    assert [turn.reply for turn in session.conversation.turns] == [
        "Zero.",
        "half whole",
        "ok",
    ]
    assert service.bodies[2]["messages"][-2] == {"role": "assistant", "content": "half"}
    assert service.bodies[2]["messages"][-3]["content"] == "first?"
    assert service.told[2:] == [
        ("user", "first?"),
        ("assistant", "half whole"),
        ("user", "second?"),
    ]


def test_going_on_twice_goes_on_from_both_halves() -> None:
    service = Service(LIMITED, LIMITED, whole("!"))
    session = service.session()
    session.ask("first?")
    session.ask(Continuation())
    session.ask(Continuation())

    assert service.told[:2] == [("user", "first?"), ("assistant", "halfhalf")]
    assert session.conversation.turns == [Turn("first?", session.conversation.last)]
    assert session.conversation.last == "halfhalf!"


def test_going_on_that_brings_nothing_loses_nothing() -> None:
    service = Service(LIMITED, (400, {}), whole(" whole"))
    session = service.session()
    session.ask("first?")
    with pytest.raises(RequestError):
        session.ask(Continuation())
    session.ask(Continuation())

    assert session.conversation.turns[-1].reply == "half whole"


def test_there_must_be_something_to_go_on_with() -> None:
    with pytest.raises(InputError, match="no reply to continue"):
        Service().session().ask(Continuation())


@pytest.mark.parametrize(
    ("answer", "is_cut"),
    [
        (LIMITED, True),
        (CUT, True),
        (FAILED, True),
        (whole("all"), False),
        ((400, {}), False),
    ],
    ids=["length", "cut", "failed midway", "whole", "nothing came"],
)
def test_what_may_be_gone_on_with_is_told_before(answer: Any, is_cut: bool) -> None:
    session = Service(answer, whole(" whole")).session()
    with suppress(NemotronError):
        session.ask("first?")
    told = session.conversation.cut_off()
    if is_cut:
        session.ask(Continuation())

    assert (told is not None) is is_cut
    assert session.conversation.cut_off() is None
    assert session.conversation.cut_off("another thread") is None


def test_a_whole_reply_is_not_gone_on_with_and_nothing_is_sent() -> None:
    service = Service(whole("all of it"))
    session = service.session()
    session.ask("first?")
    with pytest.raises(InputError, match="the last reply is complete"):
        session.ask(Continuation())

    assert len(service.bodies) == 1


def test_a_reply_gone_on_with_is_painted_from_its_beginning() -> None:
    session = Service(LIMITED, whole(" whole")).session()
    session.ask("first?")
    seen: list[str] = []

    session.ask(
        Continuation(), watch=lambda e: seen.append(e.text) if type(e) is Text else None
    )

    assert "".join(seen) == "half whole"


def test_going_on_shows_nothing_again_before_more_has_come() -> None:
    session = Service(LIMITED, (400, {})).session()
    session.ask("first?")
    seen: list[type] = []
    with pytest.raises(RequestError):
        session.ask(Continuation(), watch=lambda event: seen.append(type(event)))

    assert seen
    assert Text not in seen


def test_what_is_gone_on_with_is_the_last_question_wherever_its_turn_stands() -> None:
    service = Service(whole("1"), whole("2"), LIMITED, whole(" more"))
    session = service.session()
    for origin in ("a", "b", "a"):
        session.ask(Question(f"from {origin}", origin=origin))
    session.ask(Continuation())

    assert [turn.reply for turn in session.conversation.turns] == ["half more", "2"]
    assert service.told[-2] == ("assistant", "half")


# ---- asking again


def test_asking_again_replaces_the_turn() -> None:
    service = Service(whole("Zero."), whole("long"), whole("other"))
    session = service.session()
    session.ask("zeroth?")
    session.ask("first?")
    reply = session.ask(Regeneration())

    assert reply == "other"
    assert service.bodies[2]["messages"] == service.bodies[1]["messages"]
    assert [(t.question, t.reply) for t in session.conversation.turns] == [
        ("zeroth?", "Zero."),
        ("first?", "other"),
    ]


def test_asking_again_with_a_wish_shows_the_model_its_reply() -> None:
    service = Service(whole("long"), whole("short"))
    session = service.session()
    session.ask("first?")
    session.ask(Regeneration("shorter"))

    assert service.told == [
        ("user", "first?"),
        ("assistant", "long"),
        ("user", "Answer the question again: shorter"),
    ]
    assert session.conversation.turns == [Turn("first?", session.conversation.last)]
    assert session.conversation.last == "short"


def test_a_question_that_failed_can_be_asked_again() -> None:
    service = Service((400, {}), (400, {}), whole("at last"))
    session = service.session()
    with pytest.raises(RequestError):
        session.ask("first?")
    with pytest.raises(RequestError):
        session.ask(Regeneration())
    session.ask(Regeneration("briefly"))

    assert service.told == [("user", "first?\n\nbriefly")]
    assert [(t.question, t.reply) for t in session.conversation.turns] == [
        ("first?", "at last")
    ]


def test_a_wish_holds_no_secret_when_a_question_that_failed_is_asked_again() -> None:
    service = Service((400, {}), whole("at last"))
    session = service.session()
    with pytest.raises(RequestError):
        session.ask(f"first? {KEY}")
    reply = session.ask(Regeneration(f"with {KEY}"))

    assert service.told == [
        ("user", "first? [redacted:api-key]\n\nwith [redacted:api-key]")
    ]
    assert reply.metadata.context_info.redacted == ("api-key", "api-key")


def test_what_is_asked_again_holds_no_secret_as_soon_as_none_is_to_be_sent() -> None:
    service = Service()
    session = service.session()
    session.ask(f"first? {KEY}", Settings({**session.settings.values, "redact": False}))
    session.ask(Regeneration())

    assert [body["messages"][-1]["content"] for body in service.bodies] == [
        f"first? {KEY}",
        "first? [redacted:api-key]",
    ]


@pytest.mark.parametrize("forget", [True, False], ids=["forgotten", "never asked"])
def test_there_must_be_something_to_ask_again(forget: bool) -> None:
    session = Service().session()
    if forget:
        session.ask("first?")
        session.conversation.reset()

    with pytest.raises(InputError, match="no question to ask again"):
        session.ask(Regeneration())


def test_a_reply_put_right_replaces_the_wrong_one() -> None:
    service = Service(whole("wrong"), whole("right"))
    session = service.session()
    session.ask("first?")
    session.ask(Correction("x is not defined"))

    assert service.told[-2:] == [("assistant", "wrong"), ("user", "x is not defined")]
    assert session.conversation.turns == [Turn("first?", session.conversation.last)]
    assert session.conversation.last == "right"


def test_there_must_be_something_to_put_right() -> None:
    with pytest.raises(InputError, match="no reply to correct"):
        Service().session().ask(Correction("no"))
