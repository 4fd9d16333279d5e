"""Doing something with a secret, so that no error shows it.

A verbose traceback prints the variables of each frame, and a debugger those of any
frame that it goes up to. So what has a secret among its variables runs inside of
`unseen`, and what keeps one keeps it `sealed`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["sealed", "unseen"]

_T = TypeVar("_T")


def unseen(call: Callable[[], _T]) -> _T:
    """Give what `call` gives; an error in it brings none of its frames along."""
    try:
        return call()
    except BaseException as error:
        fault = error.with_traceback(None)
        fault.__cause__ = fault.__context__ = None
    raise fault


def sealed(value: _T) -> Callable[[int], _T]:
    """Give a function that gives `value` when called with 0, and shows it to nobody.

    It has no frame and no attribute that a traceback would print, as a closure has.

    >>> "secret" in repr(sealed("secret")), sealed("secret")(0)
    (False, 'secret')
    """
    return (value,).__getitem__
