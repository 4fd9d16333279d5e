"""Where to cut a block that grows too long, and what its rest then stands in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemotron_magic.markdown.code import closes

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["Context", "indent_of", "soft_cut"]

_DEEPEST_CLASS = 4
_RULES = {
    "text-align:left": ":--",
    "text-align:center": ":-:",
    "text-align:right": "--:",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a piece stands in: the fence, the table, the items cut before it."""

    joined: bool = False
    head: str = ""  # lines to put before it
    indents: tuple[
        int, ...
    ] = ()  # of the items around it and of itself, outermost first
    number: str = ""  # of its first item, where the model did not count

    @property
    def indent(self) -> int:
        """The columns of white space to take from each line."""
        return self.indents[-1] if self.indents else 0

    @property
    def classes(self) -> str:
        """The classes that make a piece look like a part of what it was cut from."""
        depth = min(len(self.indents) - 1, _DEEPEST_CLASS)
        inside = f" nm-in-{depth}" if depth > 0 else ""
        return f"nm-joined{inside}" if self.joined else ""


def indent_of(line: str) -> int:
    """Count the columns of white space before a line's text."""
    line = line.expandtabs(4)
    return len(line) - len(line.lstrip(" "))


def soft_cut(
    tokens: list[Token], lines: list[str], context: Context
) -> tuple[int, Context]:
    """Cut at the last item or row, or in a long block of code between two lines.

    Returns
    -------
    tuple
        How many lines are cut off, none if there is no place; what the rest stands in.
    """
    if not tokens:  # empty lines, or definitions of links
        return len(lines), context
    offset = context.head.count("\n")
    leaf = tokens[-1] if tokens[-1].type in ("fence", "code_block") else None
    path = _open_path(tokens)
    if leaf is None and path and path[-1].type == "list_item_open":
        leaf = _last_code(tokens, path[-1])
    item = _place(path, offset, len(lines))
    if leaf and (item is None or 3 * (_start(item) - offset) < len(lines)):
        return _cut_in_code(leaf, path, lines, context)
    if item is None:
        return 0, context
    if item.type == "tr_open":
        return _cut_at_row(item, tokens, path, lines, context)
    return _cut_at_item(item, tokens, path, lines, context)


def _place(path: list[Token], offset: int, size: int) -> Token | None:
    """Choose the outermost item or row that leaves less than two thirds behind."""
    places = [t for t in path if _start(t) > offset]
    good = (t for t in places if 3 * (_start(t) - offset) > size)
    return next(good, places[-1] if places else None)


def _start(token: Token) -> int:
    return token.map[0] if token.map else 0


def _open_path(tokens: list[Token]) -> list[Token]:
    """Give the items, and the row, that the end of the text stands in."""
    path: list[Token] = []
    for token in tokens:
        if token.type in ("list_item_open", "tr_open", "blockquote_open"):
            while path and path[-1].level >= token.level:
                path.pop()
            path.append(token)
        elif token.level == 0 and token.nesting == 1:
            path.clear()
    return path if not any(t.type == "blockquote_open" for t in path) else []


def _last_code(tokens: list[Token], item: Token) -> Token | None:
    """Give the block of code that ends the last item."""
    inside = [t for t in tokens[tokens.index(item) :] if t.nesting == 0]
    return inside[-1] if inside and inside[-1].type == "fence" else None


def _indents(
    path: list[Token], lines: list[str], context: Context, upto: int
) -> tuple[int, ...]:
    """Give the indentation of the items around a line, and its own."""
    offset = context.head.count("\n")
    starts = [_start(t) - offset for t in path if t.type == "list_item_open"]
    around = [indent_of(lines[n]) if n >= 0 else 0 for n in starts if n < upto]
    outer = context.indents[:-1]
    return (*outer, *around, indent_of(lines[upto]))


def _cut_in_code(
    code: Token, path: list[Token], lines: list[str], context: Context
) -> tuple[int, Context]:
    if code.type == "code_block":
        return len(lines), Context(True, "", context.indents)
    indents = context.indents
    if not context.head:
        indents = _indents(path, lines, context, _start(code))
    is_closed = len(lines) > 1 and closes(code.markup, lines[-1])
    head = "" if is_closed else f"{code.markup}{code.info}\n"
    return len(lines), Context(True, head, indents if max(indents, default=0) else ())


def _cut_at_row(
    row: Token,
    tokens: list[Token],
    path: list[Token],
    lines: list[str],
    context: Context,
) -> tuple[int, Context]:
    number = _start(row) - context.head.count("\n")
    heads = [
        t for t in tokens[: tokens.index(row)] if t.type in ("table_open", "th_open")
    ]
    begin = max(n for n, t in enumerate(heads) if t.type == "table_open")
    rules = [_RULES.get(str(t.attrGet("style")), "---") for t in heads[begin + 1 :]]
    head = f"|{' |' * len(rules)}\n|{'|'.join(rules)}|\n"
    indents = (
        context.indents if context.head else _indents(path, lines, context, number)
    )
    return number, Context(True, head, indents if max(indents, default=0) else ())


def _cut_at_item(
    item: Token,
    tokens: list[Token],
    path: list[Token],
    lines: list[str],
    context: Context,
) -> tuple[int, Context]:
    number = _start(item) - context.head.count("\n")
    indents = _indents(path, lines, context, number)
    return number, Context(True, "", indents, _counted(item, tokens))


def _counted(item: Token, tokens: list[Token]) -> str:
    """Give the number that an item has, if it is not the one it is written with."""
    before = tokens[: tokens.index(item)]
    opened = next(t for t in reversed(before) if t.level == item.level - 1)
    if opened.type != "ordered_list_open":
        return ""
    siblings = before[before.index(opened) :]
    count = sum(t.type == item.type and t.level == item.level for t in siblings)
    number = str(int(opened.attrGet("start") or 1) + count)
    return "" if number == item.info else number
