"""Split a growing reply into finished blocks and a tail that may still change.

Only the unfinished tail is rendered again, so it must stay short. A block is finished
when the next one has begun: no later line can change it then. A block that grows too
long is cut between its lines, and its parts are written so that they look like one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nemotron_magic.markdown.join import open_fence
from nemotron_magic.markdown.parser import CELL_END, closes, skeleton

if TYPE_CHECKING:
    from markdown_it.token import Token

_ITEM = "list_item_open"
_DEEPEST_CLASS = 4
_RULES = {
    "text-align:left": ":--",
    "text-align:center": ":-:",
    "text-align:right": "--:",
}
# As Markdown has it, where a lone CR ends a line, too.
_LINES = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_LINE_END = re.compile(r"\r\n?")
_NUMBER = re.compile(r"\d+")
_OPEN_FORMULA = re.compile(r"[ >]*(?:\$\$|\\\[|\\begin\{)")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a reply; the classes are for the element around its HTML."""

    source: str  # as the model wrote it; all sources joined are the reply
    markdown: str  # also if it was cut out of a fence, a table or a list
    # ``nm-joined`` if it goes on where the piece before it stopped, ``nm-open`` if the
    # next goes on here, ``nm-in-1`` to -4 if indented.
    classes: str = ""


@dataclass(frozen=True, slots=True)
class _Context:
    """What a piece stands in: the fence, the table, the items cut before it."""

    joined: bool = False
    head: str = ""  # lines to put before it
    indents: tuple[int, ...] = ()  # of the items around it and its own, outer first
    number: str = ""  # of its first item, where the model did not count

    @property
    def indent(self) -> int:
        """The columns of white space to take from each line."""
        return (0, *self.indents)[-1]

    def markdown(self, source: str) -> str:
        """Return a piece as it reads by itself."""
        text = _LINE_END.sub("\n", source)
        if self.indent:
            lines = (one if one.strip(" \t") else "" for one in text.split("\n"))
            margins = ((one, max(0, _indent_of(one) - self.indent)) for one in lines)
            text = "\n".join(" " * n + one.lstrip(" \t") for one, n in margins)
        written = _NUMBER.match(text) if self.number else None
        if written:  # what follows is indented to fit
            room = "\n" + " " * max(0, len(self.number) - len(written[0]))
            text = self.number + text[written.end() :].replace("\n", room)
        return self.head + text

    def block(self, source: str, is_open: bool = False) -> Block:
        """Return a piece with the classes that make it look like part of a whole."""
        depth = min(len(self.indents) - 1, _DEEPEST_CLASS)
        classes = ["nm-joined"] if self.joined else []
        classes += [f"nm-in-{depth}"] if self.joined and depth > 0 else []
        classes += ["nm-open"] if is_open else []
        return Block(source, self.markdown(source), " ".join(classes))


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
        self._context = _Context()
        self._looked_at = 0

    @property
    def tail(self) -> Block:
        """What has begun and may still change."""
        return self._context.block(self._tail)

    def feed(self, text: str) -> list[Block]:
        """Take the next text; return the blocks that it finished."""
        finished: list[Block] = []
        step = max(self._soft_limit, 1)
        for start in range(0, len(text), step):
            self._tail += text[start : start + step]
            new = len(self._tail) - self._looked_at
            # Not before a sixteenth is new, so that the work stays linear.
            is_enough = new > max(16, len(self._tail) // 16)
            if is_enough and ("\n" in self._tail[-new:] or self._is_far_too_long()):
                finished += iter(self._cut, None)
                self._looked_at = len(self._tail)
        return finished

    def _is_far_too_long(self) -> bool:
        return len(self._tail) > 3 * self._soft_limit

    def _cut(self) -> Block | None:
        """Cut off the next finished piece, if there is one."""
        lines = _LINES.findall(self._tail[: self._tail.rfind("\n") + 1])
        number, context = self._where(lines) if lines else (0, self._context)
        size = sum(map(len, lines[:number]))
        if not size and self._is_far_too_long():  # and has no good place for it
            breaks = (self._tail.rfind(one, 1, self._soft_limit) + 1 for one in "\n ")
            size = next(filter(None, breaks), self._soft_limit)
            context = replace(self._context, number="", joined=True)
        if not size:
            return None
        block = self._context.block(self._tail[:size], is_open=context.joined)
        self._tail, self._context, self._looked_at = self._tail[size:], context, 0
        return block

    def _where(self, lines: list[str]) -> tuple[int, _Context]:
        """Return the number of lines that are finished, and what the rest stands in."""
        context = self._context
        for number, line in enumerate(lines[1:], 1):
            if line.strip() and (indent := _indent_of(line)) < context.indent:
                around = tuple(one for one in context.indents if one < indent)
                return number, _Context(True, "", (*around, indent) if around else ())
        head = context.head.splitlines(keepends=True)
        tokens = skeleton(context.markdown("".join(lines)))
        starts = [token.map[0] for token in tokens if token.level == 0 and token.map]
        last = starts[-1] - len(head) if len(starts) > 1 else 0
        if (number := min(last, _open_formula_line(lines))) > 0:
            in_list = len(context.indents) > 1
            return number, replace(context, head="", number="", joined=in_list)
        if sum(map(len, lines)) <= self._soft_limit:
            return 0, context
        if not tokens:  # empty lines, or definitions of links
            return len(lines), context
        number, context = _soft_cut(tokens, [*head, *lines], context)
        return number - len(head), context


def _indent_of(line: str) -> int:
    line = line.expandtabs(4)
    return len(line) - len(line.lstrip(" "))


def _open_formula_line(lines: list[str]) -> int:
    """Return the line of the first formula that may still close."""
    start = len(lines)
    while start and lines[start - 1].strip():
        start -= 1
    opened = (n for n in range(start, len(lines)) if _OPEN_FORMULA.match(lines[n]))
    return next(opened, len(lines))


def _soft_cut(
    tokens: list[Token], lines: list[str], context: _Context
) -> tuple[int, _Context]:
    """Return how many lines to cut off, those of the head too, and what the rest is in.

    It is cut at the last item or row, or in a long block of code between two lines.
    """
    offset = context.head.count("\n")
    third = offset + (len(lines) - offset) / 3
    path = _open_path(tokens)
    places = [token for token in path if _start(token) > offset]
    # The outermost that leaves less than two thirds behind.
    good = [token for token in places if _start(token) > third]
    item = next(iter(good or places[-1:]), None)
    code = _code_at_end(tokens, path)
    if code and (item is None or _start(item) < third):
        return len(lines), _inside(code, tokens, lines, context)
    if item is None:
        return offset, context
    return _start(item), _inside(item, tokens, lines, context)


def _start(token: Token) -> int:
    return token.map[0] if token.map else 0


def _open_path(tokens: list[Token]) -> list[Token]:
    """Return the items, and the row, that the end of the text stands in."""
    path: list[Token] = []
    for token in tokens:
        if token.type in (_ITEM, "tr_open", "blockquote_open"):
            while path and path[-1].level >= token.level:
                path.pop()
            path.append(token)
        elif token.level == 0 and token.nesting == 1:
            path.clear()
    return path if not any(t.type == "blockquote_open" for t in path) else []


def _code_at_end(tokens: list[Token], path: list[Token]) -> Token | None:
    """Return the block of code that ends the text, or its last item."""
    if tokens[-1].type in ("fence", "code_block"):
        return tokens[-1]
    in_item = path and path[-1].type == _ITEM
    inside = tokens[tokens.index(path[-1]) :] if in_item else []
    last = next((token for token in reversed(inside) if token.nesting == 0), None)
    return last if last and last.type == "fence" else None


def _inside(
    at: Token, tokens: list[Token], lines: list[str], context: _Context
) -> _Context:
    """Return what stands in a block of code, or begins with an item or a row."""
    indents, number = context.indents, _start(at)
    if at.type == "code_block":
        return _Context(True, "", indents)
    if at.type == _ITEM or not context.head:
        items = [_start(one) for one in _open_path(tokens) if one.type == _ITEM]
        around = (_indent_of(lines[n]) for n in items if n < number)
        indents = (*indents[:-1], *around, _indent_of(lines[number]))
    if at.type == _ITEM:
        return _Context(True, "", indents, _counted(at, tokens))
    head = f"{at.markup}{at.info}\n"
    if at.type == "tr_open":
        head = _table_head(tokens[: tokens.index(at)])
    elif len(lines) > 1 and closes(at.markup, lines[-1]):
        head = ""
    return _Context(True, head, indents if any(indents) else ())


def _table_head(tokens: list[Token]) -> str:
    """Return an empty head with the alignment of the last table."""
    begin = max(n for n, token in enumerate(tokens) if token.type == "table_open")
    cells = (token for token in tokens[begin:] if token.type == "th_open")
    rules = [_RULES.get(str(cell.attrGet("style")), "---") for cell in cells]
    return f"|{' |' * len(rules)}\n|{'|'.join(rules)}|\n"


def _counted(item: Token, tokens: list[Token]) -> str:
    """Return the number that an item is shown with, if it is written with another."""
    before = tokens[: tokens.index(item)]
    opened = next(t for t in reversed(before) if t.level == item.level - 1)
    if opened.type != "ordered_list_open":
        return ""
    siblings = before[before.index(opened) :]
    count = sum(t.type == item.type and t.level == item.level for t in siblings)
    number = str(int(opened.attrGet("start") or 1) + count)
    return "" if number == item.info else number


# A longer paragraph is left as it is: marks without a partner take quadratic time.
_CLOSED_CHARS = 5_000

_FENCE_START = re.compile(r"[ \t>]*(?:`{3,}|~{3,})")
_ABOVE_TEXT = re.compile(r"(?m)\n(?=\n)|^[ \t>]*(?:`{3,}|~{3,})[^`\n]*\n")
_CODE_SPAN = re.compile(
    r"(?<!`)(`+)(?!`)(?:.*?[^`])??\1(?!`)|(?<!`)(`+)(?!`)", re.DOTALL
)
_MARKS = re.compile(r"\\.|\*{1,3}|~~", re.DOTALL)
_OPEN_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\s]*\Z")
_TABLE_ROW = re.compile(r"[ \t>]*\|.*")
_TABLE_RULE = re.compile(r"[ \t>]*[|:\- \t]*")


def close_open_marks(markdown: str) -> str:
    r"""Return a text that was cut anywhere so that it can be shown as it is now.

    Code, emphasis and a link that are open in its last line or paragraph are closed; a
    table whose rule has not come yet has one.

    >>> close_open_marks("Use `df.hea"), close_open_marks("It is **not *so")
    ('Use `df.hea`', 'It is **not *so***')
    >>> close_open_marks("See [the docs](https://exam")
    'See the docs'
    >>> close_open_marks("| a | b |\n|--")
    '| a | b |\n|---|---|'
    """
    start = max((one.end() for one in _ABOVE_TEXT.finditer(markdown)), default=0)
    before, text = markdown[:start], markdown[start:]
    is_code = _FENCE_START.match(text.rpartition("\n")[2]) or open_fence(markdown)
    if is_code or len(text) > _CLOSED_CHARS:
        return markdown
    return before + (_with_rule(text) or _with_closed_marks(text))


def _with_rule(text: str) -> str:
    """Return a text that ends in the head of a table with a rule; empty for another."""
    lines = text.rstrip("\n\t >").split("\n")
    start = len(lines)
    while start and _TABLE_ROW.fullmatch(lines[start - 1]):
        start -= 1
    head, *rest = lines[start:] or [""]
    cells = len(CELL_END.findall(head.rstrip().rstrip("|")))
    rule = rest[0].rstrip() if rest else ""
    if not head or len(rest) > 1 or not _TABLE_RULE.fullmatch(rule):
        return ""
    if rule.endswith("|") and len(CELL_END.findall(rule)) > cells:
        return ""
    closed = head if head.rstrip().endswith("|") else f"{_with_closed_marks(head)} |"
    made = [closed, f"{head[: head.index('|')]}|{'---|' * cells}"] if cells else []
    return "\n".join([*lines[:start], *made]) or " "


def _with_closed_marks(text: str) -> str:
    opened = next((span for span in _CODE_SPAN.finditer(text) if span[2]), None)
    if opened and text[opened.end() :].strip():
        before = text[: opened.start()]
        return text.rstrip().rstrip("`") + opened[2] + _closers(f"{before}x")
    whole, text = text, text[: opened.start()] if opened else text
    # What ends in marks may be about to end in more of them.
    text = _OPEN_LINK.sub(r"\1", text).rstrip().rstrip("*~").rstrip()
    closed = text + _closers(text)
    return whole if closed == whole.rstrip() else closed


def _closers(text: str) -> str:
    """Return what closes the emphasis that is open at the end of a text."""
    text = _CODE_SPAN.sub("x", text)
    opened: list[str] = []
    for found in _MARKS.finditer(text):
        run, before = found[0], text[: found.start()][-1:]
        after = text[found.end() : found.end() + 1]
        while opened and run.startswith(opened[-1]) and not before.isspace():
            run = run.removeprefix(opened.pop())
        if run[:1] != "\\" and after.strip() and not before.isalnum():
            opened += re.findall(r"\*\*|~~|\*", run)
    return "".join(reversed(opened))
