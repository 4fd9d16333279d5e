"""Tab: flags, commands and model names, after `%nemotron` and `%%nemotron`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

from nemotron_magic.grammar import FLAGS

__all__ = ["Completer"]

_FIRST = re.compile(r"%%?nemotron\s+(?P<typed>.*)$")


class Completer:
    """What may come next on a line of ours.

    Parameters
    ----------
    commands : collection of str
        Their names.
    model_names : callable
        Gives the names of the models to offer.
    """

    def __init__(
        self, commands: Collection[str], model_names: Callable[[], Iterable[str]]
    ) -> None:
        self._commands = commands
        self._model_names = model_names

    def __call__(self, shell: Any, event: Any) -> list[str]:
        """Give the completions of the word at the cursor, for IPython's hook."""
        return self.matches(event.text_until_cursor, event.symbol)

    def matches(self, line: str, word: str) -> list[str]:
        """Give what may stand in place of `word` at the end of `line`."""
        started = _FIRST.match(line.lstrip())
        if started is None:
            return []
        before = started["typed"].removesuffix(word).split()
        if before and before[-1] in ("-m", "--model"):
            return [name for name in self._model_names() if name.startswith(word)]
        if word.startswith("-"):
            names = (name for flag in FLAGS for name in flag.names)
            return sorted(name for name in names if name.startswith(word))
        if before:
            return []
        return sorted(name for name in self._commands if name.startswith(word))
