"""Names that look like other names, as their letters come from several alphabets."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["warning_of"]

_PARTS = re.compile(r"[\d_]+")
_ALPHABETS = ("ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "GREEK", "LATIN", "LISU")
# Of the letters that mathematics takes from Greek, those that pass for a Latin one.
_LATIN_LOOKING_GREEK = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυικϲϳ")
_LATIN_LOOKING_CYRILLIC = frozenset("АВЕЅІЈКМНОРСТУХӀаеѕіјкорстухԁԛԝһӏɡ")
# A name of these alone is read as Latin; of a single letter in Greek, mathematics has
# its own use.
_LATIN = {
    "CYRILLIC": (
        "АВЕЅІЈКМНОРСТУХӀԚԜаеѕіјорсухԁԛԝһӏ",
        "ABESIJKMHOPCTYXIQWaesijopcyxdqwhl",
    ),
    "GREEK": ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυικϲϳ", "ABEZHIKMNOPTYXavopuikcj"),
    "ARMENIAN": ("ՍՏԼօոսհցզյ", "USLonuhgqj"),
}


def warning_of(name: str) -> str:
    """Say why a name may not be what it looks like; nothing of an ordinary one.

    >>> warning_of("ﬁle"), warning_of("Δx"), warning_of("длина_max")
    ("Python reads the name 'ﬁle' as 'file'", '', '')
    """
    if name.isascii():
        return ""
    read = unicodedata.normalize("NFKC", name)
    if read != unicodedata.normalize("NFC", name):
        return f"Python reads the name {name!r} as {read!r}"
    return _of_mixed(name) or _of_whole(name)


def _of_whole(name: str) -> str:
    """Say which alphabet a name is in of which all letters pass for Latin ones."""
    letters = [one for one in name if not _PARTS.fullmatch(one)]
    alphabets = {_alphabet(one) for one in letters}
    alphabet = alphabets.pop() if len(alphabets) == 1 else ""
    if alphabet in ("CHEROKEE", "COPTIC", "LISU"):
        reads = ""
    elif alphabet in _LATIN and all(one in _LATIN[alphabet][0] for one in letters):
        reads = f" that read {name.translate(str.maketrans(*_LATIN[alphabet]))!r}"
    else:
        return ""
    if alphabet == "GREEK" and len(letters) == 1:
        return ""
    numbers = " ".join(f"U+{ord(one):04X}" for one in letters[:8])
    words = f"the name {name!r} is of {alphabet.capitalize()} letters"
    return f"{words}{reads} ({numbers})"


def _of_mixed(name: str) -> str:
    """Say which letters of a name pass for letters of the alphabet that it is in."""
    if not any(_alphabet(letter) == "LATIN" for letter in name):
        return ""
    for part in filter(None, _PARTS.split(name)):
        strange = [one for one in part if _alphabet(one) not in ("", "LATIN")]
        is_mixed = len(strange) < len(part)
        doubtful = [one for one in strange if _passes(one, is_mixed)]
        if doubtful and (is_mixed or len(doubtful) == len(part)):
            number = f"U+{ord(doubtful[0]):04X}"
            alphabet = _alphabet(doubtful[0]).capitalize()
            return f"the name {name!r} mixes Latin and {alphabet} letters ({number})"
    return ""


def _passes(letter: str, is_mixed: bool) -> bool:
    if _alphabet(letter) == "GREEK":
        return is_mixed and letter in _LATIN_LOOKING_GREEK
    return is_mixed or letter in _LATIN_LOOKING_CYRILLIC


def _alphabet(letter: str) -> str:
    word = unicodedata.name(letter, "").partition(" ")[0]
    return word if word in _ALPHABETS else ""
