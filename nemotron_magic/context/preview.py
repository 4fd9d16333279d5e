"""Showing what would be sent, or was, to the letter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nemotron_magic.context.tokens import estimate_field_tokens, estimate_tokens
from nemotron_magic.markdown.code import as_block
from nemotron_magic.text import with_smuggled_shown

__all__ = ["other_fields", "preview"]


def preview(
    body: Mapping[str, Any],
    notes: Sequence[tuple[str, str]],
    heading: str = "What would be sent",
) -> str:
    """Return a request as Markdown: a table of what it takes, then all that is in it.

    Parameters
    ----------
    body : mapping
        The whole request; `messages` have the keys `role` and `content`.
    notes : sequence of (str, str)
        Further rows of the table: what, and how much.
    """
    messages, fields = body["messages"], other_fields(body)
    sizes = [estimate_tokens(message["content"]) for message in messages]
    rows = [
        *(
            f"| {n}. {message['role']} | about {size:,} tokens |"
            for n, (message, size) in enumerate(zip(messages, sizes, strict=True), 1)
        ),
        f"| all messages | about {sum(sizes):,} tokens |",
        f"| all other fields | about {estimate_field_tokens(body):,} tokens |",
        *(f"| {_cell(what)} | {_cell(how_much)} |" for what, how_much in notes),
    ]
    table = "\n".join([f"| {heading} | |", "|:--|:--|", *rows])
    texts = (
        _fenced(f"{n}. {message['role']}", message["content"], "prompt")
        for n, message in enumerate(messages, 1)
    )
    return "\n\n".join([table, *texts, _fenced("All other fields", fields, "json")])


def other_fields(body: Mapping[str, Any]) -> str:
    """Return the fields of a request beside its messages, as the JSON that is sent."""
    fields = (
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in body.items()
        if name != "messages"
    )
    return "{" + ",\n ".join(fields) + "}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _fenced(title: str, text: str, language: str) -> str:
    block = as_block(with_smuggled_shown(text), language)
    return f"**{title}**\n\n{block}"
