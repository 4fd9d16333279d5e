"""Check limits before a call, record its cost afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from nemotron_magic.client.models import Model
from nemotron_magic.core.endpoint import Endpoint
from nemotron_magic.core.errors import (
    InputError,
    InterruptedByUser,
    ModelError,
    NemotronError,
)
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.usage import believed_usd
from nemotron_magic.session.budget import (
    Budget,
    dearest,
    estimate_cost,
    estimate_cost_usd,
    unpriced_field,
)
from nemotron_magic.session.replay import CachedReply
from nemotron_magic.session.reply import Reply, ReplyMetadata
from nemotron_magic.storage.cache import Cache, open_cache
from nemotron_magic.storage.ledger import Ledger, Tally
from nemotron_magic.storage.records import CallRecord, Totals

__all__ = [
    "CallAccounting",
    "PendingCall",
]


class PendingCall:
    """One call's row.

    Parameters
    ----------
    details : ReplyMetadata
        What is known before the call.
    log_text : bool
        Whether question and answer are kept, too.

    Attributes
    ----------
    details : ReplyMetadata
        What is known before the call.
    """

    def __init__(
        self,
        ledger: Ledger,
        metadata: ReplyMetadata,
        *,
        thread: str = "",
        notebook: str = "",
        log_text: bool = False,
    ) -> None:
        self.metadata = metadata
        self._ledger = ledger
        self._is_begun = False
        self._log_text = log_text
        self._begun = CallRecord(
            model=metadata.model,
            thread=thread,
            notebook=notebook,
            endpoint=metadata.base_url,
            request_hash=metadata.request_hash,
            question=metadata.messages[-1]["content"] if log_text else None,
        )

    def begin(
        self,
        most_usd: float | None = None,
        allow: Callable[[Totals, Totals], None] | None = None,
    ) -> None:
        """Write the row, unless `allow` raises; see `Ledger.begin`."""
        self._write(replace(self._begun, most_usd=believed_usd(most_usd)), allow)

    def begin_recalled(self) -> None:
        """Write the row of a call that costs nothing: its reply was kept."""
        self._write(replace(self._begun, may_cost=False, is_cached=True))

    def _write(
        self, call: CallRecord, allow: Callable[[Totals, Totals], None] | None = None
    ) -> None:
        self._begun = self._ledger.begin(call, allow)
        self._is_begun = True

    def news(self) -> str:
        """Return what the user should know of the ledger, once; else empty."""
        return self._ledger.pop_warning() if self._is_begun else ""

    def finish(
        self,
        reply: Reply,
        may_cost: bool,
        error: NemotronError | None = None,
    ) -> None:
        """Complete the row, if it was begun.

        Parameters
        ----------
        reply : Reply
            As it stands, however it ended.
        """
        if self._is_begun:
            self._ledger.finish(self._begun, self._ended(reply, may_cost, error))

    def _ended(
        self, reply: Reply, may_cost: bool, error: NemotronError | None
    ) -> CallRecord:
        known, usage = reply.metadata, reply.usage
        is_reported = usage.cost_usd is not None
        return replace(
            self._begun,
            served_model=known.served_model,
            ending=_ending(known, error),
            error="" if error is None else type(error).__name__,
            finish_reason=known.finish_reason,
            attempts=known.attempts,
            may_cost=may_cost,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cached_tokens=usage.cached_tokens,
            cost_usd=usage.cost_usd if is_reported else known.estimated_usd,
            cost_is_estimated=not is_reported and known.estimated_usd is not None,
            elapsed_s=known.elapsed_s,
            first_text_s=known.first_text_s,
            request_id=known.request_id,
            client_request_id=known.client_request_id,
            completion_id=known.completion_id,
            answer=str(reply) if self._log_text else None,
        )


def _ending(known: ReplyMetadata, error: NemotronError | None) -> str:
    if error is None:
        return known.ending
    return "interrupted" if isinstance(error, InterruptedByUser) else "failed"


class CallAccounting:
    """Writes calls down, with what they cost.

    Parameters
    ----------
    ledger : Ledger or None
        None for one in memory, made when first used.
    listed : callable
        Given an endpoint, the models that it was heard to list.
    fetch : callable
        Asks an endpoint for its models, so that they are listed from then on.
    now_s : callable
        The time since 1970.
    environ : mapping
        The process's environment, which may say where files are kept.

    Attributes
    ----------
    notebook : str
        Name of the notebook's file; empty where there is none.
    tallies : dict of str to Tally
        What this process knows to be spent, by the session.
    saved : callable
        Gives the reply to a request that the notebook's own outputs hold, or None.
    """

    def __init__(
        self,
        ledger: Ledger | None,
        listed: Callable[[Endpoint], tuple[Model, ...]],
        fetch: Callable[[Endpoint], object],
        now_s: Callable[[], float],
        environ: Mapping[str, str],
    ) -> None:
        self.notebook = ""
        self.saved: Callable[[str], CachedReply | None] = lambda request: None
        self._cache: Cache | None = None
        self.tallies: dict[str, Tally] = {}
        self._newer: set[str] = set()
        self._environ = environ
        self._ledger: Ledger | None = None
        if ledger is not None:
            self.ledger = ledger
        self._listed = listed
        self._fetch = fetch
        self._now_s = now_s

    @property
    def ledger(self) -> Ledger:
        """Where calls are written down."""
        if self._ledger is None:
            self._ledger = Ledger(now_s=self._now_s)
        return self._ledger

    @ledger.setter
    def ledger(self, ledger: Ledger) -> None:
        # What this session has spent stays spent, wherever it is written down.
        ledger.tally = self.tallies.setdefault(ledger.session, ledger.tally)
        self._ledger = ledger

    @property
    def cache(self) -> Cache:
        """Where replies are kept."""
        if self._cache is None:
            self._cache = open_cache(self._environ)
        return self._cache

    def entry(
        self, metadata: ReplyMetadata, thread: str, settings: Settings
    ) -> PendingCall:
        """Return the row of a call that is to be made."""
        return PendingCall(
            self.ledger,
            metadata,
            thread=thread,
            notebook=self.notebook,
            log_text=bool(settings["log_text"]),
        )

    def begin(self, entry: PendingCall, settings: Settings) -> None:
        """Write the row of a call that is to go out now.

        Raises
        ------
        LimitError
            If it may cost more than a limit allows.
        ModelError
            If there is a limit and the model is the default one, but not listed.
        """
        limits, why = Budget.of(settings), ""
        endpoint = Endpoint.read(entry.metadata.base_url)
        if limits.are_set and not self._listed(endpoint):
            why = self._list(endpoint)
        if limits.are_set and settings.model_is_default:
            self._check_default(endpoint, settings)
        body = entry.metadata.body
        may_take = estimate_cost(self._listed(endpoint), body)
        limits.check_call(may_take, settings.model, why, unpriced_field(body))

        def allow(session: Totals, today: Totals) -> None:
            limits.check_budgets(may_take, session, today, self.ledger.unknown_day)

        most_usd = may_take.most_usd if may_take else None
        entry.begin(most_usd, allow if limits.are_set else None)

    def recalled(
        self, entry: PendingCall, is_anew: bool, settings: Settings
    ) -> CachedReply | None:
        """Return the reply that was kept for a request, and begin its row; else None.

        Parameters
        ----------
        is_anew : bool
            Whether the user wants another reply than the one that there is.

        Raises
        ------
        InputError
            If there is none and the service is not to be asked.
        """
        if is_anew and settings["cache"] != "replay":
            return None
        kept = self.kept(entry.metadata.request_hash, settings)
        if kept is not None:
            entry.begin_recalled()
        elif settings["cache"] == "replay":
            raise InputError(
                "no reply to this question has been kept",
                "the cache is set to replay, so that nothing is asked",
                "Ask it: %nemotron --cache …   Or all: %config Nemotron.cache = 'on'",
            )
        return kept

    def kept(self, request: str, settings: Settings) -> CachedReply | None:
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

    def news(self, entry: PendingCall) -> str:
        """Return once what the user should know of ledger and cache; else empty."""
        cache = self._cache.pop_warning() if self._cache else ""
        return "; ".join(filter(None, (entry.news(), cache)))

    def ended(
        self, entry: PendingCall, reply: Reply, settings: Settings
    ) -> tuple[Reply, InterruptedByUser | None]:
        """Complete the row of a call that ended well; return the reply with its cost.

        Returns
        -------
        Reply
            With an estimate of the cost, and what the user should know of the ledger.
        InterruptedByUser or None
            What to raise when the reply has been kept: the user stopped the writing.
        """
        reply = self._priced(reply)
        may_keep = reply.is_whole and reply.metadata.recalled is None
        stopped = None
        try:
            entry.finish(reply, reply.metadata.recalled is None)
            if settings["cache"] == "on" and may_keep:
                self._newer.add(reply.metadata.request_hash)
                self.cache.keep(
                    reply.metadata.request_hash, CachedReply.of(reply).to_json()
                )
            if news := self.news(entry):
                notices = (*reply.metadata.notices, news)
                reply = Reply(reply, replace(reply.metadata, notices=notices))
        except KeyboardInterrupt:
            why = "the reply had arrived and is kept"
            stopped = InterruptedByUser("stopped by you", why)
        return reply, stopped

    def failed(
        self,
        entry: PendingCall,
        so_far: Reply,
        may_cost: bool,
        error: NemotronError,
        settings: Settings,
    ) -> None:
        """Complete the row of a call that ended in an error."""
        with suppress(KeyboardInterrupt):
            entry.finish(self._priced(so_far), may_cost, error)

    def close(self) -> None:
        """Let go of what is in memory."""
        if self._ledger is not None:
            self._ledger.close()
        if self._cache is not None:
            self._cache.close()

    def _list(self, endpoint: Endpoint) -> str:
        """Have the models listed; return why that cannot be done, or nothing."""
        try:
            self._fetch(endpoint)
        except InterruptedByUser:
            raise
        except NemotronError as error:
            return error.what
        return ""

    def _check_default(self, endpoint: Endpoint, settings: Settings) -> None:
        """Let a live model be asked: a retired one has no price to hold a limit by."""
        listed = self._listed(endpoint)
        if listed and not any(model.goes_by(settings.model) for model in listed):
            raise ModelError(f"{endpoint.netloc} does not list {settings.model}")

    def _priced(self, reply: Reply) -> Reply:
        """Put in what it cost by the catalogue, where the service did not tell."""
        if reply.cost_usd is not None:
            return reply
        listed = self._listed(Endpoint.read(reply.metadata.base_url))
        cost_usd = estimate_cost_usd(dearest(listed, reply.metadata.body), reply.usage)
        return Reply(reply, replace(reply.metadata, estimated_usd=cost_usd))
