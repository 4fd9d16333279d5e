"""The Markdown of a reply: parse it, split it while it streams, render safe HTML."""

from nemotron_magic.markdown.html import stylesheet, to_html
from nemotron_magic.markdown.parser import CodeBlock, code_blocks
from nemotron_magic.markdown.streaming import Block, Blocks

__all__ = ["Block", "Blocks", "CodeBlock", "code_blocks", "stylesheet", "to_html"]
