"""One call: check its limits, stream its reply, record its cost, cache the reply."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cached_property

from nemotron_magic.client.client import Client, Request
from nemotron_magic.client.deadline import CancelToken, InterruptGuard
from nemotron_magic.core import errors
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.events import Event, EventCallback, Notice, Text
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.usage import believed_usd
from nemotron_magic.session import budget
from nemotron_magic.session.conversation import PreparedPrompt
from nemotron_magic.session.credentials import Credentials
from nemotron_magic.session.reply import (
    CachedReply,
    Reply,
    ReplyAccumulator,
    ReplyMetadata,
)
from nemotron_magic.storage.cache import Cache, RungMemory, open_cache, open_rungs
from nemotron_magic.storage.ledger import Allow, Ledger, Tally
from nemotron_magic.storage.records import CallRecord, Totals


class CallAccounting:
    """The ledger and the cache of a session.

    `notebook` is its file's name; `tallies` are what this process knows to be spent, by
    session; `saved` finds a reply in the notebook's own outputs.
    """

    def __init__(
        self,
        ledger: Ledger | None,
        now_s: Callable[[], float],
        environ: Mapping[str, str],
    ) -> None:
        self.notebook, self.is_rehearsal = "", False
        self.saved: Callable[[str], CachedReply | None] = lambda request: None
        self.tallies: dict[str, Tally] = {}
        self.noticed: set[str] = set()  # said once a session
        self.ledger = Ledger(now_s=now_s) if ledger is None else ledger
        self._newer: set[str] = set()
        self._environ, self._now_s = environ, now_s

    @property
    def ledger(self) -> Ledger:
        """Where calls are recorded."""
        return self._ledger

    @ledger.setter
    def ledger(self, ledger: Ledger) -> None:
        # What this session has spent stays spent, wherever it is recorded.
        ledger.tally = self.tallies.setdefault(ledger.session, ledger.tally)
        self._ledger = ledger

    @cached_property
    def cache(self) -> Cache:
        """Where replies are kept."""
        return open_cache(self._environ)

    @cached_property
    def rungs(self) -> RungMemory:
        """What is known of the forms of typed answers that models take."""
        return open_rungs(self._environ, self._now_s)

    def cached(self, request: str, settings: Settings) -> CachedReply | None:
        """Return the cached reply to a request, or None; also if the cache is off."""
        if settings["cache"] == "off":
            return None
        # What was asked again since is newer than what the notebook has saved.
        saved = None if request in self._newer else self.saved(request)
        text = self.cache.find(request)
        kept = None if text is None else CachedReply.from_json(text)
        # What the user has kept, too, is no forgery.
        is_own = kept is not None and (saved is None or saved.texts == kept.texts)
        return kept if is_own else saved

    def keep(self, reply: Reply, settings: Settings) -> None:
        """Cache a reply that is whole and new, if the cache is on."""
        known = reply.metadata
        if settings["cache"] == "on" and reply.is_whole and not known.recalled:
            self._newer.add(known.request_hash)
            self.cache.keep(known.request_hash, CachedReply.of(reply).to_json())

    def pop_warning(self, ledger: Ledger) -> str:
        """Return once what the user should know of ledger and cache; else empty."""
        cache = self.cache.pop_warning() if "cache" in self.__dict__ else ""
        return "; ".join(filter(None, (ledger.pop_warning(), cache)))

    def close(self) -> None:
        """Close the files, and forget what is in memory."""
        for one in (self.ledger, *map(self.__dict__.get, ("cache", "rungs"))):
            if one is not None:
                one.close()


@dataclass
class Call:
    """One call, from the check of its limits to its row in the ledger."""

    prompt: PreparedPrompt
    metadata: ReplyMetadata
    settings: Settings
    client: Client
    credentials: Credentials
    accounting: CallAccounting
    watch: EventCallback
    stop: CancelToken | None
    clock_s: Callable[[], float]

    def __post_init__(self) -> None:
        self._is_refused = False
        self._ledger = self.accounting.ledger
        self._endpoint = Endpoint.read(self.metadata.base_url)
        self._draft = ReplyAccumulator(self.metadata)
        self._begun: CallRecord | None = None
        self._started_s = self.clock_s()
        self._first_text_s: float | None = None

    @property
    def _may_cost(self) -> bool:
        is_sent = self._draft.attempts > 0 and not self._is_refused
        return is_sent and not self._is_rehearsal

    @property
    def _is_rehearsal(self) -> bool:
        return self.metadata.is_rehearsal or self.client.is_rehearsal(self._endpoint)

    def run(self, guard: InterruptGuard) -> Reply:
        """Return the reply when it is whole; else raise with `error.reply` set.

        `guard` holds interrupts back while what has arrived is kept.
        """
        try:
            with guard.released(), closing(self._events()) as events:
                for event in events:
                    self._take(event)
        except KeyboardInterrupt:
            error: NemotronError = self._stopped()
        except MemoryError:
            error = errors.OutcomeUnknownError(
                "this process is out of memory",
                "what had arrived is kept; it may have been billed",
                "Free some: del large objects, or restart the kernel",
            )
        except NemotronError as raised:
            error, lost = raised, isinstance(raised, errors.OutcomeUnknownError)
            self._is_refused = not (lost or self._draft.accepted)
        else:
            if not self._draft.is_truncated:
                return self._finished(guard)
            error = errors.OutcomeUnknownError(
                f"{self._endpoint.netloc} ended the reply early",
                "it did not say that the model was done; what had arrived is kept",
                errors.ASK_AGAIN,
            )
        partial = self._reply(error)
        if self._draft.has_text:
            error.reply = self.prompt.whole(partial)
            if partial.strip():
                error.hint = error.hint.replace(errors.ASK_AGAIN, errors.GO_ON)
        with suppress(KeyboardInterrupt), guard.released():
            self._record_end(partial, error)
        # Raise outside the `except` block: the original must not be chained.
        raise error

    def _events(self) -> Generator[Event, None, None]:
        """Yield what happens, from the cache or from the service."""
        settings, is_replay = self.settings, self.settings["cache"] == "replay"
        if self.prompt.notice:
            yield Notice(self.prompt.notice)
        if not self.prompt.bypass_cache or is_replay:
            if cached := self.accounting.cached(self.metadata.request_hash, settings):
                self._begin(CallRecord(may_cost=False, is_cached=True))
                yield from cached.events()
                return
            if is_replay:
                raise errors.InputError(
                    "there is no cached reply to this question",
                    "the cache is set to replay, so nothing is sent",
                    "Ask it: %nemotron --cache …   "
                    "Or all: %config Nemotron.cache = 'on'",
                )
        if settings.model_is_default and settings.model != DEFAULT_MODEL:
            said = f"{DEFAULT_MODEL} is not served any more; asked {settings.model}"
            if said not in self.accounting.noticed:
                self.accounting.noticed.add(said)
                yield Notice(said)
        key = self.credentials.checked_key(self._endpoint, settings)
        self._begin_within_limits(key)
        if warning := self.accounting.pop_warning(self._ledger):
            yield Notice(warning)
        messages, parameters = self.metadata.messages, self.metadata.parameters
        request = Request(self._endpoint, messages, settings, key, parameters)
        yield from self.client.stream(request, self.stop)

    def _begin_within_limits(self, key: Key | None) -> None:
        """Record the call before it is sent, unless it may cost more than allowed."""
        limits, settings, why = budget.Budget.of(self.settings), self.settings, ""
        models = self.client.listed(self._endpoint)
        if limits.are_set and not models:
            try:
                models = self.client.models(self._endpoint, key)
            except errors.InterruptedByUser:
                raise
            except NemotronError as error:
                why = error.what
        is_served = any(model.goes_by(settings.model) for model in models)
        if limits.are_set and settings.model_is_default and models and not is_served:
            # A retired model has no price to hold a limit by.
            host = self._endpoint.netloc
            raise errors.ModelError(f"{host} does not list {settings.model}")
        body = self.metadata.body
        estimate = budget.estimate_cost(models, body)
        limits.check_call(estimate, settings.model, why, budget.unpriced_field(body))

        def allow(session: Totals, today: Totals) -> None:
            unknown_day = self._ledger.unknown_day
            limits.check_budgets(estimate, session, today, unknown_day)

        most_usd = believed_usd(estimate.most_usd) if estimate else None
        self._begin(CallRecord(most_usd=most_usd), allow if limits.are_set else None)

    def _begin(self, record: CallRecord, allow: Allow | None = None) -> None:
        """Write the row, unless `allow` raises; see `Ledger.begin`."""
        known = self.metadata
        question = known.messages[-1]["content"] if self.settings["log_text"] else None
        record = replace(
            record,
            may_cost=record.may_cost and not self._is_rehearsal,
            model=known.model,
            thread=self.prompt.thread,
            notebook=self.accounting.notebook,
            endpoint=known.base_url,
            request_hash=known.request_hash,
            question=question,
        )
        self._begun = self._ledger.begin(record, allow)

    def _take(self, event: Event) -> None:
        self._draft.add(event)
        if self._first_text_s is None and type(event) is Text:
            self._first_text_s = self.clock_s() - self._started_s
        try:
            self.watch(event)
        except Exception as error:  # the reply is paid for all the same
            self.watch = lambda event: None
            said = f"It could not be shown while it arrived: {error!r}"
            self._draft.add(Notice(said))

    def _reply(self, error: NemotronError | None = None) -> Reply:
        """Return the reply as it stands, with an estimate of what was not reported.

        Tokens only of a reply that was broken off: its report would have come last.
        """
        draft, elapsed_s = self._draft, self.clock_s() - self._started_s
        reply = draft.reply(elapsed_s=elapsed_s, first_text_s=self._first_text_s)
        known = reply.metadata
        known.is_rehearsal = self._is_rehearsal
        if error and not draft.is_truncated:
            is_stopped = isinstance(error, errors.InterruptedByUser)
            known.ending = "interrupted" if is_stopped else "failed"
        usage = known.usage
        is_unknown = None in (usage.prompt_tokens, usage.completion_tokens)
        if known.ending != "complete" and is_unknown and draft.has_text:
            text = f"{known.reasoning}{''.join(reply.choices)}{known.refusal}"
            usage = budget.estimate_usage(known.body, text).updated(usage)
            known.estimated_usage = usage
        if usage.cost_usd is None:
            model = budget.dearest(self.client.listed(self._endpoint), known.body)
            known.estimated_usd = budget.estimate_cost_usd(model, usage)
        elif known.is_rehearsal and known.recalled is None:
            known.usage = replace(known.usage, cost_usd=None)
            known.estimated_usd = usage.cost_usd
        return reply

    def _finished(self, guard: InterruptGuard) -> Reply:
        """Record and cache a reply that ended well, also if the user stops this."""
        reply = self._reply()
        try:
            with guard.released():
                self._record_end(reply)
                self.accounting.keep(reply, self.settings)
                if warning := self.accounting.pop_warning(self._ledger):
                    reply.metadata.notices += (warning,)
        except KeyboardInterrupt:
            guard.is_pressed = True
        return self.prompt.whole(reply)

    def _stopped(self) -> NemotronError:
        billed = "it may have been billed" if self._may_cost else "it cost nothing"
        billed = billed if self._draft.attempts else "nothing was sent"
        why, hint = f"nothing had arrived yet; {billed}", ""
        if self._draft.has_text:
            why, hint = f"what had arrived is kept; {billed}", errors.ASK_AGAIN
        return errors.InterruptedByUser("stopped by you", why, hint)

    def _record_end(self, reply: Reply, error: NemotronError | None = None) -> None:
        """Complete the row, if it was begun."""
        if self._begun is None:
            return
        known = reply.metadata
        usage = known.estimated_usage or known.usage
        is_reported = usage.cost_usd is not None
        cost_usd = usage.cost_usd if is_reported else known.estimated_usd
        cost_usd = None if known.is_rehearsal else cost_usd
        ended = replace(
            self._begun,
            **{name: getattr(known, name) for name in _OF_REPLY},
            **{name: getattr(usage, name) for name in _OF_USAGE},
            error=type(error).__name__ if error else "",
            may_cost=self._may_cost,
            tokens_are_estimated=known.estimated_usage is not None,
            cost_usd=cost_usd,
            cost_is_estimated=not is_reported and cost_usd is not None,
            answer=str(reply) if self.settings["log_text"] else None,
        )
        self._ledger.finish(self._begun, ended)


_OF_REPLY = (
    *("served_model", "ending", "finish_reason", "attempts", "elapsed_s"),
    *("first_text_s", "request_id", "client_request_id", "completion_id"),
)
_OF_USAGE = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
