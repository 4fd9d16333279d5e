"""Refusing a key that was typed where a question belongs."""

from __future__ import annotations

from collections.abc import Callable

from nemotron_magic.context.secrets.typed import looks_like_key, typed_key
from nemotron_magic.errors import InputError

__all__ = ["TypedKeyError", "never_typed", "refuse_key"]

_STAYS = (
    "It stays in this cell and in IPython's history: delete the cell, "
    "and make a new key if others may see it"
)
_TO_ASK = "To ask it, put -- before it"


class TypedKeyError(InputError):
    """A key was typed; a traceback would show it, as it stands in the cell's line."""

    def _render_traceback_(self) -> list[str]:
        self.verbose = False
        return super()._render_traceback_()


def never_typed(otherwise: str = "") -> InputError:
    """Return the error for a key that was typed in place of being asked for.

    Parameters
    ----------
    otherwise : str
        What to do if it was none.
    """
    return TypedKeyError(
        "a key is never typed into a cell, and nothing was sent",
        _STAYS,
        f"Type only: %nemotron login   It does not show the key. {otherwise}".strip(),
    )


def refuse_key(text: str, hide: Callable[[str], None], by_hand: bool = False) -> None:
    """Refuse a text that is a key, or a login with one, and no question.

    Parameters
    ----------
    hide : callable
        Called with each value that looks like a key, before it is refused.
    by_hand : bool
        Whether `--` says that it is a question.

    Raises
    ------
    InputError
        If it is one.
    """
    found = typed_key(text, by_hand)
    if found is None:
        return
    for value in (text[start:end] for start, end in found.places):
        if looks_like_key(value):  # a plain word would be missed in every text
            hide(value)
    if found.is_named:
        raise never_typed("" if by_hand else _TO_ASK)
    raise TypedKeyError(
        "this looks like a key and no question, and nothing was sent",
        _STAYS,
        f"To give a key: %nemotron login   {_TO_ASK}",
    )
