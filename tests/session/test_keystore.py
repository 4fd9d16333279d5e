"""The system's key store, which may be missing, locked or odd."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from wire import AIMLAPI, KEY, NoStore

from nemotron_magic.session.credentials import KeyStore


class Store:
    """A store that works, and counts."""

    name = "test chain"

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}
        self.asked = 0

    def get_password(self, service: str, name: str) -> Any:
        self.asked += 1
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, value: str) -> None:
        self.kept[service, name] = value


class Forgetful(Store):
    def set_password(self, service: str, name: str, value: str) -> None:
        pass


class Locked(Store):
    def get_password(self, service: str, name: str) -> Any:
        raise OSError(KEY)


def test_what_is_kept_is_found_again_and_the_store_is_named() -> None:
    store = KeyStore(Store())

    assert store.get(AIMLAPI.origin) is None
    assert store.set(AIMLAPI.origin, KEY) == "test chain"
    assert store.get(AIMLAPI.origin) == KEY
    assert store.get("https://elsewhere.example") is None


def test_keys_are_kept_under_our_name_and_their_service() -> None:
    backend = Store()
    KeyStore(backend).set(AIMLAPI.origin, KEY)

    assert backend.kept == {("nemotron_magic", AIMLAPI.origin): KEY}


def test_what_is_remembered_is_not_to_be_seen() -> None:
    store = KeyStore(Store())
    store.set(AIMLAPI.origin, KEY)

    assert store.get(AIMLAPI.origin) == KEY
    assert KEY not in repr(vars(store))
    assert not any(hasattr(known, "__code__") for known in store._known.values())


def test_the_store_is_asked_once() -> None:
    backend = Store()
    store = KeyStore(backend)
    for _ in range(3):
        store.get(AIMLAPI.origin)

    assert backend.asked == 1


@pytest.mark.parametrize("backend", [NoStore(), Forgetful(), Locked(), object()])
def test_a_store_that_fails_is_none(backend: Any) -> None:
    store = KeyStore(backend)

    assert store.get(AIMLAPI.origin) is None
    assert store.set(AIMLAPI.origin, KEY) == ""


def test_a_store_that_gives_no_text_gives_nothing() -> None:
    backend = Store()
    backend.kept["nemotron_magic", AIMLAPI.origin] = 7

    assert KeyStore(backend).get(AIMLAPI.origin) is None


def test_without_the_library_there_is_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    assert KeyStore().get(AIMLAPI.origin) is None


def test_the_systems_own_choice_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")

    assert KeyStore().set(AIMLAPI.origin, KEY) == ""
