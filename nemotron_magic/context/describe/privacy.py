"""Which columns and values are personal, and which are a vocabulary."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from nemotron_magic.context.secrets import sections, values
from nemotron_magic.context.secrets.values import Strength, words_of

HIDDEN = "looks personal: no values shown"
MOST_VALUES = 12  # a column of more is no vocabulary
LEAST_SEEN = 3  # a value that fewer rows have may reveal one of them
_LONGEST = 40
_LONGEST_LOOKED_AT = 400  # blanks among them
_LONGEST_TOLD = 20_000

# Words in lower case, without accents.
_SECTIONS = sections("nemotron_magic.context", "vocabulary.txt")
WORDS = {name: frozenset(text.split()) for name, text in _SECTIONS.items()}

# Values that belong to a known vocabulary.
_KNOWN = ("calendar", "places", "qualities", "goods")
_KNOWN_WORDS = frozenset[str]().union(*(WORDS[n] for n in _KNOWN)) - WORDS["not_known"]
_KNOWN_PHRASES = {" ".join(p.split()) for p in _SECTIONS["known_phrases"].split(",")}

# Words of which names of columns, settings and titles are made.
_LABELS = ("things", "people", "sensitive", "pay", "identity", "names", "labels")
_ORDINARY = (*(WORDS[name] for name in _LABELS), " ".join(_KNOWN_PHRASES).split())
ORDINARY_WORDS = _KNOWN_WORDS.union(*_ORDINARY, WORDS["software"])
ORDINARY_WORDS -= WORDS["not_ordinary"]
# Common names of people that are no ordinary words or places as well.
FIRST_NAMES = WORDS["first_names"] - _KNOWN_WORDS

_PEOPLE_STEMS = tuple(WORDS["people_stems"])
_THING_SIGNS = tuple(WORDS["thing_signs"])


def _fold(text: str) -> str:
    return values.without_accents(text).casefold()


def own_name(path: str) -> str:
    """Return the name at the last step of a path."""
    if path.isidentifier():
        return path
    steps: list[tuple[str, str]] = LOOKS["step"].findall(path)
    return (steps[-1][0] or steps[-1][1]) if steps else path


@lru_cache(2_000)
def is_personal(label: str) -> bool:
    """Return whether the name of a column or field speaks of a person or a secret.

    >>> [is_personal(one) for one in ("customerId", "E-Mail", "width", "product_name")]
    [True, True, False, False]
    """
    if values.strength_of(label) in (Strength.PASSWORD, Strength.SECRET):
        return True
    if any(sign in label for sign in WORDS["sensitive_signs"]):
        return True
    words = words_of(label)
    if not words or _is_count(words):
        return False
    if _are_sensitive(words):
        return True
    if not WORDS["identity"].isdisjoint(words) and words[-1] not in WORDS["types"]:
        return True
    if len(words) > 1 and words[-1] in WORDS["kinds_of_people"]:
        return False
    return (
        any(_is_person(word) or word in WORDS["pay"] for word in words)
        or shows("_".join(words), "glued")
        or (len(words) == 1 and words[0] in WORDS["alone"])
        # A name that is not said of what, as in `product_name`.
        or (
            not WORDS["names"].isdisjoint(words)
            and (WORDS["names"] | WORDS["generic"]).issuperset(words)
        )
    )


def _are_sensitive(words: Iterable[str]) -> bool:
    """Return whether one of the words is of health, belief or the like."""
    sensitive, stems = WORDS["sensitive"], tuple(WORDS["sensitive_stems"])
    return any(one in sensitive or one.startswith(stems) for one in words)


def _is_count(words: list[str]) -> bool:
    """Return whether the name is that of a number of things, or of an average."""
    if not WORDS["pay"].isdisjoint(words):
        return not WORDS["averages"].isdisjoint(words)
    if len(words) == 1 or "blood" in words:
        return False
    is_plural = "of" in words or words[-1].endswith("s")
    many = words[0] in WORDS["counts_of_many"] and is_plural
    return many or not WORDS["counts"].isdisjoint(words)


def _is_person(word: str) -> bool:
    is_stem = word.startswith(_PEOPLE_STEMS) and not word.endswith("ship")
    return word in WORDS["people"] or is_stem


@lru_cache(2_000)
def _is_thing(label: str) -> bool:
    """Return whether the name is that of a product, a region, a status and the like."""
    words = words_of(label)
    if not words or is_personal(label):
        return False
    return (
        not WORDS["names"].isdisjoint(words)
        or words[-1] in WORDS["things"]
        or (words[0] in WORDS["things"] and ORDINARY_WORDS.issuperset(words))
        or label.strip().endswith(_THING_SIGNS)
    )


_LOOKS = sections("nemotron_magic.context", "looks.txt")
LOOKS = {name: re.compile(text.replace("\n", "")) for name, text in _LOOKS.items()}
_TECHNICAL = ("common", "starts", "terms", "statistics")
_CONTACTS = ("contact", "honorific", "street")
_MOST_DIGITS = 6


def _parts(text: str) -> list[str]:
    return [_fold(part) for part in LOOKS["part"].findall(text)]


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _is_known(text: str) -> bool:
    """Return whether a value belongs to a known vocabulary, or is a code or a size."""
    plain = " ".join(text.split())
    folded = _fold(plain)
    if len(plain) > _LONGEST:
        return False
    if not plain or folded in _KNOWN_WORDS or folded in _KNOWN_PHRASES:
        return True
    if folded in FIRST_NAMES or _digits(plain) > _MOST_DIGITS:
        return False
    if not any(map(str.isalnum, plain)):
        return len(plain) < 4
    is_code = bool(LOOKS["code"].fullmatch(plain) or LOOKS["number"].fullmatch(plain))
    return is_code and FIRST_NAMES.isdisjoint(LOOKS["letters"].findall(folded))


def _is_ordinary(text: str) -> bool:
    return ORDINARY_WORDS.issuperset(_parts(text))


def _is_plain(text: str, is_of_thing: bool) -> bool:
    """Return whether a value looks like no name and no prose."""
    plain = " ".join(text.split())
    if _is_known(plain):
        return True
    if len(plain) > _LONGEST or _has_name(_parts(plain)):
        return False
    if plain.islower() and LOOKS["one_word"].fullmatch(plain):
        return True
    words = LOOKS["letters"].findall(plain)
    is_contact = shows(plain, *_CONTACTS) or _digits(plain) > _MOST_DIGITS
    if not is_of_thing or not 0 < len(words) < 7 or is_contact or "," in plain:
        return False
    capital = [
        word
        for word in words
        if _fold(word) not in ORDINARY_WORDS and not LOOKS["roman"].fullmatch(word)
        if not word.islower()
    ]
    # Two capital words that nobody knows are a name; so is one beside a name's dot.
    is_alone = capital == words[:1] and all(map(str.islower, words[1:]))
    is_one = is_alone and "." not in plain
    return not (any(map(LOOKS["odd_name"].match, words)) or (capital and not is_one))


def _has_name(words: Iterable[str]) -> bool:
    """Return whether a common name is among words, or a login such as `jsmith`."""
    return any(
        word in FIRST_NAMES
        or (word[:2] in ("o'", "o’") and word[2:] != "clock")
        or (word[1:] in FIRST_NAMES and len(word) > 4 and word not in ORDINARY_WORDS)
        for word in words
    )


def shows(text: str, *looks: str) -> bool:
    """Return whether something of one of these looks is in a text."""
    return any(LOOKS[name].search(text) for name in looks)


def _share_a_stem(texts: Collection[str]) -> bool:
    """Return whether texts differ in a number at most: `group 1`, `group 2`."""
    found = map(LOOKS["stem"].fullmatch, texts)
    stems = {match[1] if match else "" for match in found}
    is_named = _has_name(map(_fold, stems))
    return len(texts) > 1 and len(stems) == 1 and stems != {""} and not is_named


def are_few(different: int, cells: int, least: int = LEAST_SEEN) -> bool:
    """Return whether cells have few different values, each `least` times or more."""
    return 0 < different <= min(MOST_VALUES, cells // least)


def is_vocabulary(counted: Mapping[str, int], label: str = "") -> bool:
    """Return whether the values of a column may be shown, by its name and their looks.

    Few values that repeat are a vocabulary, if none looks like a name or like prose.
    Where they do not repeat, they must be ordinary words or codes, or the name that of
    a vocabulary.
    """
    if not counted or is_personal(label) or max(map(len, counted)) > _LONGEST_LOOKED_AT:
        return False
    if _share_a_stem(counted):
        return True
    is_of_thing = _is_thing(label)
    if is_of_thing or are_few(len(counted), sum(counted.values())):
        return all(_is_plain(one, is_of_thing) for one in counted)
    are_sensitive = [_are_sensitive(_parts(one)) for one in counted]
    return 2 * sum(are_sensitive) < len(counted) and all(
        _is_known(one)
        # More than single letters, as a random text would be.
        or (
            (_digits(one) < 3 and max(map(len, words_of(one)), default=0) > 2)
            and _is_field(one, must_be_known=True)
        )
        for one in counted
    )


def is_field_value(text: str, label: str) -> bool:
    """Return whether the one text that a field of a record holds may be shown."""
    if is_personal(label) or len(text) > _LONGEST_LOOKED_AT:
        return False
    is_of_thing = _is_thing(label)
    if _is_plain(text, is_of_thing):
        return True
    if len(text) > 2 * _LONGEST or not LOOKS["token"].fullmatch(text):
        return False
    parts = LOOKS["letters"].findall(text)
    is_number = _digits(text) > _MOST_DIGITS or shows(text, "contact")
    is_named = is_of_thing or not ORDINARY_WORDS.isdisjoint(parts)
    return is_named and not (is_number or _has_name(parts))


def are_keys(keys: Collection[str], are_alike: bool) -> bool:
    """Return whether keys are names of fields; of values alike, known words."""
    if max(map(len, keys), default=0) > _LONGEST_LOOKED_AT:
        return False
    if _share_a_stem(keys):
        return True
    closed = [key for key in keys if not (_is_known(key) or _is_field(key, are_alike))]
    if are_alike or 2 * len(closed) > len(keys):
        return not closed
    return all(
        one.isidentifier() and one.isascii() and _is_nobody(one) for one in closed
    )


def _is_nobody(key: str) -> bool:
    """Return whether no name of a person and no number of one is in a key."""
    is_short = len(key) <= _LONGEST and _digits(key) < _MOST_DIGITS
    return is_short and not _has_name(words_of(key))


def _is_field(key: str, must_be_known: bool) -> bool:
    """Return whether a key may name a field: `Unit Price`, `min_samples_leaf`."""
    words = words_of(key)
    if not words or not _is_nobody(key):
        return False
    may_be_short = key.isidentifier() and key.isascii()
    if all(
        word in ORDINARY_WORDS
        or (key.islower() and word in WORDS["common"])
        or (may_be_short and len(word) < 3)
        for word in words
    ):
        return True
    # Not `customer_quimby`.
    is_named = not (ORDINARY_WORDS.isdisjoint(words) or any(map(_is_person, words)))
    is_field = key.isidentifier() and key[:1].islower()
    return is_field and (is_named or not must_be_known)


def tells_of_person(text: str) -> bool:
    """Return whether a text looks like a person's name, address or number.

    >>> tells_of_person("We met Quimby."), tells_of_person("Trained on iris")
    (True, False)
    """
    if len(text) > _LONGEST_TOLD or shows(text, *_CONTACTS) or _has_name(_parts(text)):
        return True
    pairs = (pair for pair in LOOKS["pair"].findall(text) if pair[1][0].isupper())
    before = WORDS["before_things"]
    amid = ([name] for word, name in LOOKS["amid"].findall(text) if word not in before)
    if _has_initials(text) or any(map(_are_unknown, chain(pairs, amid))):
        return True
    if not text.isascii() and any(
        map(LOOKS["odd_name"].match, LOOKS["letters"].findall(text))
    ):
        return True
    listed = [part for part in map(str.strip, LOOKS["between"].split(text)) if part]
    return bool(listed) and 2 * sum(map(_is_bare_name, listed)) >= len(listed)


def _has_initials(text: str) -> bool:
    """Return whether initials with dots stand before a word that nobody knows."""
    names = map(_fold, LOOKS["initials"].findall(text))
    return not ORDINARY_WORDS.issuperset(names)


def is_harmless_line(line: str, code: Collection[str]) -> bool:
    """Return whether every word of a line is ordinary or, in small letters, of code."""
    # What `name=` and `name(` call is code, too.
    words = map(_fold, LOOKS["letters"].findall(LOOKS["parameter"].sub(" ", line)))
    return not shows(line, "honorific", "street", "number_of_person") and all(
        len(word) < 3
        or word in code
        or word in ORDINARY_WORDS
        or any(word in WORDS[name] for name in _TECHNICAL)
        for word in words
    )


def _are_unknown(words: Sequence[str]) -> bool:
    """Return whether words with a capital are in no list of ordinary ones."""
    parts = [part for word in words for part in _parts(word)]
    is_known = any(part in ORDINARY_WORDS or part in WORDS["starts"] for part in parts)
    return words[0][0].isupper() and not is_known


def _is_bare_name(text: str) -> bool:
    """Return whether a text is one to three words as those of a name are written."""
    # Vowels and tones that stand on other letters are no letters of their own.
    plain = "".join(one for one in text if unicodedata.category(one)[0] != "M")
    words = [word for word in re.split(r",? ", plain) if word not in WORDS["particles"]]
    if len(words) > 3 or len(text) > _LONGEST or _is_known(text):
        return False
    if not words or any(one.islower() or LOOKS["camel"].match(one) for one in words):
        return False
    return all(map(LOOKS["name"].fullmatch, words)) and not _is_ordinary(text)


def safe_labels(labels: Collection[str], are_alike: bool) -> list[str]:
    """Return the names of columns, without those that are people themselves.

    Where a table was turned, its columns are alike and most are people: then those are
    hidden, too, that may be one by their looks alone.
    """
    parts = {label: _parts(label) for label in labels}
    hidden = {label for label in parts if _is_surely_person(label, parts[label])}
    unknown = (one for one in parts if ORDINARY_WORDS.isdisjoint(parts[one]))
    suspects = set(filter(_is_bare_name, unknown))
    is_turned = are_alike and 4 * len(hidden | suspects) >= 3 * len(parts)
    if is_turned and (hidden or any(len(words) > 1 for words in parts.values())):
        hidden = {label for label in parts if not _is_ordinary(label)}
    heads = set(map(_head_of_dummy, parts)) - {""}
    shared = Counter(label.rpartition("_")[0] for label in labels)
    shown = []
    for place, label in enumerate(labels, 1):
        head, _, rest = label.rpartition("_")
        is_value = not (_is_known(rest) or _is_ordinary(rest))
        # Columns that begin alike with a word of health or belief are its values:
        # `diagnosis_hiv`, `diagnosis_flu`.
        if shared[head] > 1 and len(rest) > 2 and _are_sensitive(words_of(head)):
            is_value = is_value or _are_sensitive(_parts(rest))
        else:
            is_value = is_value and head in heads
        unmixed = f"{head}_{person(place)}" if is_value else label
        shown.append(person(place) if label in hidden else unmixed)
    return shown


def are_of_people(labels: Sequence[object], names: Sequence[object]) -> bool:
    """Return whether labels, as a pivot's, have been values of columns of people."""
    for level, name in enumerate(names):
        parts = (one[level] if type(one) is tuple else one for one in labels)
        texts = Counter(one for one in parts if type(one) is str)
        if type(name) is str and (
            is_personal(name) or (texts and not is_vocabulary(texts, name))
        ):
            return True
    return False


def person(place: int) -> str:
    """Return what stands for a name of a column that is a person's."""
    return f"(person {place})"


def _is_surely_person(label: str, parts: Sequence[str]) -> bool:
    """Return whether a name of a column is one of a person, whatever stands beside."""
    if shows(label, *_CONTACTS):
        return True
    if any(part in ORDINARY_WORDS and len(part) > 1 for part in parts):
        return False
    return _has_initials(label) or (len(parts) < 4 and _has_name(parts))


def _head_of_dummy(label: str) -> str:
    """Return the column before the person, in a name that `get_dummies` made."""
    head, mark, rest = label.rpartition("_")
    if not mark or not rest or _is_known(rest) or _is_ordinary(rest):
        return ""
    # `field_T. Okonkwo`, `customer_Quimby`, but not `customer_since`.
    is_name = not rest.islower() or _has_name(_parts(rest))
    is_value = not rest.isidentifier() or (is_personal(head) and is_name)
    return head if is_value else ""
