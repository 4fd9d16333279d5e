"""Make cells from the code of a reply: exactly the code, no prose, no fences."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from nemotron_magic.code import classify
from nemotron_magic.code.classify import parsed, strip_prompts
from nemotron_magic.code.syntax import LIBRARIES, by_word, pattern, words
from nemotron_magic.markdown.parser import (
    FENCE,
    CodeBlock,
    closes,
    code_blocks,
    language_of,
)

_DEEPEST = 4  # Markdown in Markdown in Markdown


@dataclass(frozen=True, slots=True)
class CodeCell:
    """Code that can be put into a cell."""

    source: str  # with its cell magic if it is not Python
    language: str = "python"  # or the name of the cell magic
    number: int = 1  # among the cells of the reply
    warnings: tuple[str, ...] = ()  # what hides in it

    @property
    def is_python(self) -> bool:
        """Whether it can stand in one cell with other code."""
        return self.language == "python" and not self.source.startswith("%%")


def cells_of(markdown: str, magics: Collection[str]) -> tuple[CodeCell, ...]:
    """Return the code of a reply as cells, also of a reply that was cut short.

    `magics` are the names of the cell magics there are, without percent signs.
    """
    text = markdown.replace("\r\n", "\n").replace("\r", "\n")
    found = list(_found(text, magics))
    # A list or a number after code is what the code gives.
    if not all(classify.is_literal(cell.source) for cell in found):
        found = [cell for cell in found if not classify.is_literal(cell.source)]
    return _numbered(found)


def join_cells(cells: Collection[CodeCell]) -> tuple[CodeCell, ...]:
    """Join the Python cells into one; cells with a magic of their own follow it."""
    python = [cell for cell in cells if cell.is_python]
    others = [cell for cell in cells if not cell.is_python]
    if len(python) > 1:
        warnings = (f"block {c.number}, {one}" for c in python for one in c.warnings)
        source = "\n\n".join(cell.source for cell in python)
        python = [CodeCell(source, warnings=tuple(warnings))]
    return _numbered([*python, *others])


def _numbered(cells: list[CodeCell]) -> tuple[CodeCell, ...]:
    return tuple(replace(cell, number=n) for n, cell in enumerate(cells, 1))


def _found(text: str, magics: Collection[str], depth: int = 0) -> Iterator[CodeCell]:
    blocks = code_blocks("\n".join(_set_right(text.split("\n"))))
    # Of code without a fence, one that stands in a text of it is a part.
    is_bare = not blocks or ("~~~" not in text and parsed(text) is not None)
    if is_bare and not depth:
        code = strip_prompts(_trimmed(text))
        first, _, rest = code.partition("\n")
        if first.strip().lower() in words("python"):  # a fence's remains
            code = rest
        # It does not tell whether it is whole, so it has to read as code to its end.
        if classify.is_python(code, is_whole=True, is_shown=False):
            yield CodeCell(code)
            return
    for block in blocks:
        is_markdown = block.language in words("markdown") or (
            not block.language and any(map(_opens, block.code.split("\n")))
        )
        if is_markdown and depth < _DEEPEST:
            yield from _found(block.code, magics, depth + 1)
        elif cell := _cell(block, magics):
            yield cell


def _cell(block: CodeBlock, magics: Collection[str]) -> CodeCell | None:
    code = block.code
    if not block.closed:
        # It may end in the beginning of its closing mark, or of the next block.
        above, _, last = code.rstrip("\n").rpartition("\n")
        code = above if pattern("half_mark").fullmatch(last) else code.rstrip("`~\n")
    if not code.strip() or (not block.closed and classify.is_too_little(code)):
        return None
    code = _trimmed(code)
    head = re.match(r"%%(\S*)", code)
    if head and (magic := head[1]) in magics:
        known = magic_of(block.language, magics) == magic
        return CodeCell(code, magic if known else "python")
    if is_python_name(block.language) or block.language in ("", *words("sessions")):
        return _python(code, magics, block)
    magic = magic_of(block.language, magics)
    if magic and classify.is_all("line_magic", code):
        return CodeCell(code)
    if block.language in words("shells"):
        return _shell(code, magics)
    return CodeCell(f"%%{magic}\n{code}", magic) if magic else None


def _python(code: str, magics: Collection[str], block: CodeBlock) -> CodeCell | None:
    """Make a cell of what is said to be Python, or does not say what it is."""
    is_said = is_python_name(block.language)
    if is_said and not block.closed:
        code = _without_prose(code)
    is_shell = classify.is_all("known_command", code)
    is_no_python = is_said and is_shell and parsed(code) is None
    if is_no_python or pattern("shell_prompt").match(code):
        return _shell(code, magics)
    if block.language in words("sessions") and not pattern("python_prompt").match(code):
        return None  # a console's output
    bare = _trimmed(strip_prompts(code))
    if is_said:  # unless it plainly is none
        return CodeCell(bare) if bare and not classify.is_no_code(bare) else None
    if classify.is_python(bare, is_whole=block.closed):
        return CodeCell(bare)
    return _shell(code, magics) if is_shell else None


def _shell(code: str, magics: Collection[str]) -> CodeCell | None:
    code = _trimmed(classify.strip_shell_prompts(code))
    if installs := classify.pip_lines(code):
        return CodeCell(installs)
    magic = magic_of("bash", magics)
    return CodeCell(f"%%{magic}\n{code}", magic) if code and magic else None


def _trimmed(code: str) -> str:
    """Take off empty lines around, and indentation that all lines share."""
    lines = re.sub(r"^(?:[^\S\n]*\n)+", "", code.rstrip()).split("\n")
    indents = [line[: -len(line.lstrip(" \t"))] for line in lines if line.strip()]
    shared = min(indents, key=len, default="")
    is_shared = all(indent.startswith(shared) for indent in indents)
    return "\n".join(line[len(shared) * is_shared :] for line in lines)


_MAGICS = by_word(LIBRARIES["languages"])


def magic_of(language: str, magics: Collection[str]) -> str:
    """Return the cell magic that takes a language, among those there are; else ""."""
    return next((one for one in _MAGICS.get(language, "").split() if one in magics), "")


def is_python_name(language: str) -> bool:
    """Return whether a language is Python, of whichever version."""
    return language.rstrip("0123456789.") in words("python")


def is_known(language: str) -> bool:
    """Return whether a language can make a cell here or elsewhere."""
    return is_python_name(language) or language in _MAGICS


_LEAST_WORDS = 4
_MOST_PARAGRAPHS = 20


def _without_prose(code: str) -> str:
    """Return code of an open fence up to the first paragraph that is plainly prose."""
    if parsed(code) is not None:
        return code
    if _is_prose(code):
        return ""
    for gap in islice(pattern("paragraph").finditer(code), _MOST_PARAGRAPHS):
        head, tail = code[: gap.start()], code[gap.end() :]
        if _is_prose(tail) and parsed(head) is not None:
            return pattern("heading").sub("", head)
    return code


def _is_prose(text: str) -> bool:
    line = text.partition("\n")[0]
    count = len(pattern("english_word").findall(line))
    is_long = count >= _LEAST_WORDS or (count and line.rstrip().endswith((":", ":**")))
    return bool(is_long and pattern("sentence").match(text)) and parsed(line) is None


_MOST_ENDS = 8
_MOST_MENDED = 40  # blocks; a reply has fewer
_FAR = 500  # lines


def _set_right(lines: list[str]) -> Iterator[str]:
    """Yield the lines with each block's marks on lines of their own, and fit to it."""
    at = mended = 0
    while at < len(lines):
        line = lines[at]
        fence = FENCE.match(line)
        if not fence and (late := _late_mark(lines, at)):
            yield from (line[: late.start()], "")
            line = late[1] + late[2]
            fence = FENCE.match(line)
        if not fence or (fence["mark"][0] == "`" and "`" in fence["info"]):
            yield line
            at += 1
            continue
        start = at + 1
        ends = (n for n in range(start, len(lines)) if closes(fence["mark"], lines[n]))
        at = next(ends, len(lines)) + 1
        usual = [line, *lines[start:at]]
        is_python = is_python_name(language_of(fence["info"]))
        if mended < _MOST_MENDED and is_python:
            block, at = _mended(fence, lines, start, at)
            mended += bool(block)
            usual = block or usual
        if mended < _MOST_MENDED and _is_lost(fence, lines, start):
            width = fence.start("mark")
            blanks = re.compile(rf"[ \t]{{0,{width}}}")
            usual = [line[width:], *(blanks.sub("", one, 1) for one in usual[1:])]
            mended += 1
        yield from usual


def _late_mark(lines: list[str], at: int) -> re.Match[str] | None:
    """Find a fence that opens behind prose: of a language, and closed further down."""
    found = pattern("late_mark").search(lines[at]) if "```" in lines[at] else None
    if not found or "`" in lines[at][: found.start()]:
        return None
    following = next(filter(None, map(FENCE.match, lines[at + 1 : at + _FAR])), None)
    closes = following and not following["info"].strip()
    return found if closes and is_known(language_of(found[2])) else None


def _mended(
    fence: re.Match[str], lines: list[str], start: int, behind: int
) -> tuple[list[str], int]:
    """Return a block that parses only if it ends elsewhere, and where it does."""
    ends = (
        n
        for n in range(start, len(lines))
        if lines[n].rstrip().endswith(fence["mark"]) or FENCE.match(lines[n])
    )
    is_right = _reads(lines[start : behind - 1])
    for end in islice(ends, 0 if is_right else _MOST_ENDS):
        body, at = _upto(fence["mark"], lines, start, end)
        if _reads(body):
            return _marked(fence, body), at
    return [], behind


def _upto(mark: str, lines: list[str], start: int, end: int) -> tuple[list[str], int]:
    """Return the lines of a block that ends at a line, and the place behind it."""
    body, line = lines[start:end], lines[end]
    if closes(mark, line):
        return body, end + 1
    if _opens(line):  # the next block, and this one was not closed
        return _without_prose("\n".join(body)).split("\n"), end
    if FENCE.match(line):  # another mark, or prose behind it
        return body, end + 1
    return [*body, line.rstrip().removesuffix(mark)], end + 1


def _opens(line: str) -> bool:
    fence = FENCE.match(line)
    return bool(fence and is_known(language_of(fence["info"])))


def _marked(fence: re.Match[str], body: list[str]) -> list[str]:
    """Put marks around a block that nothing within it can close."""
    before, mark, info = fence.groups()
    runs = re.findall(re.escape(mark[0]) + "{3,}", "\n".join(body))
    mark = mark[0] * (max(map(len, runs), default=2) + 1)
    return [f"{before}{mark}{info}", *body, re.sub(r"[^>\s]", " ", before) + mark]


def _is_lost(fence: re.Match[str], lines: list[str], start: int) -> bool:
    """Return whether Markdown takes a fence for no fence, or its code for what follows.

    It does so where it is indented as code is, but not within a text of bare code, and
    where code at the margin follows a fence behind a bullet.
    """
    before = fence["before"]
    if ">" in before:
        return False
    if before.strip():
        following = next((line for line in lines[start:] if line.strip()), " ")
        return not following[0].isspace()
    above = "\n".join(lines[: start - 1])
    is_text = any(above.count(quotes) % 2 for quotes in ('"""', "'''"))
    return len(before.expandtabs(4)) >= 4 and not is_text  # as code is


def _reads(lines: list[str]) -> bool:
    return parsed(strip_prompts(textwrap.dedent("\n".join(lines)))) is not None
