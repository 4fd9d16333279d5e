"""One conversation: what was said before, where it goes, what it took.

Usable without any notebook:

    from nemotron_magic import Session
    print(Session(temperature=0.2).ask("Why does a left join add rows?"))
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING, Any

from nemotron_magic.books import Books
from nemotron_magic.cache import request_hash
from nemotron_magic.catalogue import Model, live_replacement, sorted_for_people
from nemotron_magic.context.prompt import as_data, frame
from nemotron_magic.context.redact import Redactor
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import InputError, Interrupted, ModelError, NemotronError
from nemotron_magic.events import Event, Notice
from nemotron_magic.exchange import Exchange, Watch
from nemotron_magic.joining import Joining
from nemotron_magic.key import (
    Key,
    Unshown,
    base_url_in,
    check_key_rules,
    find_key,
)
from nemotron_magic.keystore import KeyStore
from nemotron_magic.markdown.seam import joined
from nemotron_magic.parameters import DEFAULT_BASE_URL, DEFAULT_MODEL
from nemotron_magic.reply import Details, Message, Reply
from nemotron_magic.settings import Settings
from nemotron_magic.turns import (
    MAIN,
    Asked,
    Question,
    Spent,
    Turn,
    earlier,
    in_place_of,
    messages,
    place_of,
    with_turn,
)
from nemotron_magic.usage import Usage

if TYPE_CHECKING:
    from nemotron_magic.client import Client, Request
    from nemotron_magic.client.stop import Stop
    from nemotron_magic.ledger import Entry, Ledger

__all__ = ["Question", "Session", "Spent", "Turn"]

_CONTINUE = (
    "Your reply was cut off. Go on exactly where it stopped, without repeating any of "
    "it and without a preface."
)


class Session:
    """Ask questions; earlier turns go along.

    Parameters
    ----------
    key : str, optional
        The key for `base_url`; without it the environment and the keyring are asked.
    client : Client, optional
        In place of the real one.
    environ : mapping, optional
        In place of the process's environment.
    keys : KeyStore, optional
        In place of the system's keyring.
    ledger : Ledger, optional
        Where calls are written down; without it, in memory.
    clock_s, now_s : callable
        A monotonic clock, and the time since 1970.
    **values
        Settings by name, see `nemotron_magic.settings.PARAMETERS`.

    Attributes
    ----------
    threads : dict of str to list of Turn
        The conversations so far, by name.
    last : Reply or None
        The newest reply, also if it is not whole.
    books : Books
        What is written down of its calls.
    """

    def __init__(
        self,
        *,
        key: str | None = None,
        client: Client | None = None,
        environ: Mapping[str, str] = os.environ,
        keys: KeyStore | None = None,
        ledger: Ledger | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
        **values: Any,
    ) -> None:
        self.settings = Settings(values, model_is_default="model" not in values)
        self.threads: dict[str, list[Turn]] = {}
        self.last: Reply | None = None
        self.spent = Spent()
        self._lock = RLock()
        self._client = client
        self._environ = Unshown(environ)
        self._redactor = Redactor(self._environ)
        self._keys = keys or KeyStore()
        self.books = Books(
            ledger,
            lambda where: self.client.listed(where),
            lambda where: self.client.models(where, self.key(where)),
            now_s,
            self._environ,
        )
        self._given: dict[str, Key] = {}
        self._clock_s = clock_s
        self._now_s = now_s
        self._substitutes: dict[str, str] = {}
        self._asked_last: dict[str, Asked] = {}
        self._latest: dict[str, Turn] = {}
        if key is not None:
            self.use_key(key)

    def ask(
        self,
        question: str | Question,
        settings: Settings | None = None,
        watch: Watch = lambda event: None,
        stop: Stop | None = None,
    ) -> Reply:
        """Send a question; give the reply when it is whole.

        Several threads may ask at once.

        Parameters
        ----------
        question : str or Question
            In the user's own words, or with what goes along and where it comes from.
        settings : Settings, optional
            For this call; without it, the session's own.
        watch : callable
            Told each event as it happens.
        stop : Stop, optional
            Ends the call from another thread.

        Raises
        ------
        NemotronError
            With `error.reply` set to what had arrived, if anything had.
        """
        if isinstance(question, str):
            question = Question(question)
        if not question.text.strip():
            raise InputError(
                "there is no question", todo="Type one: %nemotron why is this slow?"
            )
        settings = settings or self.settings
        asked = self.prepared(question, settings)
        self._asked_last[question.thread] = asked
        self._latest.pop(question.thread, None)
        return self._ask(asked, settings, watch, stop)

    def prepared(self, question: Question, settings: Settings | None = None) -> Asked:
        """Give what would be sent, to the letter; sends nothing and needs no key."""
        settings = settings or self.settings
        return self._redacted(self._asked(question, settings), settings)

    def go_on(
        self,
        settings: Settings | None = None,
        watch: Watch = lambda event: None,
        thread: str = MAIN,
    ) -> Reply:
        """Let the model go on where its last reply was cut off; give the whole of it.

        Raises
        ------
        InputError
            If there is no last reply, or it is empty.
        """
        cut = self._latest.get(thread)
        if cut is None or not cut.reply.strip():
            raise InputError("there is no reply to go on with")
        begun = str(cut.reply)
        joining = Joining(begun, watch)
        try:
            return self._follow_up(
                cut,
                _CONTINUE,
                thread,
                settings or self.settings,
                joining,
                lambda reply: _joined(begun, reply),
            )
        finally:
            joining.end()

    def corrected(
        self,
        complaint: str,
        settings: Settings | None = None,
        watch: Watch = lambda event: None,
        thread: str = MAIN,
    ) -> Reply:
        """Tell the model what is wrong with its last reply; a new one replaces it.

        Raises
        ------
        InputError
            If there is no last reply.
        """
        wrong = self._latest.get(thread)
        if wrong is None or not wrong.reply.strip():
            raise InputError("there is no reply to correct")
        settings = settings or self.settings
        return self._follow_up(wrong, complaint, thread, settings, watch)

    def again(
        self,
        wish: str = "",
        settings: Settings | None = None,
        watch: Watch = lambda event: None,
        thread: str = MAIN,
    ) -> Reply:
        """Ask the last question again, also one that failed; replace its turn.

        Parameters
        ----------
        wish : str
            What to do otherwise this time, such as `shorter`.

        Raises
        ------
        InputError
            If nothing has been asked in this thread.
        """
        asked = self._asked_last.get(thread)
        if asked is None:
            raise InputError(
                "there is no question to ask again",
                todo="Type one: %nemotron why is this slow?",
            )
        settings, before = settings or self.settings, self._latest.get(thread)
        if wish.strip() and before is not None and before.reply.strip():
            told = f"Answer the question again: {wish.strip()}"
            return self._follow_up(before, told, thread, settings, watch)
        if wish.strip():
            last = asked.told[-1]
            more = {**last, "content": f"{last['content']}\n\n{wish.strip()}"}
            asked = replace(asked, told=(*asked.told[:-1], more))
        if before is not None:
            asked = replace(asked, turns_with=_in_place_of(before))
        asked = replace(asked, is_anew=True)
        return self._ask(asked, settings, watch)

    @property
    def turns(self) -> list[Turn]:
        """The main thread, failed and interrupted turns among it."""
        return self.threads.get(MAIN, [])

    def reset(self, thread: str = MAIN) -> int:
        """Forget a thread; give how many turns that were."""
        self._asked_last.pop(thread, None)
        self._latest.pop(thread, None)
        return len(self.threads.pop(thread, []))

    def endpoint(self, settings: Settings | None = None) -> Endpoint:
        """Give where questions go."""
        base_url = (settings or self.settings)["base_url"]
        # Identity: a user who types the default URL means it.
        if base_url is DEFAULT_BASE_URL:
            base_url = base_url_in(self._environ)
        return Endpoint.read(base_url)

    def key(self, endpoint: Endpoint) -> Key | None:
        """Give the key for `endpoint`, if there is one."""
        return find_key(endpoint, self._given, self._environ, self._keys.get)

    def use_key(self, value: str, settings: Settings | None = None) -> Key:
        """Take a key for this session."""
        origin = self.endpoint(settings).origin
        key = self._given[origin] = Key(value, origin, "this session")
        return key

    def forget_key(self, endpoint: Endpoint, before: Key | None) -> None:
        """Go back to the key that was there `before` one was given."""
        self._given.pop(endpoint.origin, None)
        if before is not None:
            self._given[endpoint.origin] = before

    def keep_key(self, value: str, settings: Settings | None = None) -> str:
        """Take a key for good; give the name of the store, "" if only for now."""
        self.use_key(value, settings)
        return self._keys.set(self.endpoint(settings).origin, value.strip())

    def context_tokens(self, settings: Settings) -> int:
        """Give how many tokens may go along with a question.

        Without a setting, a quarter of what the model reads by the catalogue, as far
        as that has been listed, and at most 16,000.
        """
        if settings["context_tokens"] is not None:
            return int(settings["context_tokens"])
        listed = self.client.listed(self.endpoint(settings))
        read = [m.context_tokens for m in listed if m.goes_by(settings.model)]
        return min([16_000, *(tokens // 4 for tokens in read if tokens)])

    def models(self, settings: Settings | None = None) -> list[Model]:
        """Give the models that the service lists, Nemotrons first."""
        endpoint = self.endpoint(settings)
        return sorted_for_people(self.client.models(endpoint, self.key(endpoint)))

    @property
    def client(self) -> Client:
        """The client, made when first used."""
        with self._lock:
            if self._client is None:
                from nemotron_magic.client import Client

                self._client = Client()
            return self._client

    @property
    def ledger(self) -> Ledger:
        """Where calls are written down."""
        return self.books.ledger

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
        self.books.close()

    def _asked(self, question: Question, settings: Settings) -> Asked:
        turns = self.threads.get(question.thread, [])
        before = [] if question.is_fresh else earlier(turns, question.origin)
        text = question.attached.text or question.text
        return Asked(
            messages(text, settings["system"], before),
            question.thread,
            lambda now, reply: with_turn(now, question.answered(reply)),
            question.attached,
            question.notice,
        )

    def _follow_up(
        self,
        turn: Turn,
        told: str,
        thread: str,
        settings: Settings,
        watch: Watch,
        whole: Callable[[Reply], Reply] = lambda reply: reply,
    ) -> Reply:
        """Say something more on a turn; what comes of it replaces the turn's reply."""
        turns = self.threads.get(thread, [])
        at = place_of(turn, turns)
        asked = Asked(
            (
                *messages(turn.sent or turn.question, settings["system"], turns[:at]),
                {"role": "assistant", "content": as_data(turn.reply)},
                {"role": "user", "content": told},
            ),
            thread,
            _in_place_of(turn),
            whole=whole,
        )
        return self._ask(self._redacted(asked, settings), settings, watch)

    def _redacted(self, asked: Asked, settings: Settings) -> Asked:
        """Take secrets out of every message, wherever they come from."""
        if not settings["redact"]:
            return asked
        key = self._key_or_none(settings)
        if not self._redactor.is_for(self._environ):
            self._redactor = Redactor(self._environ)
        redactor = self._redactor
        found: list[str] = []
        told: list[Message] = []
        for message in asked.told:
            pieces = frame(message["content"])
            # Our own delimiters stand between: they must stay, whatever is taken out.
            for number in range(0, len(pieces), 2):
                masked = key.redact(pieces[number]) if key else pieces[number]
                found += ["key"] * (masked != pieces[number])
                clean = redactor.redact(masked)
                found += [finding.kind for finding in clean.found]
                pieces[number] = clean.text
            told.append({**message, "content": "".join(pieces)})
        attached = replace(asked.attached, redacted=tuple(found))
        return replace(asked, told=tuple(told), attached=attached)

    def _key_or_none(self, settings: Settings) -> Key | None:
        try:
            return self.key(self.endpoint(settings))
        except NemotronError:
            return None

    def _ask(
        self,
        asked: Asked,
        settings: Settings,
        watch: Watch,
        stop: Stop | None = None,
    ) -> Reply:
        """Ask, and ask a live model if the default one is gone."""
        settings = self._with_live_model(settings)
        while True:
            try:
                return self._call(asked, settings, watch, stop)
            except ModelError as error:
                found = self._replacement(error, settings)
            self._substitutes[self.endpoint(settings).origin] = found
            settings = self._with_live_model(settings)

    def _with_live_model(self, settings: Settings) -> Settings:
        found = self._substitutes.get(self.endpoint(settings).origin)
        if found is None or not settings.model_is_default:
            return settings
        return settings.with_model(found)

    def _replacement(self, error: ModelError, settings: Settings) -> str:
        """Give the model to ask instead; raise `error`, with live names, if none."""
        try:
            live = self.models(settings)
        except Interrupted:
            raise
        except NemotronError:
            raise error from None
        may_replace = settings.model_is_default and error.reply is None
        found = live_replacement(live) if may_replace else None
        if found and found.name != settings.model:
            return found.name
        names = ", ".join(m.name for m in live[:4])
        error.todo = f"Live here: {names}. All: %nemotron models"
        raise error

    def _call(
        self, asked: Asked, settings: Settings, watch: Watch, stop: Stop | None
    ) -> Reply:
        details = self._details(asked, settings)
        exchange = Exchange(details, self._clock_s, watch)
        entry = self.books.entry(details, asked.thread, settings)
        try:
            reply = exchange.run(self._events(asked, settings, entry, stop))
        except NemotronError as error:
            if error.reply is not None:
                error.reply = asked.whole(error.reply)
            self._note(error.reply, exchange, asked)
            so_far = exchange.so_far()
            self.books.failed(entry, so_far, exchange.may_cost, error, settings)
            raise
        reply, stopped = self.books.ended(entry, reply, settings)
        reply = asked.whole(reply)
        self._note(reply, exchange, asked)
        if stopped is not None:
            stopped.reply = reply
            raise stopped
        return reply

    def _events(
        self, asked: Asked, settings: Settings, entry: Entry, stop: Stop | None
    ) -> Generator[Event, None, None]:
        if asked.notice:
            yield Notice(asked.notice)
        kept = self.books.recalled(entry, asked.is_anew, settings)
        if kept is not None:
            yield from kept.events()
            return
        if settings.model_is_default and settings.model != DEFAULT_MODEL:
            gone = f"{DEFAULT_MODEL} is not served any more"
            yield Notice(f"{gone}; asked {settings.model}")
        request = self._request(asked.told, settings)
        self.books.begin(entry, settings)
        if news := self.books.news(entry):
            yield Notice(news)
        yield from self.client.stream(request, stop)

    def _note(self, reply: Reply | None, exchange: Exchange, asked: Asked) -> None:
        """Write down what has arrived, and what it took."""
        with self._lock:
            if exchange.may_cost:
                self.spent += Usage() if reply is None else reply.usage
            if reply is None:
                return
            self.last = reply
            # As it is now: another call may have ended in the meantime.
            turns = asked.turns_with(self.threads.get(asked.thread, []), reply)
            self.threads[asked.thread] = turns
            self._latest[asked.thread] = next(t for t in turns if t.reply is reply)

    def _request(self, told: tuple[Message, ...], settings: Settings) -> Request:
        from nemotron_magic.client import Request

        endpoint = self.endpoint(settings)
        key = self.key(endpoint)
        check_key_rules(endpoint, key, bool(settings["allow_http"]), self._environ)
        return Request(endpoint, told, settings, key)

    def _details(self, asked: Asked, settings: Settings) -> Details:
        parameters = settings.parameters()
        model = parameters.pop("model")
        base_url = self.endpoint(settings).base_url
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


def _joined(begun: str, reply: Reply) -> Reply:
    """Give a reply with what came before it; the request was for the rest alone."""
    details = replace(reply.details, request_hash="")
    return Reply(joined(begun, reply), details)


def _in_place_of(turn: Turn) -> Callable[[Sequence[Turn], Reply], list[Turn]]:
    """Give what puts another reply in the place of a turn's own."""
    return lambda now, reply: in_place_of(turn, replace(turn, reply=reply), now)
