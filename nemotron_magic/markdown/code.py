"""The fenced code blocks of a reply, also of a reply cut short."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["CodeBlock", "as_block", "closes", "code_blocks", "language_of"]


_LANGUAGE = re.compile(r"[\s{.]*([^\s{}:,;=()\[\]\"'`]+)")


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One fenced block: its code without the fence's indentation, and its language.

    ``closed`` is False if the reply was cut inside the fence.
    """

    code: str
    language: str
    closed: bool


def code_blocks(text: str) -> tuple[CodeBlock, ...]:
    r"""Find the fenced blocks of a Markdown text, wherever they are nested.

    >>> code_blocks("- so:\n  ```Python\n  x = 1\n  ```\n")
    (CodeBlock(code='x = 1\n', language='python', closed=True),)
    """
    if "```" not in text and "~~~" not in text:
        return ()
    from nemotron_magic.markdown.parser import skeleton

    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.rstrip("\n").split("\n")
    return tuple(
        _code_block(token, lines) for token in skeleton(text) if token.type == "fence"
    )


def as_block(text: str, language: str) -> str:
    r"""Give a text as a fenced block that nothing within it can close.

    >>> as_block("x = 1", "python")
    '```python\nx = 1\n```'
    """
    runs = (len(run) for run in re.findall(r"`{3,}", text))
    mark = "`" * (max(runs, default=2) + 1)
    return f"{mark}{language}\n{text}\n{mark}"


def language_of(info: str) -> str:
    """Take the language from what stands behind a fence: its first word.

    >>> [language_of(info) for info in ("{.py .x}", "Python:a.py", "py{1,3}", "c++")]
    ['py', 'python', 'py', 'c++']
    """
    word = _LANGUAGE.match(info)
    return word[1].rstrip(".").lower() if word else ""


def _code_block(token: Token, lines: list[str]) -> CodeBlock:
    start, end = token.map or (0, 0)
    last = lines[min(end, len(lines)) - 1] if end - start > 1 else ""
    ends_the_reply = end >= len(lines)
    closed = closes(token.markup, last) or not ends_the_reply
    return CodeBlock(token.content, language_of(token.info), closed)


def closes(mark: str, line: str) -> bool:
    """Tell whether a line, perhaps in a quote, is the closing mark of a fence."""
    line = line.lstrip(" \t>").rstrip()
    return line.startswith(mark) and not line.strip(mark[0])
