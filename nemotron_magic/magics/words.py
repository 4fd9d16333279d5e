"""The words behind `%nemotron`: flags, commands, what stands for them, typed keys."""

from __future__ import annotations

import builtins
import difflib
import keyword
import re
import tomllib
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from nemotron_magic.context.secrets.patterns import looks_like_key, typed_key
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import BY_NAME, PARAMETERS, Parameter
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
    "sample": Parameter("sample", "integer", minimum=1).parse,
    "at_once": Parameter("at-once", "integer", minimum=1).parse,
    "rpm": Parameter("rpm", "number", minimum=1).parse,
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
    words = (parameter.flag_help, limits)
    shown = f"[={','.join(parameter.choices)}]" if parameter.bare else value.upper()
    return Flag(parameter.flags, shown, " ".join(words).strip(), parameter)


FLAGS = (
    *(_flag_of(parameter) for parameter in PARAMETERS if parameter.flags),
    *(Flag((*names.split(", "),), *row) for names, row in WORDS["flags"].items()),
)

FLAG_OF = {name: flag for flag in FLAGS for name in flag.names}
_ALONE_FLAGS = frozenset(name for name, flag in FLAG_OF.items() if not flag.value)


def flags_table() -> str:
    """Return the flags with their help, as Markdown."""
    return table(("Flag", ""), ((f"`{flag}`", flag.help) for flag in FLAGS))


@dataclass(frozen=True, slots=True)
class Command:
    """One command; `words.toml` says what its fields mean."""

    help: str
    takes: str = ""
    closed: str = ""
    takes_cell: bool = False

    def is_followed_by(self, text: str) -> bool:
        """Return whether `text` can be nothing but what the command takes."""
        names = "|".join([*COMMANDS, *(name.lstrip("-") for name in FLAG_OF)])
        closed = self.closed.replace("NAME", names)
        return re.fullmatch(closed, text.strip(), re.IGNORECASE) is not None


COMMANDS = {name: Command(**row) for name, row in WORDS["commands"].items()}

_MOST_CHARS = 100
# What other tools and habits put around a command: /fix `fix` "fix" fix() fix;
_AROUND = re.compile(
    r"""^(?:%{0,2}nemotron:?\s+)?[\s/\\:!.@#%*_~"'`“‘„«<(\[{]*(?=\w)"""
    r"""|[\s"'`”’“»>()\]}*_~;,.!…。]+$"""
)
_ALONE, _FILLER, _TARGET = (
    re.compile(WORDS["patterns"][name], re.IGNORECASE)
    for name in ("alone", "filler", "target")
)
_OF_CELLS = frozenset(["code", "doc", "explain", "fix", "retry"])
"""Commands that may be told what they are for; `check my code` is a question."""


def bare(text: str) -> str:
    """Return a short text without what was put around it, and as it looks."""
    if len(text) > _MOST_CHARS:
        return text
    seen = (c for c in text if unicodedata.category(c) != "Cf")
    return _AROUND.sub("", unicodedata.normalize("NFKC", "".join(seen))).strip()


def line_for(said: str) -> str:
    """Return the command or line that a bare text stands for; "" if for none."""
    if len(said) > _MOST_CHARS:
        return ""
    words = [w for w in said.replace(",", " ").split() if not _FILLER.fullmatch(w)]
    line = _exact_line(" ".join(w for w in words if not _TARGET.fullmatch(w)))
    if line in _OF_CELLS:
        return line
    short = " ".join(words)
    if len(short) == 1 and short != said:  # the name of a variable
        return ""
    lines = [_exact_line(one) for one in (short, re.sub("[-_]", " ", short))]
    return next(filter(None, [*lines, *map(_setting_line, (said, short))]), "")


_ANY = re.compile("|".join(f"(?:{one})" for one in WORDS["phrases"]), re.IGNORECASE)


def _exact_line(said: str) -> str:
    if said.lower() in COMMANDS:
        return said.lower()
    # Nearly all questions are none of them, and this is asked often.
    for pattern, line in WORDS["phrases"].items() if _ANY.fullmatch(said) else ():
        if match := re.fullmatch(pattern, said, re.IGNORECASE):
            return match.expand(line)
    return ""


def synonym(word: str) -> str:
    """Return the command that a word is another name for, or ""."""
    name = "" if _ALONE.fullmatch(word) else _exact_line(word)
    return name if name in COMMANDS else ""


_SETTING = re.compile(
    r"(?:(?:set|change|config|switch|turn|use) )?(?:Nemotron\.)?([a-z][a-z _-]*?)"
    r"(?:\s*[=:]\s*| to | )(\S+)",
    re.IGNORECASE,
)
_SWITCHED = {"on": "true", "yes": "true", "off": "false", "no": "false"}


def _setting_line(said: str) -> str:
    """Return the line that sets what a text says is to be set, or ""."""
    found = _SETTING.fullmatch(said)
    if found is None:
        return ""
    typed = re.sub("[ -]", "_", found[1].lower())
    parameter, value = _setting(typed), found[2].strip("'\"")
    if parameter is None or re.sub("[ -]", "_", said.lower()) in BY_NAME:
        return ""
    is_figure = parameter.kind in ("number", "integer", "boolean")
    is_whole = parameter.name == typed and "_" in typed
    if not (is_whole or is_figure or parameter.suggestions):
        return ""
    if parameter.kind == "boolean":
        value = _SWITCHED.get(value.lower(), value)
    try:
        return f"%config Nemotron.{parameter.name} = {parameter.parse(value)!r}"
    except InputError:
        return ""


def _setting(typed: str) -> Parameter | None:
    """Return the setting of this name, or the only one that begins like it."""
    begun = [one for one in BY_NAME if len(typed) > 3 and one.startswith(typed)]
    return BY_NAME.get(begun[0] if len(begun) == 1 else typed)


def suggest_command(word: str, commands: Collection[str] = COMMANDS) -> str:
    """Return the command that a word is but for one slip, as `fxi` is `fix`, or ""."""
    as_long = (one for one in commands if abs(len(word) - len(one)) <= 1)
    near = [one for one in as_long if _cut(word) & _cut(one)]
    return next(iter(difflib.get_close_matches(word, near, 1, 0)), "")


def _cut(word: str) -> set[str]:
    """Return a word, and what is left of it without any one of its letters."""
    return {word} | {word[:at] + word[at + 1 :] for at in range(len(word))}


LONG_DASHES = "‐‑‒–—―−﹣－"  # as an editor may have made them of hyphens
_LEAST_LIKENESS = 0.76


def suggest_flag(name: str, flags: Collection[str] = FLAG_OF) -> str:
    """Return the flag that a name begins, or looks like; else nothing."""
    if name[:2] in flags and re.fullmatch(r"-\w[\d.]+", name):
        return f"{name[:2]} {name[2:]}"
    typed = _word_of(name)
    words = (typed, typed.lower().replace("_", "-"))
    same = [one for word in words for one in flags if one.strip("-") == word]
    begun = [one for one in flags if len(typed) > 1 and one.startswith(f"--{words[1]}")]
    near = difflib.get_close_matches(f"--{words[1]}", flags, 1, _LEAST_LIKENESS)
    return next(iter(same or begun or near), "")


def _word_of(name: str) -> str:
    """Return the word that was typed for a flag, without what sticks to it."""
    return re.sub(r"""[=:"'“‘].*""", "", name.strip(f"-{LONG_DASHES}"))


def _instead_of(name: str) -> str:
    """Return what stands for a flag that there is not, or ""."""
    word, near = _word_of(name).lower(), suggest_flag(name)
    if near.partition(" ")[0].strip("-").startswith(word):
        return near
    other = WORDS["other_flags"].get(word)
    if line := other or _exact_line(word.replace("-", " ")):
        return line if line[0] in "-%" else f"%nemotron {line}"
    setting = word.replace("-", "_")
    wanted = setting.removeprefix("no_")
    parameter, value = _setting(wanted), "…"
    if parameter is None or (wanted != setting and parameter.kind != "boolean"):
        return near
    if parameter.kind == "boolean":
        value = str(wanted == setting)
    elif parameter.flags:
        return parameter.flags[-1]
    return f"%config Nemotron.{parameter.name} = {value}"


def unknown_flag(name: str) -> InputError:
    """Return the error for a flag that there is not, with the one that was meant."""
    instead = _instead_of(name)
    guesses = {"-": f"Did you mean {instead}? ", "%": f"Did you mean: {instead}   "}
    guess = guesses.get(instead[:1], "All flags: %nemotron help   ")
    hint = f"{guess}If it belongs to the question, put -- before it"
    return InputError(f"there is no flag {name}", hint=hint)


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
    found = typed_key(text, by_hand, _ALONE_FLAGS)
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
