"""Find the strings in an expression of any programming language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nemotron_magic.context.secrets import pattern

QUOTED = pattern("quoted")
_TOKEN = re.compile(r"(?P<skipped>[ \t\r]+|(?:\#|//)[^\n]*+|\n)|[\w.$]+|\|\||\?\?|.")
_LONGEST = 8000
_MOST = 3000
# What bounds how often a text is read for names within the values of names.
_DEEPEST = 5
_MOST_WORDS = 16
_JOINS = {"+", "\\", "&", "..", "string"}
_LEADS = {"", "or", "and", "||", "??", "else", "?", ":", "(", "[", "{", ",", *_JOINS}
_WORDS = {"or", "and", "else", "if", "in", "not", "return", "await"}
_PAIRS = {")": "(", "]": "[", "}": "{"}
_HANDS_ON = pattern("hands_on")


class Joined(NamedTuple):
    """Strings that are one text, as `"a" + "b"` is."""

    pieces: list[re.Match[str]]
    is_argument: bool  # of a call, such as a default
    key: str | None  # that stands before it in a dict


def strings(text: str, at: int) -> Iterator[Joined]:
    """Yield the strings of the expression that begins at a place of a text."""
    expression = _Expression()
    for sign, quoted in _signs(text, at):
        if expression.is_over(sign):
            break
        if quoted:
            yield from expression.take_string(quoted)
        elif sign != "\n":
            yield from expression.take(sign)
    yield from expression.rest()


def _signs(text: str, at: int) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Yield words, signs and line ends; a string as "string", with where it stands."""
    end = min(len(text), at + _LONGEST)
    for _ in range(_MOST):
        quoted = QUOTED.match(text, at, end)
        token = quoted or _TOKEN.match(text, at, end)
        if token is None:
            return
        at = token.end()
        if quoted:
            yield "string", quoted
        elif token.lastgroup != "skipped" or token[0] == "\n":
            yield token[0], None


class _Expression:
    """An expression of any language, read sign by sign up to where it ends."""

    def __init__(self) -> None:
        # The open brackets, and whether of a call.
        self._within: list[tuple[str, bool]] = []
        self._joined = Joined([], False, None)
        self._key = ""
        self._last = ""
        self._is_choice = False
        self._words = 0

    def is_over(self, sign: str) -> bool:
        """Return whether the next sign is no part of it any more."""
        if self._words > _MOST_WORDS:
            return True
        if sign in _PAIRS.values():
            return len(self._within) == _DEEPEST
        if sign in _PAIRS:
            return not self._within or self._within[-1][0] != _PAIRS[sign]
        if self._within or sign == "string":
            return False
        if sign == "\n":
            return self._last not in _LEADS - {"string"}
        return _ends(sign, self._last, self._is_choice)

    def take(self, sign: str) -> Iterator[Joined]:
        """Read a sign; return the strings that end at it."""
        if sign in _PAIRS.values():
            self._within.append((sign, self._is_call(sign)))
        elif sign in _PAIRS:
            self._within.pop()
        elif sign == ":" and self._within[-1:] == [("{", False)]:
            yield from self._take_key()
        self._words += not self._within and sign not in _JOINS
        self._is_choice |= sign == "?"
        self._last = sign

    def take_string(self, quoted: re.Match[str]) -> Iterator[Joined]:
        """Read a string; return those before it, unless it goes on with them."""
        if self._last not in _JOINS:
            yield from self.rest()
        if not self._joined.pieces:
            is_argument = any(is_call for _, is_call in self._within)
            is_keyed = self._last == ":" and self._within and not is_argument
            self._joined = Joined([], is_argument, self._key if is_keyed else None)
        if self._last in _LEADS and self._within[-1:] != [("[", True)]:
            self._joined.pieces.append(quoted)
        self._last = "string"

    def rest(self) -> Iterator[Joined]:
        """Return the strings that were read last, if there are any."""
        joined, self._joined = self._joined, Joined([], False, None)
        if joined.pieces:
            yield joined

    def _take_key(self) -> Iterator[Joined]:
        if self._last != "string":
            self._key = self._last
            yield from self.rest()
        else:
            self._key = "".join(piece["value"] for piece in self._joined.pieces)
            self._joined = Joined([], False, None)

    def _is_call(self, sign: str) -> bool:
        is_name = self._last not in _LEADS and self._last not in _WORDS
        return is_name and not (sign == "(" and _HANDS_ON.fullmatch(self._last))


def _ends(sign: str, last: str, asked: bool) -> bool:
    """Return whether an expression is over where a sign follows the last one."""
    both = (sign, last)
    words = all(one[:1].isalnum() and one not in {*_WORDS, "string"} for one in both)
    return sign in ",;=" or (sign == ":" and not asked) or words
