"""The key to a service: found, held and never shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import AuthenticationError, InputError
from nemotron_magic.parameters import DEFAULT_BASE_URL
from nemotron_magic.unseen import sealed, unseen

__all__ = [
    "BASE_VARIABLES",
    "KEY_VARIABLES",
    "Key",
    "Unshown",
    "base_url_in",
    "check_key_rules",
    "find_key",
]

KEY_VARIABLES = ("AIMLAPI_API_KEY", "AIML_API_KEY", "AIMLAPI_KEY")
BASE_VARIABLES = ("AIMLAPI_API_BASE", "AIML_API_BASE")


class Key:
    """A key, bound to the one origin that may see it.

    It has no readable repr or str and refuses to be pickled or copied into a text: the
    value leaves only through `reveal_to`.

    Parameters
    ----------
    value : str
        Blanks around it are dropped.
    origin : str
        The `Endpoint.origin` it belongs to.
    source : str
        Where it was found, in words.

    Raises
    ------
    AuthenticationError
        If it is empty, or holds a blank or a character outside ASCII.
    """

    __slots__ = ("_reveal", "origin", "source")

    def __init__(self, value: str, origin: str, source: str) -> None:
        value = value.strip()
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise AuthenticationError(
                f"the key in {source} is {_fault(value)}",
                "a key is a run of plain ASCII characters",
                "Copy it again, then: %nemotron login",
            )
        self._reveal = sealed(value)
        self.origin = origin
        self.source = source

    def reveal_to(self, origin: str) -> str | None:
        """Give the key, if `origin` is the one it belongs to."""
        return self._reveal(0) if origin == self.origin else None

    def redact(self, text: str) -> str:
        """Give `text` without the key, wherever it stands in it."""
        return text.replace(self._reveal(0), "[key]")

    def begun_in(self, text: str) -> int:
        """Count the characters at the end of `text` that may begin the key."""
        reveal = self._reveal
        if reveal(0)[0] not in text:
            return 0
        longest = min(len(reveal(0)) - 1, len(text))
        sizes = range(longest, 0, -1)
        return next((n for n in sizes if text.endswith(reveal(0)[:n])), 0)

    def __repr__(self) -> str:
        return f"<key from {self.source} for {self.origin}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not written anywhere")


class Unshown(Mapping[str, str]):
    """An environment to look names up in, with nothing to be seen from outside.

    A verbose traceback or `vars` prints what objects hold, and the process's
    environment holds keys.
    """

    __slots__ = ("_reveal",)

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._reveal = sealed(environ)

    def __getitem__(self, name: str) -> str:
        return self._reveal(0)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._reveal(0))

    def __len__(self) -> int:
        return len(self._reveal(0))

    def __repr__(self) -> str:
        return "<environment>"


def _fault(value: str) -> str:
    if not value:
        return "empty"
    strange = next((c for c in value if not c.isascii() or not c.isprintable()), " ")
    return f"malformed: it holds {strange!r} (U+{ord(strange):04X})"


def base_url_in(environ: Mapping[str, str]) -> str:
    """Give the base URL that the environment names, else the AI/ML API's."""
    found = (environ.get(name, "").strip() for name in BASE_VARIABLES)
    return next((url for url in found if url), DEFAULT_BASE_URL)


def find_key(
    endpoint: Endpoint,
    given: Mapping[str, Key],
    environ: Mapping[str, str],
    stored: Callable[[str], str | None],
) -> Key | None:
    """Give the key for `endpoint`, or None if there is none.

    Looked for in this order: given in this session, the environment, the system's
    keyring. A key in the environment belongs to the base URL in the environment, so
    that a changed `base_url` never sends it to another host.

    Parameters
    ----------
    given : mapping
        Keys of this session by origin.
    stored : callable
        Given an origin, the key that the system's keyring holds for it, or None.
    """
    if endpoint.origin in given:
        return given[endpoint.origin]
    found = _in_environment(endpoint, environ)
    if found:
        return found
    return None if endpoint.is_loopback else unseen(lambda: _stored(endpoint, stored))


def _stored(endpoint: Endpoint, stored: Callable[[str], str | None]) -> Key | None:
    value = stored(endpoint.origin)
    return Key(value, endpoint.origin, "the keyring") if value else None


def check_key_rules(
    endpoint: Endpoint, key: Key | None, allow_http: bool, environ: Mapping[str, str]
) -> None:
    """Refuse to send without the key that is needed, or to send it in clear.

    Raises
    ------
    AuthenticationError
        If the service is not on this machine and there is no key for it.
    InputError
        If the key would go over http:// to another machine.
    """
    if endpoint.is_loopback:
        return
    if key is None:
        raise AuthenticationError(
            f"no key for {endpoint.netloc}",
            _where_looked(environ),
            "Give one: %nemotron login   Or try without: %nemotron rehearse",
        )
    if not endpoint.is_encrypted and not allow_http:
        raise InputError(
            f"the key would go to {endpoint.netloc} unencrypted",
            todo="Use https://, or allow it: %config Nemotron.allow_http = True",
        )


def _where_looked(environ: Mapping[str, str]) -> str:
    name = _key_variable(environ)
    if name is None:
        return f"looked in this session, {KEY_VARIABLES[0]} and the system's keyring"
    owner = _environment_origin(environ) or "no usable base URL"
    return f"the key in {name} is for {owner} and goes nowhere else"


def _in_environment(endpoint: Endpoint, environ: Mapping[str, str]) -> Key | None:
    name = _key_variable(environ)
    if name is None or endpoint.origin != _environment_origin(environ):
        return None
    return unseen(lambda: Key(environ[name], endpoint.origin, name))


def _key_variable(environ: Mapping[str, str]) -> str | None:
    """Give the name of the variable that holds a key, if one does."""
    return next((n for n in KEY_VARIABLES if environ.get(n, "").strip()), None)


def _environment_origin(environ: Mapping[str, str]) -> str:
    try:
        return Endpoint.read(base_url_in(environ)).origin
    except InputError:
        return ""
