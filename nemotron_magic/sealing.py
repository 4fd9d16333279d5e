"""Taking secrets out of what is sent, wherever in it they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from nemotron_magic.access import Access
from nemotron_magic.context.prompt import frame
from nemotron_magic.context.redact import Redactor
from nemotron_magic.key import Key, Unshown
from nemotron_magic.reply import Message
from nemotron_magic.settings import Settings
from nemotron_magic.turns import Asked
from nemotron_magic.unseen import sealed

__all__ = ["Sealing"]

_SHORTEST_ELSEWHERE = 8


class Sealing:
    """Takes secrets out of messages: the key, and what redaction finds.

    Parameters
    ----------
    environ : mapping
        The process's environment, whose secret-looking values are secrets.
    """

    def __init__(self, access: Access, environ: Mapping[str, str]) -> None:
        self._access = access
        self._environ = Unshown(environ)
        self._redactor = Redactor(self._environ)
        self._hidden: list[Callable[[int], str]] = []

    def hide(self, secret: str) -> None:
        """Take `secret` out of every message from now on, wherever it stands."""
        self._hidden.append(sealed(secret))

    def sealed(self, asked: Asked, settings: Settings) -> Asked:
        """Take secrets out of every message; what was sealed before may come again."""
        if not settings["redact"]:
            return asked
        key = self._access.readable_key(settings)
        redactor = self._redactor_with(key)
        found: list[str] = []
        told: list[Message] = []
        for message in asked.told:
            pieces = frame(message["content"])
            # Our own delimiters stand between: they must stay, whatever is taken out.
            for number in range(0, len(pieces), 2):
                masked = key.redact(pieces[number]) if key else pieces[number]
                found += ["key"] * (masked != pieces[number])
                clean = redactor.redact(masked)
                found += [finding.kind for finding in clean.found]
                pieces[number] = clean.text
            told.append({**message, "content": "".join(pieces)})
        before = asked.attached.redacted
        attached = replace(asked.attached, redacted=(*before, *found))
        return replace(asked, told=tuple(told), attached=attached)

    def _redactor_with(self, key: Key | None) -> Redactor:
        """Give what knows the secrets of now, the key in all its forms among them."""

        def exact() -> Iterator[str]:
            own = [] if key is None else [key]
            others = self._access.given_beside(key)
            hidden = (reveal(0) for reveal in self._hidden)
            return chain(_values(own), filter(_is_telling, _values(others)), hidden)

        # Not read again: another call may have put its own there meanwhile.
        redactor = self._redactor
        if not redactor.is_for(self._environ, exact()):
            self._redactor = redactor = Redactor(self._environ, exact())
        return redactor


def _values(keys: Sequence[Key]) -> Iterator[str]:
    return (key.reveal_to(key.origin) or "" for key in keys)


def _is_telling(value: str) -> bool:
    """Tell a key from the word that a server on this machine takes for one."""
    return len(value) >= _SHORTEST_ELSEWHERE
