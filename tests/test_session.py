"""A conversation: memory, failures, a retired model, and the stop button."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from wire import AIMLAPI, DONE, KEY, LIVE, STOP, NoStore, event, say

from nemotron_magic import Session
from nemotron_magic.client import Client
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import (
    AuthenticationError,
    InputError,
    ModelError,
    NemotronError,
    OutcomeUnknown,
    RequestError,
)
from nemotron_magic.events import Notice, Text
from nemotron_magic.key import Key
from nemotron_magic.keystore import KeyStore
from nemotron_magic.parameters import DEFAULT_BASE_URL, DEFAULT_MODEL
from nemotron_magic.settings import Settings
from nemotron_magic.summary import remarks
from nemotron_magic.turns import MEMORY_CHARS, Question, Turn
from nemotron_magic.usage import Usage


class Service:
    """A service that answers as it is told, and remembers what it was asked."""

    def __init__(self, *answers: Any, models: Any = ()) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.listed = 0
        self._models = models

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("authorization"))
        if request.method == "GET":
            self.listed += 1
            rows = [{"id": name} for name in self._models]
            return httpx.Response(200, json={"data": rows})
        self.bodies.append(json.loads(request.content))
        answer = self.answers.pop(0) if self.answers else say("ok") + STOP
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        if isinstance(content, dict):
            return httpx.Response(status, json=content)
        return httpx.Response(status, content=content)

    def session(self, base_url: str = "http://127.0.0.1:1", **more: Any) -> Session:
        client = Client(
            httpx.MockTransport(self), sleep=lambda s: None, clock_s=ticks(), now_s=zero
        )
        more = {"environ": {}, "keys": KeyStore(NoStore()), "clock_s": ticks(), **more}
        return Session(base_url=base_url, client=client, now_s=zero, **more)

    @property
    def told(self) -> list[tuple[str, str]]:
        """What the last question was sent with, but for our instruction."""
        messages = self.bodies[-1]["messages"]
        return [(m["role"], m["content"]) for m in messages if m["role"] != "system"]


def ticks() -> Any:
    clock = iter(range(10_000))
    return lambda: float(next(clock))


def zero() -> float:
    return 0.0


def whole(text: str, cost_usd: float | None = None) -> bytes:
    meta = {"usage": {"usd_spent": cost_usd}}
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    return (
        say(text) + STOP + event({"choices": [], "usage": usage, "meta": meta}) + DONE
    )


FAILED = say("half") + event({"error": {"message": "died", "code": 500}})
CUT = say("half")


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


@pytest.mark.parametrize(
    "answer",
    [FAILED, CUT, (500, {}), (400, {}), DONE, say(" \n") + STOP],
    ids=["failed", "cut", "500", "400", "empty", "blank"],
)
def test_what_was_not_answered_does_not_go_along(answer: Any) -> None:
    service = Service(*([answer] * 2 if answer == (500, {}) else [answer]))
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

    assert stopped.value.reply == session.turns[0].reply == "ok"
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

    assert (session.reset(), session.reset()) == (1, 0)
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


def test_a_question_is_sent_with_its_blanks() -> None:
    service = Service()
    service.session().ask("  a\n\n")

    assert service.told == [("user", "  a\n\n")]


# ---- going on


@pytest.mark.parametrize("first", [CUT, FAILED], ids=["cut", "failed"])
def test_going_on_sends_what_there_was_and_keeps_both_halves(first: bytes) -> None:
    service = Service(whole("Zero."), first, whole(" whole"))
    session = service.session()
    session.ask("zeroth?")
    with suppress(NemotronError):
        session.ask("first?")
    reply = session.go_on()
    session.ask("second?")

    assert reply == "half whole"
    assert [turn.reply for turn in session.turns] == ["Zero.", "half whole", "ok"]
    assert service.bodies[2]["messages"][-2] == {"role": "assistant", "content": "half"}
    assert service.bodies[2]["messages"][-3]["content"] == "first?"
    assert service.told[2:] == [
        ("user", "first?"),
        ("assistant", "half whole"),
        ("user", "second?"),
    ]


def test_going_on_twice_goes_on_from_both_halves() -> None:
    service = Service(CUT, CUT, whole("!"))
    session = service.session()
    session.ask("first?")
    session.go_on()
    session.go_on()

    assert service.told[:2] == [("user", "first?"), ("assistant", "halfhalf")]
    assert session.turns == [Turn("first?", session.last)]
    assert session.last == "halfhalf!"


def test_going_on_that_brings_nothing_loses_nothing() -> None:
    service = Service(CUT, (400, {}), whole(" whole"))
    session = service.session()
    session.ask("first?")
    with pytest.raises(RequestError):
        session.go_on()
    session.go_on()

    assert session.turns[-1].reply == "half whole"


def test_there_must_be_something_to_go_on_with() -> None:
    with pytest.raises(InputError, match="no reply to go on with"):
        Service().session().go_on()


@pytest.mark.parametrize(
    ("answer", "is_cut"),
    [(CUT, True), (FAILED, True), (whole("all"), False), ((400, {}), False)],
    ids=["length", "failed midway", "whole", "nothing came"],
)
def test_what_may_be_gone_on_with_is_told_before(answer: Any, is_cut: bool) -> None:
    session = Service(answer, whole(" whole")).session()
    with suppress(NemotronError):
        session.ask("first?")
    told = session.cut_off()
    if is_cut:
        session.go_on()

    assert (told is not None) is is_cut
    assert session.cut_off() is None
    assert session.cut_off("another thread") is None


def test_a_whole_reply_is_not_gone_on_with_and_nothing_is_sent() -> None:
    service = Service(whole("all of it"))
    session = service.session()
    session.ask("first?")
    with pytest.raises(InputError, match="the last reply is whole"):
        session.go_on()

    assert len(service.bodies) == 1


def test_a_reply_gone_on_with_is_painted_from_its_beginning() -> None:
    session = Service(CUT, whole(" whole")).session()
    session.ask("first?")
    seen: list[str] = []

    session.go_on(watch=lambda e: seen.append(e.text) if type(e) is Text else None)

    assert "".join(seen) == "half whole"


def test_going_on_shows_nothing_again_before_more_has_come() -> None:
    session = Service(CUT, (400, {})).session()
    session.ask("first?")
    seen: list[type] = []
    with pytest.raises(RequestError):
        session.go_on(watch=lambda event: seen.append(type(event)))

    assert seen
    assert Text not in seen


def test_what_is_gone_on_with_is_the_last_question_wherever_its_turn_stands() -> None:
    service = Service(whole("1"), whole("2"), CUT, whole(" more"))
    session = service.session()
    for origin in ("a", "b", "a"):
        session.ask(Question(f"from {origin}", origin=origin))
    session.go_on()

    assert [turn.reply for turn in session.turns] == ["half more", "2"]
    assert service.told[-2] == ("assistant", "half")


# ---- asking again


def test_asking_again_replaces_the_turn() -> None:
    service = Service(whole("Zero."), whole("long"), whole("other"))
    session = service.session()
    session.ask("zeroth?")
    session.ask("first?")
    reply = session.again()

    assert reply == "other"
    assert service.bodies[2]["messages"] == service.bodies[1]["messages"]
    assert [(t.question, t.reply) for t in session.turns] == [
        ("zeroth?", "Zero."),
        ("first?", "other"),
    ]


def test_asking_again_with_a_wish_shows_the_model_its_reply() -> None:
    service = Service(whole("long"), whole("short"))
    session = service.session()
    session.ask("first?")
    session.again("shorter")

    assert service.told == [
        ("user", "first?"),
        ("assistant", "long"),
        ("user", "Answer the question again: shorter"),
    ]
    assert session.turns == [Turn("first?", session.last)]
    assert session.last == "short"


def test_a_question_that_failed_can_be_asked_again() -> None:
    service = Service((400, {}), (400, {}), whole("at last"))
    session = service.session()
    with pytest.raises(RequestError):
        session.ask("first?")
    with pytest.raises(RequestError):
        session.again()
    session.again("briefly")

    assert service.told == [("user", "first?\n\nbriefly")]
    assert [(t.question, t.reply) for t in session.turns] == [("first?", "at last")]


def test_a_wish_holds_no_secret_when_a_question_that_failed_is_asked_again() -> None:
    service = Service((400, {}), whole("at last"))
    session = service.session()
    with pytest.raises(RequestError):
        session.ask(f"first? {KEY}")
    reply = session.again(f"with {KEY}")

    assert service.told == [
        ("user", "first? [redacted:api-key]\n\nwith [redacted:api-key]")
    ]
    assert reply.details.attached.redacted == ("api-key", "api-key")


def test_what_is_asked_again_holds_no_secret_as_soon_as_none_is_to_be_sent() -> None:
    service = Service()
    session = service.session()
    session.ask(f"first? {KEY}", Settings({**session.settings.values, "redact": False}))
    session.again()

    assert [body["messages"][-1]["content"] for body in service.bodies] == [
        f"first? {KEY}",
        "first? [redacted:api-key]",
    ]


@pytest.mark.parametrize("forget", [True, False], ids=["forgotten", "never asked"])
def test_there_must_be_something_to_ask_again(forget: bool) -> None:
    session = Service().session()
    if forget:
        session.ask("first?")
        session.reset()

    with pytest.raises(InputError, match="no question to ask again"):
        session.again()


def test_a_reply_put_right_replaces_the_wrong_one() -> None:
    service = Service(whole("wrong"), whole("right"))
    session = service.session()
    session.ask("first?")
    session.corrected("x is not defined")

    assert service.told[-2:] == [("assistant", "wrong"), ("user", "x is not defined")]
    assert session.turns == [Turn("first?", session.last)]
    assert session.last == "right"


def test_there_must_be_something_to_put_right() -> None:
    with pytest.raises(InputError, match="no reply to correct"):
        Service().session().corrected("no")


# ---- a retired model


GONE = (404, {"error": {"message": "No endpoints found for this model", "code": 404}})
CATALOGUE = ("openai/gpt-4o", "nvidia/nemotron-3-nano-30b-a3b", LIVE)


def test_the_retired_default_gives_way_and_says_so_each_time() -> None:
    service = Service(GONE, models=CATALOGUE)
    session = service.session()
    notices: list[str] = []

    def watch(one: object) -> None:
        notices.extend([one.text] if isinstance(one, Notice) else [])

    replies = [session.ask(question, watch=watch) for question in ("1", "2")]

    assert [body["model"] for body in service.bodies] == [DEFAULT_MODEL, LIVE, LIVE]
    assert notices == [f"{DEFAULT_MODEL} is not served any more; asked {LIVE}"] * 2
    assert [remarks(reply)[0] for reply in replies] == notices
    assert [reply.details.model for reply in replies] == [LIVE, LIVE]
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
    assert failed.value.todo.startswith("Live here: nvidia/nemotron-3-nano-30b-a3b, ")


@pytest.mark.parametrize("models", [("openai/gpt-4o",), ()], ids=["none", "no list"])
def test_without_a_live_nemotron_the_error_stays(models: tuple[str, ...]) -> None:
    service = Service(GONE, models=models)
    with pytest.raises(ModelError, match="does not serve"):
        service.session().ask("1")

    assert len(service.bodies) == 1


def test_a_replacement_that_is_gone_as_well_is_not_tried_for_ever() -> None:
    service = Service(GONE, GONE, models=CATALOGUE)
    with pytest.raises(ModelError) as failed:
        service.session().ask("1")

    assert len(service.bodies) == 2
    assert "Live here" in failed.value.todo


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

    spent = session.spent
    assert (spent.calls, spent.unpriced) == (3, 1)
    assert spent.usage == Usage(30, 6, cost_usd=0.75)


@pytest.mark.parametrize(
    ("answer", "calls"),
    [((400, {}), 0), ((401, {}), 0), ((504, {}), 1), (DONE, 1), (FAILED, 1), (CUT, 1)],
    ids=["400", "401", "504", "empty", "failed", "cut"],
)
def test_only_what_may_have_been_billed_counts(answer: Any, calls: int) -> None:
    session = Service(answer).session()
    with suppress(NemotronError):
        session.ask("1")

    assert (session.spent.calls, session.spent.unpriced) == (calls, calls)


def test_a_connection_that_failed_cost_nothing() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = Client(httpx.MockTransport(refuse), sleep=lambda s: None)
    session = Session(base_url="http://127.0.0.1:1", client=client, environ={})
    with pytest.raises(NemotronError):
        session.ask("1")

    assert session.spent.calls == 0


def test_a_reply_knows_when_and_how_long() -> None:
    details = Service().session().ask("1").details

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
    assert (refused.value.reply, session.last) == (None, "One.")

    with pytest.raises(NemotronError) as failed:
        session.ask("3")
    assert failed.value.reply is session.last
    assert session.last == "half"


def test_what_is_wrong_with_a_setting_is_told_before_anything_is_sent() -> None:
    service = Service()
    with pytest.raises(InputError):
        service.session(temperature=9)

    assert service.bodies == []


# ---- keys


def test_a_secret_that_came_into_the_environment_later_is_taken_out_too() -> None:
    environ: dict[str, str] = {}
    client = Client(transport=httpx.MockTransport(lambda request: None))
    session = Session(client=client, environ=environ, base_url="http://127.0.0.1:1")
    secret = "c0rrect-horse-b4ttery"
    before = session.prepared(Question(f"Why is {secret} wrong?"))
    environ["SHOP_PASSWORD"] = secret
    after = session.prepared(Question(f"Why is {secret} wrong?"))

    assert secret in before.told[-1]["content"]
    assert secret not in after.told[-1]["content"]


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
    before = session.key(endpoint)
    session.access.use("after", endpoint)
    session.access.forget(endpoint, before)

    assert session.key(endpoint) is before
    session.access.forget(endpoint, None)
    assert session.key(endpoint) is None


def test_a_key_is_kept_for_its_service_or_said_not_to_be() -> None:
    session = Service().session("https://a.example")

    assert session.access.keep(session.access.use(f" {KEY} ", session.endpoint())) == ""
    assert session.key(session.endpoint()).reveal_to("https://a.example") == KEY


def test_the_environment_names_the_service_unless_a_setting_does() -> None:
    environ = {"AIMLAPI_API_BASE": "http://127.0.0.1:7", "AIMLAPI_API_KEY": KEY}
    session = Session(environ=environ)
    typed = "".join(["https://api.aimlapi.com", "/v1"])

    assert session.endpoint() == Endpoint.read("http://127.0.0.1:7")
    assert typed == DEFAULT_BASE_URL
    assert session.endpoint(Settings({"base_url": typed})) == AIMLAPI
    assert isinstance(session.key(session.endpoint()), Key)
    assert session.key(AIMLAPI) is None


def test_a_session_that_never_asked_has_nothing_to_close() -> None:
    Session(environ={}).close()


def test_a_reply_that_cannot_be_shown_is_kept() -> None:
    def fail(one: object) -> None:
        raise OSError("no screen")

    reply = Service(say("whole ", "answer")).session().ask("1", watch=fail)

    assert reply == "whole answer"
    assert "could not be shown" in remarks(reply)[0]


# ---- the stop button


@pytest.fixture(scope="module")
def interrupted() -> dict[str, dict[str, Any]]:
    program = Path(__file__).parent / "interrupted.py"
    done = subprocess.run(
        [sys.executable, program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


STAGES = (
    "looking up",
    "looking up, aside",
    "connecting",
    "waiting",
    "waiting, aside",
    "streaming",
    "streaming, aside",
    "endless",
    "backing off",
    "backing off, aside",
    "listing",
)


@pytest.mark.parametrize("stage", STAGES)
def test_an_interrupt_ends_a_call_at_once_and_the_next_one_works(
    interrupted: dict[str, Any], stage: str
) -> None:
    """Case 56."""
    found = interrupted[stage]

    assert found["error"] == "Interrupted"
    assert found["seconds"] < 1
    assert found["next"] == "next"
    assert found.get("requests", 1) == 1


def test_one_press_of_the_stop_button_is_enough(interrupted: dict[str, Any]) -> None:
    presses = {name: found["presses"] for name, found in interrupted.items()}

    # It may meet the moment before connect() blocks, in which a signal wakes nobody.
    assert presses.pop("connecting") <= 2
    assert sum(presses.values()) <= len(presses) + 1


@pytest.mark.parametrize("stage", ["streaming", "endless"])
def test_an_interrupted_reply_is_kept(interrupted: dict[str, Any], stage: str) -> None:
    """Case 56."""
    found = interrupted[stage]

    assert found["kept"]
    assert (found["ending"], found["turns"]) == ("interrupted", 1)
    assert (found["calls"], found["unpriced"]) == (1, 1)


def test_what_was_not_sent_is_said_not_to_have_cost(
    interrupted: dict[str, Any],
) -> None:
    """Case 56."""
    assert interrupted["looking up"]["why"] == "nothing was sent"
    assert interrupted["connecting"]["why"] == "nothing was sent"
    assert "nothing was billed" in interrupted["backing off"]["why"]
    assert "may have been billed" in interrupted["waiting"]["why"]
    unsent = ("looking up", "connecting", "backing off")
    assert [interrupted[stage]["calls"] for stage in unsent] == [0, 0, 0]


def test_reasoning_alone_is_kept_when_stopped() -> None:
    service = Service(b'data: {"choices":[{"delta":{"reasoning":"hm"}}]}\n\n')

    def stop(one: object) -> None:
        if type(one).__name__ == "Reasoning":
            raise KeyboardInterrupt

    with pytest.raises(NemotronError) as stopped:
        service.session().ask("1", watch=stop)

    assert stopped.value.reply.reasoning == "hm"
    assert "what had arrived is kept" in stopped.value.why


def test_an_empty_reply_may_have_been_billed() -> None:
    with pytest.raises(OutcomeUnknown, match="empty reply"):
        Service(DONE).session().ask("1")
