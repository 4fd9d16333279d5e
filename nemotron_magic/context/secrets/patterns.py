"""Secrets known by their form: keys of services, URLs, headers, commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nemotron_magic.context.secrets import Needles, sections
from nemotron_magic.context.secrets.values import (
    MASK,
    Passage,
    Span,
    is_placeholder,
    looks_random,
)

__all__ = ["RULES", "SERVICES", "Rule", "pattern_secrets", "rules"]


class Rule(NamedTuple):
    """One form of a secret."""

    kind: str
    needles: list[str]  # one stands in each text that may match: rules stay cheap
    form: re.Pattern[str]  # the secret is its group of that name if it has one
    is_random: bool  # what is found has to look made by a machine


_PARTS = {
    # An argument: with its quotes, if it has any, around it.
    "{ARGUMENT}": r"[\"']?(?P<secret>[^\s\"'$]{3,200})",
    "{STRING}": r"[bu]?[\"'](?P<secret>[^\"'\n]{3,200})[\"']",
    "{OPTION}": r"\b[^\n]{0,200}?[ \t]",
    "{WORDS}": r"(?:password|passwd|pwd)",
    "{GAP}": r"(?:\\[nrt]|[\s\"'|│>#*,+()\\])",
    "{BASE64}": r"[\w./+-]",
}


def rules(table: str, form: str = "%s") -> tuple[Rule, ...]:
    """Return the rules of a table: in each row a kind, needles and a form.

    A row goes on where the next line is indented. `?` behind a kind says that what is
    found has to look random.
    """
    for name, part in _PARTS.items():
        table = table.replace(name, part)
    found = []
    for row in re.sub(r"\n +", "", table.strip()).split("\n"):
        kind, needles, written = row.split("  ", 2)
        pattern = re.compile(form.replace("%s", written), re.ASCII)
        is_random = kind.endswith("?")
        found.append(Rule(kind.rstrip("?"), needles.split(","), pattern, is_random))
    return tuple(found)


_FORMS = sections(__package__, "forms.txt")
# Keys of services: they do not begin or end within a word.
SERVICES = rules(_FORMS["services"], r"(?<![A-Za-z0-9])%s(?![A-Za-z0-9])")
RULES = (*SERVICES, *rules(_FORMS["others"]))
_NEEDLES = Needles((one, at) for at, rule in enumerate(RULES) for one in rule.needles)

_MANIFEST = re.compile(r"(?m)^[ \t-]*[\"']?kind[\"']?:[ \t]*[\"']?Secret\b")
_DATA = re.compile(
    r"(?m)^([ \t]*)[\"']?(?:data|stringData)[\"']?:[ \t{]*\n((?:\1[ \t]+\S[^\n]*\n?)+)"
)
_ENTRY = re.compile(r"(?m)^[^\n:]{1,80}:[ \t]+[\"']?(?P<secret>[^\s\"',|>]{4,})")


def pattern_secrets(passage: Passage) -> Iterator[Span]:
    """Yield every place where a rule of the table finds a secret."""
    text, masked = passage.text, passage.masked
    if "secret" in masked and _MANIFEST.search(text):
        for block in _DATA.finditer(text):
            for found in _ENTRY.finditer(text, *block.span(2)):
                if MASK not in masked[slice(*found.span("secret"))]:
                    yield Span(*found.span("secret"), "secret")
    for at in sorted(set(_NEEDLES.within(masked, passage.grams))):
        one = RULES[at]
        is_part = "secret" in one.form.groupindex
        for found in one.form.finditer(text):
            start, end = found.span("secret" if is_part else 0)
            stands_in = is_part and is_placeholder(masked[start:end])
            if MASK in masked[start:end] or stands_in:
                continue
            if not one.is_random or looks_random(text[start:end]):
                yield Span(start, end, one.kind)
