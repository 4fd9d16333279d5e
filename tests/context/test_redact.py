"""Secrets are taken out, and nothing else is."""

from __future__ import annotations

import ast
import base64
import html
import json
import pickle
import re
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from held_out import held_out_cases, held_out_lines
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from marked import plain_lines
from ordinary_corpus import ordinary_lines
from secrets_corpus import Case, coded, hexed, mixed, secret_cases

import nemotron_magic
from nemotron_magic.context.redact import Redactor
from nemotron_magic.context.secrets.values import Passage, told_by

PLAIN = Redactor({})
CASES = [*secret_cases(), *held_out_cases()]
LINES = [
    *ordinary_lines(),
    *held_out_lines(),
    *plain_lines("ordinary_hard.txt"),
    *plain_lines("ordinary_held_out.txt"),
]
KEY = hexed(32)
PASSWORD = "c0rrect" + "/horse+b&ttery \"x' ü"
ENVIRON = {
    "AIMLAPI_API_KEY": KEY,
    "DB_PASSWORD": PASSWORD,
    "DATABASE_URL": "postgresql://ann:" + "pw%3F1234567" + "@db/shop",
    "PWD": "/home/ann/analysis",
    "OLDPWD": "/home/ann",
    "SSH_AUTH_SOCK": "/tmp/ssh-x/agent.1",
    "KEY_COUNT": "12345678",
    "STAGE_TOKEN": "production",
    "AUTH_TYPE": "oauth2-with-pkce",
    "HOME": "/home/ann",
}
KNOWING = Redactor(ENVIRON)


def missed(redactor: Redactor, cases: list[Case]) -> list[str]:
    texts = [(redactor.redact(case.text).text, case) for case in cases]
    return [
        case.name for text, case in texts if any(one in text for one in case.secrets)
    ]


def changed(lines: list[str]) -> list[str]:
    after = PLAIN.redact("\n".join(lines)).text.split("\n")
    assert len(after) == len(lines)
    return [line for line, now in zip(lines, after, strict=True) if line != now]


def test_no_secret_of_the_corpus_is_missed_and_few_lines_are_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    left, alarms = missed(PLAIN, CASES), changed(LINES)

    with capsys.disabled():
        print(f"\nsecrets: {len(CASES) - len(left)} of {len(CASES)} taken out")
        print(f"ordinary lines: {len(alarms)} of {len(LINES)} changed", end=" ")
        print(f"({len(alarms) / len(LINES):.2%}; {len(set(LINES))} differ)")
    assert len(CASES) >= 150
    assert len(LINES) >= 5000
    assert len(set(LINES)) >= 3500
    assert left == []
    assert len(alarms) < 0.01 * len(LINES)


def test_a_second_pass_finds_nothing_more() -> None:
    once = {case.name: PLAIN.redact(case.text) for case in CASES}
    twice = {name: PLAIN.redact(first.text) for name, first in once.items()}

    assert [name for name, first in once.items() if not first.found] == []
    assert [name for name, again in twice.items() if again.found] == []
    assert [name for name in once if twice[name].text != once[name].text] == []


TAKEN = [
    ('password = "hunter2"', 'password = "[redacted:password]"'),
    ("headers = {'X-Api-Key': 'K'}", "headers = {'X-Api-Key': '[redacted:key]'}"),
    ("postgres://ann:hunter2@db/x", "postgres://ann:[redacted:url-password]@db/x"),
    ("Authorization: Bearer K", "Authorization: Bearer [redacted:bearer-token]"),
    (
        "https://x.y/z?api_key=K&n=1",
        "https://x.y/z?api_key=[redacted:url-parameter]&n=1",
    ),
    ("!tool --token K -v", "!tool --token [redacted:token] -v"),
    ("Server=x;Pwd=K;Db=y", "Server=x;Pwd=[redacted:password];Db=y"),
    ("Config(user='a', token='K')", "Config(user='a', token='[redacted:token]')"),
    ("user,password\nann,hunter2\n", "user,password\nann,[redacted:password]\n"),
]


@pytest.mark.parametrize(("text", "expected"), TAKEN)
def test_what_stands_around_a_secret_stays(text: str, expected: str) -> None:
    text = re.sub(r"\bK\b", mixed(32), text)

    assert PLAIN.redact(text).text == expected


@pytest.mark.parametrize("quote_sign", ['"', "'", '"""'])
def test_code_stays_valid(quote_sign: str) -> None:
    code = f"password = {quote_sign}hunter2{quote_sign}\nconnect(password=password)\n"

    tree = ast.parse(PLAIN.redact(code).text)

    assert "Constant(value='[redacted:password]')" in ast.dump(tree)


def test_json_stays_valid() -> None:
    text = json.dumps({"user": "ann", "password": 'a"b\\c1', "n": [1]})

    assert json.loads(PLAIN.redact(text).text)["password"] == "[redacted:password]"


FORMS = {
    "as it is": str,
    "repr": lambda one: repr(one)[1:-1],
    "JSON": lambda one: json.dumps(one)[1:-1],
    "JSON unescaped": lambda one: json.dumps(one, ensure_ascii=False)[1:-1],
    "URL": lambda one: quote(one, safe=""),
    "form": quote_plus,
    "HTML": html.escape,
    "base64": lambda one: base64.b64encode(one.encode()).decode(),
    "base64 after 1": lambda one: base64.b64encode(b":" + one.encode()).decode(),
    "base64 after 2": lambda one: base64.b64encode(b"a:" + one.encode()).decode(),
    "hex": lambda one: one.encode().hex(),
    "wrapped": lambda one: f"{one[:9]}\n{one[9:]}",
    "wrapped in a frame": lambda one: f"{one[:5]} │\n│ {one[5:]}",
    "wrapped in quotes": lambda one: f"{one[:7]}'\n    '{one[7:]}",
    "wrapped often": lambda one: "\n".join(
        one[at : at + 10] for at in range(0, 32, 10)
    ),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", ["AIMLAPI_API_KEY", "DB_PASSWORD"])
def test_a_value_of_the_environment_goes_in_every_form(name: str, form) -> None:
    written = form(ENVIRON[name])

    found = KNOWING.redact(f"before {written} after")

    assert written not in found.text
    assert "[redacted:environment]" in found.text
    assert found.found == ("environment",)


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("after", range(4))
def test_a_known_secret_within_base64_goes_wherever_it_stands(
    before: int, after: int
) -> None:
    code = base64.b64encode(b"u" * before + KEY.encode() + b"v" * after).decode()
    shown = Redactor({"MY_API_KEY": KEY}).redact(code).text

    # Beside it, the letters that it shares with what stands around it.
    assert len(shown.replace("[redacted:environment]", "")) <= 12
    assert "[redacted:environment]" in shown


@pytest.mark.parametrize(
    "text",
    [
        "https://user:PASSWORD@host.example/x",
        "https://user:${PASS}@host.example",
        "https://user:xxxx@host.example",
        "curl -u user:PASSWORD https://host.example",
        "Authorization: Bearer YOUR_TOKEN_HERE",
        "password = entered",  # a program's variable
        "passwd := correcthorse",
        "user,password\nann,f(x)y1z2\nbob,a.b1c2d3\n",  # code, with a comma in it
    ],
)
def test_what_only_stands_for_a_secret_stays(text: str) -> None:
    assert PLAIN.redact(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "postgres://user:{}@host.example/d",
        "password: {}",
        "DB_PASS={}",
        "mysql --password {}",
        "user,password\nann,{}\n",
        "| user | password |\n|---|---|\n| ann | {} |\n",
        "user  password\nann   {}\n",
    ],
)
def test_a_plain_password_goes_where_its_place_says_what_it_is(text: str) -> None:
    shown = PLAIN.redact(text.format("hunter22x")).text
    head, _, tail = text.partition("{}")

    assert shown.startswith(f"{head}[redacted:")
    assert shown.endswith(f"password]{tail}")


def test_the_key_is_found_without_any_name() -> None:
    given_key = coded(24)

    found = Redactor({}, [given_key]).redact(f"x{given_key}y")

    assert (found.text, found.found) == ("x[redacted:key]y", ("key",))


@pytest.mark.parametrize("password", ["pw%3F1234567", "pw?1234567"])
def test_the_password_of_a_url_in_the_environment_is_known(password: str) -> None:
    assert password not in KNOWING.redact(f"it was {password}, or so").text


@pytest.mark.parametrize(
    "text",
    [
        "/home/ann/analysis",
        "/tmp/ssh-x/agent.1",
        "12345678",
        "production",
        "oauth2-with-pkce",
    ],
)
def test_a_path_a_number_or_a_word_of_the_environment_is_left(text: str) -> None:
    assert KNOWING.redact(f"it is {text} here").found == ()


SECRET_NAMES = "API_KEY APIKEY MYKEY HF_TOKEN DB_PASS PGPASSWORD SENTRY_DSN MYSQL_PWD "
SECRET_NAMES += "AZURE_STORAGE_CONNECTION_STRING BASIC_AUTH aws_secret_access_key"
OTHER_NAMES = "PWD OLDPWD HOME TOKENIZERS_PARALLELISM MAX_TOKENS KEY_FILE SSH_AUTH_SOCK"


@pytest.mark.parametrize("name", SECRET_NAMES.split())
def test_a_name_that_sounds_secret_is_known(name: str) -> None:
    assert told_by(name)


@pytest.mark.parametrize("name", OTHER_NAMES.split())
def test_a_name_that_only_sounds_so_is_known(name: str) -> None:
    assert not Redactor({name: KEY}).redact(KEY).found


def test_a_redactor_shows_nothing() -> None:
    assert repr(KNOWING) == "<redactor>"
    assert KEY not in repr(KNOWING.redact(KEY))
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(KNOWING)


ANY = st.text(st.characters(exclude_categories=()))
PIECES = st.sampled_from(
    [
        "key",
        "token",
        "password",
        "secret",
        "=",
        ":",
        '"',
        "'",
        "[",
        "(",
        "{",
        ",",
        ";",
        "|",
        "\n",
        "\\",
        "//",
        "://a:b@",
        "bearer",
        "sk-",
        "eyJ",
        "[redacted:",
        "[redacted:key]",
        "-----BEGIN",
        ".",
    ]
)
MADE = st.lists(PIECES | st.text("aA1 -_/+=", max_size=20), max_size=30).map("".join)


@given(ANY | MADE)
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = KNOWING.redact(text).text

    assert KNOWING.redact(once).text == once


@given(ANY | MADE)
def test_a_text_without_findings_is_unchanged(text: str) -> None:
    redacted = KNOWING.redact(text)

    assert (redacted.text == text) == (redacted.found == ())


@given(ANY)
def test_the_text_that_rules_see_is_as_long(text: str) -> None:
    assert len(Passage(text).masked) == len(text)


SECRETS = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=8)


@given(SECRETS, ANY | MADE, ANY | MADE)
def test_an_exact_secret_never_survives(secret: str, before: str, after: str) -> None:
    assume(len(set(secret)) > 3)

    assert secret not in Redactor({}, [secret]).redact(f"{before}{secret}{after}").text


@settings(max_examples=30)
@given(st.sampled_from(CASES), st.sampled_from(LINES), st.sampled_from(LINES))
def test_a_secret_goes_whatever_stands_around(
    case: Case, before: str, after: str
) -> None:
    text = PLAIN.redact(f"{before}\n\n{case.text}\n\n{after}").text

    assert not any(one in text for one in case.secrets)


CHARS = 100_000
HARD = [
    "key=",
    "key='",
    'key="\\',
    "password: ",
    "a",
    "eyJ",
    "-eyJ",
    "eyJ.",
    "sk-",
    "://",
]
HARD += [
    "://a:",
    "://a:b",
    "://a:b@",
    "?token=",
    "&sig=",
    "Bearer ",
    "token token ",
    "key>",
]
HARD += ["-----BEGIN PRIVATE KEY-----", f"-----BEGIN PRIVATE KEY-----\n{'A' * 20}\n"]
HARD += ["key,key\n", "key  key\n", "password|a\n", "[redacted:key]", "\n", '\\"', "İ"]
HARD += [
    "'key': ['",
    "curl -u ",
    "mysql -p",
    "machine a login b password ",
    "a:11:b:c:",
]
HARD += [
    "PuTTY-User-Key-File-2: ",
    "--key ",
    "<key>",
    "AKIA",
    "8Q~",
    "0" * 32,
    "\ud800",
]
HARD += [
    "key:" + "a" * 80,
    "password" * 2,
    "\0",
    "c0",
    f"{KEY[:30]}\n",
    "(",
    "a-a_",
    "\x1b[",
    "\x1b[1m",
    "\x1b]8;;",
    "<td>",
    "<td ",
    "<b> <td>key",
    "&quot;",
    "key\n",
    "token: a:\n\n",
    "key:\n- a\n",
    "Name: key, dtype: object\n",
    "Series: 'key' [str]\n[",
    "name='key'] name='key'",
    "cookie: a=b; ",
    "key=(",
    "key=['a',",
    "key = a or 'b' + ",
    "key: {'a': 'b', ",
    "key ? key : ",
    "$6$",
    "$6$a$b",
    "pbkdf2$a:",
    "2|1:0|10:",
    "pwd={",
    "sqlplus a/b",
    "/hook/a",
    "login --a ",
    "a1B2c3D4e5\n",
    "x a1B2c3D4e5\n",
    "пароль: ",
    "密码是 ",
    "a.password=b ",
    "[a]\npassword = b\n",
    "{password: b, ",
    "mot de passe ",
    "password   \n",
    "key" + " " * 500,
    "key|",
    "your ",
]


def seconds(text: str) -> float:
    start = time.process_time()
    KNOWING.redact(text)
    return time.process_time() - start


@pytest.fixture(scope="module")
def ordinary_seconds() -> float:
    text = "\n".join(LINES)
    return min(seconds((text * 2)[:CHARS]) for _ in range(4))


@pytest.mark.parametrize("unit", HARD, ids=lambda unit: repr(unit)[:30])
def test_a_hard_text_takes_no_more_than_a_few_ordinary_ones(
    unit: str, ordinary_seconds: float
) -> None:
    text = unit * (CHARS // len(unit))
    limit_s = 8 * ordinary_seconds + 0.1

    assert any(seconds(text) < limit_s for _ in range(2))


def test_no_pattern_repeats_a_group_possessively() -> None:
    """Python 3.11 before 3.11.5, Debian's among it, then finds nothing."""
    package = Path(nemotron_magic.__file__).parent
    possessive = re.compile(r"\)(?:[*+?]|\{{1,2}\d*,?\d*\}{1,2})\+|\(\?>")
    files = [*package.rglob("*.py"), *package.rglob("*.txt")]
    sources = {path.name: path.read_text("utf-8") for path in files}

    assert [name for name, text in sources.items() if possessive.search(text)] == []


def test_a_redactor_knows_whose_secrets_it_knows() -> None:
    later = {**ENVIRON, "OTHER_PASSWORD": hexed(20)}

    assert KNOWING.is_for(ENVIRON)
    assert KNOWING.is_for({**ENVIRON, "HOME": "/home/bob"})
    assert not KNOWING.is_for(later)
    assert not KNOWING.is_for({})


def test_a_text_that_comes_again_takes_no_time() -> None:
    redactor, text = Redactor(ENVIRON), f"password: {KEY} and so on\n" * 60

    def seconds() -> float:
        start_s = time.perf_counter()
        assert KEY not in redactor.redact(text).text
        return time.perf_counter() - start_s

    first_s = seconds()
    assert min(seconds() for _ in range(20)) < first_s / 10


@pytest.mark.parametrize("form", ["hex", "base64", "JSON", "URL"])
@pytest.mark.parametrize("name", ["AIMLAPI_API_KEY", "DB_PASSWORD"])
def test_a_value_in_another_form_goes_though_lines_part_it(
    name: str, form: str
) -> None:
    written = FORMS[form](ENVIRON[name])
    shown = KNOWING.redact(f"it is {written[:11]} │\n│ {written[11:]} here").text

    assert "[redacted:environment]" in shown
    # Beside it, the letters of base64 that it shares with what stands around it.
    assert len(shown) <= len("it is [redacted:environment]xx= here")


def test_many_secrets_that_are_not_there_take_hardly_longer_than_none() -> None:
    first, last = mixed(12), mixed(12)
    many = {f"{first}{n}{last}": "key" for n in range(500)}
    redactors = [Redactor({}), Redactor({}, held=many)]

    def seconds(redactor: Redactor, turn: int) -> float:
        texts = [f"Row {turn} {n}: as good as new, though late" for n in range(300)]
        start_s = time.process_time()
        assert not any(redactor.redact(text).found for text in texts)
        return time.process_time() - start_s

    none_s, many_s = (min(seconds(r, at) for at in range(5)) for r in redactors)
    assert many_s < 3 * none_s
