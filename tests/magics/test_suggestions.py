"""What an error says to type next works when it is typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from service import Address
from shells import Shell

TYPED = re.compile(r"%{1,2}(?:nemotron|config)\b.*?(?=$|   | \(|\)|, |\. |; )")
FUNCTION = "def clean_names(names):\n    return [name.strip() for name in names]"
CUT = "%nemotron -n 5 rehearsal: length 900"

NANO = "nvidia/nemotron-3-nano-30b-a3b"

# What is typed first, and what is refused then.
REFUSED = {
    "a flag that is none": ("", "%nemotron --temprature 1 why?"),
    "a command that is none": ("", "%nemotron modles"),
    "no question": ("", "%nemotron -t 0"),
    "no value": ("", "%nemotron -t"),
    "a value where none belongs": ("", "%nemotron --quiet=1 why?"),
    "a key in a cell": ("", "%nemotron --key abc why?"),
    "a quote": ("", "%nemotron -s \"be brief why?"),
    "no variable": ("", "%nemotron -o 1x why?"),
    "no field": ("", "%nemotron -p why?"),
    "the model as a field": ("", "%nemotron -p model=x why?"),
    "the messages as a field": ("", "%nemotron -p messages=[] why?"),
    "a setting as a field": ("", "%nemotron -p redact=false why?"),
    "a field without the other": ("", "%nemotron -p top_logprobs=2 why?"),
    "a flag behind a command": ("", "%nemotron models --fresh"),
    "a flag of rows behind one": ("", "%nemotron models --all"),
    "one with a value": ("", "%nemotron log --sample 5"),
    "a preview behind a command": ("", "%nemotron usage --preview"),
    "fields behind a command": ("", "%nemotron threads --as total"),
    "another tool's flag": ("", "%nemotron cache --clear"),
    "text for a command": ("", "%nemotron threads: all"),
    "a cell for a command": ("", "%%nemotron usage\nwhy?"),
    "nothing to go on with": ("", "%nemotron continue"),
    "a whole reply": ("%nemotron rehearsal: say so", "%nemotron continue"),
    "nothing to ask again": ("", "%nemotron retry"),
    "nothing sent": ("", "%nemotron preview"),
    "no preview of a continuation": (CUT, "%nemotron --preview continue"),
    "no preview of a command": ("", "%nemotron --preview models"),
    "nothing to fix": ("", "%nemotron fix"),
    "a cell without an error": ("x = 1", "%%nemotron fix\nx = 1"),
    "nothing to explain": ("", "%nemotron explain"),
    "no function named": ("", "%nemotron test"),
    "no such function": ("", "%nemotron test: nonesuch"),
    "no code": ("%nemotron rehearsal: say so", "%nemotron code"),
    "no variable to describe": ("", "%nemotron why is $`nonesuch` so?"),
    "a value that must be made": ("", "%nemotron why is $`len(In)` so?"),
    "no such key": ("d = {}", "%nemotron why is $`d['k']` so?"),
    "no such file": ("", "%nemotron -f nonesuch.txt why?"),
    "no text file": ("", "%nemotron -f bytes.bin why?"),
    "replace without code": ("", "%nemotron --replace why?"),
    "no such thread": ("", "%nemotron reset: nonesuch"),
    "no such call": ("", "%nemotron log: 999999"),
    "no such format": ("", "%nemotron usage: export calls.xls"),
    "no such folder": ("", "%nemotron usage: export nonesuch/calls.csv"),
    "no such word": ("", "%nemotron usage: all"),
    "no such part of the cache": ("", "%nemotron cache: all"),
    "no such rehearsal": ("", "%nemotron rehearse: up"),
    "no panel": ("", "%nemotron panel"),
    "no such cells": ("", "%nemotron -c some why?"),
    "too little room": (
        "%config Nemotron.context_tokens = 1",
        "%nemotron -f long.txt why?",
    ),
    "nothing kept": ("", "%nemotron --cache=replay why?"),
    "a limit": ("%nemotron models", f"%nemotron -m {NANO} --max-cost 0.000001 why?"),
    "no such model": ("", "%nemotron -m no/such why?"),
    "a request that is refused": ("", "%nemotron -p response_format=7 why?"),
}  # fmt: skip


@pytest.fixture
def typing(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bytes.bin").write_bytes(b"\0\xff")
    (tmp_path / "long.txt").write_text("word " * 900)
    return shell


def test_a_limit_given_as_a_flag_is_raised_by_the_flag(typing: Shell) -> None:
    typing.run("%nemotron models")
    refused = typing.run(f"%nemotron -m {NANO} --max-cost 0.000001 why?")

    assert "Allow more: --max-cost …, or %config Nemotron.max_cost_usd" in refused.error


def suggestions(error: str) -> Iterator[str]:
    """Give what can be typed as it is: nothing is left open in it."""
    for line in error.splitlines()[1:]:
        yield from (found for found in TYPED.findall(line) if "…" not in found)


@pytest.mark.parametrize("name", REFUSED)
def test_an_error_says_what_to_do_and_what_it_says_to_type_works(
    typing: Shell, service: Address, name: str
) -> None:
    before, cell = REFUSED[name]
    typing.run(before)
    refused = typing.run(cell)
    typed = [*suggestions(refused.error)]
    if any("clean_names" in one for one in typed):
        typing.run(FUNCTION)

    assert refused.status == "error"
    assert 2 <= len(refused.error.splitlines()) <= 3 or " must be " in refused.error
    for one in typed:
        if "login" not in one:  # it asks for the key
            done = typing.run(f"{one}\nx = 1" if one.startswith("%%") else one)
            assert (one, done.error) == (one, "")
