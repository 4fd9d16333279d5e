"""Render Markdown to safe HTML, with highlighted code.

No text may raise, hang or vanish here. What is too deep, too long or grows too much
is shown as it was written.

A color of code is taken from JupyterLab's theme (nbconvert writes it too), else from VS
Code's, else it is one for a plain light or dark page. Some themes' are too faint: a
part of the text's own helps.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files
from textwrap import dedent

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from nemotron_magic.core.text import plural, strip_hidden, strip_invisible
from nemotron_magic.markdown.parser import (
    FORMULA_SIGN,
    NESTED_AT_MOST,
    formula_html,
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
    cut = _readable_chars(text)
    head, rest = text[:cut], text[cut:]
    writer = _Writer(folded.strip(), below is not None, clock_s)
    try:
        html = "".join(_blocks_html(head, writer))
    except Exception:  # a reply must be seen, whatever a parser makes of it
        html = _as_written(head)
    try:
        safe = sanitize(html)
    except ImportError:
        return _as_written(text)
    if below:  # not before: the sanitizer takes out every button, whoever wrote it
        safe = _PLACE.sub(lambda place: below(*writer.fences[int(place[1])]), safe)
    return safe + (_as_written(rest) if rest else "")


def line_html(text: str) -> str:
    """Return a plain line as HTML: what it quotes neither hides nor is a formula."""
    return _text_html(strip_invisible(text))


def _readable_chars(text: str) -> int:
    """Return how much can be read in time: up to an empty line if there is one."""
    room = len("".join(text[:_READ_CHARS].splitlines(True)[:_READ_LINES]))
    if room == len(text):
        return room
    return text.rfind("\n\n", 0, room) + 1 or text.rfind("\n", 0, room) + 1 or room


def _blocks_html(text: str, writer: _Writer) -> Iterator[str]:
    """Yield the HTML of each outermost block."""
    lines, tokens, start, depth = text.split("\n"), parser().parse(text), 0, 0
    for end, token in enumerate(tokens, 1):
        depth += token.nesting
        if depth > 0:
            continue
        block, start = tokens[start:end], end
        first, last = block[0].map or (0, 0)
        source = "\n".join(lines[first:last])
        is_deep = max(token.level for token in block) >= NESTED_AT_MOST - 2
        html = "" if is_deep else "".join(writer.parts(block))
        is_long = len(html) > _GROWTH * len(source) + _SHORT_CHARS
        yield _as_written(source) if is_deep or is_long else html


def _as_written(text: str) -> str:
    return f'<pre class="nm-plain">{_text_html(text, isolate=False)}</pre>\n'


def _text_html(text: str, *, isolate: bool = True) -> str:
    """Return a text as HTML; a sign that could open a formula is `isolate`d."""
    html = escape(text, quote=False)
    if isolate and ("$" in html or "\\" in html):
        html = FORMULA_SIGN.sub(r'<span class="nm-raw">\g<0></span>', html)
    is_plain = html.isascii() and html.isprintable()
    return html if is_plain else escape_invisible_html(html)


@dataclass(slots=True)
class _Writer:
    """Writes tokens as HTML; `fences` are the blocks of code: text and language."""

    folded: str
    has_below: bool
    clock_s: Callable[[], float]
    fences: list[tuple[str, str]] = field(default_factory=list)
    colored_chars: int = 0

    def parts(self, tokens: Sequence[Token]) -> Iterator[str]:
        link, url = 0, ""
        for at, token in enumerate(tokens):
            tag, content = token.tag, token.content
            match token.type:
                case "inline":
                    yield from self.parts(token.children or [])
                case "text":
                    yield _text_html(content)
                case "softbreak":
                    yield "\n"
                case "hardbreak":
                    yield "<br />\n"
                case "code_inline":
                    yield f"<code>{_text_html(content, isolate=False)}</code>"
                case "long_text":
                    text = _text_html(content, isolate=False)
                    yield f'<code class="nm-plain">{text}</code>'
                case "task":
                    yield f'<span class="nm-task">{content}</span> '
                case "math_inline":
                    is_display = token.markup in ("$$", r"\[")
                    yield formula_html(content, display=is_display)
                case "math_block":
                    yield f"<p>{formula_html(content, display=True)}</p>\n"
                case "fence":
                    yield self._fence(content, language_of(token.info))
                case "code_block":
                    yield self._code(content, "")
                case "image":
                    alt = _as_text(token.children or [])
                    yield picture_html(str(token.attrGet("src") or ""), alt)
                case "link_open":
                    link, url = at, str(token.attrGet("href") or "")
                    title = escape(strip_hidden(str(token.attrGet("title") or "")))
                    more = f' title="{title}"' if title else ""
                    yield f'<a href="{escape(url)}"{more}>'
                case "link_close":
                    is_bare = tokens[link].info == "auto"
                    said = "" if is_bare else _as_text(tokens[link + 1 : at])
                    host = "" if is_bare else host_to_show(said, url)
                    shown = f' <span class="nm-host">({escape(host)})</span>'
                    yield f"</a>{shown if host else ''}"
                # The notebook's table of contents is its author's; JupyterLab made it
                # again from all the headings of a reply with every render.
                case "heading_open":
                    yield f'<{tag} class="jp-toc-ignore">'
                case "table_open":
                    yield '<div class="nm-table" tabindex="0"><table>\n'
                case "table_close":
                    yield "</table></div>\n"
                case "th_open" | "td_open":
                    style = str(token.attrGet("style") or "")
                    side = style.removeprefix("text-align:")
                    yield f'<{tag} align="{side}">' if side else f"<{tag}>"
                case _:
                    yield _plain().renderToken(tokens, at, parser().options, {})

    def _fence(self, code: str, language: str) -> str:
        html = self._code(code, language)
        if self.has_below:
            html += f'<span class="nm-below-{len(self.fences)}"></span>'
            self.fences.append((code, language))
        first, _, rest = self.folded.partition("\n")
        folded = (self.folded, rest if first.startswith("%%") else self.folded)
        if not self.folded or dedent(code).strip() not in folded:
            return html
        lines = code.strip("\n").count("\n") + 1
        label = f"Code, {plural(lines, 'line')}"
        return f"<details><summary>{label}</summary>{html}</details>\n"

    def _code(self, code: str, language: str) -> str:
        from nemotron_magic.markdown.highlight import highlight

        self.colored_chars += len(code)
        colored_in = language if self.colored_chars < _COLORED_CHARS else ""
        html = escape_invisible_html(highlight(code, colored_in, self.clock_s))
        name = f' class="language-{escape(language)}"' if language else ""
        return f'<pre class="nm-code" tabindex="0"><code{name}>{html}</code></pre>\n'


_plain = cache(RendererHTML)


def _as_text(tokens: Sequence[Token]) -> str:
    return _plain().renderInlineAsText(tokens, parser().options, {})


@cache
def stylesheet() -> str:
    """Return the CSS of all classes used here."""
    return small_css(files(__package__).joinpath("reply.css").read_text("utf-8"))


def used_rules(html: str) -> str:
    """Return the rules of the style sheet that apply to something in an HTML text."""
    classes = " ".join(re.findall(r'class="([^"]*)"', html)).split()
    names = {
        *re.findall(r"<([a-z][a-z0-9]*)", html),
        *(f"[align={side}]" for side in re.findall(r' align="(\w+)"', html)),
        *(f".{name}" for name in classes),
    }
    rules = "".join(
        rule for rule, parts in _rules() if any(needed <= names for needed in parts)
    )
    used = {*re.findall(r"var\((--nm-\w+)\)", rules)}
    return re.sub(
        r"(--nm-\w+):[^;]*;", lambda one: one[0] if one[1] in used else "", rules
    )


# What a page has or has not whatever a reply is: states, attributes, its own classes.
_FROM_PAGE = re.compile(r":[\w-]+\([^()]*\)|\[\w+\]|::?[\w-]+|\.(?:jp|language)-[\w-]*")
_NAME = re.compile(r"\[align=\w+\]|\.?[a-z][\w-]*")


@cache
def _rules() -> list[tuple[str, list[set[str]]]]:
    """Return each rule with the tags and classes that each of its selectors needs."""
    found = []
    for head, body in re.findall(r"([^{}]+)(\{[^{}]*\})", stylesheet()):
        parts = _FROM_PAGE.sub("", head).split(",")
        found.append((head + body, [{*_NAME.findall(part)} for part in parts]))
    return found


def small_css(css: str) -> str:
    """Return a style sheet without needless white space."""
    css = re.sub(r"\s*([{};,>]|: )\s*", lambda sign: sign[1].strip(), css.strip())
    return css.replace("\n", "").replace(";}", "}")
