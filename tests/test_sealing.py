"""What is sent holds no secret, wherever in it one stood."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from wire import KEY, NoStore

from nemotron_magic.access import Access
from nemotron_magic.context.parts import Fitted, Part
from nemotron_magic.context.prompt import written
from nemotron_magic.keystore import KeyStore
from nemotron_magic.reply import Attached
from nemotron_magic.sealing import Sealing
from nemotron_magic.settings import Settings
from nemotron_magic.turns import MAIN, Asked

HERE = Settings({"base_url": "https://models.example.org/v1"})
PASSWORD = "c0rrect-horse-b4ttery"


def asked(*texts: str, **more: Any) -> Asked:
    told = tuple({"role": "user", "content": text} for text in texts)
    return Asked(told, MAIN, lambda now, reply: [], **more)


def access_to(settings: Settings = HERE, key: str = KEY) -> Access:
    access = Access({}, KeyStore(NoStore()))
    access.use(key, access.endpoint(settings))
    return access


def texts_of(sealed: Asked) -> list[str]:
    return [message["content"] for message in sealed.told]


def test_the_key_that_goes_there_is_taken_out_of_every_message() -> None:
    sealed = Sealing(access_to(), {}).sealed(asked(f"a {KEY} b", "c", KEY), HERE)

    assert [KEY in text for text in texts_of(sealed)] == [False] * 3
    assert texts_of(sealed)[1] == "c"
    assert sealed.attached.redacted.count("key") == 2


def test_a_key_of_no_known_form_goes_neither_where_it_belongs_nor_elsewhere() -> None:
    plain_key = "correcthorsebattery"
    elsewhere = Settings({"base_url": "https://elsewhere.example/v1"})
    sealing = Sealing(access_to(key=plain_key), {})

    here = sealing.sealed(asked(f"it is {plain_key}."), HERE)
    assert (texts_of(here), here.attached.redacted) == (["it is [key]."], ("key",))
    there = sealing.sealed(asked(f"it is {plain_key}."), elsewhere)
    assert texts_of(there) == ["it is [redacted:key]."]


def test_a_word_that_a_server_here_takes_for_a_key_is_no_secret_elsewhere() -> None:
    elsewhere = Settings({"base_url": "https://elsewhere.example/v1"})
    sealing = Sealing(access_to(key="test"), {})

    assert texts_of(sealing.sealed(asked("write a test"), elsewhere)) == [
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
    sealing = Sealing(access_to(key=key), {})
    first = sealing.sealed(asked(f"it is {written_as(key)}."), HERE)
    other = Settings({"base_url": "https://elsewhere.example/v1"})

    assert written_as(key)[8:-3] not in texts_of(first)[0]
    assert first.attached.redacted == ("key",)
    there = sealing.sealed(asked(f"it is {written_as(key)}."), other)
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
    sealing = Sealing(access_to(key=key), environ)
    other = Settings({"base_url": "https://elsewhere.example/v1"})
    sealing.sealed(asked("first"), HERE)
    environ.call = lambda: sealing.sealed(asked("second"), other)

    assert texts_of(sealing.sealed(asked(key.encode().hex()), HERE)) == [
        "[redacted:key]"
    ]


def test_without_secrets_all_is_as_it_was() -> None:
    told = asked("a", "", "ü😊\n", attached=Attached("a", ("In[1]",)), notice="n")
    sealed = Sealing(access_to(), {}).sealed(told, HERE)

    assert sealed == told
    assert sealed.turns_with is told.turns_with


def test_who_wants_nothing_taken_out_sends_it_all() -> None:
    told = asked(f"{KEY} {PASSWORD}")
    settings = Settings({**HERE.values, "redact": False})

    assert Sealing(access_to(), {"DB_PASSWORD": PASSWORD}).sealed(told, settings) is (
        told
    )


def test_kinds_are_told_in_the_order_in_which_they_stood() -> None:
    environ = {"DB_PASSWORD": PASSWORD}
    told = asked(f"pw {PASSWORD}", f"key {KEY}, again {PASSWORD}")
    sealed = Sealing(access_to(), environ).sealed(told, HERE)

    assert sealed.attached.redacted == ("environment", "key", "environment")


def test_a_secret_that_came_into_the_environment_later_is_known() -> None:
    environ: dict[str, str] = {}
    sealing = Sealing(access_to(), environ)
    before = sealing.sealed(asked(PASSWORD), HERE)
    environ["DB_PASSWORD"] = PASSWORD
    after = sealing.sealed(asked(PASSWORD), HERE)

    assert texts_of(before) == [PASSWORD]
    assert texts_of(after) == ["[redacted:environment]"]


def test_our_own_delimiters_stay_whatever_is_taken_out_between_them() -> None:
    part = Part("cell", f"In[1] {KEY}", (("code", f"password = '{KEY}'"),))
    text = written(f"why {KEY}?", Fitted((part,)))
    (sealed,) = texts_of(Sealing(access_to(), {}).sealed(asked(text), HERE))

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
    sealed = Sealing(access_to(), environ).sealed(asked(PASSWORD), settings)

    assert texts_of(sealed) == ["[redacted:environment]"]
