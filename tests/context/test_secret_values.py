"""What a value looks like decides whether it is taken for a secret."""

from __future__ import annotations

import pytest

from nemotron_magic.context.secrets.values import (
    Strength,
    is_placeholder,
    is_secret,
    is_set_secret,
    looks_random,
)

ODD = "ab1!" + "cdEf"  # a digit and a sign among letters
DIGIT = "abcdefg" + "7"
WORD = "abcdefgh"
LONG_WORD = "abcdefghij" * 2
RANDOM = "k3Jx0pQz81" + "LmW4rT9v"


@pytest.mark.parametrize(
    "value",
    [
        "none",
        "changeme",
        "scram-sha-256",
        "'hint'",
        '"test"',
        "<token>",
        "${x}",
        "%s",
        "your_key",
        "my-secret",
        "aws_secret_key",
        "ab...z",
        "xxxx",
        "****",
        "env:x",
        "aa",
    ],
)
def test_what_stands_in_a_secret_s_place_is_none(value: str) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize(
    "value", ["hunter2", "ab", "nonesuch", "token7", "a" + "b" * 9]
)
def test_what_is_like_it_is_not(value: str) -> None:
    assert not is_placeholder(value)


@pytest.mark.parametrize(
    ("value", "shortest", "is_random"),
    [
        (RANDOM, 12, True),
        (RANDOM, len(RANDOM), True),
        (RANDOM, len(RANDOM) + 1, False),
        (RANDOM[:11], 12, False),
        (f"{RANDOM} ", 12, False),
        (f"{RANDOM},{RANDOM}", 12, False),
        (f"{RANDOM}é", 12, False),
        ("all-MiniLM-L6-v2-2024", 12, False),
        ("customer_id_2024_total", 12, False),
        ("k3Jx0pQ" + "-" * 8, 12, False),
        ("k3Jx0pQz" + "-" * 8, 12, True),
        ("k3Jx0pQz" + "-word" * 3, 12, True),
        ("k3Jx0pQz" + "-word" * 4, 12, False),
    ],
)
def test_a_random_value_is_long_and_all_mixed(
    value: str, shortest: int, is_random: bool
) -> None:
    assert looks_random(value, shortest) is is_random


@pytest.mark.parametrize(
    ("value", "strength", "quoted", "bare"),
    [
        ("abcd", Strength.PASSWORD, True, False),
        ("abc", Strength.PASSWORD, False, False),
        ("ab1cd", Strength.PASSWORD, True, False),
        ("ab1cde", Strength.PASSWORD, True, True),
        ("abcdefghijk", Strength.PASSWORD, True, False),
        ("abcdefghijkl", Strength.PASSWORD, True, True),
        ("correct horse battery staple", Strength.PASSWORD, True, True),
        ("correct horse battery", Strength.PASSWORD, False, False),
        ("enter your old one", Strength.PASSWORD, False, False),
        ("Correct horse battery staple", Strength.PASSWORD, False, False),
        ("abc d1", Strength.PASSWORD, True, True),
        ("ab cd", Strength.PASSWORD, False, False),
        (ODD, Strength.SECRET, True, True),
        (ODD[:7], Strength.SECRET, False, False),
        (f"{ODD} x", Strength.SECRET, False, False),
        (DIGIT, Strength.SECRET, True, False),
        (WORD, Strength.SECRET, False, False),
        (LONG_WORD, Strength.SECRET, True, False),
        (LONG_WORD[:19], Strength.SECRET, False, False),
        (f"a/{DIGIT}", Strength.SECRET, False, False),
        (f"a/{LONG_WORD}", Strength.SECRET, False, False),
        (RANDOM, Strength.HINT, True, True),
        (RANDOM[:15], Strength.HINT, False, False),
        (ODD, Strength.HINT, False, False),
        (LONG_WORD, Strength.HINT, False, False),
        ("changeme", Strength.PASSWORD, False, False),
        ("[redacted:key]", Strength.PASSWORD, False, False),
    ],
)
def test_the_surer_the_name_the_plainer_the_value_may_be(
    value: str, strength: Strength, quoted: bool, bare: bool
) -> None:
    assert is_secret(value, strength, bare=False, code=True) is quoted
    assert is_secret(value, strength, bare=True, code=False) is bare


@pytest.mark.parametrize("value", ["load_my_data_1", "config.value1", "zz_b_c_d_e_1"])
def test_a_variable_is_no_secret_where_a_program_has_an_expression(value: str) -> None:
    assert is_secret(value, Strength.PASSWORD, bare=True, code=False)
    assert not is_secret(value, Strength.PASSWORD, bare=True, code=True)


def test_a_name_that_looks_random_is_a_secret_there_too() -> None:
    assert is_secret(RANDOM, Strength.PASSWORD, bare=True, code=True)


@pytest.mark.parametrize("value", ["getpass('x1y2')", "rows[12345]", "12345678901234"])
def test_a_call_or_a_number_without_quotes_is_none(value: str) -> None:
    assert is_secret(value, Strength.PASSWORD, bare=False, code=True)
    assert not is_secret(value, Strength.PASSWORD, bare=True, code=False)


@pytest.mark.parametrize(
    ("value", "strength", "is_one"),
    [
        (DIGIT, Strength.HINT, True),
        (DIGIT, Strength.SECRET, True),
        ("abcd", Strength.PASSWORD, True),
        ("abcd", Strength.HINT, False),
        ("os.environ", Strength.PASSWORD, False),
        ("MY_PASSWORD_1", Strength.PASSWORD, False),
        ("int(x1)y", Strength.PASSWORD, False),
    ],
)
def test_what_a_variable_is_set_to_is_one_unless_it_is_an_expression(
    value: str, strength: Strength, is_one: bool
) -> None:
    assert is_set_secret(value, strength) is is_one
