"""Taking secrets out of what is sent, wherever in it they stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from nemotron_magic.context.prompt import frame
from nemotron_magic.context.redact import Redactor, given_away
from nemotron_magic.key import Key, Unshown
from nemotron_magic.parameters import BY_NAME
from nemotron_magic.reply import Message
from nemotron_magic.settings import Settings
from nemotron_magic.unseen import sealed, unseen

__all__ = ["KeySource", "RedactedRequest", "Sealing"]

_SHORTEST_ELSEWHERE = 8
_MOST_GIVEN = 1_000


class KeySource(Protocol):
    """Where the keys are that no message may hold."""

    def readable_key(self, settings: Settings) -> Key | None:
        """Return the key for where questions go; None also if it cannot be read."""

    def given_beside(self, key: Key | None) -> list[Key]:
        """Return the keys of this session but for `key`."""


@dataclass(frozen=True, slots=True)
class RedactedRequest:
    """A whole request without the secrets in it.

    Attributes
    ----------
    fields : mapping
        The fields of the body beside the messages.
    found : tuple of str
        The kind of each secret that was taken out.
    """

    messages: tuple[Message, ...]
    fields: Mapping[str, Any]
    found: tuple[str, ...] = ()


class Sealing:
    """Takes secrets out of requests: the key, and what redaction finds.

    Parameters
    ----------
    environ : mapping
        The process's environment, whose secret-looking values are secrets.
    held : callable
        Gives the secrets that variables of the user's hold, each with its kind.
    """

    def __init__(
        self,
        access: KeySource,
        environ: Mapping[str, str],
        held: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._access = access
        self._held = held
        self._environ = Unshown(environ)
        self._redactor = Redactor(self._environ)
        given: dict[str, str] = {}
        self._given = sealed(given)
        self._hidden: list[Callable[[int], str]] = []

    def hide(self, secret: str) -> None:
        """Take `secret` out of every message from now on, wherever it stands."""
        self._hidden.append(sealed(secret))

    def redact(
        self, messages: Sequence[Message], settings: Settings
    ) -> RedactedRequest:
        """Return the whole request, without the secrets in it.

        What was redacted before may come again.
        """
        fields = settings.parameters()
        if not settings["redact"]:
            return RedactedRequest(tuple(messages), fields)
        key = self._access.readable_key(settings)
        texts = [frame(message["content"]) for message in messages]
        # Known by its name in one place, a secret goes from every other.
        unseen(lambda: self._note(one for pieces in texts for one in pieces[::2]))
        redactor = self._redactor_with(key)
        found: list[str] = []

        def clean(text: str) -> str:
            masked = key.redact(text) if key else text
            found.extend(["key"] * (masked != text))
            redacted = redactor.redact(masked)
            found.extend(finding.kind for finding in redacted.found)
            return redacted.text

        told: list[Message] = []
        for message, pieces in zip(messages, texts, strict=True):
            # Our own delimiters stand between: they must stay, whatever is taken out.
            pieces[::2] = map(clean, pieces[::2])
            told.append({**message, "content": "".join(pieces)})
        fields = {
            name if name in BY_NAME else clean(name): (
                value if name == "model" else _cleaned(value, name, clean)
            )
            for name, value in fields.items()
        }
        return RedactedRequest(tuple(told), fields, tuple(found))

    def _note(self, texts: Iterable[str]) -> None:
        """Remember what telling names give away."""
        given: dict[str, str] = self._given(0)
        for text in texts:
            given.update(given_away(text))
        for oldest in list(given)[:-_MOST_GIVEN]:
            given.pop(oldest, None)

    def _redactor_with(self, key: Key | None) -> Redactor:
        """Give what knows the secrets of now, the key in all its forms among them."""

        def exact() -> Iterator[str]:
            own = [] if key is None else [key]
            others = self._access.given_beside(key)
            hidden = (reveal(0) for reveal in self._hidden)
            return chain(_values(own), filter(_is_telling, _values(others)), hidden)

        held = unseen(lambda: sealed({**self._given(0), **self._held()}))
        # Not read again: another call may have put its own there meanwhile.
        redactor = self._redactor
        if not unseen(lambda: redactor.is_for(self._environ, exact(), held(0))):
            redactor = unseen(lambda: Redactor(self._environ, exact(), held(0)))
            self._redactor = redactor
        return redactor


def _cleaned(value: Any, name: str, clean: Callable[[str], str]) -> Any:
    """Return a JSON value with every text in it cleaned, names of fields among them.

    Parameters
    ----------
    name : str
        Of the field that it is the value of: a telling one gives a secret away.
    """
    if isinstance(value, Mapping):
        return {
            one if one in _WORDS else clean(one): _cleaned(of_it, one, clean)
            for one, of_it in zip(map(str, value), value.values(), strict=True)
        }
    if isinstance(value, list | tuple):
        return [_cleaned(one, name, clean) for one in value]
    if isinstance(value, str):
        if name in _WORDS and value in _WORDS:
            return value
        value = clean(value)
    elif isinstance(value, bool) or value is None or name in BY_NAME:
        return value
    pair = json.dumps({name: value}, ensure_ascii=False)
    cleaned = clean(pair)
    if cleaned == pair:
        return value
    try:
        (value,) = json.loads(cleaned).values()
    except ValueError:
        return "[redacted]"
    return value


_PROTOCOL = """
type tool_choice function name description parameters strict properties required
items enum
additionalProperties anyOf oneOf allOf default title format const
object string number integer boolean array null
auto none text json_object json_schema schema regex grammar content
role system user assistant tool developer effort minimal low medium high
"""
"""Words of the protocol, which stay: between themselves they say nothing of anyone."""

_WORDS = frozenset(_PROTOCOL.split())


def _values(keys: Sequence[Key]) -> Iterator[str]:
    return (key.reveal_to(key.origin) or "" for key in keys)


def _is_telling(value: str) -> bool:
    """Tell a key from the word that a server on this machine takes for one."""
    return len(value) >= _SHORTEST_ELSEWHERE
