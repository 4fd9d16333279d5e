"""An estimate of how many tokens a text takes, which errs on the high side."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from math import ceil
from typing import Any

__all__ = ["estimate_field_tokens", "estimate_tokens"]

# The weights are fitted so that about one text in thirty is under-estimated against the
# larger count of two public vocabularies, Llama 3's and Mistral's Tekken, whose kin the
# Nemotron models use; then raised a little. `tests/bench/tokens.py` shows what is left.
_RAISED = 1.05
_CHUNK_CHARS = 2000  # a text is of one language and kind only for so long

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_SIGNS = re.compile(r"[!-/:-@\[-`{-~]+")
_RULE = re.compile(r"([!-/:-@\[-`{-~])\1{3,}")
_CLUSTER = re.compile(r"[b-df-hj-np-tv-xz]{4,}")
_NEWLINES = re.compile(r"\n\s*")
_GAP = re.compile(r"  +")
_TABS = re.compile(r"\t+")
_CONTROL = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")

# A word of this many letters takes so much, if it is none of the common ones.
_BY_LENGTH = (0.0, *[1.22] * 3, *[0.6] * 3, *[0.8] * 3)
_LONG_WORD = 2.12
_COMMON_WORD = 1.03
# Random letters and other languages have many more unknown words than known ones.
_STRANGE_WORD = 2.14
_KNOWN_TO_UNKNOWN = 0.6

# From this character on, one takes so much; in UTF-8 no character takes more than four.
_SCRIPTS = (
    (0x80, 2.0),
    (0xC0, 0.2),  # letters with accents, whose words are counted besides
    (0x250, 2.0),
    (0x370, 0.52),  # Greek
    (0x400, 0.47),  # Cyrillic of the Slavic languages
    (0x460, 6.0),  # of other languages, whose words are unknown as a whole
    (0x530, 2.9),
    (0x590, 1.15),  # Hebrew
    (0x600, 0.79),  # Arabic
    (0x700, 3.0),
    (0x900, 0.68),  # Devanagari
    (0x980, 3.0),
    (0xE00, 0.66),  # Thai
    (0xE80, 3.0),
    (0x1E00, 1.0),  # Vietnamese
    (0x2000, 1.7),  # typographic and mathematical signs, frames
    (0x2C00, 3.0),
    (0x3000, 0.62),  # kana
    (0x3100, 2.5),
    (0x3400, 1.08),  # Han
    (0xA000, 3.0),
    (0xAC00, 0.8),  # Hangul
    (0xD7B0, 3.0),
    (0xFE00, 2.0),
    (0xFF00, 1.0),  # full width
    (0x10000, 4.0),  # emoji
)
_STARTS = [start for start, _ in _SCRIPTS]

_COMMON_WORDS = """
above access accuracy action actions added additional address administration after
algorithm allow allowed alpha already also always annotated annotations another
answer append application appropriate args argument arguments array assert
assignment async attribute attributes attrs authentication available average axis
badge base based batch because been before below between binary block bool boolean
break buffer build built bytes cache call called candidate cannot capital case
change changed changes character characters charset check choice choose class
classes classifier clause clear close code collection collections color column
columns combined command commands common comparison compatibility compatible compile
compiler complete complex conditions config configuration connection considered
console contain containing contains content context continue contributors control
copies copy copyright core corresponding count countries country cover create
created current customer data dataset date datetime decimal decode default define
defined definition definitions delete deleted derivative description descriptor
details developers development dict dictionary different digits directly directory
display dist distribute distribution document documentation does dtype during each
either element elif else email empty encode encoding ensure enter entry environment
epoch equal equivalent error errors evaluated example examples except exception
exceptions executable executed execution expected explicitly expression expressions
extensions extra false feature features field fields figure file filename files
filter filters finally first flags float floating following form format found
foundation frame free from func function functions general generator github given
global globals group handler hash have head header history however https identifier
ignore image implement implementation implemented import include including
independent index info information init input install installation installed
instance instances instead integer intended interface internal interpreter interval
into invalid invariant isinstance issues item items iterator join json keys keyword
keywords kwargs label lambda language last latest latin layer learning least length
letter level libraries library license like limit line lines link list literal load
local lookup loss machine main make manager mapping match matches matching matrix
mean means median merge message metadata method methods missing mode model
modification modifications modified module modules month more most multiple must
name names namespace none note notebook notice number numbers numeric numpy object
objects only open operation operations operator option optional options order
original other otherwise output package packages page param parameter parameters
parent parse parser partial particular pass passed password path pattern percent
permission permissions pillow platform please plot point position positional
possible precision predict prefix present price print process product program
programming project property prospective protocol provide provided provides public
pull purpose pytest python question raise raised raises random range rate read
recall reference references referencing regex region relationship release remove
replace repr representation request requests required requirement requires reset
response result results return returned returns right rights rows runtime sales same
save schema score search second section sections seed select selected self sentence
sequence sequences series server shape shields should similar simple single site
size small software some sort source special specific specification specifications
specified specifier split standard start state statement statements status stderr
stdout stream string strings style subclass subject submitted subscription
successfully such suite summary support supported syntax system tail target template
tensor terms test testing tests text than that their then there these they this
those through time timeout title token tokens total train true tuple type types
typing under unicode unknown urllib used user using valid validation value values
variable variables vector verbose version versions view warning warnings when where
whether which while whitespace width will with within without word words work works
wrapper write year yield your
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def estimate_tokens(text: str) -> int:
    """Give about how many tokens `text` takes, rather too many than too few.

    Examples
    --------
    >>> estimate_tokens("")
    0
    >>> estimate_tokens("What does this frame show?")
    6
    """
    chunks = range(0, len(text), _CHUNK_CHARS)
    return ceil(_RAISED * sum(_weight(text[at : at + _CHUNK_CHARS]) for at in chunks))


def estimate_field_tokens(body: Mapping[str, Any]) -> int:
    """Return about how many tokens the fields of a request take beside its messages.

    Numbers and switches take none; how the reply travels is nothing that a model reads.
    """
    read = {
        name: value
        for name, value in body.items()
        if name not in _UNREAD and isinstance(value, str | list | tuple | Mapping)
    }
    return estimate_tokens(json.dumps(read, ensure_ascii=False)) if read else 0


_UNREAD = ("model", "messages", "stream_options")


def _weight(chunk: str) -> float:
    weight = _words(chunk) + _signs(chunk) + _blanks(chunk)
    weight += 1.05 * sum(map(chunk.count, "0123456789"))
    if not chunk.isascii():
        weight += sum(_of(one) * n for one, n in Counter(chunk).items() if one > "\x7f")
    return weight


def _words(chunk: str) -> float:
    words = _WORD.findall(chunk)
    unknown = [one for one in words if one not in _COMMON]
    unknown = [one for one in unknown if one.lower() not in _COMMON]
    known = len(words) - len(unknown)
    lengths = Counter(map(len, unknown))
    weight = _COMMON_WORD * known
    weight += sum(_of_length(length) * n for length, n in lengths.items())
    long = sum(n for length, n in lengths.items() if length > 3)
    weight += _STRANGE_WORD * max(0.0, long - _KNOWN_TO_UNKNOWN * known)
    weight += 0.55 * sum(len(one) - 2 for one in unknown if one[1:2].isupper())
    return weight + 0.94 * sum(
        len(one) - 2 for one in _CLUSTER.findall(" ".join(unknown))
    )


def _of_length(letters: int) -> float:
    if letters < len(_BY_LENGTH):
        return _BY_LENGTH[letters]
    return _LONG_WORD + 0.5 * max(0, letters - 24)


def _signs(chunk: str) -> float:
    signs = _SIGNS.findall(chunk)
    long = " ".join(one for one in signs if len(one) > 3)
    rules = (found.end() - found.start() - 3 for found in _RULE.finditer(long))
    return 0.87 * len(signs) + 0.25 * sum(rules)


def _blanks(chunk: str) -> float:
    gaps = _GAP.findall(chunk)
    weight = len(gaps) + 0.04 * sum(map(len, gaps))
    lines = _NEWLINES.findall(chunk)
    weight += 1.2 * len(lines) + 0.3 * (chunk.count("\n") - len(lines))
    weight += len(_TABS.findall(chunk)) + 0.25 * chunk.count("\t")
    return weight + len(_CONTROL.findall(chunk)) + 1.7 * chunk.count("\r")


def _of(character: str) -> float:
    return _SCRIPTS[bisect_right(_STARTS, ord(character)) - 1][1]
