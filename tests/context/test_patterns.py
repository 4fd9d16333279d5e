"""Every form of a secret is one that a case of the corpus has."""

from __future__ import annotations

import re
import time

import pytest
from held_out import held_out_cases
from marked import marked_cases
from secrets_corpus import hexed, mixed, secret_cases

from nemotron_magic.context.redact import Redactor
from nemotron_magic.context.secrets.patterns import (
    RULES,
    SERVICES,
    Rule,
    rules,
    typed_key,
)
from nemotron_magic.context.secrets.values import MASK, Passage, placeholder

KINDS = [marked_cases("secrets_by_kind.txt"), marked_cases("held_out.txt")]
BY_KIND = [case for kinds in KINDS for cases in kinds.values() for case in cases]
TEXTS = [case.text for case in (*secret_cases(), *held_out_cases(), *BY_KIND)]


def found_by(one: Rule, text: str) -> str:
    """Give what a rule takes out of a text that it looks at; empty if nothing."""
    if not any(needle in text.lower() for needle in one.needles):
        return ""
    group = "secret" if "secret" in one.form.groupindex else 0
    found = one.form.search(text)
    return found[group] if found else ""


def test_every_rule_finds_a_secret_of_the_corpus() -> None:
    idle = [
        (one.kind, one.needles)
        for one in RULES
        if not any(len(found_by(one, text)) >= 6 for text in TEXTS)
    ]

    assert idle == []


def test_what_stands_for_every_kind_is_known_for_it() -> None:
    stands = {kind: placeholder(kind) for kind in {one.kind for one in RULES}}
    masked = {kind: Passage(text).masked for kind, text in stands.items()}

    assert masked == {kind: MASK * len(text) for kind, text in stands.items()}


def test_a_rule_has_each_of_its_needles_and_reads_ascii_alone() -> None:
    one, other = rules("kind?  a,bc  (?i)\\w\n  +\nother  a  x  y")

    assert (one.kind, one.needles, one.is_random) == ("kind", ["a", "bc"], True)
    assert one.form == re.compile(r"(?i)\w+", re.ASCII)
    assert (other.form.pattern, other.is_random) == ("x  y", False)


@pytest.mark.parametrize(
    ("text", "is_key"),
    [
        ("key-{}", True),
        ("(key-{})", True),
        ("akey-{}", False),
        ("key-{}2", False),
    ],
)
def test_a_key_does_not_begin_or_end_within_a_word(text: str, is_key: bool) -> None:
    text = text.format(hexed(32))
    found = [one for one in SERVICES if one.form.search(text)]

    assert bool(found) is is_key


def test_a_signature_alone_is_enough() -> None:
    signature = hexed(40)

    assert Redactor({}).redact(f"Signature={signature} ok").text == (
        "Signature=[redacted:signature] ok"
    )


def test_needles_in_any_case_are_looked_for() -> None:
    token = mixed(30)

    assert token not in Redactor({}).redact(f"BEARER {token}").text


@pytest.mark.parametrize("behind", ["", "login "])
@pytest.mark.parametrize(
    "unit", ["x", "A", "1", "aB", "?", ".?", "-", "=", "#", "é", "x "]
)
def test_what_is_typed_is_read_in_time_in_proportion(unit: str, behind: str) -> None:
    def least_s(many: int) -> float:
        took_s = []
        for _ in range(3):
            began_s = time.perf_counter()
            typed_key(behind + unit * many)
            took_s.append(time.perf_counter() - began_s)
        return min(took_s)

    # Were it by the square, it would be 256 times.
    assert least_s(32_000) <= 80 * least_s(2_000)
