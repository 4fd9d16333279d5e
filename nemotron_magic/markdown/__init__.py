"""The Markdown of a reply: parse it, split it while it streams, render safe HTML.

The parser, the sanitiser and the highlighter are loaded at the first use.
"""

from __future__ import annotations

from nemotron_magic.markdown.html import stylesheet
from nemotron_magic.markdown.html import to_html as render
from nemotron_magic.markdown.parser import CodeBlock, code_blocks
from nemotron_magic.markdown.streaming import Block, Blocks

__all__ = [
    "Block",
    "Blocks",
    "CodeBlock",
    "code_blocks",
    "stylesheet",
    "to_html",
]


def to_html(markdown_text: str, folded: str = "") -> str:
    """Return safe HTML for any text; put it in a ``<div class="nm-reply">``.

    The block of code that is `folded` is shown as one line that can be opened.

    >>> print(to_html("2 * 3 is **6**").strip())
    <p>2 * 3 is <strong>6</strong></p>
    """
    return render(markdown_text, folded)
