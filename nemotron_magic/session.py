"""One conversation: what was said before, where it goes, what it took.

Usable without any notebook:

    from nemotron_magic import Session
    print(Session(temperature=0.2).ask("Why does a left join add rows?"))
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nemotron_magic.catalogue import Model, live_replacement, sorted_for_people
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import (
    InputError,
    Interrupted,
    ModelError,
    NemotronError,
)
from nemotron_magic.events import Event, Notice, Text
from nemotron_magic.key import Key, base_url_in, check_key_rules, find_key
from nemotron_magic.keystore import KeyStore
from nemotron_magic.reply import Details, Draft, Ending, Reply
from nemotron_magic.settings import DEFAULT_BASE_URL, Settings
from nemotron_magic.usage import Usage

if TYPE_CHECKING:
    from nemotron_magic.client import Client, Request

__all__ = ["Session", "Spent", "Turn"]

MEMORY_CHARS = 24_000
"""How much of the earlier turns goes along, newest first: about 6,000 tokens."""

_CONTINUE = (
    "Your reply was cut off. Go on exactly where it stopped, without repeating any of "
    "it and without a preface."
)
Watch = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came of it."""

    question: str
    reply: Reply

    @property
    def is_answered(self) -> bool:
        """Whether the reply may stand in a later prompt as the answer."""
        return bool(self.reply) and self.reply.details.ending == "complete"


@dataclass(frozen=True, slots=True)
class Spent:
    """What the calls of a session took together.

    Attributes
    ----------
    unpriced : int
        Calls whose cost the service did not tell: `usage.cost_usd` leaves them out.
    """

    calls: int = 0
    unpriced: int = 0
    usage: Usage = field(default_factory=Usage)

    def __add__(self, usage: Usage) -> Spent:
        unpriced = self.unpriced + (usage.cost_usd is None)
        return Spent(self.calls + 1, unpriced, self.usage + usage)


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
    clock_s, now_s : callable
        A monotonic clock, and the time since 1970.
    **values
        Settings by name, see `nemotron_magic.settings.PARAMETERS`.

    Attributes
    ----------
    turns : list of Turn
        The conversation so far, failed and interrupted turns among it.
    last : Reply or None
        The newest reply, also if it is not whole.
    """

    def __init__(
        self,
        *,
        key: str | None = None,
        client: Client | None = None,
        environ: Mapping[str, str] = os.environ,
        keys: KeyStore | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
        **values: Any,
    ) -> None:
        self.settings = Settings(values, model_is_default="model" not in values)
        self.turns: list[Turn] = []
        self.last: Reply | None = None
        self.spent = Spent()
        self._client = client
        self._environ = environ
        self._keys = keys or KeyStore()
        self._given: dict[str, Key] = {}
        self._clock_s = clock_s
        self._now_s = now_s
        self._substitutes: dict[str, str] = {}
        if key is not None:
            self.use_key(key)

    def ask(
        self,
        question: str,
        settings: Settings | None = None,
        watch: Watch = lambda event: None,
    ) -> Reply:
        """Send a question; give the reply when it is whole.

        Parameters
        ----------
        question : str
            In the user's own words.
        settings : Settings, optional
            For this call; without it, the session's own.
        watch : callable
            Told each event as it happens.

        Raises
        ------
        NemotronError
            With `error.reply` set to what had arrived, if anything had.
        """
        if not question.strip():
            raise InputError(
                "there is no question", todo="Type one: %nemotron why is this slow?"
            )
        settings = settings or self.settings
        messages = self._messages(question, settings)
        return self._ask(question, messages, settings, watch)

    def go_on(
        self, settings: Settings | None = None, watch: Watch = lambda event: None
    ) -> Reply:
        """Let the model go on where its last reply was cut off, as a new reply.

        Raises
        ------
        InputError
            If there is no last reply, or it is empty.
        """
        if not self.turns or not self.turns[-1].reply:
            raise InputError("there is no reply to go on with")
        settings = settings or self.settings
        cut = self.turns[-1]
        messages = (
            *self._messages(cut.question, settings, self.turns[:-1]),
            {"role": "assistant", "content": str(cut.reply)},
            {"role": "user", "content": _CONTINUE},
        )
        return self._ask(_CONTINUE, messages, settings, watch)

    def reset(self) -> int:
        """Forget the conversation; give how many turns that were."""
        turns = len(self.turns)
        self.turns.clear()
        return turns

    def endpoint(self, settings: Settings | None = None) -> Endpoint:
        """Give where questions go."""
        base_url = (settings or self.settings)["base_url"]
        if base_url == DEFAULT_BASE_URL:
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

    def models(self, settings: Settings | None = None) -> list[Model]:
        """Give the models that the service lists, Nemotrons first."""
        endpoint = self.endpoint(settings)
        return sorted_for_people(self.client.models(endpoint, self.key(endpoint)))

    @property
    def client(self) -> Client:
        """The client, made when first used."""
        if self._client is None:
            from nemotron_magic.client import Client

            self._client = Client()
        return self._client

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def _messages(
        self, question: str, settings: Settings, turns: list[Turn] | None = None
    ) -> tuple[Mapping[str, str], ...]:
        system = str(settings["system"])
        told = _remembered(self.turns if turns is None else turns)
        return (
            *([{"role": "system", "content": system}] if system.strip() else []),
            *told,
            {"role": "user", "content": question},
        )

    def _ask(
        self,
        question: str,
        messages: tuple[Mapping[str, str], ...],
        settings: Settings,
        watch: Watch,
    ) -> Reply:
        substitute = self._substitutes.get(self.endpoint(settings).origin)
        if substitute and settings.model_is_default:
            return self._ask_substitute(substitute, question, messages, settings, watch)
        try:
            return self._call(question, messages, settings, watch)
        except ModelError as error:
            substitute = self._replacement(error, settings)
        self._substitutes[self.endpoint(settings).origin] = substitute
        return self._ask_substitute(substitute, question, messages, settings, watch)

    def _ask_substitute(
        self,
        substitute: str,
        question: str,
        messages: tuple[Mapping[str, str], ...],
        settings: Settings,
        watch: Watch,
    ) -> Reply:
        notice = Notice(f"{settings.model} is not served any more; asked {substitute}")
        changed = settings.with_model(substitute)
        return self._call(question, messages, changed, watch, notice)

    def _replacement(self, error: ModelError, settings: Settings) -> str:
        """Give the model to ask instead; raise `error`, with live names, if none."""
        try:
            live = self.models(settings)
        except NemotronError:
            raise error from None
        found = live_replacement(live)
        if settings.model_is_default and error.reply is None and found:
            return found.name
        names = ", ".join(m.name for m in live[:4])
        error.todo = f"Live here: {names}. All: %nemotron models"
        raise error

    def _call(
        self,
        question: str,
        messages: tuple[Mapping[str, str], ...],
        settings: Settings,
        watch: Watch,
        *notices: Notice,
    ) -> Reply:
        call = _Call(self._clock_s, watch)
        details = self._details(messages, settings)
        draft = call.begin(details, notices)
        try:
            call.run(self.client.stream(self._request(messages, settings)))
        except KeyboardInterrupt:
            reply = self._note(question, draft, call, "interrupted")
            error: NemotronError = _interrupted(reply)
        except NemotronError as raised:
            error = raised
            if draft.has_text:
                reply = self._note(question, draft, call, "failed")
                error.reply = reply
            elif draft.attempts:
                self.spent += Usage()
        else:
            return self._note(question, draft, call, None)
        raise error

    def _request(
        self, messages: tuple[Mapping[str, str], ...], settings: Settings
    ) -> Request:
        from nemotron_magic.client import Request

        endpoint = self.endpoint(settings)
        key = self.key(endpoint)
        check_key_rules(endpoint, key, bool(settings["allow_http"]), self._environ)
        return Request(endpoint, messages, settings, key)

    def _details(
        self, messages: tuple[Mapping[str, str], ...], settings: Settings
    ) -> Details:
        parameters = settings.parameters()
        return Details(
            model=parameters.pop("model"),
            messages=messages,
            parameters=parameters,
            base_url=self.endpoint(settings).base_url,
            asked_at=datetime.fromtimestamp(self._now_s(), UTC).isoformat(
                "T", "seconds"
            ),
        )

    def _note(
        self, question: str, draft: Draft, call: _Call, ending: Ending | None
    ) -> Reply:
        """Make the reply of what has arrived and write it down."""
        reply = draft.reply(elapsed_s=call.elapsed_s, first_text_s=call.first_text_s)
        if ending is not None:
            reply = Reply(reply, replace(reply.details, ending=ending))
        self.last = reply
        self.turns.append(Turn(question, reply))
        self.spent += reply.usage
        return reply


class _Call:
    """One call being watched and timed."""

    def __init__(self, clock_s: Callable[[], float], watch: Watch) -> None:
        self._clock_s = clock_s
        self._watch = watch
        self._started_s = clock_s()
        self.first_text_s: float | None = None

    @property
    def elapsed_s(self) -> float:
        return self._clock_s() - self._started_s

    def begin(self, details: Details, notices: tuple[Notice, ...]) -> Draft:
        self._draft = Draft(details)
        for notice in notices:
            self._draft.add(notice)
            self._watch(notice)
        return self._draft

    def run(self, events: Any) -> None:
        add, watch = self._draft.add, self._watch
        with closing(events):
            for event in events:
                add(event)
                if self.first_text_s is None and type(event) is Text:
                    self.first_text_s = self.elapsed_s
                watch(event)


def _remembered(turns: list[Turn]) -> list[Mapping[str, str]]:
    """Give the earlier turns that go along: the newest, whole ones, up to a size."""
    messages: list[Mapping[str, str]] = []
    left = MEMORY_CHARS
    for turn in reversed(turns):
        if not turn.is_answered:
            continue
        left -= len(turn.question) + len(turn.reply)
        if left < 0:
            break
        messages[:0] = [
            {"role": "user", "content": turn.question},
            {"role": "assistant", "content": str(turn.reply)},
        ]
    return messages


def _interrupted(reply: Reply) -> Interrupted:
    if not reply:
        error = Interrupted("stopped by you", "nothing had arrived yet")
    else:
        error = Interrupted(
            "stopped by you",
            "what had arrived is kept; it may have been billed",
            "Go on with: %nemotron continue",
        )
        error.reply = reply
    return error
