"""What a page may get of a reply: our own frame around HTML that keeps the policy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from html.parser import HTMLParser

from markdown_policy import violations

from nemotron_magic.core.events import Event
from nemotron_magic.display.page import Display, NotebookRenderer
from nemotron_magic.display.reply import (
    block_html,
    document,
    interim_html,
    reply_html,
    status_html,
)
from nemotron_magic.markdown.streaming import Blocks
from nemotron_magic.session.reply import Reply, ReplyAccumulator, ReplyMetadata

__all__ = ["faults", "interims", "painted", "wearing", "whole"]

_VARIABLE = re.compile(r"--nm-\w+:[^;]*;")
_RULE = re.compile(r"[^{}]+\{[^{}]*\}")
_RULES = {
    *_RULE.findall(_VARIABLE.sub("", document("", below=None).partition("<style>")[2]))
}
_STYLES = re.findall(r' style="[^"]*"', status_html("", "a thought"))
# Each is ours once, so that a second one is a violation.
_OURS = (
    *((style, "") for style in _STYLES),
    ('<details class="nm-reasoning"><summary>Reasoning</summary>', "<div>"),
    ("</details>", "</div>"),
    ('<div class="mathjax_ignore">', "<div>"),
)
_VOID = {"br", "hr", "img"}


class _Frame(HTMLParser):
    """Notes the classes, and end tags that close what they have not opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.strays: list[str] = []
        self.classes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.classes += (dict(attrs).get("class") or "").split()
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.strays.append(f"</{tag}>")


_HIDDEN = '<div class="lm-Widget lm-mod-hidden hidden">'


def faults(html: str, notices: int = 0) -> list[str]:
    """Give what a page's HTML holds against the policy, our own frame left out."""
    for ours, plain in _OURS:
        html = html.replace(ours, plain, 1)
    html = re.sub(rf"\n{_HIDDEN}<style>([^<]*)</style></div>$", _unless_ours, html)
    frame = _read(html)
    at_most = {"nm-footer": 1, "nm-reasoning": 1, "nm-notice": notices, "nm-error": 0}
    forged = [n for n, most in at_most.items() if frame.classes.count(n) > most]
    html = html.replace('<p class="nm-notice">', "<p>", notices)
    return [*violations(html), *frame.strays, *frame.open, *forged]


def _unless_ours(sheet: re.Match[str]) -> str:
    """Return nothing in place of a style sheet whose rules are all ours."""
    rules = _RULE.findall(_VARIABLE.sub("", sheet[1]))
    is_ours = {*rules} <= _RULES and "".join(rules) == _VARIABLE.sub("", sheet[1])
    return "" if is_ours else sheet[0]


def wearing(html: str, name: str) -> int:
    """Give how many elements have this class."""
    return _read(html).classes.count(name)


def _read(html: str) -> _Frame:
    frame = _Frame()
    frame.feed(html)
    frame.close()
    return frame


def text_of(html: str) -> str:
    """Return what is read of HTML, without its tags and styles."""
    return unescape(re.sub(r"(?s)<style>.*?</style>|<[^>]*>", "", html))


def whole(attack: str) -> Iterator[str]:
    """Give the HTML of replies that are, and that come with, this text."""
    yield reply_html(Reply(attack, ReplyMetadata(reasoning=attack, notices=(attack,))))
    yield reply_html(Reply("", ReplyMetadata(refusal=attack, choices=(attack, attack))))
    yield reply_html(Reply("a", ReplyMetadata(appended=attack)))
    yield status_html(attack)


def interims(attack: str, step: int) -> Iterator[str]:
    """Give what is painted while a text grows."""
    blocks = Blocks(soft_limit=200)
    for start in range(0, len(attack), step):
        finished = [block_html(b) for b in blocks.feed(attack[start : start + step])]
        yield interim_html(finished, blocks.tail)


class _Page:
    def __init__(self) -> None:
        self.shown: list[str] = []

    def show(self, display: Display, *, again: bool = False) -> None:
        self.shown.append(display.html)

    def clear(self) -> None:
        pass


def painted(events: Sequence[Event]) -> list[str]:
    """Give all that a page is told while these events come in, a second apart."""
    page, now_s = _Page(), iter(range(1_000_000))
    painter = NotebookRenderer(page, True, lambda: float(next(now_s)), lambda *_: None)
    draft = ReplyAccumulator(ReplyMetadata())
    for event in events:
        draft.add(event)
        painter.watch(event)
    painter.finish(draft.reply())
    return page.shown
