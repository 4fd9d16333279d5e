"""Real servers, as far as they are installed: a LiteLLM proxy with mock replies.

`LITELLM` names the program, if it is not on the path; install it apart from the rest.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from wire import Told, ask_once

from nemotron_magic import Session
from nemotron_magic.core.errors import (
    AuthenticationError,
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


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a LiteLLM proxy; give its base URL."""
    program = os.environ.get("LITELLM") or shutil.which("litellm")
    if program is None:
        pytest.skip("litellm is not installed")
    folder: Path = tmp_path_factory.mktemp("litellm")
    models = [MODEL.format(name=name, said=said) for name, said in MODELS.items()]
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(models="\n".join(models), key=KEY))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "--config", str(config), "--host", "127.0.0.1"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=log,
            stderr=log,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        )
        try:
            await_answer(f"http://127.0.0.1:{port}/health/liveliness")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


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


def test_a_wrong_key_is_told(litellm: str, session_at: Callable[..., Session]) -> None:
    told = asked(session_at, litellm, key="sk-of-someone-else-77")

    assert type(told.error) is AuthenticationError


def test_what_a_model_behind_litellm_reads_is_known(
    litellm: str, session_at: Callable[..., Session]
) -> None:
    told = asked(session_at, litellm)
    models = told.session.models()

    assert {m.name: m.context_tokens for m in models} == dict.fromkeys(MODELS, 2048)
