"""Markdown to safe HTML: read, written out block by block, and sanitised.

No text may raise, hang or vanish here. What is too deep, too long or grows too much
is shown as it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from functools import cache
from html import escape
from textwrap import dedent
from typing import Any

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from nemotron_magic.markdown.code import language_of
from nemotron_magic.markdown.hidden import with_badges
from nemotron_magic.markdown.highlight import highlighted
from nemotron_magic.markdown.links import host_to_show, picture_html
from nemotron_magic.markdown.maths import formula_html, isolate
from nemotron_magic.markdown.parser import NESTED_AT_MOST, parser
from nemotron_magic.quantities import plural
from nemotron_magic.text import without_hidden, without_smuggled

__all__ = ["to_html"]

_Env = MutableMapping[str, Any]

_READ_CHARS = 200_000  # more than any model writes at once; a dense megabyte takes 5 s
_READ_LINES = 10_000
_COLOURED_CHARS = 60_000
_GROWTH = 8  # a block's HTML may be that many times its text, and a little more
_SHORT_CHARS = 2_000


def to_html(text: str, folded: str = "") -> str:
    """Give safe HTML for any text; the code that is `folded` can be opened."""
    if not text:
        return ""
    text = without_smuggled(text).replace("\r\n", "\n").replace("\r", "\n")
    head, rest = _parted(text)
    try:
        html = _read(head, folded)
    except Exception:  # a reply must be seen, whatever a parser makes of it
        html = _as_written(head)
    try:
        from nemotron_magic.markdown.sanitise import sanitised
    except ImportError:
        return _as_written(text)
    return sanitised(html) + (_as_written(rest) if rest else "")


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
    return html if html.isascii() and html.isprintable() else with_badges(html)


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
        self._colour_left = _COLOURED_CHARS

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
        html = highlighted(code, language if self._colour_left > 0 else "")
        name = f' class="language-{escape(language)}"' if language else ""
        return f'<pre class="nm-code"><code{name}>{with_badges(html)}</code></pre>\n'

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
        title = without_hidden(str(tokens[idx].attrGet("title") or ""))
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
