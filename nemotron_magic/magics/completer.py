"""Tab completion of flags, values, commands and model names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from nemotron_magic.magics.flags import FLAG_OF, Flag

__all__ = [
    "completions",
]


# At the start of a line, or after the name that gets the reply.
_OURS = re.compile(
    r"""\s*(?:(?P<cell>%)|[^\s=%#'"](?:[^=%#'"[]|\[[^]\n]*\])*=\s*)?%nemotron\s+(.*)"""
)
_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")


def completions(
    text: str,
    word: str,
    commands: Collection[str],
    model_names: Callable[[], Iterable[str]],
) -> list[str]:
    """Return what may stand in place of `word` at the end of `text`, a cell so far.

    Within a question there is nothing of ours to offer.

    Parameters
    ----------
    model_names : callable
        Called for the names of the models to offer.
    """
    above, _, line = text.rpartition("\n")
    found = _OURS.fullmatch(line)
    is_elsewhere = above.lstrip().startswith("%%")
    if found is None or is_elsewhere or (found["cell"] and above):
        return []
    flag, is_in_question = _state(_WORD.findall(found[2].removesuffix(word)))
    if is_in_question:
        return []
    if flag is None:
        return _starting(FLAG_OF if word.startswith("-") else commands, word)
    if flag.parameter is None:
        return []
    is_model = flag.parameter.name == "model"
    return _starting(model_names() if is_model else flag.parameter.suggestions, word)


def _state(words: list[str]) -> tuple[Flag | None, bool]:
    """Return the flag whose value comes next, and whether the question has begun."""
    waiting: Flag | None = None
    for word in words:
        flag = FLAG_OF.get(word.partition("=")[0])
        if waiting is not None:
            waiting = None
        elif flag is None:
            return None, True
        elif word.endswith("=") or (_takes_next(flag) and "=" not in word):
            waiting = flag
    return waiting, False


def _takes_next(flag: Flag) -> bool:
    """Return whether the next word is the flag's value; it may have one after `=`."""
    return bool(flag.value) and not flag.value.startswith("[")


def _starting(names: Iterable[str], word: str) -> list[str]:
    """Return those that start with `word`; if none does, those that hold it."""
    names = list(names)
    found = [name for name in names if name.startswith(word)]
    return sorted(found or [name for name in names if "/" in name and word in name])
