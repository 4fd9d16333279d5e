"""What tells of a cell that failed: its traceback, the names in it, a mended one."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable

from nemotron_magic.code.python import compiled, python_of
from nemotron_magic.markdown.code import as_block

__all__ = ["clipped_traceback", "difference", "is_like", "names_in", "syntax_error"]

_FRAME = re.compile(r"\s*(?:Cell |Input |File )")
_LIBRARY = re.compile(
    r"site-packages|dist-packages|[/\\]lib(?:64)?[/\\]python\d|[/\\]Python\d+[/\\]Lib[/\\]"
    r"|<frozen "
)
_MESSAGE = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit)\b")
_WORD = re.compile(r"[^\W\d]\w*")
_MOST_LINES = 80
_MOST_LINE_CHARS = 500
_MOST_CHARS = 200_000
_MOST_NAMES = 12
_LIKE = 0.6


def clipped_traceback(text: str) -> str:
    """Give a traceback with the user's own frames, and the last of each other's.

    Frames within libraries tell little that the error does not; a traceback of
    thousands of lines keeps its head and its tail.
    """
    frames: list[list[str]] = [[]]
    for line in text.splitlines():
        if _FRAME.match(line):
            frames.append([])
        frames[-1].append(line)
    kept = (frame for n, frame in enumerate(frames) if _is_kept(frames, n))
    return "\n".join(_bounded([line for frame in kept for line in frame]))


def names_in(source: str, transform: Callable[[str], str]) -> list[str]:
    """Give the names that a cell reads, in their order, at most a dozen.

    Parameters
    ----------
    transform : callable
        Gives the Python of a cell with magics in it.
    """
    try:
        tree = ast.parse(python_of(source[:_MOST_CHARS], transform))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return list(dict.fromkeys(_WORD.findall(source[:_MOST_CHARS])))[:_MOST_NAMES]
    read = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    ]
    read.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in read))[:_MOST_NAMES]


def syntax_error(source: str, transform: Callable[[str], str]) -> str:
    """Give the error that keeps a cell from running at all; empty if there is none."""
    try:
        compiled(python_of(source, transform))
    except SyntaxError as error:
        line = (error.text or "").rstrip("\n")
        where = f"line {error.lineno}: {line}\n" if error.lineno else ""
        return f"{where}{type(error).__name__}: {error.msg}"
    return ""


def is_like(one: str, other: str) -> bool:
    """Tell whether one cell may be the other after a change."""
    matcher = difflib.SequenceMatcher(None, one[:5_000], other[:5_000])
    return matcher.quick_ratio() >= _LIKE and matcher.ratio() >= _LIKE


def difference(before: str, after: str) -> str:
    """Give a unified diff of two cells as a fenced block; empty if they are equal."""
    lines = difflib.unified_diff(
        before.strip("\n").splitlines(),
        after.strip("\n").splitlines(),
        "the cell",
        "the new cell",
        lineterm="",
        n=2,
    )
    text = "\n".join(lines)
    return as_block(text, "diff") if text else ""


def _is_kept(frames: list[list[str]], n: int) -> bool:
    """Keep what is no frame, the user's frames, and the last before a message."""
    lines = frames[n]
    if not lines or not _FRAME.match(lines[0]) or not _LIBRARY.search(lines[0]):
        return True
    is_last = n + 1 == len(frames)
    return is_last or any(_MESSAGE.match(line) for line in lines[1:])


def _bounded(lines: list[str]) -> list[str]:
    short = [line[:_MOST_LINE_CHARS] for line in lines]
    if len(short) <= _MOST_LINES:
        return short
    half = _MOST_LINES // 2
    gone = len(short) - 2 * half
    return [*short[:half], f"[… {gone:,} lines cut …]", *short[-half:]]
