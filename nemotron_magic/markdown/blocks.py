"""A reply while it grows: what is finished is parted from what may still change.

Only the unfinished tail is painted again, so it must stay short. A block is finished
when the next one has begun: no later line can change it then. A block that grows too
long is cut between its lines, and its parts are written so that they look like one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nemotron_magic.markdown.cuts import Context, indent_of, soft_cut

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["Block", "Blocks"]

# As Markdown has it, where a lone CR ends a line, too.
_LINES = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_LINE_END = re.compile(r"\r\n?")
_NUMBER = re.compile(r"\d+")
_OPEN_FORMULA = re.compile(r"[ >]*(?:\$\$|\\\[|\\begin\{)")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a reply, to be painted as ``to_html(block.markdown)``.

    Parameters
    ----------
    source
        The piece as the model wrote it; all sources joined are the reply.
    markdown
        What to render: the source, with the fence, the head of the table or the
        indentation that it stands in, if it was cut out of the middle of a block.
    classes
        Classes for the element around the piece: ``nm-joined`` if it goes on where
        the piece before it stopped, ``nm-open`` if the next piece goes on here,
        ``nm-in-1`` to ``nm-in-4`` if it is indented.
    is_inside
        Whether it was cut out of the middle of a table or of code.
    """

    source: str
    markdown: str
    classes: str = ""
    is_inside: bool = False


class Blocks:
    r"""Parts a stream of Markdown into finished blocks and a tail.

    >>> blocks = Blocks()
    >>> [block.source for block in blocks.feed("# Title\nSome text\nand *mo")]
    ['# Title\n']
    >>> blocks.tail.source
    'Some text\nand *mo'
    """

    def __init__(self, soft_limit: int = 700) -> None:
        self._soft_limit = soft_limit
        self._tail = ""
        self._context = Context()
        self._looked_at = 0

    @property
    def tail(self) -> Block:
        """What has begun and may still change."""
        return self._block(self._tail)

    def feed(self, text: str) -> list[Block]:
        """Take the next text; give the blocks that it finished."""
        finished: list[Block] = []
        step = max(self._soft_limit, 1)
        for start in range(0, len(text), step):
            self._tail += text[start : start + step]
            if self._is_worth_a_look():
                finished += self._look()
        return finished

    def _is_worth_a_look(self) -> bool:
        """Look again only when a sixteenth is new, so that the work stays linear."""
        new = len(self._tail) - self._looked_at
        enough = new > max(16, len(self._tail) // 16)
        return enough and ("\n" in self._tail[-new:] or self._is_far_too_long())

    def _is_far_too_long(self) -> bool:
        return len(self._tail) > 3 * self._soft_limit

    def _look(self) -> list[Block]:
        finished: list[Block] = []
        while block := self._cut():
            finished.append(block)
        self._looked_at = len(self._tail)
        return finished

    def _cut(self) -> Block | None:
        """Cut off the next finished piece, if there is one."""
        lines = _whole_lines(self._tail)
        number, context = self._where(lines) if lines else (0, self._context)
        size = sum(map(len, lines[:number]))
        if not size and self._is_far_too_long():
            size, context = (
                self._anywhere(),
                replace(self._context, number="", joined=True),
            )
        if not size:
            return None
        block = self._block(self._tail[:size])
        if context.joined:
            block = replace(block, classes=f"{block.classes} nm-open".lstrip())
        self._tail, self._context, self._looked_at = self._tail[size:], context, 0
        return block

    def _anywhere(self) -> int:
        """Find a place in a text that has none."""
        room = self._soft_limit
        return (
            self._tail.rfind("\n", 1, room) + 1
            or self._tail.rfind(" ", 1, room) + 1
            or room
        )

    def _where(self, lines: list[str]) -> tuple[int, Context]:
        """Give the number of lines that are finished, and what the rest stands in."""
        outside = _first_outside(lines, self._context.indent)
        if outside:
            return outside, _context_outside(self._context, lines[outside])
        head_lines = self._context.head.count("\n")
        tokens = _skeleton(self._markdown("".join(lines)))
        number = _last_start(tokens) - head_lines
        number = min(number, _open_formula_line(lines))
        if number > 0:
            return number, replace(
                self._context, head="", number="", joined=self._in_list
            )
        if sum(map(len, lines)) > self._soft_limit:
            return soft_cut(tokens, lines, self._context)
        return 0, self._context

    @property
    def _in_list(self) -> bool:
        return len(self._context.indents) > 1

    def _block(self, source: str) -> Block:
        context = self._context
        inside = bool(context.head)
        return Block(source, self._markdown(source), context.classes, inside)

    def _markdown(self, source: str) -> str:
        context = self._context
        text = _LINE_END.sub("\n", source)
        text = _dedented(text, context.indent) if context.indent else text
        text = _numbered(text, context.number) if context.number else text
        return context.head + text


def _skeleton(text: str) -> list[Token]:
    from nemotron_magic.markdown.parser import skeleton

    return skeleton(text)


def _whole_lines(text: str) -> list[str]:
    return _LINES.findall(text[: text.rfind("\n") + 1])


def _first_outside(lines: list[str], indent: int) -> int:
    """Give the first line that is less indented than the piece."""
    inside = (not line.strip() or indent_of(line) >= indent for line in lines)
    return next((n for n, is_inside in enumerate(inside) if not is_inside), 0)


def _context_outside(context: Context, line: str) -> Context:
    indent = indent_of(line)
    around = tuple(one for one in context.indents if one < indent)
    return Context(joined=True, indents=(*around, indent) if around else ())


def _dedented(text: str, indent: int) -> str:
    """Take up to so many columns of white space from each line."""
    lines = text.split("\n")
    return "\n".join(_without_indent(line, indent) for line in lines)


def _without_indent(line: str, indent: int) -> str:
    text = line.lstrip(" \t")
    return " " * max(0, indent_of(line) - indent) + text if text else ""


def _numbered(text: str, number: str) -> str:
    """Count on: put the number of the first item right, and make room for it."""
    old = _NUMBER.match(text)
    if old is None:
        return text
    room = "\n" + " " * max(0, len(number) - len(old[0]))
    return number + text[old.end() :].replace("\n", room)


def _last_start(tokens: list[Token]) -> int:
    """Give the line at which the last of the outermost blocks starts."""
    starts = [token.map[0] for token in tokens if token.level == 0 and token.map]
    return starts[-1] if len(starts) > 1 else 0


def _open_formula_line(lines: list[str]) -> int:
    """Give the line of the first formula that may still close."""
    start = len(lines)
    while start and lines[start - 1].strip():
        start -= 1
    opened = (n for n in range(start, len(lines)) if _OPEN_FORMULA.match(lines[n]))
    return next(opened, len(lines))
