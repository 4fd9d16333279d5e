"""What a secret value looks like, and which names say that theirs is one."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property, lru_cache
from itertools import chain, pairwise
from typing import NamedTuple

from nemotron_magic.context.secrets import Needles, alternatives, sections, words

__all__ = [
    "KEYWORD",
    "MASK",
    "PLACEHOLDER_START",
    "Passage",
    "Span",
    "Strength",
    "Telling",
    "edited",
    "hides",
    "is_odd",
    "is_placeholder",
    "is_secret",
    "is_set_secret",
    "is_telling",
    "is_word",
    "is_written_secret",
    "looks_random",
    "lower",
    "mask_spans",
    "merge_spans",
    "moved",
    "placeholder",
    "replace_spans",
    "strength_of",
    "told_by",
    "words_of",
]


# What stands for a placeholder while rules look at the text: no rule takes it for a
# part of a secret, so that nothing is redacted twice.
MASK = "\ue000"
PLACEHOLDER_START = "[redacted:"
_PLACEHOLDER = re.compile(r"\[redacted:[a-z0-9-]{1,40}\]")


class Span(NamedTuple):
    """A place in a text, from `start` to before `end`, and what stands there."""

    start: int
    end: int
    kind: str
    name: str = ""  # of the environment variable that holds it


def placeholder(kind: str) -> str:
    """Return what stands in a secret's place."""
    return f"{PLACEHOLDER_START}{kind}]"


def lower(text: str) -> str:
    """Return `text` in small letters, as long as it was, each by itself."""
    return text.replace("\u0130", "I").replace("Σ", "σ").lower()


def mask_spans(text: str) -> str:
    """Return `text`, as long as it was, in small letters and without placeholders."""
    lowered = lower(text)
    if PLACEHOLDER_START not in lowered:
        return lowered
    return _PLACEHOLDER.sub(lambda found: MASK * len(found[0]), lowered)


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that overlap as one; the first named wins."""
    ranked = sorted(enumerate(spans), key=lambda one: (one[1].start, one[0]))
    found: list[tuple[int, Span]] = []
    for rank, span in ranked:
        if found and span.start < found[-1][1].end:
            last_rank, last = found[-1]
            first = last if last_rank <= rank else span
            whole = first._replace(start=last.start, end=max(last.end, span.end))
            found[-1] = (min(rank, last_rank), whole)
        else:
            found.append((rank, span))
    return [span for _, span in found]


def replace_spans(text: str, spans: Iterable[Span]) -> str:
    """Return `text` with a placeholder for each span; they are in order and apart."""
    pieces, at = [], 0
    for span in spans:
        pieces += [text[at : span.start], placeholder(span.kind)]
        at = span.end
    return "".join([*pieces, text[at:]])


_THREE = re.compile("...", re.DOTALL)


class Passage:
    """A text that is searched, maybe made of pieces of another."""

    def __init__(
        self,
        text: str,
        starts: Sequence[int] = (0,),
        places: Sequence[int] = (0,),
        beneath: Passage | None = None,
    ) -> None:
        self.text = text
        self.starts = starts  # of each piece in this text
        self.places = places  # and in the other
        self._beneath = beneath

    @cached_property
    def lowered(self) -> str:
        """The text in small letters."""
        return lower(self.text)

    @cached_property
    def masked(self) -> str:
        """The text in small letters and without placeholders."""
        return mask_spans(self.text)

    @cached_property
    def grams(self) -> set[str]:
        """Each character of the text, each three in a row, and maybe others."""
        text, of = self.lowered, _THREE.findall
        if self._beneath is None:
            return {*of(text), *of(text, 1), *of(text, 2), *text}
        places = (max(0, at - back) for at in self.starts for back in (1, 2))
        joints = (text[place : place + 3] for place in places)
        return self._beneath.grams.union(joints, text)

    @cached_property
    def names(self) -> list[int]:
        """The places where telling names may stand."""
        found = _KEYWORDS.within(self.masked, self.grams)
        places = (form.finditer(self.masked) for form in found)
        return sorted(one.start() for one in chain.from_iterable(places))

    def back(self, span: Span) -> Span:
        """Return a span of this text as one of the text that all is made of."""
        if self._beneath is None:
            return span
        start = moved(span.start, self.starts, self.places)
        end = moved(span.end - 1, self.starts, self.places) + 1
        return self._beneath.back(span._replace(start=start, end=end))


def moved(at: int, of: Sequence[int], to: Sequence[int]) -> int:
    """Return a place in one text as that in another, by where their pieces start."""
    piece = bisect_right(of, at) - 1
    return to[piece] + at - of[piece]


def edited(passage: Passage, edits: Iterable[tuple[int, int, str]]) -> Passage:
    """Return a passage with other texts in some places, which are in order."""
    pieces: list[str] = []
    starts, places = [0], [0]
    length = at = 0
    for start, end, instead in chain(edits, [(len(passage.text),) * 2 + ("",)]):
        for piece, place in ((passage.text[at:start], at), (instead, start)):
            if piece:
                starts.append(length)
                places.append(place)
                pieces.append(piece)
                length += len(piece)
        at = end
    return Passage("".join(pieces), starts, places, passage)


class Strength(Enum):
    """How sure the name alone makes us that its value is a secret."""

    PASSWORD = 3  # any value but a placeholder
    SECRET = 2  # a value that is no word
    HINT = 1  # a value that looks random, and is no plain identifier


_STAND_INS = words("stand_ins")
_STAND_IN = re.compile(alternatives("stand_in_forms"))
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
    """Return whether a value in small letters stands in the place of a secret."""
    value = value.strip("\"' ")
    return value in _STAND_INS or bool(_STAND_IN.fullmatch(value))


def looks_random(value: str, shortest: int = 12) -> bool:
    """Return whether a value looks made by a machine: letters and digits all mixed.

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


_STATES = words("states")


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
    if _UUID.fullmatch(value) or _PLACE.fullmatch(value):
        return False
    return looks_random(value, 16)


_JUDGES: dict[Strength, Callable[[str, bool], bool]] = {
    Strength.PASSWORD: _any_password,
    Strength.SECRET: _no_word,
    Strength.HINT: _random,
}


def is_secret(value: str, strength: Strength, *, bare: bool, code: bool) -> bool:
    """Return whether a value is a secret.

    It is `bare` without quotes, and in `code` where a program has an expression: there
    a name is a variable.
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


def is_written_secret(value: str, telling: Telling) -> bool:
    """Return whether a value that is written out is the secret that a name tells of."""
    is_one = is_secret(value, telling.strength, bare=False, code=False)
    return is_one and not telling.names_thing(value)


def _is_secret_url(value: str) -> bool:
    """Return whether who knows an address may do what it is for, as with a webhook."""
    return any(looks_random(part, 16) for part in value.split("/")[3:])


def is_set_secret(value: str, strength: Strength) -> bool:
    """Return whether a value that an environment variable is set to is a secret."""
    if "." in value or value.isupper() or _CALL.match(value):
        return False  # an expression of a program that writes its constants so
    strength = Strength.SECRET if strength is Strength.HINT else strength
    return is_secret(value, strength, bare=False, code=False)


_FORMS = {word: word.replace("_", "[ _-]?") for word in words("keyword")}
_FORMS |= {word: f"(?<![a-z]){word}(?![a-z])" for word in words("keyword_alone")}
KEYWORD = rf"(?:{'|'.join(sorted(_FORMS.values(), reverse=True))})"
"""Where a telling name may stand in a text of small letters, to be judged by itself."""
_KEYWORDS = Needles(
    (max(word.split("_"), key=len), re.compile(form)) for word, form in _FORMS.items()
)

# On the words of a name in small letters, without accents, underscores between them.
_PASSWORD = re.compile(alternatives("password"))
_SECRET = re.compile(
    rf"(?:^|_)(?:{alternatives('owners')})_?(?:key|token)s?(?:_|$)"
    rf"|{alternatives('secret')}"
)
_HINT = re.compile(alternatives("hint"))
_ORDINARY = re.compile(alternatives("ordinary"))
_ASIDE = words("aside")
_NOT_ASIDE = re.compile(
    r"(?:session|access_key|private_key|cookie)_ids?$|pass_(?:words?|phrase)$"
)
_EDGES = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[а-яё])(?=[А-ЯЁ])|[\W_\d]+"
)
_ACCENTS = re.compile("[\u0300-\u036f]")

_SHORTEST_PASSWORD = 4
_SHORTEST = 8
_UNSPOKEN = re.compile(alternatives("unspoken"))
_SPOKEN = words("spoken")
_NO_VOWEL = re.compile("[^aeiouy]*")
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_HEX = re.compile(r"[\da-f-]*|[\dA-F-]*")
_SHORTEST_COMPOSED = 10
_PLACE = re.compile(alternatives("places"))
_FIGURE = re.compile(
    r"[-+]?\d+[.,]\d+(?:e[-+]?\d+)?|\d\d?:\d\d(?::\d\d)?(?:\.\d+)?"
    r"|(?:19|20)\d\d[-/.]\d\d?(?:[-/.]\d\d?)?(?:[T ].*)?|\d\d?[./]\d\d?[./]\d{4}"
)
_TITLED = re.compile(
    r"[^\W\d_]?[^\W\d_A-Z]*(?:[ _-][^\W\d_]?[^\W\d_A-Z]*)*|[A-Z]+(?:[ _-][A-Z]+)*"
)
_OPENING = tuple("<{[$%#(")
_ENCLOSED = re.compile(
    r"<[\w .:-]*>|\{\{?[\w .:'\"-]*\}\}?|\$\{[\w .:-]*\}|%\(?\w*\)?s|\[[a-z: -]*\]"
    r"|\([a-z ]*\)"
)


# Names that stand for a password as often as for a width, a key or a pin of a chip.
_SHORT = {"pw", "pwd", "pin", "pass", "clave", "claves", "mdp"}


@cache
def _of_things() -> frozenset[str]:
    found = sections("nemotron_magic.context", "vocabulary.txt")
    names = ("things", "labels", "statistics", "generic")
    return frozenset(" ".join(map(found.__getitem__, names)).split())


@dataclass(frozen=True, slots=True)
class Telling:
    """A name that tells, and how much."""

    name: str
    strength: Strength
    kind: str

    def names_thing(self, value: str) -> bool:
        """Return whether a value reads as what else so short a name may stand for.

        As in `pw = "plant_width"`: all its words are those of columns and things.
        """
        words = value.split("_")
        numbered = words[:-1] if words[-1].isdigit() and len(words[-1]) < 3 else words
        is_short = self.name.lower() in _SHORT and len(words) > 1
        return is_short and _of_things().issuperset(numbered)

    def passes_over(self, name: object) -> bool:
        """Return whether a part of this name is no secret, as a user's name is none."""
        if self.strength is Strength.PASSWORD or type(name) is not str:
            return False
        return not _ASIDE.isdisjoint(words_of(name)[-1:])


def words_of(name: str) -> list[str]:
    """Return the words of a name in small letters, without digits and accents.

    >>> words_of("myAPIKey_2"), words_of("Contraseñas")
    (['my', 'api', 'key'], ['contrasenas'])
    """
    plain = name
    if not name.isascii():
        apart = unicodedata.normalize("NFKD", name)
        plain = unicodedata.normalize("NFC", _ACCENTS.sub("", apart))
    return [word.lower() for word in _EDGES.split(plain) if word]


def is_telling(name: str) -> bool:
    """Return whether the value of a variable, field or column is likely a secret."""
    return strength_of(name) is not None


@lru_cache(maxsize=8192)
def strength_of(name: str) -> Strength | None:
    """Return how much a name says about its value; None if it says nothing.

    The name may be written in any style: `db_password`, `apiKeys`, `AUTH-TOKEN`.
    """
    words = words_of(name[:200])
    joined = "_".join(words)
    is_aside = not _ASIDE.isdisjoint(words[-1:]) and not _NOT_ASIDE.search(joined)
    if is_aside or _ORDINARY.search(joined):
        return None
    if _PASSWORD.search(joined):
        return Strength.PASSWORD
    if _SECRET.search(joined):
        return Strength.SECRET
    return Strength.HINT if _HINT.search(joined) else None


@lru_cache(maxsize=8192)
def told_by(name: str) -> Telling | None:
    """Return what a name says about its value; None if nothing."""
    strength = strength_of(name)
    if strength is None:
        return None
    words = "_".join(words_of(name))
    kinds = (one for one in ("token", "secret", "key") if one in words)
    is_password = strength is Strength.PASSWORD
    return Telling(
        name, strength, "password" if is_password else next(kinds, "credential")
    )


def hides(strength: Strength, value: str) -> bool:
    """Return whether a name of this strength makes a secret of the value.

    A password is any text of four characters. What another name holds is one if it has
    eight and, unless the name leaves no doubt, a digit, or small and capital letters.
    """
    shortest = _SHORTEST_PASSWORD if strength is Strength.PASSWORD else _SHORTEST
    if len(value.strip()) < shortest or _stands_in(value):
        return False
    if strength is Strength.PASSWORD:
        return True
    if _PLACE.fullmatch(value):
        return False
    return strength is Strength.SECRET or not _is_plain(value)


def _stands_in(value: str) -> bool:
    """Return whether a value is a placeholder, and not one that only begins so."""
    plain = value.strip("\"' ")
    if plain[:1] in _OPENING:
        return bool(_ENCLOSED.fullmatch(plain))
    return is_placeholder(plain.lower()) and not _is_mixed(plain)


def _is_mixed(value: str) -> bool:
    """Return whether small and capital letters stand in it as in no word."""
    return bool(re.search("[a-z][A-Z]|[A-Z]{2}[a-z]", value))


def _is_plain(value: str) -> bool:
    """Return whether a value is a date, a number, or words as people write them."""
    is_words = _TITLED.fullmatch(value) and not _UNSPOKEN.search(value.lower())
    return bool(is_words or _FIGURE.fullmatch(value)) or _is_composed(value)


def _is_composed(value: str) -> bool:
    """Return whether a value is words and figures in one, as in `SalesPerRegion2`."""
    parts = _PARTS.findall(value)
    words = sum(len(one) for one in parts if _is_spoken(one.lower()))
    figures = sum(len(one) for one in parts if one.isdigit())
    others = sum(map(len, parts)) - words - figures
    is_long = len(value) >= _SHORTEST_COMPOSED
    is_hex = _HEX.fullmatch(value)
    return is_long and not is_hex and 6 <= words >= 3 * others + figures


def _is_spoken(word: str) -> bool:
    """Return whether a word of three letters or more reads like one."""
    is_long = len(word) > 2 and not _NO_VOWEL.fullmatch(word)
    return is_long and all(map(_SPOKEN.__contains__, map("".join, pairwise(word))))
