"""Find, keep and check the key of an endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

KEY_VARIABLES = ("AIMLAPI_API_KEY", "AIML_API_KEY", "AIMLAPI_KEY")
BASE_VARIABLES = ("AIMLAPI_API_BASE", "AIML_API_BASE")


class KeyStore:
    """Keys by origin; if the store fails in any way, it has none.

    `backend` is one of `keyring`; without it, the one that `keyring` chooses.
    """

    def __init__(self, backend: Any = None) -> None:
        self._backend = backend
        self._known: dict[str, Callable[[int], str | None]] = {}

    def get(self, origin: str) -> str | None:
        """Return the key kept for `origin`; asked of the store only once."""
        if origin not in self._known:
            self._known[origin] = secret_value(self._try("get_password", origin))
        return self._known[origin](0)

    def set(self, origin: str, value: str) -> str:
        """Keep a key; return the name of the store, or "" if it could not be kept."""
        self._try("set_password", origin, value)
        backend = self._find()
        name = str(getattr(backend, "name", type(backend).__name__))
        return name if self.get(origin) == value else ""

    def delete(self, origin: str) -> bool:
        """Delete the key kept for `origin`; return whether none is kept now."""
        self._try("delete_password", origin)
        return self.get(origin) is None

    def _try(self, method: str, origin: str, *value: str) -> str | None:
        # Backends are plug-ins and raise what they like: locked, no D-Bus, denied.
        try:
            found = getattr(self._find(), method)("nemotron_magic", origin, *value)
        except Exception:
            found = None
        self._known.pop(origin, None)  # only now: another thread may have looked it up
        return found if isinstance(found, str) else None

    def _find(self) -> Any:
        if self._backend is None:
            import keyring

            self._backend = keyring.get_keyring()
        return self._backend


class Credentials:
    """Finds endpoints and their keys."""

    def __init__(self, environ: Mapping[str, str], keys: KeyStore) -> None:
        self._environ = SecretMapping(environ)
        self._keys = keys
        self._keys_of_session: dict[str, Key] = {}

    def endpoint(self, settings: Settings) -> Endpoint:
        """Return where questions go: the setting, the environment or the AI/ML API."""
        base_url = settings["base_url"]
        if base_url is DEFAULT_BASE_URL:  # a user who types it means it
            base_url = self._environment_url()
        return Endpoint.read(base_url)

    def key(self, endpoint: Endpoint) -> Key | None:
        """Return the key given in this session, the environment's or the keyring's.

        A key in the environment belongs to the base URL in the environment, so that a
        changed `base_url` never sends it to another host.
        """
        origin, name = endpoint.origin, self._variable(KEY_VARIABLES)
        if origin in self._keys_of_session:
            return self._keys_of_session[origin]
        if name and origin == self._environment_origin():
            return without_traceback(lambda: Key(self._environ[name], origin, name))
        if endpoint.is_loopback:
            return None

        def stored() -> Key | None:
            value = self._keys.get(origin)
            return Key(value, origin, "the keyring") if value else None

        return without_traceback(stored)

    def checked_key(self, endpoint: Endpoint, settings: Settings) -> Key | None:
        """Return the key for `endpoint`, if it may be sent there.

        Another machine needs one (AuthenticationError) and https:// (InputError).
        """
        key = self.key(endpoint)
        if endpoint.is_loopback:
            return key
        if key is None:
            page = endpoint.key_page
            make = f"Make one at {page}, then type: " if page else "Give one: "
            raise AuthenticationError(
                f"no key for {endpoint.netloc}",
                self._where_looked(),
                f"{make}%nemotron login   Or try without: %nemotron rehearse",
            )
        if endpoint.origin.startswith("http:") and not settings["allow_http"]:
            raise InputError(
                f"the key would go to {endpoint.netloc} unencrypted",
                hint="Use https://, or allow it: %config Nemotron.allow_http = True",
            )
        return key

    def readable_key(self, settings: Settings) -> Key | None:
        """Return the key for where questions go; None also if it cannot be had."""
        try:
            return self.key(self.endpoint(settings))
        except NemotronError:
            return None

    def given_beside(self, key: Key | None) -> list[Key]:
        """Return the keys of this session but for `key`: those for other services."""
        return [one for one in self._keys_of_session.values() if one is not key]

    def use(self, ask: Callable[[], str], endpoint: Endpoint) -> Key:
        """Use the key that `ask` returns in this session; nobody sees it."""
        origin = endpoint.origin
        key = without_traceback(lambda: Key(ask(), origin, "this session"))
        self._keys_of_session[origin] = key
        return key

    def restore(self, endpoint: Endpoint, before: Key | None) -> None:
        """Go back to the key that was there `before` one was given."""
        if before is not None:
            self._keys_of_session[endpoint.origin] = before
        else:
            self._keys_of_session.pop(endpoint.origin, None)

    def keep(self, key: Key) -> str:
        """Keep a key for good; return the name of the store, "" without one."""
        at = key.origin
        self._keys_of_session[at] = key
        return without_traceback(lambda: self._keys.set(at, key.reveal_to(at) or ""))

    def forget(self, endpoint: Endpoint) -> bool:
        """Forget the key of a service; return whether the keyring has none now."""
        self._keys_of_session.pop(endpoint.origin, None)
        return without_traceback(lambda: self._keys.delete(endpoint.origin))

    def _variable(self, names: Sequence[str]) -> str:
        """Return the first of some environment variables that is set, or nothing."""
        return next((n for n in names if self._environ.get(n, "").strip()), "")

    def _environment_url(self) -> str:
        name = self._variable(BASE_VARIABLES)
        return self._environ[name].strip() if name else DEFAULT_BASE_URL

    def _environment_origin(self) -> str:
        try:
            return Endpoint.read(self._environment_url()).origin
        except InputError:
            return ""

    def _where_looked(self) -> str:
        if name := self._variable(KEY_VARIABLES):
            owner = self._environment_origin() or "no usable base URL"
            return f"the key in {name} is for {owner} and goes nowhere else"
        return f"looked in this session, {KEY_VARIABLES[0]} and the system's keyring"
