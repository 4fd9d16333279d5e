"""Secrets known by their form: keys of services, URLs, commands, and typed keys."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from itertools import islice
from typing import NamedTuple

from nemotron_magic.context.secrets import pattern, rows, values, words
from nemotron_magic.context.secrets.values import MASK, Needles, Passage, Place, Span


class Rule(NamedTuple):
    """One form of a secret."""

    kind: str
    needles: list[str]  # one stands in each text that may match: rules stay cheap
    form: re.Pattern[str]  # the secret is its group of that name if it has one
    is_random: bool  # what is found has to look made by a machine


def rules(table: str, form: str = "%s") -> tuple[Rule, ...]:
    """Return the rules of a table; `?` behind a kind says that it looks random."""
    found = []
    for kind, needles, written in rows(table, 3):
        whole = re.compile(form.replace("%s", written), re.ASCII)
        is_random = kind.endswith("?")
        found.append(Rule(kind.rstrip("?"), needles.split(","), whole, is_random))
    return tuple(found)


# Keys of services: they do not begin or end within a word.
SERVICES = rules("services", r"(?<![A-Za-z0-9])%s(?![A-Za-z0-9])")
_SERVICE = re.compile("|".join(f"(?:{one.form.pattern})" for one in SERVICES), re.ASCII)
RULES = (*SERVICES, *rules("others"))
_NEEDLES = Needles((one, at) for at, rule in enumerate(RULES) for one in rule.needles)

_MANIFEST = re.compile(r"(?m)^[ \t-]*[\"']?kind[\"']?:[ \t]*[\"']?Secret\b")
_ENTRY = re.compile(r"(?m)^[^\n:]{1,80}:[ \t]+[\"']?(?P<secret>[^\s\"',|>]{4,})")


def pattern_secrets(passage: Passage) -> Iterator[Span]:
    """Yield every place where a rule of the table finds a secret."""
    text, masked = passage.text, passage.masked
    if "secret" in masked and _MANIFEST.search(text):
        for block in pattern("manifest_data").finditer(text):
            for found in _ENTRY.finditer(text, *block.span(2)):
                if MASK not in masked[slice(*found.span("secret"))]:
                    yield Span(*found.span("secret"), "secret")
    for at in sorted(set(_NEEDLES.within(masked, passage.grams))):
        one = RULES[at]
        is_part = "secret" in one.form.groupindex
        for found in one.form.finditer(text):
            start, end = found.span("secret" if is_part else 0)
            stands_in = is_part and values.is_placeholder(masked[start:end])
            is_one = not one.is_random or values.looks_random(text[start:end])
            if is_one and not stands_in and MASK not in masked[start:end]:
                yield Span(start, end, one.kind)


_SHORTEST, _SHORTEST_BARE = 6, 16
_MOST_TOKENS, _MOST_STARTS = 200, 30
_TOKEN = pattern("token")
_LOGIN = re.compile(rf"[%!/:-]{{0,2}}(?:{pattern('login').pattern})", re.IGNORECASE)
_WORDY = re.compile(r"[^\W\d_]+\d{0,4}")


class TypedKey(NamedTuple):
    """Why a text is taken for a key that was typed, and not for a question."""

    is_named: bool  # as a key or a login by a word, and not only by its looks
    places: list[Place]  # of what may be the key, in the text


def typed_key(
    text: str, by_hand: bool = False, flags: Container[str] = ()
) -> TypedKey | None:
    """Return where in `text` a key was typed in place of a question; None if none was.

    It holds nothing but words that lead to a key, and the key. Where `--` says that it
    is a question, `by_hand`, only what looks like a key behind a word for one is. None
    of `flags` is a key.

    >>> typed_key("login 4f9a77b0c1").places, typed_key("login fails with 403, why?")
    ([(6, 16)], None)
    """
    found = islice(_TOKEN.finditer(text), _MOST_TOKENS)
    tokens = [one for one in found if one[0][0] != "#" and one[0] not in flags]
    is_login = _is_login(tokens)
    is_named = is_login or any(_names_key(one[0]) for one in tokens)
    may_be_asked = by_hand or "?" in text
    # A word that leads to a key is none.
    telling = [one for one in tokens if one[0].lower() not in words("leading")]
    others = [one for one in telling if not _names_key(one[0])]
    made = [one for one in others if _looks_made(one[0])]
    keys = made if is_named or not by_hand else []
    if is_named and (is_login or not by_hand):
        keys = [one for one in others if looks_like_key(one[0])]
        if may_be_asked:
            keys = [one for one in keys if not _WORDY.fullmatch(one[0])]
    if not others or len(keys) < len(others):
        are_groups = others and all(re.search(r"\d", one[0]) for one in others)
        is_alone = not may_be_asked and (len(tokens) == len(telling) == 2 or are_groups)
        if not is_login or by_hand or not (made or is_alone):
            return None
        is_named, keys = True, made or others
    return TypedKey(is_named, [one.span() for one in keys])


def typed_secrets(passage: Passage) -> Iterator[Span]:
    """Yield the places of keys that cells have typed behind `%nemotron`."""
    text, masked = passage.text, passage.masked
    for call in pattern("call").finditer(text) if "nemotron" in masked else ():
        start, end = call.span("line")
        if text[: call.start()].endswith("%"):
            below = text.find("\n\n", end)
            end = len(text) if below < 0 else below
        for at in (start + one for one in _starts(text[start:end])):
            if found := typed_key(text[at:end]):
                for first, last in found.places:
                    if MASK not in masked[at + first : at + last]:
                        yield Span(at + first, at + last, "key")
                break


def looks_like_key(token: str) -> bool:
    """Return whether a token may be a key, where a word before it names one."""
    if len(token) < _SHORTEST or values.is_placeholder(token.lower()):
        return False
    is_mixed = re.search(r"\d", token) and re.search(r"[^\W\d]", token)
    return bool(is_mixed) or _looks_made(token)


def _starts(typed: str) -> Iterator[int]:
    """Return where a form may begin: behind flags, or at a word that names a key."""
    tokens = list(islice(_TOKEN.finditer(typed), _MOST_STARTS))
    is_behind_flags, may_be_value = True, False
    for number, one in enumerate(tokens):
        if is_behind_flags or _is_login(tokens[number:]) or _names_key(one[0]):
            yield one.start()
        is_flag = one[0].startswith("-")
        is_behind_flags = is_behind_flags and (is_flag or may_be_value)
        may_be_value = is_flag


def _is_login(tokens: list[re.Match[str]]) -> bool:
    first, pair = tokens[0][0] if tokens else "", " ".join(one[0] for one in tokens[:2])
    return bool(_LOGIN.fullmatch(first) or pattern("parted_login").fullmatch(pair))


def _names_key(token: str) -> bool:
    is_telling = values.told_by(token) is not None and not _looks_made(token)
    return is_telling or bool(_LOGIN.fullmatch(token))


def _looks_made(token: str) -> bool:
    """Return whether a token was made by a machine, whatever stands around it."""
    if _SERVICE.fullmatch(token):
        return True
    # Letters of both cases, or letters and digits.
    kinds = (re.search(kind, token) for kind in ("[a-z]", "[A-Z]", r"\d"))
    return sum(map(bool, kinds)) > 1 and values.looks_random(token, _SHORTEST_BARE)
