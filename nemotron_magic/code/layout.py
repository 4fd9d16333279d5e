"""Bring code that lies out of sight into sight: far to the right, or far below.

A page shows some hundred columns of a cell and does not wrap them, so three hundred
blanks hide what stands behind them. The layout changes and the meaning does not; what
only another meaning could bring into sight is told.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from nemotron_magic.text import one_line

__all__ = [
    "PARTS",
    "brought_into_sight",
    "cell_magic",
    "is_for_ipython",
    "runs_python",
]

PARTS = re.compile(
    r"""(?P<string>(?P<prefix>[A-Za-z]{0,2})(?:
        \"{3}(?:[^\\]|\\.)*?(?:\"{3}|\Z)|'{3}(?:[^\\]|\\.)*?(?:'{3}|\Z)
        |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    |(?P<comment>\#[^\n]*)
    |(?P<name>[^\W\d]\w*)""",
    re.DOTALL | re.VERBOSE,
)
"""The parts of Python in which a character means something else."""

# All in columns or lines: more than this is out of sight, or there to put it there.
_WIDEST_GAP, _WIDEST_GAP_IN_TEXT = 40, 80
_DEEPEST = 60
_LONGEST_LINE, _BREAK_AT = 160, 100
_MOST_EMPTY, _MOST_EMPTY_IN_TEXT = 4, 20
_TAB = 8
_TAIL = 80

_SPACES = " \t"
_BLANK = " \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_GAP = re.compile(f"[{_BLANK}]{{2,}}")
_MAY_HIDE = re.compile(
    rf"[{_BLANK}]{{{_WIDEST_GAP}}}|[{_BLANK}]*\t[{_BLANK}]*\t[{_BLANK}]*\t"
    rf"|(?:\n[{_BLANK}]*[#\\]?[{_BLANK}]*(?=\n)){{{_MOST_EMPTY}}}"
    rf"|[^\n]{{{_LONGEST_LINE}}}"
)
_EMPTY = re.compile(rf"[{_BLANK}]*(?:#|(\\))?[{_BLANK}]*")
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|`[^`\n]*`")
_FOR_IPYTHON = re.compile(r"[ \t]*[!%?]|[^'\"#=\n]{0,200}=[ \t]*[!%]")
_GOES_ON = "    "
_CLOSES = " \t)]},;:\\"

_RUNS_PYTHON = frozenset([
    "capture", "memit", "mprun", "prun", "pypy", "python", "python3", "time", "timeit",
])  # fmt: skip
_BLANKS_ARE_FREE = frozenset([
    "!", "HTML", "SVG", "bash", "cmd", "html", "javascript", "js", "powershell", "pwsh",
    "script", "sh", "svg", "sx", "system",
])  # fmt: skip


def cell_magic(source: str) -> tuple[str, int]:
    r"""Return the name of a cell's magic, and where the lines below it begin.

    >>> cell_magic("%%time -q\nx = 1"), cell_magic("x = 1")
    (('time', 10), ('', 0))
    """
    found = re.match(r"\s*%%(\S*)[^\n]*\n?", source)
    return (found[1], found.end()) if found else ("", 0)


def runs_python(magic: str) -> bool:
    """Return whether what stands below a cell magic is Python, as it is without one."""
    return not magic or magic in _RUNS_PYTHON


def is_for_ipython(source: str, place: int) -> bool:
    """Return whether the line that a place is in is no Python, such as `!ls`."""
    start = source.rfind("\n", 0, place) + 1
    return bool(_FOR_IPYTHON.match(source, start))


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a cell.

    Attributes
    ----------
    mask : str
        What each character is part of: `c` code, `#` a comment, `s` a text that can go
        on in the next line, `r` one that cannot.
    is_inside : bool
        Whether it begins within a text.
    told : tuple of str
        What the user should know of it.
    """

    text: str
    mask: str
    is_inside: bool = False
    told: tuple[str, ...] = ()

    def telling(self, words: str) -> _Line:
        """Return the same line with more to say of it."""
        return replace(self, told=(*self.told, words))

    @property
    def emptiness(self) -> str:
        """The backslash of an empty line, or a blank; empty if there is more on it."""
        found = None if self.is_inside else _EMPTY.fullmatch(self.text)
        return (found[1] or " ") if found else ""

    @property
    def is_for_ipython(self) -> bool:
        """Whether it is no Python, such as `!ls`."""
        return not self.is_inside and bool(_FOR_IPYTHON.match(self.text))

    @property
    def indentation(self) -> int:
        """How many blanks it begins with."""
        return len(self.text) - len(self.text.lstrip(" \t"))


def brought_into_sight(source: str) -> tuple[str, tuple[str, ...]]:
    r"""Return code of which nothing lies out of sight, and a line for each change.

    Examples
    --------
    >>> brought_into_sight(f"x = 1{' ' * 300}; y = 2")
    ('x = 1 ; y = 2', ('line 1: 300 blanks hid what stands behind them',))
    """
    if not _MAY_HIDE.search(source):
        return source, ()
    magic, start = cell_magic(source)
    is_python = runs_python(magic)
    lines = [one for line in _lines(source) for one in _without_gaps(line)]
    nearer = _without_empty(_less_indented(lines))
    lines = [one for line in nearer for one in _broken(line, is_python)]
    shown = "\n".join(line.text for line in lines)
    if is_python and not _mean_the_same(source[start:], shown[cell_magic(shown)[1] :]):
        return source, ("parts of it lie out of sight: read all of it before it runs",)
    told = (
        f"line {number}: {words}"
        for number, line in enumerate(lines, 1)
        for words in line.told
    )
    return shown, tuple(told)


def _lines(source: str) -> Iterator[_Line]:
    magic, start = cell_magic(source)
    head, body = source[:start], source[start:]
    if runs_python(magic):
        mask = _quoted_mask(head) + _python_mask(body)
    elif magic in _BLANKS_ARE_FREE:
        mask = _quoted_mask(source)
    else:
        mask = _quoted_mask(head) + "r" * len(body)
    at, is_inside = 0, False
    for text in source.split("\n"):
        end = at + len(text)
        yield _Line(text, mask[at:end], is_inside)
        is_inside = mask[end : end + 1] in ("s", "r")
        at = end + 1


def _quoted_mask(text: str) -> str:
    """Return the mask of what is no Python: what is quoted counts as a text."""
    made, at = "", 0
    for quoted in _QUOTED.finditer(text):
        made += "c" * (quoted.start() - at) + "r" * len(quoted[0])
        at = quoted.end()
    return made + "c" * (len(text) - at)


def _python_mask(text: str) -> str:
    made: list[str] = []
    at, part = 0, PARTS.search(text)
    while at < len(text):  # at the beginning of a line
        end = text.find("\n", at) + 1 or len(text)
        if _FOR_IPYTHON.match(text, at):
            made.append(_quoted_mask(text[at:end]))
            at = end
            part = PARTS.search(text, at)
        while at < end:
            start = part.start() if part else len(text)
            made.append("c" * (min(start, end) - at))
            at = min(start, end)
            if part and start < end:
                made.append(_kind(part) * len(part[0]))
                at = part.end()
                end = end if at <= end else text.find("\n", at) + 1 or len(text)
                part = PARTS.search(text, at)
    return "".join(made)


def _kind(part: re.Match[str]) -> str:
    if part["string"]:
        return "r" if set(part["prefix"].lower()) & set("rft") else "s"
    return "#" if part["comment"] else "c"


def _without_gaps(line: _Line) -> Iterator[_Line]:
    """Take wide gaps out of code; go on in the next line behind those in a text."""
    text, mask, at = "", "", 0
    for gap in _GAP.finditer(line.text):
        start, end = gap.span()
        kind, width = line.mask[start], len(gap[0].expandtabs(_TAB))
        is_last = not line.text[end:].strip("\\")
        if kind == "c" and width > _WIDEST_GAP and (start or line.is_inside):
            blank = "" if is_last else "  " if line.mask[end] == "#" else " "
            text += line.text[at:start] + blank
            mask += line.mask[at:start] + "c" * len(blank)
            at = end
            if not is_last:
                line = line.telling(f"{width} blanks hid what stands behind them")
        elif kind == "s" and width > _WIDEST_GAP_IN_TEXT and not is_last:
            text, mask = text + line.text[at:end] + "\\", mask + line.mask[at:end] + "s"
            line = line.telling(f"{width} blanks in a text hid what stands behind them")
            yield replace(line, text=text, mask=mask)
            line = replace(line, is_inside=True, told=())
            text, mask, at = "", "", end
        elif kind == "r" and width > _WIDEST_GAP_IN_TEXT and not is_last:
            line = line.telling(
                f"behind {width} blanks stands {_tail(line.text[end:])}"
            )
    yield replace(line, text=text + line.text[at:], mask=mask + line.mask[at:])


def _less_indented(lines: Sequence[_Line]) -> list[_Line]:
    """Bring deep indentation nearer; which line is deeper than which stays as it is."""
    widths = [len(line.text[: line.indentation].expandtabs(_TAB)) for line in lines]
    is_code = [bool(line.text.strip()) and not line.is_inside for line in lines]
    deep = {
        w for w, is_so in zip(widths, is_code, strict=True) if is_so and w > _DEEPEST
    }
    nearer = {width: _DEEPEST + 4 * n for n, width in enumerate(sorted(deep), 1)}
    made = []
    for line, width, is_so in zip(lines, widths, is_code, strict=True):
        if is_so and width in nearer:
            made.append(_indented(line, width, nearer[width]))
        else:
            made.append(line)
    return made


def _indented(line: _Line, width: int, new_width: int) -> _Line:
    if width - new_width > _WIDEST_GAP:
        line = line.telling(f"it stood behind {width} blanks")
    text = " " * new_width + line.text[line.indentation :]
    mask = "c" * new_width + line.mask[line.indentation :]
    return replace(line, text=text, mask=mask)


def _without_empty(lines: Sequence[_Line]) -> Iterator[_Line]:
    """Take empty lines in a row out of code, and tell of those in a text."""
    words = ""
    for is_empty, run in groupby(lines, lambda line: line.emptiness):
        some = [*run]
        if is_empty:
            kept = some[:2] if len(some) > _MOST_EMPTY else some
            words = f"{len(some)} empty lines above it hid it" if kept != some else ""
            yield from kept
        else:
            first, *others = some
            first = first.telling(words) if words else first
            yield from _telling_of_empty([first, *others])
            words = ""


def _telling_of_empty(lines: Sequence[_Line]) -> Iterator[_Line]:
    count = 0
    for line in lines:
        if line.is_inside and not line.text.strip():
            count += 1
            yield line
            continue
        words = f"below {count} empty lines in a text stands {_tail(line.text)}"
        yield line.telling(words) if count > _MOST_EMPTY_IN_TEXT else line
        count = 0


def _broken(line: _Line, is_python: bool) -> Iterator[_Line]:
    """Go on in the next line where code is too far to the right; tell of texts."""
    end = len(line.text[: len(line.mask.rstrip("#"))].rstrip(f"{_SPACES}\\"))
    if end <= _LONGEST_LINE:
        yield line
        return
    cuts = _cuts(line, end) if is_python and not line.is_for_ipython else []
    if cuts:
        line = line.telling(
            f"its {end:,} columns are broken into {len(cuts) + 1} lines"
        )
    for start, stop in pairwise([0, *cuts, len(line.text)]):
        text = line.text[start:stop]
        if min(stop, end) - start > _LONGEST_LINE:
            line = line.telling(
                f"it goes on for {len(text):,} columns, to {_tail(text)}"
            )
        if stop != len(line.text):
            text = f"{text.rstrip(_SPACES)} \\"
        yield replace(line, text=f"{_GOES_ON}{text}" if start else text)
        line = replace(line, told=())


def _cuts(line: _Line, end: int) -> list[int]:
    """Return where to go on in the next line, if that shows more than texts."""
    beyond = zip(
        line.text[_LONGEST_LINE:end], line.mask[_LONGEST_LINE:end], strict=True
    )
    if not any(kind == "c" and sign not in _CLOSES for sign, kind in beyond):
        return []
    places = [
        place
        for place in range(line.indentation + 1, end)
        if line.mask[place - 1] == "c"
        and line.text[place - 1] in " \t,;([{"
        and line.text[place] not in " \t\\!%?"
    ]
    cuts, start = [], 0
    while end - start > _LONGEST_LINE - len(_GOES_ON):
        first = bisect_right(places, start)
        if first == len(places):
            break
        start = places[max(bisect_right(places, start + _BREAK_AT) - 1, first)]
        cuts.append(start)
    return cuts


def _tail(text: str) -> str:
    """Return the end of a text as it is quoted."""
    end = one_line(text.strip()[-_TAIL:], _TAIL).replace("`", "'")
    return f"`{end}`"


def _mean_the_same(before: str, after: str) -> bool:
    """Return whether Python reads two texts alike, as far as it can read them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(before)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return True
        try:
            return ast.dump(tree) == ast.dump(ast.parse(after))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
