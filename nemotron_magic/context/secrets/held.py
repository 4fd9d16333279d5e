"""The secrets that variables hold: texts under telling names, in and within them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from nemotron_magic.context.secrets.exact import secrets_in
from nemotron_magic.context.secrets.parts import (
    Parts,
    is_table,
    needs_name,
    parts_of,
    text_of,
)
from nemotron_magic.context.secrets.telling import Telling, told_by
from nemotron_magic.context.secrets.values import Strength
from nemotron_magic.unseen import sealed, unseen

__all__ = ["Held"]

_MOST = 2_000
"""How many secrets are remembered."""

_DEEPEST = 3
_ENTRIES = 500  # of a container are looked at; of one with a telling name:
_TOLD_ENTRIES = 4_000
_LOOKS = 5_000  # at parts of what has no telling name, all together
_TABLE = 50  # as dear as so many parts

_Waiting: TypeAlias = "deque[tuple[Any, Parts, int, Telling | None]]"


class Held:
    """Finds the secrets that variables hold, and remembers them.

    Parameters
    ----------
    variables : mapping
        The variables of a kernel, which come and go.
    """

    __slots__ = ("_found", "_variables")

    def __init__(self, variables: Mapping[str, object]) -> None:
        self._variables = variables
        found: dict[str, str] = {}
        self._found = sealed(found)

    def secrets(self) -> dict[str, str]:
        """Return the secrets of now and of before, each with its kind.

        The name of a variable or of a column is none, whichever name holds it.
        """
        return unseen(self._secrets)

    def _secrets(self) -> dict[str, str]:
        look, found = _Look(), self._found(0)
        look.at_all(self._variables)
        found.update(look.found)
        for oldest in list(found)[:-_MOST]:
            del found[oldest]
        names = look.labels
        return {
            one: kind
            for one, kind in found.items()
            if one not in names and one not in self._variables
        }


@dataclass(slots=True)
class _Look:
    """One look at everything, the newest variables first, what tells before the rest.

    Attributes
    ----------
    found : dict
        The secrets, each with its kind.
    labels : set
        The names of columns.
    """

    found: dict[str, str] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    _told: _Waiting = field(default_factory=deque)
    _others: _Waiting = field(default_factory=deque)

    def at_all(self, variables: Mapping[str, object]) -> None:
        """Look at all variables, and in them as far as there is time."""
        for name, value in reversed(list(variables.items())):
            self._at(value, told_by(name) if type(name) is str else None, 0)
        left = _LOOKS
        while self._told or (self._others and left > 0):
            value, parts, depth, told = (self._told or self._others).popleft()
            try:
                cost = self._within(value, parts, depth, told)
            except Exception:  # another thread changes it, or it is broken
                cost = 1
            left -= cost if told is None else 0

    def _at(self, value: object, told: Telling | None, depth: int) -> None:
        if told is not None and (text := text_of(value)) is not None:
            self.found.update(dict.fromkeys(secrets_in(told, text), told.kind))
            return
        parts = parts_of(type(value))
        if parts is None or depth > _DEEPEST:
            return
        if told is not None:
            self._told.append((value, parts, depth, told))
        elif not needs_name(parts):
            self._others.append((value, parts, depth, None))

    def _within(
        self, value: Any, parts: Parts, depth: int, told: Telling | None
    ) -> int:
        """Look at the parts of a value; return what that cost."""
        most = _ENTRIES if told is None else _TOLD_ENTRIES
        pairs = list(islice(parts(value), most))
        if told is not None and _is_prose([part for _, part in pairs], told):
            told = None
        is_named = is_table(parts)
        for name, part in pairs:
            own = told_by(name) if type(name) is str else None
            if own is None and told is not None and not told.passes_over(name):
                own = told
            self._at(part, own, depth + 1)
            if is_named and type(name) is str:
                self.labels.add(name)
        return len(pairs) + _TABLE * is_named


def _is_prose(values: list[object], told: Telling) -> bool:
    """Return whether tokens or keys are the words of a text or the names of fields."""
    if told.strength is not Strength.HINT:
        return False
    texts = [text for text in map(text_of, values) if text is not None]
    return 2 * sum(any(secrets_in(told, text)) for text in texts) < len(texts)
