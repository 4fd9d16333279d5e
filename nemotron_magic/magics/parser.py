"""Parse or complete what follows `%nemotron`: flags, then a command or a question.

A lone word that names a command is one; with a text it takes a colon (`reset: main`),
unless it can be nothing else (`rehearse off`).
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import BY_NAME
from nemotron_magic.core.text import one_line
from nemotron_magic.magics.flags import (
    FLAG_OF,
    TO_ASK,
    Flag,
    FlagParser,
    looks_like_flag,
    refuse_key,
)
from nemotron_magic.session.structured.fields import Fields


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    `run` gets the app, the text after the colon and the settings of this call; it
    returns the Markdown to show, or None if it has shown all itself. Without it, the
    command asks the model. `takes` is what may stand after its colon, `closed` a
    pattern of what can follow it without one.
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
    text may answer.
    """
    flags = FlagParser(hide, lambda words: _line_for(words, commands))
    rest = flags.take(line)
    refuse_key(str(flags.values.get("system") or ""), hide)
    if body or not _NO_KEY.fullmatch(rest.strip(" .!")):
        refuse_key(_join(rest, body), hide, flags.ended_by_hand)
    command, text, error = "", rest, None
    if body is None and _HELP.fullmatch(rest.strip()) and not flags.ended_by_hand:
        command, text = "help", ""  # as behind any other name
    elif not flags.ended_by_hand:
        has_body = bool((body or "").strip())
        command, text = _command(rest, has_body, commands)
        meant = "" if command else _meant(rest.rstrip(), has_body, commands)
        if meant:
            start = f"{'%' * (body is not None)}%nemotron {line.removesuffix(rest)}"
            start = "" if meant[0] in "%!" else start
            error = InputError(
                f"“{one_line(rest.strip(), 60)}” is no command, and nothing was sent",
                hint=f"Did you mean: {start}{meant}   {TO_ASK}",
            )
        is_guess = error or not rest.startswith(command)
        if is_guess and _is_answer(rest, last_reply(flags.others.get("thread", ""))):
            command, text, error = "", rest, None
    if not (command or error or flags.ended_by_hand):
        text_alone, behind = _flags_behind(rest)
        if behind:
            above = "%" * (body is not None)
            before = line.removesuffix(rest)
            error = InputError(
                f"flags stand before the question, and {behind} stands behind it",
                "nothing was sent",
                f"Type: {above}%nemotron {before}{behind} {_short_form(text_alone)}   "
                f"{TO_ASK}",
            )
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
_MOST_PHRASE_CHARS = 100
_MOST_SHOWN_CHARS = 200
_HELP = re.compile(r"[-/]?\?{1,2}")
# What other tools and habits put around a command: /fix `fix` "fix" fix() fix;
_AROUND = re.compile(
    r"""^(?:%{0,2}nemotron:?\s+)?[\s/\\:!.@#%*_~"'`“‘„«<(\[{]*(?=\w)"""
    r"""|[\s"'`”’“»>()\]}*_~;,.!…。]+$"""
)
_SLASHED = re.compile(r"/[A-Za-z]+(?=[:\s]|$)")
_SHELL = re.compile(r"![A-Za-z]{2}[^?]*")
# Names of a command that with a text are words of a question.
_ALONE = re.compile(
    r"list|price|pricing|catalog(?:ue)?|mod(?!els?$)\w+|модели|模型|モデル",
    re.IGNORECASE,
)
_PATH = re.compile(r"[^\W\d][\w.]*(\[.*\])?")
_NO_KEY = re.compile(r"(?i)login:? forget|(?:log|sign) (?:in|on|out|off)")
_HARMLESS = {"balance", "doctor", "help", "log", "models", "status", "threads", "usage"}
_FILLER = re.compile("an?|all|api|my|please|show|the", re.IGNORECASE)
_TARGET = re.compile("cell|code|it|last|previous|that|this", re.IGNORECASE)
_OF_CELLS = frozenset(["code", "doc", "explain", "fix", "retry"])
"""Commands that may be told what they are for; `check my code` is a question."""

_MEMORY = "(?:this )?(?:chat|context|conversation|history|memory|thread)"
_PHRASES = (
    (r"credits?", "balance"),
    (r"check|diagnose|versions?", "doctor"),
    (r"commands|flags|man(?:ual)?|documentation", "help"),
    (r"aide|ajuda|aiuto|ayuda|hilfe|помощь|справка|帮助|幫助|ヘルプ|도움말", "help"),
    (r"calls|history|ledger", "log"),
    (r"((?:un)?strike) (\d+)", r"log: \1 \2"),
    (
        r"(?:available |list )?models|(?:models?|price) list|catalog(?:ue)?|prices?"
        r"|pricing|mod[eè]les|modelle|modelli|modelos|модели|模型|モデル",
        "models",
    ),
    (r"info|nemotron", "status"),
    (r"(?:show )?(?:prompt|request)", "preview"),
    (r"conversations?|list threads|threads? list", "threads"),
    (r"billing|costs?|spending|spent|costos?|costes|custos?|coûts?|kosten", "usage"),
    (
        rf"clear|forget|new|(?:clear|delete|forget|new|reset|start) (?:{_MEMORY})",
        "reset",
    ),
    (r"start (?:over|again|afresh)|restart|forget (?:everything|it)", "reset"),
    (r"(?:clear|delete|drop|forget) (?:thread|conversation) (\S+)", r"reset: \1"),
    (r"(?:clear|delete|empty|reset) cache", "cache: clear"),
    (
        r"(?:open )?(?:config|configure|dashboard|gui|options|panel|preferences|prefs"
        r"|settings|ui|widget)",
        "panel",
    ),
    (r"(?:log|sign) ?(?:off|out)|(?:delete|forget|remove) key", "login: forget"),
    (r"(?:log|sign) ?in|(?:(?:add|change|enter|set|store) )?key", "login"),
    (r"(?:start )?rehearsal(?: on)?|(?:demo|offline)(?: mode)?", "rehearse"),
    (
        r"(?:end|exit|leave|quit|stop) rehears(?:al|e|ing)"
        r"|rehears(?:al|e) (?:end|exit|off|quit|stop)",
        "rehearse: off",
    ),
    (r"accept|apply|execute|insert|paste|run", "code"),
    (r"document|docstrings?", "doc"),
    (r"(?:ask |try )?again|redo|regenerate|repeat", "retry"),
    (r"(?:usage )?export(?: (?:usage|calls|log))?", "usage: export calls.csv"),
    (r"export (\S+\.(?:csv|json))", r"usage: export \1"),
    (
        r"(?:(?:go|switch|change|back|use|open|start|new|in|to) )*"
        r"(?:thread|conversation) (\S+)",
        r"-T \1 …",
    ),
    (r"(?:unit )?tests? (?:for )?function (\w+)", r"test: \1"),
    (
        r"(?:use |(?:change|switch)(?: to)? |set )?model(?: to | ?[:=] ?| )(\S+/\S+)",
        r"-m \1 …",
    ),
    (r"(?:use|(?:change|switch) to) (\S*nemotron\S*)", r"-m \1 …"),
    (r"(nvidia/\S+)", r"-m \1 …"),
    (r"(?:use|change|switch(?: to)?|set) model(?: to)? (\S+)", r"models: \1"),
    (r"(?:change|choose|select|set|switch) model", "models"),
    (r"(?:re)?load", "%reload_ext nemotron_magic"),
    (r"abort|bye|cancel|exit|kill|quit|q|stop|unload", "%unload_ext nemotron_magic"),
)
"""What is said for a command, without fillers, and the line that it stands for."""


def _bare(text: str) -> str:
    """Return a short text without what was put around it, and as it looks."""
    if len(text) > _MOST_PHRASE_CHARS:
        return text
    seen = (c for c in text if unicodedata.category(c) != "Cf")
    return _AROUND.sub("", unicodedata.normalize("NFKC", "".join(seen))).strip()


def _phrase(said: str, commands: Collection[str]) -> str:
    """Return the line that a short text stands for, politeness and all; else ""."""
    if len(said) > _MOST_PHRASE_CHARS:
        return ""
    words = said.replace(",", " ").split()
    words = [word for word in words if not _FILLER.fullmatch(word)]
    bare = " ".join(word for word in words if not _TARGET.fullmatch(word))
    line = _line_for(bare, commands)
    if line in _OF_CELLS:
        return line
    short = " ".join(words)
    lines = [_line_for(one, commands) for one in (short, re.sub("[-_]", " ", short))]
    lines += map(_line_for_setting, (said, short))
    return next(filter(None, lines), "")


def line_meant_by(text: str, commands: Collection[str]) -> str:
    """Return the line that a short text stands for; "" if it stands for none."""
    line = _phrase(_bare(text), commands)
    return line if line[:1] in ("", "%") else f"%nemotron {line}"


_SETTING = re.compile(
    r"(?:(?:set|change|config|switch|turn|use) )?(?:Nemotron\.)?([a-z][a-z _-]*?)"
    r"(?:\s*([=:])\s*| to | )(\S+)",
    re.IGNORECASE,
)
_SWITCHED = {"on": "true", "yes": "true", "off": "false", "no": "false"}


def _line_for_setting(said: str) -> str:
    """Return the line that sets what a text says is to be set, or ""."""
    found = _SETTING.fullmatch(said)
    typed = re.sub("[ -]", "_", found[1].lower()) if found else ""
    begun = [name for name in BY_NAME if len(typed) > 3 and name.startswith(typed)]
    name = typed if typed in BY_NAME else begun[0] if len(begun) == 1 else ""
    if found is None or not name or re.sub("[ -]", "_", said.lower()) in BY_NAME:
        return ""
    parameter, value = BY_NAME[name], found[3].strip("'\"")
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


def _line_for(said: str, commands: Collection[str]) -> str:
    if said.lower() in commands:
        return said.lower()
    found = ((re.fullmatch(p, said, re.IGNORECASE), line) for p, line in _PHRASES)
    return next((match.expand(line) for match, line in found if match), "")


def _synonym(word: str, commands: Collection[str]) -> str:
    """Return the command that a word is another name for, or ""."""
    name = "" if _ALONE.fullmatch(word) else _line_for(word, commands)
    return name if name in commands else ""


def _command(
    text: str, has_body: bool, commands: Mapping[str, Command]
) -> tuple[str, str]:
    """Return the command and its text; two empty strings if `text` is none."""
    word, colon, blank, rest = _split(text)
    if word in commands and (colon or not rest):
        return word, rest
    if has_body:
        return "", ""
    command = commands.get(word.lower())
    if command and (not rest or ((colon or blank) and command.is_followed_by(rest))):
        return word.lower(), rest
    said = _bare(text)
    if line := _phrase(said, commands):
        return (line if line in _HARMLESS else ""), ""
    word, colon, blank, rest = _split(said)
    name = _synonym(word, commands) if blank else ""
    is_one = name in _HARMLESS and commands[name].is_followed_by(rest)
    return (name, rest) if is_one else ("", "")


def _split(text: str) -> tuple[str, str, str, str]:
    """Return the first word, a colon behind it, the blanks there, and the rest."""
    found = re.match(r"([A-Za-z]*)(?:\s*(:))?([\s;|]*)(.*)", text, re.DOTALL)
    word, colon, blank, rest = found.groups("") if found else ("", "", "", text)
    return word, colon, blank, rest


def _meant(text: str, has_body: bool, commands: Mapping[str, Command]) -> str:
    """Return the line that a short text must be meant for, or ""."""
    said, slashed = text if has_body else _bare(text), _SLASHED.match(text)
    if not has_body and (line := _phrase(said, commands)):
        return line
    is_short = len(said.split()) <= _MOST_WORDS + 1 and not said.endswith("?")
    if is_short and not has_body and _SHELL.fullmatch(text):
        return text
    if slashed:
        word, rest = slashed[0][1:].lower(), text[slashed.end() :].strip()
        name = _synonym(word, commands) or suggest_command(word, commands)
        if name and looks_like_flag(rest):
            return _with_flags(name, rest, commands)
        if name:
            return _with_text(name, rest, commands)
        return "" if rest or has_body else "help"
    word, colon, blank, rest = _split(said)
    if word not in commands:
        name = _synonym(word, commands)
        if name and rest and commands[name].is_followed_by(rest):
            return f"{name}: {rest}"
        near = suggest_command(word.lower(), commands) if text[:1] == word[:1] else ""
        may_be = near and (blank or not rest) and not (colon and has_body)
        is_one = may_be and (colon or not rest or commands[near].is_followed_by(rest))
        return f"{near}{colon}{blank}{rest}" if is_one else ""
    if looks_like_flag(rest):
        return _with_flags(word, rest, commands)
    if word == "rows" and blank and has_body and _PATH.fullmatch(rest):
        return f"rows: {rest}"
    if not (blank or colon) or not is_short or has_body:
        return ""
    return _with_text(word, rest, commands)


def _with_flags(name: str, flags: str, commands: Mapping[str, Command]) -> str:
    """Return the line for a command that flags stand behind, or ""."""
    if flags in FLAG_OF["--help"].names:
        return f"help: {name}"
    if _is_all_flags(flags):
        return f"{flags} {name}"
    text = flags.lstrip("-")  # as other tools have it: --off
    return f"{name}: {text}" if commands[name].is_followed_by(text) else ""


def _short_form(text: str) -> str:
    """Return a text as a line to type has it: a long one is for the user to repeat."""
    return text if len(text) <= _MOST_SHOWN_CHARS else "…"


def _with_text(name: str, text: str, commands: Mapping[str, Command]) -> str:
    """Return the line in which a command takes a text, or as much of it as it can."""
    text, command = _short_form(text.lstrip(" -–—=:;|")), commands[name]
    if not text or command.is_followed_by(text):
        return f"{name}: {text}" if text else name
    if name in ("code", "preview"):
        return f"--{name} {text}"
    takes_text = command.takes.partition(",")[0].isupper()
    return f"{name}: {text}" if takes_text else name


def _is_all_flags(text: str) -> bool:
    try:
        return not FlagParser().take(text).strip()
    except InputError:
        return False


# What many a command of a shell takes, too: a question may end in it.
_OF_SHELLS = re.compile(r"--(?:all|file|help|out|quiet|strict)(?![\w-])")


_MOST_FLAGS_CHARS = 300


def _flags_behind(text: str) -> tuple[str, str]:
    """Return a question, and the flags behind it; two empty strings without any."""
    begin = max(0, len(text) - _MOST_FLAGS_CHARS)
    for found in re.compile(r"(\S)\s+(?=--?[A-Za-z])").finditer(text, begin):
        before, flags = text[: found.end(1)], text[found.end() :]
        is_ours = flags.startswith("--") and not _OF_SHELLS.match(flags)
        is_ours = is_ours and not re.search(r"(?:^|\s)--\w", before)
        if (is_ours or found[1] in ".!?") and _is_all_flags(flags):
            return before, flags.rstrip()
    return "", ""


def suggest_command(word: str, commands: Collection[str]) -> str:
    """Return the command that a word is but for one slip, or "".

    >>> suggest_command("fxi", ["fix"]), suggest_command("sox", ["fix"])
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


def _is_answer(text: str, reply: str) -> bool:
    """Return whether a short text may answer a reply: it asks, or has these words."""
    is_asked = re.search(r"\?\W*\Z", reply) and len(text.split()) == 1
    words = re.escape(text.strip())
    there = re.search(rf"(?<!\w){words}(?!\w)", reply, re.IGNORECASE)
    return bool(is_asked or there)


def _join(text: str, body: str | None) -> str:
    # IPython ends a cell's body with a newline of its own.
    body = (body or "").removesuffix("\n")
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
    """Return what may stand in place of `word` at the end of `text`, a cell so far."""
    above, _, line = text.rpartition("\n")
    found = _LINE_SO_FAR.fullmatch(line)
    is_elsewhere = above.lstrip().startswith("%%")
    if found is None or is_elsewhere or (found["cell"] and above):
        return []
    waiting: Flag | None = None
    for typed in _WORD.findall(found[2].removesuffix(word)):
        flag = FLAG_OF.get(typed.partition("=")[0])
        if waiting is not None:
            waiting = None
        elif flag is None:  # the question has begun
            names = FLAG_OF if word.startswith("-") else commands
            return _starting(names, word) if typed in ("help", "help:") else []
        # One whose value may be left out has it after a `=`.
        elif typed.endswith("=") or (
            flag.value[:1] not in ("", "[") and "=" not in typed
        ):
            waiting = flag
    if waiting is None:
        return _starting(FLAG_OF if word.startswith("-") else commands, word)
    if waiting.parameter is None:
        return []
    is_model = waiting.parameter.name == "model"
    return _starting(model_names() if is_model else waiting.parameter.suggestions, word)


def _starting(names: Iterable[str], word: str) -> list[str]:
    """Return those that start with `word`; if none does, those that hold it."""
    names = list(names)
    found = [name for name in names if name.startswith(word)]
    return sorted(found or [name for name in names if "/" in name and word in name])
