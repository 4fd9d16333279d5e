"""What words stand for that are no command and no flag: other names, habits, slips."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import BY_NAME
from nemotron_magic.magics.flags import FLAG_OF, WORDS


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
# Names of a command that with a text are words of a question.
_ALONE = re.compile(
    r"list|price|pricing|catalog(?:ue)?|mod(?!els?$)\w+|модели|模型|モデル",
    re.IGNORECASE,
)
_FILLER = re.compile("an?|all|api|my|please|show|the", re.IGNORECASE)
_TARGET = re.compile("cell|code|it|last|previous|that|this", re.IGNORECASE)
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
    begun = [name for name in BY_NAME if len(typed) > 3 and name.startswith(typed)]
    name = typed if typed in BY_NAME else begun[0] if len(begun) == 1 else ""
    if not name or re.sub("[ -]", "_", said.lower()) in BY_NAME:
        return ""
    parameter, value = BY_NAME[name], found[2].strip("'\"")
    is_figure = parameter.kind in ("number", "integer", "boolean")
    is_whole = name == typed and "_" in name
    if not (is_whole or is_figure or parameter.suggestions):
        return ""
    if parameter.kind == "boolean":
        value = _SWITCHED.get(value.lower(), value)
    try:
        return f"%config Nemotron.{name} = {parameter.parse(value)!r}"
    except InputError:
        return ""


def suggest_command(word: str, commands: Collection[str] = COMMANDS) -> str:
    """Return the command that a word is but for one slip, or "".

    >>> suggest_command("fxi"), suggest_command("sox")
    ('fix', '')
    """
    near = [
        one
        for one in commands
        if abs(len(word) - len(one)) <= 1 and not _cut(word).isdisjoint(_cut(one))
    ]
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
    begun = [one for one in BY_NAME if len(wanted) > 3 and one.startswith(wanted)]
    parameter = BY_NAME.get(wanted if len(begun) != 1 else begun[0])
    if parameter is None or (wanted != setting and parameter.kind != "boolean"):
        return near
    if parameter.flags and parameter.kind != "boolean":
        return parameter.flags[-1]
    value = str(wanted == setting) if parameter.kind == "boolean" else "…"
    return f"%config Nemotron.{parameter.name} = {value}"


def unknown_flag(name: str) -> InputError:
    """Return the error for a flag that there is not, with the one that was meant."""
    instead = _instead_of(name)
    guess = {"-": f"Did you mean {instead}? ", "%": f"Did you mean: {instead}   "}
    return InputError(
        f"there is no flag {name}",
        hint=f"{guess.get(instead[:1], 'All flags: %nemotron help   ')}"
        "If it belongs to the question, put -- before it",
    )
