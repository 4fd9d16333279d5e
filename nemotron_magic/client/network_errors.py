"""Map errors of httpx and the network to our errors."""

from __future__ import annotations

import re

import httpx

from nemotron_magic.client.http_errors import RequestInfo
from nemotron_magic.client.proxies import WITHOUT_PROXY, proxy_to
from nemotron_magic.core.errors import (
    ASK_AGAIN,
    ConnectError,
    InputError,
    NemotronError,
    OutcomeUnknownError,
)
from nemotron_magic.core.text import one_line

__all__ = [
    "FOREIGN",
    "map_httpx_error",
]


_NO_SUCH_HOST = re.compile(
    r"name or service not known|nodename nor servname|getaddrinfo|no address|errno -\d"
    r"|temporary failure in name",
    re.IGNORECASE,
)
_NOISE = re.compile(r"\[(?:Errno -?\d+|SSL: \w+)\] |\s*\(_ssl\.c:\d+\)")
# Before OpenSSL 3.2 an early end has no name, only its place in the source.
_OF_TLS = re.compile(r"\[SSL|\(_ssl\.c:")
_CERTIFICATES = (
    ("expired", "Is the clock of this machine right? Else the service must renew it"),
    ("ostname mismatch", "Is base_url right?"),
    ("", "For a company's own authority set SSL_CERT_FILE to its certificate"),
)
_UNCONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_MALFORMED = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError)
_CUT_OFF = (
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.RemoteProtocolError,
)
_AGAIN = f"It may have been billed. {ASK_AGAIN}"


def map_httpx_error(
    error: Exception, about: RequestInfo, is_sent: bool = True
) -> NemotronError:
    """Return our error for one that httpx raised."""
    why = one_line(_NOISE.sub("", about.redact(str(error))))
    if not is_sent and isinstance(error, _CUT_OFF):
        if proxy_to(about.endpoint):
            return _not_passed_on(why, about)
        return _not_connected(error, why, about)
    if isinstance(error, httpx.ProxyError):
        return _not_passed_on(why, about)
    if isinstance(error, _UNCONNECTED):
        return _not_connected(error, why, about)
    if isinstance(error, _MALFORMED):
        what, todo = "the request could not be made", "Check base_url and key"
        return InputError(what, why, f"{todo}: %nemotron doctor")
    for kinds, what, reason in _OTHERS:
        if isinstance(error, kinds):
            what = what.format(about.endpoint.netloc)
            return OutcomeUnknownError(what, reason or why, _AGAIN)
    return OutcomeUnknownError(f"the call failed: {type(error).__name__}", why, _AGAIN)


def _not_connected(error: Exception, why: str, about: RequestInfo) -> NemotronError:
    host, said = about.endpoint.netloc, str(error)
    if not _OF_TLS.search(said) and (proxy := proxy_to(about.endpoint)):
        return _no_proxy(f"cannot connect to the proxy {proxy}", why)
    if "CERTIFICATE" in said.upper():
        hint = next(hint for words, hint in _CERTIFICATES if words in said)
        what = f"the certificate of {host} is not trusted"
        return ConnectError(what, why, hint, final=True)
    if _OF_TLS.search(said):
        return ConnectError(
            f"no secure connection to {host}",
            why,
            "Does it speak https? If it runs on this machine, try http://",
            final=True,
        )
    if _NO_SUCH_HOST.search(said):
        return ConnectError(
            f"cannot find the host {about.endpoint.host}",
            why,
            "Is this machine online, and base_url right? %nemotron doctor",
            final=True,
        )
    slow = isinstance(error, httpx.TimeoutException)
    return ConnectError(
        f"cannot connect to {host}" + (" in time" if slow else ""),
        why,
        "Is it running and reachable? %nemotron doctor",
    )


def _not_passed_on(why: str, about: RequestInfo) -> NemotronError:
    proxy = proxy_to(about.endpoint) or "on the way"
    what = f"the proxy {proxy} did not pass the request on"
    return _no_proxy(what, why, final=why.startswith("4"))


def _no_proxy(what: str, why: str, final: bool = False) -> NemotronError:
    return ConnectError(what, why, WITHOUT_PROXY, final=final)


_OTHERS: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    ((httpx.TimeoutException,), "{} fell silent", "nothing came for too long"),
    ((httpx.DecodingError,), "{} sent damaged compressed data", ""),
    ((httpx.HTTPError,), "the connection to {} broke off", ""),
)

FOREIGN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError)
"""What httpx may raise; a key that cannot be a header is a `ValueError`."""
