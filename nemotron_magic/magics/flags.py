"""Flags: their table, their values, and what a misspelt one meant.

Those of parameters come from their rows; the others are for one call only.
"""

from __future__ import annotations

import builtins
import difflib
import keyword
import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from nemotron_magic.context.secrets.typed import looks_like_key, typed_key
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import BY_NAME, PARAMETERS, Parameter
from nemotron_magic.session.structured.specs import is_type, parse_fields

__all__ = [
    "FLAGS",
    "FLAG_OF",
    "ROWS",
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


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: its names as typed, the short form first.

    `value` is what its value is called in help; empty if it takes none.
    """

    names: tuple[str, ...]
    help: str
    value: str = ""
    parameter: Parameter | None = None


def _flag_of(parameter: Parameter) -> Flag:
    value = "" if parameter.kind == "boolean" else parameter.name.rpartition("_")[2]
    words = (parameter.flag_help or parameter.help, parameter.limits)
    shown = f"[={','.join(parameter.choices)}]" if parameter.bare else value.upper()
    return Flag(parameter.flags, " ".join(words).strip(), shown, parameter)


ROWS = (
    ("all", "", "ask all of them, and not a few first."),
    ("sample", "N", "ask so many, spread over the table."),
    ("at-once", "N", "most that are under way, up to 256; else 16."),
    ("rpm", "N", "most requests a minute."),
    (
        "again",
        "WHAT",
        "ask anew: errors, what may be billed, or all of both.",
    ),
    ("label", "COLUMN", "compare with the truth in this column."),
    ("strict", "", "fail if any row has no answer."),
)
"""Flags of the command `rows`: name, value and help."""

FLAGS: tuple[Flag, ...] = (
    *(_flag_of(parameter) for parameter in PARAMETERS if parameter.flags),
    Flag(("-p",), "Any other field of the request, as JSON.", "KEY=VALUE"),
    Flag(("-o", "--out"), "Also store the reply in this variable.", "NAME"),
    Flag(
        ("--as",),
        'Answer with values: names and types, such as "total float, due date".',
        "FIELDS",
    ),
    Flag(("-f", "--file"), "Attach a text file; may be repeated.", "PATH"),
    Flag(
        ("--notebook",),
        "Attach the saved notebook, with its Markdown and in its order.",
    ),
    Flag(("-T", "--thread"), "Ask in a separate conversation of this name.", "THREAD"),
    Flag(("--fresh",), "Leave out the earlier turns, this once."),
    Flag(("--preview",), "Show what would be sent, and send nothing."),
    Flag(("--code",), "Ask for code, and put it into the next cell."),
    Flag(("--replace",), "Put the code in place of this cell."),
    *(Flag((f"--{name}",), f"Rows: {words}", value) for name, value, words in ROWS),
    Flag(("-q", "--quiet"), "Show nothing; the reply is the value."),
    Flag(("-h", "--help"), "Show the flags."),
)

FLAG_OF: dict[str, Flag] = {name: flag for flag in FLAGS for name in flag.names}
"""Each flag by each of its names."""


def flags_table() -> str:
    """Return the flags with their help, as Markdown."""
    typed = ((f"{', '.join(f.names)} {f.value}".strip(), f.help) for f in FLAGS)
    rows = (f"| `{names}` | {words} |" for names, words in typed)
    return "\n".join(["| Flag | |", "|:--|:--|", *rows])


def suggest_flag(name: str, flags: Collection[str]) -> str:
    """Return the flag that a name begins, or looks like; else nothing.

    >>> suggest_flag("-t0.3", ["-t", "--top-p"]), suggest_flag("—top-p", ["--top-p"])
    ('-t 0.3', '--top-p')
    """
    if name[:2] in flags and re.fullmatch(r"-\w[\d.]+", name):
        return f"{name[:2]} {name[2:]}"
    word = name.lstrip(f"-{_LONG_DASHES}")
    begun = [one for one in flags if len(name) > 3 and one.startswith(name)]
    near = [one for one in (f"--{word}", f"-{word}") if one in flags] or begun
    return next(iter(near or difflib.get_close_matches(name, flags, 1, 0.6)), "")


_STAYS = (
    "It stays in this cell and in IPython's history: delete the cell, "
    "and make a new key if others may see it"
)
TO_ASK = "To ask it as it stands, put -- before it"


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


_LONG_DASHES = "‐‑‒–—―−"
_FLAG = re.compile(r"--?[A-Za-z]")
# As an editor may have made it of hyphens.
_LONG_FLAG = re.compile(
    rf"-?[{_LONG_DASHES}][-{_LONG_DASHES}]*(?P<name>[A-Za-z][\w-]*)"
)
_ESCAPING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_QUOTED = {
    '"': _ESCAPING,
    "'": re.compile(r"'([^']*)'"),
    "“": re.compile(r"“([^”]*)”"),
    "‘": re.compile(r"‘([^’]*)’"),
}
_KEY_FLAGS = ("--key", "--api-key", "--api_key", "--token", "--apikey")
_TAKEN = {*dir(builtins), "In", "Out", "get_ipython", "exit", "quit", "display"}
# What IPython and we keep there: _, _12, _i3, _oh, _exit_code, __name__, _nemotron.
_OF_THE_SHELL = re.compile(
    r"_{1,3}|_\d+|_i{1,3}|_i\d+|_[iods]h|_exit_code|__\w+__|_nemotron"
)
_ELSEWHERE = dict.fromkeys(("--version", "-V"), "Versions: %nemotron doctor   ")
_RESERVED = {
    "messages": "Type the question; the instruction before it is set with --system",
    "model": "Choose one with: %nemotron --model NAME …",
}


def looks_like_flag(text: str) -> bool:
    """Return whether a text begins as flags do, whether or not there is such a one."""
    return _FLAG.match(text) is not None


class FlagParser:
    """Takes flags off the front of a line.

    `values` are settings of this call, `extra` further fields of the request, `others`
    what is no setting, by the names that `ParsedMagic` has for it. `ended_by_hand`:
    `--` stood behind the flags.
    """

    def __init__(self, hide: Callable[[str], None] = lambda key: None) -> None:
        self._hide = hide
        self.values: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.others: dict[str, Any] = {}
        self.ended_by_hand = False

    def take(self, line: str) -> str:
        """Take the flags off the front of `line`; return the rest, untouched.

        Raise InputError if one is unknown, or has a bad value or none.
        """
        rest = line.lstrip()
        while looks_like_flag(rest):
            rest = self._take_one(*_token(rest))
        end = re.match(r"--(\s|$)", rest)
        self.ended_by_hand = end is not None
        long = _LONG_FLAG.match(rest)
        if long and any(f"{dash}{long[1]}" in FLAG_OF for dash in ("-", "--")):
            raise _unknown_flag(long[0])
        return rest[end.end() :] if end else rest

    def _take_one(self, token: _Token, rest: str) -> str:
        name, equals, value = token.text.partition("=")
        as_typed = token.as_typed.partition("=")[2]
        flag = FLAG_OF.get(name)
        if name in _KEY_FLAGS:
            refuse_key(f"key {value or _token(rest)[0].text}", self._hide)
            raise never_typed()
        if flag is None:
            raise _unknown_flag(name)
        bare = flag.parameter.bare if flag.parameter else ""
        if equals and not flag.value:
            raise InputError(
                f"{name} takes no value", hint=f"Type it alone: %nemotron {name} …"
            )
        if not equals and flag.value and not bare:
            # A value may start with a hyphen, too, such as -1.
            if not rest or re.split(r"[\s=]", rest, maxsplit=1)[0] in FLAG_OF:
                raise InputError(
                    f"{name} needs a value, and none follows",
                    hint=f"Type: %nemotron {name} {flag.value} …",
                )
            token, rest = _token(rest)
            value, as_typed = token.text, token.as_typed
        word = rest.partition(" ")[0].strip(",;")
        if name == "--as" and value == as_typed and is_type(word):
            raise InputError(
                "--as takes its fields in quotes",
                "nothing was sent",
                f'Type: %nemotron --as "{value} {word}" …',
            )
        self._set(flag, value if equals or not bare else bare, as_typed)
        return rest

    def _set(self, flag: Flag, value: str, as_typed: str) -> None:
        name = flag.names[-1].removeprefix("--")
        if parameter := flag.parameter:
            read: Any = value
            if parameter.kind == "boolean":
                read = not name.startswith("no-")
            elif parameter.kind == "texts":
                read = [*self.values.get(parameter.name, []), value]
            else:
                read = parameter.parse(value)
            self.values[parameter.name] = parameter.check(read)
        elif name == "-p":
            self._set_field(value, as_typed)
        elif name == "file":
            self.others["files"] = (*self.others.get("files", ()), value)
        elif name in {row for row, _, _ in ROWS}:
            read = _rows_value(name, value) if flag.value else True
            rows = {**self.others.get("rows", {}), name.replace("-", "_"): read}
            self.others["rows"] = rows
        else:
            field = f"{name}_" if keyword.iskeyword(name) else name
            self.others[field] = _READERS[name](value) if name in _READERS else True

    def _set_field(self, text: str, as_typed: str) -> None:
        key, equals, value = text.partition("=")
        if as_typed.startswith((f"{key}={{", f"{key}=[")):
            # JSON needs its quotes, which a shell would take away.
            value = as_typed.partition("=")[2]
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", key):
            raise InputError(
                f"-p needs KEY=VALUE, got {text[:60]}", hint="Such as: -p logprobs=true"
            )
        if key in _RESERVED:
            raise InputError(f"-p cannot set {key}", hint=_RESERVED[key])
        parameter = BY_NAME.get(key)
        if parameter is None:
            self.extra[key] = Parameter(key, "json", "").parse(value)
        elif not parameter.sent:
            raise InputError(
                f"{key} is not a field of the request",
                hint=f"Set it with: %config Nemotron.{key} = …",
            )
        elif parameter.kind == "texts":
            self.values[key] = parameter.check(Parameter(key, "json", "").parse(value))
        else:
            self.values[key] = parameter.parse(value)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    as_typed: str


def _token(text: str) -> tuple[_Token, str]:
    """Take one token off, with shell quotes; return it and the rest after blanks."""
    parts: list[str] = []
    at = 0
    while at < len(text) and not text[at].isspace():
        quote = _QUOTED.get(text[at])
        quoted = quote.match(text, at) if quote else None
        opens = quote and (at == 0 or text[at - 1] == "=")
        if opens and not quoted:
            raise InputError(
                f"a quote is not closed: {text[at : at + 40]}",
                hint=f"End the value of the flag with {text[at]}, before the question",
            )
        plain = quoted[1] if quoted else text[at]
        is_escaped = quoted and quote is _ESCAPING
        parts.append(re.sub(r"(?s)\\(.)", r"\1", plain) if is_escaped else plain)
        at = quoted.end() if quoted else at + 1
    return _Token("".join(parts), text[:at]), text[at:].lstrip()


def _unknown_flag(name: str) -> InputError:
    near = suggest_flag(name, FLAG_OF)
    guess = f"Did you mean {near}? " if near else _ELSEWHERE.get(name, "")
    return InputError(
        f"there is no flag {name}",
        hint=f"{guess}If it belongs to the question, put -- before it",
    )


def _thread(name: str) -> str:
    if not name.strip():
        raise InputError("--thread needs a name", hint="Such as: %nemotron -T draft …")
    return name.strip()


def _variable(name: str) -> str:
    name = unicodedata.normalize("NFKC", name)  # as Python reads it
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


def _rows_value(name: str, text: str) -> Any:
    """Return the value of a flag of rows; its range is checked where it is used."""
    if name in ("again", "label"):
        return text
    number = Parameter(name, "integer" if name != "rpm" else "number", "", minimum=1)
    return number.parse(text)


_READERS: dict[str, Callable[[str], Any]] = {
    "as": parse_fields,
    "out": _variable,
    "thread": _thread,
}
