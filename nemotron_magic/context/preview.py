"""Showing what would be sent, or was, to the letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nemotron_magic.context.tokens import estimate_tokens
from nemotron_magic.markdown.code import as_block
from nemotron_magic.text import with_smuggled_shown

__all__ = ["preview"]


def preview(
    messages: Sequence[Mapping[str, str]],
    notes: Sequence[tuple[str, str]],
    heading: str = "What would be sent",
) -> str:
    """Give messages as Markdown: a table of what they take, then each in a fence.

    Parameters
    ----------
    messages : sequence of mapping
        Keys `role` and `content`.
    notes : sequence of (str, str)
        Further rows of the table: what, and how much.
    """
    sizes = [estimate_tokens(message["content"]) for message in messages]
    rows = [
        *(
            f"| {n}. {message['role']} | about {size:,} tokens |"
            for n, (message, size) in enumerate(zip(messages, sizes, strict=True), 1)
        ),
        f"| all messages | about {sum(sizes):,} tokens |",
        *(f"| {_cell(what)} | {_cell(how_much)} |" for what, how_much in notes),
    ]
    table = "\n".join([f"| {heading} | |", "|:--|:--|", *rows])
    texts = (_fenced(n, message) for n, message in enumerate(messages, 1))
    return "\n\n".join([table, *texts])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _fenced(number: int, message: Mapping[str, str]) -> str:
    block = as_block(with_smuggled_shown(message["content"]), "prompt")
    return f"**{number}. {message['role']}**\n\n{block}"
