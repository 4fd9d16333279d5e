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
--all | | Rows: ask about all of them, not only a few first.
--sample | N | Rows: ask about this many, spread over the table.
--at-once | N | Rows: most requests at once, up to 256; by default 16.
--rpm | N | Rows: most requests a minute.
--again | WHAT | Rows: ask again about errors, billed (may have been), or all of these.
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

    def __str__(self) -> str:
        return f"{', '.join(self.names)} {self.value}".strip()


def _flag_of(parameter: Parameter) -> Flag:
    value = "" if parameter.kind == "boolean" else parameter.name.rpartition("_")[2]
    limits = parameter.limits and f"{parameter.limits.capitalize()}."
    words = (parameter.flag_help or parameter.help, limits)
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
    return table(("Flag", ""), ((f"`{flag}`", flag.help) for flag in FLAGS))


def suggest_flag(name: str, flags: Collection[str]) -> str:
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
    return re.sub(r"""[=:"'“‘].*""", "", name.strip(f"-{_LONG_DASHES}"))


_LEAST_LIKENESS = 0.76
_OTHER_NAMES = {
    "dry-run": "--preview",
    "json": "--as FIELDS",
    "no-context": "-c none",
    "no-history": "--fresh",
    "verbose": "%config Nemotron.verbose_errors = True",
}
"""What other tools call a flag."""


def _instead_of(name: str, line_for: Callable[[str], str]) -> str:
    """Return what stands for a flag that there is not, or ""."""
    word, near = _word_of(name).lower(), suggest_flag(name, FLAG_OF)
    setting = word.replace("-", "_")
    if near.partition(" ")[0].strip("-").startswith(word):
        return near
    if line := _OTHER_NAMES.get(word) or line_for(word.replace("-", " ")):
        return line if line[0] in "-%" else f"%nemotron {line}"
    wanted = setting.removeprefix("no_")
    begun = [one for one in BY_NAME if len(wanted) > 3 and one.startswith(wanted)]
    parameter = BY_NAME.get(wanted if len(begun) != 1 else begun[0])
    if parameter is None or (wanted != setting and parameter.kind != "boolean"):
        return near
    if parameter.flags and parameter.kind != "boolean":
        return parameter.flags[-1]
    value = str(wanted == setting) if parameter.kind == "boolean" else "…"
    return f"%config Nemotron.{parameter.name} = {value}"


def _unknown_flag(name: str, line_for: Callable[[str], str]) -> InputError:
    instead = _instead_of(name, line_for)
    guess = f"Did you mean {instead}? " if instead[:1] == "-" else ""
    line = f"Did you mean: {instead}   " if instead[:1] == "%" else ""
    return InputError(
        f"there is no flag {name}",
        hint=f"{guess or line or 'All flags: %nemotron help   '}"
        "If it belongs to the question, put -- before it",
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


_LONG_DASHES = "‐‑‒–—―−﹣－"  # as an editor may have made them of hyphens
_FLAG = re.compile(r"--?[A-Za-z]")
_LONG_FLAG = re.compile(rf"(?:--|-?[{_LONG_DASHES}])[-{_LONG_DASHES}]*([A-Za-z][\w-]*)")
_PAIRS = {"“": "”", "‘": "’", "„": "“”", "‚": "‘’", "«": "»"}
_QUOTED = re.compile(
    r"""(?s)((?:[^\s="'“‘„‚«]*=)*)(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|"""
    + "|".join(f"{begin}([^{end}]*)[{end}]" for begin, end in _PAIRS.items())
    + r")(?=\s|$)"
)
_OPEN_QUOTE = re.compile(rf"""(?:[^\s=]*=)?(["'{"".join(_PAIRS)}])""")
_KEY_FLAGS = ("--key", "--api-key", "--api_key", "--token", "--apikey")


def _goes_on(fields: str, word: str) -> bool:
    """Return whether the word behind `--as FIELDS` must belong to the fields."""
    return is_type(word.strip(",;")) or fields[-1] in ",;:|" or word[:1] == "|"


# Two in a row are no number of cells and a question that begins with another.
_RANGES = re.compile(r"\d+-\d+ \d+(?:-\d+)?,?|\d+ \d+-\d+,?")
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

    def __init__(
        self,
        hide: Callable[[str], None] = lambda key: None,
        line_for: Callable[[str], str] = lambda words: "",
    ) -> None:
        self._hide, self._line_for = hide, line_for
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
            raise _unknown_flag(long[0], self._line_for)
        return rest[end.end() :] if end else rest

    def _take_one(self, line: str) -> str:
        token, is_quoted, rest = _token(line)
        name, equals, value = token.partition("=")
        flag = FLAG_OF.get(name)
        if name in _KEY_FLAGS:
            refuse_key(f"key {value or _token(rest)[0]}", self._hide)
            raise never_typed()
        if flag is None or (equals and not flag.value):
            raise _unknown_flag(token if flag else name, self._line_for)
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
        self._refuse_rest(name, flag, "" if is_quoted else value, rest)
        try:
            self._set(flag, value)
        except InputError as error:
            shown = f"{name}={bare}" if bare else f"{name} {flag.value}"
            error.hint = error.hint or f"Type: %nemotron {shown} …   {TO_ASK}"
            raise
        return rest

    def _refuse_rest(self, name: str, flag: Flag, value: str, rest: str) -> None:
        """Refuse a value without quotes around it that goes on behind a blank."""
        if value.count('"') % 2 or (value[-1:] == "'" and value.count("'") % 2):
            raise InputError(
                f"a quote is not closed: {f'{value} {rest}'[:40]}",
                hint="Put the whole value of the flag in quotes, before the question",
            )
        word = next(iter(rest.split(maxsplit=1)), "")
        parameter = flag.parameter
        if parameter and parameter.bare:
            if word in parameter.choices and word != parameter.bare:
                raise InputError(
                    f"{name} takes its value behind =",
                    "nothing was sent",
                    f"Type: %nemotron {name}={word} …   {TO_ASK}",
                )
        elif flag.value and value == "=":
            raise InputError(
                f"{name} and its value stand without blanks around =",
                "nothing was sent",
                f"Type: %nemotron {name}={word} …",
            )
        elif value and (
            (name == "--as" and _goes_on(value, word))
            or (name in ("-c", "--context") and _RANGES.fullmatch(f"{value} {word}"))
        ):
            kind = "fields" if name == "--as" else "ranges"
            raise InputError(
                f"{name} takes its {kind} in quotes",
                "nothing was sent",
                f'Type: %nemotron {name} "{value} {word.strip(",;")}" …',
            )

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
        if flag.value and not value.strip():
            raise InputError(f"{flag.names[0]} needs a value, and this one is empty")
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
            self.extra[key] = _json(key, value)
        elif parameter.kind == "texts":
            self.values[key] = parameter.check(_json(key, value))
        else:
            self.values[key] = parameter.parse(value)


def _json(key: str, text: str) -> Any:
    try:
        return Parameter(key, "json", "").parse(text)
    except InputError as error:
        error.hint = (
            "Put double quotes within JSON, and single ones around the whole: "
            f'-p \'{key}=["a", "b"]\''
        )
        raise


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
            hint=f"End the value of the flag with {_PAIRS.get(found[1], found[1])[0]}, "
            "before the question",
        )
    token, *rest = re.split(r"\s+", text, maxsplit=1)
    return token, False, "".join(rest)
