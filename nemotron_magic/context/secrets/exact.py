"""Secrets whose value is known: found wherever and however they are written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from nemotron_magic.context.secrets import pattern
from nemotron_magic.context.secrets.values import (
    MASK,
    Needles,
    Passage,
    Place,
    Span,
    is_placeholder,
    looks_random,
    lower,
    secrets_in,
    told_by,
)
from nemotron_magic.core.endpoint import SHORTEST_GIVEN, forms_of

_SHORTEST = 8
_LONGEST_WORD = 20
_ANCHOR = 8
_PART = 12  # as much of a value is looked for by itself
_LONGEST_CUT = 500
_NOT_VALUES = pattern("not_values")
# A line break within a wrapped value, with what frames and quotes add to it.
_MARGIN = r" \t\r\"'\\|│>"
_BREAK = re.compile(rf"(?<![{_MARGIN}\n])[{_MARGIN}]*\n[{_MARGIN}\n]*")


def exact_values(
    environ: Mapping[str, str],
    exact: Iterable[str] = (),
    held: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the secrets to look for, each with the kind that it is reported by."""
    found = {one: "key" for one in exact if len(one) >= SHORTEST_GIVEN}
    for name, value in environ.items():
        telling = None if name in ("PWD", "OLDPWD") else told_by(name)
        for secret in secrets_in(telling, value):
            if (telling and telling.is_password) or is_rare(secret):
                found.setdefault(secret, "environment")
    return {**found, **(held or {}), **found}


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


class _Form(NamedTuple):
    """One way in which a known value may be written."""

    rank: int  # of the value: the first names what it shares with others
    needle: str  # that tells where it may stand, and how far that is within it:
    place: int
    text: str
    is_word: bool  # found by itself only, and in this case
    kind: str


class Exact:
    """Known secrets, looked for in every form; short ones only as whole words."""

    __slots__ = ("_needles",)

    def __init__(self, values: Mapping[str, str], given: Collection[str] = ()) -> None:
        forms = chain.from_iterable(
            _forms(rank, value, kind, len(value) < _SHORTEST and value not in given)
            for rank, (value, kind) in enumerate(values.items())
        )
        self._needles = Needles((one.needle, one) for one in forms)

    def secrets(self, passage: Passage) -> Iterator[Span]:
        """Yield every place where one of the values stands, be it cut or wrapped."""
        yield from self._within(passage)
        if "\n" in passage.text:
            breaks = _BREAK.finditer(passage.text)
            joined = passage.edited((*one.span(), "") for one in breaks)
            for span in self._within(joined):
                if span.end - span.start >= _SHORTEST:
                    yield joined.back(span)

    def _within(self, passage: Passage) -> Iterator[Span]:
        text = passage.lowered
        for form in sorted(self._needles.within(text, passage.grams)):
            least = min(len(form.text), max(len(form.needle), _PART))
            at = text.find(form.needle)
            while at >= 0:
                start, end = _run(passage, at, form)
                is_whole = end - start >= least
                if is_whole and passage.masked[start:end].strip(MASK):
                    yield Span(start, end, form.kind)
                at = text.find(form.needle, end if is_whole else at + 1)


def _forms(rank: int, value: str, kind: str, is_word: bool) -> Iterator[_Form]:
    if is_word:  # capitalized, it may be any other word
        forms = {value, repr(value)[1:-1], value.upper()}
    else:
        forms = forms_of(value) | {value.upper(), value.strip()}
    forms |= {value[::-1], " ".join(value)}
    for one in forms if is_word else set(map(lower, forms)):
        if len(one) >= SHORTEST_GIVEN:
            yield _Form(rank, lower(one), 0, one, is_word, kind)
    # So near that each long part of the value, as tables cut it, has a needle.
    is_cuttable = _PART < len(value) <= _LONGEST_CUT and looks_random(value)
    ends = range(_ANCHOR, len(value) + 1, _PART - _ANCHOR + 1) if is_cuttable else ()
    for end in ends:
        needle = lower(value[end - _ANCHOR : end])
        yield _Form(rank, needle, end - _ANCHOR, lower(value), False, kind)


def _run(passage: Passage, at: int, form: _Form) -> Place:
    """Return the place around a needle at which a passage reads like its form."""
    text, place = passage.lowered, form.place
    end, rest = at + len(form.needle), place + len(form.needle)
    if form.is_word:
        is_one = passage.text[at:end] == form.text
        return at, end if is_one and not _is_within_word(text, at, end) else at
    while end < len(text) and rest < len(form.text) and text[end] == form.text[rest]:
        end, rest = end + 1, rest + 1
    while at > 0 and place > 0 and text[at - 1] == form.text[place - 1]:
        at, place = at - 1, place - 1
    return at, end


def _is_within_word(text: str, start: int, end: int) -> bool:
    """Return whether letters or digits go on at either end of a place."""
    around = text[max(0, start - 1) : start + 1], text[end - 1 : end + 1]
    # Scripts without capitals may set no blanks between words.
    return any(
        len(pair) == 2 and all(c.isdigit() or c.lower() != c.upper() for c in pair)
        for pair in around
    )
