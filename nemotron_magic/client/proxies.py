"""Which proxy a request goes through.

They are read here, anew for each call, and not by httpx, which fails on entries of
`NO_PROXY` that other programs write there, such as `fd00::/8`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from nemotron_magic.core.endpoint import Endpoint, address_of, loopback_addresses
from nemotron_magic.core.errors import ConnectError

__all__ = [
    "WITHOUT_PROXY",
    "Proxy",
    "is_exempt",
    "proxy_for",
    "proxy_to",
]


WITHOUT_PROXY = "Correct or unset it; NO_PROXY names hosts to reach without it"

_SYSTEM = "the system's settings"
_SCHEMES = ("http", "https", "socks5", "socks5h")
_PORTS = {"http": 80, "https": 443}
_IN_BRACKETS = re.compile(r"\[([^]]*)\](?::(\d+|\*))?")
_WITH_PORT = re.compile(r"([^:]*):(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and who named it."""

    url: str = field(repr=False)
    source: str

    def __str__(self) -> str:
        return f"{urlsplit(self.url).netloc.rpartition('@')[2]} of {self.source}"

    def unusable(self, why: str) -> ConnectError:
        """Return the error of a proxy that cannot be used; shows nothing of its URL."""
        what = f"the proxy that {self.source} names cannot be used"
        return ConnectError(what, why, WITHOUT_PROXY, final=True)


def proxy_to(endpoint: Endpoint) -> Proxy | None:
    """Return the proxy on the way to a service; None if there is none."""
    url = urlsplit(endpoint.origin)
    return proxy_for(url.scheme, endpoint.host, url.port)


def proxy_for(scheme: str, host: str, port: int | None = None) -> Proxy | None:
    """Return the proxy on the way to a host; None if there is none.

    What runs on this machine is never behind one.

    Raise `ConnectError` if what is set is no URL of a proxy.
    """
    if loopback_addresses(host):
        return None
    proxies = getproxies()
    kind = next((k for k in (scheme, "all") if proxies.get(k, "").strip()), None)
    if kind is None:
        return None
    if not getproxies_environment():
        is_direct = bool(proxy_bypass(host))
    else:
        is_direct = is_exempt(proxies.get("no", ""), scheme, host, port)
    if is_direct:
        return None
    url = proxies[kind].strip()
    name = f"{kind}_proxy"
    source = next((n for n in (name, name.upper()) if os.getenv(n)), _SYSTEM)
    proxy = Proxy(url if "://" in url else f"http://{url}", source)
    if fault := _fault(proxy.url):
        raise proxy.unusable(fault)
    return proxy


def _fault(proxy_url: str) -> str:
    """Return what is wrong with the URL of a proxy, without any of it; else empty."""
    try:
        url = urlsplit(proxy_url)
        is_plain = bool(url.hostname) and url.port != 0
    except ValueError:
        return "its host or port is not valid"
    if url.scheme not in _SCHEMES:
        return "it begins with none of http://, https:// and socks5://"
    # A password with a / # or ? in it would be taken for host and path.
    more = url.path.strip("/") + url.query + url.fragment
    if is_plain and not more and re.fullmatch(r"[!-~]+", proxy_url):
        return ""
    return "it is not of the form http://USER:PASSWORD@HOST:PORT"


def is_exempt(no_proxy: str, scheme: str, host: str, port: int | None = None) -> bool:
    """Return whether `NO_PROXY` names a host; entries that name nothing are skipped.

    >>> is_exempt("10.0.0.0/8, fd00::/8", "https", "10.1.2.3")
    True
    >>> is_exempt(".example.com,*.corp.example", "https", "a.corp.example")
    True
    >>> is_exempt("example.com:8080", "https", "example.com")
    False
    """
    port = port or _PORTS.get(scheme)
    host = host.lower().rstrip(".")
    entries = re.split(r"[\s,;]+", no_proxy.lower())
    return any(_covers(entry, scheme, host, port) for entry in entries)


def _covers(entry: str, scheme: str, host: str, port: int | None) -> bool:
    wanted_scheme, _, name = entry.rpartition("://")
    if wanted_scheme not in ("", "all", scheme):
        return False
    found = _IN_BRACKETS.fullmatch(name) or _WITH_PORT.fullmatch(name)
    name, wanted_port = found.groups() if found else (name, None)
    if wanted_port not in (None, "*", str(port)):
        return False
    address = address_of(host)
    if address is not None and _is_in(name, address):
        return True
    domain = name.removeprefix("*").strip(".")
    if name == "*" or (domain and f".{host}".endswith(f".{domain}")):
        return True
    return "*" in name and fnmatchcase(host, name)


def _is_in(name: str, address: object) -> bool:
    """Return whether `name` is this address, or a network that holds it."""
    try:
        return address in ip_network(address_of(name) or name, strict=False)
    except ValueError:
        return False
