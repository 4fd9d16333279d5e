"""The flags at the front of what was typed, with their values read and checked."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nemotron_magic.errors import InputError
from nemotron_magic.flags import FLAG_OF, Flag
from nemotron_magic.meant import flag_meant
from nemotron_magic.parameters import BY_NAME, Parameter
from nemotron_magic.typed_key import never_typed, refuse_key

__all__ = ["TypedFlags", "looks_like_flag"]

_FLAG = re.compile(r"--?[A-Za-z]")
_QUOTED = {'"': re.compile(r'"((?:[^"\\]|\\.)*)"'), "'": re.compile(r"'([^']*)'")}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_KEY_FLAGS = ("--key", "--api-key", "--api_key", "--token", "--apikey")
_TAKEN = {*dir(builtins), "In", "Out", "get_ipython", "exit", "quit", "display"}
# What IPython and we keep there: _, _12, _i3, _oh, _exit_code, __name__, _nemotron.
_OF_THE_SHELL = re.compile(
    r"_{1,3}|_\d+|_i{1,3}|_i\d+|_[iods]h|_exit_code|__\w+__|_nemotron"
)
_RESERVED = {
    "messages": "Type the question; the instruction before it is set with --system",
    "model": "Choose one with: %nemotron --model NAME …",
}


def looks_like_flag(text: str) -> bool:
    """Tell whether a text begins as flags do, whether or not there is such a one."""
    return _FLAG.match(text) is not None


class TypedFlags:
    """Flags taken off the front of lines so far.

    Parameters
    ----------
    hide : callable
        Called with the value of a flag that would hold a key, before it is refused.

    Attributes
    ----------
    values, extra : dict
        Settings of this call, and further fields of the request.
    others : dict
        What is no setting, by the names that `Invocation` has for it.
    ended_by_hand : bool
        Whether `--` stood behind the last line's flags.
    """

    def __init__(self, hide: Callable[[str], None] = lambda key: None) -> None:
        self._hide = hide
        self.values: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.others: dict[str, Any] = {}
        self.ended_by_hand = False

    def take(self, line: str) -> str:
        """Take the flags off the front of `line`; give the rest, untouched.

        Raises
        ------
        InputError
            If one is unknown, or has a bad value or none.
        """
        rest = line.lstrip()
        while looks_like_flag(rest):
            rest = self._taken(*_token(rest))
        end = re.match(r"--(\s|$)", rest)
        self.ended_by_hand = end is not None
        return rest[end.end() :] if end else rest

    def _taken(self, token: _Token, rest: str) -> str:
        name, equals, value = token.text.partition("=")
        as_typed = token.as_typed.partition("=")[2]
        flag = FLAG_OF.get(name)
        if name in _KEY_FLAGS:
            refuse_key(f"key {value or _token(rest)[0].text}", self._hide)
            raise never_typed()
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
        name = flag.names[-1]
        if flag.parameter is not None:
            self._set_parameter(flag.parameter, name, value)
        elif name == "-p":
            self._set_field(value, as_typed)
        elif name == "--file":
            self.others["files"] = (*self.others.get("files", ()), value)
        elif name in _READERS:
            self.others[name.removeprefix("--")] = _READERS[name](value)
        else:
            self.others[name.removeprefix("--")] = True

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
    name = unicodedata.normalize("NFKC", name)  # as Python reads it
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(
            f"--out needs the name of a variable, got {name[:60]}",
            todo="Such as: %nemotron -o answer …",
        )
    if name in _TAKEN or _OF_THE_SHELL.fullmatch(name):
        raise InputError(
            f"--out cannot be {name[:60]}: Python or IPython uses that name itself",
            "nothing was sent",
            "Take another: %nemotron -o answer …",
        )
    return name


_READERS = {"--out": _variable, "--thread": _thread}
