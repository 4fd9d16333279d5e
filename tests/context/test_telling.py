"""A name tells of a secret in whichever language and style it is written."""

from __future__ import annotations

import random
import re
import string
import unicodedata

import pytest
from telling_names import HINTS, ORDINARY, PASSWORDS, SECRETS

from nemotron_magic.context.secrets.values import (
    KEYWORD,
    Strength,
    is_live_secret,
    strength_of,
)

STRENGTHS = {
    **dict.fromkeys(HINTS, Strength.HINT),
    **dict.fromkeys(SECRETS, Strength.SECRET),
    **dict.fromkeys(PASSWORDS, Strength.PASSWORD),
}


def test_there_are_two_hundred_of_them() -> None:
    assert len(STRENGTHS) >= 200


def test_a_telling_name_says_how_much_it_tells() -> None:
    assert {name: strength_of(name) for name in STRENGTHS} == STRENGTHS


def test_an_ordinary_name_tells_nothing() -> None:
    assert [name for name in ORDINARY if strength_of(name) is not None] == []


def test_a_telling_name_is_met_where_a_text_is_searched() -> None:
    folded = {name: unicodedata.normalize("NFKC", name).lower() for name in STRENGTHS}

    assert [name for name in folded if not re.search(KEYWORD, folded[name])] == []


ALPHABETS = {
    "hex": "0123456789abcdef",
    "letters and digits": string.ascii_letters + string.digits,
    "as in base64 of URLs": string.ascii_letters + string.digits + "-_",
}


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=list(ALPHABETS))
@pytest.mark.parametrize("strength", Strength)
def test_a_random_value_is_hidden_by_any_of_them(
    strength: Strength, alphabet: str
) -> None:
    some = random.Random(20)
    values = ["".join(some.choices(alphabet, k=12)) for _ in range(2_000)]

    assert [value for value in values if not is_live_secret(value, strength)] == []


@pytest.mark.parametrize(
    ("strength", "value", "is_hidden"),
    [
        (Strength.PASSWORD, "hund", True),
        (Strength.PASSWORD, "4711", True),
        (Strength.PASSWORD, "cat", False),
        (Strength.PASSWORD, "correct horse battery", True),
        (Strength.PASSWORD, "#4f(9a", True),
        (Strength.PASSWORD, "{{ password }}", False),
        (Strength.PASSWORD, "<your password>", False),
        (Strength.PASSWORD, "none", False),
        (Strength.SECRET, "kirschbaum", True),
        (Strength.SECRET, "kirsche", False),
        (Strength.SECRET, "keys/service.json", False),
        (Strength.SECRET, "https://example.org/token", False),
        (Strength.HINT, "customer", False),
        (Strength.HINT, "Wonderful", False),
        (Strength.HINT, "kqzjxwvb", True),
        (Strength.HINT, "kirsch77", True),
        (Strength.HINT, "KirschBaum", True),
        (Strength.HINT, "kirsch7", False),
        (Strength.HINT, "2026-01-31", False),
        (Strength.HINT, "data/raw/2026/sales.csv", False),
        (Strength.HINT, "the", False),
    ],
)
def test_the_name_and_the_value_tell_together(
    strength: Strength, value: str, is_hidden: bool
) -> None:
    assert is_live_secret(value, strength) is is_hidden
