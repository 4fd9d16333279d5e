"""Parse what follows `%nemotron`: flags, then a command or a question.

Flags come first. The first token that is no flag starts the question, and from there
every byte is the user's. A lone word that names a command is one; with a text it takes
a colon (`reset`, `rehearse: off`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from nemotron_magic.core.errors import InputError
from nemotron_magic.magics.flags import (
    FlagParser,
    is_typo,
    looks_like_flag,
    refuse_key,
    suggest_command,
)

__all__ = [
    "ParsedMagic",
    "parse",
]


@dataclass(frozen=True, slots=True)
class ParsedMagic:
    """A parsed line or cell.

    Attributes
    ----------
    values, extra : mapping
        Settings of this call, and further fields of the request.
    out : str
        Name of the variable that gets the reply; empty for none.
    files : tuple of str
        Paths of files to attach.
    notebook : bool
        Whether to attach the saved notebook.
    thread : str
        Name of the conversation; empty for the notebook's own.
    fresh : bool
        Whether to leave the earlier turns out.
    preview : bool
        Whether to show what would be sent instead of sending it.
    code : bool
        Whether to put the reply's code into the next cell.
    replace : bool
        Whether that cell takes the place of the one that asks.
    command : str
        Empty for a question.
    text : str
        The question, or what stood after the command's colon.
    cell : str
        What stood below a command; the lines below a question are part of it.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    out: str = ""
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
    commands: Collection[str],
    hide: Callable[[str], None] = lambda key: None,
) -> ParsedMagic:
    """Read what stands after `%nemotron`, and below `%%nemotron`.

    Parameters
    ----------
    line : str
        The rest of the line.
    body : str or None
        The lines below, for the cell form. Flags are not looked for in it.
    hide : callable
        Called with each key that was typed, before it is refused.

    Raises
    ------
    InputError
        If a flag is unknown, has a bad value or none, a command is misspelt, or a key
        stands where a question belongs.
    """
    flags = FlagParser(hide)
    rest = flags.take(line)
    refuse_key(str(flags.values.get("system") or ""), hide)
    refuse_key(_join(rest, body), hide, flags.ended_by_hand)
    command, text = ("", rest) if flags.ended_by_hand else _command(rest, commands)
    if body is None and rest.strip() == "?" and not flags.ended_by_hand:
        command, text = "help", ""  # as behind any other name
    if command:
        refuse_key(text, hide, by_hand=True)
        cell = (body or "").removesuffix("\n")
    else:
        text, cell = _join(rest, body), ""
    return ParsedMagic(
        flags.values,
        flags.extra,
        command=command,
        text=text,
        cell=cell,
        **flags.others,
    )


def _command(text: str, commands: Collection[str]) -> tuple[str, str]:
    """Return the command and its text; two empty strings if `text` is a question."""
    match = re.match(r"([A-Za-z]+)(:?)(\s*)", text)
    word, colon, blank = match.groups() if match else ("", "", "")
    rest = text[match.end() :] if match else ""
    if word in commands and not colon and looks_like_flag(rest):
        _refuse_late_flags(word, rest)
    if not word or (rest and not colon):
        return "", ""
    if word in commands:
        return word, rest
    near = suggest_command(word.lower(), commands)
    if near and (not rest or (blank and is_typo(word.lower(), near))):
        raise InputError(
            f"there is no command {word}",
            hint=f"Did you mean {near}{colon}? To ask it, put -- before it",
        )
    return "", ""


def _refuse_late_flags(command: str, rest: str) -> None:
    """Refuse a command with nothing but flags behind it: it is no question."""
    try:
        is_all = not FlagParser().take(rest).strip()
    except InputError:
        return
    if is_all:
        raise InputError(
            f"what stands behind {command} would be a question",
            f"Flags come first: %nemotron {rest.strip()} {command}",
            "To ask it, put -- before it",
        )


def _join(text: str, body: str | None) -> str:
    if body is None:
        return text
    # IPython ends a cell's body with a newline of its own.
    body = body.removesuffix("\n")
    return f"{text}\n{body}" if text and body else text or body
