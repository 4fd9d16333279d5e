"""Flags: their table, their values, and what a misspelt one meant.

Those of parameters come from their rows; the others are for one call only.
"""

from __future__ import annotations

import builtins
import difflib
import keyword
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nemotron_magic.context.secrets.patterns import looks_like_key, typed_key
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import BY_NAME, PARAMETERS, Parameter
from nemotron_magic.display.reports import table
from nemotron_magic.session.structured.specs import is_type, parse_fields

__all__ = [
    "FLAGS",
    "FLAG_OF",
    "TO_ASK",
    "Flag",
    "FlagParser",
    "TypedKeyError",
    "flags_table",
    "looks_like_flag",
    "never_typed",
    "refuse_key",
    "suggest_flag",
]

TO_ASK = "To ask it as it stands, put -- before it"

_TAKEN = {*dir(builtins), "In", "Out", "get_ipython", "exit", "quit", "display"}
# What IPython and we keep there: _, _12, _i3, _oh, _exit_code, __name__, _nemotron.
_OF_THE_SHELL = re.compile(r"_+|_i*\d*|_[iod]h|_exit_code|__\w+__|_nemotron")


def _variable(name: str) -> str:
    name = unicodedata.normalize("NFKC", name)  # as Python reads it in code
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(
            f"--out needs the name of a variable, got {name[:60]}",
            hint="Such as: %nemotron -o answer …",
        )
    if name in _TAKEN or _OF_THE_SHELL.fullmatch(name):
        raise InputError(
            f"--out cannot be {name[:60]}: Python or IPython uses that name itself",
            "nothing was sent",
            "Take another: %nemotron -o answer …",
        )
    return name


_CALL_FLAGS = """
-p | KEY=VALUE | Any other field of the request, as JSON.
-o, --out | NAME | Also store the reply in this variable.
--as | FIELDS | Answer with values: names and types, such as "total float, due date".
-f, --file | PATH | Attach a text file; may be repeated.
--notebook | | Attach the saved notebook, with its Markdown and in its order.
-T, --thread | THREAD | Ask in a separate conversation of this name.
--fresh | | Leave out the earlier turns, this once.
--preview | | Show what would be sent, and send nothing.
--code | | Ask for code, and put it into the next cell.
--replace | | Put the code in place of this cell.
--all | | Rows: ask all of them, and not a few first.
--sample | N | Rows: ask that many, spread over the table.
--at-once | N | Rows: most that are under way, up to 256; else 16.
--rpm | N | Rows: most requests a minute.
--again | WHAT | Rows: ask again: errors, what may be billed, or all of both.
--label | COLUMN | Rows: compare with the truth in this column.
--strict | | Rows: fail if any row has no answer.
-q, --quiet | | Show nothing; the reply is the value.
-h, --help | | Show the flags.
"""
"""Flags that are no parameters: names, value, help; none holds a `|`."""

_READERS: Mapping[str, Callable[[str], Any]] = {
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


def _flag_of(parameter: Parameter) -> Flag:
    value = "" if parameter.kind == "boolean" else parameter.name.rpartition("_")[2]
    words = (parameter.flag_help or parameter.help, parameter.limits)
    shown = f"[={','.join(parameter.choices)}]" if parameter.bare else value.upper()
    return Flag(parameter.flags, shown, " ".join(words).strip(), parameter)


def _read_row(row: str) -> Flag:
    names, value, words = (part.strip() for part in row.split("|"))
    return Flag(tuple(names.split(", ")), value, words)


FLAGS: tuple[Flag, ...] = (
    *(_flag_of(parameter) for parameter in PARAMETERS if parameter.flags),
    *map(_read_row, _CALL_FLAGS.strip().splitlines()),
)

FLAG_OF: dict[str, Flag] = {name: flag for flag in FLAGS for name in flag.names}
"""Each flag by each of its names."""


def flags_table() -> str:
    """Return the flags with their help, as Markdown."""
    typed = (f"{', '.join(f.names)} {f.value}".strip() for f in FLAGS)
    rows = ((f"`{names}`", f.help) for names, f in zip(typed, FLAGS, strict=True))
    return table(("Flag", ""), rows)


def suggest_flag(name: str, flags: Collection[str]) -> str:
    """Return the flag that a name begins, or looks like; else nothing."""
    if name[:2] in flags and re.fullmatch(r"-\w[\d.]+", name):
        return f"{name[:2]} {name[2:]}"
    word = name.strip(f"-{_LONG_DASHES}")
    same = [one for one in flags if one.strip("-") == word]
    begun = [one for one in flags if len(name) > 3 and one.startswith(name)]
    return next(iter(same or begun or difflib.get_close_matches(name, flags, 1)), "")


def _unknown_flag(name: str) -> InputError:
    near = suggest_flag(name, FLAG_OF)
    guess = f"Did you mean {near}? " if near else ""
    return InputError(
        f"there is no flag {name}",
        hint=f"{guess}If it belongs to the question, put -- before it",
    )


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


_LONG_DASHES = "‐‑‒–—―−"  # as an editor may have made them of hyphens
_FLAG = re.compile(r"--?[A-Za-z]")
_LONG_FLAG = re.compile(rf"-?[{_LONG_DASHES}][-{_LONG_DASHES}]*([A-Za-z][\w-]*)")
_QUOTED = re.compile(
    r"""(?s)((?:[^\s="'“‘]*=)*)"""
    r"""(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|“([^”]*)”|‘([^’]*)’)(?=\s|$)"""
)
_OPEN_QUOTE = re.compile(r"""(?:[^\s=]*=)?(["'“‘])""")
_KEY_FLAGS = ("--key", "--api-key", "--api_key", "--token", "--apikey")
_RESERVED = {
    "messages": "Type the question; the instruction before it is set with --system",
    "model": "Choose one with: %nemotron --model NAME …",
}


def looks_like_flag(text: str) -> bool:
    """Return whether a text begins as flags do, whether or not there is such a one."""
    return _FLAG.match(text) is not None


class FlagParser:
    """Takes flags off the front of a line.

    What is no setting is in `others`, by the names that `ParsedMagic` has for it;
    `ended_by_hand`: `--` stood behind the flags.
    """

    def __init__(self, hide: Callable[[str], None] = lambda key: None) -> None:
        self._hide = hide
        self.values: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.others: dict[str, Any] = {}
        self.ended_by_hand = False

    def take(self, line: str) -> str:
        """Take the flags off the front of `line`; return the rest, untouched."""
        rest = line.lstrip()
        while looks_like_flag(rest):
            rest = self._take_one(rest)
        end = re.match(r"--(\s|$)", rest)
        self.ended_by_hand = end is not None
        long = _LONG_FLAG.match(rest)
        if long and any(f"{dash}{long[1]}" in FLAG_OF for dash in ("-", "--")):
            raise _unknown_flag(long[0])
        return rest[end.end() :] if end else rest

    def _take_one(self, line: str) -> str:
        token, is_quoted, rest = _token(line)
        name, equals, value = token.partition("=")
        flag = FLAG_OF.get(name)
        if name in _KEY_FLAGS:
            refuse_key(f"key {value or _token(rest)[0]}", self._hide)
            raise never_typed()
        if flag is None or (equals and not flag.value):
            raise _unknown_flag(token if flag else name)
        bare = flag.parameter.bare if flag.parameter else ""
        if not equals and bare:
            value = bare
        elif not equals and flag.value:
            # A value may start with a hyphen, too, such as -1.
            if not rest or re.split(r"[\s=]", rest, maxsplit=1)[0] in FLAG_OF:
                raise InputError(
                    f"{name} needs a value, and none follows",
                    hint=f"Type: %nemotron {name} {flag.value} …",
                )
            value, is_quoted, rest = _token(rest)
        word = rest.partition(" ")[0].strip(",;")
        if name == "--as" and not is_quoted and is_type(word):
            raise InputError(
                "--as takes its fields in quotes",
                "nothing was sent",
                f'Type: %nemotron --as "{value} {word}" …',
            )
        self._set(flag, value)
        return rest

    def _set(self, flag: Flag, value: str) -> None:
        name = flag.names[-1].lstrip("-").replace("-", "_")
        read: Any = value
        if parameter := flag.parameter:
            if parameter.kind == "boolean":
                read = not name.startswith("no_")
            elif parameter.kind == "texts":
                read = [*self.values.get(parameter.name, []), value]
            else:
                read = parameter.parse(value)
            self.values[parameter.name] = parameter.check(read)
            return
        read = _READERS.get(name, str)(value) if flag.value else True
        if name == "p":
            self._set_field(value)
        elif name == "file":
            self.others["files"] = (*self.others.get("files", ()), read)
        elif flag.help.startswith("Rows:"):
            self.others["rows"] = {**self.others.get("rows", {}), name: read}
        else:
            self.others["as_" if name == "as" else name] = read

    def _set_field(self, text: str) -> None:
        key, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", key):
            raise InputError(
                f"-p needs KEY=VALUE, got {text[:60]}", hint="Such as: -p logprobs=true"
            )
        parameter = BY_NAME.get(key)
        if key in _RESERVED or (parameter is not None and not parameter.sent):
            hint = _RESERVED.get(key, f"Set it with: %config Nemotron.{key} = …")
            raise InputError(f"-p cannot set {key}", hint=hint)
        if parameter is None:
            self.extra[key] = Parameter(key, "json", "").parse(value)
        elif parameter.kind == "texts":
            self.values[key] = parameter.check(Parameter(key, "json", "").parse(value))
        else:
            self.values[key] = parameter.parse(value)


def _token(text: str) -> tuple[str, bool, str]:
    """Take one token off; return it, whether it was in quotes, and the rest."""
    if found := _QUOTED.match(text):
        key, escaped, *plain = found.groups()
        if escaped is not None:
            plain = [re.sub(r"(?s)\\(.)", r"\1", escaped)]
        token = key + next(one for one in plain if one is not None)
        return token, True, text[found.end() :].lstrip()
    if found := _OPEN_QUOTE.match(text):
        raise InputError(
            f"a quote is not closed: {text[found.start(1) :][:40]}",
            hint=f"End the value of the flag with {found[1]}, before the question",
        )
    token, *rest = re.split(r"\s+", text, maxsplit=1)
    return token, False, "".join(rest)
