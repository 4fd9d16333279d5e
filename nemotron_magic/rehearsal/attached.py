"""What came along with a question, between the tags in which `%nemotron` puts it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MESSAGE = re.compile(
    r"[^\n]*\n<context-(?P<word>\w+)>\n(?P<parts>.*)\n</context-(?P=word)>\n\n"
    r"(?P<question>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """One cell, value or file; ``fields`` are its texts by name, such as ``source``.

    A text that stands there without a name has that of its kind.
    """

    kind: str
    title: str
    fields: Mapping[str, str]


def taken_apart(message: str) -> tuple[tuple[Attachment, ...], str]:
    r"""Give what came along in a message, and the question in the user's own words.

    >>> taken_apart(
    ...     "Data.\n<context-a1>\n<cell-a1 name=\"cell 2\">\n<source-a1>\nx = 1\n"
    ...     "</source-a1>\n</cell-a1>\n</context-a1>\n\nwhy?"
    ... )
    ((Attachment(kind='cell', title='cell 2', fields={'source': 'x = 1'}),), 'why?')
    """
    found = _MESSAGE.fullmatch(message)
    if found is None:
        return (), message
    word = found["word"]
    part = re.compile(
        rf'<(\w+)-{word} name="([^"\n]*)"[^\n]*>\n(.*?)\n</\1-{word}>', re.DOTALL
    )
    field = re.compile(rf"<(\w+)-{word}>\n(.*?)\n</\1-{word}>", re.DOTALL)
    parts = tuple(
        Attachment(kind, title, dict(field.findall(inner)) or {kind: inner})
        for kind, title, inner in part.findall(found["parts"])
    )
    return parts, found["question"]
