"""What is sent.

Each test's docstring begins with the number of its case.
"""

from __future__ import annotations

from typing import Any

import pytest
from wire import AIMLAPI, KEY, LIVE

from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import AuthenticationError, InputError, RequestError
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.core.settings import Settings
from nemotron_magic.display.reply import notices


def test_blanks_around_a_key_are_dropped(ask: Any) -> None:
    """Case 59."""
    told = ask(key=KEY, settings={"key": f"  {KEY}\n"})

    assert told.reply is not None
    assert told.url.requests[-1].authorized


def test_a_key_with_a_strange_letter_is_refused_kindly() -> None:
    """Case 59."""
    with pytest.raises(AuthenticationError, match=r"holds 'é' \(U\+00E9\)") as failed:
        Key("sk-é-planted", AIMLAPI.origin, "X")

    assert "planted" not in str(failed.value)


@pytest.mark.parametrize(
    ("name", "value", "limits"),
    [
        ("seed", 0, "at least 1"),
        ("top_p", 0, "from 0.01 to 1"),
        ("min_p", 0, "from 0.001 to 0.999"),
        ("min_p", 1, "from 0.001 to 0.999"),
        ("temperature", 2.1, "from 0 to 2"),
        ("max_tokens", 0, "at least 1"),
        ("top_logprobs", 21, "from 0 to 20"),
        ("n", 0, "at least 1"),
    ],
)
def test_a_value_out_of_range_never_leaves(
    name: str, value: float, limits: str
) -> None:
    """Case 60."""
    with pytest.raises(InputError) as failed:
        Settings({name: value, "logprobs": True})

    assert str(failed.value) == f"{name} must be {limits}, got {value}"


def test_what_is_not_set_is_not_sent(ask: Any) -> None:
    """Case 61."""
    told = ask(settings={"stream": False})

    assert set(told.body) == {"model", "messages", "max_tokens", "stream"}
    assert None not in told.body.values()


def test_usage_is_asked_for_only_when_streaming(ask: Any) -> None:
    """Case 61."""
    assert ask().body["stream_options"] == {"include_usage": True}


def test_half_an_emoji_is_replaced_and_a_whole_one_sent(ask: Any) -> None:
    """Case 62."""
    told = ask("a\ud83d b 😊 \ud83d\ude0a", settings={"system": ""})

    assert told.body["messages"][0]["content"] == "a\ufffd b 😊 😊"


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1:80",
        "http://127.0.0.1:80/",
        "http://127.0.0.1/v1",
        "http://127.0.0.1/v1/",
        "http://127.0.0.1/v1/chat/completions",
        " HTTP://127.0.0.1:080/v1/chat/completions/ ",
    ],
)
def test_every_form_of_a_base_url_is_one_address(base_url: str) -> None:
    """Case 63."""
    endpoint = Endpoint.read(base_url)

    assert endpoint.chat_url == "http://127.0.0.1/v1/chat/completions"


@pytest.mark.parametrize("unknown_model", ["404", "404-empty", "400"])
def test_a_retired_default_is_replaced_by_a_live_model_and_told(
    ask: Any, unknown_model: str
) -> None:
    """Case 64."""
    told = ask("rehearsal: say Hello", retired=True, unknown_model=unknown_model)

    if unknown_model == "404-empty":
        assert isinstance(told.error, RequestError)  # it may be the address as well
    else:
        assert told.text == "Hello"
        assert notices(told.reply)[0] == (
            f"{DEFAULT_MODEL} is not served any more; asked {LIVE}"
        )


def test_a_history_holds_only_what_every_model_takes(
    served: Any, session_at: Any
) -> None:
    """Case 65."""
    url = served(dialect="reasoning-content")
    session = session_at(url)
    session.ask("rehearsal: think\nrehearsal: say One")
    session.ask("rehearsal: say Two")

    messages = url.requests[-1].body["messages"]
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]
    assert all(set(m) == {"role", "content"} for m in messages)
    assert messages[2]["content"] == "One"


def test_the_ids_of_a_request_are_sent_and_kept(ask: Any) -> None:
    """Case 66."""
    told = ask()
    sent = told.url.requests[-1].headers["x-client-request-id"]

    assert told.reply.metadata.client_request_id == sent
    assert told.reply.metadata.request_id == "rehearsal000000000001"
    assert "request id rehearsal000000000001" in str(ask(fault="400").error)
