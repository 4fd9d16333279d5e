"""Replies that are kept, so that the same request need not be made twice."""

from nemotron_magic.cache.kept import Kept
from nemotron_magic.cache.request import request_hash
from nemotron_magic.cache.saved import saved_replies
from nemotron_magic.cache.store import Cache, open_cache

__all__ = [
    "Cache",
    "Kept",
    "open_cache",
    "request_hash",
    "saved_replies",
]
