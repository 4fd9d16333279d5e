"""Where requests go: one base URL in any of the forms that people write it in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import inet_aton
from urllib.parse import SplitResult, urlsplit

from nemotron_magic.errors import InputError

__all__ = ["Endpoint", "address_of", "loopback_addresses"]

_VERSION = re.compile(r"/v\d+(beta\d*)?(/|$)")
_PORTS = {"http": 80, "https": 443}
_CHAT = "/chat/completions"
_SETTING = 'Set it with: %config Nemotron.base_url = "https://host/v1"'


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The addresses of one service.

    Parameters
    ----------
    origin : str
        Scheme, host and port, such as `https://api.aimlapi.com`. A key belongs to one.
    prefix : str
        Path of the API, such as `/v1`; may be empty.

    Examples
    --------
    >>> Endpoint.read("api.example.org/").chat_url
    Traceback (most recent call last):
    nemotron_magic.errors.InputError: base_url must start with https:// or http://, \
got api.example.org/
    Set it with: %config Nemotron.base_url = "https://api.example.org/"
    >>> Endpoint.read("https://api.example.org/").chat_url
    'https://api.example.org/v1/chat/completions'
    """

    origin: str
    prefix: str

    @classmethod
    @lru_cache(maxsize=64)  # asked several times a question
    def read(cls, base_url: str) -> Endpoint:
        """Read a base URL with or without `/v1`, slash or `/chat/completions`.

        A URL that ends in `/chat/completions` is taken as it stands; in any other, a
        path that names no version gets `/v1`.

        Raises
        ------
        InputError
            If it is no http(s) URL, or carries a password, a query or a fragment.
        """
        url = _split(base_url.strip())
        path = url.path.rstrip("/")
        if path.endswith(_CHAT):
            return cls(_origin(url), path.removesuffix(_CHAT))
        return cls(_origin(url), path if _VERSION.search(path) else f"{path}/v1")

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
        """Host and port as written: what a person calls the service."""
        return urlsplit(self.origin).netloc

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is https."""
        return self.origin.startswith("https:")

    @property
    def is_loopback(self) -> bool:
        """Whether the service runs on this machine."""
        return bool(loopback_addresses(self.host))


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that `host` is, in any form; None for a name.

    >>> address_of("0x7f.1"), address_of("::ffff:127.0.0.1")
    (IPv4Address('127.0.0.1'), IPv4Address('127.0.0.1'))
    """
    try:
        address = ip_address(host)
    except ValueError:
        pass
    else:
        return getattr(address, "ipv4_mapped", None) or address
    try:
        return IPv4Address(inet_aton(host))
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=64)
def loopback_addresses(host: str) -> tuple[str, ...]:
    """Return the addresses of a host on this machine; none if it is elsewhere.

    The one rule of what needs no key, may be asked over http and has no proxy before
    it. Connections go to these addresses and no name server is asked, which could send
    the question anywhere (https://www.rfc-editor.org/rfc/rfc6761#section-6.3).

    >>> loopback_addresses("model.localhost."), loopback_addresses("0.0.0.0")
    (('127.0.0.1', '::1'), ('127.0.0.1',))
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
        raise InputError(f"base_url is no URL: {error}", todo=_SETTING) from None
    if url.scheme not in ("http", "https") or not url.hostname:
        raise InputError(
            f"base_url must start with https:// or http://, got {_shown(base_url)}",
            todo=_SETTING.replace("https://host/v1", _meant(_bare(base_url))),
        )
    if "@" in url.netloc or url.query or url.fragment:
        raise InputError(
            "base_url must hold no user, password, query or fragment",
            todo="Give the key with: %nemotron login",
        )
    if port == 0 or not url.hostname.isascii() or re.search(r"\s", base_url):
        raise InputError("base_url names no host that can be reached", todo=_SETTING)
    return url


def _bare(base_url: str) -> str:
    return _shown(base_url.rpartition("//")[2]) or "host/v1"


def _meant(address: str) -> str:
    """Put in front of an address what was forgotten; none on this machine has TLS."""
    host = re.split(r"(?<!:):(?!:)|[]/]", address.removeprefix("["))[0]
    return f"{'http' if loopback_addresses(host) else 'https'}://{address}"


def _shown(base_url: str) -> str:
    """Give what may be shown: a mistyped URL may hold a password before its host."""
    return base_url.rpartition("@")[2][:80]


def _origin(url: SplitResult) -> str:
    """Give the origin in its one normal form: a key is bound to it."""
    host = url.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if url.port in (None, _PORTS[url.scheme]) else f":{url.port}"
    return f"{url.scheme}://{host}{port}"
