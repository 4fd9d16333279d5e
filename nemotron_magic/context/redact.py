"""Secrets out of a text, before anything leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from nemotron_magic.context.secrets.columns import column_secrets
from nemotron_magic.context.secrets.exact import (
    NOTHING,
    Exact,
    exact_values,
    is_rare,
    short_words,
)
from nemotron_magic.context.secrets.named import named_secrets
from nemotron_magic.context.secrets.patterns import pattern_secrets
from nemotron_magic.context.secrets.series import series_secrets
from nemotron_magic.context.secrets.several import several_secrets
from nemotron_magic.context.secrets.spans import Span, joined, masked, replaced
from nemotron_magic.context.secrets.typed import typed_secrets
from nemotron_magic.context.secrets.views import as_read
from nemotron_magic.unseen import sealed, unseen

__all__ = ["Redacted", "Redactor", "Removed", "given_away"]

# Nearly always two: one that finds and one that finds no more.
_PASSES = 8

_REMEMBERED = 400
_LATELY = 128  # texts that are looked at for what they give away, and then again
_REMEMBERED_CHARS = 10_000


@dataclass(frozen=True, slots=True)
class Removed:
    """One secret that was taken out: what it was, never what it said.

    Parameters
    ----------
    name : str
        The environment variable that holds it; empty if it was known by its form.
    """

    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its secrets, and what was taken out."""

    text: str
    found: tuple[Removed, ...] = ()


class Redactor:
    """Takes secrets out of texts: exact values first, then what looks like one.

    It has no readable repr and refuses to be pickled, as it knows secrets.

    Parameters
    ----------
    environ : mapping
        Values of variables whose names sound secret are taken out wherever they stand;
        looked at once, here.
    exact : iterable of str
        Secrets to be taken out wherever they stand, such as the key itself.
    held : mapping of str to str
        Secrets that variables hold, each with its kind.

    Examples
    --------
    >>> Redactor({}).redact('password = "hunter2"').text
    'password = "[redacted:password]"'
    """

    __slots__ = ("_exact", "_knows", "_remembered")

    def __init__(
        self,
        environ: Mapping[str, str],
        exact: Iterable[str] = (),
        held: Mapping[str, str] = NOTHING,
    ) -> None:
        given = unseen(lambda: sealed(tuple(exact)))
        values = unseen(lambda: sealed(exact_values(environ, given(0), held)))
        known = unseen(lambda: Exact(values(0), short_words(held, given(0))))
        self._exact: Callable[[str], list[Span]] = lambda text: unseen(
            lambda: [*known.secrets(text)]
        )
        self._knows: Callable[[dict[str, Span]], bool] = lambda found: (
            found == values(0)
        )
        # The turns of a conversation come again with every question.
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._clean)

    def is_for(
        self,
        environ: Mapping[str, str],
        exact: Iterable[str] = (),
        held: Mapping[str, str] = NOTHING,
    ) -> bool:
        """Return whether it knows these secrets and no others."""
        return unseen(lambda: self._knows(exact_values(environ, exact, held)))

    def redact(self, text: str) -> Redacted:
        """Give `text` with a visible placeholder for each secret.

        A text without secrets comes back as it is, and one that was redacted already
        too.
        """
        is_long = len(text) > _REMEMBERED_CHARS
        return self._clean(text) if is_long else self._remembered(text)

    def _clean(self, text: str) -> Redacted:
        found: list[Removed] = []
        for _ in range(_PASSES):
            spans = self._secrets(text)
            if not spans:
                break
            found += [Removed(span.kind, span.name) for span in spans]
            text = replaced(text, spans)
        return Redacted(text, tuple(found))

    def _secrets(self, text: str) -> list[Span]:
        found = [*self._exact(text), *_telling(text)]
        if view := as_read(text):
            found += [view.back(span) for span in _telling(view.text)]
        return joined(found)

    def __repr__(self) -> str:
        return "<redactor>"

    def __reduce__(self) -> str:
        raise TypeError("a redactor knows secrets and is not written anywhere")


def given_away(text: str) -> dict[str, str]:
    """Return the values that a text has behind telling names, each with its kind.

    Only those that are rare enough to be taken out of any other text as well.
    """
    found = ((text[span.start : span.end], span.kind) for span in _named(text))
    return {value: kind for value, kind in found if is_rare(value)}


def _telling(text: str) -> Iterator[Span]:
    """Yield what a form, a name or a column gives away."""
    lowered = masked(text)
    yield from pattern_secrets(text, lowered)
    yield from _named(text)
    yield from column_secrets(text, lowered)
    yield from series_secrets(text)
    yield from several_secrets(text, lowered)
    yield from typed_secrets(text, lowered)


@lru_cache(maxsize=_LATELY)
def _named(text: str) -> tuple[Span, ...]:
    return tuple(named_secrets(text, masked(text)))
