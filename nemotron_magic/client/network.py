"""Which proxy a request goes through, and what errors of the network mean.

Proxies are read here, again for each call, and not by httpx, which fails on entries of
`NO_PROXY` that other programs write there, such as `fd00::/8`. Of an error the question
is whether the request can have been billed: what failed before it was sent cannot.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

import httpx

from nemotron_magic.client.http_errors import RequestInfo
from nemotron_magic.core.endpoint import Endpoint, address_of, loopback_addresses
from nemotron_magic.core.errors import ConnectError, NemotronError

_SYSTEM = "the system's settings"
_SCHEMES = ("http", "https", "socks5", "socks5h")
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?:\[([^]]*)\]|([^:]*))(?::(\d+|\*))?")


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
        hint = "Correct or unset it; NO_PROXY names hosts to reach without it"
        return ConnectError(what, why, hint, final=True)


def proxy_to(endpoint: Endpoint) -> Proxy | None:
    """Return the proxy on the way to a service, or None; as a text, no password."""
    url = urlsplit(endpoint.origin)
    return proxy_for(url.scheme, endpoint.host, url.port)


def proxy_for(scheme: str, host: str, port: int | None = None) -> Proxy | None:
    """Return the proxy on the way to a host, or None.

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
    >>> is_exempt("example.com:8080", "https", "example.com")
    False
    """
    port = port or _PORTS.get(scheme)
    host = host.lower().rstrip(".")
    entries = re.split(r"[\s,;]+", no_proxy.lower())
    return any(_covers(entry, scheme, host, port) for entry in entries)


def _covers(entry: str, scheme: str, host: str, port: int | None) -> bool:
    wanted_scheme, _, name = entry.rpartition("://")
    wanted_port = None
    if found := _NAME.fullmatch(name):
        name, wanted_port = found[1] or found[2] or "", found[3]
    if wanted_scheme not in ("", "all", scheme):
        return False
    if wanted_port not in (None, "*", str(port)):
        return False
    domain = name.removeprefix("*").strip(".")
    is_above = name == "*" or (domain and f".{host}".endswith(f".{domain}"))
    is_like = "*" in name and fnmatchcase(host, name)
    return bool(is_above or is_like or _holds(name, address_of(host)))


def _holds(name: str, address: object) -> bool:
    """Return whether `name` is this address, or a network that holds it."""
    with suppress(ValueError):
        network = ip_network(address_of(name) or name, strict=False)
        return address is not None and address in network
    return False


_NOISE = re.compile(r"\[(?:Errno -?\d+|SSL: \w+)\] |\s*\(_ssl\.c:\d+\)")
_MALFORMED = httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError
_CASES = {
    "proxy": httpx.ProxyError,
    "connect": httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout,
    "malformed": _MALFORMED | UnicodeError,  # of a host that has no such name
    "silent": httpx.TimeoutException,
    "damaged": httpx.DecodingError,
    "broken_off": httpx.HTTPError,
    "foreign": Exception,
}
"""The names in failures.toml of what httpx raises; the first that fits is taken."""


def map_httpx_error(
    error: Exception, about: RequestInfo, is_sent: bool = True
) -> NemotronError:
    """Return our error for one that httpx raised."""
    said = str(error)
    case = next(case for case, kinds in _CASES.items() if isinstance(error, kinds))
    is_early = not is_sent and case in ("silent", "broken_off")
    case = "connect" if is_early else case
    proxy = proxy_to(about.endpoint) if case in ("connect", "proxy") else None
    if proxy and is_early:
        case = "proxy"
    elif proxy and case == "connect" and "[SSL" not in said and "(_ssl.c:" not in said:
        case = "to_proxy"
    return about.failure(
        case,
        said,
        why=about.quote(_NOISE.sub("", said)),
        proxy=proxy or "on the way",
        late=" in time" if isinstance(error, httpx.TimeoutException) else "",
        kind=type(error).__name__,
    )


FOREIGN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError)
"""What httpx may raise; a key that cannot be a header is a `ValueError`."""
