"""Typed answers: what is asked, what comes back, and what it costs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from answering import CUT, FAILED, GONE, LIMITED, Service, whole
from wire import DONE, STOP, delta, say

from nemotron_magic import (
    InputError,
    InterruptedByUser,
    InvalidAnswerError,
    ModelError,
    NemotronError,
    Reply,
    RequestError,
    Session,
    rehearsal,
)
from nemotron_magic.core.errors import LimitError
from nemotron_magic.core.events import Event, Text
from nemotron_magic.core.settings import Settings
from nemotron_magic.display.reply import (
    footer,
    metadata,
    notices,
    reply_html,
    without_style,
)
from nemotron_magic.session.conversation import Question, Regeneration

SPEC = "total float, currency: EUR|USD"
GOOD = '{"total": 12.5, "currency": "EUR"}'
BAD = '{"total": 12.5, "currency": "GBP"}'


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"NEMOTRON_MAGIC_HOME": str(tmp_path)}


def refused(message: str, status: int = 400) -> tuple[int, Any]:
    return status, {"error": {"message": message, "code": status}}


def forms(service: Service) -> list[str | None]:
    """Return the form that each request asked for."""
    formats = (body.get("response_format") or {} for body in service.bodies)
    return [one.get("type") for one in formats]


def invalid(session: Session, spec: Any = SPEC) -> InvalidAnswerError:
    with pytest.raises(InvalidAnswerError) as raised:
        session.ask("How much?", as_=spec)
    return raised.value


def test_an_answer_has_a_value(home: dict[str, str]) -> None:
    service = Service(whole(GOOD, cost_usd=0.01))

    reply = service.session(environ=home).ask("How much?", as_=SPEC)

    assert reply.value == {"total": 12.5, "currency": "EUR"}
    assert (str(reply), reply.cost_usd) == (GOOD, 0.01)
    assert reply.metadata.shown.splitlines()[2:] == [
        "| total | 12.5 |",
        "| currency | EUR |",
    ]
    assert notices(reply) == ()
    form = service.bodies[0]["response_format"]["json_schema"]["schema"]
    assert form["properties"]["currency"] == {"type": "string", "enum": ["EUR", "USD"]}
    assert service.told[-1][1].startswith("How much?\n\nAnswer with one JSON object")


@dataclass
class Invoice:
    total: float
    currency: Literal["EUR", "USD"]


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        (Invoice, GOOD, Invoice(12.5, "EUR")),
        (bool, "true", True),
        (Literal["spam", "ham"], '{"value": "Ham"}', "ham"),
        ("spam|ham", "Spam.", "spam"),
        ("list int", '{"value": [1, 2]}', [1, 2]),
        ({"type": "integer"}, '{"value": 3}', 3),
        ("int?", '{"value": null}', None),
    ],
)
def test_the_value_is_of_the_type_asked_for(
    spec: Any, text: str, value: Any, home: dict[str, str]
) -> None:
    reply = Service(whole(text)).session(environ=home).ask("What?", as_=spec)

    assert (reply.value, type(reply.value)) == (value, type(value))


def test_a_plain_reply_has_no_value() -> None:
    assert Reply("text").value is None


@pytest.mark.parametrize(
    "refusal",
    [
        refused("response_format is not supported"),
        refused("body.response_format: extra fields not permitted", 422),
        refused("No endpoints found that support this", 404),
        refused("Failed to parse grammar", 500),
        (400, {"statusCode": 400, "message": "Body validation error"}),
        (400, {"message": [{"path": ["response_format", "type"], "message": "Bad"}]}),
    ],
)
def test_a_refused_form_is_remembered(
    refusal: tuple[int, Any], home: dict[str, str]
) -> None:
    service = Service(refusal, refusal, whole(GOOD), whole(GOOD))

    first = service.session(environ=home).ask("How much?", as_=SPEC)
    second = service.session(environ=home).ask("How much?", as_=SPEC)

    assert first.value == second.value == {"total": 12.5, "currency": "EUR"}
    assert forms(service) == ["json_schema", "json_object", None, None]
    assert "Put it into a fence" in service.told[-1][1]


@pytest.mark.parametrize("error", [refused("temperature is too high"), (429, {})])
def test_another_refusal_is_an_error(error: Any, home: dict[str, str]) -> None:
    service = Service(*[error] * 9)

    with pytest.raises(NemotronError):
        service.session(environ=home).ask("How much?", as_=SPEC)

    assert set(forms(service)) == {"json_schema"}


def test_a_model_that_is_gone_is_no_matter_of_form(home: dict[str, str]) -> None:
    service = Service(GONE, GONE, GONE, GONE)

    with pytest.raises(ModelError):
        service.session(environ=home).ask("How much?", as_=SPEC)

    assert forms(service) == ["json_schema", "json_object", None]


@pytest.mark.parametrize("bad", ["It is 12.50 euros.", BAD, "{}"])
def test_a_bad_answer_is_sent_back_once(bad: str, home: dict[str, str]) -> None:
    service = Service(whole(bad, cost_usd=0.01), whole(GOOD, cost_usd=0.02))
    session = service.session(environ=home)

    reply = session.ask("How much?", as_=SPEC)

    assert reply.value == {"total": 12.5, "currency": "EUR"}
    assert reply.cost_usd == 0.03
    assert "$0.030" in footer(reply)
    assert "Asked twice" in notices(reply)[0]
    assert [role for role, _ in service.told] == ["user", "assistant", "user"]
    assert service.told[1] == ("assistant", bad)
    assert [turn.reply for turn in session.conversation.turns] == [reply]
    assert session.conversation.last is reply


def test_an_answer_that_stays_bad_is_an_error_with_its_text(
    home: dict[str, str],
) -> None:
    service = Service(whole(BAD, cost_usd=0.01), whole(BAD, cost_usd=0.02))
    session = service.session(environ=home)

    error = invalid(session)

    assert str(error).splitlines() == [
        "the answer does not fit: currency 'GBP' is not one of EUR, USD",
        "billed: $0.030",
        "Read it: _nemotron   Ask again: %nemotron retry",
    ]
    assert (error.reply, error.reply.value, error.reply.cost_usd) == (
        BAD,
        None,
        0.03,
    )
    assert len(service.bodies) == 2


def test_a_reply_that_is_cut_off_is_not_sent_back(home: dict[str, str]) -> None:
    service = Service(LIMITED)

    error = invalid(service.session(environ=home, max_tokens=100))

    assert "it was cut off at max_tokens" in str(error)
    assert "--max-tokens 400" in str(error)
    assert len(service.bodies) == 1


def test_what_fails_in_the_second_try_is_told_with_the_first(
    home: dict[str, str],
) -> None:
    service = Service(whole(BAD, cost_usd=0.01), (500, {}))

    error = invalid(service.session(environ=home))

    assert "asked again: 127.0.0.1:1 failed (500)" in str(error)
    assert (str(error.reply), error.reply.cost_usd) == (BAD, 0.01)


def test_a_limit_holds_for_the_second_try(home: dict[str, str]) -> None:
    service = Service(whole(BAD, cost_usd=0.5), whole(GOOD), models=["m"])
    session = service.session(
        environ=home, model="m", session_budget_usd=0.4, allow_unknown_price=True
    )

    error = invalid(session)

    assert len(service.bodies) == 1
    assert "asked again" in str(error)
    assert not isinstance(error, LimitError)


def test_an_answer_that_came_as_reasoning_is_read(home: dict[str, str]) -> None:
    thought = delta(reasoning_content=f"It says so.\n{GOOD}")
    service = Service(thought + STOP + DONE)

    reply = service.session(environ=home).ask("How much?", as_=SPEC)

    assert reply.value == {"total": 12.5, "currency": "EUR"}
    assert "The answer was read from the reasoning." in notices(reply)


def test_the_text_of_the_answer_is_not_told_as_it_comes(home: dict[str, str]) -> None:
    events: list[Event] = []
    service = Service(say(*GOOD) + STOP + DONE)

    service.session(environ=home).ask("How much?", watch=events.append, as_=SPEC)

    assert events
    assert not [one for one in events if isinstance(one, Text)]


def test_the_question_goes_into_the_history_as_it_was_asked(
    home: dict[str, str],
) -> None:
    service = Service(whole(GOOD), whole("Because."))
    session = service.session(environ=home)
    session.ask("How much?", as_=SPEC)
    session.ask("Why?")

    assert service.told == [
        ("user", "How much?"),
        ("assistant", GOOD),
        ("user", "Why?"),
    ]
    assert forms(service)[-1] is None


def test_asked_again_it_is_typed_again(home: dict[str, str]) -> None:
    service = Service(whole(GOOD), whole(GOOD.replace("12.5", "13")), whole(GOOD))
    session = service.session(environ=home)
    session.ask("How much?", as_=SPEC)

    again = session.ask(Regeneration())
    other = session.ask(Regeneration("with tax"))

    assert [again.value["total"], other.value["total"]] == [13.0, 12.5]
    assert forms(service) == ["json_schema"] * 3
    texts = [body["messages"][-1]["content"] for body in service.bodies]
    assert [text.count("Answer with one JSON object") for text in texts] == [1, 1, 1]


def test_a_stop_in_the_second_try_keeps_the_first_answer(home: dict[str, str]) -> None:
    service = Service(whole(BAD), whole(GOOD))
    sent: list[Event] = []

    def watch(event: Event) -> None:
        if type(event).__name__ == "Sent":
            sent.append(event)
        if len(sent) == 2:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedByUser) as stopped:
        service.session(environ=home).ask("How much?", watch=watch, as_=SPEC)

    assert str(stopped.value.reply) == BAD


@pytest.mark.parametrize(
    ("question", "spec", "settings", "why"),
    [
        ("How much?", "total flaot", {}, "flaot is no type"),
        ("How much?", SPEC, {"n": 3}, "--as takes one answer"),
        (Regeneration(), SPEC, {}, "as_ is for a question"),
        (" ", SPEC, {}, "there is no question"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_it_is_sent(
    question: Any, spec: str, settings: dict[str, Any], why: str, home: dict[str, str]
) -> None:
    service = Service()

    with pytest.raises(InputError, match=why):
        service.session(environ=home).ask(question, Settings(settings), as_=spec)

    assert service.bodies == []


def test_what_is_prepared_is_what_is_sent(home: dict[str, str]) -> None:
    from nemotron_magic.session.structured.specs import parse_fields

    service = Service(whole(GOOD))
    session = service.session(environ=home)
    body = session.prepare(Question("How much?", wanted=parse_fields(SPEC))).body
    session.ask("How much?", as_=SPEC)

    assert service.bodies == [json.loads(json.dumps(body))]


def test_a_value_cannot_draw_in_the_table(home: dict[str, str]) -> None:
    text = json.dumps({"why": "a|b\n<b>`c`</b> **d** [e](http://f) $g$"})

    reply = Service(whole(text)).session(environ=home).ask("Why?", as_="why")

    assert reply.metadata.shown.splitlines()[-1] == (
        r"| why | a\|b \<b>\`c\`\</b> \*\*d\*\* \[e](http://f) \$g\$ |"
    )
    assert reply.value["why"].startswith("a|b\n<b>")


def test_a_refusal_is_not_asked_again(home: dict[str, str]) -> None:
    service = Service(delta(refusal="I will not.") + STOP + DONE)

    invalid(service.session(environ=home))

    assert len(service.bodies) == 1


def test_usage_that_is_not_told_stays_unknown(home: dict[str, str]) -> None:
    service = Service(say(BAD) + STOP, say(GOOD) + STOP)
    reply = service.session(environ=home).ask("How much?", as_=SPEC)

    assert reply.cost_usd is None
    assert "cost unknown" in footer(reply)


def test_a_request_that_is_wrong_otherwise_says_so(home: dict[str, str]) -> None:
    service = Service(refused("unsupported"))

    with pytest.raises(RequestError):
        service.session(environ=home).ask("How much?", as_=SPEC)


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        "stars int 2..5, share float ..0.5, low int -3..-1, at date, due date?",
        "n int: 7|8, tags list: new|old, many list int 4..6, ok bool?, why",
        "mood: good|bad?, days list date",
        "bool",
        "date",
        "int 3..4",
    ],
)
def test_the_rehearsal_gives_what_is_asked_for(spec: str, home: dict[str, str]) -> None:
    with rehearsal.serve() as url:
        session = Session(base_url=url, environ=home)
        reply = session.ask("What is it?", as_=spec)
        session.close()

    assert notices(reply) == ()
    assert reply.value is not None


def test_threads_that_ask_at_once_keep_their_turns_apart(home: dict[str, str]) -> None:
    answers = {"one": whole(BAD), "two": whole(GOOD)}
    service = Service()
    session = service.session(environ=home)

    def watch(event: Event) -> None:
        if type(event).__name__ == "Finish" and not done:
            done.append(event)
            service.answers[:] = [answers["two"]]
            session.ask("two?", as_=SPEC)
            service.answers[:] = [answers["two"]]

    done: list[Event] = []
    service.answers[:] = [answers["one"]]
    session.ask("one?", watch=watch, as_=SPEC)

    turns = [(turn.question, turn.reply.value) for turn in session.conversation.turns]
    assert sorted(turns, key=str) == [
        ("one?", {"total": 12.5, "currency": "EUR"}),
        ("two?", {"total": 12.5, "currency": "EUR"}),
    ]
    assert len(service.bodies) == 3


def test_what_was_asked_twice_costs_nothing_from_the_cache(
    home: dict[str, str],
) -> None:
    service = Service(whole(BAD), whole(GOOD))
    for cache in ("on", "on", "replay"):
        session = service.session(environ=home, cache=cache)
        reply = session.ask("How much?", as_=SPEC)
        session.close()

    assert (reply.value["currency"], reply.cost_usd) == ("EUR", 0.0)
    assert len(service.bodies) == 2


def test_a_page_shows_the_values_and_no_json(home: dict[str, str]) -> None:
    reply = Service(whole(f"```\n{GOOD}\n```")).session(environ=home).ask("?", as_=SPEC)
    html = without_style(reply_html(reply))

    assert "<td" in html
    assert "{" not in html


@pytest.mark.parametrize("cut", [CUT, FAILED])
def test_half_an_answer_is_not_gone_on_with(cut: Any, home: dict[str, str]) -> None:
    session = Service(cut, whole(GOOD)).session(environ=home)

    with pytest.raises(NemotronError) as raised:
        session.ask("How much?", as_=SPEC)

    assert raised.value.hint == "Ask again: %nemotron retry"
    assert session.ask(Regeneration()).value == {"total": 12.5, "currency": "EUR"}


def test_a_table_in_a_saved_notebook_is_not_taken_for_the_answer(
    home: dict[str, str],
) -> None:
    reply = Service(whole(GOOD)).session(environ=home).ask("How much?", as_=SPEC)

    assert metadata(reply)["characters"] is None
