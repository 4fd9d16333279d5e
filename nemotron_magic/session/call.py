"""One call from limit check to ledger, with what arrived kept."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

from nemotron_magic.client.client import Client, Request
from nemotron_magic.client.deadline import CancelToken
from nemotron_magic.client.models import Model, fallback_model, sorted_for_people
from nemotron_magic.context.prompt import Message
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
from nemotron_magic.session.accounting import CallAccounting, PendingCall
from nemotron_magic.session.conversation import PreparedPrompt, intern_messages
from nemotron_magic.session.credentials import Credentials
from nemotron_magic.session.reply import (
    Ending,
    Reply,
    ReplyAccumulator,
    ReplyMetadata,
    partial_reply,
)
from nemotron_magic.storage.cache import request_hash

__all__ = [
    "CallRunner",
    "StreamConsumer",
]


def _ignore(event: Event) -> None:
    """Watch nothing."""


class StreamConsumer:
    """Turn the events of one call into its reply.

    Parameters
    ----------
    details : ReplyMetadata
        What is known before the call.
    clock_s : callable
        A monotonic clock.
    watch : callable
        Told each event as it happens.

    Attributes
    ----------
    may_cost : bool
        Whether the service may bill it.
    """

    def __init__(
        self,
        metadata: ReplyMetadata,
        clock_s: Callable[[], float],
        watch: EventCallback,
    ) -> None:
        self.may_cost = False
        self._draft = ReplyAccumulator(metadata)
        self._clock_s = clock_s
        self._watch = watch
        self._started_s = clock_s()
        self._first_text_s: float | None = None

    def run(self, events: Generator[Event, None, None]) -> Reply:
        """Use `events` up; return the reply when it is whole.

        Raises
        ------
        NemotronError
            With `error.reply` set to what had arrived, if anything had.
        """
        try:
            with closing(events):
                for event in events:
                    self._take(event)
        except KeyboardInterrupt:
            self.may_cost = self._draft.attempts > 0
            error: NemotronError = self._interrupted()
        except MemoryError:
            self.may_cost = self._draft.attempts > 0
            error = self._out_of_memory()
        except NemotronError as raised:
            lost = isinstance(raised, OutcomeUnknownError)
            self.may_cost = lost or self._draft.accepted
            error = self._with_reply(raised, "failed")
        else:
            self.may_cost = self._draft.attempts > 0
            return self.so_far()
        # Raised out here so that it does not carry what it was raised for.
        raise error

    def so_far(self) -> Reply:
        """Return the reply as it stands, also if nothing has arrived."""
        elapsed_s = self._clock_s() - self._started_s
        return self._draft.reply(elapsed_s=elapsed_s, first_text_s=self._first_text_s)

    def _take(self, event: Event) -> None:
        self._draft.add(event)
        if self._first_text_s is None and type(event) is Text:
            self._first_text_s = self._clock_s() - self._started_s
        try:
            self._watch(event)
        except Exception as error:
            # The reply is paid for, whatever becomes of showing it.
            self._watch = _ignore
            self._draft.add(Notice(f"It could not be shown as it came: {error!r}"))

    def _interrupted(self) -> NemotronError:
        billed = "it may have been billed" if self.may_cost else "nothing was sent"
        if not self._draft.has_text:
            why = f"nothing had arrived yet; {billed}"
            return InterruptedByUser("stopped by you", why)
        error = InterruptedByUser(
            "stopped by you",
            f"what had arrived is kept; {billed}",
            ASK_AGAIN,
        )
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
            reply = self.so_far()
            error.reply = Reply(reply, replace(reply.metadata, ending=ending))
            if reply.strip():
                error.hint = error.hint.replace(ASK_AGAIN, GO_ON)
        return error


class CallRunner:
    """Makes calls, with a live model in place of the default one if that is gone.

    Parameters
    ----------
    client : callable
        Gives the client, made when first used.
    note : callable
        Told of each call what was asked, what arrived, and whether it may cost.
    clock_s, now_s : callable
        A monotonic clock, and the time since 1970.
    """

    def __init__(
        self,
        access: Credentials,
        client: Callable[[], Client],
        books: CallAccounting,
        note: Callable[[PreparedPrompt, Reply | None, bool], None],
        clock_s: Callable[[], float],
        now_s: Callable[[], float],
    ) -> None:
        self._access = access
        self._client = client
        self._books = books
        self._note = note
        self._clock_s = clock_s
        self._now_s = now_s
        self._substitutes: dict[str, str] = {}
        self._refused: dict[str, set[str]] = {}
        self._messages: tuple[Message, ...] = ()

    def models(self, settings: Settings) -> list[Model]:
        """Return the models that the service lists, Nemotrons first."""
        endpoint = self._access.endpoint(settings)
        listed = self._client().models(endpoint, self._access.key(endpoint))
        return sorted_for_people(listed)

    def ask(
        self,
        asked: PreparedPrompt,
        settings: Settings,
        watch: EventCallback,
        stop: CancelToken | None = None,
    ) -> Reply:
        """Ask, and ask a live model if the default one is gone.

        Raises
        ------
        NemotronError
            With `error.reply` set to what had arrived, if anything had.
        """
        asked = replace(asked, messages=intern_messages(asked.messages, self._messages))
        self._messages = asked.messages
        settings = self.with_live_model(settings)
        while True:
            try:
                return self._call(asked, settings, watch, stop)
            except ModelError as error:
                settings = self._replaced(error, settings)

    def is_kept(self, asked: PreparedPrompt, settings: Settings) -> bool:
        """Return whether the cache would answer, so that nothing is sent."""
        request = self._metadata(asked, settings).request_hash
        return self._books.kept(request, settings) is not None

    def with_live_model(self, settings: Settings) -> Settings:
        """Return the settings with the model that stands in for a retired one."""
        found = self._substitutes.get(self._access.endpoint(settings).origin)
        if found is None or not settings.model_is_default:
            return settings
        return settings.with_model(found)

    def _replaced(self, error: ModelError, settings: Settings) -> Settings:
        """Return the settings with a live model; raise `error` if there is none to ask.

        Only the default model is replaced. A substitute that is refused as well ends
        the question, and is not chosen again in this session: a service that lists
        another model each time is asked once more, and not for ever.
        """
        origin = self._access.endpoint(settings).origin
        refused = self._refused.setdefault(origin, set())
        refused.add(settings.model)
        if self._substitutes.get(origin) == settings.model:
            del self._substitutes[origin]
        try:
            live = [m for m in self.models(settings) if m.name not in refused]
        except InterruptedByUser:
            raise
        except NemotronError:
            raise error from None
        is_default = settings.model_is_default and settings.model == DEFAULT_MODEL
        found = fallback_model(live) if is_default and error.reply is None else None
        if found:
            self._substitutes[origin] = found.name
            return settings.with_model(found.name)
        if live:
            names = ", ".join(m.name for m in live[:4])
            error.hint = f"Live here: {names}. All: %nemotron models"
        raise error

    def _call(
        self,
        asked: PreparedPrompt,
        settings: Settings,
        watch: EventCallback,
        stop: CancelToken | None,
    ) -> Reply:
        metadata = self._metadata(asked, settings)
        exchange = StreamConsumer(metadata, self._clock_s, watch)
        entry = self._books.entry(metadata, asked.thread, settings)
        try:
            reply = exchange.run(self._events(asked, settings, entry, stop))
        except NemotronError as error:
            partial = partial_reply(error)
            if partial is not None:
                error.reply = partial = asked.whole(partial)
            self._note(asked, partial, exchange.may_cost)
            so_far = exchange.so_far()
            self._books.failed(entry, so_far, exchange.may_cost, error, settings)
            raise
        reply, stopped = self._books.ended(entry, reply, settings)
        reply = asked.whole(reply)
        self._note(asked, reply, exchange.may_cost)
        if stopped is not None:
            stopped.reply = reply
            raise stopped
        return reply

    def _events(
        self,
        asked: PreparedPrompt,
        settings: Settings,
        entry: PendingCall,
        stop: CancelToken | None,
    ) -> Generator[Event, None, None]:
        if asked.notice:
            yield Notice(asked.notice)
        kept = self._books.recalled(entry, asked.is_anew, settings)
        if kept is not None:
            yield from kept.events()
            return
        if settings.model_is_default and settings.model != DEFAULT_MODEL:
            gone = f"{DEFAULT_MODEL} is not served any more"
            yield Notice(f"{gone}; asked {settings.model}")
        request = self._request(entry.metadata, settings)
        self._books.begin(entry, settings)
        if news := self._books.news(entry):
            yield Notice(news)
        yield from self._client().stream(request, stop)

    def _request(self, metadata: ReplyMetadata, settings: Settings) -> Request:
        endpoint = self._access.endpoint(settings)
        key = self._access.checked_key(endpoint, settings)
        told, fields = metadata.messages, metadata.parameters
        return Request(endpoint, told, settings, key, fields)

    def _metadata(self, asked: PreparedPrompt, settings: Settings) -> ReplyMetadata:
        model = settings.model
        parameters = {k: v for k, v in asked.fields.items() if k != "model"}
        base_url = self._access.endpoint(settings).base_url
        # By what the user asked for: a default that was replaced is still the default.
        wanted = DEFAULT_MODEL if settings.model_is_default else model
        asked_at = datetime.fromtimestamp(self._now_s(), UTC)
        return ReplyMetadata(
            model=model,
            messages=asked.messages,
            context_info=asked.context_info,
            parameters=parameters,
            base_url=base_url,
            request_hash=request_hash(base_url, wanted, asked.messages, parameters),
            asked_at=asked_at.isoformat("T", "seconds"),
        )
