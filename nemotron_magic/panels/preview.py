"""What would be sent now, as a panel shows it: fit for JSON, to the letter."""

from __future__ import annotations

from typing import Any

from nemotron_magic.context.preview import other_fields
from nemotron_magic.context.tokens import estimate_field_tokens, estimate_tokens
from nemotron_magic.notebook.commands.prompt import notes
from nemotron_magic.session import Session
from nemotron_magic.settings import Settings
from nemotron_magic.text import visible, with_smuggled_shown
from nemotron_magic.turns import Question

__all__ = ["preview"]


def preview(session: Session, question: Question, settings: Settings) -> dict[str, Any]:
    """Return all that a question would send, and what it may take.

    The fields beside the messages stand behind them, as one more.
    """
    asked = session.prepared(question, settings)
    sizes = [estimate_tokens(message["content"]) for message in asked.told]
    fields, fields_size = other_fields(asked.body), estimate_field_tokens(asked.body)
    said = notes(session, asked, settings)
    return {
        "question": question.text,
        "messages": [
            {**message, "content": _shown(message["content"]), "tokens": size}
            for message, size in zip(asked.told, sizes, strict=True)
        ]
        + [
            {
                "role": "all other fields",
                "content": _shown(fields),
                "tokens": fields_size,
            }
        ],
        "rows": [
            ("all messages", f"about {sum(sizes):,} tokens"),
            ("all other fields", f"about {fields_size:,} tokens"),
            *((what, how_much.replace("`", "")) for what, how_much in said),
        ],
        "priced": not any(
            what == "may cost" and how.startswith("unknown") for what, how in said
        ),
    }


def _shown(text: str) -> str:
    return visible(with_smuggled_shown(text))
