r"""The Markdown dialect of models: GitHub's, with formulas, without raw HTML.

The page's MathJax reads ``$..$``, ``$$..$$``, ``\(..\)``, ``\[..\]`` and
``\begin{..}..\end{..}`` in the text of one element; it does not look across the border
of an element other than ``<br>``. So a formula gets an element of its own, and a sign
that could open one elsewhere gets one too, alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markdown_it.token import Token

from nemotron_magic.markdown.sanitize import bare_link, escape_invisible_html, may_link

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline

FENCE = re.compile(
    r"(?P<before>(?:[ \t>]|(?:[-*+]|\d{1,9}[.)])[ \t])*)"
    r"(?P<mark>`{3,}|~{3,})(?P<info>.*)"
)
"""A line that opens or closes a block of code, also in a list or a quote."""

_LANGUAGE = re.compile(r"[\s{.]*([^\s{}:,;=()\[\]\"'`]+)")


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One fenced block: its code without the fence's indentation, and its language."""

    code: str
    language: str
    closed: bool  # or the reply was cut inside the fence


def code_blocks(text: str) -> tuple[CodeBlock, ...]:
    r"""Return the fenced blocks of a Markdown text, wherever they are nested.

    >>> code_blocks("- so:\n  ```Python\n  x = 1\n  ```\n")
    (CodeBlock(code='x = 1\n', language='python', closed=True),)
    """
    if "```" not in text and "~~~" not in text:
        return ()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.rstrip("\n").split("\n")
    fences = (token for token in skeleton(text) if token.type == "fence")
    return tuple(_code_block(token, lines) for token in fences)


def as_block(text: str, language: str) -> str:
    """Return a text as a fenced block that nothing within it can close."""
    runs = (len(run) for run in re.findall(r"`{3,}", text))
    mark = "`" * (max(runs, default=2) + 1)
    return f"{mark}{language}\n{text}\n{mark}"


def language_of(info: str) -> str:
    """Return the language that the info string of a fence names: its first word.

    >>> [language_of(info) for info in ("{.py .x}", "Python:a.py", "py{1,3}", "c++")]
    ['py', 'python', 'py', 'c++']
    """
    word = _LANGUAGE.match(info)
    return word[1].rstrip(".").lower() if word else ""


def _code_block(token: Token, lines: list[str]) -> CodeBlock:
    start, end = token.map or (0, 0)
    last = lines[min(end, len(lines)) - 1] if end - start > 1 else ""
    closed = closes(token.markup, last) or end < len(lines)
    return CodeBlock(token.content, language_of(token.info), closed)


def closes(mark: str, line: str) -> bool:
    """Return whether a line, perhaps in a quote, is the closing mark of a fence."""
    line = line.lstrip(" \t>").rstrip()
    return line.startswith(mark) and not line.strip(mark[0])


_MAY_BE_INTERRUPTED = ["paragraph", "reference", "blockquote", "list"]

_INLINE_CHARS = 1_000
_DISPLAY_CHARS = 5_000
_PAIRS = {"$$": "$$", r"\[": r"\]", r"\(": r"\)"}
_ENVIRONMENT = re.compile(
    r"\\begin\{((?:equation|align|alignat|gather|multline|eqnarray|flalign)\*?)\}"
)
_BLOCK_OPENER = re.compile(rf"\$\$|\\\[|{_ENVIRONMENT.pattern}")
_OPENER = re.compile(r"\$|\\(?=[^\w\s]|begin|end|ref|eqref|$)")

# A formula can change what another cell says, leave its place, or load things.
_FORBIDDEN_WORDS = (
    "[egx]?def|let|futurelet|global|long|outer|chardef|mathchardef|catcode"
    "|(?:re|provide|new)command|newcommand|renewcommand|(?:re)?newenvironment"
    "|new(?:columntype|mathalphabet|count|dimen|skip|toks|if)|Newextarrow|Declare\\w+"
    "|require|includegraphics|html[A-Z]\\w*|href|url|class|cssId|style|unicode|data"
    "|bbox|enclose|mmlToken|toolTip|texttip|mathtip|toggle|definecolor|pagecolor"
    "|setcounter|label|begingroup\\w*|endgroup|verb|input|include|csname|special"
)
_FORBIDDEN = re.compile(
    rf"\\(?:{_FORBIDDEN_WORDS})(?![A-Za-z])|\\begin\s*\{{\s*(?:verb|comment|filecontents)"
    r"|\d{3,}(?:\.\d*)?\s*(?:em|ex|px|pt|pc|cm|mm|in|mu|bp)\b"
    r"|-\s*\d\d+(?:\.\d*)?\s*(?:em|ex|px|pt|pc|cm|mm|in|mu|bp)\b"
    r"|\\rule\W*\d\d+(?:\.\d*)?\s*(?:em|ex|cm|in|pc)"
)
_LABEL = re.compile(r"\\label\s*\{[^{}]*\}")

_CLOSER = re.compile(r"(?<![\s\\$])\$(?![\d$])")
_BARE_DOLLAR = re.compile(r"(?<!\\)\$")
_AMOUNT = re.compile(r"\d[\d,.]*\s?(?:[kKmMbB]n?\b)?")
_WORD = re.compile(
    r"(?<![\\A-Za-z])(?:[A-Za-z]{3,}|to|or|vs|at|is|in|of|a|per)(?![A-Za-z])"
)
_NAMED = re.compile(r"\\[A-Za-z]+\s*\{[^{}]*\}")
_SHELL_NAME = re.compile(r"[A-Z_][A-Z0-9_]+\b|[({]")


def _add_math(parser: MarkdownIt) -> None:
    """Teach a parser formulas, as tokens `math_inline` and `math_block`."""
    parser.block.ruler.before(
        "fence", "math", _math_block, {"alt": _MAY_BE_INTERRUPTED}
    )
    parser.inline.ruler.before("escape", "math", _math_inline)


def as_written(token: Token) -> str:
    """Return a formula in a line of text with the signs around it."""
    return f"{token.markup}{token.content}{_PAIRS.get(token.markup, token.markup)}"


def isolate(html: str) -> str:
    """Put each sign that could open a formula into an element of its own."""
    return _OPENER.sub(r'<span class="nm-raw">\g<0></span>', html)


def formula_html(tex: str, *, display: bool) -> str:
    """Return a formula for the page's MathJax, or as source text if it may do harm."""
    tex = _LABEL.sub("", tex)
    text = escape(tex, quote=False)
    shown = escape_invisible_html(text)
    if shown != text or _FORBIDDEN.search(tex) or len(tex) > _DISPLAY_CHARS:
        return f'<code class="nm-tex">{shown}</code>'
    return f'<span class="nm-math">{_delimited(text, display)}</span>'


def _delimited(text: str, display: bool) -> str:
    if display and _ENVIRONMENT.match(text):
        return text
    if "$" in text:
        return rf"\[{text}\]" if display else rf"\({text}\)"
    return f"$${text}$$" if display else f"${text}$"


def _math_inline(state: StateInline, silent: bool) -> bool:
    """Markdown rule: a formula in a line of text."""
    mark = state.src[state.pos : state.pos + 2]
    find = _find_pair if mark in _PAIRS else _find_dollar if mark[:1] == "$" else None
    found = find(state, mark) if find else None
    if found is None:
        return False
    start, end, after = found
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content = state.src[start:end]
        token.markup = state.src[state.pos : start]
    state.pos = after
    return True


def _find_pair(state: StateInline, mark: str) -> tuple[int, int, int] | None:
    """Return where a formula's text begins and ends, and where the line goes on."""
    start = state.pos + 2
    end = state.src.find(_PAIRS[mark], start, start + _DISPLAY_CHARS)
    tex = state.src[start:end]
    after = state.src[end + 2 : end + 3]
    is_none = end < 0 or not tex.strip() or "`" in tex or tex[0] == "$"
    is_money = mark == "$$" and not _may_be_formula(tex, after)
    # `\[text\](address)` is a link's text with its brackets escaped.
    is_link = mark == r"\[" and after == "("
    return None if is_none or is_money or is_link else (start, end, end + 2)


def _find_dollar(state: StateInline, mark: str) -> tuple[int, int, int] | None:
    start = state.pos + 1
    before = state.src[state.pos - 1 : state.pos] if state.pos else ""
    if before.isalnum() or before == "$" or mark[1:].isspace():
        return None
    end = _next_closer(state, start)
    tex, after = state.src[start:end], state.src[end + 1 : end + 2]
    # A dollar inside was none that closes: this one is an amount, that one opens.
    is_one = start < end <= start + _INLINE_CHARS and not _BARE_DOLLAR.search(tex)
    return (start, end, end + 1) if is_one and _may_be_formula(tex, after) else None


def _may_be_formula(tex: str, after: str) -> bool:
    """Distinguish a formula from amounts of money, shell variables and code."""
    if "`" in tex or "](" in tex:
        return False
    if (after.isalpha() or after in ("{", "_")) and _SHELL_NAME.match(tex):
        return False
    amount = _AMOUNT.match(tex)
    return not (amount and _WORD.search(_NAMED.sub("", tex[amount.end() :])))


def _next_closer(state: StateInline, start: int) -> int:
    """Find the next dollar that can close; remembered, so that a text is read once."""
    source, since, closer = state.env.get("nm_closer", ("", 0, -1))
    if source is state.src and since <= start <= closer:
        return int(closer)
    found = _CLOSER.search(state.src, start)
    closer = found.start() if found else len(state.src) + _INLINE_CHARS * 2
    state.env["nm_closer"] = (state.src, start, closer)
    return closer


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Markdown rule: a formula in lines of its own, without an empty line in it."""
    line = _line(state, start)
    found = _BLOCK_OPENER.match(line)
    if not found or state.is_code_block(start):
        return False
    opener = found[0]
    closer = _PAIRS.get(opener, rf"\end{{{found[1]}}}")
    last = _closing_line(state, start, end, opener, closer)
    if last is not None and not silent:
        _push_block(state, start, last, opener)
    return last is not None


def _line(state: StateBlock, number: int) -> str:
    begin = state.bMarks[number] + state.tShift[number]
    return state.src[begin : state.eMarks[number]].rstrip()


def _closing_line(
    state: StateBlock, start: int, end: int, opener: str, closer: str
) -> int | None:
    for number in range(start, end):
        text = line = _line(state, number)
        if number == start:
            text = line[len(opener) :]
        elif state.sCount[number] < state.blkIndent or not line or "```" in line:
            return None
        elif opener != "$$" and line.startswith(opener):
            return None  # the search ends: each line is looked at once then
        if closer in text:
            return number if text.find(closer) == len(text) - len(closer) else None
    return None


def _push_block(state: StateBlock, start: int, last: int, opener: str) -> None:
    text = state.getLines(start, last + 1, state.blkIndent, False).strip()
    bare = text if opener.startswith(r"\begin") else text[2:-2]
    token = state.push("math_block", "math", 0)
    token.block = True
    token.content = bare.strip()
    token.map = [start, last + 1]
    state.line = last + 1


# Beyond this depth markdown-it drops text; render shows such a block as it was written.
NESTED_AT_MOST = 60

_OPTIONS = {"maxNesting": NESTED_AT_MOST, "html": False}

# Brackets take quadratic time: 0.1 s at this length, minutes in a megabyte.
_LINE_OF_TEXT_CHARS = 10_000

_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """Return the parser of whole texts."""
    made = _plain_parser()
    _add_math(made)
    made.inline.ruler.before("escape", "bare_link", bare_link)
    made.core.ruler.before("inline", "long", _leave_long_text)
    made.core.ruler.push("task", _mark_tasks)
    made.core.ruler.push("cell", _read_cells)
    return made


def _plain_parser() -> MarkdownIt:
    """Make a parser of Markdown with tables and strikethrough, without raw HTML."""
    made = MarkdownIt("commonmark", _OPTIONS).enable(["table", "strikethrough"])
    made.disable(["html_block", "html_inline"])
    made.validateLink = may_link  # type: ignore[method-assign]  # its own way to set it
    return made


@lru_cache(maxsize=1)
def _skeleton_parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", _OPTIONS).enable("table").disable("html_block")
    _add_math(made)
    return made.disable(["inline", "text_join"])


def skeleton(text: str) -> list[Token]:
    """Return the blocks of a text as `parser` finds them, with nothing in them read."""
    return _skeleton_parser().parse(text)


def _leave_long_text(state: StateCore) -> None:
    """Leave a paragraph unread that is too long; it is shown as written."""
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > _LINE_OF_TEXT_CHARS:
            token.type, token.children = "long_text", []


def _mark_tasks(state: StateCore) -> None:
    """Turn ``[ ]`` and ``[x]`` at the head of list items into signs."""
    for item, paragraph, inline in zip(
        state.tokens, state.tokens[1:], state.tokens[2:], strict=False
    ):
        opens = item.type == "list_item_open" and paragraph.type == "paragraph_open"
        children = inline.children if opens and inline.children else []
        found = _TASK.match(children[0].content) if children else None
        if found and _TASK.match(inline.content):
            children[0].content = children[0].content[found.end() :]
            sign = "☐" if found[1] == " " else "☑"
            children.insert(0, Token("task", "", 0, content=sign))


def _read_cells(state: StateCore) -> None:
    """Read ``<br>`` in a table's cell as a line break: no other can stand there.

    A heading without a text is an ordinary cell, as a screen reader has none to read.
    """
    cells = zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False)
    for cell, inline, end in cells:
        if cell.type == "th_open" and not inline.content.strip():
            cell.tag = end.tag = "td"
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
