"""Each kind of secret is taken out nearly always, and lines without one stay."""

from __future__ import annotations

import ftplib
import functools
import getpass
import http.client
import http.cookiejar
import http.cookies
import imaplib
import inspect
import netrc
import secrets
import smtplib
import ssl
import tokenize
import urllib.request

import pytest
from marked import marked_cases, plain_lines
from secrets_corpus import Case

from nemotron_magic.context.redact import Redactor

PLAIN = Redactor({})
KINDS = marked_cases("secrets_by_kind.txt")
# Written before the code that finds them, and never used to mend it.
HELD_OUT = marked_cases("held_out.txt")
MODULES = [ftplib, functools, getpass, http.client, http.cookiejar, http.cookies]
MODULES += [imaplib, netrc, secrets, smtplib, ssl, tokenize, urllib.request]


def missed(cases: list[Case]) -> list[str]:
    shown = [(PLAIN.redact(case.text).text, case) for case in cases]
    return [case.name for text, case in shown if any(s in text for s in case.secrets)]


def changed(lines: list[str]) -> list[str]:
    return [line for line in lines if PLAIN.redact(line).found]


@pytest.mark.parametrize("kind", KINDS)
def test_nine_in_ten_secrets_of_a_kind_are_taken_out(kind: str) -> None:
    cases = [*KINDS[kind], *HELD_OUT.get(kind, [])]

    assert len(KINDS[kind]) >= 15
    assert len(missed(cases)) <= len(cases) // 10


@pytest.mark.parametrize("kinds", [KINDS, HELD_OUT], ids=["mended", "held out"])
def test_nineteen_in_twenty_of_all_are_taken_out(
    kinds: dict[str, list[Case]], capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [case for of_kind in kinds.values() for case in of_kind]
    left = missed(cases)

    with capsys.disabled():
        print(f"\n{len(cases) - len(left)} of {len(cases)} taken out", end=" ")
    assert len(left) <= len(cases) // 20


@pytest.mark.parametrize("file", ["ordinary_hard.txt", "ordinary_held_out.txt"])
def test_hardly_a_line_that_comes_close_to_a_secret_is_changed(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = plain_lines(file)
    found = changed(lines)

    with capsys.disabled():
        print(f"\n{len(found)} of {len(lines)} changed", end=" ")
    assert len(found) <= len(lines) // 100


@pytest.mark.slow
def test_hardly_a_line_of_programs_that_handle_secrets_is_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sources = [inspect.getsource(one) for one in MODULES]
    lines = {line for source in sources for line in source.splitlines()}
    found = [one for source in sources for one in PLAIN.redact(source).found]

    with capsys.disabled():
        print(f"\n{len(found)} of {len(lines)} changed", end=" ")
    assert len(lines) >= 5000
    assert len(found) <= len(lines) // 1000


SHOWN = [
    (
        "<tr><td>api_key</td><td>{}</td></tr>",
        "<tr><td>api_key</td><td>[redacted:key]</td></tr>",
    ),
    (
        "\x1b[32mtoken\x1b[0m=\x1b[1m{}\x1b[0m",
        "\x1b[32mtoken\x1b[0m=\x1b[1m[redacted:token]\x1b[0m",
    ),
    ("Your new token:\n\n{}\n", "Your new token:\n\n[redacted:token]\n"),
    ("| api_key | {} |", "| api_key | [redacted:key] |"),
    ('token = load() or "{}"', 'token = load() or "[redacted:token]"'),
    (
        "0    {}\nName: token, dtype: str",
        "0    [redacted:token]\nName: token, dtype: str",
    ),
]


@pytest.mark.parametrize(("text", "expected"), SHOWN)
def test_what_stands_around_a_secret_of_a_kind_stays(text: str, expected: str) -> None:
    value = "k3Jx0pQz81LmW77aBd92"

    assert PLAIN.redact(text.format(value)).text == expected


def test_a_wrapped_key_goes_with_the_line_break_within_it() -> None:
    text = "api_key = 'k3Jx0pQz81LmW77a\nBd92sT5'\nnext_line = 1\n"

    assert PLAIN.redact(text).text == "api_key = '[redacted:key]'\nnext_line = 1\n"
