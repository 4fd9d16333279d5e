"""Render Markdown to safe HTML, with highlighted code.

No text may raise, hang or vanish here. What is too deep, too long or grows too much
is shown as it was written.

A color is taken from JupyterLab's theme (nbconvert writes it too), else from VS
Code's, else it is one for a plain light or dark page.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from textwrap import dedent
from typing import Any

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from nemotron_magic.core.text import plural, strip_hidden, strip_invisible
from nemotron_magic.markdown.parser import (
    NESTED_AT_MOST,
    formula_html,
    isolate,
    language_of,
    parser,
)
from nemotron_magic.markdown.sanitize import (
    escape_invisible_html,
    host_to_show,
    picture_html,
    sanitize,
)

BelowCode = Callable[[str, str], str]
"""Returns the HTML of our own below a block of code in a language."""

_Env = MutableMapping[str, Any]

_READ_CHARS = 200_000  # more than any model writes at once; a dense megabyte takes 5 s
_READ_LINES = 10_000
_COLORED_CHARS = 60_000
_GROWTH = 8  # a block's HTML may be that many times its text, and a little more
_SHORT_CHARS = 2_000
_PLACE = re.compile(r'<span class="nm-below-(\d+)"></span>')


def to_html(
    text: str,
    folded: str = "",
    below: BelowCode | None = None,
    clock_s: Callable[[], float] = time.thread_time,
) -> str:
    """Return safe HTML for any text; put it in a ``<div class="nm-reply">``.

    The block of code that is `folded` is shown as one line which can be opened. The
    clock tells when a block has been colored for long enough.

    >>> print(to_html("2 * 3 is **6**").strip())
    <p>2 * 3 is <strong>6</strong></p>
    """
    if not text:
        return ""
    text = strip_invisible(text).replace("\r\n", "\n").replace("\r", "\n")
    head, rest = _parted(text)
    writer = _Writer(folded, below, clock_s)
    try:
        html = _read(head, writer)
    except Exception:  # a reply must be seen, whatever a parser makes of it
        html = _as_written(head)
    try:
        safe = sanitize(html)
    except ImportError:
        return _as_written(text)
    # Not before: the sanitizer takes out every button, whoever wrote it.
    safe = _PLACE.sub(lambda place: writer.below_html(int(place[1])), safe)
    return safe + (_as_written(rest) if rest else "")


def line_html(text: str) -> str:
    """Return a plain line as HTML: what it quotes neither hides nor is a formula."""
    return _text_html(strip_invisible(text))


def _parted(text: str) -> tuple[str, str]:
    """Cut what is too long to be read in time, at an empty line if there is one."""
    room = len("".join(text[:_READ_CHARS].splitlines(True)[:_READ_LINES]))
    if room == len(text):
        return text, ""
    cut = text.rfind("\n\n", 0, room) + 1 or text.rfind("\n", 0, room) + 1 or room
    return text[:cut], text[cut:]


def _read(text: str, writer: _Writer) -> str:
    lines = text.split("\n")
    tokens = parser().parse(text)
    return "".join(_block_html(block, lines, writer) for block in _blocks(tokens))


def _blocks(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Yield the tokens of each outermost block."""
    start = depth = 0
    for number, token in enumerate(tokens, 1):
        depth += token.nesting
        if depth == 0:
            yield tokens[start:number]
            start = number


def _block_html(block: Sequence[Token], lines: list[str], writer: _Writer) -> str:
    first, last = block[0].map or (0, 0)
    source = "\n".join(lines[first:last])
    if max(token.level for token in block) >= NESTED_AT_MOST - 2:
        return _as_written(source)
    html = str(writer.render(block, parser().options, {}))
    if len(html) > _GROWTH * len(source) + _SHORT_CHARS:
        return _as_written(source)
    return html


def _as_written(text: str) -> str:
    return f'<pre class="nm-plain">{_text_html(text, isolate_signs=False)}</pre>\n'


def _text_html(text: str, *, isolate_signs: bool = True) -> str:
    html = escape(text, quote=False)
    if isolate_signs and ("$" in html or "\\" in html):
        html = isolate(html)
    is_plain = html.isascii() and html.isprintable()
    return html if is_plain else escape_invisible_html(html)


def _in_code(token: Token, opening: str = "<code>") -> str:
    return f"{opening}{_text_html(token.content, isolate_signs=False)}</code>"


def _cell_open(token: Token) -> str:
    side = str(token.attrGet("style") or "").removeprefix("text-align:")
    return f'<{token.tag} align="{side}">' if side else f"<{token.tag}>"


def _link_open(token: Token) -> str:
    title = escape(strip_hidden(str(token.attrGet("title") or "")))
    href = escape(str(token.attrGet("href") or ""))
    return f'<a href="{href}" title="{title}">' if title else f'<a href="{href}">'


# How a token is written that needs nothing else to be known.
_RULES: dict[str, Callable[[Token], str]] = {
    "text": lambda token: _text_html(token.content),
    "long_text": lambda token: _in_code(token, '<code class="nm-plain">'),
    "task": lambda token: f'<span class="nm-task">{token.content}</span> ',
    # The notebook's table of contents is its author's; JupyterLab made it again from
    # all the headings of a reply with every render.
    "heading_open": lambda token: f'<{token.tag} class="jp-toc-ignore">',
    "math_inline": lambda token: formula_html(
        token.content, display=token.markup in ("$$", r"\[")
    ),
    "math_block": lambda token: f"<p>{formula_html(token.content, display=True)}</p>\n",
    "code_inline": _in_code,
    "table_open": lambda token: '<div class="nm-table" tabindex="0"><table>\n',
    "table_close": lambda token: "</table></div>\n",
    "th_open": _cell_open,
    "td_open": _cell_open,
    "link_open": _link_open,
}


@cache
def _base() -> RendererHTML:
    return RendererHTML()


class _Writer(RendererHTML):
    """Writes tokens as HTML."""

    def __init__(
        self, folded: str, below: BelowCode | None, clock_s: Callable[[], float]
    ) -> None:
        # To look for the rules, as it does, takes longer than a short text.
        self.rules: dict[str, Any] = {
            **_base().rules,
            **{name: _rule(write) for name, write in _RULES.items()},
            "code_block": _rule(lambda token: self._code(token.content, "")),
            "fence": _rule(self._fence),
            "image": self._image,
            "link_close": self._link_close,
        }
        self._folded = folded.strip()
        self._below = below
        self._clock_s = clock_s
        self._fences: list[Token] = []
        self._colored_chars = 0

    def below_html(self, number: int) -> str:
        """Return what stands below a block of code."""
        fence = self._fences[number]
        language = language_of(fence.info)
        return self._below(fence.content, language) if self._below else ""

    def _fence(self, token: Token) -> str:
        code = token.content
        html = self._code(code, language_of(token.info))
        if self._below:
            html += f'<span class="nm-below-{len(self._fences)}"></span>'
            self._fences.append(token)
        first, _, rest = self._folded.partition("\n")
        folded = (self._folded, rest if first.startswith("%%") else self._folded)
        if not self._folded or dedent(code).strip() not in folded:
            return html
        lines = code.strip("\n").count("\n") + 1
        label = f"Code, {plural(lines, 'line')}"
        return f"<details><summary>{label}</summary>{html}</details>\n"

    def _code(self, code: str, language: str) -> str:
        from nemotron_magic.markdown.highlight import highlight

        self._colored_chars += len(code)
        is_short = self._colored_chars < _COLORED_CHARS
        html = escape_invisible_html(
            highlight(code, language if is_short else "", self._clock_s)
        )
        name = f' class="language-{escape(language)}"' if language else ""
        return f'<pre class="nm-code" tabindex="0"><code{name}>{html}</code></pre>\n'

    def _image(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        alt = self.renderInlineAsText(tokens[idx].children, options, env)
        return picture_html(str(tokens[idx].attrGet("src") or ""), alt)

    def _link_close(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        start = idx
        while tokens[start].type != "link_open":
            start -= 1
        url = str(tokens[start].attrGet("href") or "")
        text = self.renderInlineAsText(tokens[start + 1 : idx], options, env)
        host = host_to_show(text, url) if tokens[start].info != "auto" else ""
        return f'</a> <span class="nm-host">({escape(host)})</span>' if host else "</a>"


def _rule(write: Callable[[Token], str]) -> Callable[..., str]:
    return lambda tokens, idx, options, env: write(tokens[idx])


# Class of a token; its name in JupyterLab and in VS Code; color by day and night.
_COLORS = """
k keyword name #7928a1 #d2a8ff
a number boolean #0a5 #79c0ff
s string string #a31515 #ff9d8a
m number number #0b6b3a #7ee787
c comment - #57606a #9aa4ae
f def name #0550ae #79c0ff
b builtin name #0550ae #79c0ff
d meta name #6b5900 #e3b341
t tag name #116329 #7ee787
"""


@cache
def stylesheet() -> str:
    """Return the CSS of all classes used here."""
    sheet = files(__package__).joinpath("reply.css").read_text("utf-8")
    return small_css(sheet) + "".join(map(_color_rule, _COLORS.split("\n")[1:-1]))


def used_rules(html: str) -> str:
    """Return the rules of the style sheet that apply to something in an HTML text."""
    tags = re.findall(r"<([a-z][a-z0-9]*)", html)
    classes = " ".join(re.findall(r'class="([^"]*)"', html)).split()
    sides = {f"[align={side}]" for side in re.findall(r' align="(\w+)"', html)}
    names = {*tags, *sides, *(f".{name}" for name in classes)}
    parts = _selectors()
    rules = "".join(r for r, needed in parts if any(one <= names for one in needed))
    used = {*re.findall(r"var\((--nm-\w+)\)", rules)}
    return _VARIABLE.sub(lambda one: one[0] if one[1] in used else "", rules)


_VARIABLE = re.compile(r"(--nm-\w+):[^;]*;")


@cache
def _selectors() -> list[tuple[str, list[set[str]]]]:
    """Return each rule with the tags and classes that each of its selectors needs."""
    rules = re.findall(r"([^{}]+)(\{[^{}]*\})", stylesheet())
    return [(head + body, [*map(_needed, _parts_of(head))]) for head, body in rules]


def _parts_of(head: str) -> list[str]:
    return re.sub(r":[\w-]+\([^()]*\)|\[\w+\]|::?[\w-]+", "", head).split(",")


def _needed(selector: str) -> set[str]:
    names = re.findall(r"\[align=\w+\]|\.?[a-z][\w-]*", selector)
    return {name for name in names if not name.startswith((".jp-", ".language-"))}


def small_css(css: str) -> str:
    """Return a style sheet without needless white space."""
    css = re.sub(r"\s*([{};,>]|: )\s*", lambda sign: sign[1].strip(), css.strip())
    return css.replace("\n", "").replace(";}", "}")


def _color_rule(row: str) -> str:
    name, jupyter, code, light, dark = row.split()
    plain = f"light-dark({light},{dark})"
    other = (
        f"var(--vscode-debugTokenExpression-{code},{plain})" if code != "-" else plain
    )
    color = f"var(--jp-mirror-editor-{jupyter}-color,{other})"
    # Some themes' colors are too faint: a part of the text's own helps.
    return f".nm-{name}{{color:color-mix(in srgb,{color} 75%,currentColor)}}"
