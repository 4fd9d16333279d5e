"""Render Markdown to safe HTML, with highlighted code.

No text may raise, hang or vanish here. What is too deep, too long or grows too much
is shown as it was written.

A colour is taken from JupyterLab's theme (nbconvert writes it too), else from VS
Code's, else it is one for a plain light or dark page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from functools import cache
from html import escape
from textwrap import dedent
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    pass

__all__ = [
    "stylesheet",
    "to_html",
]
"""Languages in colour, by a name that Pygments has for each.

A reply chooses the lexer. Hundreds are known to Pygments, and some of them work for
minutes on a short text, or let the text choose another.
"""
"""Three times what the longest ordinary block takes."""
"""Runs over which a single pattern of a lexer may work for minutes."""


_Env = MutableMapping[str, Any]

_READ_CHARS = 200_000  # more than any model writes at once; a dense megabyte takes 5 s
_READ_LINES = 10_000
_COLOURED_CHARS_RENDER = 60_000
_GROWTH = 8  # a block's HTML may be that many times its text, and a little more
_SHORT_CHARS = 2_000


def to_html(text: str, folded: str = "") -> str:
    """Return safe HTML for any text; the code that is `folded` can be opened."""
    if not text:
        return ""
    text = strip_invisible(text).replace("\r\n", "\n").replace("\r", "\n")
    head, rest = _parted(text)
    try:
        html = _read(head, folded)
    except Exception:  # a reply must be seen, whatever a parser makes of it
        html = _as_written(head)
    try:
        safe = sanitize(html)
    except ImportError:
        return _as_written(text)
    return safe + (_as_written(rest) if rest else "")


def _parted(text: str) -> tuple[str, str]:
    """Cut what is too long to be read in time, at an empty line if there is one."""
    room = len("".join(text[:_READ_CHARS].splitlines(True)[:_READ_LINES]))
    if room == len(text):
        return text, ""
    cut = text.rfind("\n\n", 0, room) + 1 or text.rfind("\n", 0, room) + 1 or room
    return text[:cut], text[cut:]


def _read(text: str, folded: str) -> str:
    env: _Env = {}
    tokens = parser().parse(text, env)
    lines = text.split("\n")
    writer = _Writer(folded)
    return "".join(_block_html(block, lines, writer, env) for block in _blocks(tokens))


def _blocks(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Part the tokens by outermost blocks."""
    start = depth = 0
    for number, token in enumerate(tokens, 1):
        depth += token.nesting
        if depth == 0:
            yield tokens[start:number]
            start = number


def _block_html(
    block: Sequence[Token], lines: list[str], writer: _Writer, env: _Env
) -> str:
    first, last = block[0].map or (0, 0)
    source = "\n".join(lines[first:last])
    if max(token.level for token in block) >= NESTED_AT_MOST - 2:
        return _as_written(source)
    html = str(writer.render(block, parser().options, env))
    if len(html) > _GROWTH * len(source) + _SHORT_CHARS:
        return _as_written(source)
    return html


def _trimmed(code: str) -> str:
    return dedent(code).strip()


def _as_written(text: str) -> str:
    return f'<pre class="nm-plain">{_text_html(text, isolate_signs=False)}</pre>\n'


def _text_html(text: str, *, isolate_signs: bool = True) -> str:
    html = escape(text, quote=False)
    if isolate_signs and ("$" in html or "\\" in html):
        html = isolate(html)
    return (
        html if html.isascii() and html.isprintable() else escape_invisible_html(html)
    )


@cache
def _rules() -> frozenset[str]:
    """Name the methods that write tokens."""
    writer = _Writer.__new__(_Writer)
    RendererHTML.__init__(writer)
    return frozenset(writer.rules)


class _Writer(RendererHTML):
    """Writes tokens as HTML; a method is named after the token that it writes."""

    def __init__(self, folded: str = "") -> None:
        # To look for the methods, as it does, takes longer than a short text.
        self.rules = {name: getattr(self, name) for name in _rules()}
        self._folded = folded.strip()
        self._colour_left = _COLOURED_CHARS_RENDER

    def text(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        return _text_html(tokens[idx].content)

    def long_text(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        html = _text_html(tokens[idx].content, isolate_signs=False)
        return f'<code class="nm-plain">{html}</code>'

    def task(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        return f'<span class="nm-task">{tokens[idx].content}</span> '

    def heading_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        # The notebook's table of contents is its author's; JupyterLab made it anew
        # from all the headings of a reply with every paint.
        return f'<{tokens[idx].tag} class="jp-toc-ignore">'

    def math_inline(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        token = tokens[idx]
        return formula_html(token.content, display=token.markup in ("$$", r"\["))

    def math_block(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        return f"<p>{formula_html(tokens[idx].content, display=True)}</p>\n"

    def code_inline(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        return f"<code>{_text_html(tokens[idx].content, isolate_signs=False)}</code>"

    def code_block(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        return self._code(tokens[idx].content, "")

    def fence(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        code = tokens[idx].content
        html = self._code(code, language_of(tokens[idx].info))
        if not self._folded or _trimmed(code) not in (self._folded, self._below_magic):
            return html
        lines = code.strip("\n").count("\n") + 1
        label = f"Code, {plural(lines, 'line')}"
        return f"<details><summary>{label}</summary>{html}</details>\n"

    @property
    def _below_magic(self) -> str:
        first, _, rest = self._folded.partition("\n")
        return rest if first.startswith("%%") else self._folded

    def _code(self, code: str, language: str) -> str:
        self._colour_left -= len(code)
        from nemotron_magic.markdown.highlight import highlight

        html = highlight(code, language if self._colour_left > 0 else "")
        name = f' class="language-{escape(language)}"' if language else ""
        shown = escape_invisible_html(html)
        return f'<pre class="nm-code"><code{name}>{shown}</code></pre>\n'

    def table_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        return '<div class="nm-table"><table>\n'

    def table_close(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        return "</table></div>\n"

    def th_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        token = tokens[idx]
        side = str(token.attrGet("style") or "").removeprefix("text-align:")
        return f'<{token.tag} align="{side}">' if side else f"<{token.tag}>"

    td_open = th_open

    def image(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        token = tokens[idx]
        alt = self.renderInlineAsText(token.children, options, env)
        return picture_html(str(token.attrGet("src") or ""), alt)

    def link_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        title = strip_hidden(str(tokens[idx].attrGet("title") or ""))
        href = escape(str(tokens[idx].attrGet("href") or ""))
        return (
            f'<a href="{href}" title="{escape(title)}">'
            if title
            else f'<a href="{href}">'
        )

    def link_close(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: _Env
    ) -> str:
        start = idx
        while tokens[start].type != "link_open":
            start -= 1
        url = str(tokens[start].attrGet("href") or "")
        text = self.renderInlineAsText(tokens[start + 1 : idx], options, env)
        host = host_to_show(text, url) if tokens[start].info != "auto" else ""
        return f'</a> <span class="nm-host">({escape(host)})</span>' if host else "</a>"


_TOKENS = """
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

_SHEET = """
.nm-reply{
 --nm-muted:color-mix(in srgb,currentColor 78%,transparent);
 --nm-line:var(--jp-border-color2,var(--vscode-panel-border,#8886));
 --nm-back:var(--jp-cell-editor-background,var(--vscode-textCodeBlock-background,#8882));
 overflow-wrap:break-word;max-width:100%
}
.nm-reply>:first-child{margin-top:0}
.nm-reply pre[class]{
 background:var(--nm-back);border:1px solid var(--nm-line);border-radius:4px;
 padding:.6em .8em;margin:.6em 0;overflow-x:auto;line-height:1.45
}
.nm-reply pre[class] code{background:none;padding:0;white-space:pre}
.nm-reply .nm-plain[class],.nm-reply pre[class] .language-prompt{white-space:pre-wrap}
.nm-reply :not(pre)>code{background:var(--nm-back);border-radius:3px;padding:.1em .3em}
.nm-reply .nm-table{overflow-x:auto;margin:.6em 0}
.nm-reply .nm-table table{
 border-collapse:collapse;width:auto;margin:0;table-layout:auto;font-size:inherit
}
.nm-reply .nm-table tr th,.nm-reply .nm-table tr td{
 border:1px solid var(--nm-line);padding:.3em .7em;max-width:none;white-space:normal;
 text-align:left;vertical-align:top
}
.nm-reply .nm-table tr [align=center]{text-align:center}
.nm-reply .nm-table tr [align=right]{text-align:right}
.nm-reply :is(p,li,td){unicode-bidi:plaintext}
.nm-reply>p{text-align:start}
.nm-reply li{text-align:left}
.nm-reply ul,.nm-reply ol{padding-left:1.8em;margin:.4em 0}
.nm-reply li>ul,.nm-reply li>ol{margin:0}
.nm-reply li>p{margin:.4em 0}
.nm-reply li:has(>.nm-task),.nm-reply li:has(>p>.nm-task){list-style:none}
.nm-task{margin-left:-1.3em;display:inline-block;width:1.1em}
.nm-reply blockquote{
 border-left:3px solid var(--nm-line);margin:.6em 0;padding:0 .9em;color:var(--nm-muted)
}
.nm-reply img{max-width:100%}
.nm-hidden,.nm-host,.nm-image{font-size:.85em;color:var(--nm-muted)}
.nm-hidden{border:1px solid var(--nm-line);border-radius:3px}
.nm-math{max-width:100%;overflow:auto hidden}
.nm-joined>:first-child,.nm-joined>:first-child>table{margin-top:0}
.nm-open>:last-child,.nm-open>:last-child>table{margin-bottom:0}
.nm-reply.nm-open>pre:last-child{border-bottom:0;padding-bottom:0}
.nm-reply.nm-joined>pre:first-child{border-top:0;padding-top:0}
.nm-joined>.nm-table:first-child thead{display:none}
.nm-in-1{margin-left:1.8em}.nm-in-2{margin-left:3.6em}
.nm-in-3{margin-left:5.4em}.nm-in-4{margin-left:7.2em}
.nm-reasoning{
 border-left:3px solid var(--nm-line);color:var(--nm-muted);
 padding:.1em .9em;margin:.4em 0
}
.nm-reply summary{cursor:pointer}
.nm-reply details:not([class]){margin:.4em 0 .8em}
.nm-reply details:not([class])>summary{color:var(--nm-muted);font-size:.9em}
.nm-footer,.nm-notice{color:var(--nm-muted);font-size:.9em;margin:.6em 0}
.nm-error{
 color:color-mix(in srgb,var(--jp-error-color1,
  var(--vscode-errorForeground,light-dark(#b3261e,#ff8a80))) 75%,currentColor);
 white-space:pre-wrap;overflow-wrap:anywhere
}
"""


@cache
def stylesheet() -> str:
    """Return the CSS of all classes used here; it goes once into a page."""
    return _small(_SHEET) + "".join(map(_token_rule, _TOKENS.split("\n")[1:-1]))


def _token_rule(row: str) -> str:
    name, jupyter, code, light, dark = row.split()
    plain = f"light-dark({light},{dark})"
    other = (
        f"var(--vscode-debugTokenExpression-{code},{plain})" if code != "-" else plain
    )
    colour = f"var(--jp-mirror-editor-{jupyter}-color,{other})"
    # Some themes' colours are too faint: a part of the text's own helps.
    return f".nm-{name}{{color:color-mix(in srgb,{colour} 75%,currentColor)}}"


def _small(css: str) -> str:
    return re.sub(r"\s*([{};,])\s*|\n", r"\1", css.strip())
