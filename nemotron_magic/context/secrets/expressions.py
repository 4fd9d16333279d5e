"""Find the strings in an expression of any programming language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nemotron_magic.context.secrets import pattern

QUOTED = pattern("quoted")
_TOKEN = re.compile(r"(?P<skipped>[ \t\r]+|(?:\#|//)[^\n]*+)|\n|[\w.$]+|\|\||\?\?|.")
_LONGEST, _MOST = 8000, 3000  # of characters, and of signs
# What bounds how often a text is read for names within the values of names.
_DEEPEST = 5
_MOST_WORDS = 16
_JOINS = {"+", "\\", "&", "..", "string"}
_LEADS = {"", "or", "and", "||", "??", "else", "?", ":", "(", "[", "{", ",", *_JOINS}
_WORDS = {"or", "and", "else", "if", "in", "not", "return", "await"}
_PAIRS = {")": "(", "]": "[", "}": "{"}
_OPENING = frozenset(_PAIRS.values())


class Joined(NamedTuple):
    """Strings that are one text, as `"a" + "b"` is."""

    pieces: list[re.Match[str]]
    is_argument: bool  # of a call, such as a default
    key: str | None  # that stands before it in a dict


def strings(text: str, at: int) -> Iterator[Joined]:
    """Yield the strings of the expression that begins at a place of a text."""
    expression = _Expression()
    end = min(len(text), at + _LONGEST)
    for _ in range(_MOST):
        quoted = QUOTED.match(text, at, end)
        token = quoted or _TOKEN.match(text, at, end)
        if token is None:
            break
        at = token.end()
        sign = "string" if quoted else token[0]
        if token.lastgroup == "skipped":
            continue
        if expression.is_over(sign):
            break
        if quoted:
            yield from expression.take_string(quoted)
        elif sign != "\n":
            yield from expression.take(sign)
    yield from expression.rest()


class _Expression:
    """An expression of any language, read sign by sign up to where it ends."""

    def __init__(self) -> None:
        # The open brackets, and whether of a call.
        self._within: list[tuple[str, bool]] = []
        self._joined: Joined | None = None
        self._key = self._last = ""
        self._is_choice = False
        self._words = 0

    def is_over(self, sign: str) -> bool:
        """Return whether the next sign is no part of it any more."""
        if self._words > _MOST_WORDS:
            return True
        if sign in _OPENING:
            return len(self._within) == _DEEPEST
        if sign in _PAIRS:
            return not self._within or self._within[-1][0] != _PAIRS[sign]
        if self._within or sign == "string":
            return False
        if sign == "\n":
            return self._last not in _LEADS - {"string"}
        both = (sign, self._last)
        are_words = all(c[:1].isalnum() and c not in {*_WORDS, "string"} for c in both)
        return sign in ",;=" or (sign == ":" and not self._is_choice) or are_words

    def take(self, sign: str) -> Iterator[Joined]:
        """Read a sign; return the strings that end at it."""
        if sign in _OPENING:
            is_name = self._last not in _LEADS | _WORDS
            hands_on = sign == "(" and pattern("hands_on").fullmatch(self._last)
            self._within.append((sign, is_name and not hands_on))
        elif sign in _PAIRS:
            self._within.pop()
        elif sign == ":" and self._within[-1:] == [("{", False)]:
            if self._last == "string":
                pieces = self._joined.pieces if self._joined else ()
                self._key = "".join(piece["value"] for piece in pieces)
                self._joined = None
            else:
                self._key = self._last
                yield from self.rest()
        self._words += not self._within and sign not in _JOINS
        self._is_choice |= sign == "?"
        self._last = sign

    def take_string(self, quoted: re.Match[str]) -> Iterator[Joined]:
        """Read a string; return those before it, unless it goes on with them."""
        if self._last not in _JOINS:
            yield from self.rest()
        if self._last in _LEADS and self._within[-1:] != [("[", True)]:
            is_argument = any(is_call for _, is_call in self._within)
            is_keyed = self._last == ":" and self._within and not is_argument
            new = Joined([], is_argument, self._key if is_keyed else None)
            self._joined = self._joined or new
            self._joined.pieces.append(quoted)
        self._last = "string"

    def rest(self) -> Iterator[Joined]:
        """Return the strings that were read last, if there are any."""
        joined, self._joined = self._joined, None
        if joined:
            yield joined
