"""Sanitize HTML: only known elements, attributes and addresses pass."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nemotron_magic.core.text import escape_invisible, strip_hidden

if TYPE_CHECKING:
    import nh3
    from markdown_it.rules_inline import StateInline

_MOST_BADGES = 500  # each is forty times as long as what it stands for


def escape_invisible_html(html: str) -> str:
    """Show each unseen character of an HTML text (not of a tag) by its number."""
    return escape_invisible(html, '<span class="nm-hidden">{}</span>', _MOST_BADGES)


# A name or password before the host serves only to deceive; so do slashes too many.
_WEB = re.compile(r"https?://[^\s/\\?#@]+(?:[/?#][^\\\s]*)?", re.IGNORECASE)
_MAIL = re.compile(r"mailto:[^\s\\/]+", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=]+")
# What could be read as a host; `df.groupby` and `plot.py` are not.
_HOST_IN_TEXT = re.compile(
    r"(?:(?<=://)|(?<=//)|\b)(?:[\w-]+\.)+"
    r"(?:com|org|net|edu|gov|mil|int|info|biz|xyz|dev|app|cloud|site|online|shop|top"
    r"|(?!py|js|md|rs|ts|sh|cc|go|to|at|is)[a-z]{2})(?![\w(])",
    re.IGNORECASE,
)
_LONG_QUERY_CHARS = 100
_SHOWN_CHARS = 120

_BARE = re.compile(r"//[^\s<>`\"\\\x00-\x20]{1,2000}")
_SCHEME_AT_END = re.compile(r"(?<![A-Za-z0-9+.-])https?$", re.IGNORECASE)


def is_web(url: str) -> bool:
    """Return whether this is a plain ``http`` or ``https`` address."""
    return _WEB.fullmatch(url) is not None


def may_link(url: str) -> bool:
    """Return whether an address may stand in a link or an image at all."""
    return any(one.fullmatch(url) for one in (_WEB, _MAIL, _PICTURE))


def host_to_show(text: str, url: str) -> str:
    """Return the host if the text names another or the link carries a lot, else ""."""
    if not is_web(url):
        return ""
    try:
        parts = urlsplit(url)
        host, query = (parts.hostname or "").lower(), parts.query
    except ValueError:  # such as an unclosed [ in the host
        host, query = url[:_SHOWN_CHARS], ""
    named = {name.lower().removeprefix("www.") for name in _HOST_IN_TEXT.findall(text)}
    deceives = bool(named) and host.removeprefix("www.") not in named
    carries = len(query) > _LONG_QUERY_CHARS
    return host if deceives or carries or "xn--" in host else ""


def picture_html(url: str, alt: str) -> str:
    """Return the HTML of a picture that needs no loading; of others, their address."""
    alt = escape(strip_hidden(alt))
    if _PICTURE.fullmatch(url):
        return f'<img src="{url}" alt="{alt}">'
    note = escape(f"[image not loaded: {place_to_show(url)}]".replace("$", "%24"))
    link = f'<a href="{escape(url)}">{note}</a>' if is_web(url) else note
    return f'{alt}{" " * bool(alt)}<span class="nm-image">{link}</span>'


def place_to_show(url: str) -> str:
    """Return host and path of an address, cut to what a reader wants to know."""
    return strip_hidden(re.sub(r"^https?://|[?#].*$", "", url))[:_SHOWN_CHARS]


def bare_link(state: StateInline, silent: bool) -> bool:
    """Markdown rule: an address in running text, as GitHub reads it."""
    if state.linkLevel > 0 or not state.src.startswith("://", state.pos):
        return False
    scheme = _SCHEME_AT_END.search(state.src, max(0, state.pos - 6), state.pos)
    match = _BARE.match(state.src, state.pos + 1)
    if not (scheme and match and state.pending.endswith(scheme[0])):
        return False
    url = f"{scheme[0]}:{_trimmed(match[0])}"
    if not is_web(url):
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[0])]
        token = state.push("link_open", "a", 1)
        token.attrs, token.info = {"href": state.md.normalizeLink(url)}, "auto"
        state.push("text", "", 0).content = url
        state.push("link_close", "a", -1)
    state.pos += len(url) - len(scheme[0])
    return True


def _trimmed(address: str) -> str:
    """Return an address without what ends the sentence or an earlier bracket."""
    address = re.split(r"\*\*|~~|\$", address, maxsplit=1)[0]
    while address and address[-1] in "?!.,:;*_~'\")]}":
        if address[-1] == ")" and address.count(")") <= address.count("("):
            break
        address = address[:-1]
    return address


# fmt: off
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_TAGS = {
    *_HEADINGS, "p", "br", "hr", "em", "strong", "s", "code",
    "pre", "blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td",
    "a", "img", "span", "div", "details", "summary",
}
_DROPPED_WITH_CONTENT = {
    "script", "style", "template", "noscript", "iframe", "object", "embed", "svg",
    "math", "title", "xmp", "textarea", "select", "noembed", "noframes",
}
# fmt: on
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt"},
    "ol": {"start"},
    **{name: {"align"} for name in ("th", "td")},
    **{name: {"class", "tabindex"} for name in ("div", "pre")},
    **{name: {"class"} for name in ("code", "span", *_HEADINGS)},
}
# What the page's own frame wears (its footer, its remarks) is not among them.
_CLASS = re.compile(
    r"nm-(?:code|hidden|host|image|math|plain|raw|table|task|tex|[abcdfkmst]|below-\d+)"
    r"|jp-toc-ignore|language-[a-z0-9+#._-]+"
)


def sanitize(html: str) -> str:
    """Return HTML that can neither run, load nor leave its place."""
    return _cleaner().clean(html)


@lru_cache(maxsize=1)
def _cleaner() -> nh3.Cleaner:
    import nh3  # not before the first reply

    return nh3.Cleaner(
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        generic_attribute_prefixes=set(),
        attribute_filter=_allowed,
        url_relative="deny",
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
    )


def _allowed(_tag: str, attribute: str, value: str) -> str | None:
    """Return a value if or how it may stay; None takes the attribute away."""
    match attribute:
        case "href":
            return value if is_web(value) or _MAIL.fullmatch(value) else None
        case "src":
            return value if _PICTURE.fullmatch(value) else None
        case "class":
            return " ".join(filter(_CLASS.fullmatch, value.split())) or None
    return value
