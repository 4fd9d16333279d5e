"""Foreign errors made ours, in one place.

The question is always whether the request can have been billed. What failed before the
request was sent cannot; what failed after may.
"""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

import httpx

from nemotron_magic.client.resolve import proxy_for
from nemotron_magic.errors import (
    ASK_AGAIN,
    ConnectionFailed,
    InputError,
    NemotronError,
    OutcomeUnknown,
)
from nemotron_magic.refusal import About
from nemotron_magic.text import one_line

__all__ = ["translate"]

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
_CUT_OFF = (
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.RemoteProtocolError,
)
_AGAIN = f"It may have been billed. {ASK_AGAIN}"


def translate(error: Exception, about: About, is_sent: bool = True) -> NemotronError:
    """Give our error for one that httpx raised.

    Parameters
    ----------
    is_sent : bool
        Whether any of the request may have reached the service.
    """
    why = one_line(_NOISE.sub("", about.redact(str(error))))
    if not is_sent and isinstance(error, _CUT_OFF):
        make = _not_passed_on if _proxy(about) else _not_connected
        return make(error, why, about)
    for kinds, make in _TABLE:
        if isinstance(error, kinds):
            return make(error, why, about)
    return OutcomeUnknown(f"the call failed: {type(error).__name__}", why, _AGAIN)


def _not_connected(error: Exception, why: str, about: About) -> NemotronError:
    host, said = about.endpoint.netloc, str(error)
    if not _OF_TLS.search(said) and (proxy := _proxy(about)):
        return _no_proxy(f"cannot connect to the proxy {proxy}", why)
    if "CERTIFICATE" in said.upper():
        todo = next(todo for words, todo in _CERTIFICATES if words in said)
        what = f"the certificate of {host} is not trusted"
        return ConnectionFailed(what, why, todo, final=True)
    if _OF_TLS.search(said):
        return ConnectionFailed(
            f"no secure connection to {host}",
            why,
            "Does it speak https? If it runs on this machine, try http://",
            final=True,
        )
    if _NO_SUCH_HOST.search(said):
        return ConnectionFailed(
            f"cannot find the host {about.endpoint.host}",
            why,
            "Is this machine online, and base_url right? %nemotron doctor",
            final=True,
        )
    slow = isinstance(error, httpx.TimeoutException)
    return ConnectionFailed(
        f"cannot connect to {host}" + (" in time" if slow else ""),
        why,
        "Is it running and reachable? %nemotron doctor",
    )


def _not_passed_on(error: Exception, why: str, about: About) -> NemotronError:
    proxy = _proxy(about) or "on the way"
    what = f"the proxy {proxy} did not pass the request on"
    return _no_proxy(what, why, final=why.startswith("4"))


def _no_proxy(what: str, why: str, final: bool = False) -> NemotronError:
    todo = "Correct or unset it; NO_PROXY names hosts to reach without it"
    return ConnectionFailed(what, why, todo, final=final)


def _proxy(about: About) -> str:
    """Name the proxy on the way and who set it, without the password in it."""
    if about.endpoint.is_loopback:
        return ""
    scheme = urlsplit(about.endpoint.origin).scheme
    url = proxy_for(scheme, about.endpoint.host)
    netloc = urlsplit(url).netloc.rpartition("@")[2]
    names = (f"{scheme}_proxy", "all_proxy")
    forms = (form for name in names for form in (name.upper(), name))
    source = next((f for f in forms if os.getenv(f)), "the system's settings")
    return f"{netloc} of {source}" if netloc else ""


def _bad_request(error: Exception, why: str, about: About) -> NemotronError:
    return InputError(
        "the request could not be made", why, "Check base_url and key: %nemotron doctor"
    )


def _timed_out(error: Exception, why: str, about: About) -> NemotronError:
    host = about.endpoint.netloc
    return OutcomeUnknown(f"{host} fell silent", "nothing came for too long", _AGAIN)


def _undecodable(error: Exception, why: str, about: About) -> NemotronError:
    host = about.endpoint.netloc
    return OutcomeUnknown(f"{host} sent damaged compressed data", why, _AGAIN)


def _lost(error: Exception, why: str, about: About) -> NemotronError:
    host = about.endpoint.netloc
    return OutcomeUnknown(f"the connection to {host} broke off", why, _AGAIN)


_TABLE = (
    (httpx.ProxyError, _not_passed_on),
    (_UNCONNECTED, _not_connected),
    (
        (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError),
        _bad_request,
    ),
    (httpx.TimeoutException, _timed_out),
    (httpx.DecodingError, _undecodable),
    (httpx.HTTPError, _lost),
)
