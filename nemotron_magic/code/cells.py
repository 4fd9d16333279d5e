"""Make cells from the code of a reply: exactly the code, no prose, no fences."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from nemotron_magic.code.classify import (
    PYTHON_PROMPT,
    SHELL_PROMPT,
    is_line_magics,
    is_literal,
    is_no_code,
    is_python,
    is_shell,
    is_too_little,
    parsed,
    pip_lines,
    strip_prompts,
    strip_shell_prompts,
)
from nemotron_magic.code.fences import (
    MARKDOWN,
    PYTHON,
    SESSIONS,
    SHELLS,
    fenced,
    has_fence,
    is_python_name,
    magic_of,
    without_prose,
)
from nemotron_magic.markdown.parser import CodeBlock

__all__ = [
    "CodeCell",
    "cells_of",
    "join_cells",
]


_MARK = re.compile(r"[ \t]*(?:`{3,}|~{3,})[\w+-]*")
_DEEPEST = 4  # Markdown in Markdown in Markdown


@dataclass(frozen=True, slots=True)
class CodeCell:
    """Code that can be put into a cell.

    Parameters
    ----------
    source
        What the cell holds, with its cell magic if it is not Python.
    language
        `python`, or the name of the cell magic.
    number
        Its place among the cells of the reply, from 1.
    warnings
        What hides in it, one line each.
    """

    source: str
    language: str = "python"
    number: int = 1
    warnings: tuple[str, ...] = ()

    @property
    def is_python(self) -> bool:
        """Whether it can stand in one cell with other code."""
        return self.language == "python" and not self.source.startswith("%%")


def cells_of(markdown: str, magics: Collection[str]) -> tuple[CodeCell, ...]:
    r"""Return the code of a reply as cells, also of a reply that was cut short.

    Parameters
    ----------
    magics
        The names of the cell magics there are, without their percent signs.

    Examples
    --------
    >>> cells_of("So:\n\n~~~py\nx = 1\n~~~\n\n```sh\nls\n```", ["bash"])[1].source
    '%%bash\nls'
    >>> cells_of("Yes, it is.", [])
    ()
    """
    text = markdown.replace("\r\n", "\n").replace("\r", "\n")
    found = list(_found(text, magics))
    # A list or a number after code is what the code gives.
    if not all(is_literal(cell.source) for cell in found):
        found = [cell for cell in found if not is_literal(cell.source)]
    return tuple(replace(cell, number=n) for n, cell in enumerate(found, 1))


def join_cells(cells: Collection[CodeCell]) -> tuple[CodeCell, ...]:
    r"""Join the Python cells into one; cells with a magic of their own follow it.

    A cell magic takes the whole cell, so nothing can be joined to it.

    >>> [cell.source for cell in join_cells([CodeCell("x = 1"), CodeCell("x")])]
    ['x = 1\n\nx']
    """
    python = [cell for cell in cells if cell.is_python]
    others = [cell for cell in cells if not cell.is_python]
    if len(python) > 1:
        warnings = (f"block {c.number}, {one}" for c in python for one in c.warnings)
        source = "\n\n".join(cell.source for cell in python)
        python = [CodeCell(source, warnings=tuple(warnings))]
    made = [*python, *others]
    return tuple(replace(cell, number=n) for n, cell in enumerate(made, 1))


def _found(text: str, magics: Collection[str], depth: int = 0) -> Iterator[CodeCell]:
    blocks = fenced(text)
    # Of code without a fence, one that stands in a text of it is a part.
    is_bare = not blocks or ("~~~" not in text and parsed(text) is not None)
    if is_bare and not depth:
        code = strip_prompts(_trimmed(text))
        first, _, rest = code.partition("\n")
        code = rest if first.strip().lower() in PYTHON else code  # a fence's remains
        # It does not tell whether it is whole, so it has to read as code to its end.
        if is_python(code, is_whole=True, is_shown=False):
            yield CodeCell(code)
            return
    for block in blocks:
        is_markdown = block.language in MARKDOWN or (
            not block.language and has_fence(block.code)
        )
        if is_markdown and depth < _DEEPEST:
            yield from _found(block.code, magics, depth + 1)
        elif cell := _cell(block, magics):
            yield cell


def _cell(block: CodeBlock, magics: Collection[str]) -> CodeCell | None:
    # What was cut may end in the beginning of its closing mark.
    code = block.code if block.closed else _without_half_mark(block.code)
    if not code.strip() or (not block.closed and is_too_little(code)):
        return None
    code = _trimmed(code)
    head = re.match(r"%%(\S*)", code)
    if head and (magic := head[1]) in magics:
        known = magic_of(block.language, magics) == magic
        return CodeCell(code, magic if known else "python")
    if is_python_name(block.language):
        return _python(code if block.closed else without_prose(code), magics)
    if block.language in SESSIONS or not block.language:
        return _guessed(code, magics, block)
    magic = magic_of(block.language, magics)
    if magic and is_line_magics(code):
        return CodeCell(code)
    if block.language in SHELLS:
        return _shell(code, magics)
    return CodeCell(f"%%{magic}\n{code}", magic) if magic else None


def _python(code: str, magics: Collection[str]) -> CodeCell | None:
    """Make a cell of code that is said to be Python, unless it plainly is none."""
    if SHELL_PROMPT.match(code) or (is_shell(code) and parsed(code) is None):
        return _shell(code, magics)
    bare = _trimmed(strip_prompts(code))
    return CodeCell(bare) if bare and not is_no_code(bare) else None


def _guessed(code: str, magics: Collection[str], block: CodeBlock) -> CodeCell | None:
    """Make a cell of code that does not say what it is."""
    if SHELL_PROMPT.match(code):
        return _shell(code, magics)
    if block.language and not PYTHON_PROMPT.match(code):
        return None  # a console's output
    bare = _trimmed(strip_prompts(code))
    if is_python(bare, is_whole=block.closed):
        return CodeCell(bare)
    return _shell(code, magics) if is_shell(code) else None


def _shell(code: str, magics: Collection[str]) -> CodeCell | None:
    code = _trimmed(strip_shell_prompts(code))
    if installs := pip_lines(code):
        return CodeCell(installs)
    magic = magic_of("bash", magics)
    return CodeCell(f"%%{magic}\n{code}", magic) if code and magic else None


def _without_half_mark(code: str) -> str:
    """Take off what may be the beginning of a closing mark, or of the next block."""
    code = code.rstrip("\n")
    head, _, last = code.rpartition("\n")
    return head if _MARK.fullmatch(last) else code.rstrip("`~\n")


def _trimmed(code: str) -> str:
    """Take off empty lines around, and indentation that all lines share."""
    lines = re.sub(r"^(?:[^\S\n]*\n)+", "", code.rstrip()).split("\n")
    indents = [line[: -len(line.lstrip(" \t"))] for line in lines if line.strip()]
    shared = min(indents, key=len, default="")
    is_shared = all(indent.startswith(shared) for indent in indents)
    return "\n".join(line[len(shared) * is_shared :] for line in lines)
