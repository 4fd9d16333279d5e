"""Keys in the operating system's own store, where the `keyring` library finds one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nemotron_magic.unseen import sealed

__all__ = ["KeyStore"]

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
        """Give the key kept for `origin`; asked of the store only once."""
        if origin not in self._known:
            self._known[origin] = sealed(self._try("get_password", _SERVICE, origin))
        return self._known[origin](0)

    def set(self, origin: str, value: str) -> str:
        """Keep a key; give the name of the store, or "" if it could not be kept."""
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
