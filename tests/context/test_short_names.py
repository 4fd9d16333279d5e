"""A short name such as `pw` stands for a password, or for a width or a key."""

from __future__ import annotations

import pytest

from nemotron_magic.context.redact import Redactor
from nemotron_magic.context.secrets.held import Held

THINGS = [
    'clave = "cuadro_1"',
    'df.rename(columns={"pw": "plant_width"})',
    "pw = 'petal_width'",
    'clave="tabla_ventas"',
    'pw = ["plant_width", "petal_width"]',
    'mdp = "tableau_12"',
    "clave: cuadro_1",
    'pin, pw = "tabelle_3", "mean_price"',
    "  pw           n\n0 plant_width  3\n1 petal_length 4\n",
]
SECRETS = [
    ('pw = "sun{}"', "flower"),
    ('pw = "red_{}"', "panda"),
    ('clave = "sol_y_{}"', "luna"),
    ('pw = "plant_width{}"', "9!x"),
    ('clave = "tabla_{}"', "7k3x"),
    ('pw = "cuadro_{}"', "1987"),
    ('mdp = "{}"', "tableau"),
    ('password = "plant_{}"', "width"),
    ('user_pw = "plant_{}"', "width"),
    ('{{"pw": "horse_{}"}}', "battery"),
    ("user  pw\nann   blue_{}\n", "monkey_1"),
]


@pytest.mark.parametrize("text", THINGS)
def test_the_name_of_a_column_or_thing_stays_behind_a_short_name(text: str) -> None:
    assert Redactor({}).redact(text).text == text


@pytest.mark.parametrize(("form", "secret"), SECRETS)
def test_any_other_value_behind_a_short_name_goes(form: str, secret: str) -> None:
    assert secret not in Redactor({}).redact(form.format(secret)).text


def test_a_variable_with_a_short_name_holds_a_secret_or_the_name_of_a_thing() -> None:
    held = Held({"pw": "plant_width", "clave": "mari_posa", "mdp": "colonne_2"})

    assert held.secrets() == {"mari_posa": "password"}
