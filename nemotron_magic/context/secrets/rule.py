"""How the form of a secret is written down."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Rule", "key", "rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One form of a secret.

    Parameters
    ----------
    needles : tuple of str
        One of these stands in each text that the rule can match, in small letters;
        looking for them first is what makes many rules cheap.
    form : pattern
        The secret is its group `secret` if it has one, else all of it.
    is_random : bool
        What the form finds is a secret only if it looks made by a machine.
    """

    kind: str
    needles: tuple[str, ...]
    form: re.Pattern[str]
    is_random: bool = False


def rule(
    kind: str, needles: str, form: str, flags: int = 0, *, is_random: bool = False
) -> Rule:
    """Return a rule; `needles` are parted by blanks."""
    return Rule(
        kind, tuple(needles.split()), re.compile(form, re.ASCII | flags), is_random
    )


def key(kind: str, needles: str, form: str) -> Rule:
    """Return the rule for a key of a service: it does not begin within a word."""
    return rule(kind, needles, rf"(?<![A-Za-z0-9]){form}(?![A-Za-z0-9])")
