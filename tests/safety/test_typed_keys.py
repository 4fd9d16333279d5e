"""A key that is typed behind `%nemotron` is never sent, then or later."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from service import Address, serve
from shells import LOAD, Shell, running

from nemotron_magic import Session
from nemotron_magic.context.gather import ContextGatherer
from nemotron_magic.context.redact import Redactor
from nemotron_magic.core.errors import InputError
from nemotron_magic.magics.parser import parse
from nemotron_magic.magics.questions import QuestionBuilder
from nemotron_magic.session.conversation import Question

HEX = "4f9a77b0c1d2e3f4" + "05162738495a6b7c"
MIXED = "sk-proj-" + "Zt7Qp0xLm3Vb9Rk2Ws8Yd"
SHORT = "hunter2" + "xy"
LETTERS = "-plum-tree" + "-gate"


def refused(line: str, body: str | None = None) -> tuple[str, list[str]]:
    """Give the error of what is typed, and what is hidden from then on."""
    hidden: list[str] = []
    with pytest.raises(InputError) as error:
        parse(line, body, hidden.append)
    return str(error.value), hidden


@pytest.mark.parametrize("key", [HEX, MIXED])
@pytest.mark.parametrize(
    "form",
    [
        "login {}",
        "login: {}",
        "login:{}",
        "login={}",
        "login = '{}'",
        'login "{}"',
        "login <{}>",
        "Login {}",
        "LOGIN: {}",
        "log in {}",
        "log-in {}",
        "logn {}",
        "logout {}",
        "%nemotron login {}",
        "login with {}",
        "login with my key {} please",
        "login {} does not work, why?",
        "please login {}",
        "--code login {}",
        "-T draft login {}",
        "-m nvidia/x -t 0 -- login {}",
        "key {}",
        "key: {}",
        "set key {}",
        "api_key {}",
        "api key = {}",
        "apikey={}",
        "token {}",
        "-- token {}",
        "AIMLAPI_API_KEY={}",
        "export AIMLAPI_API_KEY='{}'",
        "Authorization: Bearer {}",
        "here is my key: {}",
        "--key {} why?",
        "--api-key={} why?",
        "-s 'login {}' why?",
        "-s {} why?",
        "retry: login {}",
        "fix: key {}",
        "login {} # mine",
        "login “{}”",
        "login \u200b{}\ufeff",
        "login *{}*",
        "hi, here is my key {}, thanks!",
        "пароль {}",
        "clave: {}",
        "AIML-Schlüssel {}",
        "@{}",
        "login @{}",
        "anmelden {}",
        "melde mich an mit {}",
        "connexion {}",
        "se connecter avec {}",
        "iniciar sesión {}",
        "entrar com {}",
        "войти {}",
        "登录 {}",
        "ログイン {}",
    ],
)
def test_no_form_of_a_login_is_a_question(form: str, key: str) -> None:
    said, hidden = refused(form.format(key))

    assert key not in said
    assert "nothing was sent" in said
    assert "%nemotron login" in said
    assert hidden == [key]


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("", f"login\n{HEX}\n"),
        ("", f"login\n\n  {HEX}\n\n"),
        ("login", f"{HEX}\n"),
        ("login:", f"{HEX}\n"),
        ("-q", f"key\n{HEX}"),
        ("", f"\n{HEX}\n"),
        (HEX, ""),
    ],
)
def test_nor_is_a_cell_of_it(line: str, body: str) -> None:
    said, hidden = refused(line, body)

    assert HEX not in said
    assert hidden == [HEX]


@pytest.mark.parametrize("line", [f"login {SHORT}", f"password: {SHORT}"])
def test_behind_a_word_that_names_it_a_short_key_is_one_too(line: str) -> None:
    assert refused(line)[1] == [SHORT]


@pytest.mark.parametrize("word", ["kirschbaum", "KEY", "<your-key>", "failed"])
def test_login_takes_no_word_and_hides_none(word: str) -> None:
    said, hidden = refused(f"login: {word}")

    assert "a key is never typed into a cell" in said
    assert hidden == []


@pytest.mark.parametrize(
    "line",
    ["login please", "login now", "login first!", "login ok", "login again", "log on"],
)
def test_what_is_said_beside_login_is_no_key(line: str) -> None:
    said, hidden = refused(line)

    assert "is no command, and nothing was sent" in said
    assert "a key is never typed" not in said
    assert hidden == []


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (f"login {LETTERS}", None),
        (f"Login: -{LETTERS}", None),
        (f"!login {LETTERS}", None),
        (f"login -q {LETTERS}", None),
        (f"login {LETTERS[1:]} --preview", None),
        ("", f"login\n{LETTERS}\n"),
        ("-q", f"login --fresh {LETTERS}"),
    ],
)
def test_behind_login_what_is_no_flag_of_ours_is_a_key(
    line: str, body: str | None
) -> None:
    said, hidden = refused(line, body)

    assert "a key is never typed" in said
    assert LETTERS[1:] not in said
    assert hidden == []  # no text would be safe from a word


@pytest.mark.parametrize("text", ["please", "now, please", "ok then"])
def test_nor_is_it_behind_a_colon(shell: Shell, text: str) -> None:
    said = shell.run(f"%nemotron login: {text}").error

    assert "login takes forget or nothing" in said
    assert "Type only: %nemotron login" in said


@pytest.mark.parametrize(
    "line",
    [f"login first {HEX}", f"log off {SHORT} please", f"login -- {SHORT} --fresh"],
)
def test_a_key_is_one_whatever_is_said_beside_it(line: str) -> None:
    assert refused(line)[1] == [line.split()[2]]


@pytest.mark.parametrize(
    "line", [HEX, f"'{HEX}'", f"{HEX}?", MIXED, "ghp_" + HEX + "abcd", "aB3" * 9]
)
def test_a_lone_token_that_looks_random_is_asked_about(line: str) -> None:
    said, hidden = refused(line)

    assert "looks like a key and not like a question, and nothing was sent" in said
    assert "To ask it as it stands, put -- before it" in said
    assert hidden == [line.strip("'?")]
    assert parse(f"-- {line}", None).text == line


@pytest.mark.parametrize(
    "key",
    [
        *("AKIAABCDEFGHIJKLMNOP", "glpat-abcdefghijklmnopqrst", "nvapi-" + "a" * 64),
        *("ghp_" + "abcdefghij" * 4, "hf_abcdefghijklmnopqrstuvwxyzabcdefgh"),
    ],
)
def test_so_is_the_key_of_a_service_though_no_digit_is_in_it(key: str) -> None:
    said, hidden = refused(key)

    assert "looks like a key" in said
    assert hidden == [key]


@pytest.mark.parametrize(
    "line",
    [
        "login fails with 403, why?",
        "login to server42 fails with 403",
        "login page2 returns error500, why?",
        "login as user1 gives 403 - why?",
        "login with OAuth2?",
        "login via oauth2 does not work",
        "login error500?",
        "log of x1y2z3 against the time",
        "sort key of table2?",
        "login failed?",
        "login to the server works, but what does error 42 mean?",
        "logging a metric: how?",
        "key error, why?",
        "keys of a dict in order?",
        "token limit?",
        "tokens of gpt4o-mini against llama3.1-70b?",
        "password rules of pam_unix?",
        f"what is {HEX}?",
        "why?",
        "antidisestablishmentarianism",
        "is nvidia/Llama-3.1-Nemotron-70B-Instruct-HF good at it?",
        "https://example.com/a8f7d6c5b4a392817f6e",
        "3.14159265358979323846",
        "df.groupby(['region']).agg(total=('price', 'sum'))",
        "-- login failed",
        "-- login error500?",
        "anmelden geht nicht, warum?",
        "connexion refusée par server42, pourquoi?",
        "mail ann@example2024.org about table2?",
        "Größenordnung",
    ],
)
def test_prose_is_a_question(line: str) -> None:
    call = parse(line, None)

    assert (call.command, call.text) == ("", line.removeprefix("-- "))


@pytest.mark.parametrize(
    "source",
    [
        f"%nemotron login {HEX}",
        f"x = 1\n%nemotron --code login {HEX}",
        f"answer = %nemotron login: {HEX}\ny = 2",
        f"%%nemotron\nlogin\n{HEX}\n\nmore",
        f"%%nemotron\n{HEX}",
        f"%nemotron -m a/b -q {HEX}\nz = 3",
        f"%nemotron key {SHORT}",
        f"get_ipython().run_line_magic('nemotron', 'login {HEX}')",
        f'get_ipython().run_cell_magic("nemotron", "", "login {HEX}")',
        f"%nemotron login {SHORT}  # mine",
        f"%nemotron login {HEX[:4]} {HEX[4:8]}",
        f"%nemotron login {LETTERS}",
    ],
)
def test_it_is_taken_out_of_cells_also_where_nobody_saw_it_typed(source: str) -> None:
    told = Redactor({}).redact(source).text

    assert HEX[4:8] not in told
    assert SHORT not in told
    assert LETTERS not in told
    assert "nemotron" in told
    assert "[redacted:" in told


def test_what_is_hidden_goes_from_every_message(
    session_at: Any, service: Address
) -> None:
    session: Session = session_at(service)
    session.redactor.hide(SHORT)
    reply = session.ask(f"why does {SHORT} fail?")

    assert SHORT not in json.dumps([dict(one) for one in reply.messages])


@pytest.mark.parametrize("text", [f"login {HEX}", HEX, f"my key is {HEX}"])
def test_a_panel_asks_it_no_more_than_a_cell(session_at: Any, text: str) -> None:
    session: Session = session_at("http://127.0.0.1:1/v1")
    panel = QuestionBuilder(None, session, ContextGatherer(None, str))
    with pytest.raises(InputError, match="nothing was sent"):
        panel.aside(text, "", session.settings, 0)

    told = session.prepare(Question(f"why {HEX}?")).messages[-1]["content"]
    assert HEX not in told


@pytest.mark.parametrize("text", ["a1" * 200_000, "login " * 50_000, " " * 10**6 + "x"])
def test_a_long_text_takes_no_time(text: str) -> None:
    started_s = time.perf_counter()
    with suppress(InputError):
        parse("", text)
    Redactor({}).redact(f"%nemotron {text}")

    assert time.perf_counter() - started_s < 5


# ---- in a kernel


@pytest.fixture
def service() -> Iterator[Address]:
    with serve() as address:
        yield address


def test_a_kernel_sends_it_neither_at_once_nor_with_a_later_question(
    service: Address, tmp_path: Path
) -> None:
    with running(tmp_path, LOAD, AIMLAPI_API_BASE=str(service)) as kernel:
        typed = [
            kernel.run(cell, f"c{number}")
            for number, cell in enumerate(
                (
                    f"%nemotron login {HEX}",
                    f"%%nemotron\nlogin\n{MIXED}",
                    f"x = 1\n%nemotron key {SHORT}",
                    f"%config Nemotron.verbose_errors = True\n%nemotron login {HEX}",
                )
            )
        ]
        before = len(service.requests)
        kernel.run(f"print('{HEX[::-1]}'[::-1], '{SHORT}')", "p")
        later = kernel.run("%nemotron -c all why?", "q")

    assert [outcome.status for outcome in typed] == ["error"] * 4
    for key in (HEX, MIXED, SHORT):
        assert all(key not in outcome.error for outcome in typed)
        assert key not in json.dumps([one.body for one in service.requests])
    assert before == 0
    assert later.status == "ok"
