"""What a value looks like: a secret, a placeholder for one, or a piece of a program."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from nemotron_magic.context.secrets.spans import PLACEHOLDER_START

__all__ = [
    "Strength",
    "is_odd",
    "is_placeholder",
    "is_secret",
    "is_set_secret",
    "is_word",
    "looks_random",
]


class Strength(Enum):
    """How sure the name alone makes us that its value is a secret."""

    PASSWORD = 3  # any value but a placeholder
    SECRET = 2  # a value that is no word
    HINT = 1  # a value that looks random, and is no plain identifier


_WORDS = """
none null nil nan na n/a true false undefined unset empty missing unknown blank str
string text bytes int integer number bool boolean object float type any required
optional hidden masked redacted secret password passwd pass pwd token key apikey
api_key api-key username user name value values default example sample test testing
dummy fake mock placeholder changeme change_me change-me changeit todo tbd fixme foo
bar baz foobar abc xyz xxx secure encrypted plaintext bcrypt md5 sha1 sha256
scram-sha-256 basic bearer digest oauth oauth2 header query cookie postgresql prompt env
environ getpass input keyring vault local admin
anonymous anonymous@ guest root
"""
_STAND_INS = frozenset(_WORDS.split())
_STAND_IN = re.compile(
    r"[<{\[$%#(].*"  # <TOKEN>, {{ token }}, ${TOKEN}, %s, (hidden)
    r"|!(?:vault|secret|env|ref|include)\b.*"  # a tag in YAML
    r"|(?:your|insert|enter|replace|paste|fake|dummy|example)[a-z_ -]*"
    r"|(?:my|the|an?|some|put|add)[-_ ][a-z_ -]*"
    r"|(?:[a-z]+\d?[-_.])*(?:key|token|secret|password|pass|here|example|placeholder|id"
    r"|name|credentials?)(?:[-_][a-z]+)*"
    r"|.*(?:\.\.\.|…|\*\*\*|x{4}|•••|your[-_ ]).*"
    r"|(?:env|ref|arn|vault|op|gs|s3|file|https?|secretref|projects):.*"
    r"|(?:\\x[0-9a-f]{2}|\\.)+"  # bytes that fill up
    r"|(.)\1*"
)
_CALL = re.compile(r"[^\W\d](?:[\w.]|::)*[(\[]|lambda\b|await\b|not\b|-?\d+(?:\.\d+)?$")
_IDENTIFIER = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*\.?$")
_ATTRIBUTE = re.compile(r"[a-z_]+(?:\.[a-z_]+)+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PATH = re.compile(r"/|\\\\?[A-Za-z{]")
_SEGMENT = re.compile(r"[A-Za-z0-9]+")
_WORDY = re.compile(
    r"[a-z]{1,16}\d{0,4}|[A-Z]?[a-z]+(?:[A-Z][a-z]+)*\d{0,4}|\d{1,8}|[A-Z]+\d{0,4}"
    r"|v?\d+[a-z]?"
)
_SENTENCE = re.compile(
    r"\b(?:your|you|the|must|be|is|are|a|an|enter|for|of|to|and|or|please|at|in|not"
    r"|invalid|incorrect|wrong|required|again|with|from|only)\b"
)


def is_placeholder(value: str) -> bool:
    """Tell whether a value in small letters stands in the place of a secret."""
    value = value.strip("\"' ")
    return value in _STAND_INS or bool(_STAND_IN.fullmatch(value))


def looks_random(value: str, shortest: int = 12) -> bool:
    """Tell whether a value looks made by a machine: letters and digits all mixed.

    Examples
    --------
    >>> looks_random("k3Jx0pQz81LmW"), looks_random("all-MiniLM-L6-v2-2024")
    (True, False)
    """
    if len(value) < shortest or not re.fullmatch(r"[\w+/=.~:%-]+", value, re.ASCII):
        return False
    segments = _SEGMENT.findall(value)
    mixed = sum(len(one) for one in segments if not _WORDY.fullmatch(one))
    return mixed >= max(8, len(value) // 3)


def _is_phrase(value: str) -> bool:
    words = value.split()
    few = all(word.islower() and word.isalpha() for word in words)
    return few and len(words) >= 4 and not _SENTENCE.search(value)


_STATES = frozenset(
    """
    required optional incorrect correct wrong invalid valid missing expired changed
    reset strong weak medium good bad accepted rejected failed failure success never
    always yes none off enabled disabled forgotten stored hashed plain varchar char
    same auto ask random generated object int64 float64 bool category datetime
    secretstr strict deny allow prompt file environment variable external internal
    managed rotate rotated manual automatic mandatory personal public private
    """.split()  # noqa: SIM905 - a list of many words is read by nobody
)


def is_word(value: str) -> bool:
    """Return whether a value is one word that may be a password."""
    is_one = len(value) >= 4 and value.isalnum() and value == value.lower()
    return is_one and not value.isdigit() and value not in _STATES | _STAND_INS


def _any_password(value: str, bare: bool) -> bool:
    if " " in value:
        return _is_phrase(value) or (len(value.split()) == 2 and is_odd(value))
    if bare:
        return len(value) >= 6 and (is_odd(value) or len(value) >= 12)
    return len(value) >= 4


def is_odd(value: str) -> bool:
    """Return whether a value has a digit or sign among letters."""
    return any(c.isalpha() for c in value) and bool(
        re.search(r"\d|[^\w\s.,:'-]", value)
    )


def _no_word(value: str, bare: bool) -> bool:
    if " " in value or len(value) < 8:
        return False
    if looks_random(value) or (is_odd(value) and re.search(r"[!@#$%^&*?]", value)):
        return True
    return not bare and (is_odd(value) or len(value) >= 20) and not _PATH.search(value)


def _random(value: str, bare: bool) -> bool:
    return looks_random(value, 16) and not _UUID.fullmatch(value)


_JUDGES: dict[Strength, Callable[[str, bool], bool]] = {
    Strength.PASSWORD: _any_password,
    Strength.SECRET: _no_word,
    Strength.HINT: _random,
}


def is_secret(value: str, strength: Strength, *, bare: bool, code: bool) -> bool:
    """Tell whether a value is a secret.

    Parameters
    ----------
    bare : bool
        It stands without quotes.
    code : bool
        It stands where a program has an expression, so that a name is a variable.
    """
    if value.startswith(("https://", "http://")):
        return strength is Strength.SECRET and _is_secret_url(value)
    if PLACEHOLDER_START in value or not _JUDGES[strength](value, bare):
        return False
    if bare and _CALL.match(value):
        return False
    if bare and _ATTRIBUTE.fullmatch(value):
        return False
    if bare and code and _IDENTIFIER.match(value):
        return "." not in value and looks_random(value, 16)
    return not is_placeholder(value.lower())


def _is_secret_url(value: str) -> bool:
    """Return whether who knows an address may do what it is for, as with a webhook."""
    return any(looks_random(part, 16) for part in value.split("/")[3:])


def is_set_secret(value: str, strength: Strength) -> bool:
    """Tell whether a value that an environment variable is set to is a secret."""
    if "." in value or value.isupper() or _CALL.match(value):
        return False  # an expression of a program that writes its constants so
    strength = Strength.SECRET if strength is Strength.HINT else strength
    return is_secret(value, strength, bare=False, code=False)
