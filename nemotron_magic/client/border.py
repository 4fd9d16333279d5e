"""Foreign errors made ours, in one place.

The question is always whether the request can have been billed. What failed before the
request was sent cannot; what failed after may.
"""

from __future__ import annotations

import os
import re

import httpx

from nemotron_magic.errors import (
    ConnectionFailed,
    InputError,
    NemotronError,
    OutcomeUnknown,
)
from nemotron_magic.refusal import Asked
from nemotron_magic.text import one_line

__all__ = ["translate"]

_NO_SUCH_HOST = re.compile(
    r"name or service not known|nodename nor servname|getaddrinfo|no address|errno -\d"
    r"|temporary failure in name",
    re.IGNORECASE,
)
_PROXIES = ("https_proxy", "http_proxy", "all_proxy")
_AGAIN = "It may have been billed. Run the cell again for another try"


def translate(error: Exception, asked: Asked) -> NemotronError:
    """Give our error for one that httpx raised."""
    why = one_line(asked.redact(str(error)))
    for kinds, make in _TABLE:
        if isinstance(error, kinds):
            return make(error, why, asked)
    return OutcomeUnknown(f"the call failed: {type(error).__name__}", why, _AGAIN)


def _not_connected(error: Exception, why: str, asked: Asked) -> NemotronError:
    host = asked.endpoint.netloc
    if "CERTIFICATE" in why.upper():
        return ConnectionFailed(
            f"the certificate of {host} is not trusted",
            why,
            "For a company's own authority set SSL_CERT_FILE to its certificate",
            final=True,
        )
    if "[SSL" in why:
        return ConnectionFailed(
            f"no secure connection to {host}",
            why,
            "Does it speak https? If it runs on this machine, try http://",
            final=True,
        )
    if _NO_SUCH_HOST.search(why):
        return ConnectionFailed(
            f"cannot find the host {asked.endpoint.host}",
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


def _no_proxy(error: Exception, why: str, asked: Asked) -> NemotronError:
    names = (n for lower in _PROXIES for n in (lower.upper(), lower))
    name = next((n for n in names if os.environ.get(n)), "the system's settings")
    return ConnectionFailed(
        f"the proxy named in {name} did not pass the request on",
        why,
        "Correct or unset it",
    )


def _bad_request(error: Exception, why: str, asked: Asked) -> NemotronError:
    return InputError(
        "the request could not be made", why, "Check base_url and key: %nemotron doctor"
    )


def _timed_out(error: Exception, why: str, asked: Asked) -> NemotronError:
    host = asked.endpoint.netloc
    return OutcomeUnknown(f"{host} fell silent", "nothing came for too long", _AGAIN)


def _undecodable(error: Exception, why: str, asked: Asked) -> NemotronError:
    host = asked.endpoint.netloc
    return OutcomeUnknown(f"{host} sent damaged compressed data", why, _AGAIN)


def _lost(error: Exception, why: str, asked: Asked) -> NemotronError:
    host = asked.endpoint.netloc
    return OutcomeUnknown(f"the connection to {host} broke off", why, _AGAIN)


_TABLE = (
    (httpx.ProxyError, _no_proxy),
    ((httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout), _not_connected),
    (
        (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError),
        _bad_request,
    ),
    (httpx.TimeoutException, _timed_out),
    (httpx.DecodingError, _undecodable),
    (httpx.HTTPError, _lost),
)
