r"""Formulae: found before Markdown can bend them, and kept apart from money.

The page's MathJax reads ``$..$``, ``$$..$$``, ``\(..\)``, ``\[..\]`` and
``\begin{..}..\end{..}`` in the text of one element; it does not look across the border
of an element other than ``<br>``. So a formula gets an element of its own, and a sign
that could open one elsewhere gets one too, alone.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from nemotron_magic.markdown.hidden import with_badges

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

__all__ = ["add_maths", "as_written", "formula_html", "isolate"]

_MAY_BE_INTERRUPTED = ["paragraph", "reference", "blockquote", "list"]

_INLINE_CHARS = 1_000
_DISPLAY_CHARS = 5_000
_PAIRS = {"$$": "$$", r"\[": r"\]", r"\(": r"\)"}
_ENVIRONMENT = re.compile(
    r"\\begin\{((?:equation|align|alignat|gather|multline|eqnarray|flalign)\*?)\}"
)
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

_BARE_DOLLAR = re.compile(r"(?<!\\)\$")
_AMOUNT = re.compile(r"\d[\d,.]*\s?(?:[kKmMbB]n?\b)?")
_WORD = re.compile(
    r"(?<![\\A-Za-z])(?:[A-Za-z]{3,}|to|or|vs|at|is|in|of|a|per)(?![A-Za-z])"
)
_NAMED = re.compile(r"\\[A-Za-z]+\s*\{[^{}]*\}")
_SHELL_NAME = re.compile(r"[A-Z_][A-Z0-9_]+\b|[({]")


def add_maths(parser: MarkdownIt) -> None:
    """Have a parser see formulas, as tokens `math_inline` and `math_block`."""
    parser.block.ruler.before(
        "fence", "math", _math_block, {"alt": _MAY_BE_INTERRUPTED}
    )
    parser.inline.ruler.before("escape", "math", _math_inline)


def as_written(token: Token) -> str:
    """Give a formula in a line of text with the signs around it."""
    return f"{token.markup}{token.content}{_PAIRS.get(token.markup, token.markup)}"


def isolate(html: str) -> str:
    """Put each sign that could open a formula into an element of its own."""
    return _OPENER.sub(r'<span class="nm-raw">\g<0></span>', html)


def formula_html(tex: str, *, display: bool) -> str:
    """Give a formula to the page's MathJax, or show its source if it may do harm."""
    tex = _LABEL.sub("", tex)
    text = escape(tex, quote=False)
    shown = with_badges(text)
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
    found = _find_inline(state)
    if found is None:
        return False
    start, end, after = found
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content = state.src[start:end]
        token.markup = state.src[state.pos : start]
    state.pos = after
    return True


def _find_inline(state: StateInline) -> tuple[int, int, int] | None:
    """Find a formula that opens here: where its text begins and ends; what is after."""
    mark = state.src[state.pos : state.pos + 2]
    if mark in _PAIRS:
        return _find_pair(state, mark)
    return _find_dollar(state) if mark[:1] == "$" else None


def _find_pair(state: StateInline, mark: str) -> tuple[int, int, int] | None:
    start = state.pos + 2
    end = state.src.find(_PAIRS[mark], start, start + _DISPLAY_CHARS)
    tex = state.src[start:end]
    if end < 0 or not tex.strip() or "`" in tex or tex[0] == "$":
        return None
    if mark == "$$" and not _may_be_formula(tex, state.src[end + 2 : end + 3]):
        return None
    # `\[text\](address)` is a link's text with its brackets escaped.
    if mark == r"\[" and state.src[end + 2 : end + 3] == "(":
        return None
    return start, end, end + 2


def _find_dollar(state: StateInline) -> tuple[int, int, int] | None:
    start = state.pos + 1
    before = state.src[state.pos - 1 : state.pos] if state.pos else ""
    if before.isalnum() or before == "$" or state.src[start : start + 1].isspace():
        return None
    end = _next_closer(state, start)
    if not start < end <= start + _INLINE_CHARS:
        return None
    tex, after = state.src[start:end], state.src[end + 1 : end + 2]
    # A dollar inside was none that closes: this one is an amount, that one opens.
    if _BARE_DOLLAR.search(tex) or not _may_be_formula(tex, after):
        return None
    return start, end, end + 1


def _may_be_formula(tex: str, after: str) -> bool:
    """Tell a formula from amounts of money, shell variables and code."""
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
    closer = state.src.find("$", start)
    while closer >= 0 and not _can_close(state.src, closer):
        closer = state.src.find("$", closer + 1)
    if closer < 0:
        closer = len(state.src) + _INLINE_CHARS * 2
    state.env["nm_closer"] = (state.src, start, closer)
    return closer


def _can_close(source: str, at: int) -> bool:
    before, after = source[at - 1 : at], source[at + 1 : at + 2]
    return not (
        before.isspace() or before in ("\\", "$") or after.isdigit() or after == "$"
    )


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Markdown rule: a formula in lines of its own, without an empty line in it."""
    if state.is_code_block(start):
        return False
    opener, closer = _block_marks(_line(state, start))
    last = _closing_line(state, start, end, opener, closer) if closer else None
    if last is None:
        return False
    if not silent:
        _push_block(state, start, last, opener)
    return True


def _block_marks(line: str) -> tuple[str, str]:
    if line[:2] in ("$$", r"\["):
        return line[:2], _PAIRS[line[:2]]
    environment = _ENVIRONMENT.match(line)
    return (environment[0], rf"\end{{{environment[1]}}}") if environment else ("", "")


def _line(state: StateBlock, number: int) -> str:
    begin = state.bMarks[number] + state.tShift[number]
    return state.src[begin : state.eMarks[number]].rstrip()


def _closing_line(
    state: StateBlock, start: int, end: int, opener: str, closer: str
) -> int | None:
    for number in range(start, end):
        line = _line(state, number)
        if number > start and not _may_go_on(state, number, line, opener):
            return None
        text = line[len(opener) :] if number == start else line
        if closer in text:
            return number if text.find(closer) == len(text) - len(closer) else None
    return None


def _may_go_on(state: StateBlock, number: int, line: str, opener: str) -> bool:
    # A second opener ends the search: each line is looked at once then.
    opens_again = opener != "$$" and line.startswith(opener)
    outside = state.sCount[number] < state.blkIndent
    return bool(line) and not outside and not opens_again and "```" not in line


def _push_block(state: StateBlock, start: int, last: int, opener: str) -> None:
    text = state.getLines(start, last + 1, state.blkIndent, False).strip()
    bare = text if opener.startswith(r"\begin") else text[2:-2]
    token = state.push("math_block", "math", 0)
    token.block = True
    token.content = bare.strip()
    token.map = [start, last + 1]
    state.line = last + 1
