"""Replies that are kept: how many there are, and throwing them away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemotron_magic.errors import InputError
from nemotron_magic.notebook.commands.command import Command
from nemotron_magic.quantities import plural
from nemotron_magic.settings import Settings
from nemotron_magic.text import one_line

if TYPE_CHECKING:
    from nemotron_magic.notebook.runner import Runner

__all__ = ["CACHE"]


def _cache(runner: Runner, text: str, settings: Settings) -> str:
    cache, wanted = runner.session.books.cache, text.strip().lower()
    if wanted == "clear":
        return f"Threw away {_replies(cache.clear())}."
    if wanted:
        raise InputError(
            f"cache takes nothing or clear, got {one_line(text, 40)}",
            todo="Type: %nemotron cache   or: %nemotron cache: clear",
        )
    number, size = cache.size()
    room = f"{size / 1e6:.1f} of {cache.most_bytes / 1e6:,.0f} MB"
    where = f"`{cache.path}`" if cache.path else "memory, for this session only"
    how = settings["cache"]
    return (
        f"The cache is {how}: {_WAYS[how]}. It holds {_replies(number)} ({room}) in "
        f"{where}."
    )


def _replies(number: int) -> str:
    return plural(number, "reply", "replies")


_WAYS = {
    "off": "every question is asked",
    "on": "a request that was made before is answered from disk",
    "replay": "nothing is asked, and what was not asked before fails",
}

CACHE = {"cache": Command("Replies that are kept.", _cache, "clear")}
