"""What was typed after `%nemotron`: flags, then a command or the user's own words.

Flags come first. The first token that is no flag starts the question, and from there
every byte is the user's. A lone word that names a command is one; with a text it takes
a colon (`reset`, `rehearse: off`).
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from nemotron_magic.errors import InputError
from nemotron_magic.flags import FLAG_OF, Flag
from nemotron_magic.meant import command_meant, flag_meant, is_slip
from nemotron_magic.parameters import BY_NAME, Parameter

__all__ = ["Invocation", "parse"]

_FLAG = re.compile(r"--?[A-Za-z]")
_QUOTED = {'"': re.compile(r'"((?:[^"\\]|\\.)*)"'), "'": re.compile(r"'([^']*)'")}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_KEY_FLAGS = ("--key", "--api-key", "--api_key", "--token", "--apikey")
_RESERVED = {
    "messages": "Type the question; the instruction before it is set with --system",
    "model": "Choose one with: %nemotron --model NAME …",
}


@dataclass(frozen=True, slots=True)
class Invocation:
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


def parse(line: str, body: str | None, commands: Collection[str]) -> Invocation:
    """Read what stands after `%nemotron`, and below `%%nemotron`.

    Parameters
    ----------
    line : str
        The rest of the line.
    body : str or None
        The lines below, for the cell form. Flags are not looked for in it.

    Raises
    ------
    InputError
        If a flag is unknown, has a bad value or none, or a command is misspelt.
    """
    collected = _Collected()
    rest = collected.take_flags(line)
    command, text = "", rest
    if not collected.ended_by_hand:
        command, text = _command(rest, commands)
    if not command:
        return collected.invocation("", _join(rest, body))
    return collected.invocation(command, text, (body or "").removesuffix("\n"))


class _Collected:
    """Flags read so far."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.others: dict[str, Any] = {}
        self.ended_by_hand = False

    def take_flags(self, line: str) -> str:
        """Take the flags off the front of `line`; give the rest, untouched."""
        rest = line.lstrip()
        while _FLAG.match(rest):
            rest = self._take(*_token(rest))
        end = re.match(r"--(\s|$)", rest)
        self.ended_by_hand = end is not None
        return rest[end.end() :] if end else rest

    def invocation(self, command: str, text: str, cell: str = "") -> Invocation:
        return Invocation(
            self.values,
            self.extra,
            command=command,
            text=text,
            cell=cell,
            **self.others,
        )

    def _take(self, token: _Token, rest: str) -> str:
        name, equals, value = token.text.partition("=")
        as_typed = token.as_typed.partition("=")[2]
        flag = FLAG_OF.get(name)
        if flag is None:
            raise _unknown_flag(name)
        if flag.parameter and flag.parameter.bare and not equals:
            self._set(flag, flag.parameter.bare, "")
            return rest
        if not flag.value:
            if equals:
                raise InputError(
                    f"{name} takes no value", todo=f"Type it alone: %nemotron {name} …"
                )
            self._set(flag, "", "")
            return rest
        if not equals:
            if not rest or _is_flag(rest):
                raise InputError(
                    f"{name} needs a value, and none stands behind it",
                    todo=f"Type: %nemotron {name} {flag.value} …",
                )
            token, rest = _token(rest)
            value, as_typed = token.text, token.as_typed
        self._set(flag, value, as_typed)
        return rest

    def _set(self, flag: Flag, value: str, as_typed: str) -> None:
        if flag.parameter is not None:
            self._set_parameter(flag.parameter, flag.names[-1], value)
        elif flag.value == "KEY=VALUE":
            self._set_field(value, as_typed)
        elif flag.value == "NAME":
            self.others["out"] = _variable(value)
        elif flag.value == "PATH":
            self.others["files"] = (*self.others.get("files", ()), value)
        elif flag.value == "THREAD":
            self.others["thread"] = _thread(value)
        else:
            self.others[flag.names[-1].removeprefix("--")] = True

    def _set_parameter(self, parameter: Parameter, name: str, value: str) -> None:
        if parameter.kind == "boolean":
            self.values[parameter.name] = not name.startswith("--no-")
            return
        if parameter.kind == "texts":
            value_list = [*self.values.get(parameter.name, []), value]
            self.values[parameter.name] = parameter.check(value_list)
            return
        self.values[parameter.name] = parameter.parse(value)

    def _set_field(self, text: str, as_typed: str) -> None:
        key, equals, value = text.partition("=")
        if as_typed.startswith((f"{key}={{", f"{key}=[")):
            # JSON needs its quotes, which a shell would take away.
            value = as_typed.partition("=")[2]
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", key):
            raise InputError(
                f"-p needs KEY=VALUE, got {text[:60]}", todo="Such as: -p logprobs=true"
            )
        if key in _RESERVED:
            raise InputError(f"-p cannot set {key}", todo=_RESERVED[key])
        parameter = BY_NAME.get(key)
        if parameter is None:
            self.extra[key] = Parameter(key, "json", "").parse(value)
        elif not parameter.sent:
            raise InputError(
                f"{key} is no field of the request",
                todo=f"Set it with: %config Nemotron.{key} = …",
            )
        elif parameter.kind == "texts":
            self.values[key] = parameter.check(_list_or_text(value))
        else:
            self.values[key] = parameter.parse(value)


def _list_or_text(text: str) -> Any:
    return Parameter("stop", "json", "").parse(text)


def _is_flag(text: str) -> bool:
    """Tell a flag from a value that starts with a hyphen, such as -1."""
    return re.split(r"[\s=]", text, maxsplit=1)[0] in FLAG_OF


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    as_typed: str


def _token(text: str) -> tuple[_Token, str]:
    """Take one token off, with shell quotes; give it and the rest after blanks."""
    parts: list[str] = []
    at = 0
    while at < len(text) and not text[at].isspace():
        quoted = _QUOTED[text[at]].match(text, at) if text[at] in _QUOTED else None
        opens = text[at] in _QUOTED and (at == 0 or text[at - 1] == "=")
        if opens and not quoted:
            raise InputError(
                f"a quote is not closed: {text[at : at + 40]}",
                todo=f"End the value of the flag with {text[at]}, before the question",
            )
        if quoted:
            plain = quoted[1]
            parts.append(_ESCAPED.sub(r"\1", plain) if text[at] == '"' else plain)
            at = quoted.end()
        else:
            parts.append(text[at])
            at += 1
    return _Token("".join(parts), text[:at]), text[at:].lstrip()


def _unknown_flag(name: str) -> InputError:
    if name in _KEY_FLAGS:
        return InputError(
            "a key is never typed into a cell: it would be saved with the notebook",
            todo="Give it with: %nemotron login",
        )
    near = flag_meant(name, FLAG_OF)
    guess = f"Did you mean {near}? " if near else ""
    return InputError(
        f"there is no flag {name}",
        todo=f"{guess}If it belongs to the question, put -- before it",
    )


def _thread(name: str) -> str:
    if not name.strip():
        raise InputError("--thread needs a name", todo="Such as: %nemotron -T draft …")
    return name.strip()


def _variable(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(
            f"--out needs the name of a variable, got {name[:60]}",
            todo="Such as: %nemotron -o answer …",
        )
    return name


def _command(text: str, commands: Collection[str]) -> tuple[str, str]:
    """Give the command and its text; two empty strings if `text` is a question."""
    match = re.match(r"([A-Za-z]+)(:?)(\s*)", text)
    word, colon, blank = match.groups() if match else ("", "", "")
    rest = text[match.end() :] if match else ""
    if word in commands and not colon and _FLAG.match(rest):
        _refuse_late_flags(word, rest)
    if not word or (rest and not colon):
        return "", ""
    if word in commands:
        return word, rest
    near = command_meant(word.lower(), commands)
    if near and (not rest or (blank and is_slip(word.lower(), near))):
        raise InputError(
            f"there is no command {word}",
            todo=f"Did you mean {near}{colon}? To ask it, put -- before it",
        )
    return "", ""


def _refuse_late_flags(command: str, rest: str) -> None:
    """Refuse a command with nothing but flags behind it: it is no question."""
    try:
        is_all = not _Collected().take_flags(rest).strip()
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
