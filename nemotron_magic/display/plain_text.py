"""Markdown of our own reports as plain text, tables aligned.

For a terminal without `rich`: a reply is wrapped while it streams, our own reports are
laid out whole.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from unicodedata import east_asian_width

from nemotron_magic.markdown.parser import closes

__all__ = [
    "GAP_CHARS",
    "WordWrap",
    "column_widths",
    "plain_text",
    "wrapped",
]


GAP_CHARS = 2
"""What stands between two columns."""

_LONGEST_WORD_CHARS = 12
"""A longer word is broken to make room for other columns; a shorter one is not."""

_LINE_START_CHARS = 200
_WORDS = re.compile(r"\n|[^\S\n]*\S+|[^\S\n]+")
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_PREFIX = re.compile(r"\s*(?:(?:[-*+]|\d+[.)])\s+|(?:>\s*)+)?")
_UNWRAPPED = re.compile(r"\s*\||(?: {4}|\t)\s*(?![-*+]\s|\d+[.)]\s)\S")
"""A row of a table, or what may be indented code."""

_WHOLE = re.compile(
    r"^(?P<mark>([`~])\2{2,})(?!\2)(?P<info>.*)\n(?P<code>(?:.*\n)*?)(?P=mark)$"
    r"|^\|.*\n\|(?: *:?-+:? *\|)+$(?:\n\|.*)*",
    re.MULTILINE,
)
"""A block of code, or a table."""


class WordWrap:
    r"""Wrap a text between words while it streams in, but for code and tables.

    >>> wrap = WordWrap(12)
    >>> print(wrap.add("- one two th") + wrap.add("ree\n") + wrap.end(), end="")
    - one two
      three
    """

    def __init__(self, width_chars: int) -> None:
        self._width_chars = width_chars
        self._held = self._line_start = self._fence = ""
        self._column = 0

    def add(self, text: str) -> str:
        """Return what can be shown now; hold the last word back, it may go on."""
        text = self._held + text
        blank = max(map(text.rfind, " \t\n"))
        end = len(text[: blank + 1].rstrip(" \t"))
        if len(text) - end > self._width_chars:
            end = len(text)
        self._held = text[end:]
        return self._wrapped(text[:end])

    def end(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return self._wrapped(held)

    def _wrapped(self, text: str) -> str:
        return "".join(map(self._placed, _WORDS.findall(text)))

    def _placed(self, word: str) -> str:
        """Return a word, with the blanks before it, on this line or the next."""
        if word == "\n":
            self._end_line()
            return word
        self._line_start = (self._line_start + word)[:_LINE_START_CHARS]
        column = self._column + _width_of(word)
        if column > self._width_chars and self._may_break_before(word):
            prefix = _PREFIX.match(self._line_start)
            indent = re.sub(r"[^\s>]", " ", prefix[0] if prefix else "")
            word = indent + word.lstrip()
            column = _width_of(word)
            word = f"\n{word}"
        # The terminal itself goes on below where a word is too long.
        is_below = column > self._width_chars > 0
        self._column = column % self._width_chars if is_below else column
        return word

    def _may_break_before(self, word: str) -> bool:
        if not self._width_chars or self._fence or self._line_start == word:
            return False
        return word[0].isspace() and not _UNWRAPPED.match(self._line_start)

    def _end_line(self) -> None:
        if self._fence:
            if closes(self._fence, self._line_start):
                self._fence = ""
        elif mark := _FENCE.match(self._line_start):
            self._fence = mark[1]
        self._line_start, self._column = "", 0


def plain_text(markdown: str, width_chars: int) -> str:
    r"""Return our own Markdown as it is best read in a terminal of this width.

    >>> print(plain_text("| Model | $ |\n|:--|--:|\n| `nano` | 0.11 |", 40))
    Model     $
    ─────  ────
    nano   0.11
    """
    shown, end = "", 0
    for whole in _WHOLE.finditer(markdown):
        shown += wrapped(markdown[end : whole.start()], width_chars)
        if not whole["mark"]:
            shown += "\n".join(_table(whole[0].split("\n"), width_chars))
        elif whole["info"] == "text":  # a fence that is there for a page alone
            shown += whole["code"].removesuffix("\n")
        else:
            shown += whole[0]
        end = whole.end()
    return shown + wrapped(markdown[end:], width_chars)


def column_widths(
    columns: Sequence[Sequence[str]],
    room_chars: int,
) -> list[int]:
    """Return the widths of columns side by side; none if there is no room for them.

    Headings and long cells are broken between words before short cells such as `2.5 s`
    are, and before a word is.

    >>> column_widths([["Tokens out", "1,000,000"], ["name-of-14-or-so"]], 27)
    [9, 16]
    >>> column_widths([["Tokens out", "1,000,000"], ["name-of-14-or-so"]], 25)
    [9, 14]
    >>> column_widths([["Tokens out", "1,000,000"], ["name-of-14-or-so"]], 15)
    []
    """
    room_chars -= GAP_CHARS * (len(columns) - 1)
    widths = [max(map(_width_of, cells), default=0) for cells in columns]
    for floor in (_whole_width, _least_width):
        least = [*map(floor, columns)]
        while sum(widths) > room_chars:
            spare = [at for at, width in enumerate(widths) if width > least[at]]
            if not spare:
                break
            widths[max(spare, key=widths.__getitem__)] -= 1
    return widths if sum(widths) <= room_chars else []


def _width_of(text: str) -> int:
    """Return how many places a text takes; a Chinese sign takes two."""
    return sum(1 + (east_asian_width(sign) in "WF") for sign in text)


def _whole_width(cells: Sequence[str]) -> int:
    """Return how narrow a column may be with all words and short cells whole."""
    short = (_width_of(cell) for cell in cells[1:])
    widths = (width for width in short if width <= _LONGEST_WORD_CHARS)
    return max(_longest_word(cells), *widths, 0)


def _least_width(cells: Sequence[str]) -> int:
    return min(_longest_word(cells), _LONGEST_WORD_CHARS)


def _longest_word(cells: Iterable[str]) -> int:
    words = (word for cell in cells for word in cell.split())
    return max(map(_width_of, words), default=0)


def wrapped(text: str, width_chars: int) -> str:
    """Return a whole text wrapped between words."""
    wrap = WordWrap(width_chars)
    return wrap.add(text) + wrap.end()


def _table(lines: Sequence[str], width_chars: int) -> Iterator[str]:
    """Yield an aligned table; where it is too wide, each row as lines of its own."""
    head, rule, *body = map(_cells, lines)
    columns = [*zip_longest(head, *body, fillvalue="")][: len(head)]
    headings, *rows = zip(*columns, strict=True)
    widths = column_widths(columns, width_chars)
    if widths:
        sides = [">" if mark[-1:] == ":" != mark[:1] else "<" for mark in rule]
        yield from _row(headings, widths, sides)
        yield (" " * GAP_CHARS).join("─" * width for width in widths)
        for row in rows:
            yield from _row(row, widths, sides)
    else:
        for number, row in enumerate(rows):
            yield from [""] if number else []
            for heading, cell in zip(headings, row, strict=True):
                yield wrapped(f"{heading}: {cell}" if heading else cell, width_chars)


def _cells(row: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", row.strip().removeprefix("|").removesuffix("|"))
    return [cell.strip().replace("`", "") for cell in cells]


def _row(
    cells: Sequence[str], widths: Sequence[int], sides: Sequence[str]
) -> Iterator[str]:
    folded = [
        textwrap.wrap(cell, max(width, 1), break_on_hyphens=False)
        for cell, width in zip(cells, widths, strict=True)
    ]
    for parts in zip_longest(*folded, fillvalue=""):
        yield (" " * GAP_CHARS).join(map(_padded, parts, widths, sides)).rstrip()


def _padded(text: str, width: int, side: str) -> str:
    blank = " " * (width - _width_of(text))
    return f"{blank}{text}" if side == ">" else f"{text}{blank}"
