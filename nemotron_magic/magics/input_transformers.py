"""Keep questions whole that IPython would take for help requests.

IPython turns `%nemotron what is this?` into a request for help before any magic runs
(https://github.com/ipython/ipython/issues/14258), and refuses `%%nemotron` with nothing
below. So what is ours is made a call before IPython looks for such requests, by its own
means; help on everything else, `%nemotron?` among it, stays what it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from tokenize import DEDENT, INDENT, NEWLINE, TokenInfo
from typing import Any

from IPython.core.inputtransformer2 import EscapedCommand, MagicAssign

__all__ = [
    "MISSED",
    "Question",
    "is_missed",
    "keep_lone_lines",
    "keep_prompts",
    "question_in",
]


MISSED = (
    "A question here was taken for a request for help, because this cell was read "
    "before it loaded nemotron_magic. Run the cell again; a script or -c needs: "
    "ipython --ext nemotron_magic …"
)
_CALL = "_magic('nemotron', "
_MAGICS: tuple[Any, ...] = (EscapedCommand, MagicAssign)
_PROMPT = re.compile(r"\s*(?:>>>|\.\.\.|In \[\d*\]:)")


def keep_prompts(lines: list[str]) -> list[str]:
    """Return a cell of ours as the call that it becomes, if there are prompts in it.

    IPython takes the prompts of a pasted session off all cells, before it knows that
    one is a question in which they stand.
    """
    first, *body = lines
    if not first.startswith("%%nemotron") or not any(map(_PROMPT.match, body)):
        return lines
    line = first[2:].rstrip("\r\n").partition(" ")[2]
    call = f"get_ipython().run_cell_magic('nemotron', {line!r}, {''.join(body)!r})"
    return [f"{call}\n"]


def keep_lone_lines(lines: list[str]) -> list[str]:
    """Return the lines of a cell; a cell magic with nothing below becomes a line."""
    first = lines[0].lstrip() if lines else ""
    if re.match(r"%%nemotron[ \t]+\S", first) and not "".join(lines[1:]).strip():
        return [lines[0].replace("%%", "%", 1), *lines[1:]]
    return lines


class Question:
    """A question in a cell, as what IPython makes calls of.

    Its priority is above that of a request for help that begins in the same place.
    """

    priority = 0

    def __init__(self, place: tuple[int, int], magic: Any) -> None:
        self.start_line, self.start_col = place[0] - 1, place[1]
        self.transform = magic.transform


def question_in(tokens_by_line: Sequence[Sequence[TokenInfo]]) -> Question | None:
    """Find the first question of ours among the lines of a cell."""
    for line in tokens_by_line:
        found = (kind.find([line]) for kind in _MAGICS)
        magic = next(filter(None, found), None)
        if magic and _asks(line, (magic.start_line + 1, magic.start_col)):
            begin = next(one for one in line if one.type not in (INDENT, DEDENT))
            return Question(begin.start, magic)
    return None


def _asks(line: Sequence[TokenInfo], place: tuple[int, int]) -> bool:
    """Return whether the magic at this place is ours, with something to ask."""
    at = next(number for number, one in enumerate(line) if one.start == place)
    name, after = (*line[at + 1 : at + 3], None, None)[:2]
    if name is None or after is None or name.string != "nemotron":
        return False
    return after.type != NEWLINE and after.start != name.end


def is_missed(shell: Any, cell: str, read: str) -> bool:
    """Return whether a cell asks more, read by now, than as it was `read`."""
    return str(shell.transform_cell(cell)).count(_CALL) > read.count(_CALL)
