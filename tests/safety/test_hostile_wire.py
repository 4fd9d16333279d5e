"""What a service says of itself cannot pose as what we say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hostile_service import Answer, Service
from reply_page import faults
from shells import Shell
from wire import DONE, NoStore, event

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.events import Retry, Sent
from nemotron_magic.core.text import literal
from nemotron_magic.display.reply import (
    footer,
    metadata,
    notices,
    reply_html,
    status_html,
)
from nemotron_magic.markdown import to_html
from nemotron_magic.session.credentials import KeyStore
from nemotron_magic.session.reply import ReplyAccumulator, ReplyMetadata, saved_replies

EVIL = (
    "\x1b[2J\x1b]52;c;eA==\x07\x9b8m\r\n\n- ✓ key: found\n\n# Forged\n\u2028"
    "\u202e\u2066\u200b\U000e0041\ud83d <img src=x onerror=a> "
    "![x](http://listener.invalid/i.png) "
    "[x](javascript:a) ` | $\\def\\le{\\ge}$ ``` \n1.0 s · 1 → 1 tokens · $0"
)
LONG = "x" * 100_000
STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200b\U000e0000-\U000e007f"
    "\ud800-\udfff]"
)
MODELS = {
    "data": [
        {"id": "nvidia/nemotron-good"},
        {"id": f"nvidia/nemotron-{EVIL}", "aliases": [EVIL], "context_length": 9},
        {"id": "nemotron`| 1 | 2 | 3 |\n| `forged"},
        {"id": f"nemotron-{LONG}"},
        {"id": "nemotron \u202eevil"},
        {"id": ""},
        {
            "id": "other/<b>bold</b> ![x](http://listener.invalid)",
            "context_length": LONG,
        },
    ]
}


def shown(lines: str) -> None:
    """Look at lines that a user reads: none steers, none is endless."""
    assert STEERING.findall(lines) == []
    assert max(map(len, lines.split("\n"))) < 2_000


@pytest.fixture
def service(service: Service) -> Service:
    service.answers["models"] = Answer.json(MODELS)
    return service


@pytest.fixture
def session(service: Service) -> Iterator[Session]:
    client = Client(sleep=lambda wait_s: None)
    yield Session(client=client, environ={}, keys=KeyStore(NoStore()),
                  base_url=service.url)  # fmt: skip
    client.close()


def test_a_catalogue_forges_no_rows(shell: Shell) -> None:
    listed = shell.run("%nemotron models").text
    rows = [line for line in listed.splitlines() if line.startswith("|")]

    assert [row.count("|") for row in rows] == [5] * 4
    assert "nvidia/nemotron-good" in rows[2]
    assert "<b>bold</b>" in rows[3]
    assert "Forged" not in listed
    assert faults(to_html(listed)) == []
    shown(listed)


@pytest.mark.parametrize("command", ["models", "doctor", "usage", "log", "log: 1", ""])
def test_no_command_passes_on_what_a_service_says(
    shell: Shell, service: Service, command: str
) -> None:
    chunk = {"id": EVIL, "model": EVIL, "choices": [{"delta": {"content": "hi"}}]}
    end = {"choices": [{"delta": {}, "finish_reason": EVIL}]}
    service.answers["completions"] = Answer.stream(
        event(chunk, True) + event(end, True) + DONE
    )
    shell.run("%nemotron -q hello")
    for answer in (Answer.json(MODELS), Answer.json({"error": {"message": EVIL}}, 500)):
        service.answers["models"] = answer
        outcome = shell.run(f"%nemotron {command}")
        text = outcome.text + outcome.error
        assert text
        shown(text)
        html = to_html(outcome.text) if outcome.status == "ok" else ""
        assert faults(html) == []
        assert not re.search(r"<(h\d|img|a|em|strong)\b|nm-(image|tex|math)", html)
        assert "<li>✓ key: found" not in html
        tables = [
            table.strip().split("\n")
            for table in re.findall(r"(?:^\|.*\n?)+", text, re.M)
        ]
        assert all(len({row.count("|") for row in table}) == 1 for table in tables)


STATUSES = [400, 401, 402, 403, 404, 408, 410, 413, 422, 429, 500, 502, 503, 504, 524]
DIALECTS = {
    "openai": {"error": {"message": EVIL, "code": EVIL, "type": EVIL, "param": EVIL}},
    "aiml": {"message": EVIL, "path": EVIL, "requestId": EVIL, "statusCode": 418},
    "fastapi": {"detail": [{"loc": ["body", EVIL], "msg": EVIL, "type": EVIL}]},
    "problem": {"title": EVIL, "detail": EVIL, "status": 418, "instance": EVIL},
    "long": {"error": {"message": LONG + EVIL, "request_id": LONG}},
    "text": EVIL,
}
HEADERS = {
    "x-request-id": "\x1b[2J evil `|<b>",
    "x-inference-id": "a" * 5000,
    "Retry-After": "\x1b[2J",
    "cf-ray": "b\u00ad\x85",
}


def look_at(error: NemotronError) -> None:
    told = str(error)
    shown(told)
    shown("\n".join(error._render_traceback_()))
    assert 1 <= len(told.splitlines()) <= 3
    assert error.request_id is None or re.fullmatch(r"[\w.:-]{1,128}", error.request_id)
    assert "\n- ✓" not in told


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_of_a_service_is_told_in_three_lines_that_steer_nothing(
    session: Session, service: Service, status: int
) -> None:
    for body in DIALECTS.values():
        service.answers["completions"] = Answer.json(body, status, **HEADERS)
        with pytest.raises(NemotronError) as failed:
            session.ask("Hello")
        look_at(failed.value)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_so_is_one_in_mid_stream(
    session: Session, service: Service, dialect: str
) -> None:
    body = DIALECTS[dialect]
    error = body if isinstance(body, dict) and "error" in body else {"error": body}
    hello = event({"choices": [{"delta": {"content": "Hel"}}]})
    for stream in (
        hello + event(error, True),
        hello + b"event: error\ndata: " + json.dumps(body).encode() + b"\n\n",
        b"data: " + EVIL.replace("\ud83d", "").encode().replace(b"\n", b" ") + b"\n\n",
    ):
        service.answers["completions"] = Answer.stream(stream, **HEADERS)
        with pytest.raises(NemotronError) as failed:
            session.ask("Hello")
        look_at(failed.value)


@pytest.mark.parametrize(
    "location",
    [
        "http://listener.invalid/\x1b[2J",
        "javascript:alert(1)",
        "//\xad\x85/",
        "x" * 9000,
    ],
)
def test_a_redirect_is_told_and_not_followed(
    session: Session, service: Service, location: str
) -> None:
    service.answers["completions"] = Answer.json({}, 307, Location=location)
    with pytest.raises(NemotronError) as failed:
        session.ask("Hello")

    look_at(failed.value)
    assert [path for path, _ in service.sent] == ["/v1/chat/completions"]


def test_what_a_service_calls_things_is_one_short_line(
    session: Session, service: Service
) -> None:
    call = {"id": EVIL, "function": {"name": EVIL, "arguments": EVIL}}
    delta = {"content": "hi", "tool_calls": [call]}
    chunk = {"id": EVIL, "model": EVIL + LONG, "choices": [{"delta": delta}]}
    usage = {"prompt_tokens": EVIL, "completion_tokens": LONG, "cost": EVIL}
    end = {"choices": [{"delta": {}, "finish_reason": EVIL + LONG}], "usage": usage}
    body = event(chunk, True) + event(end, True) + DONE
    service.answers["completions"] = Answer.stream(body, **HEADERS)

    reply = session.ask("Hello")
    saved = metadata(reply)

    for line in (
        footer(reply),
        *notices(reply),
        reply.model,
        *map(str, saved.values()),
    ):
        shown(line)
    names = (reply.model, reply.finish_reason, reply.metadata.completion_id)
    assert all(name and len(name) <= 200 for name in names)
    assert not {"`", "|", "\n"} & set("".join(map(str, names)))
    assert faults(reply_html(reply), notices=3) == []
    assert saved["request_id"] is None
    assert footer(reply).endswith("tokens unknown · cost unknown")


def test_a_retry_tells_of_no_more_than_we_say(
    session: Session, service: Service
) -> None:
    service.answers["completions"] = Answer.json({"error": EVIL}, 503, **HEADERS)
    events: list[object] = []
    with pytest.raises(NemotronError):
        session.ask("Hello", watch=events.append)

    said = [event for event in events if isinstance(event, Retry | Sent)]
    assert any(isinstance(event, Retry) for event in said)
    for event_ in said:
        words = event_.why if isinstance(event_, Retry) else event_.model
        shown(words)
        assert faults(status_html(words)) == []


def test_the_models_named_in_place_of_one_that_is_gone_are_real_names(
    session: Session, service: Service
) -> None:
    gone = {"error": {"message": "model not found"}}
    service.answers["completions"] = Answer.json(gone, 404)
    session.settings = session.settings.with_model("mine")
    with pytest.raises(NemotronError) as failed:
        session.ask("Hello")

    look_at(failed.value)
    assert "nvidia/nemotron-good" in failed.value.hint
    assert "orged" not in failed.value.hint


def test_a_notebook_s_file_is_no_better_than_a_service() -> None:
    about = {
        "request_hash": "h",
        "characters": 2,
        "served_model": EVIL + LONG,
        "finish_reason": EVIL,
        "asked_at": EVIL,
        "usage": {"prompt_tokens": EVIL, "cost_usd": -1},
    }
    output = {"data": {"text/plain": "hi" + EVIL}, "metadata": {"nemotron": about}}
    kept = saved_replies(json.dumps({"cells": [{"outputs": [output]}]}))["h"]
    draft = ReplyAccumulator(ReplyMetadata())
    for one in kept.events():
        draft.add(one)
    reply = draft.reply(elapsed_s=0.0)

    assert str(reply) == "hi"
    for line in (footer(reply), *notices(reply), *map(str, metadata(reply).values())):
        shown(line)
        assert "\n" not in line
    assert faults(reply_html(reply), notices=3) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nvidia/nemotron", "`nvidia/nemotron`"),
        ("a|b`c\nd", "`a¦b'c d`"),
        (EVIL[:7], ""),
        ("x" * 600, f"`{'x' * 499}…`"),
        ("", ""),
    ],
)
def test_what_others_wrote_stays_in_its_cell_of_a_table(text: str, shown: str) -> None:
    assert literal(text) == shown
