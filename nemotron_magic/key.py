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

    __slots__ = (
        *("_forms", "_longest", "_reveal", "_shortest", "_starts"),
        *("origin", "source"),
    )

    def __init__(self, value: str, origin: str, source: str) -> None:
        value = value.strip()
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise AuthenticationError(
                f"the key in {source} is {_fault(value)}",
                "a key is a run of plain ASCII characters",
                "Copy it again, then: %nemotron login",
            )
        self._reveal = sealed(value)
        self._forms = unseen(lambda: sealed(_forms(value)))
        self._starts = unseen(lambda: sealed(_starts(self._forms(0))))
        sizes = unseen(lambda: [len(form) for form in self._forms(0)])
        self._shortest, self._longest = min(sizes), max(sizes)
        self.origin = origin
        self.source = source

    def reveal_to(self, origin: str) -> str | None:
        """Give the key, if `origin` is the one it belongs to."""
        return self._reveal(0) if origin == self.origin else None

    def redact(self, text: str) -> str:
        """Return `text` without the key, wherever and however it is written in it."""
        if len(text) < self._shortest:
            return text  # as nearly every piece of a stream
        return unseen(lambda: _without(self._forms(0), text))

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return where in `text` the key stands, in any of the ways to write it."""
        return unseen(lambda: [*_places(self._forms(0), text)])

    def begun_in(self, text: str) -> int:
        """Count the characters at the end of `text` that may begin the key."""
        size = len(text)
        for at in range(max(0, size - self._longest + 1), size):
            # One look for each place: every piece of a stream comes by here.
            if text[at : at + _START] in self._starts(0) and self._goes_on(text[at:]):
                return size - at
        return 0

    def _goes_on(self, text: str) -> bool:
        forms = self._forms
        return unseen(
            lambda: any(form.startswith(text) and form != text for form in forms(0))
        )

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


def _forms(value: str) -> tuple[str, ...]:
    """Return how a key may be written, as it is and in base64, hex, URLs and JSON.

    A short one has no other forms: they would be found in any text.
    """
    # Here and not above: loading the extension is to stay light.
    from nemotron_magic.context.secrets.exact import forms_of

    others = forms_of(value) if len(value) >= _SHORTEST_WRITTEN else set()
    return (value, *sorted(others - {value}, key=len, reverse=True))


def _without(forms: tuple[str, ...], text: str) -> str:
    for form in forms:
        if form in text:
            text = text.replace(form, "[key]")
    return text


def _places(forms: tuple[str, ...], text: str) -> Iterator[tuple[int, int]]:
    for form in forms:
        at = text.find(form)
        while at >= 0:
            yield at, at + len(form)
            at = text.find(form, at + 1)


def _starts(forms: tuple[str, ...]) -> frozenset[str]:
    sizes = range(1, _START + 1)
    return frozenset(form[:n] for form in forms for n in sizes if n <= len(form))


_SHORTEST_WRITTEN = 8
_START = 64


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
