"""The table of flags, how their values are read, and keys that are typed as text."""

from __future__ import annotations

import builtins
import keyword
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from nemotron_magic.context.secrets.patterns import looks_like_key, typed_key
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import PARAMETERS, Parameter
from nemotron_magic.display.reports import table
from nemotron_magic.session.structured.specs import parse_fields

TO_ASK = "To ask it as it stands, put -- before it"
WORDS: Mapping[str, Mapping[str, Any]] = tomllib.loads(
    files(__package__).joinpath("words.toml").read_text("utf-8")
)

_TAKEN = {*dir(builtins), "In", "Out", "get_ipython", "exit", "quit", "display"}
# What IPython and we keep there: _, _12, _i3, _oh, _exit_code, __name__, _nemotron.
_OF_THE_SHELL = re.compile(r"_+|_i*\d*|_[iod]h|_exit_code|__\w+__|_nemotron")


def _variable(name: str) -> str:
    name = unicodedata.normalize("NFKC", name)  # as Python reads it in code
    if not name.isidentifier() or keyword.iskeyword(name):
        what = f"--out needs the name of a variable, got {name[:60]}"
        raise InputError(what, hint="Such as: %nemotron -o answer …")
    if name in _TAKEN or _OF_THE_SHELL.fullmatch(name):
        what = f"--out cannot be {name[:60]}: Python or IPython uses that name itself"
        hint = "Take another: %nemotron -o answer …"
        raise InputError(what, "nothing was sent", hint)
    return name


READERS: Mapping[str, Callable[[str], Any]] = {
    "as": parse_fields,
    "out": _variable,
    "thread": str.strip,
    "sample": Parameter("sample", "integer", "", minimum=1).parse,
    "at_once": Parameter("at-once", "integer", "", minimum=1).parse,
    "rpm": Parameter("rpm", "number", "", minimum=1).parse,
}


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: its names, the short one first; `value` is empty if it takes none."""

    names: tuple[str, ...]
    value: str
    help: str
    parameter: Parameter | None = None

    def __str__(self) -> str:
        return f"{', '.join(self.names)} {self.value}".strip()


def _flag_of(parameter: Parameter) -> Flag:
    value = "" if parameter.kind == "boolean" else parameter.name.rpartition("_")[2]
    limits = parameter.limits and f"{parameter.limits.capitalize()}."
    words = (parameter.flag_help or parameter.help, limits)
    shown = f"[={','.join(parameter.choices)}]" if parameter.bare else value.upper()
    return Flag(parameter.flags, shown, " ".join(words).strip(), parameter)


FLAGS = (
    *(_flag_of(parameter) for parameter in PARAMETERS if parameter.flags),
    *(Flag((*names.split(", "),), *row) for names, row in WORDS["flags"].items()),
)

FLAG_OF = {name: flag for flag in FLAGS for name in flag.names}
"""Each flag by each of its names."""


def flags_table() -> str:
    """Return the flags with their help, as Markdown."""
    return table(("Flag", ""), ((f"`{flag}`", flag.help) for flag in FLAGS))


_STAYS = (
    "It stays in this cell and in IPython's history: delete the cell, "
    "and make a new key if others may see it"
)


class TypedKeyError(InputError):
    """A key was typed; a traceback would show it, as it stands in the cell's line."""

    def _render_traceback_(self) -> list[str]:
        self.verbose = False
        return super()._render_traceback_()


def never_typed(otherwise: str = "") -> InputError:
    """Return the error for a key that was typed; `otherwise` helps if it was none."""
    return TypedKeyError(
        "a key is never typed into a cell, and nothing was sent",
        _STAYS,
        f"Type only: %nemotron login   It does not show the key. {otherwise}".strip(),
    )


def refuse_key(text: str, hide: Callable[[str], None], by_hand: bool = False) -> None:
    """Raise InputError for a text that is a key, or a login with one, and no question.

    `hide` gets each value that looks like a key, before it is refused; `by_hand` says
    that `--` declares it a question.
    """
    found = typed_key(text, by_hand)
    if found is None:
        return
    for value in (text[start:end] for start, end in found.places):
        if looks_like_key(value):  # a plain word would be missed in every text
            hide(value)
    if found.is_named:
        raise never_typed("" if by_hand else TO_ASK)
    raise TypedKeyError(
        "this looks like a key and not like a question, and nothing was sent",
        _STAYS,
        f"To give a key: %nemotron login   {TO_ASK}",
    )
