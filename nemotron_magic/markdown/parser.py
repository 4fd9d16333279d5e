"""The dialect: what models write, which is GitHub's Markdown, without raw HTML.

`markdown-it-py` reads it. Python-Markdown was tried first: with extensions and a
normalising step it gave the structure that GitHub gives for 143 of 160 shapes of text
and 82 of 140 whole replies (loose lists, tables and quotes in lists cannot be mended
by white space), and took 14 s for a dense megabyte and quadratic time on brackets.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markdown_it.token import Token

from nemotron_magic.markdown.links import bare_link, may_link
from nemotron_magic.markdown.maths import add_maths

if TYPE_CHECKING:
    from markdown_it.rules_core import StateCore

__all__ = ["NESTED_AT_MOST", "parser", "plain_parser", "skeleton"]

# Beyond this depth markdown-it drops text; render shows such a block as it was written.
NESTED_AT_MOST = 60

_OPTIONS = {"maxNesting": NESTED_AT_MOST, "html": False}

# Brackets take quadratic time: 0.1 s at this length, minutes in a megabyte.
_LINE_OF_TEXT_CHARS = 10_000

_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """Make the parser of whole texts."""
    made = plain_parser()
    add_maths(made)
    made.inline.ruler.before("escape", "bare_link", bare_link)
    made.core.ruler.before("inline", "long", _leave_long_text)
    made.core.ruler.push("task", _mark_tasks)
    made.core.ruler.push("cell", _break_lines_in_cells)
    return made


def plain_parser() -> MarkdownIt:
    """Make a parser of Markdown with tables and strikethrough, without raw HTML."""
    made = MarkdownIt("commonmark", _OPTIONS).enable(["table", "strikethrough"])
    made.disable(["html_block", "html_inline"])
    made.validateLink = may_link  # type: ignore[method-assign]  # its own way to set it
    return made


@lru_cache(maxsize=1)
def _skeleton_parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", _OPTIONS).enable("table").disable("html_block")
    add_maths(made)
    return made.disable(["inline", "text_join"])


def skeleton(text: str) -> list[Token]:
    """Find the blocks of a text, the same as `parser`, and leave what is in them."""
    return _skeleton_parser().parse(text)


def _leave_long_text(state: StateCore) -> None:
    """Keep a paragraph that is too long from being read; it is shown as written."""
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > _LINE_OF_TEXT_CHARS:
            token.type, token.children = "long_text", []


def _mark_tasks(state: StateCore) -> None:
    """Turn ``[ ]`` and ``[x]`` at the head of list items into signs."""
    for item, paragraph, inline in zip(
        state.tokens, state.tokens[1:], state.tokens[2:], strict=False
    ):
        opens = item.type == "list_item_open" and paragraph.type == "paragraph_open"
        if opens and _TASK.match(inline.content) and inline.children:
            _mark_task(inline.children)


def _mark_task(children: list[Token]) -> None:
    match = _TASK.match(children[0].content)
    if match is None:
        return
    done = match[1] != " "
    children[0].content = children[0].content[match.end() :]
    children.insert(0, Token("task", "", 0, content="☑" if done else "☐"))


def _break_lines_in_cells(state: StateCore) -> None:
    """Read ``<br>`` in a table's cell as a line break: no other can stand there."""
    for cell, inline in zip(state.tokens, state.tokens[1:], strict=False):
        if cell.type in ("td_open", "th_open") and "<br" in inline.content.lower():
            inline.children = [
                part for child in inline.children or [] for part in _broken(child)
            ]


def _broken(token: Token) -> list[Token]:
    if token.type != "text":
        return [token]
    parts: list[Token] = []
    for text in _LINE_BREAK.split(token.content):
        parts += [Token("hardbreak", "br", 0), Token("text", "", 0, content=text)]
    return parts[1:]
