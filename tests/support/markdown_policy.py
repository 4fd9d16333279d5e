"""What HTML made from a reply may hold; everything else is a violation."""

import re
from html.parser import HTMLParser

# fmt: off
_TAGS = {
    "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s", "code",
    "pre", "blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td",
    "a", "img", "span", "div",
}
# fmt: on
_ATTRIBUTES = {
    "a": {"href", "title", "rel"},
    "img": {"src", "alt"},
    "th": {"align"},
    "td": {"align"},
    "ol": {"start"},
    "code": {"class"},
    "span": {"class"},
    "div": {"class", "tabindex"},
    "pre": {"class", "tabindex"},
    **{f"h{level}": {"class"} for level in range(1, 7)},
}
_VALUES = {
    "href": r"(?i:https?)://[^\s/\\?#@]+([/?#][^\s\\]*)?|mailto:[^\s\\/]+",
    "src": r"data:image/(png|gif|jpeg|webp);base64,[A-Za-z0-9+/=]+",
    "class": r"(jp-toc-ignore|nm-[a-z-]+|language-[a-z0-9+#._-]+)( (nm-[a-z-]+))*",
    "rel": r"noopener noreferrer nofollow",
    "align": r"left|right|center",
    "start": r"\d+",
    "tabindex": "0",
}
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\U000e0000-\U000e007f\x00]")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.violations: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attributes):
        if tag not in _TAGS:
            self.violations.append(f"<{tag}>")
        for name, value in attributes:
            fits = re.fullmatch(_VALUES.get(name, "[^\0]*"), value or "")
            if name not in _ATTRIBUTES.get(tag, ()) or not fits:
                self.violations.append(f"{tag}[{name}={value!r}]")
        if tag == "a" and "rel" not in dict(attributes):
            self.violations.append("a without rel")

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.violations.append("comment")

    handle_decl = handle_pi = unknown_decl = handle_comment


def read(html: str) -> tuple[list[str], str]:
    """Give the violations in an HTML text, and what a reader sees of it."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    unseen = [f"U+{ord(c):04X}" for c in _UNSEEN.findall(html)]
    return reader.violations + unseen, reader.text


def violations(html: str) -> list[str]:
    """Give what an HTML text holds against the policy."""
    return read(html)[0]
