"""The structure of an HTML text in one line: elements and text."""

import re
from html.parser import HTMLParser

_LEFT_OUT = {"div", "span", "thead", "tbody"}
_VOID = {"br", "hr", "img"}
_BLOCKS = {"p", "ul", "ol", "li", "table", "tr", "th", "td", "pre", "blockquote", "hr"}
_BLOCKS |= {"br", "h1", "h2", "h3", "h4", "h5", "h6"}


class _Shape(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.in_pre = False

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag == "input":
            self.handle_data("☑ " if "checked" in named else "☐ ")
        elif tag not in _LEFT_OUT:
            self._trim(tag)
            self.in_pre = self.in_pre or tag == "pre"
            end = "" if tag in _VOID else "["
            self.parts.append(f" {tag}{_detail(tag, named)}{end}")

    def handle_endtag(self, tag):
        if tag in _LEFT_OUT or tag in _VOID:
            return
        self._trim(tag)
        self.in_pre = self.in_pre and tag != "pre"
        self.parts.append("]")

    def handle_data(self, data):
        if self.in_pre:
            data = data.replace("\n", "⏎").replace(" ", "·")
        self.parts.append(re.sub(r"[ \n]+", " ", data))

    def _trim(self, tag: str) -> None:
        if tag in _BLOCKS and self.parts:
            self.parts[-1] = self.parts[-1].rstrip(" ")


def _detail(tag: str, named: dict) -> str:
    if tag == "a":
        return f"({named.get('href')})"
    if tag == "ol" and named.get("start", "1") != "1":
        return f"({named['start']})"
    side = named.get("align") or (named.get("style") or "").partition(":")[2]
    return f"({side})" if tag in ("td", "th") and side else ""


def shape(html: str) -> str:
    """Give the structure, such as ``ul[ li[one] li[two]]``."""
    reader = _Shape()
    reader.feed(html)
    reader.close()
    line = re.sub(r" +", " ", "".join(reader.parts))
    return re.sub(r"\] (?=\])", "]", re.sub(r"\[ +", "[", line)).strip()
