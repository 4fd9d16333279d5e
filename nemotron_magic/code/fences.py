"""Find the fenced blocks of a reply, also where a fence is a little wrong."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterator
from itertools import islice

from nemotron_magic.code.classify import parsed, strip_prompts
from nemotron_magic.markdown.parser import CodeBlock, code_blocks, language_of

__all__ = [
    "MARKDOWN",
    "PYTHON",
    "SESSIONS",
    "SHELLS",
    "fenced",
    "has_fence",
    "is_known",
    "is_python_name",
    "magic_of",
    "without_prose",
]


PYTHON = frozenset([
    "python", "py", "ipython", "ipy", "pycon", "python-repl", "python-console",
    "pyrepl", "jupyter", "jupyter-python", "code-cell", "cell", "sage", "x-python",
    "text/x-python",
])  # fmt: skip
# What shows commands with their prompts, and output without.
SESSIONS = frozenset([
    "console", "shell-session", "shellsession", "sh-session", "bash-session",
    "terminal", "session", "doctest",
])  # fmt: skip
SHELLS = frozenset(["bash", "sh", "shell", "shellscript", "zsh"])
MARKDOWN = frozenset(["markdown", "md", "mdx", "qmd", "rmd", "rmarkdown", "myst"])

# The magics that can take a language, the best first, and its other names.
_LANGUAGES: tuple[tuple[str, str], ...] = (
    ("bash sh", " ".join(("bash", *SHELLS))),
    ("html HTML", "html htm html5"),
    ("javascript js", "javascript js"),
    ("latex", "latex tex"),
    ("perl", "perl pl"),
    ("ruby", "ruby rb"),
    ("sql", "sql postgres postgresql mysql sqlite sqlite3 duckdb"),
    ("svg SVG", "svg"),
    ("cython", "cython pyx"),
    ("julia", "julia jl"),
    ("octave", "octave"),
    ("R", "r"),
    ("cmd", "cmd bat batch"),
)
_MAGICS: dict[str, list[str]] = {
    name: magics.split() for magics, names in _LANGUAGES for name in names.split()
}


def magic_of(language: str, magics: Collection[str]) -> str:
    """Return the cell magic that takes a language, among those there are; else nothing.

    >>> magic_of("sh", ["bash", "html"]), magic_of("rust", ["bash", "html"])
    ('bash', '')
    """
    return next((one for one in _MAGICS.get(language, ()) if one in magics), "")


def is_python_name(language: str) -> bool:
    """Return whether a language is Python, of whichever version.

    >>> is_python_name("python3.12"), is_python_name("pytb")
    (True, False)
    """
    return language.rstrip("0123456789.") in PYTHON


def is_known(language: str) -> bool:
    """Return whether a language can make a cell here or elsewhere."""
    return is_python_name(language) or language in _MAGICS


_PARAGRAPH = re.compile(r"\n[ \t]*\n(?=\S)")
_HEADING = re.compile(r"(?:\n[ \t]*)*\n#{2,6} [^\n]*\s*$")
_SENTENCE = re.compile(
    r"(?:[-*+] |\d{1,3}\. |>)?\s*(?:[A-Z][\w'’]*|[`*_]+\w[^\n]*?[`*_:]+)[,:]?"
    r"(?: [\w'’`*(][^\n]*)?(?:\n|$)"
)
_WORDS = re.compile(r"[A-Za-z'’]{2,}")
_LEAST_WORDS = 4
_MOST_PARAGRAPHS = 20


def without_prose(code: str) -> str:
    r"""Return code of an open fence up to the first paragraph that is plainly prose.

    >>> without_prose("x = 1\n\nThis sets the value of x.")
    'x = 1'
    """
    if parsed(code) is not None:
        return code
    if _is_prose(code):
        return ""
    for gap in islice(_PARAGRAPH.finditer(code), _MOST_PARAGRAPHS):
        head, tail = code[: gap.start()], code[gap.end() :]
        if _is_prose(tail) and parsed(head) is not None:
            return _HEADING.sub("", head)
    return code


def _is_prose(text: str) -> bool:
    """Return whether a text begins with a sentence: words, and no Python."""
    line = text.partition("\n")[0]
    words = len(_WORDS.findall(line))
    is_long = words >= _LEAST_WORDS or (words and line.rstrip().endswith((":", ":**")))
    return bool(is_long and _SENTENCE.match(text)) and parsed(line) is None


_FENCE = re.compile(r"(?:[ \t>]|(?:[-*+]|\d{1,9}[.)]) )*(`{3,}|~{3,})(.*)")
_LATE = re.compile(r"(?<=[^\s`])[ \t]*(?<!`)(`{3,})([\w{}.+#-]+)\s*$")
_MOST_ENDS = 8
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
    """Return whether a block of a language that makes cells begins in a text."""
    return any(map(_opens, text.split("\n")))


def _set_right(lines: list[str]) -> Iterator[str]:
    """Yield the lines with each block's marks on lines of their own, and fit to it."""
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
        is_python = is_python_name(language_of(fence[2]))
        if mended < _MOST_MENDED and is_python:
            block, behind = _mended(line, fence, lines, start, at)
            mended += bool(block)
            usual, at = (block, behind) if block else (usual, at)
        if mended < _MOST_MENDED and _is_lost(fence, lines, start):
            usual = _at_margin(usual, fence.start(1))
            mended += 1
        yield from usual


def _late_mark(lines: list[str], at: int) -> re.Match[str] | None:
    """Find a fence that opens behind prose: of a language, and closed further down."""
    found = _LATE.search(lines[at]) if "```" in lines[at] else None
    if not found or "`" in lines[at][: found.start()]:
        return None
    following = next(filter(None, map(_FENCE.match, lines[at + 1 : at + _FAR])), None)
    closes = following and not following[2].strip()
    return found if closes and is_known(language_of(found[2])) else None


def _usual(
    opening: str, fence: re.Match[str], lines: list[str], start: int
) -> tuple[list[str], int]:
    """Return the lines of a block that opened, and the place behind it."""
    ends = (n for n in range(start, len(lines)) if _closes(fence[1], lines[n]))
    end = next(ends, len(lines))
    return [opening, *lines[start : end + 1]], end + 1


def _mended(
    opening: str, fence: re.Match[str], lines: list[str], start: int, behind: int
) -> tuple[list[str], int]:
    """Return the lines of a block that reads only if it ends elsewhere, and so on."""
    if _reads(lines[start : behind - 1]):
        return [], behind
    ends = (
        n
        for n in range(start, len(lines))
        if lines[n].rstrip().endswith(fence[1]) or _FENCE.match(lines[n])
    )
    for end in islice(ends, _MOST_ENDS):
        body, behind = _upto(fence[1], lines, start, end)
        if _reads(body):
            return _marked(opening, fence, body), behind
    return [], behind


def _upto(mark: str, lines: list[str], start: int, end: int) -> tuple[list[str], int]:
    """Return the lines of a block that ends at a line, and the place behind it."""
    body, line = lines[start:end], lines[end]
    if _closes(mark, line):
        return body, end + 1
    if _opens(line):  # the next block, and this one was not closed
        return without_prose("\n".join(body)).split("\n"), end
    if _FENCE.match(line):  # another mark, or prose behind it
        return body, end + 1
    return [*body, line.rstrip().removesuffix(mark)], end + 1


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
    end = re.sub(r"[^>\s]", " ", before) + mark
    return [f"{before}{mark}{fence[2]}", *body, end]


def _is_lost(fence: re.Match[str], lines: list[str], start: int) -> bool:
    """Return whether Markdown takes a fence for no fence, or its code for what follows.

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
    """Return a block without what stands before its mark."""
    blanks = re.compile(rf"[ \t]{{0,{width}}}")
    opening, *others = block
    return [opening[width:], *(blanks.sub("", line, count=1) for line in others)]


def _reads(lines: list[str]) -> bool:
    return parsed(strip_prompts(textwrap.dedent("\n".join(lines)))) is not None
