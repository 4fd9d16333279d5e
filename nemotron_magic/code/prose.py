"""Prose that follows code in a fence which the model forgot to close."""

from __future__ import annotations

import re

from nemotron_magic.code.looks import parsed

__all__ = ["without_prose"]

_PARAGRAPH = re.compile(r"\n[ \t]*\n(?=\S)")
_HEADING = re.compile(r"(?:\n[ \t]*)*\n#{2,6} [^\n]*\s*$")
_SENTENCE = re.compile(
    r"(?:[-*+] |\d{1,3}\. |>)?\s*(?:[A-Z][\w'’]*|[`*_]+\w[^\n]*?[`*_:]+)[,:]?"
    r"(?: [\w'’`*(][^\n]*)?(?:\n|$)"
)
_WORDS = re.compile(r"[A-Za-z'’]{2,}")
_LEAST_WORDS = 4
_MOST_TRIES = 20


def without_prose(code: str) -> str:
    r"""Give code of an open fence up to the first paragraph that is plainly prose.

    >>> without_prose("x = 1\n\nThis sets the value of x.")
    'x = 1'
    """
    if parsed(code) is not None:
        return code
    if _is_prose(code):
        return ""
    for _, gap in zip(range(_MOST_TRIES), _PARAGRAPH.finditer(code), strict=False):
        head, tail = code[: gap.start()], code[gap.end() :]
        if _is_prose(tail) and parsed(head) is not None:
            return _HEADING.sub("", head)
    return code


def _is_prose(text: str) -> bool:
    """Tell whether a text begins with a sentence: words, and no Python."""
    line = text.partition("\n")[0]
    words = len(_WORDS.findall(line))
    is_long = words >= _LEAST_WORDS or (words and line.rstrip().endswith((":", ":**")))
    return bool(is_long and _SENTENCE.match(text)) and parsed(line) is None
