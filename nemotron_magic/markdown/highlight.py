"""Code in colour: Pygments finds the words, the page's theme gives the colours."""

from __future__ import annotations

from functools import lru_cache
from html import escape

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, String
from pygments.util import ClassNotFound

__all__ = ["highlighted"]

# Few classes, so that the HTML stays small: it is sent again while a reply grows.
_CLASSES = {
    Keyword: "k",
    Keyword.Constant: "a",
    Operator.Word: "k",
    String: "s",
    Number: "m",
    Comment: "c",
    Comment.Preproc: "d",
    Name.Function: "f",
    Name.Class: "f",
    Name.Builtin: "b",
    Name.Exception: "b",
    Name.Decorator: "d",
    Name.Tag: "t",
    Name.Attribute: "f",
    Generic.Deleted: "s",
    Generic.Inserted: "k",
    Generic.Heading: "f",
    Generic.Prompt: "c",
}
_COLOURED_CHARS = 20_000


def highlighted(code: str, language: str) -> str:
    """Give the HTML of a code block's text; plain if the language is not known."""
    lexer = _lexer(language) if len(code) <= _COLOURED_CHARS else None
    if lexer is None:
        return escape(code, quote=False)
    parts: list[str] = []
    run, run_class = "", ""
    for kind, text in lexer.get_tokens(code):
        name = _class_of(kind)
        if name != run_class:
            parts.append(_span(run, run_class))
            run, run_class = "", name
        run += text
    return "".join([*parts, _span(run, run_class)])


@lru_cache(maxsize=256)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=512)
def _class_of(kind: object) -> str:
    while kind is not None:
        if kind in _CLASSES:
            return _CLASSES[kind]
        kind = getattr(kind, "parent", None)
    return ""


def _span(text: str, name: str) -> str:
    html = escape(text, quote=False)
    return f'<span class="nm-{name}">{html}</span>' if name and text else html
