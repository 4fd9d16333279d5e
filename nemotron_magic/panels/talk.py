"""The conversations of a notebook as a panel shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nemotron_magic.notebook.html import content_html
from nemotron_magic.turns import MAIN, Turn

__all__ = ["MOST_TURNS", "names", "talk"]

MOST_TURNS = 12
"""Earlier turns are counted, not shown."""


def names(threads: Mapping[str, Sequence[Turn]]) -> list[str]:
    """Give the names of the conversations, the notebook's own first."""
    others = sorted(name for name, turns in threads.items() if turns and name != MAIN)
    return [MAIN, *others]


def talk(
    threads: Mapping[str, Sequence[Turn]],
    name: str,
    cut: Turn | None = None,
    most: int = MOST_TURNS,
) -> dict[str, Any]:
    """Give a conversation, fit for JSON: its newest turns, and how many came before.

    Parameters
    ----------
    cut : Turn, optional
        The turn that can be gone on with, because its reply was cut off.
    """
    turns = threads.get(name, ())
    shown = turns[-most:]
    return {
        "name": name,
        "names": names(threads),
        "before": len(turns) - len(shown),
        "turns": [
            {
                "question": turn.question,
                "html": f'<div class="nm-reply">{content_html(turn.reply)}</div>',
                "cut": turn is cut,
            }
            for turn in shown
        ],
    }
