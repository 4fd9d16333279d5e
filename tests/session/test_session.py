"""A conversation: what goes along, what is kept, and where the key goes."""

from __future__ import annotations

import random
import re
from contextlib import suppress
from operator import is_
from typing import Any

import httpx
import pytest
from answering import CUT, FAILED, Service, whole
from wire import AIMLAPI, DONE, KEY, STOP, say

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import AuthenticationError, InputError, NemotronError
from nemotron_magic.core.events import Text
from nemotron_magic.core.parameters import DEFAULT_BASE_URL
from nemotron_magic.core.settings import Settings
from nemotron_magic.display.reply import notices
from nemotron_magic.session.conversation import MEMORY_CHARS, Question

# ---- memory


def test_earlier_turns_go_along() -> None:
    service = Service(whole("One."), whole("Two."))
    session = service.session()
    session.ask("first?")
    session.ask("second?")
    session.ask("third?")

    assert service.told == [
        ("user", "first?"),
        ("assistant", "One."),
        ("user", "second?"),
        ("assistant", "Two."),
        ("user", "third?"),
    ]


def test_replies_share_the_messages_that_they_have_in_common() -> None:
    session = Service(whole("One."), whole("Two."), whole("Three.")).session()
    replies = [session.ask(f"{number}?") for number in range(3)]

    assert len(replies[2].messages) == 6
    assert all(map(is_, replies[1].messages, replies[2].messages))


@pytest.mark.parametrize(
    "answer",
    [FAILED, CUT, (500, {}), (400, {}), DONE, say(" \n") + STOP],
    ids=["failed", "cut", "500", "400", "empty", "blank"],
)
def test_what_was_not_answered_does_not_go_along(answer: Any) -> None:
    service = Service(answer)
    session = service.session()
    with suppress(NemotronError):
        session.ask("first?")
    session.ask("second?")

    assert service.told == [("user", "second?")]


def test_an_interrupted_turn_does_not_go_along() -> None:
    service = Service()
    session = service.session()

    def stop(one: object) -> None:
        if isinstance(one, Text):
            raise KeyboardInterrupt

    with pytest.raises(NemotronError, match="stopped by you") as stopped:
        session.ask("first?", watch=stop)
    session.ask("second?")

    assert stopped.value.reply == session.conversation.turns[0].reply == "ok"
    assert stopped.value.__context__ is None
    assert service.told == [("user", "second?")]


def test_only_so_much_goes_along_and_the_newest_first() -> None:
    service = Service(whole("a" * 100), whole("b" * MEMORY_CHARS), whole("c" * 100))
    session = service.session()
    for question in ("1", "2", "3", "4"):
        session.ask(question)

    assert [text[:1] for _, text in service.told] == ["3", "c", "4"]


def test_reset_forgets_and_tells_how_much() -> None:
    service = Service()
    session = service.session()
    session.ask("first?")

    assert (session.conversation.reset(), session.conversation.reset()) == (1, 0)
    session.ask("second?")
    assert service.told == [("user", "second?")]


@pytest.mark.parametrize("system", ["", " \n"])
def test_an_empty_instruction_is_not_sent(system: str) -> None:
    service = Service()
    service.session(system=system).ask("first?")

    assert [m["role"] for m in service.bodies[0]["messages"]] == ["user"]


@pytest.mark.parametrize("question", ["", " \n\t"])
def test_nothing_is_not_asked(question: str) -> None:
    service = Service()
    with pytest.raises(InputError, match="there is no question"):
        service.session().ask(question)

    assert service.bodies == []


@pytest.mark.parametrize(
    ("name", "kind", "use"),
    [
        ("the question", "str", lambda s, wrong: s.session().ask(wrong)),
        ("settings", "Settings", lambda s, wrong: s.session().ask("?", wrong)),
        ("instruction", "str", lambda s, wrong: s.session().map(wrong, ["a"])),
        ("name", "str", lambda s, wrong: s.session().map("?", ["a"], name=wrong)),
        ("ledger", "Ledger", lambda s, wrong: s.session(ledger=wrong)),
        ("key", "str", lambda s, wrong: s.session(key=wrong)),
    ],
)
@pytest.mark.parametrize("wrong", [5, b"why?", {"temperature": 0}])
def test_what_is_of_another_type_is_told_before_anything_is_sent(
    name: str, kind: str, use: Any, wrong: object
) -> None:
    service = Service()
    said = f"{name} must be of type {kind}, and is of type {type(wrong).__name__}"
    with pytest.raises(InputError, match=said):
        use(service, wrong)

    assert service.bodies == []


@pytest.mark.parametrize(
    ("figure", "shown"), [("0.2", "'0.2'"), (9, "9"), ("hot", "hot"), ([1], "[1]")]
)
def test_a_figure_in_quotes_is_told_apart(figure: Any, shown: str) -> None:
    with pytest.raises(InputError, match=rf"from 0 to 2, got {re.escape(shown)}$"):
        Service().session(temperature=figure)


def test_a_question_is_sent_with_its_blanks() -> None:
    service = Service()
    service.session().ask("  a\n\n")

    assert service.told == [("user", "  a\n\n")]


# ---- keys


def test_a_secret_that_came_into_the_environment_later_is_taken_out_too() -> None:
    environ: dict[str, str] = {}
    client = Client(transport=httpx.MockTransport(lambda request: None))
    session = Session(client=client, environ=environ, base_url="http://127.0.0.1:1")
    secret = "c0rrect-horse-b4ttery"
    before = session.prepare(Question(f"Why is {secret} wrong?"))
    environ["SHOP_PASSWORD"] = secret
    after = session.prepare(Question(f"Why is {secret} wrong?"))

    assert secret in before.messages[-1]["content"]
    assert secret not in after.messages[-1]["content"]


def test_the_key_goes_to_its_own_service_only() -> None:
    service = Service()
    session = service.session("https://a.example", key=KEY)
    session.ask("1")
    with pytest.raises(AuthenticationError, match=r"no key for b\.example"):
        session.ask("2", Settings({"base_url": "https://b.example"}))
    session.ask("3", Settings({"base_url": "http://127.0.0.1:1"}))

    assert service.keys == [f"Bearer {KEY}", None]


@pytest.mark.parametrize("port", ["", ":443", ":0443"])
def test_the_port_may_be_written_out(port: str) -> None:
    service = Service()
    service.session(f"https://A.example{port}/v1", key=KEY).ask("1")

    assert service.keys == [f"Bearer {KEY}"]


def test_a_key_given_and_taken_back_leaves_the_one_before() -> None:
    session = Service().session("https://a.example", key="before")
    endpoint = session.endpoint()
    before = session.credentials.key(endpoint)
    session.credentials.use(lambda: "after", endpoint)
    session.credentials.restore(endpoint, before)

    assert session.credentials.key(endpoint) is before
    session.credentials.restore(endpoint, None)
    assert session.credentials.key(endpoint) is None


def test_a_key_is_kept_for_its_service_or_said_not_to_be() -> None:
    session = Service().session("https://a.example")

    assert (
        session.credentials.keep(
            session.credentials.use(lambda: f" {KEY} ", session.endpoint())
        )
        == ""
    )
    assert (
        session.credentials.key(session.endpoint()).reveal_to("https://a.example")
        == KEY
    )


def test_the_environment_names_the_service_unless_a_setting_does() -> None:
    environ = {"AIMLAPI_API_BASE": "http://127.0.0.1:7", "AIMLAPI_API_KEY": KEY}
    session = Session(environ=environ)
    typed = "".join(["https://api.aimlapi.com", "/v1"])

    assert session.endpoint() == Endpoint.read("http://127.0.0.1:7")
    assert typed == DEFAULT_BASE_URL
    assert session.endpoint(Settings({"base_url": typed})) == AIMLAPI
    assert isinstance(session.credentials.key(session.endpoint()), Key)
    assert session.credentials.key(AIMLAPI) is None


def test_a_session_that_never_asked_has_nothing_to_close() -> None:
    Session(environ={}).close()


def test_a_reply_that_cannot_be_shown_is_kept() -> None:
    def fail(one: object) -> None:
        raise OSError("no screen")

    reply = Service(say("whole ", "answer") + STOP).session().ask("1", watch=fail)

    assert reply == "whole answer"
    assert "could not be shown" in notices(reply)[0]


def test_waiting_to_ask_again_takes_none_of_the_users_random_numbers() -> None:
    service = Service((429, b"{}"), (503, b"{}"))
    random.seed(1)
    before = random.getstate()

    assert service.session().ask("why?") == "ok"
    assert len(service.bodies) == 3
    assert random.getstate() == before
