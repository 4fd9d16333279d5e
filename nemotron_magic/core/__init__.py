"""Words that every other room uses: errors, events, settings, endpoint, text."""

from __future__ import annotations

from typing import TypeVar

_T = TypeVar("_T")


def public(thing: _T) -> _T:
    """Name a class or function as the package's own in tracebacks and pickles."""
    thing.__module__ = "nemotron_magic"
    return thing
