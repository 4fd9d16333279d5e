"""Secrets whose name stands apart from them: in tags, options, calls, assignments."""

from __future__ import annotations

import pytest
from secrets_corpus import mixed

from nemotron_magic.context.redact import Redactor

PLAIN = Redactor({})
WORD, ODD, KEY = "quitten" + "brot", "holun" + "der42", mixed(28)
FOUND = {
    "two names": (f"user, password = 'bob', '{WORD}'", WORD),
    "three names": (f"host, pw, n = ('db', '{WORD}', 3)", WORD),
    "attributes": (f"self.url, self.api_key = get(1, 2), '{KEY}'", KEY),
    "after a line break": (f"a, token = (\n    'x',\n    '{KEY}')", KEY),
    "in an f-string": (f"secret_key = f'{{prefix}}-{KEY}'", KEY),
    "before an expression": (f"api_key = f'{KEY}{{suffix}}'", KEY),
    "behind and": (f"api_key = is_live and '{KEY}' or None", KEY),
    "said without blanks": (f"密码是{ODD}", ODD),
    "said in Japanese": (f"パスワードは{ODD}です", ODD),
    "said of somebody": (f"the password for bob is {ODD}", ODD),
    "said of somebody in German": (f"das Passwort von bob ist {ODD}", ODD),
    "a tag": (f"<password>{WORD}</password>", WORD),
    "a tag with a name": (f'<property name="db.password">{WORD}</property>', WORD),
    "a string of Android": (f'<string name="api_key">{KEY}</string>', KEY),
    "an entry": (f"- name: DB_PASSWORD\n  value: {WORD}", WORD),
    "another entry": (f"  - name: ADMIN_PW\n    value: {WORD}\n", WORD),
    "the end of a connection": (f"Server=h;User Id=u;Password={WORD};", WORD),
    "the end of a form": (f"'user=ann&pwd={WORD}'", WORD),
    "an option at the end": (f"!tool --user ann --password {WORD}", WORD),
    "an option between": (f"tool --password {WORD} --host db", WORD),
    "a variable": (f"%env DB_PASSWORD {WORD}", WORD),
    "a setter": (f"user.set_password('{WORD}')", WORD),
    "a key ring": (f"keyring.set_password('svc', 'bob', '{WORD}')", WORD),
    "a setting": (f"cfg.set('db', 'password', '{WORD}')", WORD),
    "an attribute": (f"setattr(client, 'password', '{WORD}')", WORD),
    "a pipe": (f"!echo {KEY} | docker login -u ann --password-stdin", KEY),
    "a short form": (f"bindpw = '{WORD}'; rootpw='{WORD}'", WORD),
}
ORDINARY = [
    "tokens, labels = tokenizer(text), 'positive-2024'",
    "key, value = 'region', 'north-west-2024'",
    "name, password = 'bob', getpass('Password: ')",
    "password, user = None, 'kirschbaum'",
    "token = f'{first_name}-{last_name}-final'",
    "use --password to be asked for it",
    "the --password option is not needed",
    "密码是必需的，不能为空",
    "the password for bob is required",
    '<label for="password">Password</label>',
    '<input name="password"> required',
    "<button id='token'>Renew</button>",
    "- name: region\n  value: north",
    "x=1;y=2;pwd=os.getcwd()",
    "conf.set('spark.executor.memory', 'password-free')",
    "set_password(user, password)",
    "echo hello | grep -v stdin",
]


@pytest.mark.parametrize(("text", "secret"), FOUND.values(), ids=FOUND)
def test_a_secret_that_stands_apart_from_its_name_is_taken_out(
    text: str, secret: str
) -> None:
    assert secret not in PLAIN.redact(text).text


@pytest.mark.parametrize("line", ORDINARY)
def test_a_line_that_is_only_written_so_stays(line: str) -> None:
    assert PLAIN.redact(line).text == line
