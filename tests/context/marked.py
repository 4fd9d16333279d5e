"""Cases that are written as text, with each secret in double angle brackets.

`@@ kind` begins a kind, `@@` alone parts two cases of it. In the brackets `~m32`
stands for 32 letters and digits made by chance (`l` lower, `u` upper, `h` hex, `d`
digits, `m` mixed), so that no scanner of a host takes a line for a secret. `\\e` is an
escape character.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from secrets_corpus import Case, digits, hexed, lower, mixed, upper

CORPORA = Path(__file__).parent / "corpora"
MADE: dict[str, Callable[[int], str]] = {
    "l": lower,
    "u": upper,
    "h": hexed,
    "d": digits,
    "m": mixed,
}
_MARKED = re.compile(r"<<(.*?)>>", re.DOTALL)


def marked_cases(file: str) -> dict[str, list[Case]]:
    """Return the cases of a file by their kind."""
    kinds: dict[str, list[Case]] = {}
    for part in re.split(r"(?m)^@@ ", (CORPORA / file).read_text("utf-8"))[1:]:
        kind, _, texts = part.partition("\n")
        for text in re.split(r"(?m)^@@$\n", texts):
            kinds.setdefault(kind, []).append(_case(kind, text.removesuffix("\n")))
    return kinds


def plain_lines(file: str) -> list[str]:
    """Return the lines of a file in which nothing is secret."""
    text = (CORPORA / file).read_text("utf-8")
    return text.replace("\\e", "\x1b").splitlines()


def _case(kind: str, marked: str) -> Case:
    secrets: list[str] = []

    def shown(found: re.Match[str]) -> str:
        secret = re.sub(
            r"~([luhdm])(\d+)", lambda one: MADE[one[1]](int(one[2])), found[1]
        )
        # One that is wrapped is left if a line of it is.
        secrets.extend(line.strip(" \\") for line in secret.split("\n"))
        return secret

    text = _MARKED.sub(shown, marked.replace("\\e", "\x1b"))
    return Case(f"{kind}: {text[:40]}", text, tuple(secrets))
