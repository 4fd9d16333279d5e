"""The certificates to trust: read once, since that takes longer than a short call."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from ssl import SSLContext

import httpx

__all__ = ["trusted"]


def trusted() -> SSLContext:
    """Give the certificates to trust, read anew only if the environment says so.

    Raises
    ------
    OSError
        If the file that `SSL_CERT_FILE` names cannot be read.
    """
    file, folder = os.getenv("SSL_CERT_FILE"), os.getenv("SSL_CERT_DIR")
    return _read(file, folder, Path(file).stat().st_mtime_ns if file else 0)


@lru_cache(maxsize=1)
def _read(_file: str | None, _folder: str | None, _changed_ns: int) -> SSLContext:
    return httpx.create_ssl_context()
