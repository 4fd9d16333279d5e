"""A call is stopped from another thread as it is by Ctrl-C: at once, and kept."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest
from interrupted import deaf
from service import serve

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.client.deadline import CancelToken
from nemotron_magic.core.endpoint import Endpoint
from nemotron_magic.core.errors import ConnectError, InterruptedByUser, NemotronError
from nemotron_magic.core.events import Answered, Retry, Sent, Text
from nemotron_magic.session.conversation import (
    Continuation,
    Correction,
    FollowUp,
    Regeneration,
)

LIMIT_S = 3.0
"""A busy machine may take its time; what is not woken takes 30 s."""


def stopped(
    ask: Callable[..., Any], at: type | None, stop: CancelToken | None = None
) -> tuple[NemotronError, float]:
    """Ask in a thread, stop it at such an event; give the error and the time."""
    stop, reached = stop or CancelToken(), Event()
    raised: list[NemotronError] = []

    def watch(event: Any) -> None:
        if at is not None and isinstance(event, at):
            reached.set()

    def run() -> None:
        try:
            ask("Hello", watch=watch, stop=stop)
        except NemotronError as error:
            raised.append(error)

    thread = Thread(target=run)
    thread.start()
    assert at is None or reached.wait(30)
    started_s = time.monotonic()
    stop.set()
    thread.join(40)
    return raised[0], time.monotonic() - started_s


@pytest.mark.parametrize(
    ("fault", "at", "why"),
    [
        ("stall-before-headers:30", Sent, "nothing had arrived yet; it may have been"),
        ("stall-mid-stream:30", Text, "what had arrived is kept; it may have been"),
        ("endless", Text, "what had arrived is kept; it may have been"),
        ("429-after-2", Retry, "while waiting to ask again; nothing was billed"),
    ],
)
def test_a_stop_ends_a_call_wherever_it_is(
    served: Any, session_at: Any, fault: str, at: type, why: str
) -> None:
    session: Session = session_at(served(fault=fault), Client())
    error, took_s = stopped(session.ask, at)

    assert type(error) is InterruptedByUser
    assert error.why.startswith(why)
    assert (error.reply is not None) is (at is Text)
    assert took_s < LIMIT_S


def test_what_was_stopped_is_kept_in_the_conversation(
    served: Any, session_at: Any
) -> None:
    session: Session = session_at(served(fault="stall-mid-stream:30"), Client())
    stopped(session.ask, Text)

    assert session.conversation.turns[0].reply
    assert session.conversation.turns[0].reply.metadata.ending == "interrupted"
    assert session.accounting.ledger.of_session().billable == 1


@pytest.mark.parametrize(
    "follow_up",
    [Continuation(), Correction("no"), Regeneration(), Regeneration("briefly")],
    ids=["continued", "corrected", "again", "again briefly"],
)
def test_a_stop_ends_what_follows_on_a_reply(
    served: Any, session_at: Any, follow_up: FollowUp
) -> None:
    session: Session = session_at(served(fault="stall-mid-stream:30"), Client())
    stopped(session.ask, Text)

    # What is continued is held back at first; that it has begun is told.
    error, took_s = stopped(lambda text, **how: session.ask(follow_up, **how), Answered)

    assert type(error) is InterruptedByUser
    assert took_s < LIMIT_S
    assert [turn.question for turn in session.conversation.turns] == ["Hello"]
    assert session.conversation.turns[0].reply


def test_a_stop_before_the_call_sends_nothing(session_at: Any) -> None:
    with serve() as url:
        session: Session = session_at(url, Client())
        stop = CancelToken()
        stop.set()
        error, _ = stopped(session.ask, None, stop)

        assert type(error) is InterruptedByUser
        assert "nothing was sent" in error.why
        assert url.requests == []


def test_a_stop_ends_a_look_up(session_at: Any) -> None:
    asked, answer = Event(), Event()

    def resolve(host: str, port: int) -> None:
        asked.set()
        answer.wait(30)

    session: Session = session_at(
        "https://a.invalid/v1", Client(resolve=resolve), key="k" * 32
    )
    stop = CancelToken()
    Thread(target=lambda: (asked.wait(30), stop.set())).start()
    started_s = time.monotonic()
    with pytest.raises(InterruptedByUser, match="nothing was sent"):
        session.ask("Hello", stop=stop)
    took_s = time.monotonic() - started_s
    answer.set()

    assert took_s < LIMIT_S


@pytest.mark.parametrize("url", ["http://h.example:8080/v1", "https://a.invalid/v1"])
def test_a_stop_at_the_look_up_for_a_page_says_that_nothing_was_sent(url: str) -> None:
    stop, answer = CancelToken(), Event()

    def resolve(host: str, port: int) -> None:
        stop.set()
        answer.wait(30)

    client = Client(resolve=resolve).apart(stop)
    with pytest.raises(InterruptedByUser, match="nothing was sent"):
        client.models(Endpoint.read(url), None)
    answer.set()


def test_nothing_is_sent_when_a_connection_comes_after_the_stop(
    session_at: Any,
) -> None:
    with deaf() as address:
        session: Session = session_at(f"{address}/v1", Client(), connect_timeout_s=0.5)
        error, took_s = stopped(session.ask, Sent)

    assert type(error) is InterruptedByUser
    assert took_s < LIMIT_S


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_stop_ends_the_wait_for_a_connection(session_at: Any, scheme: str) -> None:
    with deaf() as address:
        url = address.replace("http", scheme, 1)
        session: Session = session_at(f"{url}/v1", Client(), connect_timeout_s=30)
        error, took_s = stopped(session.ask, Sent)

    assert type(error) is InterruptedByUser
    assert "nothing was sent" in error.why
    assert took_s < LIMIT_S


def test_a_stop_ends_the_wait_for_a_proxy(
    session_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with deaf() as proxy:
        monkeypatch.setenv("https_proxy", proxy)
        monkeypatch.setenv("no_proxy", "")
        session: Session = session_at(
            "https://h.example/v1", Client(), connect_timeout_s=30, key="k" * 32
        )
        error, took_s = stopped(session.ask, Sent)

    assert type(error) is InterruptedByUser
    assert took_s < LIMIT_S


@pytest.mark.slow
def test_one_stop_leaves_other_calls_alone(served: Any, session_at: Any) -> None:
    session: Session = session_at(served(tokens_per_s=200), Client())
    replies: list[str] = []
    other = Thread(target=lambda: replies.append(session.ask("rehearsal: length 200")))
    other.start()
    error, _ = stopped(lambda text, **more: session.ask(text, **more), Answered)
    other.join(30)

    assert type(error) is InterruptedByUser
    assert len(replies[0]) > 400
    assert [turn.reply.metadata.ending for turn in session.conversation.turns][
        -1
    ] == "complete"


def test_two_threads_at_once_lose_no_turn_and_no_call(
    served: Any, session_at: Any
) -> None:
    session: Session = session_at(served(), Client())

    def ask(name: str) -> None:
        for number in range(15):
            session.ask(f"rehearsal: say {name}{number}")

    threads = [Thread(target=ask, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    wanted = sorted(f"{name}{number}" for name in "ab" for number in range(15))
    assert (
        sorted(map(str, (turn.reply for turn in session.conversation.turns))) == wanted
    )
    assert session.accounting.ledger.of_session().billable == 30


def test_a_stopped_call_leaves_no_socket_open(served: Any, session_at: Any) -> None:
    session: Session = session_at(served(fault="stall-mid-stream:30"), Client())
    stop = CancelToken()
    stopped(session.ask, Text, stop)

    assert stop._socket is None


def test_a_connection_that_the_system_has_no_room_for_is_not_billed(
    served: Any, session_at: Any
) -> None:
    class Full(CancelToken):
        def hold(self, one: socket.socket | None) -> None:
            if one is not None:
                raise OSError(errno.EMFILE, "Too many open files")

        def sleep(self, wait_s: float) -> None:
            waited.append(wait_s)

    waited: list[float] = []
    session: Session = session_at(f"{served()}", Client())

    with pytest.raises(ConnectError, match="cannot connect") as caught:
        session.ask("Hello", stop=Full())

    assert caught.value.why == "Too many open files"
    assert waited
