"""Parse or complete what follows `%nemotron`: flags, then a command or a question.

Flags come first. The first token that is no flag starts the question, and from there
every byte is the user's. A lone word that names a command is one; with a text it takes
a colon (`reset: main`), unless it can be nothing else (`rehearse off`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import PARAMETERS
from nemotron_magic.magics.flags import (
    FLAG_OF,
    TO_ASK,
    Flag,
    FlagParser,
    looks_like_flag,
    refuse_key,
)
from nemotron_magic.session.structured.fields import Fields

__all__ = [
    "Command",
    "ParsedMagic",
    "completions",
    "is_typo",
    "parse",
    "suggest_command",
]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    `run` gets the app, the text after the colon and the settings of this call; it
    returns the Markdown to show, or None if it has shown all itself. Without it, the
    command asks the model. `takes` is what may stand after its colon; `closed` is a
    pattern of what may follow it without a colon, as it is no question; `takes_cell`: a
    cell may stand below it; `takes_fields`: `--as` may stand before it.
    """

    help: str
    run: Callable[[Any, str, Any], str | None] | None = None
    takes: str = ""
    closed: str = ""
    takes_cell: bool = False
    takes_fields: bool = False

    def is_followed_by(self, text: str) -> bool:
        """Return whether `text` can be nothing but what the command takes."""
        return re.fullmatch(self.closed, text.strip(), re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class ParsedMagic:
    """A parsed line or cell; what is no flag of that name is below.

    `values` are settings of this call, `extra` further fields of the request. `command`
    is empty for a question; `text` is the question, or what stood after the command's
    colon; `cell` what stood below a command: the lines below a question are part of it.
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


def parse(
    line: str,
    body: str | None,
    commands: Mapping[str, Command],
    hide: Callable[[str], None] = lambda key: None,
    last_reply: Callable[[str], str] = lambda thread: "",
) -> ParsedMagic:
    """Read what stands after `%nemotron`, and below `%%nemotron`.

    Flags are not looked for in the `body`. `hide` gets each key that was typed, before
    it is refused; `last_reply` is called with the name of a thread for what a short
    text may answer. Raise InputError if a flag is unknown, has a bad value or none, a
    command is misspelt or lacks its colon, or a key stands where a question belongs.
    """
    flags = FlagParser(hide)
    rest = flags.take(line)
    refuse_key(str(flags.values.get("system") or ""), hide)
    if body or not _closed_phrase(rest):
        refuse_key(_join(rest, body), hide, flags.ended_by_hand)
    command, text, error = "", rest, None
    if body is None and rest.strip() == "?" and not flags.ended_by_hand:
        command, text = "help", ""  # as behind any other name
    elif not flags.ended_by_hand:
        command, text = _command(rest, body, commands)
        error = None if command else _slip(line, rest, body, commands)
        is_guess = error or not rest.startswith(command)
        if is_guess and _is_answer(rest, last_reply(flags.others.get("thread", ""))):
            command, text, error = "", rest, None
    if error:
        raise error
    if command:
        refuse_key(text, hide, by_hand=True)
        cell = (body or "").removesuffix("\n")
    else:
        text, cell = _join(rest, body), ""
    return ParsedMagic(
        flags.values, flags.extra, command=command, text=text, cell=cell, **flags.others
    )


_MOST_WORDS = 4
_PATH = re.compile(r"[^\W\d][\w.]*(\[.*\])?")
_LONGEST_PHRASE = 100

# What else a command is called. It is run where that changes nothing, else named.
_CALLED = {
    "balance": "credit credits",
    "doctor": "check diagnose version versions",
    "help": "commands flags manual",
    "log": "calls history ledger",
    "models": "catalog catalogue price prices pricing",
    "status": "info",
    "threads": "conversation conversations",
    "usage": "billing cost costs spending spent",
}
_SYNONYMS = {word: name for name, words in _CALLED.items() for word in words.split()}
_NAMES = "|".join(p.name for p in PARAMETERS if p.kind in ("number", "integer"))
_SETTING = rf"(?:set |change )?({_NAMES})(?: to|:| ?=)? (-?[\d.]+)"
_IT = r"(?:it|th(?:is|at)|(?:(?:the|my|this|that) )?(?:last |previous )?(?:cell|code))"
_KEY = r"(?:the |my |a |an )?(?:api[ -]?)?key"
_MEMORY = r"(?:the |my |this |a )?(?:chat|context|conversation|history|memory|thread)"
_PHRASES = (
    (rf"clear|forget|(?:clear|delete|forget|new|reset|start) {_MEMORY}", "reset"),
    (r"start (?:over|again|afresh)|forget (?:everything|all|it)|new chat", "reset"),
    (r"(?:clear|delete|empty|reset) (?:the |my )?cache", "cache: clear"),
    (r"config|configure|options|preferences|settings", "panel"),
    (r"(?:open|show) (?:the )?(?:panel|settings)", "panel"),
    (
        rf"log ?(?:off|out)|sign ?(?:off|out)|(?:delete|forget|remove) {_KEY}",
        "login: forget",
    ),
    (rf"log in|sign ?in|(?:add |change |enter |set |store )?{_KEY}", "login"),
    (r"(?:start (?:the |a )?)?rehearsal|(?:demo|offline)(?: mode)?", "rehearse"),
    (r"rehearsal on", "rehearse"),
    (r"rehearsal off|(?:end|stop)(?: the)? rehears(?:al|e|ing)", "rehearse: off"),
    (r"(?:list|show) (?:all |the |all the )?models|models? list|list", "models"),
    (r"(?:list|show) (?:all |the |all the )?threads|threads? list", "threads"),
    (r"(?:show )?(?:my )?(?:usage|spending|costs)", "usage"),
    (rf"insert(?: {_IT})?", "code"),
    (rf"fix {_IT}", "fix"),
    (rf"explain {_IT}", "explain"),
    (rf"doc(?:ument)? {_IT}|document|docstrings?", "doc"),
    (r"(?:ask|try) (?:it )?again|again|redo|regenerate|repeat", "retry"),
    (r"(?:usage )?export(?: (?:usage|calls|log))?", "usage: export calls.csv"),
    (r"cache (on|off|replay)", r"%config Nemotron.cache = '\1'"),
)
"""What is said for a command, and the line that it stands for."""

_FORMS = (
    (r"test (?:the )?(?:function )?([^\W\d]\w*)(?:\(\))?", r"test: \1"),
    (r"export (\S+\.(?:csv|json))", r"usage: export \1"),
    (r"(?:switch )?(?:to )?threads? (\w+)", r"-T \1 …"),
    (r"(?:use |switch to |set )?(?:the )?model(?: to|:| =)? (\S+/\S+)", r"-m \1 …"),
    (_SETTING, r"%config Nemotron.\1 = \2"),
)
"""The same, with a word of the user's in it."""


def _closed_phrase(text: str) -> str:
    """Return the line that a phrase stands for, without the user's own words."""
    said = _plain(text).lower()
    if said in (*(line for _, line in _PHRASES), "login forget"):
        return said
    return _reworded(said, _PHRASES)


def _reworded(said: str, table: Iterable[tuple[str, str]]) -> str:
    for pattern, line in table:
        if found := re.fullmatch(pattern, said, re.IGNORECASE):
            return found.expand(line)
    return ""


def _plain(text: str) -> str:
    """Return a text without what politeness and other programs put around commands."""
    if len(text) > _LONGEST_PHRASE:
        return text
    said = " ".join(text.split())
    return re.sub(r"(?i)^(?:[/\\:]|please )+|(?:,? please|[ .!])+$", "", said)


def _command(
    text: str, body: str | None, commands: Mapping[str, Command]
) -> tuple[str, str]:
    """Return the command and its text; two empty strings if `text` is none."""
    word, colon, blank, rest = _split(text)
    if word in commands and (colon or not rest):
        return word, rest
    name = _SYNONYMS.get(word.lower(), word.lower())
    if name not in commands or (body or "").strip():
        return "", ""
    if rest:
        is_one = (colon or blank) and commands[name].is_followed_by(rest)
        return (name, rest) if is_one else ("", "")
    return ("", "") if colon else (name, "")


def _split(text: str) -> tuple[str, str, str, str]:
    """Return the first word, a colon behind it, the blanks there, and the rest."""
    found = re.match(r"([A-Za-z]*)(:?)(\s*)(.*)", text, re.DOTALL)
    word, colon, blank, rest = found.groups() if found else ("", "", "", text)
    return word, colon, blank, rest


def _slip(
    line: str, text: str, body: str | None, commands: Mapping[str, Command]
) -> InputError | None:
    """Return the error for a short text that must be meant for a command."""
    what, meant = _meant(text, bool((body or "").strip()), commands)
    if not meant:
        return None
    cell = "%" if body is not None else ""
    start = "" if meant[0] == "%" else f"{cell}%nemotron {line.removesuffix(text)}"
    hint = f"Did you mean: {start}{meant}   {TO_ASK}"
    return InputError(f"{what}, and nothing was sent", "", hint)


def _meant(
    text: str, has_body: bool, commands: Mapping[str, Command]
) -> tuple[str, str]:
    """Return what is wrong with a text, and the line that it is meant for, or ""."""
    said, text = _plain(text), text.rstrip()
    word, colon, blank, rest = _split(text)
    if not has_body and (line := _closed_phrase(said) or _reworded(said, _FORMS)):
        return f"“{text}” is no command", line
    if word in commands:
        takes, is_short = commands[word].takes, len(rest.split()) <= _MOST_WORDS
        if looks_like_flag(rest):
            is_slip = _is_all_flags(rest)
            return f"flags stand before {word}", f"{rest} {word}" if is_slip else ""
        if word == "rows" and blank and has_body and _PATH.fullmatch(rest):
            return "rows takes a name or a path behind a colon", f"rows: {rest}"
        if not blank or not is_short or has_body or rest.endswith("?"):
            return "", ""
        if takes.isupper():
            return f"{word} takes its text behind a colon", f"{word}: {rest}"
        return f"{word} takes {takes or 'no text'}", word
    word, colon, blank, rest = _split(said)
    near = word.lower() if word.lower() in commands else ""
    near = near or suggest_command(word.lower(), commands)
    if not near or (rest and not blank) or (colon and has_body):
        return "", ""
    is_one = colon or not rest or commands[near].is_followed_by(rest)
    return (
        f"there is no command {word}",
        f"{near}{colon}{blank}{rest}" if is_one else "",
    )


def _is_all_flags(text: str) -> bool:
    try:
        return not FlagParser().take(text).strip()
    except InputError:
        return False


def suggest_command(word: str, commands: Collection[str]) -> str:
    """Return the command that a word is but for one slip, or ""."""
    near = [one for one in commands if is_typo(word, one)]
    return next(iter(difflib.get_close_matches(word, near, 1, 0)), "")


def is_typo(word: str, meant: str) -> bool:
    """Return whether one slip made `word`: a letter more, less, wrong, or two swapped.

    >>> is_typo("fxi", "fix"), is_typo("six", "fix"), is_typo("sox", "fix")
    (True, True, False)
    """
    if abs(len(word) - len(meant)) > 1:  # a word may be a pasted file
        return False
    return not _shortened(word).isdisjoint(_shortened(meant))


def _shortened(word: str) -> set[str]:
    """Return a word, and what is left of it without any one of its letters."""
    return {word} | {word[:at] + word[at + 1 :] for at in range(len(word))}


def _is_answer(text: str, reply: str) -> bool:
    """Return whether a short text may answer a reply: it asks, or has these words."""
    is_asked = re.search(r"\?\W*\Z", reply) and len(text.split()) == 1
    words = re.escape(text.strip())
    there = re.search(rf"(?<!\w){words}(?!\w)", reply, re.IGNORECASE)
    return bool(is_asked or there)


def _join(text: str, body: str | None) -> str:
    if body is None:
        return text
    # IPython ends a cell's body with a newline of its own.
    body = body.removesuffix("\n")
    return f"{text}\n{body}" if text and body else text or body


# At the start of a line, or after the name that gets the reply.
_LINE_SO_FAR = re.compile(
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

    Within a question there is nothing of ours to offer. `model_names` is called for the
    names of the models.
    """
    above, _, line = text.rpartition("\n")
    found = _LINE_SO_FAR.fullmatch(line)
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
        else:
            # One whose value may be left out has it after a `=`.
            takes_next = flag.value and flag.value[0] != "[" and "=" not in word
            waiting = flag if word.endswith("=") or takes_next else None
    return waiting, False


def _starting(names: Iterable[str], word: str) -> list[str]:
    """Return those that start with `word`; if none does, those that hold it."""
    names = list(names)
    found = [name for name in names if name.startswith(word)]
    return sorted(found or [name for name in names if "/" in name and word in name])
