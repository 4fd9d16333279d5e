"""Secrets in assignments to several names at once: `user, pw = "ann", "…"`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nemotron_magic.context.secrets.expressions import QUOTED
from nemotron_magic.context.secrets.named import kind_of
from nemotron_magic.context.secrets.spans import Span
from nemotron_magic.context.secrets.telling import KEYWORD, strength_of
from nemotron_magic.context.secrets.values import is_secret

__all__ = ["several_secrets"]

_NAMES = re.compile(
    r"(?m)(?:^|(?<=[;:]))[ \t]*(?P<names>[^\W\d][\w.]{0,60}"
    r"(?:[ \t]*,[ \t]*[^\W\d][\w.]{0,60}){1,12})[ \t]*=(?!=)[ \t]*[(\[]?\s{0,20}"
)
_TELLING = re.compile(KEYWORD)
_OTHER = re.compile(r"[^\s,;\"'()\[\]{}]{1,80}(?:\([^()\n]{0,80}\))?")
_COMMA = re.compile(r"[ \t]*,\s{0,20}")


def several_secrets(text: str, lowered: str) -> Iterator[Span]:
    """Yield the strings that telling names get which are assigned with others."""
    for found in _NAMES.finditer(lowered):
        if _TELLING.search(found["names"]):
            yield from _values(text, found)


def _values(text: str, found: re.Match[str]) -> Iterator[Span]:
    names, at = text[slice(*found.span("names"))].split(","), found.end()
    for name in names:
        quoted = QUOTED.match(text, at)
        value = quoted or _OTHER.match(text, at)
        if value is None:
            return
        strength = strength_of(name.strip().rpartition(".")[2])
        if quoted and strength:
            one = quoted["value"]
            if is_secret(one, strength, bare=False, code=False):
                yield Span(*quoted.span("value"), kind_of(name.strip()))
        comma = _COMMA.match(text, value.end())
        if comma is None:
            return
        at = comma.end()
