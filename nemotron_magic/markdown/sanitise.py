"""The last wall: only these elements, attributes and addresses leave."""

from __future__ import annotations

import re
from functools import lru_cache

import nh3

from nemotron_magic.markdown.links import is_mail, is_picture, is_web

__all__ = ["sanitised"]

# fmt: off
_TAGS = {
    "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s", "code",
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
    "th": {"align"},
    "td": {"align"},
    "ol": {"start"},
    "code": {"class"},
    "span": {"class"},
    "div": {"class"},
    "pre": {"class"},
    **{f"h{level}": {"class"} for level in range(1, 7)},
}
# What the page's own frame wears (its footer, its remarks) is not among them.
_CLASSES = {
    f"nm-{name}"
    for name in (
        "code",
        "hidden",
        "host",
        "image",
        "math",
        "plain",
        "raw",
        "table",
        "task",
        "tex",
        *"abcdfkmst",
    )
}
_CLASSES.add("jp-toc-ignore")  # JupyterLab's own
_LANGUAGE = re.compile(r"language-[a-z0-9+#._-]+")


def sanitised(html: str) -> str:
    """Give HTML that can neither run, load nor leave its place."""
    return _cleaner().clean(html)


@lru_cache(maxsize=1)
def _cleaner() -> nh3.Cleaner:
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
    if attribute == "href":
        return value if is_web(value) or is_mail(value) else None
    if attribute == "src":
        return value if is_picture(value) else None
    if attribute == "class":
        return " ".join(filter(_is_ours, value.split())) or None
    return value


def _is_ours(name: str) -> bool:
    return name in _CLASSES or _LANGUAGE.fullmatch(name) is not None
