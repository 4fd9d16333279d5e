"""Keep questions whole that IPython would cut, or take for requests for help.

IPython turns `%nemotron what is this?` into a request for help before any magic runs
(https://github.com/ipython/ipython/issues/14258), and cuts lines at characters that end
no line of a notebook. So a question is made a call before IPython looks at it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from tokenize import DEDENT, INDENT, TokenInfo
from typing import Any

from IPython.core.inputtransformer2 import (
    EscapedCommand,
    MagicAssign,
    find_end_of_continued_line,
)

MISSED = (
    "A question here was taken for a request for help, because this cell was read "
    "before it loaded nemotron_magic. Run the cell again; a script or -c needs: "
    "ipython --ext nemotron_magic …"
)
CALL = "_magic('nemotron', "
_MAGICS: tuple[Any, ...] = (EscapedCommand, MagicAssign)
# What a page may have put before a magic that was copied from it.
_STRAY = "\ufeff\xa0\u3000\u2000-\u200f\u202f\u2060"


def call_cell(lines: list[str], names: Collection[str]) -> list[str]:
    """Return a cell magic by one of the names as its call; any other cell unchanged.

    Comments may stand above it. With nothing below, it is called as a line.
    """
    starts = (line.strip()[:1] for line in lines)
    above = next((n for n, start in enumerate(starts) if start not in ("", "#")), 0)
    cell = re.fullmatch(
        rf"(?P<indent>[ \t]*)[{_STRAY}]*%%(?P<name>{_any_of(names)})"
        r"(?:[^\S\n](?P<line>[^\n]*))?(?:\n(?P<body>.*))?",
        "".join(lines[above:]),
        re.DOTALL,
    )
    if cell is None:
        return lines
    indent, name, line, body = cell.groups(default="")
    line, body = line.removesuffix("\r"), re.sub(rf"(?m)^{indent}", "", body)
    if line.strip() and not body.strip():
        return [f"get_ipython().run_line_magic({name!r}, {line!r})\n"]
    return [f"get_ipython().run_cell_magic({name!r}, {line!r}, {body!r})\n"]


def _any_of(names: Collection[str]) -> str:
    return "|".join(map(re.escape, names))


def join_lines(lines: list[str], names: Collection[str]) -> list[str]:
    """Return lines that end at newlines only, where they hold one of the names."""
    magic = re.compile(rf"%(?:{_any_of(names)})\b")
    whole: list[str] = []
    is_ours = False
    for line in lines:
        if is_ours and not whole[-1].endswith("\n"):
            whole[-1] += line
        else:
            goes_on = is_ours and whole[-1].endswith("\\\n")
            is_ours = goes_on or magic.search(line) is not None
            if all(one.strip()[:1] in ("", "#") for one in whole):  # in no text, then
                line = re.sub(rf"^[ \t]*[{_STRAY}]+[ \t]*(?={magic.pattern})", "", line)
            whole.append(line)
        if is_ours:
            whole[-1] = re.sub(r"\\\r\n\Z", r"\\\n", whole[-1])
    return whole


class Question:
    """A question on a line, as what IPython makes calls of.

    Its priority is above that of a request for help that begins in the same place.
    """

    priority = 0

    def __init__(self, begin: tuple[int, int], magic: Any) -> None:
        self.start_line, self.start_col = begin[0] - 1, begin[1]
        self._magic = magic

    def transform(self, lines: list[str]) -> list[str]:
        """Return the lines with a call in place of the question, blank by blank."""
        row, column = self._magic.start_line, self._magic.start_col
        last = find_end_of_continued_line(lines, row)
        *parts, end = [lines[row][column:], *lines[row + 1 : last + 1]]
        text = " ".join([*(part.rstrip()[:-1] for part in parts), end.rstrip("\r\n")])
        name, line = re.split(r"\s", text[1:], maxsplit=1)
        call = f"get_ipython().run_line_magic({name!r}, {line!r})"
        before, after = lines[:row], lines[last + 1 :]
        return [*before, f"{lines[row][:column]}{call}\n", *after]


def find_question(
    tokens_by_line: Sequence[Sequence[TokenInfo]], names: Collection[str]
) -> Question | None:
    """Find the first question by one of the names, alone or behind another magic."""
    asks = re.compile(rf"%(?:\w+ (?:.*\s)?%)?(?:{_any_of(names)})[^\S\n]+\S")
    for line in tokens_by_line:
        magic = next(filter(None, (kind.find([line]) for kind in _MAGICS)), None)
        if magic is None:
            continue
        row, column = magic.start_line + 1, magic.start_col
        at = next(one for one in line if one.start == (row, column))
        # The text and not its tokens: a question may hold what Python has none for.
        if asks.match(at.line, column):
            begin = next(one for one in line if one.type not in (INDENT, DEDENT))
            return Question(begin.start, magic)
    return None
