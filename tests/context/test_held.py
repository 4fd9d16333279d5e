"""What telling names hold is found, no code of the user's runs, and words stay."""

from __future__ import annotations

import enum
import functools
import threading
import types
from collections import OrderedDict, deque, namedtuple
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from telling_names import ORDINARY, PASSWORDS, SECRETS

from nemotron_magic.context.describe import describe
from nemotron_magic.context.redact import Redactor
from nemotron_magic.context.secrets.held import Held

SECRET = "looks secret: not shown"
VALUE = "q7Lm" + "Zk49aBx4w"
OTHER = "Rt5v" + "Nc82pYd1k"


@dataclass(slots=True)
class Login:
    user: str
    password: str


class Client:
    api_key = VALUE

    def __init__(self, token: str) -> None:
        self.__token = token


class Key(enum.Enum):
    API_KEY = VALUE


def connect(host: str = "db", *, password: str = VALUE) -> None:
    """Take a password that is given by default."""


class Refused(ConnectionError):
    """An error of a client's that remembers what was refused."""

    def __init__(self, token: str) -> None:
        super().__init__("refused")
        self.token = token


def noted(error: Exception) -> Exception:
    error.password = VALUE  # type: ignore[attr-defined]
    return error


def in_thread() -> threading.local:
    local = threading.local()
    local.auth_token = VALUE
    return local


def module(name: str) -> types.ModuleType:
    made = types.ModuleType(name)
    made.api_key = VALUE  # type: ignore[attr-defined]
    return made


def closing_over(api_key: str) -> Callable[[], object]:
    def call() -> object:
        return len(api_key)

    return call


def marked(function: Callable[[], object]) -> Callable[[], object]:
    function.secret = VALUE  # type: ignore[attr-defined]
    return function


class Session:
    def __init__(self) -> None:
        self.cookie_token = VALUE

    def ask(self) -> None:
        """Ask nothing."""


Pair = namedtuple("Pair", "user pw")
SERIES = pd.Series({"api_key": VALUE, "host": "db"})
HOLDERS: dict[str, dict[str, Any]] = {
    "a name": {"api_key": VALUE},
    "bytes": {"secret": VALUE.encode()},
    "a list": {"TOKENS": [VALUE, OTHER]},
    "a tuple in a list": {"api_keys": [("ann", VALUE)]},
    "a set": {"passwords": {VALUE}},
    "a deque": {"tokens": deque([VALUE])},
    "a dict by name": {"config": {"db": {"password": VALUE}}},
    "a dict of a name": {"passwords": {"ann": VALUE}},
    "an ordered dict": {"config": OrderedDict(api_key=VALUE)},
    "a dict of lists": {"tokens": {"ann": [VALUE, OTHER]}},
    "records of secrets": {"credentials": [{"ann": VALUE}]},
    "a list of pairs": {"headers": [("api_key", VALUE), ("host", "db")]},
    "a key of a dict": {"tokens": {VALUE: "ann", OTHER: "bob"}},
    "a tuple for a key": {"settings": {("db", "password"): VALUE}},
    "a column of two levels": {"df": pd.DataFrame({("auth", "api_key"): [VALUE]})},
    "an array": {"tokens": np.array([VALUE, OTHER])},
    "an attribute": {"client": types.SimpleNamespace(auth_token=VALUE)},
    "a private attribute": {"client": Client(VALUE)},
    "a class": {"Client": Client},
    "a slot": {"login": Login("ann", VALUE)},
    "a named tuple": {"login": Pair("ann", VALUE)},
    "an enumeration": {"Key": Key},
    "a keyword": {"connect": connect},
    "a partial": {"call": functools.partial(connect, password=VALUE)},
    "a column": {"df": pd.DataFrame({"api_key": [VALUE, OTHER]})},
    "a column of polars": {"df": pl.DataFrame({"пароль": [VALUE, OTHER]})},
    "a column of Arrow": {"df": pa.table({"token": [VALUE, OTHER]})},
    "an index": {"df": pd.DataFrame({"n": [1]}, index=pd.Index([VALUE], name="token"))},
    "a Series": {"s": pd.Series([VALUE, OTHER], name="token")},
    "a Series by name": {"tokens": pl.Series([VALUE, OTHER])},
    "a Series of settings": {"settings": SERIES},
    "a header": {"headers": {"Authorization": f"Bearer {VALUE}"}},
    "an attribute of an error": {"failed": noted(ValueError("no"))},
    "an attribute of an own error": {"failed": Refused(VALUE)},
    "a local of a thread": {"here": in_thread()},
    "a module made by hand": {"settings": module("settings")},
    "a variable of a context": {"now": ContextVar("token", default=VALUE)},
    "a cell of a closure": {"ask": closing_over(VALUE)},
    "a cell of a decorated function": {"ask": functools.cache(closing_over(VALUE))},
    "an attribute of a function": {"ask": marked(lambda: None)},
    "the object of a method": {"ask": Session().ask},
    "an address": {"dsn": f"postgresql://ann:{VALUE}@db/shop"},
}


@pytest.mark.parametrize("variables", HOLDERS.values(), ids=HOLDERS)
def test_a_secret_is_found_in_whatever_holds_it(variables: dict[str, Any]) -> None:
    assert VALUE in Held(variables).secrets()


@pytest.mark.parametrize("variables", HOLDERS.values(), ids=HOLDERS)
@pytest.mark.parametrize("data", ["schema", "sample"])
def test_no_description_shows_it(variables: dict[str, Any], data: Any) -> None:
    ((name, value),) = variables.items()

    assert VALUE not in describe(value, name, data=data)


def test_a_value_under_a_telling_name_is_not_described() -> None:
    names = [*PASSWORDS, *SECRETS]
    told = {name: describe("anything", name) for name in names}
    within = {n: describe({n: "anything", "n": 1}, "it", data="full") for n in names}
    nothing = {name: describe(None, name) for name in names}

    assert told == {name: f"{name}: str, {SECRET}" for name in names}
    assert [name for name in names if "anything" in within[name]] == []
    assert nothing == {name: f"{name}: None" for name in names}


def test_a_number_is_described_unless_it_is_a_password() -> None:
    assert describe(4711, "pin") == f"pin: int, {SECRET}"
    assert describe(4711, "tokens") == "tokens: int 4711"


ORDINARY_VALUES = {
    "key": "region",
    "token": "the",
    "keys": ["region", "customer_id2", "date", "price"],
    "tokens": ["the", "iPhone14Pro", "is", "here", "now"],
    "session": "morning",
    "auth": "anonymous",
    "password": None,
    "secret": "",
    "api_key": "your-api-key",
    "key_path": "data/raw/2026/sales.csv",
    "token_at": "2026-01-31 10:00:00",
    "tokenizer": "all-MiniLM-L6-v2",
    "sessions": pd.DataFrame({"device": ["iPhone14Pro"], "order": ["ORD-2026-0012"]}),
    "all_sessions": [{"device": "iPhone14Pro", "order": "ORD-2026-0012"}],
    "session_by": {"ann": {"device": "iPhone14Pro"}},
}


def test_ordinary_words_under_such_names_are_no_secrets() -> None:
    assert Held(ORDINARY_VALUES).secrets() == {}


def test_what_an_ordinary_name_holds_is_none() -> None:
    found = {
        name: Held({name: VALUE, "settings": {name: VALUE}}).secrets()
        for name in ORDINARY
    }

    assert [name for name in ORDINARY if found[name]] == []


def test_the_name_of_a_column_or_a_variable_is_none() -> None:
    frame = pd.DataFrame({"customerId2": [1], "api_key": [VALUE]})
    variables = {"key": "customerId2", "token": "total2026x", "total2026x": 1}

    assert Held({**variables, "df": frame}).secrets() == {VALUE: "key"}


def test_what_was_held_is_remembered() -> None:
    variables = {"api_key": VALUE}
    held = Held(variables)
    held.look()
    variables["api_key"] = OTHER
    held.look()
    variables.clear()

    assert held.secrets() == {VALUE: "key", OTHER: "key"}


@pytest.mark.parametrize(
    "cell", ["client.token = new()", "%nemotron what does client do?", "x(client)"]
)
def test_what_the_last_cell_names_is_looked_at_first(cell: str) -> None:
    client, other = types.SimpleNamespace(), types.SimpleNamespace()
    many = {f"total_{n}": [n] for n in range(3_000)}
    variables = {**many, "client": client, "other": other, "In": [""]}
    held = Held(variables)
    held.look()
    client.token, other.token = VALUE, OTHER
    variables["In"].append(cell)

    assert held.secrets() == {VALUE: "token"}


def test_each_of_many_variables_is_looked_at_in_its_turn() -> None:
    many = {f"total_{n}": types.SimpleNamespace() for n in range(500)}
    held = Held(many)
    held.look()
    many["total_440"].token = VALUE
    for _ in range(12):
        held.look()

    assert held.secrets() == {VALUE: "token"}


def test_how_much_is_remembered_is_bounded() -> None:
    variables: dict[str, object] = {}
    held = Held(variables)
    for n in range(3):
        variables["api_keys"] = [f"{VALUE}{n}{k}" for k in range(3_000)]
        held.look()

    assert len(held.secrets()) == 2_000


def refuse(*_: object) -> NoReturn:
    raise AssertionError("code of the user's ran")


class Hostile:
    """Every way to ask it anything is code of the user's."""

    token = property(refuse)
    __getattribute__ = __getattr__ = __len__ = __iter__ = __repr__ = refuse
    __eq__ = __hash__ = __bool__ = __str__ = refuse  # type: ignore[assignment]

    def __init__(self) -> None:
        object.__setattr__(self, "__dict__", {"password": VALUE})


class Meta(type):
    __getattribute__ = __hash__ = __eq__ = __iter__ = refuse  # type: ignore[assignment]


class Strange(metaclass=Meta):
    api_key = VALUE


class Text(str):
    __str__ = __hash__ = __eq__ = strip = __len__ = refuse  # type: ignore[assignment]


class Row(list[str]):
    __iter__ = __len__ = __getitem__ = refuse  # type: ignore[assignment]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Hostile(),
        lambda: Strange,
        lambda: [Strange(), {"api_key": [Strange(), VALUE]}],
        lambda: {"api_key": Text(VALUE)},
        lambda: {"api_keys": Row([VALUE])},
    ],
    ids=["object", "class", "of a class", "text", "list"],
)
def test_no_code_of_the_user_s_runs(make: Callable[[], object]) -> None:
    found = Held({"x": make()}).secrets()

    assert VALUE in found


def test_what_refers_to_itself_ends() -> None:
    loop: dict[str, Any] = {"api_key": VALUE}
    loop["again"] = loop["tokens"] = loop

    assert Held({"a": loop, "tokens": [loop]}).secrets() == {VALUE: "key"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the hund barks", "the [redacted:password] barks"),
        ("hundred and Hund", "hundred and Hund"),
        ("pw=hund;", "pw=[redacted:password];"),
        ("['hund']", "['[redacted:password]']"),
    ],
)
def test_a_short_password_goes_only_as_a_word(text: str, expected: str) -> None:
    held = Held({"pw": "hund"}).secrets()

    assert Redactor({}, held=held).redact(text).text == expected


LONG = "q7LmZk49aBx4wRt5v" + "Nc82pYd1kWs6gHj3fTb0u"


@pytest.mark.parametrize(
    "cut",
    [LONG[:12], LONG[:30], LONG[-12:], LONG[9:21], f"{LONG[:14]}...{LONG[-14:]}"],
)
def test_a_part_as_tables_and_tracebacks_cut_it_goes_too(cut: str) -> None:
    shown = Redactor({}, held={LONG: "key"}).redact(f"0  {cut}...").text

    assert (
        shown == "0  " + "...".join(["[redacted:key]"] * len(cut.split("..."))) + "..."
    )


@pytest.mark.parametrize("text", [LONG[:11], LONG[-11:], "Nc82pYd1kWs5"])
def test_a_shorter_part_and_what_is_only_alike_stay(text: str) -> None:
    assert Redactor({}, held={LONG: "key"}).redact(f"0  {text}...").found == ()


def test_a_phrase_is_looked_for_as_a_whole() -> None:
    phrase = "correct horse battery staple"
    redactor = Redactor({}, held={phrase: "password"})

    assert redactor.redact("a correct horse battery").found == ()
    assert redactor.redact(f"a {phrase}s").text == "a [redacted:password]s"


def test_all_of_many_secrets_go() -> None:
    many = {f"{VALUE}{n}x{OTHER}": "token" for n in range(100)}
    found = Redactor({}, held=many).redact("\n".join(many)).found

    assert len(found) == 100


@pytest.mark.parametrize(
    "value", ["SalesPerRegion", "ResNet50V2", "RevenueByMonth2024", "bestSeller2023"]
)
def test_words_and_figures_in_one_are_ordinary(value: str) -> None:
    held = {"key": value, "tokens": ["pear", value], "sessions": {"first": value}}

    assert Held(held).secrets() == {}
    assert value in describe(held["tokens"], "tokens", data="full")


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title, str.swapcase])
@pytest.mark.parametrize("value", ["kirschbaum", VALUE, "Holunder-42"])
def test_a_value_goes_in_whatever_case_it_is_printed(
    value: str, change: Callable[[str], str]
) -> None:
    text = f"now {change(value)}, or {value[::-1]}"

    assert Redactor({}, held={value: "password"}).redact(text).text == (
        "now [redacted:password], or [redacted:password]"
    )


@pytest.mark.parametrize("name", ["DB_PASSWORD", "MYSQL_PWD", "SMTP_PASS"])
@pytest.mark.parametrize("value", ["holunder", "Quitte", "birnbaum-im-hof", "4711"])
def test_a_plain_password_of_the_environment_goes_too(name: str, value: str) -> None:
    shown = Redactor({name: value}).redact(f"it is {value}, not {value}s").text

    assert shown.startswith("it is [redacted:environment], not ")


@pytest.mark.parametrize("value", ["changeme", "postgres", "secret"])
def test_a_password_that_everybody_has_is_none(value: str) -> None:
    text = f"import {value}"

    assert Redactor({"DB_PASSWORD": value}).redact(text).text == text


@pytest.mark.parametrize("name", ["api_credentials", "aws_secrets", "tokens"])
@pytest.mark.parametrize("aside", ["user", "username", "host", "url"])
def test_who_has_a_key_and_where_is_no_secret(name: str, aside: str) -> None:
    made = "k3Jx0pQz" + "81LmWa9Q"

    assert {*Held({name: {aside: "Zquimby2024x9", "key": made}}).secrets()} == {made}
