"""What a flag or a command that there is not was meant to be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

__all__ = ["command_meant", "flag_meant", "is_slip"]


def flag_meant(name: str, flags: Collection[str]) -> str:
    """Give the flag that a name begins, or looks like; else nothing.

    >>> flag_meant("-t0.3", ["-t", "--top-p"])
    '-t 0.3'
    """
    if name[:2] in flags and re.fullmatch(r"-\w[\d.]+", name):
        return f"{name[:2]} {name[2:]}"
    begun = [one for one in flags if len(name) > 3 and one.startswith(name)]
    near = begun or difflib.get_close_matches(name, flags, 1, 0.6)
    return next(iter(near), "")


def command_meant(word: str, commands: Collection[str]) -> str:
    """Give the command that a word looks like, or is but for one slip; else nothing."""
    near = difflib.get_close_matches(word, commands, 1, 0.8)
    # Of a short word, one slip is a large part.
    slips = difflib.get_close_matches(word, commands, 3, 0.6)
    return next(iter([*near, *(one for one in slips if is_slip(word, one))]), "")


def is_slip(word: str, meant: str) -> bool:
    """Tell whether one slip made `word`: a letter more, less, wrong, or two swapped.

    >>> is_slip("fxi", "fix"), is_slip("six", "fix"), is_slip("sox", "fix")
    (True, True, False)
    """
    return not _shortened(word).isdisjoint(_shortened(meant))


def _shortened(word: str) -> set[str]:
    """Give a word, and what is left of it without any one of its letters."""
    return {word} | {word[:at] + word[at + 1 :] for at in range(len(word))}
