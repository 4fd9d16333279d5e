"""The fenced blocks of a reply, also where the model set a fence a little wrong."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from itertools import islice

from nemotron_magic.code.languages import is_known, is_python_name
from nemotron_magic.code.looks import parsed
from nemotron_magic.code.prompts import without_prompts
from nemotron_magic.code.prose import without_prose
from nemotron_magic.markdown import CodeBlock, code_blocks
from nemotron_magic.markdown.code import language_of

__all__ = ["fenced", "has_fence"]

_FENCE = re.compile(r"(?:[ \t>]|(?:[-*+]|\d{1,9}[.)]) )*(`{3,}|~{3,})(.*)")
_LATE = re.compile(r"(?<=[^\s`])[ \t]*(?<!`)(`{3,})([\w{}.+#-]+)\s*$")
_MOST_TRIES = 8
_MOST_MENDED = 40  # blocks; a reply has not so many
_FAR = 500  # lines
_CODE_INDENT = 4


def fenced(text: str) -> tuple[CodeBlock, ...]:
    r"""Find the fenced blocks, as `code_blocks` does, and mend what models get wrong.

    That is a fence which opens at the end of a line of prose, closes at the end of a
    line of code, with another mark or with prose behind it, is indented as if it were
    no fence, or stands in a text within the code.

    >>> fenced("Here: ```python\nx = 1\n```\n")
    (CodeBlock(code='x = 1\n', language='python', closed=True),)
    """
    if "```" not in text and "~~~" not in text:
        return ()
    return code_blocks("\n".join(_set_right(text.split("\n"))))


def has_fence(text: str) -> bool:
    """Tell whether a block of a language that makes cells begins in a text."""
    fences = (fence for line in text.split("\n") if (fence := _FENCE.match(line)))
    return any(is_known(language_of(fence[2])) for fence in fences)


def _set_right(lines: list[str]) -> Iterator[str]:
    """Give the lines with each block's marks on lines of their own, and fit to it."""
    at = mended = 0
    while at < len(lines):
        line = lines[at]
        fence = _FENCE.match(line)
        if not fence and (late := _late_mark(lines, at)):
            yield from (line[: late.start()], "")
            line = late[1] + late[2]
            fence = _FENCE.match(line)
        if not fence or (fence[1][0] == "`" and "`" in fence[2]):
            yield line
            at += 1
            continue
        start = at + 1
        usual, at = _usual(line, fence, lines, start)
        block = None
        if mended < _MOST_MENDED and is_python_name(language_of(fence[2])):
            block = _mended(line, fence, lines, start, at)
        if block:
            usual, at = block
            mended += 1
        if mended < _MOST_MENDED and _is_lost(fence, lines, start):
            usual = _at_margin(usual, fence.start(1))
            mended += 1
        yield from usual


def _late_mark(lines: list[str], at: int) -> re.Match[str] | None:
    """Find a fence that opens behind prose: of a language, and closed further down."""
    found = _LATE.search(lines[at]) if "```" in lines[at] else None
    if not found or "`" in lines[at][: found.start()]:
        return None
    if not is_known(language_of(found[2])):
        return None
    fences = (
        fence for line in lines[at + 1 : at + _FAR] if (fence := _FENCE.match(line))
    )
    following = next(fences, None)
    return found if following and not following[2].strip() else None


def _usual(
    opening: str, fence: re.Match[str], lines: list[str], start: int
) -> tuple[list[str], int]:
    """Give the lines of a block that opened, and the place behind it."""
    ends = (n for n in range(start, len(lines)) if _closes(fence[1], lines[n]))
    end = next(ends, len(lines))
    return [opening, *lines[start : end + 1]], end + 1


def _mended(
    opening: str, fence: re.Match[str], lines: list[str], start: int, behind: int
) -> tuple[list[str], int] | None:
    """Give the lines of a block that reads only if it ends elsewhere, and so on."""
    if _reads(lines[start : behind - 1]):
        return None
    for end in islice(_ends(fence[1], lines, start), _MOST_TRIES):
        body, behind = _upto(fence[1], lines, start, end)
        if _reads(body):
            return _marked(opening, fence, body), behind
    return None


def _upto(mark: str, lines: list[str], start: int, end: int) -> tuple[list[str], int]:
    """Give the lines of a block that ends at a line, and the place behind it."""
    body, line = lines[start:end], lines[end]
    if _closes(mark, line):
        return body, end + 1
    if _opens(line):  # the next block, and this one was not closed
        return without_prose("\n".join(body)).split("\n"), end
    if _FENCE.match(line):  # another mark, or prose behind it
        return body, end + 1
    return [*body, line.rstrip().removesuffix(mark)], end + 1


def _ends(mark: str, lines: list[str], start: int) -> Iterator[int]:
    """Give the lines at which a block may end."""
    for n in range(start, len(lines)):
        if lines[n].rstrip().endswith(mark) or _FENCE.match(lines[n]):
            yield n


def _opens(line: str) -> bool:
    fence = _FENCE.match(line)
    return bool(fence and is_known(language_of(fence[2])))


def _closes(mark: str, line: str) -> bool:
    fence = _FENCE.match(line)
    return bool(fence and fence[1].startswith(mark) and not fence[2].strip())


def _marked(opening: str, fence: re.Match[str], body: list[str]) -> list[str]:
    """Put marks around a block that nothing within it can close."""
    runs = re.findall(re.escape(fence[1][0]) + "{3,}", "\n".join(body))
    mark = fence[1][0] * (max(map(len, runs), default=2) + 1)
    before = opening[: fence.start(1)]
    return [
        f"{before}{mark}{fence[2]}",
        *body,
        re.sub(r"[^>\s]", " ", before) + mark,
    ]


def _is_lost(fence: re.Match[str], lines: list[str], start: int) -> bool:
    """Tell whether Markdown takes a fence for no fence, or its code for what follows.

    It does so where it is indented as code is, but not within a text of bare code, and
    where code at the margin follows a fence behind a bullet.
    """
    before = fence.string[: fence.start(1)]
    if ">" in before:
        return False
    if before.strip():
        following = next((line for line in lines[start:] if line.strip()), " ")
        return not following[0].isspace()
    above = "\n".join(lines[: start - 1])
    is_text = any(above.count(quotes) % 2 for quotes in ('"""', "'''"))
    return len(before.expandtabs(4)) >= _CODE_INDENT and not is_text


def _at_margin(block: list[str], width: int) -> list[str]:
    """Give a block without what stands before its mark."""
    blanks = re.compile(rf"[ \t]{{0,{width}}}")
    opening, *others = block
    return [opening[width:], *(blanks.sub("", line, count=1) for line in others)]


def _reads(lines: list[str]) -> bool:
    return parsed(without_prompts(textwrap.dedent("\n".join(lines)))) is not None
