"""Find, keep and check the key of an endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nemotron_magic.core.endpoint import (
    Endpoint,
    Key,
    SecretMapping,
    secret_value,
    without_traceback,
)
from nemotron_magic.core.errors import AuthenticationError, InputError, NemotronError
from nemotron_magic.core.parameters import DEFAULT_BASE_URL
from nemotron_magic.core.settings import Settings

__all__ = [
    "BASE_VARIABLES",
    "KEY_VARIABLES",
    "Credentials",
    "KeyStore",
    "base_url_in",
    "check_key_rules",
    "find_key",
]


KEY_VARIABLES = ("AIMLAPI_API_KEY", "AIML_API_KEY", "AIMLAPI_KEY")
BASE_VARIABLES = ("AIMLAPI_API_BASE", "AIML_API_BASE")


def base_url_in(environ: Mapping[str, str]) -> str:
    """Return the base URL that the environment names, else the AI/ML API's."""
    found = (environ.get(name, "").strip() for name in BASE_VARIABLES)
    return next((url for url in found if url), DEFAULT_BASE_URL)


def find_key(
    endpoint: Endpoint,
    given: Mapping[str, Key],
    environ: Mapping[str, str],
    stored: Callable[[str], str | None],
) -> Key | None:
    """Return the key for `endpoint`, or None if there is none.

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
    return (
        None
        if endpoint.is_loopback
        else without_traceback(lambda: _stored(endpoint, stored))
    )


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
            hint="Use https://, or allow it: %config Nemotron.allow_http = True",
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
    return without_traceback(lambda: Key(environ[name], endpoint.origin, name))


def _key_variable(environ: Mapping[str, str]) -> str | None:
    """Return the name of the variable that holds a key, if one does."""
    return next((n for n in KEY_VARIABLES if environ.get(n, "").strip()), None)


def _environment_origin(environ: Mapping[str, str]) -> str:
    try:
        return Endpoint.read(base_url_in(environ)).origin
    except InputError:
        return ""


_SERVICE = "nemotron_magic"


class KeyStore:
    """Keys by origin; every failure of the store means that there is none.

    Parameters
    ----------
    backend : Any, optional
        An object with `get_password` and `set_password` as in `keyring`; without it,
        the backend that `keyring` chooses, if that library is installed.
    """

    def __init__(self, backend: Any = None) -> None:
        self._backend = backend
        self._known: dict[str, Callable[[int], str | None]] = {}

    def get(self, origin: str) -> str | None:
        """Return the key kept for `origin`; asked of the store only once."""
        if origin not in self._known:
            self._known[origin] = secret_value(
                self._try("get_password", _SERVICE, origin)
            )
        return self._known[origin](0)

    def set(self, origin: str, value: str) -> str:
        """Keep a key; return the name of the store, or "" if it could not be kept."""
        self._try("set_password", _SERVICE, origin, value)
        self._known.pop(origin, None)
        return self._name() if self.get(origin) == value else ""

    def _name(self) -> str:
        return str(getattr(self._find(), "name", type(self._find()).__name__))

    def _try(self, method: str, *arguments: str) -> str | None:
        # Backends are plug-ins and raise what they like: locked, no D-Bus, denied.
        try:
            value = getattr(self._find(), method)(*arguments)
        except Exception:
            return None
        return value if isinstance(value, str) else None

    def _find(self) -> Any:
        if self._backend is None:
            import keyring

            self._backend = keyring.get_keyring()
        return self._backend


class Credentials:
    """Finds endpoints and their keys.

    Parameters
    ----------
    environ : mapping
        The process's environment.
    keys : KeyStore
        The system's keyring.
    """

    def __init__(self, environ: Mapping[str, str], keys: KeyStore) -> None:
        self._environ = SecretMapping(environ)
        self._keys = keys
        self._given: dict[str, Key] = {}

    def endpoint(self, settings: Settings) -> Endpoint:
        """Return where questions go."""
        base_url = settings["base_url"]
        # Identity: a user who types the default URL means it.
        if base_url is DEFAULT_BASE_URL:
            base_url = base_url_in(self._environ)
        return Endpoint.read(base_url)

    def key(self, endpoint: Endpoint) -> Key | None:
        """Return the key for `endpoint`, if there is one."""
        return find_key(endpoint, self._given, self._environ, self._keys.get)

    def readable_key(self, settings: Settings) -> Key | None:
        """Return the key for where questions go; None also if it cannot be had."""
        try:
            return self.key(self.endpoint(settings))
        except NemotronError:
            return None

    def given_beside(self, key: Key | None) -> list[Key]:
        """Return the keys of this session but for `key`: those for other services."""
        return [one for one in self._given.values() if one is not key]

    def checked_key(self, endpoint: Endpoint, settings: Settings) -> Key | None:
        """Return the key for `endpoint`, as far as it may be sent there.

        Raises
        ------
        AuthenticationError
            If one is needed and there is none.
        InputError
            If it would be sent unencrypted.
        """
        key = self.key(endpoint)
        may_be_seen = bool(settings["allow_http"])
        check_key_rules(endpoint, key, may_be_seen, self._environ)
        return key

    def use(self, value: str, endpoint: Endpoint) -> Key:
        """Take a key for this session."""
        return self.use_asked(lambda: value, endpoint)

    def use_asked(self, ask: Callable[[], str], endpoint: Endpoint) -> Key:
        """Take a key for this session that nobody sees, whatever happens."""
        origin = endpoint.origin
        key = without_traceback(lambda: Key(ask(), origin, "this session"))
        self._given[origin] = key
        return key

    def forget(self, endpoint: Endpoint, before: Key | None) -> None:
        """Go back to the key that was there `before` one was given."""
        self._given.pop(endpoint.origin, None)
        if before is not None:
            self._given[endpoint.origin] = before

    def keep(self, key: Key) -> str:
        """Keep a key for good; return the name of the store, "" if there is none."""
        self._given[key.origin] = key
        return without_traceback(
            lambda: self._keys.set(key.origin, key.reveal_to(key.origin) or "")
        )
