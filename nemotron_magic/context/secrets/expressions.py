"""The strings of an expression: alone, in a list, joined by signs, behind an `or`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["QUOTED", "Joined", "Role", "strings"]

QUOTED = re.compile(
    r"""(?P<open>(?:[rbfuRBFU]{1,2})?(?P<quote>\\*(?:\"\"\"|'''|["'`])))"""
    r"""(?P<value>[^"'`\\\n]*+(?:(?!(?P=quote))(?:\\.|\\(?!.)|["'`])[^"'`\\\n]*+)*)"""
    r"""(?P=quote)"""
)
_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r]+)|(?P<comment>(?:\#|//)[^\n]*+)|(?P<line>\n)"""
    r"""|(?P<other>[\w.$]+|\|\||\?\?|.)"""
)
_LONGEST = 8000
_MOST = 3000
# What bounds how often a text is read for names within the values of names.
_DEEPEST = 5
_MOST_WORDS = 16
_JOINS = {"+", "\\", "&", "..", "string"}
_LEADS = {"", "or", "and", "||", "??", "else", "?", ":", "(", "[", "{", ",", *_JOINS}
_WORDS = {"or", "and", "else", "if", "in", "not", "return", "await"}
_PAIRS = {")": "(", "]": "[", "}": "{"}
# Calls that hand on the text that they are given.
_HANDS_ON = re.compile(
    r"(?:.*\.)?(?:str|bytes|bytearray|secretstr|\w*decode|unhexlify|fromhex|join"
    r"|paste0?|concat|cycle|list|tuple|set|dict|c|token|api_key)",
    re.IGNORECASE,
)


class Role(Enum):
    """What a string is to the expression that it stands in."""

    VALUE = auto()  # it or its item
    KEYED = auto()  # behind a key in a dict
    ARGUMENT = auto()  # of a call, such as a default


@dataclass(frozen=True, slots=True)
class Joined:
    """Strings that are one text, as `"a" + "b"` is."""

    pieces: list[re.Match[str]]
    role: Role


def strings(text: str, at: int) -> Iterator[Joined]:
    """Yield the strings of the expression that begins at a place of a text."""
    end = min(len(text), at + _LONGEST)
    within: list[tuple[str, bool]] = []  # the open brackets, and whether of a call
    pieces: list[re.Match[str]] = []
    role, last, asked, words = Role.VALUE, "", False, 0
    for _ in range(_MOST):
        quoted = QUOTED.match(text, at, end) if text[at : at + 1] else None
        token = quoted or _TOKEN.match(text, at, end)
        if token is None:
            break
        at = token.end()
        kind = "string" if quoted else token.lastgroup
        if kind in ("blank", "comment"):
            continue
        sign = kind if kind == "string" else token[0]
        if kind == "line":
            if not within and last not in _LEADS - {"string"}:
                break
            continue
        if quoted:
            if pieces and last not in _JOINS:
                yield Joined(pieces, role)
                pieces = []
            if not pieces:
                role = _role(within, last)
            if last in _LEADS and (within[-1:] != [("[", True)]):
                pieces.append(quoted)
        elif sign in "([{":
            if len(within) == _DEEPEST:
                break
            is_call = last not in _LEADS and last not in _WORDS
            is_call = is_call and not (sign == "(" and _HANDS_ON.fullmatch(last))
            within.append((sign, is_call))
        elif sign in _PAIRS:
            if not within or within.pop()[0] != _PAIRS[sign]:
                break
        elif not within and _ends(sign, last, asked):
            break
        elif sign == ":" and last == "string" and within[-1:] == [("{", False)]:
            pieces = []
        if not within and sign not in _JOINS:
            words += 1
            if words > _MOST_WORDS:
                break
        asked |= sign == "?"
        last = sign
    if pieces:
        yield Joined(pieces, role)


def _ends(sign: str, last: str, asked: bool) -> bool:
    """Return whether an expression is over where a sign follows the last one."""
    if sign in ",;=" or (sign == ":" and not asked):
        return True
    return _is_word(sign) and _is_word(last)


def _is_word(sign: str) -> bool:
    return sign[:1].isalnum() and sign not in _WORDS and sign != "string"


def _role(within: list[tuple[str, bool]], last: str) -> Role:
    if any(is_call for _, is_call in within):
        return Role.ARGUMENT
    return Role.KEYED if last == ":" and within else Role.VALUE
