"""Where requests go, the key for it, and holders that never show a secret."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import inet_aton
from typing import NoReturn, TypeVar
from urllib.parse import SplitResult, quote, quote_plus, urlsplit

from nemotron_magic.core.errors import AuthenticationError, InputError

_VERSION = re.compile(r"/v\d+(beta\d*)?(/|$)")
_PORTS = {"http": 80, "https": 443}
_CHAT = "/chat/completions"
_SETTING = 'Set it with: %config Nemotron.base_url = "https://host/v1"'


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The addresses of one service."""

    origin: str
    prefix: str

    @classmethod
    @lru_cache(maxsize=64)  # asked several times a question
    def read(cls, base_url: str) -> Endpoint:
        """Read a base URL; one that names neither a version nor the path gets `/v1`."""
        url = _split(base_url.strip())
        path = url.path.rstrip("/")
        is_known = path.endswith(_CHAT) or _VERSION.search(path)
        prefix = path.removesuffix(_CHAT) if is_known else f"{path}/v1"
        # The origin in its one normal form: a key is bound to it.
        host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
        port = "" if url.port in (None, _PORTS[url.scheme]) else f":{url.port}"
        return cls(f"{url.scheme}://{host}{port}", prefix)

    @property
    def base_url(self) -> str:
        """The base URL in its one normal form."""
        return self.origin + self.prefix

    @property
    def chat_url(self) -> str:
        """Where questions go."""
        return self.base_url + _CHAT

    @property
    def models_url(self) -> str:
        """Where the catalogue is."""
        return f"{self.base_url}/models"

    @property
    def host(self) -> str:
        """Host name without port."""
        return urlsplit(self.origin).hostname or ""

    @property
    def netloc(self) -> str:
        """Host and port: what a person calls the service."""
        return urlsplit(self.origin).netloc

    @property
    def key_page(self) -> str:
        """Where a key for the service is made; empty if that is not known."""
        is_default = self.host == "api.aimlapi.com"
        return "https://aimlapi.com/app/keys" if is_default else ""

    @property
    def is_loopback(self) -> bool:
        """Whether the service runs on this machine."""
        return bool(loopback_addresses(self.host))


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that `host` is, in any form; None for a name."""
    with suppress(ValueError):
        address = ip_address(host)
        return getattr(address, "ipv4_mapped", None) or address
    with suppress(OSError, ValueError):
        return IPv4Address(inet_aton(host))
    return None


@lru_cache(maxsize=64)
def loopback_addresses(host: str) -> tuple[str, ...]:
    """Return the addresses of a host on this machine; none if it is elsewhere.

    The one rule of what needs no key, may be asked over http and has no proxy before
    it. Connections go to these addresses and no name server is asked, which could send
    the question anywhere (https://www.rfc-editor.org/rfc/rfc6761#section-6.3).
    """
    host = host.lower().rstrip(".")
    if f".{host}".endswith(".localhost"):
        return ("127.0.0.1", "::1")
    address = address_of(host)
    if address is None or not (address.is_loopback or address.is_unspecified):
        return ()
    if isinstance(address, IPv6Address):
        return ("::1",)
    return ("127.0.0.1",) if address.is_unspecified else (str(address),)


def _split(base_url: str) -> SplitResult:
    try:
        url = urlsplit(base_url)
        port = url.port
    except ValueError as error:
        raise InputError(f"base_url is not a URL: {error}", hint=_SETTING) from None
    if url.scheme not in ("http", "https") or not url.hostname:
        # Before the host may be a password.
        shown = base_url.rpartition("@")[2][:80]
        address = shown.rpartition("//")[2] or "host/v1"
        host = re.split(r"(?<!:):(?!:)|[]/]", address.removeprefix("["))[0]
        scheme = "http" if loopback_addresses(host) else "https"
        what = f"base_url must start with https:// or http://, got {shown}"
        hint = _SETTING.replace("https://host/v1", f"{scheme}://{address}")
        raise InputError(what, hint=hint)
    if "@" in url.netloc or url.query or url.fragment:
        what = "base_url must hold no user, password, query or fragment"
        raise InputError(what, hint="Give the key with: %nemotron login")
    if port == 0 or not url.hostname.isascii() or re.search(r"\s", base_url):
        raise InputError("base_url names no host that can be reached", hint=_SETTING)
    return url


_T = TypeVar("_T")


def without_traceback(call: Callable[[], _T]) -> _T:
    """Return what `call` returns; strip an error in it of all its frames."""
    try:
        return call()
    except BaseException as error:
        fault = error.with_traceback(None)
        fault.__cause__ = fault.__context__ = None
    raise fault


def secret_value(value: _T) -> Callable[[int], _T]:
    """Hide a secret from each repr and traceback; call the result with 0 to read it."""
    return (value,).__getitem__


SHORTEST_GIVEN = 4
"""Characters of a secret, below which it would be found in any text."""


def forms_of(value: str) -> set[str]:
    """Return the ways in which a value is written in code, JSON, URLs and headers."""
    raw = value.encode("utf-8", "surrogatepass")
    forms = {value, raw.hex(), html.escape(value), repr(value)[1:-1]}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    quoted = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    forms |= quoted | {re.sub("%..", lambda at: at[0].lower(), one) for one in quoted}
    for before in range(3):
        # Only the letters that do not depend on what stands around the value.
        code = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        whole = code[(0, 2, 3)[before] :]
        inner = whole[:-1] if (before + len(raw)) % 3 else whole
        forms |= {inner, inner.translate({43: "-", 47: "_"})}
    return {one for one in forms if len(one) >= SHORTEST_GIVEN}


class Key:
    """A key, bound to the one origin that may see it; shown and pickled nowhere."""

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
        self._reveal = secret_value(value)
        self._forms = without_traceback(lambda: secret_value(_forms(value)))
        self._starts = without_traceback(lambda: secret_value(_starts(self._forms(0))))
        sizes = [*without_traceback(lambda: map(len, self._forms(0)))]
        self._shortest, self._longest = min(sizes, default=0), max(sizes, default=0)
        self.origin = origin
        self.source = source

    def reveal_to(self, origin: str) -> str | None:
        """Return the key, if `origin` is the one it belongs to."""
        return self._reveal(0) if origin == self.origin else None

    @property
    def is_secret(self) -> bool:
        """Whether it is more than a word for servers that want any key."""
        return self._longest > 0

    def redact(self, text: str) -> str:
        """Return `text` without the key, wherever and however it is written in it."""
        if len(text) < self._shortest:
            return text  # as nearly every piece of a stream
        return without_traceback(lambda: _without(self._forms(0), text))

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return where in `text` the key stands, in any of the ways to write it."""
        return without_traceback(lambda: [*_places(self._forms(0), text)])

    def begun_in(self, text: str) -> int:
        """Return how many characters at the end of `text` may begin the key."""
        size = len(text)
        for at in range(max(0, size - self._longest + 1), size):
            # One look for each place: every piece of a stream comes by here.
            if text[at : at + _START] in self._starts(0) and self._goes_on(text[at:]):
                return size - at
        return 0

    def _goes_on(self, text: str) -> bool:
        forms = self._forms
        return without_traceback(
            lambda: any(form.startswith(text) and form != text for form in forms(0))
        )

    def __repr__(self) -> str:
        return f"<key from {self.source} for {self.origin}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not written anywhere")


class SecretMapping(Mapping[str, str]):
    """An environment to look names up in, whose repr shows nothing."""

    __slots__ = ("_reveal",)

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._reveal = secret_value(environ)

    def __getitem__(self, name: str) -> str:
        return self._reveal(0)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._reveal(0))

    def __len__(self) -> int:
        return len(self._reveal(0))

    def __repr__(self) -> str:
        return "<environment>"


def _forms(value: str) -> tuple[str, ...]:
    """Return how a key may be written, as it is and in base64, hex, URLs and JSON."""
    if _NO_KEY.fullmatch(value):
        return ()  # no text would be safe from a word that stands in for a key
    # The other forms of a short one would be found in any text.
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


# What manuals of local servers tell their users to type where a key is wanted.
_NO_KEY = re.compile(
    r"anything|dummy|empty|fake|key|llama|lm-?studio|local|mock|na|none|null|ollama"
    r"|placeholder|test|token|unused|vllm|x+|(sk-)?no[-_]?key([-_]required)?"
    r"|not[-_](needed|required)",
    re.IGNORECASE,
)
_SHORTEST_WRITTEN = 8
_START = 64


def _fault(value: str) -> str:
    if not value:
        return "empty"
    strange = next((c for c in value if not c.isascii() or not c.isprintable()), " ")
    return f"malformed: it holds {strange!r} (U+{ord(strange):04X})"
