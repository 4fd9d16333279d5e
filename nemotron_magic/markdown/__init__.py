"""The Markdown of a reply: its code blocks, its parts as it grows, its safe HTML.

The parser, the sanitiser and the highlighter are loaded at the first use.
"""

from nemotron_magic.markdown.blocks import Block, Blocks
from nemotron_magic.markdown.code import CodeBlock, code_blocks
from nemotron_magic.markdown.theme import stylesheet

__all__ = ["Block", "Blocks", "CodeBlock", "code_blocks", "stylesheet", "to_html"]


def to_html(markdown_text: str, folded: str = "") -> str:
    """Give safe HTML for any text; put it in a ``<div class="nm-reply">``.

    The block of code that is `folded` is shown as one line that can be opened.

    >>> print(to_html("2 * 3 is **6**").strip())
    <p>2 * 3 is <strong>6</strong></p>
    """
    from nemotron_magic.markdown.render import to_html as render

    return render(markdown_text, folded)
