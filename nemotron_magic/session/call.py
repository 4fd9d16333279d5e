"""One call: check its limits, stream its reply, record its cost."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime

from nemotron_magic.client.client import Client, Request
from nemotron_magic.client.deadline import CancelToken, InterruptGuard
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import (
    ASK_AGAIN,
    GO_ON,
    InterruptedByUser,
    ModelError,
    NemotronError,
    OutcomeUnknownError,
)
from nemotron_magic.core.events import Event, EventCallback, Notice, Text
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.usage import believed_usd
from nemotron_magic.session.accounting import CallAccounting
from nemotron_magic.session.budget import (
    Budget,
    dearest,
    estimate_cost,
    estimate_cost_usd,
    estimate_usage,
    unpriced_field,
)
from nemotron_magic.session.conversation import PreparedPrompt
from nemotron_magic.session.credentials import Credentials
from nemotron_magic.session.reply import (
    Ending,
    Reply,
    ReplyAccumulator,
    ReplyMetadata,
)
from nemotron_magic.storage.cache import request_hash
from nemotron_magic.storage.records import CallRecord, Totals

__all__ = [
    "Call",
    "metadata_of",
]


def metadata_of(
    prompt: PreparedPrompt,
    settings: Settings,
    endpoint: Endpoint,
    now_s: float,
    is_rehearsal: bool = False,
) -> ReplyMetadata:
    """Return what is known of a reply before its call."""
    parameters = {k: v for k, v in prompt.fields.items() if k != "model"}
    # By what the user asked for: a default that was replaced is still the default.
    wanted = DEFAULT_MODEL if settings.model_is_default else settings.model
    base_url = endpoint.base_url
    return ReplyMetadata(
        model=settings.model,
        messages=prompt.messages,
        context_info=prompt.context_info,
        parameters=parameters,
        base_url=base_url,
        request_hash=request_hash(base_url, wanted, prompt.messages, parameters),
        is_rehearsal=is_rehearsal,
        asked_at=datetime.fromtimestamp(now_s, UTC).isoformat("T", "seconds"),
    )


class Call:
    """One call, from the check of its limits to its row in the ledger."""

    def __init__(
        self,
        prompt: PreparedPrompt,
        metadata: ReplyMetadata,
        settings: Settings,
        *,
        client: Client,
        credentials: Credentials,
        accounting: CallAccounting,
        watch: EventCallback,
        stop: CancelToken | None,
        clock_s: Callable[[], float],
    ) -> None:
        self._is_refused = False
        self._prompt = prompt
        self._metadata = metadata
        self._settings = settings
        self._client = client
        self._credentials = credentials
        self._accounting = accounting
        self._ledger = accounting.ledger
        self._watch = watch
        self._stop = stop
        self._clock_s = clock_s
        self._endpoint = Endpoint.read(metadata.base_url)
        self._draft = ReplyAccumulator(metadata)
        self._begun: CallRecord | None = None
        self._started_s = clock_s()
        self._first_text_s: float | None = None

    @property
    def may_cost(self) -> bool:
        """Whether the service may bill it."""
        is_sent = self._draft.attempts > 0 and not self._is_refused
        return is_sent and not self._metadata.is_rehearsal

    def run(self, guard: InterruptGuard) -> Reply:
        """Return the reply when it is whole.

        Parameters
        ----------
        guard : InterruptGuard
            Holds back interrupts while what has arrived is kept; told of one that came
            when the reply was whole.

        Raises
        ------
        NemotronError
            With `error.reply` set to what had arrived, if anything had.
        """
        try:
            with guard.released(), closing(self._events()) as events:
                for event in events:
                    self._take(event)
        except KeyboardInterrupt:
            error: NemotronError = self._stopped()
        except MemoryError:
            error = _out_of_memory()
        except NemotronError as raised:
            lost = isinstance(raised, OutcomeUnknownError)
            self._is_refused = not (lost or self._draft.accepted)
            error = raised
        else:
            if not self._draft.is_truncated:
                return self._finished(guard)
            error = _truncated(self._endpoint)
        partial = self._priced(self._reply(error))
        if self._draft.has_text:
            error.reply = self._prompt.whole(partial)
            if partial.strip():
                error.hint = error.hint.replace(ASK_AGAIN, GO_ON)
        with suppress(KeyboardInterrupt), guard.released():
            self._record_end(partial, error)
        # Raise outside the `except` block: the original must not be chained.
        raise error

    def _events(self) -> Generator[Event, None, None]:
        """Yield what happens, from the cache or from the service."""
        settings = self._settings
        if self._prompt.notice:
            yield Notice(self._prompt.notice)
        if not self._prompt.bypass_cache or settings["cache"] == "replay":
            cached = self._accounting.recall(self._metadata.request_hash, settings)
            if cached is not None:
                self._begin(CallRecord(may_cost=False, is_cached=True))
                yield from cached.events()
                return
        if settings.model_is_default and settings.model != DEFAULT_MODEL:
            gone = f"{DEFAULT_MODEL} is not served any more"
            yield Notice(f"{gone}; asked {settings.model}")
        key = self._credentials.checked_key(self._endpoint, settings)
        self._begin_within_limits(key)
        if warning := self._accounting.pop_warning(self._ledger):
            yield Notice(warning)
        known = self._metadata
        request = Request(
            self._endpoint, known.messages, settings, key, known.parameters
        )
        yield from self._client.stream(request, self._stop)

    def _begin_within_limits(self, key: Key | None) -> None:
        """Record the call before it is sent, unless it may cost more than allowed."""
        budget, settings, why = Budget.of(self._settings), self._settings, ""
        if budget.are_set and not self._client.listed(self._endpoint):
            why = self._list_models(key)
        models = self._client.listed(self._endpoint)
        is_served = any(model.goes_by(settings.model) for model in models)
        if budget.are_set and settings.model_is_default and models and not is_served:
            # A retired model has no price to hold a limit by.
            host = self._endpoint.netloc
            raise ModelError(f"{host} does not list {settings.model}")
        body = self._metadata.body
        estimate = estimate_cost(models, body)
        budget.check_call(estimate, settings.model, why, unpriced_field(body))

        def allow(session: Totals, today: Totals) -> None:
            unknown_day = self._ledger.unknown_day
            budget.check_budgets(estimate, session, today, unknown_day)

        most_usd = believed_usd(estimate.most_usd if estimate else None)
        self._begin(CallRecord(most_usd=most_usd), allow if budget.are_set else None)

    def _list_models(self, key: Key | None) -> str:
        """Have the models listed; return why that cannot be done, or nothing."""
        try:
            self._client.models(self._endpoint, key)
        except InterruptedByUser:
            raise
        except NemotronError as error:
            return error.what
        return ""

    def _begin(
        self,
        record: CallRecord,
        allow: Callable[[Totals, Totals], None] | None = None,
    ) -> None:
        """Write the row, unless `allow` raises; see `Ledger.begin`."""
        known = self._metadata
        question = known.messages[-1]["content"] if self._settings["log_text"] else None
        record = replace(
            record,
            may_cost=record.may_cost and not known.is_rehearsal,
            model=known.model,
            thread=self._prompt.thread,
            notebook=self._accounting.notebook,
            endpoint=known.base_url,
            request_hash=known.request_hash,
            question=question,
        )
        self._begun = self._ledger.begin(record, allow)

    def _take(self, event: Event) -> None:
        self._draft.add(event)
        if self._first_text_s is None and type(event) is Text:
            self._first_text_s = self._clock_s() - self._started_s
        try:
            self._watch(event)
        except Exception as error:
            # The reply is paid for, whatever becomes of showing it.
            self._watch = lambda event: None
            self._draft.add(Notice(f"It could not be shown as it came: {error!r}"))

    def _reply(self, error: NemotronError | None = None) -> Reply:
        """Return the reply as it stands, also if nothing has arrived."""
        elapsed_s = self._clock_s() - self._started_s
        reply = self._draft.reply(elapsed_s=elapsed_s, first_text_s=self._first_text_s)
        if error is None or self._draft.is_truncated:
            return reply
        is_stopped = isinstance(error, InterruptedByUser)
        ending: Ending = "interrupted" if is_stopped else "failed"
        return Reply(reply, replace(reply.metadata, ending=ending))

    def _finished(self, guard: InterruptGuard) -> Reply:
        """Record and cache a reply that ended well, also if the user stops this."""
        reply = self._priced(self._reply())
        try:
            with guard.released():
                self._record_end(reply)
                self._accounting.keep(reply, self._settings)
                if warning := self._accounting.pop_warning(self._ledger):
                    notices = (*reply.metadata.notices, warning)
                    reply = Reply(reply, replace(reply.metadata, notices=notices))
        except KeyboardInterrupt:
            guard.is_pressed = True
        return self._prompt.whole(reply)

    def _stopped(self) -> NemotronError:
        billed = "it may have been billed" if self.may_cost else "it cost nothing"
        if not self._draft.attempts:
            billed = "nothing was sent"
        if not self._draft.has_text:
            why = f"nothing had arrived yet; {billed}"
            return InterruptedByUser("stopped by you", why)
        why = f"what had arrived is kept; {billed}"
        return InterruptedByUser("stopped by you", why, ASK_AGAIN)

    def _priced(self, reply: Reply) -> Reply:
        """Return a reply with an estimate of what the service did not report.

        The cost is that of the catalogue; tokens are estimated of a reply that was
        broken off, as its report would have come last.
        """
        known = reply.metadata
        usage, is_cut = known.usage, known.ending != "complete"
        is_unknown = None in (usage.prompt_tokens, usage.completion_tokens)
        if is_cut and is_unknown and self._draft.has_text:
            text = f"{known.reasoning}{''.join(reply.choices)}{known.refusal}"
            usage = estimate_usage(known.body, text).updated(usage)
            known = replace(known, estimated_usage=usage)
        if usage.cost_usd is None:
            model = dearest(self._client.listed(self._endpoint), known.body)
            known = replace(known, estimated_usd=estimate_cost_usd(model, usage))
        elif known.is_rehearsal:
            free = replace(known.usage, cost_usd=None)
            known = replace(known, usage=free, estimated_usd=usage.cost_usd)
        return Reply(reply, known)

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
            served_model=known.served_model,
            ending=known.ending,
            error=type(error).__name__ if error else "",
            finish_reason=known.finish_reason,
            attempts=known.attempts,
            may_cost=self.may_cost,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cached_tokens=usage.cached_tokens,
            tokens_are_estimated=known.estimated_usage is not None,
            cost_usd=cost_usd,
            cost_is_estimated=not is_reported and cost_usd is not None,
            elapsed_s=known.elapsed_s,
            first_text_s=known.first_text_s,
            request_id=known.request_id,
            client_request_id=known.client_request_id,
            completion_id=known.completion_id,
            answer=str(reply) if self._settings["log_text"] else None,
        )
        self._ledger.finish(self._begun, ended)


def _truncated(endpoint: Endpoint) -> NemotronError:
    return OutcomeUnknownError(
        f"{endpoint.netloc} ended the reply early",
        "it did not say that the model was done; what had arrived is kept",
        ASK_AGAIN,
    )


def _out_of_memory() -> NemotronError:
    return OutcomeUnknownError(
        "this process has no memory left",
        "what had arrived is kept; it may have been billed",
        "Free some: del what is large, or restart the kernel",
    )
