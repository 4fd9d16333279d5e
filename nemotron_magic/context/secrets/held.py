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
    is_container,
    is_object,
    is_table,
    needs_name,
    parts_of,
    text_of,
)
from nemotron_magic.context.secrets.telling import Telling, told_by
from nemotron_magic.context.secrets.values import Strength, looks_random
from nemotron_magic.unseen import sealed, unseen

__all__ = ["Held", "is_held_secret"]

_MOST = 2_000
"""How many secrets are remembered."""

_DEEPEST = 3
_ENTRIES = 500  # of a container are looked at; of one with a telling name:
_TOLD_ENTRIES = 4_000
_LOOKS = 400  # at parts of what has no telling name, together; the first time:
_FIRST_LOOKS = 20_000
_TURN = 50  # variables further on begins the next look
_TOLD_LOOKS = 5_000  # at parts of one that has
_TABLE = 70  # as dear as so many parts
_TYPICAL = 100  # that tell whether a list is one of words

_Waiting: TypeAlias = "deque[tuple[Any, Parts, int, Telling | None]]"


class Held:
    """Finds the secrets that variables hold, and remembers them.

    Parameters
    ----------
    variables : mapping
        The variables of a kernel, which come and go.
    """

    __slots__ = ("_before", "_found", "_looks", "_variables")

    def __init__(self, variables: Mapping[str, object]) -> None:
        self._variables = variables
        self._before: dict[object, int] = {}
        self._looks = 0
        found: dict[str, str] = {}
        self._found = sealed(found)

    def look(self) -> None:
        """Note what variables hold now."""
        unseen(self._look)

    def secrets(self) -> dict[str, str]:
        """Return the secrets of now and of before, each with its kind.

        The name of a variable or of a column is none, whichever name holds it.
        """
        return unseen(self._secrets)

    def _secrets(self) -> dict[str, str]:
        names = self._look().labels | set(self._variables)
        return {
            one: kind for one, kind in self._found(0).copy().items() if one not in names
        }

    def _look(self) -> _Look:
        found = self._found(0)
        look = _Look(found)
        look.at_all(self._in_turn(), _LOOKS if self._looks else _FIRST_LOOKS)
        self._looks += 1
        for oldest in list(found)[:-_MOST]:
            found.pop(oldest, None)
        return look

    def _in_turn(self) -> list[tuple[object, object]]:
        """Return the variables: what is new, then the others, each first at times."""
        pairs = list(self._variables.items())
        new = [pair for pair in pairs if self._before.get(pair[0]) != id(pair[1])]
        start = self._looks * _TURN % (len(pairs) or 1)
        self._before = {name: id(value) for name, value in pairs}
        return [*new, *pairs[start:], *pairs[:start]]


@dataclass(slots=True)
class _Look:
    """One look at everything, what tells before the rest.

    Parameters
    ----------
    found : dict
        The secrets, each with its kind; those of now are added.

    Attributes
    ----------
    labels : set
        The names of columns.
    """

    found: dict[str, str]
    labels: set[str] = field(default_factory=set)
    _seen: dict[int, object] = field(default_factory=dict)
    _told: _Waiting = field(default_factory=deque)
    _others: _Waiting = field(default_factory=deque)

    def at_all(self, pairs: list[tuple[object, object]], looks: int) -> None:
        """Look at all variables, and in so many parts of those that do not tell."""
        for name, value in pairs:
            self._at(value, _told_by(name), 0)
        self._look(self._told, _TOLD_LOOKS)
        self._look(self._others, looks)

    def _look(self, waiting: _Waiting, left: int) -> None:
        """Look at what waits, and then at what is found there to be telling."""
        while waiting and left > 0:
            value, parts, depth, told = waiting.popleft()
            try:
                left -= self._within(value, parts, depth, told)
            except Exception:  # another thread changes it, or it is broken
                left -= 1
            if waiting is self._others:
                self._look(self._told, _TOLD_LOOKS)

    def _at(self, value: object, told: Telling | None, depth: int) -> None:
        if told is not None and (text := text_of(value)) is not None:
            if text not in self.found:
                self.found.update(dict.fromkeys(secrets_in(told, text), told.kind))
            return
        parts = parts_of(type(value))
        if parts is None or depth > _DEEPEST:
            return
        if told is not None:
            self._told.append((value, parts, depth, told))
        elif not needs_name(parts) and id(value) not in self._seen:
            self._seen[id(value)] = value
            self._others.append((value, parts, depth, None))

    def _within(
        self, value: Any, parts: Parts, depth: int, told: Telling | None
    ) -> int:
        """Look at the parts of a value; return what that cost."""
        most = _ENTRIES if told is None else _TOLD_ENTRIES
        pairs = list(islice(parts(value), most))
        if told is not None and told.strength is Strength.HINT:
            unnamed = [part for name, part in pairs if name is None]
            is_record = is_table(parts) or is_object(parts) or (depth and not unnamed)
            told = None if is_record or _is_prose(unnamed, told) else told
        is_named = is_table(parts)
        if is_named:
            self.labels.update(name for name, _ in pairs if type(name) is str)
        for name, part in pairs:
            own = _told_by(name)
            if own is None and told is not None and not told.passes_over(name):
                own = told
                if type(name) is str and looks_random(name):
                    self.found.setdefault(name, told.kind)
            self._at(part, own, depth + 1)
        return len(pairs) + _TABLE * is_named


def _told_by(name: object) -> Telling | None:
    """Return what a name tells, or a part of it, as in a MultiIndex."""
    if type(name) is str:
        return told_by(name)
    if type(name) is not tuple:
        return None
    return next(filter(None, map(_told_by, reversed(name))), None)


def _is_prose(values: list[object], told: Telling) -> bool:
    """Return whether tokens or keys are the words of a text or the names of fields."""
    texts = [text for text in map(text_of, values[:_TYPICAL]) if text is not None]
    secret = sum(any(secrets_in(told, text)) for text in texts)
    return 2 * secret < len(texts)


def is_held_secret(name: str, value: object) -> bool:
    """Return whether a value is or contains a secret, as far as its name tells.

    Of a password and of a secret nothing is to be shown, be it a number or a list; a
    key or a token may be an ordinary word.
    """
    told = told_by(name)
    if told is None or value is None or value is True or value is False:
        return False
    parts = parts_of(type(value))
    if told.strength is not Strength.HINT:
        is_number = told.strength is Strength.PASSWORD and type(value) in (int, float)
        return is_number or text_of(value) is not None or is_container(parts)
    inner = [value]
    if parts is not None and is_container(parts):
        pairs = list(islice(parts(value), _ENTRIES))
        inner = [part for _, part in pairs]
        if any(type(key) is str and looks_random(key) for key, _ in pairs):
            return True
    texts = [text for text in map(text_of, inner) if text is not None]
    return any(any(secrets_in(told, text)) for text in texts)
