"""The key: found for its own service, shown to nobody."""

from __future__ import annotations

import copy
import dataclasses
import io
import os
import pickle
import pprint
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from wire import AIMLAPI, ELSEWHERE, KEY

from nemotron_magic.client.client import Request
from nemotron_magic.client.http_errors import RequestInfo
from nemotron_magic.core.endpoint import Endpoint, Key, SecretMapping
from nemotron_magic.core.errors import AuthenticationError, InputError
from nemotron_magic.core.parameters import DEFAULT_BASE_URL
from nemotron_magic.core.settings import Settings
from nemotron_magic.session.credentials import KEY_VARIABLES, Credentials, KeyStore

HERE = Endpoint.read("http://127.0.0.1:8000")


def held() -> Key:
    return Key(KEY, AIMLAPI.origin, "AIMLAPI_API_KEY")


def nothing_stored(origin: str) -> None:
    return None


def refuse_to_look(origin: str) -> str:
    raise AssertionError(f"the keyring was asked for {origin}")


# ---- nothing shows it


SHOWN: dict[str, Callable[[Key], object]] = {
    "repr": repr,
    "str": str,
    "format": format,
    "f-string": lambda key: f"{key} {key!r} {key!s} {key!a}",
    "percent": lambda key: "%s %r" % (key, key),  # noqa: UP031
    "in a list": lambda key: repr([key, {"key": key}]),
    "pprint": lambda key: pprint.pformat({"key": key}),
    "dir": lambda key: [(name, repr(getattr(key, name))) for name in dir(key)],
    "slots": lambda key: [repr(getattr(key, name)) for name in key.__slots__],
    "in a request": lambda key: repr(Request(AIMLAPI, (), Settings(), key)),
    "in what was asked": lambda key: repr(RequestInfo(AIMLAPI, "m", key)),
    "in fields": lambda key: repr(
        [getattr(Request(AIMLAPI, (), Settings(), key), f.name)
         for f in dataclasses.fields(Request)]
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", SHOWN)
def test_no_way_of_showing_it_shows_it(way: str) -> None:
    assert KEY not in str(SHOWN[way](held()))


def test_its_repr_says_whose_it_is() -> None:
    assert repr(held()) == "<key from AIMLAPI_API_KEY for https://api.aimlapi.com>"


@pytest.mark.parametrize(
    "write",
    [
        *(
            lambda key, p=p: pickle.dumps(key, p)
            for p in range(pickle.HIGHEST_PROTOCOL)
        ),
        copy.copy,
        copy.deepcopy,
        vars,
        lambda key: pickle.dumps(Request(AIMLAPI, (), Settings(), key)),
    ],
)
def test_it_is_written_and_copied_nowhere(write: Callable[[Key], object]) -> None:
    with pytest.raises(TypeError):
        write(held())


def test_a_traceback_with_all_its_variables_does_not_hold_it() -> None:
    key = held()
    try:
        key / 2  # type: ignore[operator]
    except TypeError as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)

    assert key.redact("") == ""
    assert KEY not in "".join(shown.format()).replace(f"KEY = {KEY!r}", "")


SHELL = """
import os
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.io import capture_output
from service import serve
from nemotron_magic import Session
from nemotron_magic.client.client import Client

shell = InteractiveShell.instance()
with serve(fault="echo-key") as url:
    os.environ["AIMLAPI_API_KEY"] = os.environ["PLANTED"]
    os.environ["AIMLAPI_API_BASE"] = str(url)

    def fail():
        raise RuntimeError("a bug in a clock")

    def interrupt(event):
        raise KeyboardInterrupt

    broken = Session(client=Client(now_s=fail), connect_timeout_s=5)
    shell.push({"Session": Session, "broken": broken, "interrupt": interrupt})
    shell.run_cell("s = Session(connect_timeout_s=5); e = s.endpoint(); k = s.key(e)")
    for mode in ("Plain", "Context", "Verbose", "Minimal"):
        shell.run_line_magic("xmode", mode)
        for cell in (
            "s.ask('Hello')",
            "broken.ask('Hello')",
            "s.ask('Hello', watch=interrupt)",
            "s.models()",
            "%tb",
            "k / 2",
            "s.client.check_key(e, k)",
            "vars(s.credentials), vars(s), vars(s.client), vars(s.client._http)",
            "s.last",
        ):
            print(">>>", cell)
            shell.run_cell(cell, store_history=True)
    shell.run_cell("s.close(); broken.close()")
"""


@pytest.mark.slow
def test_a_shell_shows_it_in_no_mode() -> None:
    planted = "sk-planted-" + "0f" * 12
    done = subprocess.run(
        [sys.executable, "-c", SHELL],
        env={
            **os.environ,
            "PLANTED": planted,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "IPYTHONDIR": os.devnull + "/none",
            "PYTHONWARNINGS": "default",  # IPython's, of that folder
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    for said in ("the key from AIMLAPI_API_KEY (401)", "a bug in a", "stopped by you"):
        assert done.stdout.count(said) >= 4, said
    assert planted not in done.stdout + done.stderr


# ---- what a key is


@pytest.mark.parametrize("value", [f" {KEY}\n", KEY, f"\t{KEY}\r\n"])
def test_blanks_around_it_are_dropped(value: str) -> None:
    assert Key(value, AIMLAPI.origin, "X").reveal_to(AIMLAPI.origin) == KEY


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("a b", "holds ' ' (U+0020)"),
        ("a\nb", "holds '\\n' (U+000A)"),
        ("sk-“x”", "holds '“' (U+201C)"),
        ("sk-\x7f", "holds '\\x7f' (U+007F)"),
        ("sk-\u200b", "holds '\\u200b' (U+200B)"),
    ],
)
def test_what_is_no_key_is_refused(value: str, fault: str) -> None:
    with pytest.raises(AuthenticationError) as refused:
        Key(value, AIMLAPI.origin, "X")

    assert fault in refused.value.what
    assert "%nemotron login" in refused.value.hint


def test_it_is_revealed_to_its_own_origin_only() -> None:
    assert held().reveal_to(AIMLAPI.origin) == KEY
    assert held().reveal_to("http://api.aimlapi.com") is None
    assert held().reveal_to(ELSEWHERE.origin) is None


def test_it_is_taken_out_wherever_it_stands() -> None:
    assert held().redact(f"{KEY}, {KEY}!") == "[key], [key]!"


# ---- where it is found


def found(endpoint: Endpoint, environ: dict[str, str], **more: Any) -> str | None:
    credentials = credentials_in(environ, more.get("stored", nothing_stored))
    if "given" in more:
        credentials.use(lambda: more["given"], AIMLAPI)
    key = credentials.key(endpoint)
    return key and key.reveal_to(endpoint.origin)


class Backend:
    """A keyring that knows what a function tells of an origin."""

    def __init__(self, stored: Callable[[str], str | None]) -> None:
        self._stored = stored

    def get_password(self, service: str, origin: str) -> str | None:
        return self._stored(origin)


def credentials_in(
    environ: dict[str, str], stored: Callable[[str], str | None] = nothing_stored
) -> Credentials:
    return Credentials(environ, KeyStore(Backend(stored)))


@pytest.mark.parametrize("method", ["set", "delete"])
def test_a_key_that_is_looked_up_while_it_changes_is_not_the_old_one_ever_after(
    method: str,
) -> None:
    class Busy(Backend):
        kept: str | None = "sk-old"

        def set_password(self, service: str, origin: str, value: str) -> None:
            assert keys.get(origin) == "sk-old"  # as another thread may
            self.kept = value

        def delete_password(self, service: str, origin: str) -> None:
            assert keys.get(origin) == "sk-old"
            self.kept = None

    busy = Busy(lambda origin: busy.kept)
    keys = KeyStore(busy)
    done = (
        keys.set("https://a", "sk-new") if method == "set" else keys.delete("https://a")
    )

    assert done
    assert keys.get("https://a") == ("sk-new" if method == "set" else None)


@pytest.mark.parametrize("name", KEY_VARIABLES)
def test_every_name_in_the_environment_is_known(name: str) -> None:
    assert found(AIMLAPI, {name: KEY}, stored=refuse_to_look) == KEY


def test_the_first_name_that_is_set_counts() -> None:
    assert found(AIMLAPI, {"AIMLAPI_API_KEY": " ", "AIML_API_KEY": "b"}) == "b"
    assert found(AIMLAPI, {"AIMLAPI_API_KEY": "a", "AIML_API_KEY": "b"}) == "a"


def test_a_key_given_in_the_session_comes_first() -> None:
    assert found(AIMLAPI, {"AIMLAPI_API_KEY": "other"}, given=KEY) == KEY
    assert found(ELSEWHERE, {}, given=KEY) is None


def test_a_key_in_the_environment_goes_to_no_other_service() -> None:
    assert found(ELSEWHERE, {"AIMLAPI_API_KEY": KEY}) is None
    assert found(HERE, {"AIMLAPI_API_KEY": KEY}, stored=refuse_to_look) is None


def test_a_key_in_the_environment_belongs_to_the_url_beside_it() -> None:
    environ = {"AIMLAPI_API_KEY": KEY, "AIMLAPI_API_BASE": "https://models.example.org"}

    assert found(ELSEWHERE, environ) == KEY
    assert found(AIMLAPI, environ) is None


def test_a_key_beside_an_unusable_url_goes_nowhere() -> None:
    environ = {"AIMLAPI_API_KEY": KEY, "AIMLAPI_API_BASE": "nonsense"}

    assert found(AIMLAPI, environ) is None


def test_the_keyring_is_asked_last_and_by_origin() -> None:
    keyring = {AIMLAPI.origin: KEY}

    assert found(AIMLAPI, {}, stored=keyring.get) == KEY
    assert found(ELSEWHERE, {}, stored=keyring.get) is None


@pytest.mark.parametrize(
    ("environ", "base_url"),
    [
        ({}, DEFAULT_BASE_URL),
        ({"AIMLAPI_API_BASE": " "}, DEFAULT_BASE_URL),
        ({"AIML_API_BASE": " https://b "}, "https://b"),
        ({"AIMLAPI_API_BASE": "https://a", "AIML_API_BASE": "https://b"}, "https://a"),
    ],
)
def test_the_environment_may_name_the_service(
    environ: dict[str, str], base_url: str
) -> None:
    here = credentials_in(environ).endpoint(Settings())
    assert here == Endpoint.read(base_url)


# ---- when it may go out


def test_a_service_elsewhere_needs_a_key() -> None:
    with pytest.raises(AuthenticationError) as refused:
        credentials_in({}).checked_key(AIMLAPI, Settings())

    assert refused.value.what == "no key for api.aimlapi.com"
    assert "AIMLAPI_API_KEY" in refused.value.why
    assert "%nemotron rehearse" in refused.value.hint


def test_a_key_for_another_service_is_told_and_not_shown() -> None:
    with pytest.raises(AuthenticationError) as refused:
        credentials_in({"AIML_API_KEY": KEY}).checked_key(ELSEWHERE, Settings())

    assert "the key in AIML_API_KEY is for https://api.aimlapi.com" in refused.value.why
    assert KEY not in str(refused.value)


def test_a_service_on_this_machine_needs_none() -> None:
    assert credentials_in({}).checked_key(HERE, Settings()) is None


@pytest.mark.parametrize("allowed", [True, False])
def test_a_key_goes_in_clear_only_if_that_is_allowed(allowed: bool) -> None:
    plain = Endpoint.read("http://models.example.org")
    credentials = credentials_in({}, {plain.origin: KEY}.get)
    if allowed:
        assert credentials.checked_key(plain, Settings({"allow_http": True}))
        return
    with pytest.raises(InputError, match="unencrypted"):
        credentials.checked_key(plain, Settings())


def test_an_environment_can_be_looked_up_in_and_not_seen() -> None:
    environ = SecretMapping({"AIMLAPI_API_KEY": KEY})

    assert (environ["AIMLAPI_API_KEY"], [*environ], len(environ)) == (
        KEY,
        ["AIMLAPI_API_KEY"],
        1,
    )
    assert KEY not in f"{environ!r} {environ} {environ._reveal!r}"


def test_printing_it_prints_no_key() -> None:
    page = io.StringIO()
    print(held(), [held()], file=page)

    assert KEY not in page.getvalue()
