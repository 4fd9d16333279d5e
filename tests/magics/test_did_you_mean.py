"""What was meant by a word that nothing is called."""

from __future__ import annotations

import pytest

from nemotron_magic.magics.words import (
    line_for,
    suggest_command,
    suggest_flag,
    unknown_flag,
)

FLAGS = ("-t", "--temperature", "--top-p", "--thread", "--no-redact")
COMMANDS = ("fix", "doc", "usage", "models", "conversations")


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("--temp", "--temperature"),
        ("--tempreature", "--temperature"),
        ("--th", "--thread"),
        ("--redact", "--no-redact"),
        ("-t0.3", "-t 0.3"),
        ("-q", ""),
        ("-x3", ""),
        ("--zzzzzz", ""),
    ],
)
def test_a_flag_is_known_by_its_beginning_or_its_look(name: str, flag: str) -> None:
    assert suggest_flag(name, FLAGS) == flag


@pytest.mark.parametrize(
    ("word", "command"),
    [
        ("modles", "models"),
        ("conversation", "conversations"),
        ("fxi", "fix"),
        ("fox", "fix"),
        ("dog", "doc"),
        ("why", ""),
        ("fan", ""),
        ("plain", ""),
        ("conversing", ""),
    ],
)
def test_a_command_is_known_but_for_one_slip(word: str, command: str) -> None:
    assert suggest_command(word, COMMANDS) == command


@pytest.mark.parametrize("word", ["fix", "fx", "fiix", "fux", "fxi", "ifx"])
def test_one_slip_is_a_letter_more_less_wrong_or_two_swapped(word: str) -> None:
    assert suggest_command(word, ["fix"]) == "fix"


@pytest.mark.parametrize("word", ["", "f", "xif", "fluxes", "fab"])
def test_more_than_one_slip_is_another_word(word: str) -> None:
    assert suggest_command(word, ["fix"]) == ""


@pytest.mark.parametrize(
    ("flag", "said", "line"),
    [
        ("--connect-timeout", "connect timeout = 5", "connect_timeout_s = "),
        ("--no-log-text", "turn log text off", "log_text = False"),
        ("--verbose-err", "verbose err on", "verbose_errors = True"),
    ],
)
def test_a_setting_is_known_by_its_name_and_by_its_beginning(
    flag: str, said: str, line: str
) -> None:
    assert f"%config Nemotron.{line}" in unknown_flag(flag).hint
    assert line_for(said).startswith(f"%config Nemotron.{line}")
