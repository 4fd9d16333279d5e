"""What any bytes must do: one function a room, which raises if they do not.

Each takes bytes and reads from them both what it feeds to the room and how it cuts it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unicodedata import category

from markdown_policy import violations
from wire import DONE, ELSEWHERE, HELLO, cuts, delta, event, say

from nemotron_magic.client.http_errors import (
    RequestInfo,
    ServiceErrorBody,
    error_for,
    retry_after_s,
)
from nemotron_magic.client.models import (
    fallback_model,
    read_balance,
    read_models,
    read_usage,
    sorted_for_people,
)
from nemotron_magic.client.parser import CompletionParser
from nemotron_magic.client.sse import EventStreamDecoder, ServerSentEvent
from nemotron_magic.code.cells import cells_of, join_cells
from nemotron_magic.code.check import check
from nemotron_magic.code.syntax import format_findings
from nemotron_magic.code.visibility import escape_bidi
from nemotron_magic.context.redact import Redactor
from nemotron_magic.core.errors import InputError, NemotronError
from nemotron_magic.core.loose_json import read_cut_json
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.display.reply import footer, metadata, notices
from nemotron_magic.magics.parser import parse
from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.streaming import Blocks
from nemotron_magic.session.reply import ReplyAccumulator

Target = Callable[[bytes], None]

_ASKED = RequestInfo(ELSEWHERE, DEFAULT_MODEL)
_SECRET = "hunter2hunter2hunter2"
_LONGEST_LINE = 1_000


def stream(data: bytes) -> None:
    """Bytes give the same events however they are cut."""
    body, pieces = _cut(data)

    assert _events(pieces) == _events([body])


def dialect(data: bytes) -> None:
    """A body gives the same reply and the same error however it is cut."""
    body, pieces = _cut(data)
    for content_type in ("text/event-stream", "application/json"):
        assert _heard(pieces, content_type) == _heard([body], content_type)


def refusal(data: bytes) -> None:
    """A failed response becomes one to three lines without controls."""
    status = 400 + int.from_bytes(data[:2], "big") % 200
    text = data[2:].decode("utf-8", "replace")
    wait_s = retry_after_s({"retry-after": text[:60], "date": text[60:120]}, 1.8e9)
    error = error_for(status, ServiceErrorBody.read(text), _ASKED, wait_s=wait_s)
    lines = str(error).splitlines()

    assert 1 <= len(lines) <= 3
    assert all(len(line) <= _LONGEST_LINE for line in lines)
    assert not {category(c) for line in lines for c in line} & {"Cc", "Zl", "Zp"}
    assert wait_s is None or 0 < wait_s < float("inf")


def catalogue(data: bytes) -> None:
    """Any JSON is a list of models, of which some may be none."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return
    models = read_models(answer)
    sorted_for_people(models)
    fallback_model(models)
    usage = read_usage(answer)

    assert all(isinstance(model.name, str) and model.name for model in models)
    assert all(_is_amount(m.input_usd) and _is_amount(m.output_usd) for m in models)
    assert all(map(_is_amount, usage.as_dict().values()))
    read_balance(answer)


def markdown(data: bytes) -> None:
    """No text makes HTML that could do something."""
    found = violations(to_html(data.decode("utf-8", "replace")))

    assert found == []


def blocks(data: bytes) -> None:
    """Parting a text loses no character, and its parts are harmless."""
    body, pieces = _cut(data)
    text = body.decode("utf-8", "replace")
    growing = Blocks(soft_limit=40 + len(pieces))
    finished = [
        block
        for at in range(0, len(text), 1 + len(pieces))
        for block in growing.feed(text[at : at + 1 + len(pieces)])
    ]
    parts = [*finished, growing.tail]

    assert "".join(block.source for block in parts) == text
    assert not any(violations(to_html(block.markdown)) for block in parts)


def redact(data: bytes) -> None:
    """Taking secrets out finds a planted one, and is done after one time."""
    text = data.decode("utf-8", "replace")
    redactor = Redactor({"MY_PASSWORD": _SECRET})
    once = redactor.redact(f"{text} {_SECRET} {text}").text

    assert _SECRET not in once
    assert redactor.redact(once).text == once


def grammar(data: bytes) -> None:
    """What is typed is understood, or refused in words."""
    line, newline, body = data.decode("utf-8", "replace").partition("\n")
    lines = ["understood"]
    try:
        parse(line, body if newline else None)
    except InputError as error:
        lines = str(error).splitlines()

    assert 1 <= len(lines) <= 3


def cells(data: bytes) -> None:
    """The code of any reply becomes cells, whose checks raise nothing."""
    text = data.decode("utf-8", "replace")
    found = cells_of(text, ["bash", "time"])
    for cell in (*found, *join_cells(found)):
        shown, warnings = escape_bidi(cell.source)
        findings = check(
            cell.source, {"df": 1, "np": 2}, is_installed={"os"}.__contains__
        )

        assert escape_bidi(shown)[0] == shown
        assert len(format_findings(findings).splitlines()) <= 1
        assert all(len(warning.splitlines()) == 1 for warning in warnings)


def cut(data: bytes) -> None:
    """What is read of a JSON text that was cut is a value, and all of it if whole."""
    text = data.decode("utf-8", "replace")
    found = read_cut_json(text)
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return
    assert json.dumps(found) == json.dumps(whole)


TARGETS: dict[str, Target] = {
    one.__name__: one
    for one in (
        stream, dialect, refusal, catalogue, markdown, blocks, redact, grammar, cells,
        cut,
    )
}  # fmt: skip

SEEDS: dict[str, list[bytes]] = {
    "stream": [
        b"\x03abc" + HELLO,
        b"\x01\x05\xef\xbb\xbfdata: a\r\n\r\nid: 7\revent: x\rdata:\xff\r\r",
        b"\x02\x01\x09: c\n\nretry: 3\nerror: {}\n\ndata\n\n" + DONE,
    ],
    "dialect": [
        b"\x03abc" + HELLO,
        b"\x02ab" + say("<think>", "so", "</think>\n", "Hi") + DONE,
        b"\x02ab" + say("so\n", "</think>\n", "Hi") + delta("length") + DONE,
        b"\x02ab" + delta(reasoning="a", tool_calls=[{"index": 0, "id": "c"}]) + DONE,
        b"\x02ab" + say("a") + event({"error": {"message": "died", "code": 500}}),
        b'\x02ab{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":3}}',
        b"\x02ab<html><title>Log in</title></html>",
    ],
    "refusal": [
        b"\x00\x1d" + b'{"error":{"message":"Too many","code":429,"metadata":{}}}',
        b"\x00\x00" + b'{"detail":[{"loc":["body","top_p"],"msg":"too low"}]}',
        b"\x00\x66" + b"<html><title>502 &amp; more</title><script>x</script>",
        b"\x00\x041000 " + b" " * 53 + b"Wed, 21 Oct 2026 07:28:00 GMT",
    ],
    "catalogue": [
        b'{"data":[{"id":"nvidia/nemotron-3","type":"chat-completion","info":'
        b'{"contextLength":8},"pricing":{"units":[{"name":"token","price":"1e-6",'
        b'"per":1,"measure":"input"}]}}]}',
        b'[{"id":"a","context_length":9,"pricing":{"prompt":"0.1","completion":1}}]',
        b'{"prompt_tokens":1,"completion_tokens_details":{"reasoning_tokens":2},'
        b'"usage":{"usd_spent":0.1,"credits_used":3},"current_balance":1.5}',
    ],
    "markdown": [
        b"# T\n\n- a\n  - b\n\n```py\nx\n```\n\n| a |\n|--|\n| b |\n\n$$x$$ \\(y\\)\n",
        b'<img src=x onerror=alert(1)> [a](javascript:b) ![c](http://d "e")\n\n[a]: b',
    ],
    "blocks": [
        b"\x02ab# T\n\n- a\n  - b\n\n```py\nx\n```\n\n| a |\n|--|\n| b |\n\n$$x$$\n",
        b"\x01\xff1. so\n   ```py\n" + b"   x = 1\n" * 40 + b"   ```\n2. b\n\nEnd.\n",
    ],
    "redact": [
        b"API_KEY=sk-0123456789abcdef0123 postgres://u:pw@h/d Authorization: Bearer x",
        b'{"password": "hunter2hunter2"} -----BEGIN PRIVATE KEY-----\nabc\n-----END',
        b"eyJhbGciOi.J9eyJzdWIi.SflKxwRJSM ghp_0123456789abcdefghij0123456789abcdef",
    ],
    "grammar": [
        b"-t 0.2 --stop 'a b' -p user=\"x\" fix the legend?",
        b"--max-tokens=5 -o reply -- -x\nbody {of} $`df` it",
        b"fix: keep the index",
    ],
    "cells": [
        b"So:\n\n```python\nimport os, pandas as pd\nprint(df['a'], totl)\n```\n\n"
        b"```sh\nls\n```\n\n```\n%%time\nx = 1  # \xe2\x80\x8b\n```",
        b">>> f = lambda x: x\n>>> f(1)\n1\n\n- a\n  ~~~py\n  async def f(): g()\n",
        b"````md\n```py\ndef p\xd0\xb0y(): ...\n```\n````\n```python\nfor x in",
    ],
    "cut": [
        b'{"a": [1, {"b": "so \\u00e9 fa\\"r"}, null, true], "c": -1.5e3}',
        b'[{"choices":[{"message":{"content":"a',
    ],
}  # fmt: skip


def _cut(data: bytes) -> tuple[bytes, list[bytes]]:
    """Read off how many cuts there are and where; give the rest, whole and cut."""
    number = data[0] % 16 if data else 0
    at, body = data[1 : 1 + number], data[1 + number :]
    places, place = [], 0
    for step in at:
        place += step
        places.append(place)
    return body, cuts(body, places)


def _events(pieces: list[bytes]) -> list[ServerSentEvent]:
    decoder = EventStreamDecoder()
    events = [one for piece in pieces for one in decoder.feed(piece)]
    return [*events, *decoder.close()]


def _heard(pieces: list[bytes], content_type: str) -> tuple[Any, ...]:
    """Read a body as the client does; give all that comes of it."""
    reader, draft = CompletionParser(_ASKED, content_type), ReplyAccumulator()
    for piece in pieces:
        for one in reader.feed(piece):
            draft.add(one)
        if reader.done or reader.error is not None:
            break
    for one in reader.close():
        draft.add(one)
    reply = draft.reply()
    assert reader.error is None or isinstance(reader.error, NemotronError)
    json.dumps(metadata(reply)).encode()
    reply.encode()
    return str(reply), reply.metadata, footer(reply), notices(reply), str(reader.error)


def _is_amount(value: float | None) -> bool:
    return value is None or 0 <= value < float("inf")
