"""One call from beginning to end: limits, cache, the service, the ledger."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nemotron_magic.access import Access
from nemotron_magic.books import Books
from nemotron_magic.cache import request_hash
from nemotron_magic.catalogue import Model, live_replacement, sorted_for_people
from nemotron_magic.errors import Interrupted, ModelError, NemotronError
from nemotron_magic.events import Event, Notice
from nemotron_magic.exchange import Exchange, Watch
from nemotron_magic.parameters import DEFAULT_MODEL
from nemotron_magic.reply import Details, Message, Reply, partial_reply
from nemotron_magic.settings import Settings
from nemotron_magic.turns import Asked, shared

if TYPE_CHECKING:
    from nemotron_magic.client import Client, Request
    from nemotron_magic.client.stop import Stop
    from nemotron_magic.ledger import Entry

__all__ = ["Calls"]


class Calls:
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
        access: Access,
        client: Callable[[], Client],
        books: Books,
        note: Callable[[Asked, Reply | None, bool], None],
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
        self._told: tuple[Message, ...] = ()

    def models(self, settings: Settings) -> list[Model]:
        """Give the models that the service lists, Nemotrons first."""
        endpoint = self._access.endpoint(settings)
        listed = self._client().models(endpoint, self._access.key(endpoint))
        return sorted_for_people(listed)

    def ask(
        self,
        asked: Asked,
        settings: Settings,
        watch: Watch,
        stop: Stop | None = None,
    ) -> Reply:
        """Ask, and ask a live model if the default one is gone.

        Raises
        ------
        NemotronError
            With `error.reply` set to what had arrived, if anything had.
        """
        asked = replace(asked, told=shared(asked.told, self._told))
        self._told = asked.told
        settings = self.with_live_model(settings)
        while True:
            try:
                return self._call(asked, settings, watch, stop)
            except ModelError as error:
                settings = self._replaced(error, settings)

    def is_kept(self, asked: Asked, settings: Settings) -> bool:
        """Tell whether the cache would answer, so that nothing is sent."""
        request = self._details(asked, settings).request_hash
        return self._books.kept(request, settings) is not None

    def with_live_model(self, settings: Settings) -> Settings:
        """Return the settings with the model that stands in for a retired one."""
        found = self._substitutes.get(self._access.endpoint(settings).origin)
        if found is None or not settings.model_is_default:
            return settings
        return settings.with_model(found)

    def _replaced(self, error: ModelError, settings: Settings) -> Settings:
        """Give the settings with a live model; raise `error` if there is none to ask.

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
        except Interrupted:
            raise
        except NemotronError:
            raise error from None
        is_default = settings.model_is_default and settings.model == DEFAULT_MODEL
        found = live_replacement(live) if is_default and error.reply is None else None
        if found:
            self._substitutes[origin] = found.name
            return settings.with_model(found.name)
        if live:
            names = ", ".join(m.name for m in live[:4])
            error.todo = f"Live here: {names}. All: %nemotron models"
        raise error

    def _call(
        self, asked: Asked, settings: Settings, watch: Watch, stop: Stop | None
    ) -> Reply:
        details = self._details(asked, settings)
        exchange = Exchange(details, self._clock_s, watch)
        entry = self._books.entry(details, asked.thread, settings)
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
        self, asked: Asked, settings: Settings, entry: Entry, stop: Stop | None
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
        request = self._request(entry.details, settings)
        self._books.begin(entry, settings)
        if news := self._books.news(entry):
            yield Notice(news)
        yield from self._client().stream(request, stop)

    def _request(self, details: Details, settings: Settings) -> Request:
        from nemotron_magic.client import Request

        endpoint = self._access.endpoint(settings)
        key = self._access.checked_key(endpoint, settings)
        told, fields = details.messages, details.parameters
        return Request(endpoint, told, settings, key, fields)

    def _details(self, asked: Asked, settings: Settings) -> Details:
        model = settings.model
        parameters = {k: v for k, v in asked.fields.items() if k != "model"}
        base_url = self._access.endpoint(settings).base_url
        # By what the user asked for: a default that was replaced is still the default.
        wanted = DEFAULT_MODEL if settings.model_is_default else model
        asked_at = datetime.fromtimestamp(self._now_s(), UTC)
        return Details(
            model=model,
            messages=asked.told,
            attached=asked.attached,
            parameters=parameters,
            base_url=base_url,
            request_hash=request_hash(base_url, wanted, asked.told, parameters),
            asked_at=asked_at.isoformat("T", "seconds"),
        )
