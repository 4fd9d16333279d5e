"""Characters that a reader cannot see, shown in HTML by their number."""

from __future__ import annotations

from nemotron_magic.text import with_hidden_shown

__all__ = ["with_badges"]

_MOST_BADGES = 500  # each is forty times as long as what it stands for


def with_badges(html: str) -> str:
    """Show each unseen character of an HTML text (not of a tag) by its number."""
    return with_hidden_shown(html, '<span class="nm-hidden">{}</span>', _MOST_BADGES)
