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
from importlib.resources import files
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
    found = []
    for token in skeleton(text):
        if token.type == "fence":
            start, end = token.map or (0, 0)
            last = lines[min(end, len(lines)) - 1] if end - start > 1 else ""
            closed = closes(token.markup, last) or end < len(lines)
            found.append(CodeBlock(token.content, language_of(token.info), closed))
    return tuple(found)


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


def closes(mark: str, line: str) -> bool:
    """Return whether a line, perhaps in a quote, is the closing mark of a fence."""
    line = line.lstrip(" \t>").rstrip()
    return line.startswith(mark) and not line.strip(mark[0])


_INLINE_CHARS = 1_000
_DISPLAY_CHARS = 5_000
_PAIRS = {"$$": "$$", r"\[": r"\]", r"\(": r"\)"}
_ENVIRONMENT = re.compile(
    r"\\begin\{((?:equation|align|alignat|gather|multline|eqnarray|flalign)\*?)\}"
)
_BLOCK_OPENER = re.compile(rf"(\$\$|\\\[|{_ENVIRONMENT.pattern})")
FORMULA_SIGN = re.compile(r"\$|\\(?=[^\w\s]|begin|end|ref|eqref|$)")
"""What could open a formula, or what the page takes for a part of one."""

# A formula can change what another cell says, leave its place, or load things.
_COMMANDS = files(__package__).joinpath("forbidden.txt").read_text("utf-8").split()
_FORBIDDEN = re.compile(
    rf"\\(?:{'|'.join(_COMMANDS)})(?![A-Za-z])|\\begin\s*\{{\s*(?:verb|comment|filecontents)"
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


def formula_html(tex: str, *, display: bool) -> str:
    """Return a formula for the page's MathJax, or as source text if it may do harm."""
    tex = _LABEL.sub("", tex)
    text = escape(tex, quote=False)
    shown = escape_invisible_html(text)
    if shown != text or _FORBIDDEN.search(tex) or len(tex) > _DISPLAY_CHARS:
        return f'<code class="nm-tex">{shown}</code>'
    begin, end = (r"\[", r"\]") if display else (r"\(", r"\)")
    if "$" not in text:
        begin = end = "$$" if display else "$"
    if display and _ENVIRONMENT.match(text):
        begin = end = ""
    return f'<span class="nm-math">{begin}{text}{end}</span>'


def _math_inline(state: StateInline, silent: bool) -> bool:
    """Markdown rule: a formula in a line of text."""
    mark = state.src[state.pos : state.pos + 2]
    mark = mark if mark in _PAIRS else mark[:1]
    start = state.pos + len(mark)
    if mark in _PAIRS:
        end = _pair_end(state.src, mark, start)
    else:
        end = _dollar_end(state, start) if mark == "$" else -1
    if end < 0:
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.markup, token.info = mark, _PAIRS.get(mark, mark)
        token.content = state.src[start:end]
    state.pos = end + len(mark)
    return True


def _pair_end(source: str, mark: str, start: int) -> int:
    """Return where a formula between two signs of two characters ends, else -1."""
    end = source.find(_PAIRS[mark], start, start + _DISPLAY_CHARS)
    tex, after = source[start:end], source[end + 2 : end + 3]
    if end < 0 or not tex.strip() or "`" in tex or tex[0] == "$":
        return -1
    is_money = mark == "$$" and not _may_be_formula(tex, after)
    # `\[text\](address)` is a link's text with its brackets escaped.
    is_link = mark == r"\[" and after == "("
    return -1 if is_money or is_link else end


def _dollar_end(state: StateInline, start: int) -> int:
    """Return where a formula between two dollars ends, else -1."""
    source, end = state.src, _next_closer(state, start)
    before = source[max(0, start - 2) : start - 1]
    if before.isalnum() or before == "$" or source[start : start + 1].isspace():
        return -1
    tex, after = source[start:end], source[end + 1 : end + 2]
    # A dollar inside was none that closes: this one is an amount, that one opens.
    is_one = start < end <= start + _INLINE_CHARS and not _BARE_DOLLAR.search(tex)
    return end if is_one and _may_be_formula(tex, after) else -1


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
    if source is not state.src or not since <= start <= closer:
        found = _CLOSER.search(state.src, start)
        closer = found.start() if found else len(state.src) + _INLINE_CHARS * 2
        state.env["nm_closer"] = (state.src, start, closer)
    return int(closer)


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Markdown rule: a formula in lines of its own, without an empty line in it."""
    found = _BLOCK_OPENER.match(_line(state, start))
    if not found or state.is_code_block(start):
        return False
    opener, environment = found.groups()
    closer = _PAIRS.get(opener, rf"\end{{{environment}}}")
    last = _closing_line(state, start, end, opener, closer)
    if last is not None and not silent:
        text = state.getLines(start, last + 1, state.blkIndent, False).strip()
        token = state.push("math_block", "math", 0)
        token.block, token.map = True, [start, last + 1]
        token.content = (text if environment else text[2:-2]).strip()
        state.line = last + 1
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


# Beyond this depth markdown-it drops text; render shows such a block as it was written.
NESTED_AT_MOST = 60

# Brackets take quadratic time: 0.1 s at this length, minutes in a megabyte.
_LINE_OF_TEXT_CHARS = 10_000

CELL_END = re.compile(r"(?<!\\)\|")
_WITH_BARS = re.compile(r"`[^`]*`|\$[^$]*\$")  # though they end no cell
_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


@lru_cache
def parser(reads: bool = True) -> MarkdownIt:
    """Return the parser of whole texts, or of blocks with nothing in them read."""
    made = MarkdownIt("commonmark", {"maxNesting": NESTED_AT_MOST, "html": False})
    made.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])
    interrupted = ["paragraph", "reference", "blockquote", "list"]
    made.block.ruler.before("fence", "math", _math_block, {"alt": interrupted})
    made.validateLink = may_link  # type: ignore[method-assign]  # its own way to set it
    if not reads:
        return made.disable(["inline", "text_join"])
    made.inline.ruler.before("escape", "math", _math_inline)
    made.inline.ruler.before("escape", "bare_link", bare_link)
    made.core.ruler.before("inline", "rows", _keep_cells)
    made.core.ruler.before("inline", "long", _leave_long_text)
    made.core.ruler.push("items", _read_items_and_cells)
    return made


def skeleton(text: str) -> list[Token]:
    """Return the blocks of a text as `parser` finds them, with nothing in them read."""
    return parser(reads=False).parse(text)


def _keep_cells(state: StateCore) -> None:
    """Let nothing vanish of a row with more cells than its table."""
    lines, row, cells = state.src.split("\n"), "", list[Token]()
    for token in state.tokens:
        if token.type == "tr_open" and token.map:
            row, cells = lines[token.map[0]].lstrip(" \t>").rstrip(), []
            row = row.removeprefix("|").removesuffix("|")
        elif token.type == "inline":
            cells.append(token)
        elif token.type == "tr_close" and len(CELL_END.split(row)) > len(cells):
            row = _WITH_BARS.sub(lambda one: CELL_END.sub(r"\|", one[0]), row)
            texts = CELL_END.split(row)
            for at, cell in enumerate(cells, 1):
                text = "|".join(texts[at - 1 : at if at < len(cells) else None])
                cell.content = text.strip().replace(r"\|", "|")


def _leave_long_text(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > _LINE_OF_TEXT_CHARS:
            token.type, token.children = "long_text", []


def _read_items_and_cells(state: StateCore) -> None:
    """Read what only stands in items of a list, and in the cells of a table."""
    threes = zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False)
    for opening, second, third in threes:
        if opening.type == "list_item_open" and second.type == "paragraph_open":
            _mark_task(third)
        # A heading without a text is an ordinary cell: it has nothing to read out.
        elif opening.type == "th_open" and not second.content.strip():
            opening.tag = third.tag = "td"
        elif opening.type in ("td_open", "th_open") and "<" in second.content:
            children = second.children or []
            second.children = [part for child in children for part in _broken(child)]


def _mark_task(inline: Token) -> None:
    """Turn ``[ ]`` or ``[x]`` at the head of an item into a sign."""
    children = inline.children or []
    found = _TASK.match(children[0].content) if children else None
    if found and _TASK.match(inline.content):
        children[0].content = children[0].content[found.end() :]
        sign = "☐" if found[1] == " " else "☑"
        children.insert(0, Token("task", "", 0, content=sign))


def _broken(token: Token) -> list[Token]:
    """Return a text in a cell with each ``<br>`` as a line break: no other is there."""
    if token.type != "text":
        return [token]
    parts: list[Token] = []
    for text in _LINE_BREAK.split(token.content):
        parts += [Token("hardbreak", "br", 0), Token("text", "", 0, content=text)]
    return parts[1:]
