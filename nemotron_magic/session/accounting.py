"""Where a session records its calls and caches their replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.settings import Settings
from nemotron_magic.session.replay import CachedReply
from nemotron_magic.session.reply import Reply
from nemotron_magic.storage.cache import Cache, open_cache
from nemotron_magic.storage.ledger import Ledger, Tally

__all__ = ["CallAccounting"]


class CallAccounting:
    """The ledger and the cache of a session, each opened when first used.

    Attributes
    ----------
    notebook : str
        Name of the notebook's file; empty if unknown.
    is_rehearsal : bool
        Whether calls are to a rehearsal, which costs nothing.
    tallies : dict of str to Tally
        What this process knows to be spent, by the session.
    saved : callable
        Returns the reply to a request that the notebook's own outputs hold, or None.
    """

    def __init__(
        self,
        ledger: Ledger | None,
        now_s: Callable[[], float],
        environ: Mapping[str, str],
    ) -> None:
        self.notebook = ""
        self.is_rehearsal = False
        self.saved: Callable[[str], CachedReply | None] = lambda request: None
        self.tallies: dict[str, Tally] = {}
        self._newer: set[str] = set()
        self._now_s = now_s
        self._environ = environ
        self._cache: Cache | None = None
        self._ledger: Ledger | None = None
        if ledger is not None:
            self.ledger = ledger

    @property
    def ledger(self) -> Ledger:
        """Where calls are recorded."""
        if self._ledger is None:
            self._ledger = Ledger(now_s=self._now_s)
        return self._ledger

    @ledger.setter
    def ledger(self, ledger: Ledger) -> None:
        # What this session has spent stays spent, wherever it is recorded.
        ledger.tally = self.tallies.setdefault(ledger.session, ledger.tally)
        self._ledger = ledger

    @property
    def cache(self) -> Cache:
        """Where replies are kept."""
        if self._cache is None:
            self._cache = open_cache(self._environ)
        return self._cache

    def cached(self, request: str, settings: Settings) -> CachedReply | None:
        """Return the cached reply to a request, or None; also if the cache is off."""
        if settings["cache"] == "off":
            return None
        # What was asked anew since is newer than what the notebook has saved.
        saved = None if request in self._newer else self.saved(request)
        text = self.cache.find(request)
        kept = None if text is None else CachedReply.from_json(text)
        # What the user has kept, too, is no forgery.
        is_own = kept is not None and (saved is None or saved.texts == kept.texts)
        return kept if is_own else saved

    def recall(self, request: str, settings: Settings) -> CachedReply | None:
        """Return the cached reply to a request; raise InputError if one must exist."""
        cached = self.cached(request, settings)
        if cached is None and settings["cache"] == "replay":
            raise InputError(
                "no reply to this question has been kept",
                "the cache is set to replay, so that nothing is asked",
                "Ask it: %nemotron --cache …   Or all: %config Nemotron.cache = 'on'",
            )
        return cached

    def keep(self, reply: Reply, settings: Settings) -> None:
        """Cache a reply that is whole and new, if the cache is on."""
        is_new = reply.metadata.recalled is None
        if settings["cache"] == "on" and reply.is_whole and is_new:
            request = reply.metadata.request_hash
            self._newer.add(request)
            self.cache.keep(request, CachedReply.of(reply).to_json())

    def pop_warning(self, ledger: Ledger) -> str:
        """Return once what the user should know of ledger and cache; else empty."""
        cache = self._cache.pop_warning() if self._cache else ""
        return "; ".join(filter(None, (ledger.pop_warning(), cache)))

    def close(self) -> None:
        """Close the files, and forget what is in memory."""
        for one in (self._ledger, self._cache):
            if one is not None:
                one.close()
