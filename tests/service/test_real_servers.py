"""Real servers: a LiteLLM proxy with mock replies, llama.cpp with random weights.

`REAL_SERVERS` is the folder of an environment that has them, if they are not in this
one: `pip install 'litellm[proxy]' 'llama-cpp-python[server]' gguf`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from wire import Told, ask_once

from nemotron_magic import Session
from nemotron_magic.client.deadline import CancelToken
from nemotron_magic.core.errors import (
    AuthenticationError,
    CreditError,
    InterruptedByUser,
    InvalidAnswerError,
    ModelError,
    NemotronError,
    RateLimitError,
    RequestError,
)

pytestmark = [pytest.mark.extended, pytest.mark.slow]

KEY = "sk-litellm-0123456789"
SAID = "Hello, **world**! It is 0.005."
MODELS = {
    "good": SAID,
    "long": "litellm.ContextWindowExceededError",
    "busy": "litellm.RateLimitError",
}
CONFIG = """\
model_list:
{models}
litellm_settings: {{num_retries: 0, telemetry: false}}
router_settings: {{num_retries: 0}}
general_settings: {{master_key: {key}}}
"""
MODEL = """\
  - model_name: {name}
    litellm_params: {{model: openai/gpt-4o-mini, api_key: x, mock_response: "{said}"}}
    model_info: {{max_input_tokens: 2048}}"""
DEAR = """
  - model_name: dear
    litellm_params: {{model: openai/gpt-4o-mini, api_key: x, mock_response: Hello,
      max_budget: 0.000000001, budget_duration: 1d}}
    model_info: {{max_input_tokens: 2048}}"""


HOME = Path(os.environ.get("REAL_SERVERS", sys.prefix))
LLAMA = [str(HOME / "bin/python"), "-m", "llama_cpp.server", "--api_key", KEY]
MODEL_FILE = "tiny.gguf"


@contextmanager
def running(
    folder: Path, command: list[str], is_up: str, **environ: str
) -> Iterator[str]:
    """Run a server on a free port; yield its base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, **environ},
        )
        try:
            await_answer(f"http://127.0.0.1:{port}/{is_up}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run llama.cpp on a model that is made here; yield its base URL."""
    folder = tmp_path_factory.mktemp("llama")
    script = Path(__file__).with_name("tiny_model.py")
    made = subprocess.run([LLAMA[0], script, folder / MODEL_FILE], check=False)
    if made.returncode:
        pytest.skip("llama-cpp-python or gguf is not installed")
    command = [*LLAMA, "--model", MODEL_FILE, "--n_ctx", "256"]
    with running(folder, command, "docs") as url:
        yield f"{url}/v1"


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a LiteLLM proxy; yield its base URL."""
    program = shutil.which("litellm", path=str(HOME / "bin"))
    if program is None:
        pytest.skip("litellm is not installed")
    folder: Path = tmp_path_factory.mktemp("litellm")
    models = [MODEL.format(name=name, said=said) for name, said in MODELS.items()]
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(models="\n".join(models) + DEAR.format(), key=KEY))
    command = [program, "--config", str(config)]
    local = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with running(folder, command, "health/liveliness", **local) as url:
        yield url


def await_answer(url: str, limit_s: float = 120) -> None:
    end_s = time.monotonic() + limit_s
    while True:
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            if time.monotonic() > end_s:
                raise


class Address(str):
    """The URL of a server that does not say what it was asked."""

    requests: tuple[()] = ()


def asked(
    session_at: Callable[..., Session],
    url: str,
    model: str = "good",
    **settings: object,
) -> Told:
    given = {"model": model, "key": KEY, **settings}
    return ask_once(session_at, Address(url), "Hello", given)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_reply_of_litellm_is_whole(
    litellm: str, session_at: Callable[..., Session], stream: bool
) -> None:
    told = asked(session_at, litellm, stream=stream)

    assert (told.error, told.text) == (None, SAID)
    assert told.reply is not None
    assert told.reply.is_whole
    assert told.reply.usage.prompt_tokens
    assert told.notices == []


@pytest.mark.parametrize(
    ("model", "kind", "hint"),
    [
        ("long", RequestError, "-c none"),
        ("busy", RateLimitError, "Wait a little"),
        ("nowhere", ModelError, "%nemotron models"),
    ],
)
def test_a_refusal_of_litellm_says_what_to_type(
    litellm: str,
    session_at: Callable[..., Session],
    model: str,
    kind: type[NemotronError],
    hint: str,
) -> None:
    told = asked(session_at, litellm, model)

    assert type(told.error) is kind
    assert hint in told.error.hint


def test_a_budget_of_litellm_that_is_used_up_is_told_and_asked_once(
    litellm: str, session_at: Callable[..., Session]
) -> None:
    for _ in range(20):  # what a call cost is counted after its reply
        told = asked(session_at, litellm, "dear")
        if told.error:
            break

    assert type(told.error) is CreditError
    assert told.waits_s == []


def test_a_wrong_key_is_told(litellm: str, session_at: Callable[..., Session]) -> None:
    told = asked(session_at, litellm, key="sk-of-someone-else-77")

    assert type(told.error) is AuthenticationError


def test_what_a_model_behind_litellm_reads_is_known(
    litellm: str, session_at: Callable[..., Session]
) -> None:
    told = asked(session_at, litellm)
    models = told.session.models()

    assert {m.name: m.context_tokens for m in models} == dict.fromkeys(
        [*MODELS, "dear"], 2048
    )


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_reply_of_llama_is_cut_where_it_was_told_to(
    llama: str, session_at: Callable[..., Session], stream: bool
) -> None:
    told = asked(session_at, llama, MODEL_FILE, stream=stream, max_tokens=9)

    assert told.error is None
    assert told.reply is not None
    assert told.reply.finish_reason == "length"


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_more_than_llama_reads_is_told_and_what_to_do(
    llama: str, session_at: Callable[..., Session], stream: bool
) -> None:
    given = {"model": MODEL_FILE, "key": KEY, "stream": stream, "max_tokens": 9}
    told = ask_once(session_at, Address(llama), "A" * 600, given)

    assert isinstance(told.error, NemotronError)
    assert "-c none" in told.error.hint


def test_a_key_that_llama_does_not_know_is_told(
    llama: str, session_at: Callable[..., Session]
) -> None:
    told = asked(session_at, llama, MODEL_FILE, key="sk-of-someone-else-77")

    assert type(told.error) is AuthenticationError


def test_a_stop_ends_the_reply_of_llama_and_the_next_one_comes(
    llama: str, session_at: Callable[..., Session]
) -> None:
    stop = CancelToken()
    session = session_at(llama, model=MODEL_FILE, key=KEY)
    with pytest.raises(InterruptedByUser):
        session.ask("Hello", watch=lambda event: stop.set(), stop=stop)
    told = asked(session_at, llama, MODEL_FILE, max_tokens=9)

    assert told.error is None


def test_a_form_that_llama_refuses_is_asked_for_in_words(
    llama: str, session_at: Callable[..., Session]
) -> None:
    session = session_at(llama, model=MODEL_FILE, key=KEY, max_tokens=20, system="")
    with pytest.raises(InvalidAnswerError) as raised:
        session.ask("Is it?", as_="bool")

    form = raised.value.reply.metadata.parameters.get("response_format")
    assert form in ({"type": "json_object"}, None)
