"""One call: check its limits, stream its reply, record its cost."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime

from nemotron_magic.client.client import Client, Request
from nemotron_magic.client.deadline import CancelToken
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
    prompt: PreparedPrompt, settings: Settings, endpoint: Endpoint, now_s: float
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
        asked_at=datetime.fromtimestamp(now_s, UTC).isoformat("T", "seconds"),
    )


class Call:
    """One call, from the check of its limits to its row in the ledger.

    `may_cost` is whether the service may bill it; for the rest see `Session.ask`.
    """

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
        self.may_cost = False
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

    def run(self) -> Reply:
        """Return the reply when it is whole.

        Raises
        ------
        NemotronError
            With `error.reply` set to what had arrived, if anything had.
        """
        try:
            with closing(self._events()) as events:
                for event in events:
                    self._take(event)
        except KeyboardInterrupt:
            self.may_cost = self._draft.attempts > 0
            error: NemotronError = self._stopped()
        except MemoryError:
            self.may_cost = self._draft.attempts > 0
            error = self._out_of_memory()
        except NemotronError as raised:
            lost = isinstance(raised, OutcomeUnknownError)
            self.may_cost = lost or self._draft.accepted
            error = self._with_reply(raised, "failed")
        else:
            self.may_cost = self._draft.attempts > 0
            return self._finished()
        with suppress(KeyboardInterrupt):
            self._record_end(self._priced(self._reply()), error)
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

    def _reply(self) -> Reply:
        """Return the reply as it stands, also if nothing has arrived."""
        elapsed_s = self._clock_s() - self._started_s
        return self._draft.reply(elapsed_s=elapsed_s, first_text_s=self._first_text_s)

    def _finished(self) -> Reply:
        """Record and cache a reply that ended well, also if the user stops this."""
        reply, is_stopped = self._priced(self._reply()), False
        try:
            self._record_end(reply)
            self._accounting.keep(reply, self._settings)
            if warning := self._accounting.pop_warning(self._ledger):
                notices = (*reply.metadata.notices, warning)
                reply = Reply(reply, replace(reply.metadata, notices=notices))
        except KeyboardInterrupt:
            is_stopped = True
        reply = self._prompt.whole(reply)
        if is_stopped:
            why = "the reply had arrived and is kept"
            error = InterruptedByUser("stopped by you", why)
            error.reply = reply
            raise error
        return reply

    def _stopped(self) -> NemotronError:
        billed = "it may have been billed" if self.may_cost else "nothing was sent"
        if not self._draft.has_text:
            why = f"nothing had arrived yet; {billed}"
            return InterruptedByUser("stopped by you", why)
        why = f"what had arrived is kept; {billed}"
        error = InterruptedByUser("stopped by you", why, ASK_AGAIN)
        return self._with_reply(error, "interrupted")

    def _out_of_memory(self) -> NemotronError:
        error = OutcomeUnknownError(
            "this process has no memory left",
            "what had arrived is kept; it may have been billed",
            "Free some: del what is large, or restart the kernel",
        )
        return self._with_reply(error, "failed")

    def _with_reply(self, error: NemotronError, ending: Ending) -> NemotronError:
        if self._draft.has_text:
            reply = self._reply()
            if reply.strip():
                error.hint = error.hint.replace(ASK_AGAIN, GO_ON)
            reply = Reply(reply, replace(reply.metadata, ending=ending))
            error.reply = self._prompt.whole(reply)
        return error

    def _priced(self, reply: Reply) -> Reply:
        """Return a reply with its cost by the catalogue, if none was reported."""
        if reply.cost_usd is not None:
            return reply
        model = dearest(self._client.listed(self._endpoint), self._metadata.body)
        cost_usd = estimate_cost_usd(model, reply.usage)
        return Reply(reply, replace(reply.metadata, estimated_usd=cost_usd))

    def _record_end(self, reply: Reply, error: NemotronError | None = None) -> None:
        """Complete the row, if it was begun."""
        if self._begun is None:
            return
        known, usage = reply.metadata, reply.usage
        is_stopped = isinstance(error, InterruptedByUser)
        is_reported = usage.cost_usd is not None
        ended = replace(
            self._begun,
            served_model=known.served_model,
            ending="interrupted" if is_stopped else "failed" if error else known.ending,
            error=type(error).__name__ if error else "",
            finish_reason=known.finish_reason,
            attempts=known.attempts,
            may_cost=self.may_cost,
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
            answer=str(reply) if self._settings["log_text"] else None,
        )
        self._ledger.finish(self._begun, ended)
