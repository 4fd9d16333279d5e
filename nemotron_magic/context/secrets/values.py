"""What a secret value looks like, and which names say that theirs is one."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum
from functools import cache, cached_property, lru_cache
from itertools import chain, pairwise
from typing import Generic, NamedTuple, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

from nemotron_magic.context.secrets import pattern, sections, words

# What stands for a placeholder while rules look at the text: no rule takes it for a
# part of a secret, so that nothing is redacted twice.
MASK = "\ue000"
_OPENING = "[redacted:"
_PLACEHOLDER = re.compile(r"\[redacted:[a-z0-9-]{1,40}\]")
_THREE = re.compile("...", re.DOTALL)
_T = TypeVar("_T")


class Needles(Generic[_T]):
    """Finds which of many needles a text has, in one pass however many they are."""

    def __init__(self, needles: Iterable[tuple[str, _T]]) -> None:
        self._found: dict[str, list[tuple[str, _T]]] = {}
        for needle, of_it in needles:
            start = needle[:3] if len(needle) > 2 else needle[:1]
            self._found.setdefault(start, []).append((needle, of_it))
        self._starts = frozenset(self._found)

    def within(self, text: str, grams: set[str]) -> Iterator[_T]:
        """Yield what belongs to each needle in a text that has these `grams`."""
        for start in self._starts & grams:
            for needle, of_it in self._found[start]:
                if needle in text:
                    yield of_it


Place: TypeAlias = tuple[int, int]
"""Where something starts in a text, and where it has ended."""


class Span(NamedTuple):
    """A place in a text, from `start` to before `end`, and what stands there."""

    start: int
    end: int
    kind: str


def placeholder(kind: str) -> str:
    """Return what stands in a secret's place."""
    return f"{_OPENING}{kind}]"


def lower(text: str) -> str:
    """Return `text` in small letters, as long as it was, each by itself."""
    return text.replace("\u0130", "I").replace("Σ", "σ").lower()


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that overlap as one; the first named wins."""
    found: list[tuple[int, Span]] = []
    for rank, span in sorted(enumerate(spans), key=lambda one: (one[1].start, one[0])):
        if found and span.start < found[-1][1].end:
            last_rank, last = found.pop()
            rank, first = min((last_rank, last), (rank, span))
            span = first._replace(start=last.start, end=max(last.end, span.end))
        found.append((rank, span))
    return [span for _, span in found]


def replace_spans(text: str, spans: Iterable[Span]) -> str:
    """Return `text` with a placeholder for each span; they are in order and apart."""
    edits = ((one.start, one.end, placeholder(one.kind)) for one in spans)
    return Passage(text).edited(edits).text


class Passage:
    """A text that is searched, maybe made of pieces of another."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lowered = lower(text)
        self.masked = _PLACEHOLDER.sub(lambda one: MASK * len(one[0]), self.lowered)
        # Where each piece starts in this text, and in the one beneath.
        self._beneath: Passage | None = None
        self._starts, self._places = [0], [0]

    @cached_property
    def grams(self) -> set[str]:
        """Each character of the text and each three in a row; maybe others as well."""
        text, of = self.lowered, _THREE.findall
        if self._beneath is None:
            return {*of(text), *of(text, 1), *of(text, 2), *text}
        places = (max(0, at - back) for at in self._starts for back in (1, 2))
        return self._beneath.grams.union((text[at : at + 3] for at in places), text)

    @cached_property
    def names(self) -> list[int]:
        """The places where telling names may stand."""
        found = _KEYWORDS.within(self.masked, self.grams)
        return sorted(at.start() for form in found for at in form.finditer(self.masked))

    def edited(self, edits: Iterable[tuple[int, int, str]]) -> Passage:
        """Return the passage with other texts in some places, which are in order."""
        pieces, starts, places = list[str](), [0], [0]
        length = at = 0
        for start, end, instead in chain(edits, [(len(self.text), 0, "")]):
            for piece, place in ((self.text[at:start], at), (instead, start)):
                if piece:
                    starts.append(length)
                    places.append(place)
                    pieces.append(piece)
                    length += len(piece)
            at = end
        whole = Passage("".join(pieces))
        whole._beneath, whole._starts, whole._places = self, starts, places
        return whole

    def back(self, span: Span) -> Span:
        """Return a span of this text as one of the text that all is made of."""
        if self._beneath is None:
            return span
        start, last = map(self._place, (span.start, span.end - 1))
        return self._beneath.back(span._replace(start=start, end=last + 1))

    def _place(self, at: int) -> int:
        piece = bisect_right(self._starts, at) - 1
        return self._places[piece] + at - self._starts[piece]


class Strength(Enum):
    """How sure the name alone makes us that its value is a secret."""

    PASSWORD = 3  # any value but a placeholder
    SECRET = 2  # a value that is no word
    HINT = 1  # a value that looks random, and is no plain identifier


_STAND_INS = words("stand_ins")
_NO_PASSWORDS = words("states") | _STAND_INS
_CODE = pattern("code")
_IDENTIFIER = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*\.?$")
_PLACE = pattern("places")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PATH = re.compile(r"/|\\\\?[A-Za-z{]")


def is_placeholder(value: str) -> bool:
    """Return whether a value in small letters stands in the place of a secret."""
    value = value.strip("\"' ")
    return value in _STAND_INS or bool(pattern("stand_in_forms").fullmatch(value))


def looks_random(value: str, shortest: int = 12) -> bool:
    """Return whether a value looks made by a machine: letters and digits all mixed.

    >>> looks_random("k3Jx0pQz81LmW"), looks_random("all-MiniLM-L6-v2-2024")
    (True, False)
    """
    if len(value) < shortest or not re.fullmatch(r"[\w+/=.~:%-]+", value, re.ASCII):
        return False
    segments = re.findall(r"[A-Za-z0-9]+", value)
    is_wordy = pattern("wordy").fullmatch
    mixed = sum(len(one) for one in segments if not is_wordy(one))
    return mixed >= max(8, len(value) // 3)


def is_word(value: str) -> bool:
    """Return whether a value is one word that may be a password."""
    is_one = len(value) >= 4 and value.isalnum() and value == value.lower()
    return is_one and not value.isdigit() and value not in _NO_PASSWORDS


def is_odd(value: str) -> bool:
    """Return whether a value has a digit or sign among letters."""
    return any(map(str.isalpha, value)) and bool(re.search(r"\d|[^\w\s.,:'-]", value))


def is_secret(
    value: str, strength: Strength, *, bare: bool = False, code: bool = False
) -> bool:
    """Return whether a value, `bare` of quotes and maybe an expression, is a secret."""
    if value.startswith(("https://", "http://")):
        # Who knows the address of a webhook may do what it is for.
        parts = value.split("/")[3:] if strength is Strength.SECRET else ()
        return any(looks_random(part, 16) for part in parts)
    is_other = _OPENING in value or (bare and _CODE.match(value))
    if is_other or not _may_be_secret(value, strength, bare):
        return False
    if bare and code and _IDENTIFIER.match(value):
        return "." not in value and looks_random(value, 16)
    return not is_placeholder(value.lower())


def _may_be_secret(value: str, strength: Strength, bare: bool) -> bool:
    parts = value.split() if " " in value else ()
    if strength is Strength.HINT:
        is_other = _UUID.fullmatch(value) or _PLACE.fullmatch(value)
        return looks_random(value, 16) and not is_other
    if strength is Strength.PASSWORD:
        if not parts:
            return len(value) >= (4 if not bare else 6 if is_odd(value) else 12)
        are_words = all(one.islower() and one.isalpha() for one in parts)
        if are_words and len(parts) >= 4:
            return words("sentence").isdisjoint(parts)
        return len(parts) == 2 and is_odd(value)
    if parts or len(value) < 8:
        return False
    if looks_random(value) or (is_odd(value) and re.search(r"[!@#$%^&*?]", value)):
        return True
    return not bare and (is_odd(value) or len(value) >= 20) and not _PATH.search(value)


def is_set_secret(value: str, strength: Strength) -> bool:
    """Return whether a value that an environment variable is set to is a secret."""
    if "." in value or value.isupper() or _CODE.match(value):
        return False  # an expression of a program that writes its constants so
    return is_secret(value, Strength.SECRET if strength is Strength.HINT else strength)


_FORMS = {word: word.replace("_", "[ _-]?") for word in words("keyword")}
_FORMS |= {word: f"(?<![a-z]){word}(?![a-z])" for word in words("keyword_alone")}
KEYWORD = rf"(?:{'|'.join(sorted(_FORMS.values(), reverse=True))})"
"""Where a telling name may stand in a text of small letters, to be judged by itself."""
_KEYWORDS = Needles(
    (max(word.split("_"), key=len), re.compile(form)) for word, form in _FORMS.items()
)

# On the words of a name in small letters, without accents, underscores between them.
_NAMES = {strength: pattern(strength.name.lower()) for strength in Strength}
_ASIDE = words("aside")
_ACCENTS = re.compile(r"(?<=[A-Za-z])[\u0300-\u036f]+")
# Names that stand for a password as often as for a width, a key or a pin of a chip.
_SHORT = {"pw", "pwd", "pin", "pass", "clave", "claves", "mdp"}


@cache
def _things() -> frozenset[str]:
    found = sections("nemotron_magic.context", "vocabulary.txt")
    names = ("things", "labels", "statistics", "generic")
    return frozenset(" ".join(found[name] for name in names).split())


class Telling(NamedTuple):
    """A name that tells, and how much."""

    name: str
    strength: Strength
    kind: str

    @property
    def is_password(self) -> bool:
        """Whether the name is that of a password."""
        return self.strength is Strength.PASSWORD

    def announces(self, value: str) -> bool:
        """Return whether a value that is written out is the secret of this name."""
        return is_secret(value, self.strength) and not self.names_thing(value)

    def names_thing(self, value: str) -> bool:
        """Return whether a value is of a short name's other meaning: `plant_width`."""
        if self.name.lower() not in _SHORT or "_" not in value:
            return False
        return _things().issuperset(re.sub(r"_\d\d?$", "", value).split("_"))

    def passes_over(self, name: object) -> bool:
        """Return whether a part of this name is no secret, as a user's name is none."""
        words = words_of(name) if type(name) is str else []
        return not self.is_password and not _ASIDE.isdisjoint(words[-1:])


def without_accents(text: str) -> str:
    """Return the text without the accents of Latin letters."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart))


def words_of(name: str) -> list[str]:
    """Return the words of a name in small letters, without digits and accents.

    >>> words_of("myAPIKey_2"), words_of("Contraseñas")
    (['my', 'api', 'key'], ['contrasenas'])
    """
    parts = pattern("edges").split(without_accents(name))
    return [part.casefold() for part in parts if part]


@lru_cache(maxsize=8192)
def told_by(name: str) -> Telling | None:
    """Return what a name, in any style, says about its value; None if nothing."""
    parts = words_of(name[:200])
    joined = "_".join(parts)
    is_kept = pattern("not_aside").search(joined) or _ASIDE.isdisjoint(parts[-1:])
    is_ordinary = not is_kept or pattern("ordinary").search(joined)
    for strength, form in () if is_ordinary else _NAMES.items():
        if form.search(joined):
            kinds = ["password"] * (strength is Strength.PASSWORD)
            kinds += [one for one in ("token", "secret", "key") if one in joined]
            return Telling(name, strength, [*kinds, "credential"][0])
    return None


def strength_of(name: str) -> Strength | None:
    """Return how much a name says about its value; None if nothing."""
    telling = told_by(name)
    return telling and telling.strength


_LONGEST_VALUE = 20_000


def is_live_secret(value: str, strength: Strength) -> bool:
    """Return whether a variable with a name of this strength holds a secret."""
    is_password = strength is Strength.PASSWORD
    plain = value.strip("\"' ")
    if plain.startswith(tuple("<{[$%#(")):
        stands_in = pattern("enclosed").fullmatch(plain) is not None
    else:
        is_mixed = re.search("[a-z][A-Z]|[A-Z]{2}[a-z]", plain)
        stands_in = is_placeholder(plain.lower()) and not is_mixed
    if stands_in or len(value.strip()) < (4 if is_password else 8):
        return False
    if is_password or _PLACE.fullmatch(value):
        return is_password
    return strength is Strength.SECRET or not _is_plain(value)


def _is_plain(value: str) -> bool:
    """Return whether a value is a date, a number, or words as people write them."""
    if pattern("figure").fullmatch(value):
        return True
    is_unspoken = pattern("unspoken").search(value.lower())
    if pattern("titled").fullmatch(value) and not is_unspoken:
        return True
    if len(value) < 10 or re.fullmatch(r"[\da-f-]*|[\dA-F-]*", value):
        return False
    # Words and figures in one, as in `SalesPerRegion2`.
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", value)
    spoken = sum(len(one) for one in parts if _is_spoken(one.lower()))
    figures = sum(len(one) for one in parts if one.isdigit())
    return 6 <= spoken >= 3 * (sum(map(len, parts)) - spoken - figures) + figures


def _is_spoken(word: str) -> bool:
    """Return whether a word of three letters or more reads like one."""
    has_vowel, pairs = re.search("[aeiouy]", word), map("".join, pairwise(word))
    return len(word) > 2 and bool(has_vowel) and words("spoken").issuperset(pairs)


def secrets_in(telling: Telling | None, value: str) -> Iterator[str]:
    """Yield what is secret in the value of a name: it, a part of it, or nothing."""
    value = value.strip()
    is_password = telling is not None and telling.is_password
    if "://" in value and not is_password:
        with suppress(ValueError):
            password = urlsplit(value).password or ""
            yield from {password, unquote(password)} - {""}
        if telling and re.search("dsn|webhook|conn", telling.name.lower()):
            yield value  # who knows such an address needs no password
    elif telling and len(value) <= _LONGEST_VALUE:
        is_one = is_live_secret(value, telling.strength)
        yield from [value] * (is_one and not telling.names_thing(value))
    if telling and not is_password:
        parts = value[:_LONGEST_VALUE].split()
        yield from (one for one in parts[1:] and parts if looks_random(one))
