"""What a Markdown text that was cut ends in: an open fence, or a table."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from dataclasses import dataclass

from nemotron_magic.markdown.code import closes

__all__ = ["OpenFence", "Table", "open_fence", "open_table", "reads"]

_OPENS = re.compile(r"([ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)(`{3,}|~{3,})(.*)")
_PYTHON = re.compile(r"[\s{.]*(?:i?python|py)", re.IGNORECASE)
_RULE = re.compile(r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_CELL_END = re.compile(r"(?<!\\)\|")
_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class OpenFence:
    """A fence that nothing has closed.

    Parameters
    ----------
    indent
        What stands before its code, of a list or a quote.
    start
        Where its code begins in the text.
    """

    mark: str
    info: str
    indent: str
    start: int

    @property
    def is_python(self) -> bool:
        """Whether it says so."""
        return bool(_PYTHON.match(self.info))

    def is_like(self, mark: str, info: str) -> bool:
        """Tell whether a mark opens a fence for the same language."""
        words = [
            re.split(r"[\s:{},]", one.strip(" {."))[0] for one in (info, self.info)
        ]
        same = words[0].lower() == words[1].lower() or not words[1]
        return mark[0] == self.mark[0] and (
            same or (self.is_python and bool(_PYTHON.match(info)))
        )

    def closes(self, line: str) -> bool:
        """Tell whether a line closes it."""
        return closes(self.mark, line)

    def code(self, text: str) -> str:
        """Give its code in the text that it was found in."""
        return text[self.start :]

    def upto_end(self, code: str) -> str:
        """Give code up to the line that closes it."""
        lines = code.split("\n")
        end = next((n for n, line in enumerate(lines) if self.closes(line)), None)
        return "\n".join(lines[:end])


def open_fence(text: str) -> OpenFence | None:
    r"""Find the fence that a text ends in; not one whose own line was cut.

    >>> open_fence("- a\n  ```py\n  x").indent
    '  '
    """
    found, place = None, 0
    for line in text.splitlines(keepends=True):
        place += len(line)
        if found:
            found = None if found.closes(line) else found
        elif (opens := _OPENS.match(line)) and line.endswith("\n"):
            indent = re.sub(r"[^>\s]", " ", opens[1])
            is_fence = opens[2][0] == "~" or "`" not in opens[3]
            found = OpenFence(opens[2], opens[3], indent, place) if is_fence else None
    return found


@dataclass(frozen=True, slots=True)
class Table:
    """A table that a text ends in.

    Parameters
    ----------
    last
        Its last line, if that has no line break: it may be cut.
    has_rows
        Whether the text goes on below the rule.
    """

    before: str
    head: str
    last: str
    has_rows: bool

    def is_head(self, line: str, rule: str) -> bool:
        """Tell whether two lines are its head once more."""
        return line.split() == self.head.split() and bool(_RULE.fullmatch(rule))

    def fits(self, line: str) -> bool:
        """Tell whether a line is a whole row of it."""
        text = line.strip()
        is_closed = text.endswith("|") or not self.head.strip().endswith("|")
        return is_closed and len(_CELL_END.findall(text)) == len(
            _CELL_END.findall(self.head)
        )


def open_table(text: str) -> Table | None:
    r"""Find the table that a text ends in, from its first line on.

    >>> open_table("| a | b |\n|---|---|\n| 1 ").last
    '| 1 '
    """
    *lines, last = text.split("\n")
    rows = [last] if last.strip() else []
    while lines and "|" in lines[-1] and lines[-1].strip():
        rows.insert(0, lines.pop())
    if not rows or not rows[0].lstrip(" \t>").startswith("|"):
        return None
    is_table = len(rows) < 2 or _RULE.fullmatch(rows[1]) or rows[1] is last
    head = rows[0] if len(rows) > 1 else ""
    return Table(text, head, last, len(rows) > 2) if is_table and head else None


def reads(code: str, indent: str) -> bool:
    """Tell whether Python code can be read, without what stands before its lines."""
    if len(code) > _LONGEST:
        return False
    lines = [line.removeprefix(indent) for line in code.split("\n")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(textwrap.dedent("\n".join(lines)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
