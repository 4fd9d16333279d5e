"""What is found is format_findings in few words, with what was meant perhaps."""

from __future__ import annotations

import pytest

from nemotron_magic.code.syntax import Finding, format_findings
from nemotron_magic.core.text import closest_match


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("reigon", ["regional", "region"], "region"),
        ("AMOUNT", ["amount"], "amount"),
        ("amount_eu", ["amount_euros"], "amount_euros"),
        ("amount_eu", ["amount_europe"], ""),  # more than a third longer
        ("abc", ["abcde"], "abcde"),
        ("abc", ["abcdef"], ""),
        ("totl", ["xotal"], ""),  # neither its first letter nor its last two
        ("totl", ["dotl"], "dotl"),
        ("price", ["region", "amount"], ""),
        ("x", [], ""),
    ],
)
def test_what_was_meant_is_the_most_alike(
    word: str, known: list[str], found: str
) -> None:
    assert closest_match(word, known) == found


def test_not_all_of_many_names_are_compared() -> None:
    names = [f"total_{n:03}" for n in range(200)]

    assert closest_match("total_000x", ["total_000x", *names[1:]]) == "total_000x"
    assert closest_match("total_xyzw", [*names, "total_xyzw"]) == ""


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ([], ""),
        ([Finding("name", "x")], "x is not defined"),
        (
            [Finding("module", "torchx", "torch"), Finding("column", "df['a']")],
            "torchx is not installed (torch?); df['a'] is no column",
        ),
        (
            [Finding("syntax", "line 1: a\n\x1b[31mb")],
            "it does not compile (line 1: a b)",
        ),
        (
            [Finding("name", f"n{n}") for n in range(7)],
            "n0 is not defined; n1 is not defined; n2 is not defined; "
            "n3 is not defined; n4 is not defined; and 2 more",
        ),
    ],
    ids=["none", "one", "two", "two lines", "seven"],
)
def test_findings_are_told_in_one_line(findings: list[Finding], line: str) -> None:
    assert format_findings(findings) == (line and f"Look before you run it: {line}.")


def test_findings_however_long_are_told_in_three_hundred_signs() -> None:
    findings = [Finding("name", f"name_{n}" * 30 + "\n\x1b[31m") for n in range(99)]

    assert len(format_findings(findings)) == 300
    assert format_findings(findings).isprintable()
