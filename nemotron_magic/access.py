"""Where questions go, and the key that opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import NemotronError
from nemotron_magic.key import (
    Key,
    Unshown,
    base_url_in,
    check_key_rules,
    find_key,
)
from nemotron_magic.keystore import KeyStore
from nemotron_magic.parameters import DEFAULT_BASE_URL
from nemotron_magic.settings import Settings
from nemotron_magic.unseen import unseen

__all__ = ["Access"]


class Access:
    """Finds endpoints and their keys.

    Parameters
    ----------
    environ : mapping
        The process's environment.
    keys : KeyStore
        The system's keyring.
    """

    def __init__(self, environ: Mapping[str, str], keys: KeyStore) -> None:
        self._environ = Unshown(environ)
        self._keys = keys
        self._given: dict[str, Key] = {}

    def endpoint(self, settings: Settings) -> Endpoint:
        """Give where questions go."""
        base_url = settings["base_url"]
        # Identity: a user who types the default URL means it.
        if base_url is DEFAULT_BASE_URL:
            base_url = base_url_in(self._environ)
        return Endpoint.read(base_url)

    def key(self, endpoint: Endpoint) -> Key | None:
        """Give the key for `endpoint`, if there is one."""
        return find_key(endpoint, self._given, self._environ, self._keys.get)

    def readable_key(self, settings: Settings) -> Key | None:
        """Give the key for where questions go; None also if it cannot be had."""
        try:
            return self.key(self.endpoint(settings))
        except NemotronError:
            return None

    def given_beside(self, key: Key | None) -> list[Key]:
        """Give the keys of this session but for `key`: those for other services."""
        return [one for one in self._given.values() if one is not key]

    def checked_key(self, endpoint: Endpoint, settings: Settings) -> Key | None:
        """Give the key for `endpoint`, as far as it may be sent there.

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
        key = unseen(lambda: Key(ask(), origin, "this session"))
        self._given[origin] = key
        return key

    def forget(self, endpoint: Endpoint, before: Key | None) -> None:
        """Go back to the key that was there `before` one was given."""
        self._given.pop(endpoint.origin, None)
        if before is not None:
            self._given[endpoint.origin] = before

    def keep(self, key: Key) -> str:
        """Keep a key for good; give the name of the store, "" if there is none."""
        self._given[key.origin] = key
        return unseen(
            lambda: self._keys.set(key.origin, key.reveal_to(key.origin) or "")
        )
