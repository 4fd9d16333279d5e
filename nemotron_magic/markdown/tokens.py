"""A text as tokens that a terminal can print: nothing swallowed, nothing hidden.

What `rich` makes of them itself would drop raw HTML, `List<String>` among it, hide
where a link leads behind its text, and take the backslashes of formulas for escapes.
"""

from __future__ import annotations

from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from nemotron_magic.markdown.links import place_to_show
from nemotron_magic.markdown.maths import add_maths, as_written
from nemotron_magic.markdown.parser import NESTED_AT_MOST, plain_parser
from nemotron_magic.text import visible

__all__ = ["terminal_tokens"]


def terminal_tokens(text: str) -> list[Token]:
    """Read a text; what is nested too deep is a block of code."""
    tokens = _parser().parse(text)
    if max((token.level for token in tokens), default=0) >= NESTED_AT_MOST - 2:
        return [Token("code_block", "code", 0, content=visible(text))]
    for token in tokens:
        if token.type == "math_block":
            token.type, token.tag = "code_block", "code"
        token.content = visible(token.content)
        if token.children is not None:
            token.children = _shown(token.children)
    return tokens


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    made = plain_parser()
    add_maths(made)
    return made


def _shown(children: list[Token]) -> list[Token]:
    """Write out where links lead and images lie."""
    shown: list[Token] = []
    urls: list[str] = []
    text_of_link = ""
    for token in children:
        if token.type == "link_open":
            urls.append(str(token.attrGet("href") or ""))
            text_of_link = ""
            continue
        said = _said(token, urls, text_of_link)
        text_of_link += said.content
        if said.type != "text" or said.content:
            shown.append(said)
    return shown


def _said(token: Token, urls: list[str], text_of_link: str) -> Token:
    if token.type == "link_close":
        url = urls.pop()
        is_said = text_of_link.strip() == url
        return _text("" if is_said else f" ({url})")
    if token.type == "image":
        alt = f"{token.content} " if token.content else ""
        place = place_to_show(str(token.attrGet("src") or ""))
        return _text(f"{alt}[image not loaded: {place}]")
    if token.type == "math_inline":
        return _text(as_written(token))
    token.content = visible(token.content)
    return token


def _text(text: str) -> Token:
    return Token("text", "", 0, content=visible(text))
