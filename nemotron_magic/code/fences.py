"""The fenced blocks of a reply, also where the model set a fence a little wrong."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from itertools import islice

from nemotron_magic.code.languages import is_known, is_python_name
from nemotron_magic.code.looks import parsed
from nemotron_magic.code.prompts import without_prompts
from nemotron_magic.markdown import CodeBlock, code_blocks
from nemotron_magic.markdown.code import language_of

__all__ = ["fenced"]

_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)]) +)*(`{3,}|~{3,})(.*)")
_LATE = re.compile(r"(?<=[^\s`])[ \t]*(?<!`)(`{3,})([\w{}.+#-]+)\s*$")
_MOST_TRIES = 8
_FAR = 500  # lines


def fenced(text: str) -> tuple[CodeBlock, ...]:
    r"""Find the fenced blocks, as `code_blocks` does, and mend what models get wrong.

    That is a fence which opens at the end of a line of prose, or closes at the end of
    a line of code, and one that stands in a text within the code.

    >>> fenced("Here: ```python\nx = 1\n```\n")
    (CodeBlock(code='x = 1\n', language='python', closed=True),)
    """
    if "```" not in text and "~~~" not in text:
        return ()
    return code_blocks("\n".join(_set_right(text.split("\n"))))


def _set_right(lines: list[str]) -> Iterator[str]:
    """Give the lines with each block's marks on lines of their own, and fit to it."""
    at = 0
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
        block, at = _block(line, fence, lines, at + 1)
        yield from block


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


def _block(
    opening: str, fence: re.Match[str], lines: list[str], start: int
) -> tuple[list[str], int]:
    """Give the lines of a block that opened, and the place behind it."""
    ends = _ends(fence[1], lines, start)
    plain = next((end for end in ends if _closes(fence[1], lines[end])), len(lines))
    usual = [opening, *lines[start : plain + 1]], plain + 1
    if not is_python_name(language_of(fence[2])) or _reads(lines[start:plain]):
        return usual
    for end in ends[:_MOST_TRIES]:
        closes = _closes(fence[1], lines[end])
        last = [] if closes else [lines[end].rstrip().removesuffix(fence[1])]
        body = [*lines[start:end], *last]
        if _reads(body):
            return _marked(opening, fence, body), end + 1
    return usual


def _ends(mark: str, lines: list[str], start: int) -> list[int]:
    """Give the lines that end with a mark: the last of them may be many lines down."""
    bare = (n for n in range(start, len(lines)) if lines[n].rstrip().endswith(mark))
    return list(islice(bare, 10 * _MOST_TRIES))


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


def _reads(lines: list[str]) -> bool:
    return parsed(without_prompts(textwrap.dedent("\n".join(lines)))) is not None
