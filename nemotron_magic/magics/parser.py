"""Parse or complete what follows `%nemotron`: flags, then a command or a question.

A lone word that names a command is one; with a text it takes a colon (`reset: main`),
unless it can be nothing else (`rehearse off`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import BY_NAME, Parameter
from nemotron_magic.core.text import one_line
from nemotron_magic.magics import words
from nemotron_magic.magics.words import COMMANDS, FLAG_OF, TO_ASK
from nemotron_magic.session.structured.fields import Fields
from nemotron_magic.session.structured.specs import is_type


@dataclass(frozen=True, slots=True)
class ParsedMagic:
    """A parsed line or cell.

    `values` are settings of this call, `extra` further fields of the request; `text` is
    the question, or what stood after the command's colon; `cell` what stood below it.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    out: str = ""
    as_: Fields | None = None
    rows: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    notebook: bool = False
    thread: str = ""
    fresh: bool = False
    preview: bool = False
    quiet: bool = False
    help: bool = False
    code: bool = False
    replace: bool = False
    command: str = ""
    text: str = ""
    cell: str = ""


_FLAG = re.compile(r"--?[A-Za-z]")
_LONG = words.LONG_DASHES
_LONG_FLAG = re.compile(rf"(?:--|-?[{_LONG}])[-{_LONG}]*([A-Za-z][\w-]*)")
_PAIRS = {"“": "”", "‘": "’", "„": "“”", "‚": "‘’", "«": "»"}
_QUOTED = re.compile(
    r"""(?s)((?:[^\s="'“‘„‚«]*=)*)(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|"""
    + "|".join(f"{begin}([^{end}]*)[{end}]" for begin, end in _PAIRS.items())
    + r")(?=\s|$)"
)
_OPEN_QUOTE = re.compile(rf"""(?:[^\s=]*=)?(["'{"".join(_PAIRS)}])""")
_KEY_FLAGS = ("--key", "--api-key", "--api_key", "--token", "--apikey")
# Two in a row are no number of cells and a question that begins with another.
_RANGES = re.compile(r"\d+-\d+ \d+(?:-\d+)?,?|\d+ \d+-\d+,?")
_RESERVED = {
    "messages": "Type the question; the instruction before it is set with --system",
    "model": "Choose one with: %nemotron --model NAME …",
}


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
        while _FLAG.match(rest):
            rest = self._take_one(rest)
        end = re.match(r"--(\s|$)", rest)
        self.ended_by_hand = end is not None
        long = _LONG_FLAG.match(rest)
        if long and any(f"{dash}{long[1]}" in FLAG_OF for dash in ("-", "--")):
            raise words.unknown_flag(long[0])
        return rest[end.end() :] if end else rest

    def _take_one(self, line: str) -> str:
        token, is_quoted, rest = _token(line)
        name, equals, value = token.partition("=")
        flag = FLAG_OF.get(name)
        if flag is None:
            typed = [name.lstrip("-"), *(value or rest).split()[:1]]
            words.refuse_key(" ".join(typed), self._hide)
        if name in _KEY_FLAGS:
            raise words.never_typed()
        if flag is None or (equals and not flag.value):
            raise words.unknown_flag(token if flag else name)
        preset = flag.parameter.bare if flag.parameter else ""
        if not equals and preset:
            value = preset
        elif not equals and flag.value:
            # A value may start with a hyphen, too, such as -1.
            if not rest or re.split(r"[\s=]", rest, maxsplit=1)[0] in FLAG_OF:
                hint = f"Type: %nemotron {name} {flag.value} …"
                raise InputError(f"{name} needs a value, and none follows", hint=hint)
            value, is_quoted, rest = _token(rest)
        if not is_quoted:
            _refuse_split(name, flag, value, rest)
        try:
            self._set(flag, value)
        except InputError as error:
            shown = f"{name}={preset}" if preset else f"{name} {flag.value}"
            error.hint = error.hint or f"Type: %nemotron {shown} …   {TO_ASK}"
            raise
        return rest

    def _set(self, flag: words.Flag, value: str) -> None:
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
        read = words.READERS.get(name, str)(value) if flag.value else True
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
            hint = "Such as: -p logprobs=true"
            raise InputError(f"-p needs KEY=VALUE, got {text[:60]}", hint=hint)
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


def _refuse_split(name: str, flag: words.Flag, value: str, rest: str) -> None:
    """Refuse a value without quotes around it that goes on behind a blank."""
    if value.count('"') % 2 or (value[-1:] == "'" and value.count("'") % 2):
        hint = "Put the whole value of the flag in quotes, before the question"
        raise InputError(f"a quote is not closed: {f'{value} {rest}'[:40]}", hint=hint)
    word = next(iter(rest.split(maxsplit=1)), "")
    goes_on = is_type(word.strip(",;")) or value[-1:] in ",;:|" or word[:1] == "|"
    joined, quoted = f"{name}={word} …", f'{name} "{value} {word.strip(",;")}" …'
    parameter = flag.parameter
    if parameter and parameter.bare:
        if word not in parameter.choices or word == parameter.bare:
            return
        problem, typed = f"{name} takes its value behind =", f"{joined}   {TO_ASK}"
    elif flag.value and value == "=":
        problem, typed = f"{name} and its value stand without blanks around =", joined
    elif name == "--as" and value and goes_on:
        problem, typed = "--as takes its fields in quotes", quoted
    elif "--context" in flag.names and _RANGES.fullmatch(f"{value} {word}"):
        problem, typed = f"{name} takes its ranges in quotes", quoted
    else:
        return
    raise InputError(problem, "nothing was sent", f"Type: %nemotron {typed}")


def _json(key: str, text: str) -> Any:
    try:
        return Parameter(key, "json").parse(text)
    except InputError as error:
        quotes = "double quotes within JSON, and single ones around the whole"
        error.hint = f'Put {quotes}: -p \'{key}=["a", "b"]\''
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
        end, begun = _PAIRS.get(found[1], found[1])[0], text[found.start(1) :][:40]
        hint = f"End the value of the flag with {end}, before the question"
        raise InputError(f"a quote is not closed: {begun}", hint=hint)
    token, *rest = re.split(r"\s+", text, maxsplit=1)
    return token, False, "".join(rest)


_HELP = re.compile(r"[-/]?\?{1,2}")


def parse(
    line: str,
    body: str | None,
    hide: Callable[[str], None] = lambda key: None,
    last_reply: Callable[[str], str] = lambda thread: "",
) -> ParsedMagic:
    """Read what stands after `%nemotron`, and below `%%nemotron`.

    Flags are not looked for in the `body`. `hide` gets each key that was typed, before
    it is refused; `last_reply` is called with the name of a thread for what a short
    text may answer.
    """
    flags = FlagParser(hide)
    rest = flags.take(line)
    start = f"{'%' * (body is not None)}%nemotron {line.removesuffix(rest)}"
    # IPython ends a cell's body with a newline of its own.
    below = (body or "").removesuffix("\n")
    question = f"{rest}\n{below}" if rest and below else rest or below
    words.refuse_key(str(flags.values.get("system") or ""), hide)
    words.refuse_key(question, hide, flags.ended_by_hand)
    command, text, meant = "", "", ""
    if body is None and _HELP.fullmatch(rest.strip()) and not flags.ended_by_hand:
        command = "help"  # as behind any other name
    elif not flags.ended_by_hand:
        command, text, meant = _read(rest, bool(below.strip()))
        is_guess = meant or not rest.startswith(command)
        if is_guess and _is_answer(rest, last_reply(flags.others.get("thread", ""))):
            command, meant = "", ""
    if meant:
        what = f"“{one_line(rest.strip(), 60)}” is no command, and nothing was sent"
        meant = meant if meant[0] in "%!" else f"{start}{meant}"
        raise InputError(what, hint=f"Did you mean: {meant}   {TO_ASK}")
    if command:
        words.refuse_key(text, hide, by_hand=True)
    else:
        text, below = question, ""
        if not flags.ended_by_hand:
            _refuse_flags_behind(rest, start)
    others = {**flags.others, "command": command, "text": text, "cell": below}
    return ParsedMagic(flags.values, flags.extra, **others)


_MOST_WORDS = 4
_MOST_SHOWN_CHARS = 200
_SLASHED = re.compile(r"/[A-Za-z]+(?=[:\s]|$)")
_SHELL = re.compile(r"![A-Za-z]{2}[^?]*")
_PATH = re.compile(r"[^\W\d][\w.]*(\[.*\])?")
_HARMLESS = {"balance", "doctor", "help", "log", "models", "status", "threads", "usage"}


def _read(text: str, has_body: bool) -> tuple[str, str, str]:
    """Return a command and its text, or else the line that a text must be meant for.

    All are empty for a question.
    """
    word, colon, blank, rest = _split(text)
    if word in COMMANDS and (colon or not rest):
        return word, rest, ""
    if has_body:
        return "", "", _meant(text.rstrip(), text.rstrip(), has_body)
    command = COMMANDS.get(word.lower())
    if command and (not rest or ((colon or blank) and command.is_followed_by(rest))):
        return word.lower(), rest, ""
    said = words.bare(text.rstrip())
    if line := words.line_for(said):
        return (line, "", "") if line in _HARMLESS else ("", "", line)
    word, _, blank, rest = _split(said)
    name = words.synonym(word) if blank else ""
    if name in _HARMLESS and COMMANDS[name].is_followed_by(rest):
        return name, rest, ""
    return "", "", _meant(text.rstrip(), said, has_body)


def _split(text: str) -> tuple[str, str, str, str]:
    """Return the first word, a colon behind it, the blanks there, and the rest."""
    found = re.match(r"([A-Za-z]*)(?:\s*(:))?([\s;|]*)(.*)", text, re.DOTALL)
    word, colon, blank, rest = found.groups("") if found else ("", "", "", text)
    return word, colon, blank, rest


def _meant(text: str, said: str, has_body: bool) -> str:
    """Return the line that a text is meant for, or ""; `said` is what it says."""
    is_long = len(said.split()) > _MOST_WORDS + 1 or said.endswith("?") or has_body
    if not is_long and _SHELL.fullmatch(text):
        return text
    if slashed := _SLASHED.match(text):
        word, rest = slashed[0][1:].lower(), text[slashed.end() :].strip()
        if name := words.synonym(word) or words.suggest_command(word):
            takes = _with_flags if _FLAG.match(rest) else _with_text
            return takes(name, rest)
        return "" if rest or has_body else "help"
    word, colon, blank, rest = _split(said)
    if word not in COMMANDS:
        name = words.synonym(word)
        if name and rest and COMMANDS[name].is_followed_by(rest):
            return f"{name}: {rest}"
        near = words.suggest_command(word.lower()) if text[:1] == word[:1] else ""
        may_be = near and (blank or not rest) and not (colon and has_body)
        is_one = may_be and (colon or not rest or COMMANDS[near].is_followed_by(rest))
        return f"{near}{colon}{blank}{rest}" if is_one else ""
    if _FLAG.match(rest):
        return _with_flags(word, rest)
    if word == "rows" and blank and has_body and _PATH.fullmatch(rest):
        return f"rows: {rest}"
    return _with_text(word, rest) if (blank or colon) and not is_long else ""


def _with_flags(name: str, flags: str) -> str:
    """Return the line for a command that flags stand behind, or ""."""
    if flags in FLAG_OF["--help"].names:
        return f"help: {name}"
    if _are_flags_for(name, flags):
        return f"{flags} {name}"
    text, command = flags.lstrip("-"), COMMANDS[name]  # as other tools: --off
    if command.is_followed_by(text) and not (flags in FLAG_OF and name == "models"):
        return f"{name}: {text}"
    return "" if _flags_in(flags) is None or _NAMES_NEXT.fullmatch(name) else name


def _with_text(name: str, text: str) -> str:
    """Return the line in which a command takes a text, or as much of it as it can."""
    text, command = _short_form(text.lstrip(" -–—=:;|")), COMMANDS[name]
    if not text or command.is_followed_by(text):
        return f"{name}: {text}" if text else name
    if name in ("code", "preview"):
        return f"--{name} {text}"
    takes_text = command.takes.partition(",")[0].isupper()
    return f"{name}: {text}" if takes_text else name


def _short_form(text: str) -> str:
    """Return a text as a line to type has it: a long one is for the user to repeat."""
    return text if len(text) <= _MOST_SHOWN_CHARS else "…"


# What else than settings goes only with some commands; "" is a question.
_ONLY_WITH = {
    "rows": ("rows",),
    "as_": ("", "rows"),
    "preview": ("", "rows", *words.WORDS["tasks"]),
}


def _are_flags_for(name: str, text: str) -> bool:
    """Return whether a text is flags that may stand before a command."""
    found = _flags_in(text)
    fits = (name in _ONLY_WITH.get(one, (name,)) for one in found or ())
    return found is not None and all(fits)


def _flags_in(text: str) -> Iterable[str] | None:
    """Return what a text sets that is no setting; None if it is not only flags."""
    flags = FlagParser()
    try:
        return None if flags.take(text).strip() else flags.others
    except InputError:
        return None


def _is_answer(text: str, reply: str) -> bool:
    """Return whether a short text may answer a reply: it asks, or has these words."""
    if len(text.split()) == 1 and re.search(r"\?\W*\Z", reply):
        return True
    there = rf"(?<!\w){re.escape(text.strip())}(?!\w)"
    return re.search(there, reply, re.IGNORECASE) is not None


# What many a command of a shell takes, too: a question may end in it.
_OF_SHELLS = re.compile(r"--(?:all|file|help|out|quiet|strict)(?![\w-])")
# A question that would end so is about the flag behind it.
_NAMES_NEXT = re.compile(words.WORDS["patterns"]["names_next"], re.IGNORECASE)
_BEFORE_FLAG = re.compile(r"(\S)\s+(?=--?[A-Za-z])")
_MOST_FLAGS_CHARS = 300


def _refuse_flags_behind(text: str, start: str) -> None:
    """Refuse a question, or `rows` without its colon, behind which our flags stand."""
    name = "rows" if text.lower().startswith("rows ") else ""
    for found in _BEFORE_FLAG.finditer(text, max(0, len(text) - _MOST_FLAGS_CHARS)):
        before, flags = text[: found.end(1)], text[found.end() :].rstrip()
        is_ours = flags.startswith("--") and not _OF_SHELLS.match(flags)
        is_ours = is_ours and not re.search(r"(?:^|\s)--\w", before)
        is_ours = is_ours and not _NAMES_NEXT.search(before)
        if (is_ours or found[1] in ".!?") and _are_flags_for(name, flags):
            what = f"flags stand before the question, and {flags} stands behind it"
            hint = f"Type: {start}{flags} {_short_form(before)}   {TO_ASK}"
            raise InputError(what, "nothing was sent", hint)


# At the start of a line, or after the name that gets the reply.
_LINE_SO_FAR = re.compile(
    r"""\s*(?:(?P<cell>%)|[^\s=%#'"](?:[^=%#'"[]|\[[^]\n]*\])*=\s*)?%nemotron\s+(.*)"""
)
_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")


def completions(
    text: str, word: str, model_names: Callable[[], Iterable[str]]
) -> list[str]:
    """Return what may stand in place of `word` at the end of `text`, a cell so far."""
    above, _, line = text.rpartition("\n")
    found = _LINE_SO_FAR.fullmatch(line)
    is_elsewhere = above.lstrip().startswith("%%")
    if found is None or is_elsewhere or (found["cell"] and above):
        return []
    waiting: words.Flag | None = None
    for typed in _WORD.findall(found[2].removesuffix(word)):
        flag = FLAG_OF.get(typed.partition("=")[0])
        if waiting is not None:
            waiting = None
        elif typed in ("help", "help:"):
            break
        elif flag is None:  # the question has begun
            return []
        # One whose value may be left out has it after a `=`.
        elif typed.endswith("=") or ("=" not in typed and flag.value[:1] not in "["):
            waiting = flag
    names: Iterable[str] = FLAG_OF if word.startswith("-") else COMMANDS
    if waiting is not None:
        parameter = waiting.parameter
        names = parameter.suggestions if parameter else ()
        if parameter and parameter.name == "model":
            names = model_names()
    names = list(names)
    # By a part of it, too, such as a model without its vendor.
    inside = [name for name in names if "/" in name and word in name]
    return sorted([name for name in names if name.startswith(word)] or inside)
