"""Join a reply that was cut off with its continuation.

A model goes on in the middle of a word, or opens the fence again, or says that it goes
on, or writes its last lines or the head of the table once more. What it repeats is
taken away if it is long enough to be no coincidence, or if the code reads only then.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from nemotron_magic.markdown.parser import CELL_END, FENCE, closes

_PYTHON = re.compile(r"[\s{.]*(?:i?python|py)", re.IGNORECASE)
_RULE = re.compile(r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class _Fence:
    """A fence that nothing has closed; its code begins at `start`."""

    mark: str
    info: str
    indent: str  # before its code, of a list or a quote
    start: int

    def is_like(self, mark: str, info: str) -> bool:
        """Return whether a mark opens a fence for the same language."""
        infos = (info, self.info)
        new, old = (re.split(r"[\s{}:,]", i.strip(" {."))[0].lower() for i in infos)
        is_python = all(map(_PYTHON.match, infos))
        return mark[0] == self.mark[0] and (new == old or not old or is_python)

    def end(self, lines: list[str]) -> int:
        """Return the number of the line that closes it, or how many there are."""
        ends = (n for n, line in enumerate(lines) if closes(self.mark, line))
        return next(ends, len(lines))


def open_fence(text: str) -> _Fence | None:
    """Find the fence that a text ends in; not one whose own line was cut."""
    found, place = None, 0
    for line in text.splitlines(keepends=True):
        place += len(line)
        if found:
            found = None if closes(found.mark, line) else found
        elif (opens := FENCE.match(line)) and line.endswith("\n"):
            before, mark, info = opens.groups()
            indent = re.sub(r"[^>\s]", " ", before)
            is_fence = mark[0] == "~" or "`" not in info
            found = _Fence(mark, info, indent, place) if is_fence else None
    return found


_PREFACE = re.compile(
    r"\A\s*(?:(?:sure|certainly|of course|okay|ok|absolutely|right)[,.!]?\s+)?"
    r"(?:here(?:'s|’s| is| are)?\b[^\n]{0,60}\b(?:rest|continu|remain)\w*[^\n]{0,60}"
    r"|continu(?:ing|ed|ation)\b[^\n]{0,60}|(?:i'll|i will|let me) continue[^\n]{0,60}"
    r"|picking up[^\n]{0,60}|resuming[^\n]{0,60}|\(continued\)|\[continued\])"
    r"(?:[:.…]|(?<=[)\]]))[ \t]*\n(?=[ \t]*(?:\n|```|~~~))(?:[ \t]*\n)*",
    re.IGNORECASE,
)
_FENCE_LINE = re.compile(r"\s*?([ \t]*)(`{3,}|~{3,})([^`\n]*)(?:\n|$)")
_CLOSED = re.compile(r"[ \t>]*(?:`{3,}|~{3,})[ \t]*")
_HEADING = re.compile(r"#{1,6} \S")
_MARKER = re.compile(r"([ \t]*)([-*+]|\d{1,9}(?=[.)]))[.)]? ")
_FURTHEST = 4_000
_LINE = (8, 4)  # characters, and different letters among them, at the start of a line
_WITHIN = (24, 8)  # the same, within a line


def join_replies(before: str, after: str) -> str:
    r"""Return the parts of a reply as one.

    >>> join_replies("```python\nx = [1,", "```python\nx = [1, 2]\n```\n")
    '```python\nx = [1, 2]\n```\n'
    """
    if not before.strip() or not after.strip():
        return before + after
    if fence := open_fence(before):
        return _in_code(before, after, fence)
    rest = after if before.endswith("\n") else _PREFACE.sub("", after)
    if rows := _open_table(before):
        return before + _more_rows(rows, before, rest)
    return _in_text(before, rest)


def _in_code(before: str, after: str, fence: _Fence) -> str:
    """Join inside an open fence."""
    rest = _PREFACE.sub("", after)
    last = before[before.rfind("\n") + 1 :].strip()
    half = "" if last.strip(fence.mark[0]) else last  # of a closing mark
    line = rest.partition("\n")[0]
    is_end = closes(fence.mark, line)
    if half and closes(fence.mark, half + line) and not is_end:
        return before + rest
    opens = _FENCE_LINE.match(rest)
    if opens and _opens_again(opens, rest[opens.end() :], fence):
        before = before.removesuffix(half)
        rest = _indented(rest[opens.end() :], fence, opens)
    elif is_end:
        before = before.removesuffix(half)
        is_in_line = before[before.rfind("\n") + 1 :].strip(" \t>")
        return before + ("\n" if is_in_line else "") + rest
    return before + _best(before, rest, fence)


def _opens_again(opens: re.Match[str], rest: str, fence: _Fence) -> bool:
    """Distinguish a fence that is opened again from one that closes what was open."""
    if opens[3].strip():
        return len(opens[2]) >= len(fence.mark) and fence.is_like(opens[2], opens[3])
    if opens[2] != fence.mark:
        return False
    if not open_fence(f"\n{rest}\n"):
        return False  # it closes, as do all that follow
    following = re.search(r"^[ \t]*(?:`{3,}|~{3,})([^\n]*)$", rest, re.MULTILINE)
    return bool(following and not following[1].strip())


def _indented(rest: str, fence: _Fence, opens: re.Match[str]) -> str:
    """Indent what goes on as the fence was: a list's code went on outside of it."""
    missing = fence.indent[len(opens[1]) :]
    lines = rest.split("\n")
    end = fence.end(lines) + 1
    inside = [missing + line if line.strip() else line for line in lines[1:end]]
    return "\n".join([lines[0], *inside, *lines[end:]])


def _best(before: str, rest: str, fence: _Fence) -> str:
    """Choose how code goes on: the first way in which it reads, else the first."""
    ways = list(dict.fromkeys(_ways(before, rest)))
    is_python = len(ways) > 1 and _PYTHON.match(fence.info)
    for way in ways if is_python else []:
        lines = (before[fence.start :] + way).split("\n")
        code = (one.removeprefix(fence.indent) for one in lines[: fence.end(lines)])
        if _parses("\n".join(code)):
            return way
    return ways[0]


def _parses(code: str) -> bool:
    unread = (SyntaxError, ValueError, RecursionError, MemoryError)
    with suppress(*unread), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return len(code) <= _LONGEST and bool(ast.parse(textwrap.dedent(code)))
    return False


def _ways(before: str, rest: str) -> Iterator[str]:
    """Yield the ways in which code may go on, the most likely first."""
    if size := _repeated(before, rest):
        yield rest[size:]
    yield rest
    head, _, last = before.rpartition("\n")
    bare, half = rest.lstrip(" \t"), last.strip()
    if half:
        if bare.startswith(half):
            yield bare[len(half) :]
        yield "\n" + rest
        return
    line = head[head.rfind("\n") + 1 :]
    if line.strip() and rest.startswith(f"{line}\n"):
        yield rest[len(line) + 1 :]
    if last and rest.startswith(last):
        yield rest[len(last) :]


def _repeated(before: str, rest: str) -> int:
    """Return how much of what goes on was there already, and is no coincidence."""
    longest = min(len(before), len(rest), _FURTHEST)
    for size in range(longest, _LINE[0] - 1, -1):
        if before.endswith(rest[:size]) and _is_meant(before, rest[:size]):
            return size
    last = before[before.rfind("\n") + 1 :].strip()
    bare = rest.lstrip(" \t")
    if bare.startswith(last) and _has(last, *_LINE):
        return len(rest) - len(bare) + len(last)
    return 0


def _is_meant(before: str, text: str) -> bool:
    """Return whether a text that is there twice was repeated, and not just alike."""
    start = len(before) - len(text)
    if before.endswith(text, 0, start):
        return False  # it comes again and again
    in_line = before[before.rfind("\n", 0, start) + 1 : start]
    if not in_line.strip():
        return _has(text, *_LINE)
    return not (in_line[-1].isalnum() and text[0].isalnum()) and _has(text, *_WITHIN)


def _has(text: str, least_chars: int, least_letters: int) -> bool:
    letters = {*filter(str.isalnum, text)}
    return len(text.strip()) >= least_chars and len(letters) >= least_letters


def _open_table(text: str) -> list[str]:
    """Return the rows of the table that a text ends in, the head first."""
    *lines, last = text.split("\n")
    rows = [last] if last.strip() else []
    while lines and "|" in lines[-1]:
        rows.insert(0, lines.pop())
    if len(rows) < 2 or not rows[0].lstrip(" \t>").startswith("|"):
        return []
    return rows if _RULE.fullmatch(rows[1]) or rows[1] is last else []


def _more_rows(rows: list[str], before: str, rest: str) -> str:
    """Return the rest of a table that was cut off, without what it repeats."""
    head, last = rows[0], before.rpartition("\n")[2]
    lines = rest.lstrip("\n").split("\n")
    is_head = lines[0].split() == head.split() and _RULE.fullmatch("".join(lines[1:2]))
    if len(rows) > 2 and is_head:
        first, *more = lines[2:] or [""]
        if last and first.strip().startswith(last.strip()):
            first = first.strip().removeprefix(last.strip())
        elif last and first.strip().startswith("|"):
            first = f"\n{first}"
        return "\n".join([first, *more])
    first = rest.partition("\n")[0]
    if not last.strip() or _fits(last + first, head) or not first.startswith("|"):
        return rest[_repeated(before, rest) :]
    if rest.startswith(last):
        return rest[len(last) :]
    return f"\n{rest}" if _fits(last, head) else rest


def _fits(line: str, head: str) -> bool:
    """Return whether a line is a whole row of the table with that head."""
    line, head = line.strip(), head.strip()
    is_closed = line.endswith("|") or not head.endswith("|")
    return is_closed and len(CELL_END.findall(line)) == len(CELL_END.findall(head))


def _in_text(before: str, rest: str) -> str:
    """Join in prose, in a list, or where a block has just ended."""
    last = before[before.rfind("\n") + 1 :]
    opens = _FENCE_LINE.match(rest)
    closed = _CLOSED.fullmatch(last or before[:-1].rpartition("\n")[2])
    if opens and closed and not opens[3].strip():
        marks = re.findall(r"^[ \t]*(?:`{3,}|~{3,})", rest[opens.end() :], re.MULTILINE)
        if len(marks) % 2 == 0:  # the closing mark, once more
            return before.rstrip("\n") + "\n" + rest[opens.end() :]
    rest = rest[_repeated(before, rest) :]
    return before + _break(last, rest) + rest


def _break(last: str, rest: str) -> str:
    """Return the line break that was lost where a block begins behind a text."""
    if not last.strip() or last[-1].isspace():
        return ""
    if re.match(r"(?:```|~~~)[\w+-]*\n", rest) and last.strip("`~ \t"):
        return "\n"
    if _HEADING.match(rest) and last[-1] in ".!?:)`*_":
        return "\n\n"
    item, other = _MARKER.match(last), _MARKER.match(rest)  # of the same list?
    if not item or not other or last[-1] in "*_-+" or item.end() == len(last):
        return ""
    following = str(int(item[2]) + 1) if item[2].isdigit() else item[2]
    return "\n" if other.groups() == (item[1], following) else ""
