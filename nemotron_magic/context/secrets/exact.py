"""Secrets whose value is known: found wherever and however they are written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, KeysView, Mapping
from itertools import chain
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from nemotron_magic.context.secrets.values import (
    MASK,
    Span,
    Strength,
    Telling,
    hides,
    is_placeholder,
    looks_random,
    mask_spans,
    told_by,
)
from nemotron_magic.core.text import _SHORTEST_GIVEN, forms_of

__all__ = [
    "NOTHING",
    "Exact",
    "exact_values",
    "is_rare",
    "secrets_in",
]


NOTHING: Mapping[str, str] = MappingProxyType({})

_SHORTEST = 8
_LONGEST_WORD = 20
_LONGEST = 20_000
_START = 4
_ANCHOR = 8
_PART = 12  # as much of a value is looked for by itself
_LONGEST_CUT = 500
_FEW = 100
_WORKING_FOLDER = re.compile("(?:OLD)?PWD")
_ADDRESSES = re.compile("dsn|webhook|conn")  # that are secrets as a whole

_NOT_VALUES = re.compile(
    r"[~./\\]|[A-Za-z]:[\\/]|[\d.,+-]+$|[\w./\\-]+\.(json|pem|ya?ml|txt|toml|ini|cfg)$"
)
# A line break within a wrapped value, with what frames and quotes add to it.
_MARGIN = " \t\r\"'\\|│>"
_WRAP = r"""[ \t"'\\|│]{0,40}\r?\n[ \t"'|│>]{0,80}"""


def exact_values(
    environ: Mapping[str, str],
    exact: Iterable[str],
    held: Mapping[str, str] = NOTHING,
) -> dict[str, Span]:
    """Return the secrets to look for, each with the kind and name it is reported by."""
    found = {one: Span(0, 0, "key") for one in exact if len(one) >= _SHORTEST_GIVEN}
    for name, value in environ.items():
        telling = None if _WORKING_FOLDER.fullmatch(name) else told_by(name)
        is_password = telling is not None and telling.strength is Strength.PASSWORD
        for secret in secrets_in(telling, value):
            if is_password or is_rare(secret):
                found.setdefault(secret, Span(0, 0, "environment", name))
    for secret, kind in held.items():
        found.setdefault(secret, Span(0, 0, kind))
    return found


def secrets_in(telling: Telling | None, value: str) -> Iterator[str]:
    """Return what is secret in the value of a name: it, a part of it, or nothing."""
    value = value.strip()
    is_password = telling is not None and telling.strength is Strength.PASSWORD
    if "://" in value and not is_password:
        yield from _password_of(value)
        if telling and _ADDRESSES.search(telling.name.lower()):
            yield value
    elif telling and len(value) <= _LONGEST and hides(telling.strength, value):
        yield from () if telling.names_thing(value) else (value,)
    if telling and not is_password:
        words = value[:_LONGEST].split()
        yield from (one for one in words[1:] and words if looks_random(one))


def _password_of(url: str) -> list[str]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return []
    return [password, unquote(password)] if password else []


def is_rare(value: str) -> bool:
    """Return whether a value is rare enough to be redacted wherever it stands."""
    if len(value) < _SHORTEST or is_placeholder(value.lower()):
        return False
    if _NOT_VALUES.match(value) and "://" not in value:
        # A base64 secret may begin with a slash, a path has more of them.
        return len(value) >= 40 and value.count("/") < 4 and "." not in value
    word = value.replace("-", "").replace("_", "")
    is_plain = word.isalpha() and (word[1:].islower() or word.isupper())
    return not (is_plain and len(value) < _LONGEST_WORD)


class Exact:
    """Known secrets, looked for in every form; short ones only as whole words."""

    __slots__ = ("_anchors", "_forms", "_words", "_wrapped")

    def __init__(self, values: Mapping[str, Span], given: Collection[str] = ()) -> None:
        self._wrapped = _by_start(values.items())
        self._anchors: dict[str, list[tuple[str, int, Span]]] = {}
        for value, mark in values.items():
            for at in _anchors_of(value):
                anchor = self._anchors.setdefault(value[at : at + _ANCHOR], [])
                anchor.append((value, at, mark))
        words = (one for one in values if len(one) < _SHORTEST and one not in given)
        short = {word: _forms_of_word(word) for word in words}
        self._words = frozenset(chain.from_iterable(short.values()))
        self._forms = _by_start(
            (form, mark)
            for value, mark in values.items()
            for form in short.get(value) or {*forms_of(value), *_transformed(value)}
        )

    def secrets(self, text: str) -> Iterator[Span]:
        """Return every place where one of the values stands."""
        hidden = mask_spans(text)
        for form, mark in _possible(self._forms, text):
            for at in _found(form, text, len(form)):
                end = at + len(form)
                is_part = form in self._words and _is_within_word(text, at, end)
                if not is_part and hidden[at:end].strip(MASK):
                    yield mark._replace(start=at, end=end)
        if "\n" in text:
            yield from self._broken(text)
        yield from self._cut(text, hidden)

    def _cut(self, text: str, hidden: str) -> Iterator[Span]:
        """Return the places where a long part of a value stands, as tables cut them."""
        for anchor in _there(self._anchors.keys(), text, _ANCHOR):
            for at in _found(anchor, text, 1):
                for value, place, mark in self._anchors[anchor]:
                    start, end = _run(text, at, value, place)
                    if end - start >= _PART and hidden[start:end].strip(MASK):
                        yield mark._replace(start=start, end=end)

    def _broken(self, text: str) -> Iterator[Span]:
        """Return the places where a value is split by line breaks."""
        flat = "".join(line.strip(_MARGIN) for line in text.split("\n"))
        for value, mark in _possible(self._wrapped, flat):
            is_long = len(value) >= _SHORTEST
            if is_long and flat.count(value) > text.count(value):
                letters = f"(?:{_WRAP})?".join(map(re.escape, value))
                for found in re.finditer(letters, text):
                    yield mark._replace(start=found.start(), end=found.end())


def _found(part: str, text: str, step: int) -> Iterator[int]:
    """Yield the places of a part of a text, each so far from the one before."""
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + step)


def _transformed(value: str) -> set[str]:
    """Return a value as the methods of a text change it."""
    forms = {value.upper(), value.lower(), value.swapcase(), value.title()}
    forms |= {value[::-1], " ".join(value), value.strip()}
    return {one for one in forms if len(one) >= _START}


def _forms_of_word(word: str) -> set[str]:
    """Return how a short value is written; capitalized, it may be any other word."""
    return {word, repr(word)[1:-1], word.upper(), word[::-1], " ".join(word)}


def _anchors_of(value: str) -> range:
    """Return places in a value so near that each of its long parts has one."""
    is_cuttable = _PART < len(value) <= _LONGEST_CUT and looks_random(value)
    end = len(value) - _ANCHOR + 1 if is_cuttable else 0
    return range(0, end, _PART - _ANCHOR + 1)


def _run(text: str, at: int, value: str, place: int) -> tuple[int, int]:
    """Return how far a text says the same as a value around a place in both."""
    end, rest = at, place
    while end < len(text) and rest < len(value) and text[end] == value[rest]:
        end, rest = end + 1, rest + 1
    while at > 0 and place > 0 and text[at - 1] == value[place - 1]:
        at, place = at - 1, place - 1
    return at, end


_Forms: TypeAlias = dict[str, list[tuple[str, Span]]]


def _by_start(forms: Iterable[tuple[str, Span]]) -> _Forms:
    found: _Forms = {}
    for form, mark in forms:
        found.setdefault(form[:_START], []).append((form, mark))
    return found


def _possible(forms: _Forms, text: str) -> Iterator[tuple[str, Span]]:
    """Return the forms whose beginning may be in the text."""
    for start in _there(forms.keys(), text, _START):
        yield from forms[start]


def _there(pieces: KeysView[str], text: str, size: int) -> Iterable[str]:
    """Return those of the pieces of this size that may be in the text."""
    if len(pieces) <= _FEW:
        return pieces
    return pieces & {text[at : at + size] for at in range(len(text) - size + 1)}


def _is_within_word(text: str, start: int, end: int) -> bool:
    """Return whether letters or digits go on at either end of a place."""
    around = text[max(0, start - 1) : start + 1], text[end - 1 : end + 1]
    # Scripts without capitals may set no blanks between words.
    return any(
        len(pair) == 2 and all(c.isdigit() or c.lower() != c.upper() for c in pair)
        for pair in around
    )
