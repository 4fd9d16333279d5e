"""The ladder goes down where a server refuses the form, and nowhere else."""

from __future__ import annotations

import pytest

from nemotron_magic.core.errors import (
    ModelError,
    NemotronError,
    OutcomeUnknownError,
    RateLimitError,
    RequestError,
    ServiceError,
)
from nemotron_magic.core.settings import Settings
from nemotron_magic.session.conversation import PreparedPrompt, Turn
from nemotron_magic.session.reply import Reply
from nemotron_magic.session.structured.asking import (
    RUNGS,
    ask_typed,
    body_for,
    is_format_refusal,
    repair_messages,
)
from nemotron_magic.session.structured.specs import parse_fields


@pytest.mark.parametrize(
    "error",
    [
        RequestError(
            "refused", "it said: response_format is not supported", status=400
        ),
        RequestError("refused", "it said: body.response_format.type: bad", status=422),
        RequestError("refused", "it said: Unknown format: uri in schema", status=400),
        ModelError("no", "it said: No endpoints found that can handle it", status=404),
        RequestError("refused", "it said: guided decoding is off", status=501),
        RequestError("refused", "it said: Body validation error", status=400),
        ServiceError("failed", "it said: failed to parse grammar", status=500),
        OutcomeUnknownError(
            "failed (500)",
            "it said: 1 validation error: {'loc': ('body', 'response_format', 'type'), "
            "'msg': \"Input should be 'text' or 'json_object'\"}",
            status=500,
        ),
    ],
)
def test_a_refused_form_is_asked_for_less_strictly(error: NemotronError) -> None:
    assert is_format_refusal(error)


@pytest.mark.parametrize(
    "error",
    [
        RequestError("refused", "it said: temperature must be <= 2", status=400),
        RequestError(
            "refused", "it said: Body validation error: temperature", status=400
        ),
        RequestError("key", "it said: no schema for you", status=401),
        RateLimitError("too many", "it said: response_format quota", status=429),
        ServiceError("failed", "it said: overloaded, see schema", status=503),
        NemotronError("lost", "json_schema"),
    ],
)
def test_what_is_no_matter_of_form_is_an_error(error: NemotronError) -> None:
    assert not is_format_refusal(error)


@pytest.mark.parametrize("kept", ["", '{"total": 1'])
def test_what_has_begun_to_answer_is_not_asked_in_another_form(kept: str) -> None:
    asked = []

    def ask(prompt: PreparedPrompt, settings: Settings) -> Reply:
        asked.append(settings["response_format"])
        error = RequestError("refused", "it said: no response_format", status=400)
        error.reply = kept
        raise error

    message = {"role": "user", "content": "How much?"}
    wanted = parse_fields("total float")
    prompt = PreparedPrompt((message,), "main", Turn("How much?"), wanted=wanted)
    with pytest.raises(RequestError):
        ask_typed(prompt, Settings({}), ask, "json_schema", pytest.fail)

    assert [form["type"] for form in asked] == ["json_schema"]


def test_each_rung_says_the_form_in_words() -> None:
    fields = parse_fields("total float")

    bodies = [body_for(rung, fields) for rung in RUNGS]

    schema = {"name": "answer", "schema": fields.schema()}
    assert [more for more, _ in bodies] == [
        {"response_format": {"type": "json_schema", "json_schema": schema}},
        {"response_format": {"type": "json_object"}},
        {},
    ]
    assert all(
        "JSON object" in line and '"total": number' in line for _, line in bodies
    )


def test_the_repair_round_holds_the_bad_reply_and_the_complaint() -> None:
    asked = [{"role": "user", "content": "How much?"}]

    sent = repair_messages(asked, "about 3", "no JSON", parse_fields("total float"))

    assert [m["role"] for m in sent] == ["user", "assistant", "user"]
    assert sent[1]["content"] == "about 3"
    assert sent[2]["content"].startswith(
        "That cannot be used: no JSON. Answer with one"
    )
