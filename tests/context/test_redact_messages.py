"""What is sent holds no secret, wherever in it one stood."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from wire import KEY, NoStore

from nemotron_magic.context.prompt import (
    ContextPart,
    FittedContext,
    Message,
    render_prompt,
)
from nemotron_magic.context.redact import MessageRedactor, RedactedRequest
from nemotron_magic.core.parameters import BY_NAME
from nemotron_magic.core.settings import Settings
from nemotron_magic.session.credentials import Credentials, KeyStore

HERE = Settings({"base_url": "https://models.example.org/v1"})
PASSWORD = "c0rrect-horse-b4ttery"


def asked(*texts: str) -> tuple[Message, ...]:
    return tuple({"role": "user", "content": text} for text in texts)


def access_to(settings: Settings = HERE, key: str = KEY) -> Credentials:
    access = Credentials({}, KeyStore(NoStore()))
    access.use(lambda: key, access.endpoint(settings))
    return access


def texts_of(sealed: RedactedRequest) -> list[str]:
    return [message["content"] for message in sealed.messages]


def test_the_key_that_goes_there_is_taken_out_of_every_message() -> None:
    sealed = MessageRedactor(access_to(), {}).redact(
        asked(f"a {KEY} b", "c", KEY), HERE
    )

    assert [KEY in text for text in texts_of(sealed)] == [False] * 3
    assert texts_of(sealed)[1] == "c"
    assert sealed.found.count("key") == 2


@pytest.mark.parametrize("word", ["none", "EMPTY", "ollama"])
def test_a_word_that_servers_take_for_any_key_is_no_secret(word: str) -> None:
    text = f"{word} of the rows, of which {word.lower()} was sent"
    sealed = MessageRedactor(access_to(key=word), {}).redact(asked(text), HERE)

    assert (texts_of(sealed), sealed.found) == ([text], ())


def test_such_a_word_is_none_either_where_the_key_does_not_belong() -> None:
    elsewhere = Settings({"base_url": "https://elsewhere.example/v1"})
    sealing = MessageRedactor(access_to(key="not-needed"), {})
    sealing.redact(asked("first"), HERE)

    sealed = sealing.redact(asked("a column that is not-needed"), elsewhere)

    assert texts_of(sealed) == ["a column that is not-needed"]


def test_a_key_of_no_known_form_goes_neither_where_it_belongs_nor_elsewhere() -> None:
    plain_key = "correcthorsebattery"
    elsewhere = Settings({"base_url": "https://elsewhere.example/v1"})
    sealing = MessageRedactor(access_to(key=plain_key), {})

    here = sealing.redact(asked(f"it is {plain_key}."), HERE)
    assert (texts_of(here), here.found) == (["it is [key]."], ("key",))
    there = sealing.redact(asked(f"it is {plain_key}."), elsewhere)
    assert texts_of(there) == ["it is [redacted:key]."]


def test_a_word_that_a_server_here_takes_for_a_key_is_no_secret_elsewhere() -> None:
    elsewhere = Settings({"base_url": "https://elsewhere.example/v1"})
    sealing = MessageRedactor(access_to(key="test"), {})

    assert texts_of(sealing.redact(asked("write a test"), elsewhere)) == [
        "write a test"
    ]


@pytest.mark.parametrize(
    "written_as",
    [
        lambda key: f"{key[:12]}\n{key[12:]}",
        lambda key: b64encode(f"user:{key}".encode()).decode(),
        lambda key: quote(key, safe=""),
        lambda key: key.encode().hex(),
    ],
)
def test_a_key_is_taken_out_however_it_is_written(
    written_as: Callable[[str], str],
) -> None:
    key = "9f8e7d/6c5b4a+39281706"
    sealing = MessageRedactor(access_to(key=key), {})
    first = sealing.redact(asked(f"it is {written_as(key)}."), HERE)
    other = Settings({"base_url": "https://elsewhere.example/v1"})

    assert written_as(key)[8:-3] not in texts_of(first)[0]
    assert first.found == ("key",)
    there = sealing.redact(asked(f"it is {written_as(key)}."), other)
    assert written_as(key)[8:-3] not in texts_of(there)[0]


class Meanwhile(dict[str, str]):
    """An environment that lets another call come in while it is looked at."""

    def __init__(self) -> None:
        self.call: Callable[[], object] | None = None

    def __iter__(self) -> Iterator[str]:
        call, self.call = self.call, None
        if call is not None:
            call()
        return super().__iter__()


def test_a_key_is_taken_out_while_another_call_looks_for_its_own() -> None:
    key, environ = "9f8e7d6", Meanwhile()  # too short to be looked for elsewhere
    sealing = MessageRedactor(access_to(key=key), environ)
    other = Settings({"base_url": "https://elsewhere.example/v1"})
    sealing.redact(asked("first"), HERE)
    environ.call = lambda: sealing.redact(asked("second"), other)

    assert texts_of(sealing.redact(asked(key.encode().hex()), HERE)) == [
        "[redacted:key]"
    ]


def test_without_secrets_all_is_as_it_was() -> None:
    told = asked("a", "", "ü😊\n")
    sealed = MessageRedactor(access_to(), {}).redact(told, HERE)

    assert sealed == RedactedRequest(told, HERE.parameters())


def test_who_wants_nothing_taken_out_sends_it_all() -> None:
    told = asked(f"{KEY} {PASSWORD}")
    settings = Settings({**HERE.values, "redact": False})

    sealed = MessageRedactor(access_to(), {"DB_PASSWORD": PASSWORD}).redact(
        told, settings
    )

    assert sealed == RedactedRequest(told, settings.parameters())


def test_kinds_are_told_in_the_order_in_which_they_stood() -> None:
    environ = {"DB_PASSWORD": PASSWORD}
    told = asked(f"pw {PASSWORD}", f"key {KEY}, again {PASSWORD}")
    sealed = MessageRedactor(access_to(), environ).redact(told, HERE)

    assert sealed.found == ("environment", "key", "environment")


def test_a_secret_that_came_into_the_environment_later_is_known() -> None:
    environ: dict[str, str] = {}
    sealing = MessageRedactor(access_to(), environ)
    before = sealing.redact(asked(PASSWORD), HERE)
    environ["DB_PASSWORD"] = PASSWORD
    after = sealing.redact(asked(PASSWORD), HERE)

    assert texts_of(before) == [PASSWORD]
    assert texts_of(after) == ["[redacted:environment]"]


@pytest.mark.parametrize("secret", [PASSWORD, "Tr0ub4dor-and-3-more"])
def test_what_one_request_names_goes_from_those_that_follow(secret: str) -> None:
    redact = MessageRedactor(access_to(), {}).of_now(HERE)
    plain = texts_of(redact(asked("a good soap"), {}))
    named = texts_of(redact(asked(f"password = '{secret}'"), {}))
    after = texts_of(redact(asked(f"they said {secret} twice"), {}))

    assert plain == ["a good soap"]
    assert secret not in named[0]
    assert after == ["they said [redacted:password] twice"]


def test_our_own_delimiters_stay_whatever_is_taken_out_between_them() -> None:
    part = ContextPart("cell", f"In[1] {KEY}", (("code", f"password = '{KEY}'"),))
    text = render_prompt(f"why {KEY}?", FittedContext((part,)))
    (sealed,) = texts_of(MessageRedactor(access_to(), {}).redact(asked(text), HERE))

    assert KEY not in sealed
    assert [line for line in sealed.split("\n") if line.startswith("</")] == [
        line for line in text.split("\n") if line.startswith("</")
    ]
    assert sealed.count("\n") == text.count("\n")


@pytest.mark.parametrize("base_url", ["ftp://x", "https://"])
def test_an_address_that_cannot_be_read_is_no_reason_to_send_a_secret(
    base_url: str,
) -> None:
    environ = {"DB_PASSWORD": PASSWORD}
    settings = Settings({"base_url": base_url})
    sealed = MessageRedactor(access_to(), environ).redact(asked(PASSWORD), settings)

    assert texts_of(sealed) == ["[redacted:environment]"]


TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_password",
        "description": f"Log in with {PASSWORD}",
        "parameters": {
            "type": "object",
            "properties": {"token": {"type": "string", "enum": ["a", KEY]}},
            "required": ["token"],
        },
    },
}


def asking_with(**fields: Any) -> Settings:
    rows = {n: v for n, v in fields.items() if n in BY_NAME}
    extra = {n: v for n, v in fields.items() if n not in BY_NAME}
    return Settings({**HERE.values, **rows}, extra)


IN_A_NAME = KEY.replace("-", "_")
IN_BASE64 = b64encode(f"user:{KEY}".encode()).decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stop", [f"a {KEY}", PASSWORD]),
        ("tools", [TOOL]),
        ("prediction", {"type": "content", "content": f"x = '{KEY}' # {PASSWORD}"}),
        ("response_format", {"type": "json_schema", "json_schema": {"enum": [KEY]}}),
        ("logit_bias", {KEY: 1}),
        ("metadata", {"deep": [{"deeper": [KEY, {PASSWORD: KEY}]}]}),
        ("metadata", {"type": KEY, "role": PASSWORD}),
        ("user", f"{KEY} {PASSWORD}"),
        ("user", IN_BASE64),
        (IN_A_NAME, PASSWORD),
    ],
)
def test_no_field_of_the_request_takes_a_secret_out(name: str, value: Any) -> None:
    environ = {"DB_PASSWORD": PASSWORD, "OTHER_KEY": IN_A_NAME}
    sealed = MessageRedactor(access_to(), environ).redact(
        asked("hi"), asking_with(**{name: value})
    )
    body = repr(sealed)

    assert [one for one in (PASSWORD, KEY, IN_A_NAME) if one in body] == []
    assert IN_BASE64[8:-4] not in body
    assert sealed.found != ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metadata", {"password": "kirschbaum"}),
        ("metadata", {"a": [{"api_key": "q8Zk2LmP0vXw"}]}),
        ("db_password", "kirschbaum"),
    ],
)
def test_a_telling_name_gives_its_value_away(name: str, value: Any) -> None:
    sealed = MessageRedactor(access_to(), {}).redact(
        asked("hi"), asking_with(**{name: value})
    )

    assert "kirschbaum" not in repr(sealed.fields)
    assert "q8Zk2LmP0vXw" not in repr(sealed.fields)
    assert type(sealed.fields[name]) is type(value)
    assert len(sealed.found) == 1


def test_what_the_protocol_is_made_of_stays_byte_for_byte() -> None:
    properties = {"token": {"type": "string"}, "password": {"type": "string"}}
    named = {"name": "log_in", "parameters": {"properties": properties}}
    settings = asking_with(
        model="vendor/some-model-9x",
        tools=[{"type": "function", "function": named}],
        tool_choice="required",
        response_format={"type": "json_object"},
        logit_bias={"50256": -100},
        stop=["###"],
        seed=12345678,
        reasoning={"effort": "high", "max_tokens": 2048},
        token_budget=4096,
        store=False,
    )
    environ = {"A_SECRET": "vendor/some-model-9x", "B_SECRET": "json_object"}
    sealed = MessageRedactor(access_to(), environ).redact(asked("hi"), settings)

    assert sealed.fields == settings.parameters()
    assert sealed.found == ()
