"""A service that repeats the key in all that it says brings it nowhere."""

from __future__ import annotations

import json
import pickle
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hostile_service import Answer, Service, serving
from shells import LOAD, Kernel, running
from wire import DONE, NoStore, event

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.display.reply import metadata
from nemotron_magic.session.credentials import KeyStore
from nemotron_magic.storage.ledger import Ledger

KEY = "9f8e7d6c-5b4a/39281706+abcdef"
IN_BASE64 = b64encode(f"Bearer {KEY}".encode()).decode()
FORMS = (KEY, KEY[:15], KEY[15:], IN_BASE64[12:-4], KEY.encode().hex())


def echoed(said: str) -> dict[str, Any]:
    """Say it in every field of a completion, and in some that there are not."""
    numbers = list(said.encode())
    tokens = [
        {"token": letter, "bytes": [ord(letter)], "top_logprobs": [{"token": letter}]}
        for letter in said
    ]
    call = {
        "index": 0,
        "id": said,
        "type": said,
        "function": {"name": said, "arguments": json.dumps({said: [said]})},
    }
    message = {
        "role": said,
        "content": f"a {said} b",
        "reasoning": said,
        "refusal": said,
        "tool_calls": [call],
        said: said,
    }
    return {
        "id": said,
        "model": said,
        "object": said,
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "stop",
                "native_finish_reason": said,
                "logprobs": {"content": [{"token": said, "bytes": numbers}, *tokens]},
            }
        ],
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": said,
            said: said,
            "prompt_tokens_details": {"cached_tokens": said, said: 1},
        },
        "meta": {"usage": {"usd_spent": 0.1, "note": said}},
        "system_fingerprint": said,
        said: said,
    }


def streamed(said: str, size: int) -> bytes:
    """Say it in a stream, every text of it in pieces of a few letters."""
    whole = echoed(said)
    choice = whole["choices"][0]
    message, chunks = choice["message"], []

    def chunk(**delta: Any) -> None:
        chunks.append({**whole, "choices": [{"index": 0, "delta": delta}]})

    for name in ("reasoning", "refusal", "content"):
        for at in range(0, len(message[name]), size):
            chunk(**{name: message[name][at : at + size]})
    (call,) = message["tool_calls"]
    arguments = call["function"]["arguments"]
    for at in range(0, len(arguments), size):
        part = {"name": said, "arguments": arguments[at : at + size]}
        chunk(tool_calls=[{**call, "function": part}], content="")
    for token in choice["logprobs"]["content"]:
        one = {"index": 0, "delta": {}, "logprobs": {"content": [token]}}
        chunks.append({**whole, "choices": [one]})
    end = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    chunks.append({**whole, "choices": [end]})
    return b"".join(map(event, chunks)) + DONE


def model_list(said: str) -> dict[str, Any]:
    pricing = {"prompt": "0.1", "completion": "0.1", said: said}
    return {"data": [{"id": f"m {said}", "aliases": [said], "pricing": pricing}]}


class Echo:
    """A service that says what it is told to, the key for `{}` in it."""

    def __init__(self, home: Path, answer: Callable[[str], httpx.Response]) -> None:
        self.answer = answer
        self.said = KEY
        self.session = Session(
            key=KEY,
            base_url="https://echo.example/v1",
            client=Client(httpx.MockTransport(self), sleep=lambda delay_s: None),
            environ={"NEMOTRON_MAGIC_HOME": str(home)},
            keys=KeyStore(NoStore()),
            ledger=Ledger(home / "ledger.sqlite", mounts=str),
            cache="on",
            log_text=True,
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        response = self.answer(self.said)
        names = ("x-request-id", "x-inference-id", "etag", "x-other", "cf-ray")
        for name in names:
            response.headers[name] = self.said
        return response


def everything(home: Path, *things: object) -> Iterator[bytes]:
    """Give all that may be kept: files, pickles, what is shown."""
    for path in home.rglob("*"):
        if path.is_file():
            yield path.read_bytes()
    for thing in things:
        yield repr(thing).encode()
        yield pickle.dumps(thing)


ANSWERS: dict[str, Callable[[str], httpx.Response]] = {
    "whole": lambda said: httpx.Response(200, json=echoed(said)),
    "letter by letter": lambda said: httpx.Response(200, content=streamed(said, 1)),
    "in halves": lambda said: httpx.Response(200, content=streamed(said, 17)),
    "at once": lambda said: httpx.Response(200, content=streamed(said, 1000)),
}


@pytest.mark.parametrize("written", ["plain", "base64"])
@pytest.mark.parametrize("name", ANSWERS)
def test_no_reply_brings_the_key_to_disk(
    tmp_path: Path, name: str, written: str
) -> None:
    echo = Echo(tmp_path, ANSWERS[name])
    echo.said = KEY if written == "plain" else IN_BASE64
    session, seen = echo.session, []
    reply = session.ask("why?", watch=seen.append)
    known = reply.metadata
    session.close()
    things = (
        reply,
        known,
        metadata(reply),
        session.conversation.threads,
        session.accounting.ledger.last(),
    )
    kept = [*everything(tmp_path, *things), json.dumps(metadata(reply)).encode()]

    assert known.tool_calls
    assert known.logprobs
    assert known.refusal
    assert reply.startswith("a ")
    assert reply.endswith(" b")
    assert known.finish_reason == "stop"
    assert session.accounting.cache.size()[0] == 1
    assert [form for form in FORMS for one in kept if form.encode() in one] == []
    words = "".join(str(one.get("token")) for one in known.logprobs)
    assert [form for form in FORMS if form in words] == []


ERRORS: dict[str, Callable[[str], httpx.Response]] = {
    "401": lambda said: httpx.Response(401, json={"error": {"message": f"no {said}"}}),
    "404": lambda said: httpx.Response(404, json={"message": said, "requestId": said}),
    "500": lambda said: httpx.Response(500, text=f"<h1>{said}</h1>"),
    "307": lambda said: httpx.Response(307, headers={"location": f"/{said}?k={said}"}),
    "400": lambda said: httpx.Response(
        400, json={"error": {"metadata": {"raw": json.dumps({"detail": said})}}}
    ),
    "in a stream": lambda said: httpx.Response(
        200, content=event({"error": {"message": said, "code": said, "type": said}})
    ),
    "no reply": lambda said: httpx.Response(200, text=f"you sent {said}"),
    "encoding": lambda said: httpx.Response(
        200, headers={"content-encoding": said}, stream=httpx.ByteStream(b"x")
    ),
}


@pytest.mark.parametrize("written", ["plain", "base64"])
@pytest.mark.parametrize("name", ERRORS)
def test_no_error_tells_the_key(tmp_path: Path, name: str, written: str) -> None:
    echo = Echo(tmp_path, ERRORS[name])
    echo.said = KEY if written == "plain" else IN_BASE64
    with pytest.raises(NemotronError) as raised:
        echo.session.ask("why?")
    error = raised.value
    echo.session.close()
    told = (str(error), error.args, error.hint, error.request_id, error.reply)
    kept = [*everything(tmp_path, told, echo.session.accounting.ledger.last())]

    assert [form for form in FORMS for one in kept if form.encode() in one] == []


def test_no_list_of_models_tells_the_key(tmp_path: Path) -> None:
    echo = Echo(tmp_path, lambda said: httpx.Response(200, json=model_list(said)))
    models = echo.session.models()

    assert [model.name for model in models] == ["m [key]"]
    assert KEY not in repr(models)
    assert KEY not in repr(vars(echo.session.client))


# ---- in a kernel


LOOKS = (
    "_nemotron, repr(_nemotron.metadata), _nemotron.metadata.tool_calls",
    "%tb",
    "%nemotron log: 1",
    "%nemotron preview",
    "%nemotron models",
    "%nemotron doctor",
    "%nemotron retry",
)


def spoken(response: httpx.Response) -> Answer:
    """Return the same answer on a socket, the key in its headers as well."""
    headers = [(n, v) for n, v in response.headers.items() if n != "content-length"]
    own = [(name, KEY) for name in ("x-request-id", "x-inference-id", "cf-ray")]
    return Answer(response.read(), response.status_code, (*headers, *own))


@dataclass
class Listening:
    """A kernel whose service answers what it is told to, and the kernel's home."""

    kernel: Kernel
    service: Service
    home: Path


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    home = tmp_path_factory.mktemp("home")
    with serving() as service:
        own = {"AIMLAPI_API_BASE": f"{service.url}/v1", "AIMLAPI_API_KEY": KEY}
        own["NEMOTRON_MAGIC_HOME"] = str(home)
        with running(home, LOAD, "%config Nemotron.log_text = True", **own) as kernel:
            yield Listening(kernel, service, home)


@pytest.mark.kernel
@pytest.mark.parametrize("written", ["plain", "base64"])
@pytest.mark.parametrize("name", ["whole", "letter by letter", "401", "in a stream"])
def test_a_kernel_shows_no_key_that_a_service_repeats(
    listening: Listening, name: str, written: str
) -> None:
    said = KEY if written == "plain" else IN_BASE64
    kernel, service = listening.kernel, listening.service
    service.answers["completions"] = spoken({**ANSWERS, **ERRORS}[name](said))
    service.answers["models"] = Answer.json(model_list(said))
    service.sent.clear()
    asking = f"%nemotron --cache why is it {name}, {written}?"
    outcomes = [*map(kernel.run, (asking, *LOOKS))]
    heard = [json.dumps(outcome.messages, default=str) for outcome in outcomes]
    kept = [*(one.encode() for one in heard), *everything(listening.home)]

    assert len(service.sent) >= 2
    assert (listening.home / "ledger.sqlite").is_file()
    assert [form for form in FORMS for one in kept if form.encode() in one] == []
